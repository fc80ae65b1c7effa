/* base/uidset.c: see base/uidset.h. */
#include "base/uidset.h"
#include "base/memory.h"
#include <roaring/roaring.h>
#include <stdatomic.h>

struct uidset {
    roaring_bitmap_t *bits;
    atomic_uint references;
};

static struct uidset *wrap(roaring_bitmap_t *bits)
{
    BUG_IF(!bits);
    struct uidset *set = NEW(struct uidset);
    set->bits = bits;
    atomic_init(&set->references, 1);
    return set;
}

struct uidset *uidset_new(void)
{
    return wrap(roaring_bitmap_create());
}

struct uidset *uidset_copy(const struct uidset *set)
{
    return wrap(roaring_bitmap_copy(set->bits));
}

struct uidset *uidset_ref(struct uidset *set)
{
    if (set)
        atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void uidset_unref(struct uidset **set)
{
    struct uidset *old = *set;
    *set = NULL;
    if (old && atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) == 1) {
        roaring_bitmap_free(old->bits);
        free(old);
    }
}

void uidset_unshare(struct uidset **set)
{
    if (atomic_load_explicit(&(*set)->references, memory_order_acquire) == 1)
        return;
    struct uidset *copy = uidset_copy(*set);
    uidset_unref(set);
    *set = copy;
}

void uidset_add(struct uidset *set, uint32_t uid)
{
    roaring_bitmap_add(set->bits, uid);
}

void uidset_add_range(struct uidset *set, uint32_t first, uint32_t last)
{
    if (first <= last)
        roaring_bitmap_add_range_closed(set->bits, first, last);
}

void uidset_remove(struct uidset *set, uint32_t uid)
{
    roaring_bitmap_remove(set->bits, uid);
}

void uidset_remove_range(struct uidset *set, uint32_t first, uint32_t last)
{
    if (first <= last)
        roaring_bitmap_remove_range_closed(set->bits, first, last);
}

void uidset_add_set(struct uidset *set, const struct uidset *other)
{
    roaring_bitmap_or_inplace(set->bits, other->bits);
}

void uidset_remove_set(struct uidset *set, const struct uidset *other)
{
    roaring_bitmap_andnot_inplace(set->bits, other->bits);
}

void uidset_intersect(struct uidset *set, const struct uidset *other)
{
    roaring_bitmap_and_inplace(set->bits, other->bits);
}

void uidset_clear(struct uidset *set)
{
    roaring_bitmap_clear(set->bits);
}

void uidset_optimize(struct uidset *set)
{
    roaring_bitmap_run_optimize(set->bits);
    roaring_bitmap_shrink_to_fit(set->bits);
}

uint32_t uidset_count(const struct uidset *set)
{
    return (uint32_t)roaring_bitmap_get_cardinality(set->bits);
}

bool uidset_has(const struct uidset *set, uint32_t uid)
{
    return roaring_bitmap_contains(set->bits, uid);
}

uint32_t uidset_min(const struct uidset *set)
{
    return roaring_bitmap_is_empty(set->bits) ? 0 : roaring_bitmap_minimum(set->bits);
}

uint32_t uidset_max(const struct uidset *set)
{
    return roaring_bitmap_is_empty(set->bits) ? 0 : roaring_bitmap_maximum(set->bits);
}

uint32_t uidset_rank(const struct uidset *set, uint32_t uid)
{
    return (uint32_t)roaring_bitmap_rank(set->bits, uid);
}

uint32_t uidset_select(const struct uidset *set, uint32_t number)
{
    uint32_t uid;
    return number && roaring_bitmap_select(set->bits, number - 1, &uid) ? uid : 0;
}

uint32_t uidset_next(const struct uidset *set, uint32_t uid)
{
    roaring_uint32_iterator_t at;
    roaring_init_iterator(set->bits, &at);
    return roaring_move_uint32_iterator_equalorlarger(&at, uid) ? at.current_value : 0;
}

bool uidset_equal(const struct uidset *a, const struct uidset *b)
{
    return roaring_bitmap_equals(a->bits, b->bits);
}

size_t uidset_memory(const struct uidset *set)
{
    return sizeof *set + roaring_bitmap_size_in_bytes(set->bits);
}

/*
 * Where the run that holds `low` ends: gallops, then halves; a run of any length costs a few dozen ranks.
 * (roaring_bitmap_contains_range of 0.2.66 asserts when the range ends behind the last container.)
 */
static uint32_t run_end(const roaring_bitmap_t *bits, uint64_t low)
{
    uint64_t before = roaring_bitmap_rank(bits, (uint32_t)low) - low, step = 1;
    while (low + step <= UINT32_MAX && roaring_bitmap_rank(bits, (uint32_t)(low + step)) == before + low + step) {
        low += step;
        step *= 2;
    }
    for (; step; step /= 2)
        if (low + step <= UINT32_MAX && roaring_bitmap_rank(bits, (uint32_t)(low + step)) == before + low + step)
            low += step;
    return (uint32_t)low;
}

bool uidset_run(const struct uidset *set, uint32_t from, uint32_t *first_r, uint32_t *last_r)
{
    enum { SHORT_RUN = 8 };
    roaring_uint32_iterator_t at;
    roaring_init_iterator(set->bits, &at);
    if (!roaring_move_uint32_iterator_equalorlarger(&at, from))
        return false;
    uint32_t first = at.current_value, last = first;
    /* Sparse sets: the run ends within a few steps of the iterator. */
    while (last - first < SHORT_RUN && roaring_advance_uint32_iterator(&at) && at.current_value == last + 1)
        last++;
    *first_r = first;
    *last_r = last - first < SHORT_RUN ? last : run_end(set->bits, last);
    return true;
}

uint32_t uidset_next_near(const struct uidset *set, struct uid_run *run, uint32_t uid)
{
    if (!run->from || uid < run->from || uid > run->last) {
        run->from = uid;
        if (!uidset_run(set, uid, &run->first, &run->last))
            run->first = run->last = UINT32_MAX; /* which is no UID */
    }
    return run->first == UINT32_MAX ? 0 : uid >= run->first ? uid : run->first;
}

/* One walk over all members: runs without a rank each. */
void uidset_write(const struct uidset *set, struct buffer *out)
{
    roaring_uint32_iterator_t at;
    roaring_init_iterator(set->bits, &at);
    bool any = false;
    while (at.has_value) {
        uint32_t first = at.current_value, last = first;
        while (roaring_advance_uint32_iterator(&at) && at.current_value == last + 1)
            last++;
        if (any)
            buffer_append_char(out, ',');
        any = true;
        buffer_append_u64(out, first);
        if (last > first) {
            buffer_append_char(out, ':');
            buffer_append_u64(out, last);
        }
    }
}
