/*
 * message/content.h: Content-Type, Content-Disposition and their like: a value and its parameters.
 *
 * Does     RFC 2045 5.1 with comments, quoted strings and the usual mistakes; RFC 2231 continuations put together in
 *          their order, up to the first gap. At most LIMIT_MIME_PARAMETERS are looked at, so putting together costs a
 *          bounded number of comparisons.
 * Owns     nothing: all lies in the arena.
 * Tested   tests/unit/message_words.c, fuzz/header_words.c
 */
#ifndef MESSAGE_CONTENT_H
#define MESSAGE_CONTENT_H

#include "base/arena.h"
#include "base/buffer.h"

struct parameter {
    struct view name;  /* without "*" */
    struct view value; /* raw octets; of an extended one: percent signs undone, in `charset` */
    bool extended;     /* "name*=" or "name*0*=" */
    struct view charset, language;
};
struct content {
    struct view type;    /* "text", or the whole token where there is no "/" */
    struct view subtype; /* empty if there is none */
    struct parameter *parameters;
    size_t count;
};

/* value: folded or not. False if there is not even a token. */
bool content_read(struct arena *arena, struct view value, struct content *content_r);
const struct parameter *content_parameter(const struct content *content, const char *name);
/* The parameter in UTF-8, whatever its charset. Without NUL and control characters. */
void parameter_utf8(const struct parameter *parameter, struct buffer *out);

#endif
