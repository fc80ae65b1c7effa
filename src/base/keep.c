/* base/keep.c: see base/keep.h. */
#include "base/keep.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include <pthread.h>
#include <stdlib.h>

struct entry {
    uint64_t hash, used; /* used: the turn in which it was asked for last */
    struct kept *value;  /* null: the entry is free */
    size_t key_size;
    char key[KEEP_KEY_OCTETS];
};

struct keep {
    pthread_mutex_t lock;
    size_t octets, most;
    uint64_t turn;
    struct entry entries[LIMIT_KEEP_ENTRIES];
};

/* ---- values ---- */

void kept_init(struct kept *value, size_t octets, void (*free)(struct kept *value))
{
    atomic_init(&value->references, 1);
    value->octets = octets;
    value->free = free;
}

static void kept_ref(struct kept *value)
{
    atomic_fetch_add_explicit(&value->references, 1, memory_order_relaxed);
}

void kept_unref(struct kept *value)
{
    if (value && atomic_fetch_sub_explicit(&value->references, 1, memory_order_acq_rel) == 1)
        value->free(value);
}

/* ---- the keep ---- */

struct keep *keep_new(size_t octets)
{
    struct keep *keep = NEW(struct keep);
    pthread_mutex_init(&keep->lock, NULL);
    keep->most = octets;
    return keep;
}

void keep_free(struct keep **keep)
{
    struct keep *old = *keep;
    *keep = NULL;
    if (!old)
        return;
    for (size_t i = 0; i < LIMIT_KEEP_ENTRIES; i++)
        kept_unref(old->entries[i].value);
    pthread_mutex_destroy(&old->lock);
    free(old);
}

static struct entry *find(struct keep *keep, struct view key, uint64_t hash)
{
    for (size_t i = 0; i < LIMIT_KEEP_ENTRIES; i++) {
        struct entry *e = &keep->entries[i];
        if (e->value && e->hash == hash && view_equal(view_of(e->key, e->key_size), key))
            return e;
    }
    return NULL;
}

struct kept *keep_take(struct keep *keep, struct view key)
{
    uint64_t hash = hash_view(key);
    struct kept *value = NULL;
    pthread_mutex_lock(&keep->lock);
    struct entry *e = find(keep, key, hash);
    if (e) {
        e->used = ++keep->turn;
        value = e->value;
        kept_ref(value);
    }
    pthread_mutex_unlock(&keep->lock);
    return value;
}

/* Of those in use the one that was asked for longest ago; null: none is in use. */
static struct entry *oldest(struct keep *keep)
{
    struct entry *found = NULL;
    for (size_t i = 0; i < LIMIT_KEEP_ENTRIES; i++) {
        struct entry *e = &keep->entries[i];
        if (e->value && (!found || e->used < found->used))
            found = e;
    }
    return found;
}

static struct entry *unused(struct keep *keep)
{
    for (size_t i = 0; i < LIMIT_KEEP_ENTRIES; i++)
        if (!keep->entries[i].value)
            return &keep->entries[i];
    return NULL;
}

/* What has left the keep, let go of outside the lock: it may be large. */
struct leaving {
    struct kept *values[LIMIT_KEEP_ENTRIES];
    size_t count;
};

static void leave(struct keep *keep, struct entry *e, struct leaving *leaving)
{
    keep->octets -= e->value->octets;
    leaving->values[leaving->count++] = e->value;
    e->value = NULL;
}

/* An entry for the key, and room for so many octets. */
static struct entry *make_room(struct keep *keep, struct view key, uint64_t hash, size_t octets,
                               struct leaving *leaving)
{
    struct entry *e = find(keep, key, hash), *old;
    if (e)
        leave(keep, e, leaving);
    while (keep->octets + octets > keep->most && (old = oldest(keep)) != NULL)
        leave(keep, old, leaving);
    e = unused(keep);
    if (!e && (e = oldest(keep)) != NULL)
        leave(keep, e, leaving);
    return e;
}

void keep_put(struct keep *keep, struct view key, struct kept *value)
{
    uint64_t hash = hash_view(key);
    struct leaving leaving = {.count = 0};
    if (key.size > KEEP_KEY_OCTETS || value->octets > keep->most)
        return;
    pthread_mutex_lock(&keep->lock);
    struct entry *e = make_room(keep, key, hash, value->octets, &leaving);
    kept_ref(value);
    *e = (struct entry){.hash = hash, .used = ++keep->turn, .value = value, .key_size = key.size};
    view_copy(e->key, key);
    keep->octets += value->octets;
    pthread_mutex_unlock(&keep->lock);
    for (size_t i = 0; i < leaving.count; i++)
        kept_unref(leaving.values[i]);
}

size_t keep_octets(struct keep *keep)
{
    pthread_mutex_lock(&keep->lock);
    size_t octets = keep->octets;
    pthread_mutex_unlock(&keep->lock);
    return octets;
}
