/*
 * message/preview.h: the first words of a message (RFC 8970).
 *
 * Does     at most LIMIT_PREVIEW_CHARACTERS characters and 255 octets, whole characters, white space to single blanks,
 *          control characters gone.
 * Tested   tests/unit/message_preview.c
 */
#ifndef MESSAGE_PREVIEW_H
#define MESSAGE_PREVIEW_H

#include "base/buffer.h"

/* Quoted lines (">") are passed over unless there is nothing else. */
void preview_from_text(struct view utf8, struct buffer *out);
void preview_from_html(struct view utf8, struct buffer *out);

#endif
