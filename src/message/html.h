/*
 * message/html.h: what a reader sees first of an HTML page, for previews.
 *
 * Does     libxml2's SAX push parser, no tree, no network, no entities from outside; stops as soon as enough was seen.
 * Fails    never: broken pages give what can be had. Memory and time are bounded by what it is given (PREVIEW_HTML).
 * Tested   tests/unit/message_preview.c
 */
#ifndef MESSAGE_HTML_H
#define MESSAGE_HTML_H

#include "base/buffer.h"

/* UTF-8 page to UTF-8 text: block elements become line ends; script, style, title and the like are left out. At least
 * max_octets of text if the page has it. */
void html_to_text(struct view utf8, size_t max_octets, struct buffer *out);

#endif
