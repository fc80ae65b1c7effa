/*
 * message/charset.h: any charset to UTF-8.
 *
 * Does     US-ASCII, UTF-8 and what nobody knows itself; all else with ICU, whose converters are kept open. A charset
 *          that is unknown, or US-ASCII with octets above 127, is read as UTF-8 where the octets are that, else as
 *          windows-1252: what such mail nearly always is.
 * Owns     the converters (process-wide, one thread).
 * Called   by the decoders in parse.
 * Fails    never on content: what a charset has no character for becomes U+FFFD.
 * Tested   tests/unit/message_words.c
 */
#ifndef MESSAGE_CHARSET_H
#define MESSAGE_CHARSET_H

#include "base/buffer.h"

bool charset_known(struct view name);
/* Its texts have no lines that mail would know as such (UTF-16, UTF-32, EBCDIC): they need base64 (RFC 2045 2.7, 2.8).
 */
bool charset_wide(struct view name);
/* The whole text at once. False if the charset is unknown (then it was read as said above). */
bool charset_to_utf8(struct view name, struct view octets, struct buffer *out);

/* Streaming: any split gives the same. Ends with charset_stream_end, always. */
struct charset_stream {
    int kind;
    void *converter;    /* ICU's */
    void *cached;       /* the cache's row it was taken from */
    struct buffer held; /* the beginning of a character */
    uint16_t surrogate;
};
void charset_stream_begin(struct charset_stream *stream, struct view name);
void charset_stream_more(struct charset_stream *stream, struct view octets, struct buffer *out);
void charset_stream_end(struct charset_stream *stream, struct buffer *out);

/* Opens what may be loaded late, before the walls go up. */
void charset_warm_up(void);

#endif
