/* search/purse.c: see search/purse.h. */
#include "search/purse.h"
#include "base/limits.h"
#include <stdatomic.h>

static atomic_size_t all;

bool purse_reach(struct purse *purse, size_t octets)
{
    if (octets <= purse->taken)
        return true;
    if (octets > LIMIT_SEARCH_MEMORY)
        return false;
    size_t more = octets - purse->taken;
    if (atomic_fetch_add(&all, more) + more > LIMIT_SEARCH_PURSE) {
        atomic_fetch_sub(&all, more);
        return false;
    }
    purse->taken = octets;
    return true;
}

void purse_empty(struct purse *purse)
{
    atomic_fetch_sub(&all, purse->taken);
    purse->taken = 0;
}
