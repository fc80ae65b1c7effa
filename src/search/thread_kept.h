/*
 * search/thread_kept.h: what THREAD takes from the messages of a mailbox, kept between commands.
 *
 * Does     ids, subjects and dates never change for a UID: the next THREAD reads only messages that have come since. If
 *          it finds just the same ones, the threads themselves are there still.
 * Owns     its arrays. What is shared never changes; the mail process keeps some (base/keep.h).
 * Called   by THREAD's step; thread_facts_make on a pool thread, for it goes through without a stop.
 * Tested   tests/unit/search_thread_kept.c
 */
#ifndef SEARCH_THREAD_KEPT_H
#define SEARCH_THREAD_KEPT_H

#include "base/keep.h"
#include "base/uidset.h"
#include "search/threads.h"

struct thread_facts {
    struct kept kept;
    struct uidset *uids;
    struct thread_message *messages; /* by ascending UID */
    uint32_t *ends;                  /* of each message's references, in references */
    uint64_t *references;
    uint32_t count;
};

/*
 * base (may be null) and what `fresh` has taken, none of which is in base, as one. Of base's UIDs below `from` those
 * that `present` lacks are left out: they are gone. The maker has the reference. Null: nothing is left, or it would be
 * larger than the limit.
 */
struct thread_facts *thread_facts_make(const struct thread_facts *base, const struct threads *fresh,
                                       const struct uidset *present, uint32_t from);
/* Adds those of `found` that it has. False: there is no memory for it. */
bool thread_facts_add(const struct thread_facts *facts, const struct uidset *found, struct threads *threads);

/* Threads that were built, and of which messages. */
struct thread_forest {
    struct kept kept;
    struct threads threads;
    struct uidset *found;
};
/* Takes over `threads`, which are empty then, and a copy of `found`. The maker has the reference. */
struct thread_forest *thread_forest_make(struct threads *threads, const struct uidset *found);

#endif
