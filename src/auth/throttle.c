/*
 * auth/throttle.c: see throttle.h.
 */
#include "auth/throttle.h"
#include "base/limits.h"
#include "base/memory.h"

#include <arpa/inet.h>
#include <sodium.h>

enum { SETS = 4096, WAYS = 8, PARALLEL = 16, POLL_MS = 100 };

struct bucket {
    uint64_t key; /* 0: free */
    uint64_t used_ms;
    uint64_t next_ms;   /* the next guess may be checked then */
    uint64_t forget_ms; /* one failure less from then on */
    uint32_t failures, running;
    bool good; /* a pair that logged in lately */
};
struct throttle {
    struct bucket buckets[SETS][WAYS];
    unsigned char hash_key[crypto_shorthash_KEYBYTES];
    bool with_loopback;
};

struct throttle *throttle_new(bool with_loopback)
{
    struct throttle *throttle = NEW(struct throttle);
    randombytes_buf(throttle->hash_key, sizeof(throttle->hash_key));
    throttle->with_loopback = with_loopback;
    return throttle;
}

void throttle_free(struct throttle **throttle)
{
    free(*throttle);
    *throttle = NULL;
}

/* Strangers choose what is hashed here, so the hash is keyed. */
static uint64_t key_of(const struct throttle *throttle, char kind, struct view a, struct view b)
{
    unsigned char text[1 + 2 * (LIMIT_USER_OCTETS + 1)], made[crypto_shorthash_BYTES];
    size_t size = 0;
    text[size++] = (unsigned char)kind;
    a = view_slice(a, 0, LIMIT_USER_OCTETS);
    view_copy(text + size, a);
    size += a.size;
    text[size++] = 0;
    b = view_slice(b, 0, LIMIT_USER_OCTETS);
    view_copy(text + size, b);
    size += b.size;
    crypto_shorthash(made, text, size, throttle->hash_key);
    uint64_t key;
    memcpy(&key, made, sizeof(key));
    return key == 0 ? 1 : key;
}

/* The octets of an address that one subscriber can't choose: all of IPv4, 64 bits of IPv6; else the text as it is. */
static struct view address_prefix(struct view peer, unsigned char out[16], bool *loopback_r)
{
    char text[64];
    *loopback_r = false;
    if (peer.size == 0 || peer.size >= sizeof(text)) {
        *loopback_r = peer.size == 0;
        return peer;
    }
    view_copy(text, peer);
    text[peer.size] = 0;
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const unsigned char v6_loopback[16] = {[15] = 1};
    if (inet_pton(AF_INET, text, out) == 1) {
        *loopback_r = out[0] == 127;
        return view_of(out, 4);
    }
    if (inet_pton(AF_INET6, text, out) != 1)
        return peer;
    if (memcmp(out, mapped, sizeof(mapped)) == 0) {
        memmove(out, out + 12, 4);
        *loopback_r = out[0] == 127;
        return view_of(out, 4);
    }
    *loopback_r = memcmp(out, v6_loopback, 16) == 0;
    return view_of(out, 8);
}

static struct bucket *bucket_find(struct throttle *throttle, uint64_t key)
{
    struct bucket *set = throttle->buckets[key % SETS];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

/* Who has failures is worth more than who has none; among equals the oldest goes. */
static bool is_cheaper(const struct bucket *a, const struct bucket *b)
{
    if ((a->key == 0) != (b->key == 0))
        return a->key == 0;
    if ((a->running > 0) != (b->running > 0))
        return a->running == 0;
    if ((a->failures > 0) != (b->failures > 0))
        return a->failures == 0;
    return a->used_ms < b->used_ms;
}

static struct bucket *bucket_get(struct throttle *throttle, uint64_t key, uint64_t now_ms)
{
    struct bucket *bucket = bucket_find(throttle, key);
    if (bucket == NULL) {
        bucket = throttle->buckets[key % SETS];
        for (size_t i = 1; i < WAYS; i++)
            if (is_cheaper(&throttle->buckets[key % SETS][i], bucket))
                bucket = &throttle->buckets[key % SETS][i];
        *bucket = (struct bucket){.key = key};
    }
    bucket->used_ms = now_ms;
    while (bucket->failures > 0 && now_ms >= bucket->forget_ms) {
        bucket->failures--;
        bucket->forget_ms += LIMIT_AUTH_FORGET_MS;
    }
    return bucket;
}

static uint64_t delay_ms(uint32_t failures)
{
    static const uint64_t delays[] = {0, 1000, 2000, 4000, 8000};
    return failures < sizeof(delays) / sizeof(delays[0]) ? delays[failures] : LIMIT_AUTH_DELAY_MS;
}

static void name_keys(struct throttle *throttle, struct throttle_ticket *ticket, struct view peer, struct view user,
                      uint64_t now_ms)
{
    unsigned char octets[16];
    struct view prefix = address_prefix(peer, octets, &ticket->loopback);
    ticket->pair = key_of(throttle, 'p', prefix, user);
    const struct bucket *pair = bucket_find(throttle, ticket->pair);
    if (pair != NULL && pair->good && now_ms - pair->used_ms < LIMIT_AUTH_GOOD_MS) {
        ticket->keys[0] = ticket->pair;
        return;
    }
    ticket->keys[0] = key_of(throttle, 'u', user, VIEW_EMPTY);
    if (!ticket->loopback || throttle->with_loopback)
        ticket->keys[1] = key_of(throttle, 'a', prefix, VIEW_EMPTY);
}

enum throttle_answer throttle_ask(struct throttle *throttle, struct throttle_ticket *ticket, struct view peer,
                                  struct view user, uint64_t now_ms, uint64_t *at_ms_r)
{
    if (!ticket->asked) {
        name_keys(throttle, ticket, peer, user, now_ms);
        ticket->asked = true;
    }
    struct bucket *buckets[2] = {NULL, NULL};
    size_t count = 0;
    for (size_t i = 0; i < 2; i++)
        if (ticket->keys[i] != 0)
            buckets[count++] = bucket_get(throttle, ticket->keys[i], now_ms);
    if (ticket->slot_ms == 0) {
        uint64_t slot = now_ms;
        bool crowded = false;
        for (size_t i = 0; i < count; i++) {
            slot = buckets[i]->next_ms > slot ? buckets[i]->next_ms : slot;
            crowded = crowded || (buckets[i]->failures == 0 && buckets[i]->running >= PARALLEL);
        }
        if (slot - now_ms > LIMIT_AUTH_WAIT_MS)
            return THROTTLE_REFUSE;
        if (crowded) {
            *at_ms_r = now_ms + POLL_MS;
            return THROTTLE_LATER;
        }
        for (size_t i = 0; i < count; i++) {
            uint64_t delay = delay_ms(buckets[i]->failures);
            if (delay > 0)
                buckets[i]->next_ms = slot + delay;
        }
        ticket->slot_ms = slot == 0 ? 1 : slot;
        ticket->counted = true;
        for (size_t i = 0; i < count; i++)
            buckets[i]->running++;
    }
    *at_ms_r = ticket->slot_ms;
    return now_ms >= ticket->slot_ms ? THROTTLE_GO : THROTTLE_LATER;
}

uint64_t throttle_tell(struct throttle *throttle, struct throttle_ticket *ticket, enum throttle_outcome outcome,
                       uint64_t now_ms)
{
    uint64_t hold_ms = 0;
    for (size_t i = 0; i < 2; i++) {
        struct bucket *bucket = ticket->keys[i] == 0 ? NULL : bucket_find(throttle, ticket->keys[i]);
        if (bucket == NULL || !ticket->counted)
            continue;
        if (bucket->running > 0)
            bucket->running--;
        if (outcome != GUESS_WRONG)
            continue;
        if (bucket->failures == 0)
            bucket->forget_ms = now_ms + LIMIT_AUTH_FORGET_MS;
        if (bucket->failures < LIMIT_AUTH_FAILURES)
            bucket->failures++;
        uint64_t delay = delay_ms(bucket->failures);
        if (bucket->next_ms < now_ms + delay)
            bucket->next_ms = now_ms + delay;
        hold_ms = delay > hold_ms ? delay : hold_ms;
    }
    if (outcome == GUESS_GOOD) {
        struct bucket *pair = bucket_get(throttle, ticket->pair, now_ms);
        pair->good = true;
        pair->failures = 0;
        pair->next_ms = 0;
    }
    ticket->counted = false;
    return hold_ms;
}
