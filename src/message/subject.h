/*
 * message/subject.h: the base subject of RFC 5256 2.1.
 *
 * Does     takes the decoded subject (UTF-8, white space as it came) and gives what threads and SORT compare. Linear: a
 *          run of "[...]" is looked through once, not once for each of them.
 * Tested   tests/unit/message_words.c, fuzz/header_words.c
 */
#ifndef MESSAGE_SUBJECT_H
#define MESSAGE_SUBJECT_H

#include "base/buffer.h"

/* Appends it to out; true if it was a reply or forward. */
bool subject_base(struct view utf8, struct buffer *out);

#endif
