/*
 * front/line.c: see front/line.h.
 */
#include "front/line.h"

bool line_take(struct view input, struct view *line_r, size_t *octets_r)
{
    size_t end = view_find(input, '\n', 0);
    if (end == SIZE_MAX)
        return false;
    *octets_r = end + 1;
    if (end > 0 && input.data[end - 1] == '\r')
        end--;
    *line_r = view_slice(input, 0, end);
    return true;
}

struct view word_take(struct view *rest)
{
    size_t end = view_find(*rest, ' ', 0);
    struct view word = view_slice(*rest, 0, end);
    *rest = end == SIZE_MAX ? VIEW_EMPTY : view_skip(*rest, end + 1);
    return word;
}

bool text_is_clean(struct view text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '\0' || text.data[i] == '\r' || text.data[i] == '\n')
            return false;
    return true;
}

/* How many octets the sequence that starts with `first` has, 0 if none does (RFC 3629 4). */
static size_t utf8_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

bool utf8_is_valid(struct view text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    for (size_t i = 0; i < text.size;) {
        size_t length = utf8_length(p[i]);
        if (length == 0 || length > text.size - i)
            return false;
        for (size_t k = 1; k < length; k++)
            if ((p[i + k] & 0xC0) != 0x80)
                return false;
        bool overlong = (p[i] == 0xE0 && p[i + 1] < 0xA0) || (p[i] == 0xF0 && p[i + 1] < 0x90);
        bool surrogate = p[i] == 0xED && p[i + 1] >= 0xA0;
        bool beyond = p[i] == 0xF4 && p[i + 1] >= 0x90;
        if (overlong || surrogate || beyond)
            return false;
        i += length;
    }
    return true;
}

/* ---- data with dots ---- */

enum dot_state { DOT_LINE_START = 0, DOT_SEEN, DOT_CR_SEEN, DOT_TEXT, DOT_TEXT_CR };

/* In the middle of a line: copies up to and with the next CR or LF. Returns the position behind it. */
static size_t dot_copy_text(struct dot_reader *reader, struct view in, size_t at, struct buffer *out)
{
    size_t lf = view_find(in, '\n', at);
    size_t limit = lf == SIZE_MAX ? in.size : lf;
    size_t cr = view_find(view_slice(in, 0, limit), '\r', at);
    size_t end = limit;
    if (cr != SIZE_MAX) {
        reader->state = DOT_TEXT_CR;
        end = cr + 1;
    } else if (lf != SIZE_MAX) {
        reader->bare = true;
        end = lf + 1;
    }
    buffer_append(out, in.data + at, end - at);
    return end;
}

size_t dot_read(struct dot_reader *reader, struct view in, struct buffer *out, bool *ended_r)
{
    size_t at = 0;
    *ended_r = false;
    while (at < in.size) {
        char c = in.data[at];
        switch ((enum dot_state)reader->state) {
        case DOT_LINE_START:
            reader->state = c == '.' ? DOT_SEEN : DOT_TEXT;
            at += c == '.';
            break;
        case DOT_SEEN:
            reader->state = c == '\r' ? DOT_CR_SEEN : DOT_TEXT;
            at += c == '\r';
            break;
        case DOT_CR_SEEN:
            if (c == '\n') {
                *ended_r = true;
                reader->state = DOT_LINE_START;
                return at + 1;
            }
            buffer_append_char(out, '\r');
            reader->bare = true;
            reader->state = DOT_TEXT;
            break;
        case DOT_TEXT:
            at = dot_copy_text(reader, in, at, out);
            break;
        case DOT_TEXT_CR:
            reader->state = DOT_TEXT;
            if (c == '\n') {
                buffer_append_char(out, '\n');
                reader->state = DOT_LINE_START;
                at++;
            } else {
                reader->bare = true;
            }
            break;
        }
    }
    return at;
}

/* ---- paths ---- */

struct path_scan {
    struct view in;
    size_t at;
    char *out;
    size_t size;
    enum path_result result;
};

static bool path_put(struct path_scan *scan, char c)
{
    if (scan->size + 1 >= PATH_OCTETS) {
        scan->result = PATH_TOO_LONG;
        return false;
    }
    scan->out[scan->size++] = c;
    return true;
}

/* atext of RFC 5322 3.2.3, the dot, and UTF-8 (RFC 6531 3.3). */
static bool is_local_octet(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 0x80 || (u > 0x20 && u < 0x7F && !strchr("()<>[]:;@\\,\"", c));
}

/* "@one,@two:" before the address: read and forgotten (RFC 5321 appendix C). */
static bool path_skip_route(struct path_scan *scan)
{
    if (scan->at >= scan->in.size || scan->in.data[scan->at] != '@')
        return true;
    size_t colon = view_find(scan->in, ':', scan->at);
    size_t end = view_find(scan->in, '>', scan->at);
    if (colon == SIZE_MAX || colon > end)
        return false;
    scan->at = colon + 1;
    return true;
}

static bool path_quoted(struct path_scan *scan)
{
    for (scan->at++; scan->at < scan->in.size; scan->at++) {
        char c = scan->in.data[scan->at];
        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c == '\\' && ++scan->at < scan->in.size)
            c = scan->in.data[scan->at];
        if ((unsigned char)c < 0x20 || c == 0x7F || !path_put(scan, c))
            return false;
    }
    return false;
}

static bool path_local(struct path_scan *scan)
{
    if (scan->at < scan->in.size && scan->in.data[scan->at] == '"')
        return path_quoted(scan) && scan->size > 0;
    size_t from = scan->at;
    for (; scan->at < scan->in.size && is_local_octet(scan->in.data[scan->at]); scan->at++)
        if (!path_put(scan, scan->in.data[scan->at]))
            return false;
    return scan->at > from;
}

static bool path_domain(struct path_scan *scan)
{
    size_t from = scan->at;
    for (; scan->at < scan->in.size; scan->at++) {
        char c = scan->in.data[scan->at];
        bool letter = (unsigned char)c >= 0x80 || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (!letter && !strchr("-._[]:", c))
            break;
        if (c == '\0' || !path_put(scan, c))
            return false;
    }
    return scan->at > from;
}

static bool path_address(struct path_scan *scan)
{
    if (!path_skip_route(scan) || !path_local(scan))
        return false;
    if (scan->at < scan->in.size && scan->in.data[scan->at] == '@') {
        scan->at++;
        return path_put(scan, '@') && path_domain(scan);
    }
    return true;
}

enum path_result path_take(struct view *rest, char out[PATH_OCTETS])
{
    struct path_scan scan = {.in = *rest, .out = out, .result = PATH_SYNTAX};
    out[0] = '\0';
    while (scan.at < scan.in.size && scan.in.data[scan.at] == ' ')
        scan.at++;
    if (scan.at >= scan.in.size || scan.in.data[scan.at++] != '<')
        return PATH_SYNTAX;
    bool empty = scan.at < scan.in.size && scan.in.data[scan.at] == '>';
    if (!empty && !path_address(&scan))
        return scan.result;
    if (scan.at >= scan.in.size || scan.in.data[scan.at] != '>')
        return PATH_SYNTAX;
    out[scan.size] = '\0';
    *rest = view_skip(scan.in, scan.at + 1);
    for (size_t i = 0; i < scan.size; i++)
        if ((unsigned char)out[i] >= 0x80)
            return utf8_is_valid(view_of(out, scan.size)) ? PATH_8BIT : PATH_SYNTAX;
    return PATH_OK;
}
