/*
 * message/header.h: header values made one line, and RFC 2047 words decoded.
 *
 * Called   by the decoders in parse. Linear in the value's size.
 * Fails    never: what is no encoded word stays as it is.
 * Tested   tests/unit/message_words.c, fuzz/header_words.c
 */
#ifndef MESSAGE_HEADER_H
#define MESSAGE_HEADER_H

#include "base/buffer.h"

/*
 * A value without its folds and the white space around it (RFC 5322 2.2.3). Line ends go, a TAB behind one becomes a
 * blank; NUL and other control characters become blanks.
 */
void header_unfold(struct view value, struct buffer *out);
/*
 * Unstructured text, unfolded, to UTF-8: encoded words (RFC 2047 6.2; white space between two of them goes; neighbours
 * of one charset are joined before their charset is undone, as many programs split characters between words), octets
 * above 127 as charset.h guesses. Control characters become blanks.
 */
void words_decode(struct view text, struct buffer *out);
/* UTF-8 text as RFC 2047 words, for 7-bit forms: the words with octets above 127, and what stands between them. */
void words_encode(struct view utf8, struct buffer *out);
/* An IMAP string: quoted, or a literal if it is long. Control characters must be gone. */
void imap_string(struct view v, struct buffer *out);

#endif
