/*
 * auth/cache.h: credentials that were verified lately, so that a storm of reconnects does not cost Argon2id each time.
 *
 * Does     remembers, by a keyed MAC of (account, password version, password), whether the password was right or wrong,
 *          for LIMIT_AUTH_CACHE_MS. No password and no plain hash of one is kept. A changed password has a new version,
 *          so what was remembered of the old one is never found again; cache_forget drops it at once as well.
 * Owns     a table of fixed size; the oldest of a set makes room.
 * Called   on auth's loop. The clock is a parameter.
 * Tested   tests/unit/auth_cache.c (against an oracle)
 */
#ifndef AUTH_CACHE_H
#define AUTH_CACHE_H

#include "base/view.h"

struct cache;
struct cache_key {
    uint64_t high, low;
};
enum cache_answer { CACHE_NOTHING, CACHE_GOOD, CACHE_WRONG };

struct cache *cache_new(void);
void cache_free(struct cache **cache);
/* name: in canonical form. version 0 stands for names that nobody has. */
struct cache_key cache_key(const struct cache *cache, struct view name, uint64_t version, struct view password);
enum cache_answer cache_find(const struct cache *cache, struct cache_key key, uint64_t now_ms);
void cache_put(struct cache *cache, struct cache_key key, uint64_t account, bool good, uint64_t now_ms);
void cache_forget(struct cache *cache, uint64_t account);

#endif
