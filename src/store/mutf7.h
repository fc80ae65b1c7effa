/*
 * store/mutf7.h: mailbox names in modified UTF-7 (RFC 3501 5.1.3) to and from UTF-8, canonical forms only.
 *
 * Fails    decoding refuses what has another spelling: printable ASCII in base64, needless shifts, wrong padding, lone
 *          surrogates, an unfinished shift. So two names never mean one mailbox.
 * Called   by imap/, on any thread.
 * Tested   tests/unit/store_mutf7.c, fuzz/mutf7.c
 */
#ifndef STORE_MUTF7_H
#define STORE_MUTF7_H

#include "base/buffer.h"

bool mutf7_decode(struct view name, struct buffer *utf8);
/* utf8 must be valid; octets that are not are replaced by U+FFFD. */
void mutf7_encode(struct view utf8, struct buffer *name);

#endif
