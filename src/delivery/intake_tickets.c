/*
 * delivery/intake_tickets.c: recipients that mail has promised to take.
 *
 * Does     a promise lives until its message ends, until LIMIT_INTAKE_TICKETS newer ones were made, or for ever if
 *          neither happens: it holds nothing but its own memory.
 * Tested   tests/e2e/test_lmtp.py
 */
#include "base/limits.h"
#include "base/memory.h"
#include "delivery/intake_private.h"

static struct view keep(char **at, struct view v)
{
    char *copy = *at;
    if (v.size > 0)
        view_copy(copy, v);
    *at += v.size;
    return view_of(copy, v.size);
}

void promise_remove(struct promises *promises, struct promise *promise)
{
    table_remove(&promises->by_ticket, promise->low);
    if (promise->older)
        promise->older->newer = promise->newer;
    else
        promises->oldest = promise->newer;
    if (promise->newer)
        promise->newer->older = promise->older;
    else
        promises->newest = promise->older;
    if (promise->next_same)
        promise->next_same->previous_same = promise->previous_same;
    if (promise->previous_same)
        promise->previous_same->next_same = promise->next_same;
    else if (promise->next_same)
        table_put(&promises->by_session, promise->session, promise->next_same);
    else
        table_remove(&promises->by_session, promise->session);
    promises->count--;
    free(promise);
}

void promise_add(struct promises *promises, const struct ipc_takes *takes)
{
    struct promise *same = table_get(&promises->by_ticket, takes->ticket_low);
    if (same)
        promise_remove(promises, same);
    if (promises->count >= LIMIT_INTAKE_TICKETS)
        promise_remove(promises, promises->oldest);
    struct promise *p = memory_new(sizeof(*p) + takes->user.size + takes->detail.size + takes->address.size);
    char *at = (char *)(p + 1);
    p->high = takes->ticket_high;
    p->low = takes->ticket_low;
    p->session = takes->session;
    p->account = takes->account;
    p->user = keep(&at, takes->user);
    p->detail = keep(&at, takes->detail);
    p->address = keep(&at, takes->address);
    p->older = promises->newest;
    if (p->older)
        p->older->newer = p;
    else
        promises->oldest = p;
    promises->newest = p;
    table_put(&promises->by_ticket, p->low, p);
    p->next_same = table_get(&promises->by_session, p->session);
    if (p->next_same)
        p->next_same->previous_same = p;
    table_put(&promises->by_session, p->session, p);
    promises->count++;
}

struct promise *promise_find(const struct promises *promises, uint64_t high, uint64_t low, uint64_t session)
{
    struct promise *p = table_get(&promises->by_ticket, low);
    return p && p->high == high && p->session == session ? p : NULL;
}

const struct promise *promise_only(const struct promises *promises, uint64_t session)
{
    const struct promise *p = table_get(&promises->by_session, session);
    return p && !p->next_same ? p : NULL;
}

void promises_free(struct promises *promises)
{
    while (promises->oldest)
        promise_remove(promises, promises->oldest);
    table_free(&promises->by_ticket);
    table_free(&promises->by_session);
}
