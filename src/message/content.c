/* message/content.c: see message/content.h. */
#include "message/content.h"
#include "base/limits.h"
#include "message/charset.h"

struct scan {
    struct view text;
    size_t at;
};

static void skip_comment(struct scan *s)
{
    size_t depth = 0;
    for (; s->at < s->text.size; s->at++) {
        char c = s->text.data[s->at];
        if (c == '\\' && s->at + 1 < s->text.size)
            s->at++;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0) {
            s->at++;
            return;
        }
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct scan *s)
{
    while (s->at < s->text.size) {
        char c = s->text.data[s->at];
        if (c == '(')
            skip_comment(s);
        else if (is_blank(c))
            s->at++;
        else
            return;
    }
}

static char peek(const struct scan *s)
{
    return s->at < s->text.size ? s->text.data[s->at] : 0;
}

/* Up to one of `stops`, a blank or a comment. */
static struct view read_token(struct scan *s, const char *stops)
{
    size_t start = s->at;
    while (s->at < s->text.size) {
        char c = s->text.data[s->at];
        if (is_blank(c) || c == '(' || (c && strchr(stops, c)))
            break;
        s->at++;
    }
    return view_slice(s->text, start, s->at - start);
}

/* A quoted string without its quotes; folds inside it go (RFC 5322 2.2.3). Empty if the arena is full. */
static struct view read_quoted(struct scan *s, struct arena *arena)
{
    size_t start = ++s->at, size = 0;
    while (s->at < s->text.size && s->text.data[s->at] != '"')
        s->at += s->text.data[s->at] == '\\' && s->at + 1 < s->text.size ? 2 : 1;
    size_t end = s->at < s->text.size ? s->at : s->text.size;
    s->at = end < s->text.size ? end + 1 : end;
    char *copy = end > start ? arena_try(arena, end - start) : NULL;
    for (size_t i = start; copy && i < end; i++) {
        char c = s->text.data[i];
        if (c == '\r' || c == '\n')
            continue;
        if (c == '\\') {
            if (i + 1 == end)
                break;
            c = s->text.data[++i];
        }
        copy[size++] = c;
    }
    return copy ? view_of(copy, size) : VIEW_EMPTY;
}

/* One parameter as it is written. */
struct piece {
    struct view name, value;
    uint32_t index;
    bool continued, extended, used;
};

/* "name", "name*", "name*0", "name*0*" (RFC 2231 3, 4). */
static void read_name(struct piece *piece)
{
    struct view name = piece->name;
    size_t star = view_find(name, '*', 0);
    uint64_t index;
    if (star == SIZE_MAX || star == 0)
        return;
    struct view rest = view_skip(name, star + 1);
    bool last_star = rest.size && rest.data[rest.size - 1] == '*';
    if (!rest.size) {
        piece->extended = true;
    } else {
        struct view digits = view_slice(rest, 0, rest.size - last_star);
        if (!view_parse_u64(digits, 9999, &index) || (digits.size > 1 && digits.data[0] == '0'))
            return;
        piece->continued = true;
        piece->extended = last_star;
        piece->index = (uint32_t)index;
    }
    piece->name = view_slice(name, 0, star);
}

static struct view read_value(struct scan *s, struct arena *arena)
{
    skip_blanks(s);
    if (peek(s) == '"')
        return read_quoted(s, arena);
    return read_token(s, ";");
}

static size_t read_pieces(struct scan *s, struct arena *arena, struct piece pieces[LIMIT_MIME_PARAMETERS])
{
    size_t count = 0;
    while (s->at < s->text.size && count < LIMIT_MIME_PARAMETERS) {
        skip_blanks(s);
        if (peek(s) == ';' || peek(s) == ',') {
            s->at++;
            continue;
        }
        size_t before = s->at;
        struct piece piece = {.name = read_token(s, "=;")};
        skip_blanks(s);
        if (peek(s) == '=') {
            s->at++;
            piece.value = read_value(s, arena);
            read_name(&piece);
            if (piece.name.size)
                pieces[count++] = piece;
        }
        if (s->at == before)
            s->at++;
    }
    return count;
}

static void undo_percent(struct view text, struct buffer *out)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        int octet = c == '%' ? view_hex_octet(text, i + 1) : -1;
        if (octet >= 0) {
            c = (char)octet;
            i += 2;
        }
        buffer_append_char(out, c);
    }
}

/* charset'language'value (RFC 2231 4); without the quotes, it is all value. */
static struct view take_charset(struct parameter *p, struct view value)
{
    size_t first = view_find(value, '\'', 0);
    size_t second = first == SIZE_MAX ? SIZE_MAX : view_find(value, '\'', first + 1);
    if (second == SIZE_MAX)
        return value;
    p->charset = view_slice(value, 0, first);
    p->language = view_slice(value, first + 1, second - first - 1);
    return view_skip(value, second + 1);
}

static void add_value(struct parameter *p, const struct piece *piece, bool first, struct buffer *value)
{
    struct view text = piece->value;
    if (piece->extended && first)
        text = take_charset(p, text);
    if (piece->extended)
        undo_percent(text, value);
    else
        buffer_append_view(value, text);
    p->extended = p->extended || piece->extended;
}

static struct piece *find_piece(struct piece *pieces, size_t count, struct view name, uint32_t index)
{
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].continued && !pieces[i].used && pieces[i].index == index &&
            view_equal_nocase(pieces[i].name, name))
            return &pieces[i];
    }
    return NULL;
}

/* False: nothing of that name, or a repeat. */
static bool put_together(struct piece *pieces, size_t count, size_t at, struct parameter *p, struct buffer *value)
{
    struct piece *piece = &pieces[at];
    buffer_clear(value);
    *p = (struct parameter){.name = piece->name};
    if (piece->used)
        return false;
    if (!piece->continued) {
        for (size_t i = 0; i < at; i++) {
            if (!pieces[i].continued && pieces[i].extended == piece->extended &&
                view_equal_nocase(pieces[i].name, piece->name))
                return false; /* the first one counts */
        }
        add_value(p, piece, true, value);
        return true;
    }
    bool any = false;
    for (uint32_t index = 0;; index++) {
        piece = find_piece(pieces, count, p->name, index);
        if (!piece)
            break;
        piece->used = true;
        add_value(p, piece, index == 0, value);
        any = true;
    }
    /* what is behind a gap or stands twice is dropped, once */
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].continued && view_equal_nocase(pieces[i].name, p->name))
            pieces[i].used = true;
    }
    return any;
}

static bool read_type(struct scan *s, struct content *content)
{
    skip_blanks(s);
    content->type = read_token(s, "/;");
    skip_blanks(s);
    if (peek(s) == '/') {
        s->at++;
        skip_blanks(s);
        content->subtype = read_token(s, ";/");
    }
    return content->type.size > 0;
}

bool content_read(struct arena *arena, struct view value, struct content *content_r)
{
    struct scan s = {.text = value};
    struct piece pieces[LIMIT_MIME_PARAMETERS];
    *content_r = (struct content){0};
    bool ok = read_type(&s, content_r);
    for (skip_blanks(&s); s.at < s.text.size && peek(&s) != ';'; skip_blanks(&s))
        s.at++;
    size_t count = read_pieces(&s, arena, pieces);
    if (!count)
        return ok;
    content_r->parameters = arena_try(arena, count * sizeof *content_r->parameters);
    struct buffer joined = {0};
    for (size_t i = 0; content_r->parameters && i < count; i++) {
        struct parameter *p = &content_r->parameters[content_r->count];
        if (!put_together(pieces, count, i, p, &joined))
            continue;
        p->value = VIEW_EMPTY;
        char *copy = buffer_size(&joined) ? arena_try(arena, buffer_size(&joined)) : NULL;
        if (copy) {
            memcpy(copy, buffer_view(&joined).data, buffer_size(&joined));
            p->value = view_of(copy, buffer_size(&joined));
        }
        content_r->count++;
    }
    buffer_free(&joined);
    return ok;
}

const struct parameter *content_parameter(const struct content *content, const char *name)
{
    const struct parameter *found = NULL;
    for (size_t i = 0; i < content->count; i++) {
        const struct parameter *p = &content->parameters[i];
        if (view_equal_string_nocase(p->name, name) && (!found || p->extended))
            found = p; /* RFC 6266 4.3: the extended form is preferred */
    }
    return found;
}

void parameter_utf8(const struct parameter *parameter, struct buffer *out)
{
    size_t from = buffer_size(out);
    struct view charset =
        parameter->extended && parameter->charset.size ? parameter->charset : VIEW_LITERAL("us-ascii");
    charset_to_utf8(charset, parameter->value, out);
    for (char *c = out->memory ? out->memory + out->start + from : NULL; c && c < out->memory + out->end; c++) {
        if ((unsigned char)*c < 32 || *c == 127)
            *c = ' ';
    }
}
