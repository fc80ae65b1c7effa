/* message/decode.c: see message/decode.h. */
#include "message/decode.h"
#include "digest/transfer.h"
#include "message/charset.h"

enum { PIECE = 65536 };

static void decode_piece(const struct mime_part *part, struct transfer_state *state, struct view piece, bool last,
                         struct buffer *out)
{
    if (part->place.encoding == ENCODING_BASE64)
        base64_decode_more(state, piece, out);
    else if (part->place.encoding == ENCODING_QUOTED_PRINTABLE)
        quoted_printable_decode_more(state, piece, last, out);
    else
        buffer_append_view(out, piece);
}

void decode_transfer(const struct mime *mime, const struct mime_part *part, size_t max_encoded, struct buffer *out)
{
    struct transfer_state state = {0};
    decode_piece(part, &state, view_slice(mime_body(mime, part), 0, max_encoded), true, out);
}

uint64_t decode_size(const struct mime *mime, const struct mime_part *part, struct buffer *scratch)
{
    struct transfer_state state = {0};
    struct view body = mime_body(mime, part);
    uint64_t size = 0;
    if (part->place.encoding == ENCODING_BASE64)
        return base64_decoded_size(&state, body);
    if (part->place.encoding != ENCODING_QUOTED_PRINTABLE)
        return body.size;
    do {
        struct view piece = view_slice(body, 0, PIECE);
        body = view_skip(body, piece.size);
        buffer_clear(scratch);
        quoted_printable_decode_more(&state, piece, !body.size, scratch);
        size += buffer_size(scratch);
    } while (body.size);
    return size;
}

/* What the lines of quoted-printable hold, but for their ends: those that are meant are written =0D=00=0A=00. */
static void decode_without_lines(const struct mime *mime, const struct mime_part *part, size_t max_encoded,
                                 struct buffer *out)
{
    struct view body = view_slice(mime_body(mime, part), 0, max_encoded);
    while (body.size) {
        struct transfer_state state = {0};
        size_t end = view_find(body, '\n', 0);
        struct view line = view_slice(body, 0, end);
        body = end < body.size ? view_skip(body, end + 1) : VIEW_EMPTY;
        if (line.size && line.data[line.size - 1] == '\r')
            line.size--;
        quoted_printable_decode_more(&state, line, true, out);
    }
}

/* A wide charset's name over lines as they stand is a lie that old programs told: the octets say themselves. */
static struct view believed_charset(const struct mime_part *part, bool *wide_r)
{
    const struct parameter *charset = part->defaulted ? NULL : content_parameter(&part->content, "charset");
    *wide_r = charset && charset_wide(charset->value);
    bool encoded = part->place.encoding == ENCODING_BASE64 || part->place.encoding == ENCODING_QUOTED_PRINTABLE;
    return charset && (encoded || !*wide_r) ? charset->value : VIEW_LITERAL("us-ascii");
}

void decode_text(const struct mime *mime, const struct mime_part *part, size_t max_encoded, struct buffer *out)
{
    bool wide;
    struct view charset = believed_charset(part, &wide);
    struct buffer octets = {0};
    if (wide && part->place.encoding == ENCODING_QUOTED_PRINTABLE)
        decode_without_lines(mime, part, max_encoded, &octets);
    else
        decode_transfer(mime, part, max_encoded, &octets);
    charset_to_utf8(charset, buffer_view(&octets), out);
    buffer_free(&octets);
}
