/* message/preview.c: see message/preview.h. */
#include "message/preview.h"
#include "base/limits.h"
#include "digest/text.h"
#include "message/html.h"

enum { PREVIEW_OCTETS = 255 };

static bool is_blank(uint32_t c)
{
    /* no-break space, zero-width space and joiners, byte order mark, soft hyphen: what marketing mail pads with */
    return c <= 32 || c == 127 || c == 0xA0 || c == 0xAD || (c >= 0x80 && c < 0xA0) || (c >= 0x2000 && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202F) || c == 0x2060 || c == 0x034F || c == 0x3000 || c == 0xFEFF;
}

static void collect(struct view utf8, bool with_quotes, struct buffer *out)
{
    size_t at = 0, characters = 0, start = buffer_size(out);
    bool line_start = true, blank = false;
    while (at < utf8.size && characters < LIMIT_PREVIEW_CHARACTERS) {
        if (line_start && !with_quotes && utf8.data[at] == '>') {
            size_t end = view_find(utf8, '\n', at);
            at = end == SIZE_MAX ? utf8.size : end + 1;
            continue;
        }
        size_t from = at;
        uint32_t c = text_next(utf8, &at);
        line_start = c == '\n';
        if (is_blank(c)) {
            blank = true;
            continue;
        }
        bool space = blank && buffer_size(out) > start;
        if (buffer_size(out) - start + (at - from) + space > PREVIEW_OCTETS ||
            characters + space + 1 > LIMIT_PREVIEW_CHARACTERS)
            return;
        if (space)
            buffer_append_char(out, ' ');
        if (c == TEXT_INVALID)
            buffer_append_char(out, '?');
        else
            buffer_append(out, utf8.data + from, at - from);
        characters += 1u + space;
        blank = false;
    }
}

void preview_from_text(struct view utf8, struct buffer *out)
{
    size_t start = buffer_size(out);
    collect(utf8, false, out);
    if (buffer_size(out) == start)
        collect(utf8, true, out);
}

void preview_from_html(struct view utf8, struct buffer *out)
{
    struct buffer text = {0};
    buffer_init(&text, 4 * (size_t)LIMIT_PREVIEW_HTML);
    html_to_text(utf8, (size_t)4 * LIMIT_PREVIEW_CHARACTERS, &text);
    collect(buffer_view(&text), true, out);
    buffer_free(&text);
}
