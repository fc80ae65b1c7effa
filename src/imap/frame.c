/*
 * imap/frame.c: a command collected whole from the input (RFC 3501 2.2.1, 4.3; RFC 7888).
 *
 * Does     lines, then the octets of the literals that lines end with, in place, until a line ends without one. The
 *          message literals of APPEND and REPLACE stay in the input: the command begins before they have come.
 * Called   by engine.c, on the session's loop.
 * Fails    FRAME_BAD: too long, too many literals. What belongs to the bad command is passed over, unless the client
 *          waits for "+": then it never sends it.
 * Limits   LIMIT_IMAP_COMMAND, LIMIT_IMAP_LITERAL, LIMIT_IMAP_LITERALS.
 * Tested   tests/unit/imap_frame.c, fuzz/imap_command.c
 */
#include "imap/private.h"

/* "{18446744073709551615+}" and CR: what the end of a line may say of what follows it. And what holds any tag. */
enum { LITERAL_OCTETS = 32, TAG_OCTETS = 64 };

bool literal_at_end(struct view line, struct literal *literal_r)
{
    if (line.size < 3 || line.data[line.size - 1] != '}')
        return false;
    size_t end = line.size - 1;
    literal_r->waits = line.data[end - 1] != '+';
    if (!literal_r->waits)
        end--;
    size_t digits = end;
    while (digits > 0 && line.data[digits - 1] >= '0' && line.data[digits - 1] <= '9')
        digits--;
    if (digits == end || digits == 0 || line.data[digits - 1] != '{')
        return false;
    literal_r->start = digits - 1;
    if (!view_parse_u64(view_slice(line, digits, end - digits), UINT64_MAX, &literal_r->octets))
        literal_r->octets = UINT64_MAX;
    return true;
}

static struct view behind_space(struct view text)
{
    size_t space = view_find(text, ' ', 0);
    return space == SIZE_MAX ? VIEW_EMPTY : view_skip(text, space + 1);
}

/* "tag APPEND " or "tag UID REPLACE 4 " and nothing more: the literal is the mailbox's name, not the message. */
static bool is_message_literal(struct view before)
{
    struct view rest = behind_space(before);
    if (!imap_is_tag(view_slice(before, 0, view_find(before, ' ', 0)))) /* it can't begin: taken whole, and BAD */
        return false;
    if (view_starts_with_nocase(rest, VIEW_LITERAL("APPEND ")))
        return rest.size > 8; /* more than "~" of a literal8 */
    if (view_starts_with_nocase(rest, VIEW_LITERAL("UID ")))
        rest = view_skip(rest, 4);
    if (!view_starts_with_nocase(rest, VIEW_LITERAL("REPLACE ")))
        return false;
    rest = behind_space(view_skip(rest, 8));
    return rest.size > 1;
}

static void refuse(struct imap *imap, const char *problem)
{
    struct frame *f = &imap->framing;
    if (!f->problem)
        f->problem = problem;
    buffer_truncate(&imap->frame, TAG_OCTETS);
}

/* The literal that a line just announced. FRAME_MORE: its octets come next. */
static enum frame_result begin_literal(struct imap *imap, const struct literal *literal, size_t line_start)
{
    struct frame *f = &imap->framing;
    struct view before = view_slice(buffer_view(&imap->frame), 0, line_start + literal->start);
    if (!f->problem && is_message_literal(before))
        return FRAME_WHOLE;
    if (!f->problem && ++f->literals > LIMIT_IMAP_LITERALS)
        refuse(imap, "[TOOBIG] Too many literals");
    if (!f->problem && (literal->octets > LIMIT_IMAP_LITERAL ||
                        buffer_size(&imap->frame) + literal->octets > LIMIT_IMAP_COMMAND + LIMIT_IMAP_LITERAL))
        refuse(imap, "[TOOBIG] The literal is too long");
    if (!f->problem && !imap_literal_allowed(literal->octets, literal->waits))
        refuse(imap, "[TOOBIG] A literal of that size is to be asked for");
    if (f->problem && literal->waits)
        return FRAME_BAD;
    f->phase = f->problem ? FRAME_SKIP : FRAME_LITERAL;
    f->left = literal->octets;
    if (literal->waits)
        stream_write_string(imap->session->stream, "+ OK\r\n");
    return FRAME_MORE;
}

/* A line is in the frame, from line_start, with its line end. */
static enum frame_result end_line(struct imap *imap, size_t line_start, struct view line)
{
    struct literal literal;
    size_t size = line.size - 1;
    if (size > 0 && line.data[size - 1] == '\r')
        size--;
    if (literal_at_end(view_slice(line, 0, size), &literal))
        return begin_literal(imap, &literal, line_start);
    return imap->framing.problem ? FRAME_BAD : FRAME_WHOLE;
}

static enum frame_result take_line(struct imap *imap, struct view input)
{
    struct frame *f = &imap->framing;
    size_t end = view_find(input, '\n', 0), start = buffer_size(&imap->frame);
    if (end == SIZE_MAX) {
        if (input.size < LIMIT_STREAM_INPUT) /* else no more would come */
            return FRAME_MORE;
        if (!f->problem && !start)
            buffer_append_view(&imap->frame, view_slice(input, 0, TAG_OCTETS));
        refuse(imap, "[TOOBIG] The command is too long");
        session_consume(imap->session, input.size - LITERAL_OCTETS);
        return FRAME_MORE;
    }
    struct view line = view_slice(input, 0, end + 1);
    if (!f->problem && start + line.size > LIMIT_IMAP_COMMAND + LIMIT_IMAP_LITERAL) {
        refuse(imap, "[TOOBIG] The command is too long");
        start = buffer_size(&imap->frame);
    }
    if (!f->problem)
        buffer_append_view(&imap->frame, line);
    enum frame_result result = end_line(imap, start, line);
    session_consume(imap->session, end + 1);
    return result;
}

static void take_literal(struct imap *imap, struct view input)
{
    struct frame *f = &imap->framing;
    size_t count = input.size < f->left ? input.size : (size_t)f->left;
    if (f->phase == FRAME_LITERAL)
        buffer_append_view(&imap->frame, view_slice(input, 0, count));
    session_consume(imap->session, count);
    f->left -= count;
    if (!f->left)
        f->phase = FRAME_LINE;
}

enum frame_result frame_next(struct imap *imap)
{
    struct frame *f = &imap->framing;
    for (;;) {
        struct view input = session_input(imap->session);
        if (f->phase != FRAME_LINE && !f->left)
            f->phase = FRAME_LINE;
        if (!input.size)
            return FRAME_MORE;
        size_t before = input.size;
        if (f->phase != FRAME_LINE) {
            take_literal(imap, input);
            continue;
        }
        enum frame_result result = take_line(imap, input);
        if (result != FRAME_MORE)
            return result;
        if (session_input(imap->session).size == before)
            return FRAME_MORE;
    }
}
