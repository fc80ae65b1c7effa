/*
 * base/hash.h: hashes of octets, fast ones; nothing here is for passwords or identity.
 *
 * Does     XXH3 in 64 bits with a seed that the caller names (for what is stored: the value never changes), and with a
 *          seed drawn at start (for tables in memory: who sends keys can't make them collide).
 * Called   by everybody, on any thread.
 * Tested   tests/unit/base_table.c
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/view.h"

/* The same on every machine, for ever. */
uint64_t hash_seeded(struct view v, uint64_t seed);
/* Differs from run to run. */
uint64_t hash_view(struct view v);
uint64_t hash_u64(uint64_t value);

#endif
