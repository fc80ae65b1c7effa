/*
 * base/arena.h: memory that is given back all at once.
 *
 * Does     bump allocation in chunks, with a cap. Arenas are named by lifetime: step, command, session, batch, process.
 * Owns     every block it gave out, until arena_reset or arena_free.
 * Called   by everybody; one thread at a time. No implicit current arena: the arena is a parameter.
 * Fails    an allocation beyond the cap returns null from arena_try, and is a BUG() in arena_new.
 * Tested   tests/unit/base_arena.c
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/view.h"

struct arena_chunk;
struct arena {
    struct arena_chunk *chunks; /* newest first */
    size_t used;                /* octets given out */
    size_t max;
};

void arena_init(struct arena *a, size_t max_octets);
/* Forgets all; keeps one small chunk for the next use. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);
void *arena_new(struct arena *a, size_t size);          /* zeroed, aligned for anything */
void *arena_try(struct arena *a, size_t size);          /* the same, null beyond the cap */
size_t arena_room(const struct arena *a);               /* octets that are left below the cap */
char *arena_string(struct arena *a, struct view v);     /* copy with a zero behind it */
struct view arena_view(struct arena *a, struct view v); /* copy */
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(a, type)          ((type *)arena_new((a), sizeof(type)))
#define ARENA_ARRAY(a, count, type) ((type *)arena_new((a), (size_t)(count) * sizeof(type)))

#endif
