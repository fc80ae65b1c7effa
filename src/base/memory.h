/*
 * base/memory.h: allocation that does not return null, and sizes that do not wrap.
 *
 * Does     malloc and friends; checked sums and products of sizes.
 * Called   by everybody, on any thread.
 * Fails    out of memory ends the process: sizes that come from outside are checked against base/limits.h before they
 *          get here, so a failed allocation means that the machine is out of memory.
 * Tested   tests/unit/base_buffer.c
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

void *memory_new(size_t size);                 /* zeroed */
void *memory_array(size_t count, size_t size); /* zeroed; a product that wraps is BUG() */
void *memory_resize(void *old, size_t size);
char *memory_string(const char *text);
void *memory_copy(const void *data, size_t size); /* one more octet, zero, behind it */

#define NEW(type) ((type *)memory_new(sizeof(type)))

static inline bool size_add(size_t a, size_t b, size_t *sum_r)
{
    return !__builtin_add_overflow(a, b, sum_r);
}
static inline bool size_mul(size_t a, size_t b, size_t *product_r)
{
    return !__builtin_mul_overflow(a, b, product_r);
}

/* Our own mistake: says where, and aborts. Never reached by anything that a peer, a message or a disk can cause. */
void bug_at(const char *file, int line, const char *what) __attribute__((noreturn));
#define BUG(what) bug_at(__FILE__, __LINE__, (what))
#define BUG_IF(condition)                                                                                              \
    do {                                                                                                               \
        if (condition)                                                                                                 \
            BUG(#condition);                                                                                           \
    } while (0)

#endif
