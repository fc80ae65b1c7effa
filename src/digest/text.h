/*
 * digest/text.h: UTF-8 walked and checked, and the one folding that SEARCH and SORT compare by.
 *
 * Does     decodes UTF-8 strictly (RFC 3629: no overlong form, no surrogate), cuts it at whole characters, and folds it
 *          with i;unicode-casemap (RFC 5051: simple titlecase, then full decomposition, character by character).
 * Called   by message/ on what strangers wrote and by mail on what a client searches for, so that both fold alike. Any
 *          thread.
 * Fails    never: an invalid octet becomes U+FFFD where text is written.
 * Tested   tests/unit/digest_text.c
 */
#ifndef DIGEST_TEXT_H
#define DIGEST_TEXT_H

#include "base/buffer.h"

#define TEXT_INVALID UINT32_MAX

/*
 * The code point at *position, which moves behind it. TEXT_INVALID for an octet that begins none; then *position moves
 * by one octet. *position must be < text.size.
 */
uint32_t text_next(struct view text, size_t *position);
void text_append(struct buffer *out, uint32_t code_point);
bool text_valid(struct view text);
bool text_is_ascii(struct view text);
/* The longest beginning of at most max_octets that ends at a whole character. */
struct view text_cut(struct view text, size_t max_octets);
/* The one form in which names of users and groups are compared, NFKC_Casefold, zero-terminated. False: not UTF-8, or
 * longer than out. */
bool text_fold_name(struct view name, char *out, size_t size);
/* Appends the text folded by i;unicode-casemap. */
void text_fold(struct view utf8, struct buffer *out);

#endif
