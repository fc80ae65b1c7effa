/* digest/opaque.c: the digest of a message that nobody could parse. See digest/digest.h. */
#include "base/limits.h"
#include "digest/digest.h"
#include "digest/text.h"

/* The first blank line's end: the header with its blank line; the whole message if there is none. */
static size_t border(struct view message)
{
    size_t at = 0;
    while (at < message.size) {
        if (message.data[at] == '\n')
            return at + 1;
        if (message.data[at] == '\r' && at + 1 < message.size && message.data[at + 1] == '\n')
            return at + 2;
        size_t end = view_find(message, '\n', at);
        if (end == SIZE_MAX)
            return message.size;
        at = end + 1;
    }
    return message.size;
}

static uint32_t count_lines(struct view text)
{
    uint32_t lines = 0;
    for (size_t at = view_find(text, '\n', 0); at != SIZE_MAX; at = view_find(text, '\n', at + 1))
        lines++;
    return lines;
}

static void write_subject(const char *id, struct buffer *out)
{
    buffer_append_string(out, "[message could not be read: ");
    for (size_t i = 0; i < 64 && id[i]; i++) {
        bool plain = id[i] > 32 && id[i] < 127 && id[i] != '"' && id[i] != '\\';
        buffer_append_char(out, plain ? id[i] : '?');
    }
    buffer_append_char(out, ']');
}

void digest_write_opaque(struct view message, const char *id, struct buffer *out)
{
    static const char extension[] = " NIL NIL NIL NIL";
    size_t header_size = border(message);
    struct view body = view_skip(message, header_size);
    uint32_t lines = count_lines(body);
    struct buffer subject = {0}, folded = {0}, envelope = {0}, structure = {0}, cuts = {0};
    write_subject(id, &subject);
    text_fold(buffer_view(&subject), &folded);
    buffer_printf(&envelope, "(NIL \"%.*s\" NIL NIL NIL NIL NIL NIL NIL NIL)", VIEW_PRINTF(buffer_view(&subject)));
    buffer_printf(&structure, "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"8BIT\" %zu %u%s)", body.size,
                  lines, extension);
    digest_cuts_add(&cuts, buffer_size(&structure) - sizeof extension, sizeof extension - 1);
    struct digest_part part = {.parent = PART_NONE,
                               .kind = PART_LEAF,
                               .encoding = ENCODING_8BIT,
                               .is_text = 1,
                               .header_size = header_size,
                               .body_offset = header_size,
                               .body_size = body.size,
                               .lines = lines,
                               .decoded_size = body.size};
    bool nul = message.size && memchr(message.data, 0, message.size);
    bool open = message.size && (message.size < 2 || memcmp(message.data + message.size - 2, "\r\n", 2) != 0);
    struct digest d = {.flags = (uint16_t)(DIGEST_OPAQUE | (nul ? DIGEST_HAS_NUL : 0) | (open ? DIGEST_ENDS_OPEN : 0)),
                       .size_octets = message.size,
                       .lines = lines,
                       .envelope = buffer_view(&envelope),
                       .bodystructure = buffer_view(&structure),
                       .body_cuts = buffer_view(&cuts),
                       .search_subject = buffer_view(&folded),
                       .sort_subject = buffer_view(&folded),
                       .subject = buffer_view(&subject),
                       .part_count = 1};
    digest_write(&d, &part, NULL, out);
    buffer_free(&subject);
    buffer_free(&folded);
    buffer_free(&envelope);
    buffer_free(&structure);
    buffer_free(&cuts);
}
