/*
 * auth/cache.c: see cache.h.
 */
#include "auth/cache.h"
#include "base/limits.h"
#include "base/memory.h"

#include <sodium.h>

enum { SETS = 8192, WAYS = 4 };

struct entry {
    struct cache_key key;
    uint64_t account;
    uint64_t until_ms; /* 0: free */
    bool good;
};
struct cache {
    struct entry entries[SETS][WAYS];
    unsigned char mac_key[crypto_generichash_KEYBYTES];
};

struct cache *cache_new(void)
{
    struct cache *cache = NEW(struct cache);
    crypto_generichash_keygen(cache->mac_key);
    return cache;
}

void cache_free(struct cache **cache)
{
    if (*cache != NULL)
        sodium_memzero(*cache, sizeof(**cache));
    free(*cache);
    *cache = NULL;
}

struct cache_key cache_key(const struct cache *cache, struct view name, uint64_t version, struct view password)
{
    crypto_generichash_state state;
    unsigned char made[16];
    uint64_t sizes[2] = {version, name.size};
    crypto_generichash_init(&state, cache->mac_key, sizeof(cache->mac_key), sizeof(made));
    crypto_generichash_update(&state, (const unsigned char *)sizes, sizeof(sizes));
    crypto_generichash_update(&state, (const unsigned char *)name.data, name.size);
    crypto_generichash_update(&state, (const unsigned char *)password.data, password.size);
    crypto_generichash_final(&state, made, sizeof(made));
    sodium_memzero(&state, sizeof(state));
    struct cache_key key;
    memcpy(&key.high, made, 8);
    memcpy(&key.low, made + 8, 8);
    return key;
}

enum cache_answer cache_find(const struct cache *cache, struct cache_key key, uint64_t now_ms)
{
    const struct entry *set = cache->entries[key.high % SETS];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].until_ms > now_ms && set[i].key.low == key.low && set[i].key.high == key.high)
            return set[i].good ? CACHE_GOOD : CACHE_WRONG;
    return CACHE_NOTHING;
}

void cache_put(struct cache *cache, struct cache_key key, uint64_t account, bool good, uint64_t now_ms)
{
    struct entry *set = cache->entries[key.high % SETS], *place = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key.low == key.low && set[i].key.high == key.high) {
            place = &set[i];
            break;
        }
        if (set[i].until_ms < place->until_ms)
            place = &set[i];
    }
    *place = (struct entry){.key = key, .account = account, .until_ms = now_ms + LIMIT_AUTH_CACHE_MS, .good = good};
}

void cache_forget(struct cache *cache, uint64_t account)
{
    for (size_t i = 0; i < SETS; i++)
        for (size_t k = 0; k < WAYS; k++)
            if (cache->entries[i][k].account == account)
                memset(&cache->entries[i][k], 0, sizeof(struct entry));
}
