/*
 * base/hash.c: see base/hash.h.
 *
 * The run's seed takes the place of XXH3's whole secret (192 octets of it), not only of its 64-bit seed: known ways to
 * make seeded XXH3 collide work on the secret that everybody knows.
 */
#include "base/hash.h"
#include "base/random.h"
#include <pthread.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

static unsigned char secret[192];
static pthread_once_t drawn = PTHREAD_ONCE_INIT;

static void draw(void)
{
    random_octets(secret, sizeof secret);
}

uint64_t hash_seeded(struct view v, uint64_t seed)
{
    return XXH3_64bits_withSeed(v.data, v.size, seed);
}

uint64_t hash_view(struct view v)
{
    pthread_once(&drawn, draw);
    return XXH3_64bits_withSecret(v.data, v.size, secret, sizeof secret);
}

uint64_t hash_u64(uint64_t value)
{
    return hash_view(view_of(&value, sizeof value));
}
