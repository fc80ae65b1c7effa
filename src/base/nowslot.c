/* base/nowslot.c: see base/nowslot.h. */
#include "base/nowslot.h"
#include <stdatomic.h>

static struct nowslot *slots;
static atomic_uint next_slot;
static _Thread_local unsigned mine; /* 1 + index; 0: none yet; beyond NOWSLOT_COUNT: none to be had */

void nowslot_use(struct nowslot *page)
{
    slots = page;
}

void nowslot_set(uint64_t account, uint64_t session, const char *command)
{
    if (!slots)
        return;
    if (!mine)
        mine = atomic_fetch_add(&next_slot, 1) + 1;
    if (mine > NOWSLOT_COUNT)
        return;
    struct nowslot *slot = &slots[mine - 1];
    slot->session = session;
    for (unsigned i = 0; i < sizeof slot->command; i++) {
        slot->command[i] = command[i];
        if (!command[i])
            break;
    }
    slot->account = account;
}
