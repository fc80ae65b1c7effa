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

void decode_text(const struct mime *mime, const struct mime_part *part, size_t max_encoded, struct buffer *out)
{
    const struct parameter *charset = part->defaulted ? NULL : content_parameter(&part->content, "charset");
    struct buffer octets = {0};
    decode_transfer(mime, part, max_encoded, &octets);
    charset_to_utf8(charset ? charset->value : VIEW_LITERAL("us-ascii"), buffer_view(&octets), out);
    buffer_free(&octets);
}
