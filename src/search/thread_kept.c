/* search/thread_kept.c: see search/thread_kept.h. */
#include "search/thread_kept.h"
#include "base/limits.h"
#include "base/memory.h"
#include <stdlib.h>

static void free_facts(struct kept *kept)
{
    struct thread_facts *f = (struct thread_facts *)(void *)kept;
    uidset_unref(&f->uids);
    free(f->messages);
    free(f->ends);
    free(f->references);
    free(f);
}

static struct view references_of(const struct thread_facts *f, uint32_t at)
{
    uint32_t begin = at ? f->ends[at - 1] : 0;
    return view_of((const char *)(f->references + begin), (f->ends[at] - begin) * sizeof *f->references);
}

/* ---- making ---- */

static int by_uid(const void *a, const void *b, void *threads)
{
    struct view unused;
    uint32_t x = threads_message(threads, *(const uint32_t *)a, &unused)->uid,
             y = threads_message(threads, *(const uint32_t *)b, &unused)->uid;
    return x < y ? -1 : x > y;
}

/* Messages may have been found in any order. */
static uint32_t *sorted_places(const struct threads *fresh)
{
    uint32_t *places = memory_array((size_t)fresh->count + 1, sizeof *places);
    for (uint32_t i = 0; i < fresh->count; i++)
        places[i] = i;
    qsort_r(places, fresh->count, sizeof *places, by_uid, (void *)(uintptr_t)fresh);
    return places;
}

static void append(struct thread_facts *f, const struct thread_message *message, struct view references)
{
    uint32_t end = f->count ? f->ends[f->count - 1] : 0;
    f->messages[f->count] = *message;
    if (references.size)
        memcpy(f->references + end, references.data, references.size);
    f->ends[f->count++] = end + (uint32_t)(references.size / sizeof *f->references);
    uidset_add(f->uids, message->uid);
}

static void merge(struct thread_facts *f, const struct thread_facts *base, const struct threads *fresh,
                  const uint32_t *places, const struct uidset *present, uint32_t from)
{
    uint32_t old = 0, new = 0, old_count = base ? base->count : 0;
    while (old < old_count || new < fresh->count) {
        struct view references = VIEW_EMPTY;
        const struct thread_message *next =
            new < fresh->count ? threads_message(fresh, places[new], &references) : NULL;
        if (old < old_count && (!next || base->messages[old].uid < next->uid)) {
            if (base->messages[old].uid >= from || uidset_has(present, base->messages[old].uid))
                append(f, &base->messages[old], references_of(base, old));
            old++;
        } else if (next) {
            append(f, next, references);
            new ++;
        }
    }
}

static size_t octets_of(size_t messages, size_t references)
{
    return sizeof(struct thread_facts) + messages * (sizeof(struct thread_message) + sizeof(uint32_t)) +
           references * sizeof(uint64_t);
}

struct thread_facts *thread_facts_make(const struct thread_facts *base, const struct threads *fresh,
                                       const struct uidset *present, uint32_t from)
{
    size_t messages = (size_t)fresh->count + (base ? base->count : 0);
    size_t references =
        buffer_size(&fresh->references) / sizeof(uint64_t) + (base && base->count ? base->ends[base->count - 1] : 0);
    size_t octets = octets_of(messages, references);
    if (!messages || octets > LIMIT_KEEP_OCTETS)
        return NULL;
    struct thread_facts *f = NEW(struct thread_facts);
    f->uids = uidset_new();
    f->messages = memory_array(messages, sizeof *f->messages);
    f->ends = memory_array(messages, sizeof *f->ends);
    f->references = memory_array(references + 1, sizeof *f->references);
    uint32_t *places = sorted_places(fresh);
    merge(f, base, fresh, places, present, from);
    free(places);
    uidset_optimize(f->uids);
    kept_init(&f->kept, octets + uidset_memory(f->uids), free_facts);
    return f;
}

/* ---- using ---- */

bool thread_facts_add(const struct thread_facts *f, const struct uidset *found, struct threads *threads)
{
    for (uint32_t i = 0; i < f->count; i++) {
        struct view references = references_of(f, i);
        if (uidset_has(found, f->messages[i].uid) &&
            !threads_add(threads, &f->messages[i], (const uint64_t *)(const void *)references.data,
                         references.size / sizeof(uint64_t)))
            return false;
    }
    return true;
}

/* ---- the threads ---- */

static void free_forest(struct kept *kept)
{
    struct thread_forest *f = (struct thread_forest *)(void *)kept;
    threads_free(&f->threads);
    uidset_unref(&f->found);
    free(f);
}

struct thread_forest *thread_forest_make(struct threads *threads, const struct uidset *found)
{
    struct thread_forest *f = NEW(struct thread_forest);
    f->threads = *threads;
    *threads = (struct threads){.kind = threads->kind};
    f->found = uidset_copy(found);
    purse_empty(&f->threads.purse); /* who keeps it counts it from here on */
    kept_init(&f->kept, sizeof *f + threads_octets(&f->threads) + uidset_memory(f->found), free_forest);
    return f;
}
