/*
 * search/purse.h: the memory that SORT, THREAD and lasting results may use, of all sessions together.
 *
 * Does     counts octets; whoever would pass LIMIT_SEARCH_MEMORY alone or LIMIT_SEARCH_PURSE together is refused.
 * Called   by order.c, threads.c and the protocols, on any thread.
 * Tested   tests/unit/search_order.c
 */
#ifndef SEARCH_PURSE_H
#define SEARCH_PURSE_H

#include <stdbool.h>
#include <stddef.h>

struct purse {
    size_t taken;
};
/* More of it, up to `octets` in all. False: nothing was taken. */
bool purse_reach(struct purse *purse, size_t octets);
/* All of it goes back. */
void purse_empty(struct purse *purse);

#endif
