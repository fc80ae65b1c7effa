/*
 * base/uidset.h: a set of 32-bit numbers, 1 and up: UIDs or sequence numbers.
 *
 * Does     membership, rank (UID to sequence number), select (sequence number to UID), algebra, iteration, and the text
 *          form of RFC 9051 9 sequence-set ("1:4,7"). Backed by CRoaring; disk rows have a form of their own
 *          (store/rows.h).
 * Owns     its bitmap. Reference counted when shared: a shared set is immutable, uidset_unshare before a change.
 * Called   by store and the protocols. References may be taken and dropped on any thread; changes by the one owner.
 * Tested   tests/unit/base_uidset.c (against a plain array model)
 */
#ifndef BASE_UIDSET_H
#define BASE_UIDSET_H

#include "base/buffer.h"

struct uidset;

struct uidset *uidset_new(void);
struct uidset *uidset_copy(const struct uidset *set);
struct uidset *uidset_ref(struct uidset *set);
void uidset_unref(struct uidset **set); /* nulls; a null set is allowed */
/* Makes *set safe to change: a copy if others hold it too. */
void uidset_unshare(struct uidset **set);

void uidset_add(struct uidset *set, uint32_t uid);
void uidset_add_range(struct uidset *set, uint32_t first, uint32_t last); /* both included */
void uidset_remove(struct uidset *set, uint32_t uid);
void uidset_remove_range(struct uidset *set, uint32_t first, uint32_t last);
void uidset_add_set(struct uidset *set, const struct uidset *other);
void uidset_remove_set(struct uidset *set, const struct uidset *other);
void uidset_intersect(struct uidset *set, const struct uidset *other);
void uidset_clear(struct uidset *set);
/* Packs runs; call once after building a large set. */
void uidset_optimize(struct uidset *set);

uint32_t uidset_count(const struct uidset *set);
bool uidset_has(const struct uidset *set, uint32_t uid);
uint32_t uidset_min(const struct uidset *set); /* 0 if empty */
uint32_t uidset_max(const struct uidset *set); /* 0 if empty */
/* How many members are <= uid: for a member, its sequence number. */
uint32_t uidset_rank(const struct uidset *set, uint32_t uid);
/* The member with that sequence number (1 and up), 0 if there is none. */
uint32_t uidset_select(const struct uidset *set, uint32_t number);
/* The first member >= uid, 0 if there is none. O(log n). */
uint32_t uidset_next(const struct uidset *set, uint32_t uid);
/* The same for many UIDs that mostly ascend: a run found once answers for all in it, and between. Zeroed to begin; for
 * one set that doesn't change. */
struct uid_run {
    uint32_t from, first, last; /* of from to last it is known: those from `first` on are members */
};
uint32_t uidset_next_near(const struct uidset *set, struct uid_run *run, uint32_t uid);
static inline bool uidset_has_near(const struct uidset *set, struct uid_run *run, uint32_t uid)
{
    return uidset_next_near(set, run, uid) == uid;
}
bool uidset_equal(const struct uidset *a, const struct uidset *b);
size_t uidset_memory(const struct uidset *set);

/* Runs in ascending order. Set first_r/last_r to the first run that ends at or after `from`; false behind the last. */
bool uidset_run(const struct uidset *set, uint32_t from, uint32_t *first_r, uint32_t *last_r);

/* "1:4,7,9:12"; nothing for an empty set. */
void uidset_write(const struct uidset *set, struct buffer *out);

#endif
