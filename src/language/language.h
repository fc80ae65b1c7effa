/*
 * language/language.h: in which languages people are answered, and what a client's wish means (RFC 5255 3, RFC 6856 3,
 * RFC 4647).
 *
 * Does     names the languages; matches language ranges; writes the answers of IMAP's LANGUAGE and POP3's LANG that are
 *          the same before and after login. The texts themselves: language/say.h.
 * Owns     one number: the language that the administrator prefers.
 * Called   by front before login, by imap and pop3 after it; on any thread.
 * Tested   tests/unit/language.c, tests/e2e/test_cap_language.py, tests/e2e/test_pop3_lang.py
 *
 * Every session begins in LANGUAGE_DEFAULT. Which language it speaks is one octet, kept by who carries the session.
 */
#ifndef LANGUAGE_LANGUAGE_H
#define LANGUAGE_LANGUAGE_H

#include "base/buffer.h"

enum language {
    LANGUAGE_DEFAULT, /* "i-default" (RFC 2277 4.5): English */
    LANGUAGE_ENGLISH,
    LANGUAGE_GERMAN,
    LANGUAGE_COUNT
};

/* "de"; of a number that is no language, "i-default". */
const char *language_tag(uint8_t language);
/* A number that came from another process: LANGUAGE_DEFAULT if it is no language. */
uint8_t language_of_number(uint8_t number);

/* Whom "default" and "*" mean (RFC 5255 3.2, RFC 6856 3.2). A tag that isn't known changes nothing. */
void language_set_preferred(struct view tag);

/* The ranges of one command, in the order of the client's liking (RFC 4647 2.3). Begins zeroed. */
struct language_wish {
    bool asked, fits;
    uint8_t language; /* of the first range that fits */
};
/* False: that is no language range (RFC 4647 2.1). */
bool language_wish_add(struct language_wish *wish, struct view range);

/* "* LANGUAGE (...)" CRLF (RFC 5255 3.3): one language is the one that is spoken now. */
void language_write_all(struct buffer *out);
void language_write_chosen(struct buffer *out, uint8_t language);

/* The whole answer to POP3's LANG with that argument (RFC 6856 3); *language changes if it says so. */
void language_answer_lang(struct buffer *out, struct view argument, uint8_t *language);

#endif
