/*
 * base/buffer.h: owned, growing octets with a hard upper bound.
 *
 * Does     appends, consumes from the front, formats. Used for stream input and output, rows and frames under
 *          construction.
 * Owns     its memory; one owner a buffer. Memory is released by buffer_free, or by buffer_release_idle when empty.
 * Called   by everybody; one thread at a time.
 * Fails    an append beyond `max` sets `overflow` (sticky until buffer_clear) and changes nothing else. Callers check
 *          it once at the end, not at every append. Running out of memory ends the process (see base/memory.h).
 * Tested   tests/unit/base_buffer.c
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/view.h"
#include <stdarg.h>

struct buffer {
    char *memory;
    size_t start;    /* first octet not yet consumed */
    size_t end;      /* one past the last octet */
    size_t capacity; /* octets allocated */
    size_t max;      /* hard bound on end - start; 0 means BUFFER_MAX_DEFAULT */
    bool overflow;
};

#define BUFFER_MAX_DEFAULT ((size_t)1 << 30)

void buffer_init(struct buffer *b, size_t max_octets);
void buffer_free(struct buffer *b);
static inline size_t buffer_size(const struct buffer *b)
{
    return b->end - b->start;
}
/* Valid until the next change of the buffer. */
static inline struct view buffer_view(const struct buffer *b)
{
    return (struct view){b->memory ? b->memory + b->start : "", b->end - b->start};
}
void buffer_clear(struct buffer *b);
/* Forgets the first `count` octets. */
void buffer_consume(struct buffer *b, size_t count);
/* Cuts the buffer to its first `size` octets. */
void buffer_truncate(struct buffer *b, size_t size);
/* Room for `count` more octets at the end; null if that passes max. buffer_commit makes them part of the buffer. */
char *buffer_reserve(struct buffer *b, size_t count);
void buffer_commit(struct buffer *b, size_t count);
void buffer_append(struct buffer *b, const void *data, size_t size);
void buffer_append_view(struct buffer *b, struct view v);
void buffer_append_string(struct buffer *b, const char *text);
void buffer_append_char(struct buffer *b, char c);
void buffer_append_u64(struct buffer *b, uint64_t value); /* decimal */
void buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_vprintf(struct buffer *b, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
/* Gives memory back if the buffer is empty and holds more than `keep` octets. */
void buffer_release_idle(struct buffer *b, size_t keep);

#endif
