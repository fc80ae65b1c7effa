/*
 * session/facts.h: what auth knows of users, for sessions that must know it: the account of a name, the name and the
 * groups of an account.
 *
 * Does     answers from what auth said within LIMIT_FACTS_MS, else asks. No login and no delivery waits for it.
 * Owns     what was told, and the questions under way.
 * Called   facts_find on any session's thread; the rest on the loop that the desk was made for.
 * Waits    never: the session's step does, for WAIT_REPLY.
 * Fails    FACTS_UNAVAILABLE, when auth is away or silent for LIMIT_AUTH_ANSWER_MS.
 * Limits   LIMIT_FACTS.
 * Tested   tests/unit/session_facts.c, tests/e2e/test_cap_acl.py
 */
#ifndef SESSION_FACTS_H
#define SESSION_FACTS_H

#include "base/arena.h"
#include "ipc/messages.h"
#include "net/loop.h"

struct session;
struct facts_desk;

struct facts {
    uint64_t account;
    struct view name;
    struct view *groups;
    size_t group_count;
};
enum facts_result { FACTS_KNOWN, FACTS_NOBODY, FACTS_UNAVAILABLE, FACTS_ASKED };
/*
 * By account or, if that is 0, by name. FACTS_ASKED: the step returns STEP_WAIT with WAIT_REPLY and asks again then.
 * Views lie in the arena.
 */
enum facts_result facts_find(struct session *session, struct arena *arena, uint64_t account, struct view name,
                             struct facts *facts_r);

/* ask sends the question to auth: false if it isn't there. */
struct facts_desk *facts_desk_new(struct loop *loop, bool (*ask)(void *ctx, uint64_t id, const struct ipc_facts *facts),
                                  void *ctx);
void facts_desk_free(struct facts_desk **desk);
/* Auth answered. */
void facts_are(struct facts_desk *desk, uint64_t id, const struct ipc_facts_are *are);
/* What was told no longer holds. */
void facts_gone(struct facts_desk *desk);
/* Auth is away: nobody waits any longer. */
void facts_give_up(struct facts_desk *desk);

#endif
