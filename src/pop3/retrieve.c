/*
 * pop3/retrieve.c: RETR and TOP (RFC 1939 5, 7): a message's octets with dots stuffed.
 *
 * Does     reads a stretch of the message straight into the output buffer and looks for lines that begin with a dot
 *          there; only a stretch that has one is copied once more. NUL becomes 0x80 (ecosystem 3.2: Outlook stops at
 *          it). A message whose last line has no CRLF gets one; its size says so.
 * Fails    an error before the first octet is -ERR; after it the connection is cut, so that nobody takes half a message
 *          for a whole one.
 * Tested   tests/unit/pop3.c, tests/e2e/test_pop3.py
 */
#include "base/memory.h"
#include "pop3/private.h"

/* A frame of the store's compression: reading less would unpack it more than once. */
enum { STRETCH_OCTETS = 262144 };

/* ---- one stretch, in the output from position `from` ---- */

static char *stretch_octets(struct buffer *out, size_t from)
{
    return out->memory + out->start + from;
}

static void replace_nuls(char *octets, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (octets[i] == '\0')
            octets[i] = (char)(unsigned char)0x80;
}

/* Position behind the last octet that TOP still wants; `size` if all. source: how many octets of the message it is. */
static size_t cut_lines(struct pop3_sending *sending, const char *octets, size_t size, uint64_t source)
{
    size_t at = 0;
    if (sending->offset < sending->header_octets) {
        uint64_t header = sending->header_octets - sending->offset;
        if (header >= source)
            return size;
        at = (size_t)header;
    }
    while (at < size && sending->lines_left > 0) {
        const char *end = memchr(octets + at, '\n', size - at);
        if (!end)
            return size;
        at = (size_t)(end - octets) + 1;
        sending->lines_left--;
    }
    return at;
}

/* The next dot at the beginning of a line, behind the first octet. Dots are rarer than ends of lines. */
static const char *find_dot_line(const char *octets, size_t size)
{
    const char *end = octets + size;
    for (const char *at = octets; (at = memchr(at, '.', (size_t)(end - at))) != NULL; at++)
        if (at > octets && at[-1] == '\n')
            return at;
    return NULL;
}

static bool has_dot_line(const struct pop3_sending *sending, const char *octets, size_t size)
{
    return (sending->line_start && size > 0 && octets[0] == '.') || find_dot_line(octets, size) != NULL;
}

/* RFC 1939 3: a line that begins with a dot gets another one. */
static void stuff(struct pop3_sending *sending, struct buffer *out, size_t from)
{
    size_t size = buffer_size(out) - from, done = 0;
    char *copy = memory_copy(stretch_octets(out, from), size);
    buffer_truncate(out, from);
    if (sending->line_start && copy[0] == '.')
        buffer_append_char(out, '.');
    while (done < size) {
        const char *next = find_dot_line(copy + done, size - done);
        size_t end = next ? (size_t)(next - copy) : size;
        buffer_append(out, copy + done, end - done);
        if (next)
            buffer_append_char(out, '.');
        done = end;
    }
    free(copy);
}

/* The stretch that stands in `out` from position `from`, for `source` octets: cut, cleaned, stuffed. True if it was the
 * last. */
static bool send_stretch(struct pop3_sending *sending, struct buffer *out, size_t from, uint64_t source)
{
    size_t size = buffer_size(out) - from;
    char *octets = stretch_octets(out, from);
    size_t wanted = sending->top ? cut_lines(sending, octets, size, source) : size;
    sending->offset += source;
    bool last = wanted < size || sending->offset >= sending->octets || source == 0;
    buffer_truncate(out, from + wanted);
    if (sending->has_nul)
        replace_nuls(octets, wanted);
    if (wanted == 0)
        return last;
    char final = octets[wanted - 1];
    if (has_dot_line(sending, octets, wanted))
        stuff(sending, out, from);
    sending->line_start = final == '\n';
    return last;
}

/* ---- steps ---- */

static enum store_error find_email(struct pop3 *pop3, const struct reader *reader)
{
    struct pop3_sending *sending = &pop3->sending;
    *sending = (struct pop3_sending){.line_start = true};
    struct buffer octets = {0};
    enum store_error error = email_read(reader, pop3->messages[pop3->index].email, &octets, &sending->email);
    if (error == STORE_OK) {
        struct digest_part part;
        digest_part_at(&sending->email.digest, 0, &part);
        sending->header_octets = part.header_offset + part.header_size;
        sending->octets = sending->email.digest.size_octets;
        sending->has_nul = (sending->email.digest.flags & DIGEST_HAS_NUL) != 0;
        sending->found = true;
        if (!pop3->utf8 && (sending->email.digest.flags & DIGEST_HEADER_RAW))
            error = pop3_patches_make(&sending->patches, reader, &sending->email);
    }
    buffer_free(&octets);
    /* The views end with the row; only the place of the octets is used from here on. */
    sending->email.digest_octets = VIEW_EMPTY;
    return error;
}

static enum step_result failed(struct pop3 *pop3, struct step_context *context, enum store_error error)
{
    if (error == STORE_WOULD_BLOCK)
        return pop3_wait_pool(context);
    if (!pop3->sending.answered)
        pop3_say(pop3, pop3_error(error));
    else
        session_end(pop3->session, false, "message not readable");
    return STEP_DONE;
}

static void answer(struct pop3 *pop3)
{
    struct pop3_sending *sending = &pop3->sending;
    sending->answered = true;
    if (sending->top)
        pop3_say(pop3, "+OK Top follows\r\n");
    else
        pop3_printf(pop3, "+OK %llu octets\r\n", (unsigned long long)pop3_octets_sent(&pop3->messages[pop3->index]));
}

static void finish(struct pop3 *pop3)
{
    struct pop3_sending *sending = &pop3->sending;
    struct buffer *out = stream_output(pop3->session->stream);
    if (!sending->line_start)
        buffer_append_string(out, "\r\n");
    buffer_append_string(out, ".\r\n");
    if (!sending->top) {
        pop3->retrieved++;
        pop3->messages[pop3->index].retrieved = 1;
    }
}

/* The next stretch of the message, or what goes out in its place; *source_r: how many octets of the message it is. */
static enum store_error read_stretch(struct pop3_sending *sending, const struct reader *reader, struct buffer *out,
                                     uint64_t *source_r)
{
    const struct pop3_patches *patches = &sending->patches;
    const struct pop3_patch *patch = sending->next_patch < patches->count ? &patches->rows[sending->next_patch] : NULL;
    uint64_t size = sending->octets - sending->offset;
    if (size > STRETCH_OCTETS)
        size = STRETCH_OCTETS;
    if (patch && patch->offset == sending->offset) {
        *source_r = patch->size;
        sending->next_patch++;
        buffer_append_view(out, view_slice(buffer_view(&patches->text), patch->from, patch->text_size));
        return STORE_OK;
    }
    if (patch && patch->offset - sending->offset < size)
        size = patch->offset - sending->offset;
    *source_r = size;
    return size ? email_octets(reader, &sending->email, sending->offset, size, out) : STORE_OK;
}

static enum step_result send_step(struct pop3 *pop3, struct step_context *context)
{
    struct reader reader = session_reader(pop3->session, context);
    struct pop3_sending *sending = &pop3->sending;
    struct buffer *out = stream_output(pop3->session->stream);
    enum step_result result;
    for (;;) {
        uint64_t source = 0;
        size_t before = buffer_size(out);
        if (!sending->answered)
            answer(pop3);
        size_t from = buffer_size(out);
        enum store_error error = read_stretch(sending, &reader, out, &source);
        if (error != STORE_OK) {
            bool first = sending->offset == 0;
            buffer_truncate(out, first ? before : from);
            sending->answered = !first;
            return failed(pop3, context, error);
        }
        if (send_stretch(sending, out, from, source)) {
            finish(pop3);
            return STEP_DONE;
        }
        if (pop3_slice_over(pop3, context, &result))
            return result;
    }
}

static enum step_result begin_step(struct pop3 *pop3, struct step_context *context, bool top)
{
    if (!pop3->begun) {
        struct reader reader = session_reader(pop3->session, context);
        enum store_error error = find_email(pop3, &reader);
        if (error != STORE_OK)
            return failed(pop3, context, error);
        pop3->sending.top = top;
        pop3->sending.lines_left = top ? pop3->second : 0;
        pop3->begun = true;
    }
    return send_step(pop3, context);
}

enum step_result pop3_retr_step(struct pop3 *pop3, struct step_context *context)
{
    return begin_step(pop3, context, false);
}

enum step_result pop3_top_step(struct pop3 *pop3, struct step_context *context)
{
    return begin_step(pop3, context, true);
}
