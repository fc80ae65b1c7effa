/*
 * digest/transfer.h: base64 and quoted-printable undone and done, and header lines split: what mail itself may do to a
 * message.
 *
 * Called   by mail's engines, message/ and front/ (SASL base64), on any thread.
 * Fails    never on message content: junk is skipped as RFC 2045 6.8 and 6.7 say. Strict forms for protocols return
 *          false.
 * Tested   tests/unit/digest_transfer.c, fuzz/transfer.c
 */
#ifndef DIGEST_TRANSFER_H
#define DIGEST_TRANSFER_H

#include "base/buffer.h"

/* Strict (RFC 4648 4): no junk, right padding. "=" alone decodes to nothing (RFC 4959 3). */
bool base64_decode_strict(struct view text, struct buffer *out);
void base64_encode(struct view octets, struct buffer *out);

/* Streaming, lenient decoders: any split of the input gives the same output. Zeroed state to begin. */
struct transfer_state {
    uint32_t bits;
    uint8_t count, ended, held_size;
    char held[84];
};
void base64_decode_more(struct transfer_state *state, struct view text, struct buffer *out);
/* How many octets base64_decode_more would give for this text, without giving them. Uses `state` alike. */
uint64_t base64_decoded_size(struct transfer_state *state, struct view text);
/* Line ends come out as they went in; `last` with the last piece (which may be empty). */
void quoted_printable_decode_more(struct transfer_state *state, struct view text, bool last, struct buffer *out);

/*
 * One header field from `header` at *position: the whole field with continuations and line end. False at the end or
 * blank line. A line that is no field (no colon, blanks in its name) is given with an empty name. value: what follows
 * the colon, still folded, without the last line end.
 */
bool header_next(struct view header, size_t *position, struct view *field_r, struct view *name_r, struct view *value_r);
/* The size of the field's name, 0 if the line is no field. */
size_t header_name_size(struct view field);

#endif
