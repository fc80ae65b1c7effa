/*
 * base/random.h: octets that nobody can guess.
 *
 * Does     getrandom. Tickets, session seeds, hash seeds.
 * Called   by everybody, on any thread; no file is opened.
 * Fails    a kernel without getrandom is BUG(): nothing here works without it.
 * Tested   tests/unit/base_table.c
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_octets(void *to, size_t size);
uint64_t random_u64(void);

#endif
