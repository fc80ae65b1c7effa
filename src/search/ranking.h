/*
 * search/ranking.h: the order of all messages of a mailbox, kept between commands.
 *
 * Does     what SORT's criteria look at never changes for a UID, but for relevancy and annotations. So a sorted order
 *          serves the next SORT too: only messages that have come since are read, and merged in; of any found set the
 *          order is then a matter of counting.
 * Owns     keys and places. A ranking that is shared never changes; the mail process keeps some (base/keep.h).
 * Called   by SORT's step; ranking_make on a pool thread, for it goes through without a stop.
 * Tested   tests/unit/search_ranking.c
 */
#ifndef SEARCH_RANKING_H
#define SEARCH_RANKING_H

#include "base/keep.h"
#include "base/uidset.h"
#include "search/order.h"

struct ranking {
    struct kept kept;
    struct order order;  /* sorted */
    struct uidset *uids; /* those in it */
    uint32_t *places;    /* in the order, by ascending UID */
};

/* Does the order last: no criterion but what a message is. */
bool ranking_lasts(const struct order_program *program);
/* What a ranking is kept under, next to its mailbox: no other program that lasts has it. Within `octets`. */
enum { RANKING_NAME_OCTETS = 1 + 2 * LIMIT_SORT_CRITERIA };
struct view ranking_name(const struct order_program *program, char octets[static RANKING_NAME_OCTETS]);

/*
 * base (may be null) and fresh, which is sorted and has none of base's, as one. Of base's UIDs below `from` those that
 * `present` lacks are left out: they are gone. The maker has the reference. Null: there is no memory for it.
 */
struct ranking *ranking_make(const struct ranking *base, const struct order *fresh, const struct uidset *present,
                             uint32_t from);
/* Appends to out, which is empty, those of `found`, all of which are in the ranking, in its order. False: there is no
 * memory for it. */
bool ranking_choose(const struct ranking *ranking, const struct uidset *found, struct order *out);
/* Those of `found` that the ranking has, with their keys, in no order. False: likewise. */
bool ranking_copy(const struct ranking *ranking, const struct uidset *found, struct order *out);

#endif
