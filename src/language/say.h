/*
 * language/say.h: the human-readable text of a response in the language of its reader.
 *
 * Does     finds the text within a response, and in the catalogue of that language what it is there; codes in brackets,
 *          tags and all other data stay as they are. A text without an entry is sent in English; script/check-texts
 *          fails for it, and for one that is written past these functions.
 * Owns     static tables only (language/german.c).
 * Called   wherever imap, pop3 and front write a response that people may be shown; on any thread.
 * Tested   tests/unit/language.c
 *
 * A response is, each part of it optional: "* " or "+ ", a status ("OK ", "BYE ", "-ERR ", ...), a code "[...] ", the
 * text, CRLF and lines behind it.
 */
#ifndef LANGUAGE_SAY_H
#define LANGUAGE_SAY_H

#include "language/language.h"

/* The response, as it stands. */
void language_say(struct buffer *out, uint8_t language, const char *response);
/* The same of what is formatted. The text is looked up before: its entry takes the same arguments in the same order. */
void language_printf(struct buffer *out, uint8_t language, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void language_vprintf(struct buffer *out, uint8_t language, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));
/* One text alone: `text` itself if there is nothing else for it. */
const char *language_text(uint8_t language, const char *text);

#endif
