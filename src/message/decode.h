/*
 * message/decode.h: a leaf's octets without transfer encoding and charset.
 *
 * Called   by summary.c and matcher.c.
 */
#ifndef MESSAGE_DECODE_H
#define MESSAGE_DECODE_H

#include "message/structure.h"

/* The octets that the transfer encoding holds, appended to out; at most about max_encoded of the body are looked at. */
void decode_transfer(const struct mime *mime, const struct mime_part *part, size_t max_encoded, struct buffer *out);
/* How many octets that would be for the whole body (RFC 9051 6.4.5.1, BINARY.SIZE). */
uint64_t decode_size(const struct mime *mime, const struct mime_part *part, struct buffer *scratch);
/* A text leaf as UTF-8. */
void decode_text(const struct mime *mime, const struct mime_part *part, size_t max_encoded, struct buffer *out);

#endif
