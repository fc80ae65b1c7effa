/*
 * imap/idle.c: IDLE (RFC 2177): tells changes as they come, until DONE.
 *
 * A session that idles holds no memory but its own: the watcher wakes it, sync.c reads what changed. "OK Still here"
 * keeps routers from forgetting the connection; a client that is gone is noticed by it too.
 * Tested   tests/e2e/test_imap.py
 */
#include "imap/notify.h"
#include <stdatomic.h>

enum { DONE_OCTETS = 64 };

static _Atomic uint64_t keepalive_ms = LIMIT_IMAP_KEEPALIVE_MS;

void imap_set_keepalive(uint64_t ms)
{
    atomic_store(&keepalive_ms, ms);
}

struct idle {
    bool telling; /* a sync is under way */
};

/* What came is DONE, or something that is none. False: not yet a whole line. */
static bool take_done(struct imap *imap)
{
    struct view input = session_input(imap->session);
    size_t end = view_find(input, '\n', 0);
    if (end == SIZE_MAX && input.size <= DONE_OCTETS)
        return false;
    struct view line = view_trim(view_slice(input, 0, end));
    bool done = end != SIZE_MAX && view_equal_string_nocase(line, "DONE");
    session_consume(imap->session, end == SIZE_MAX ? input.size : end + 1);
    if (done)
        imap_finish(imap, "OK", NULL, "Idle completed");
    else
        imap_finish(imap, "BAD", NULL, "DONE is expected");
    return true;
}

enum step_result idle_step(struct imap *imap, struct step_context *context)
{
    struct idle *idle = imap->state;
    if (!idle) {
        idle = imap->state = ARENA_NEW(&imap->session->command_arena, struct idle);
        imap_say(imap, "+ idling\r\n");
        idle->telling = true;
    }
    if (context->woken_by & WAIT_TIMER)
        imap_untagged(imap, "OK Still here");
    if (context->woken_by & (WAIT_CHANGE | WAIT_TIMER))
        idle->telling = true; /* by the clock too: the user's groups change without a change of the mailbox */
    if (idle->telling) {
        enum step_result result = selected_check(imap, context);
        if (result != STEP_DONE || imap->finished)
            return result;
        result = sync_step(imap, context, true);
        if (result == STEP_DONE)
            result = notify_tell(imap, context); /* RFC 5465 4 */
        if (result != STEP_DONE)
            return result;
        idle->telling = false;
    }
    if (imap->end_reason) {
        imap_finish(imap, "OK", NULL, "Idle completed");
        return STEP_DONE;
    }
    if (take_done(imap))
        return STEP_DONE;
    if (session_at_eof(imap->session)) {
        imap_end_after(imap, false, "disconnected in IDLE");
        imap_finish(imap, "BAD", NULL, "Disconnected");
        return STEP_DONE;
    }
    context->wait = WAIT_INPUT | WAIT_CHANGE | WAIT_TIMER;
    context->timer_ms = atomic_load(&keepalive_ms);
    return STEP_WAIT;
}
