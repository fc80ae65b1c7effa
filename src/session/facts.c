/*
 * session/facts.c: see session/facts.h.
 *
 * What was told lies in slots by hash of the question, so that what strangers ask for takes no more than that. A
 * question that is under way holds its session.
 */
#include "session/facts.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "session/session.h"
#include <pthread.h>
#include <stdlib.h>

enum { TICK_MS = 1000, FAILED_MS = 1000 };

struct slot {
    uint64_t asked_account; /* the question */
    char *asked_name;
    uint64_t until_ms; /* 0: nothing is there */
    bool failed;
    uint64_t account; /* the answer */
    char *name, *groups;
};

struct question {
    struct task task;
    struct question *next;
    struct session *session;
    struct facts_desk *desk;
    uint64_t id, deadline_ms, account;
    char *name;
};

struct facts_desk {
    struct loop *loop;
    bool (*ask)(void *ctx, uint64_t id, const struct ipc_facts *facts);
    void *ctx;
    struct question *questions; /* the loop's */
    uint64_t last_id;
    struct timer *timer;
    pthread_mutex_t lock;
    struct slot slots[LIMIT_FACTS];
};

/* ---- slots, under the lock ---- */

static struct slot *slot_of(struct facts_desk *desk, uint64_t account, struct view name)
{
    uint64_t mix = account * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < name.size; i++)
        mix = (mix ^ (unsigned char)name.data[i]) * 0x100000001b3u;
    return &desk->slots[(mix ^ mix >> 32) % LIMIT_FACTS];
}

static void slot_clear(struct slot *slot)
{
    free(slot->asked_name);
    free(slot->name);
    free(slot->groups);
    *slot = (struct slot){0};
}

static bool slot_answers(const struct slot *slot, uint64_t account, struct view name)
{
    return slot->until_ms > clock_monotonic_ms() && slot->asked_account == account &&
           view_equal_string(name, slot->asked_name);
}

static char *text_of(struct view v)
{
    char *text = memory_new(v.size + 1);
    view_copy(text, v);
    text[v.size] = '\0';
    return text;
}

static void keep(struct question *q, const struct ipc_facts_are *are)
{
    struct facts_desk *desk = q->desk;
    pthread_mutex_lock(&desk->lock);
    struct slot *slot = slot_of(desk, q->account, view_of_string(q->name));
    slot_clear(slot);
    *slot = (struct slot){.asked_account = q->account,
                          .asked_name = text_of(view_of_string(q->name)),
                          .until_ms = clock_monotonic_ms() + (are ? LIMIT_FACTS_MS : FAILED_MS),
                          .failed = !are,
                          .account = are ? are->account : 0,
                          .name = text_of(are ? are->name : VIEW_EMPTY),
                          .groups = text_of(are ? are->groups : VIEW_EMPTY)};
    pthread_mutex_unlock(&desk->lock);
}

static void take_groups(struct arena *arena, struct view text, struct facts *facts)
{
    struct view rest = arena_view(arena, text);
    facts->groups = ARENA_ARRAY(arena, LIMIT_GROUPS, struct view);
    while (rest.size && facts->group_count < LIMIT_GROUPS) {
        size_t end = view_find(rest, '\n', 0);
        facts->groups[facts->group_count++] = view_slice(rest, 0, end);
        rest = end == SIZE_MAX ? VIEW_EMPTY : view_skip(rest, end + 1);
    }
}

/* ---- questions, on the desk's loop ---- */

static void wake(struct task *task)
{
    struct question *q = (struct question *)task;
    struct session *session = q->session;
    free(q->name);
    free(q);
    session_reply(session);
    session_release(session);
}

/* are null: there is no answer. */
static void answer(struct facts_desk *desk, struct question *q, const struct ipc_facts_are *are)
{
    for (struct question **at = &desk->questions; *at; at = &(*at)->next)
        if (*at == q) {
            *at = q->next;
            break;
        }
    keep(q, are);
    q->task.run = wake;
    loop_post(q->session->loop, &q->task);
}

static void send(struct task *task)
{
    struct question *q = (struct question *)task;
    struct facts_desk *desk = q->desk;
    const struct ipc_facts facts = {q->account, view_of_string(q->name)};
    q->id = ++desk->last_id;
    q->deadline_ms = clock_monotonic_ms() + LIMIT_AUTH_ANSWER_MS;
    q->next = desk->questions;
    desk->questions = q;
    if (desk->ask(desk->ctx, q->id, &facts))
        timer_set(desk->timer, TICK_MS);
    else
        answer(desk, q, NULL);
}

void facts_are(struct facts_desk *desk, uint64_t id, const struct ipc_facts_are *are)
{
    for (struct question *q = desk->questions; q; q = q->next)
        if (q->id == id) {
            answer(desk, q, are);
            return;
        }
}

static void give_up(struct facts_desk *desk, uint64_t now_ms)
{
    struct question *next;
    for (struct question *q = desk->questions; q; q = next) {
        next = q->next;
        if (q->deadline_ms <= now_ms)
            answer(desk, q, NULL);
    }
}

void facts_give_up(struct facts_desk *desk)
{
    give_up(desk, UINT64_MAX);
}

static void tick(void *ctx)
{
    struct facts_desk *desk = ctx;
    give_up(desk, clock_monotonic_ms());
    if (desk->questions)
        timer_set(desk->timer, TICK_MS);
}

void facts_gone(struct facts_desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    for (size_t i = 0; i < LIMIT_FACTS; i++)
        slot_clear(&desk->slots[i]);
    pthread_mutex_unlock(&desk->lock);
}

/* ---- asking, on any session's thread ---- */

static void ask(struct session *session, uint64_t account, struct view name)
{
    struct facts_desk *desk = session->env->facts;
    struct question *q = NEW(struct question);
    q->desk = desk;
    q->session = session;
    q->account = account;
    q->name = text_of(name);
    q->task.run = send;
    session_hold(session);
    loop_post(desk->loop, &q->task);
}

enum facts_result facts_find(struct session *session, struct arena *arena, uint64_t account, struct view name,
                             struct facts *facts_r)
{
    struct facts_desk *desk = session->env->facts;
    enum facts_result result = FACTS_ASKED;
    *facts_r = (struct facts){0};
    if (!account && (!name.size || name.size > LIMIT_USER_OCTETS || view_find(name, '\0', 0) != SIZE_MAX))
        return FACTS_NOBODY;
    pthread_mutex_lock(&desk->lock);
    const struct slot *slot = slot_of(desk, account, name);
    if (slot_answers(slot, account, name)) {
        result = slot->failed ? FACTS_UNAVAILABLE : slot->account ? FACTS_KNOWN : FACTS_NOBODY;
        facts_r->account = slot->account;
        facts_r->name = arena_view(arena, view_of_string(slot->name));
        take_groups(arena, view_of_string(slot->groups), facts_r);
    }
    pthread_mutex_unlock(&desk->lock);
    if (result == FACTS_ASKED)
        ask(session, account, name);
    return result;
}

/* ---- life ---- */

struct facts_desk *facts_desk_new(struct loop *loop,
                                  bool (*ask_auth)(void *ctx, uint64_t id, const struct ipc_facts *facts), void *ctx)
{
    struct facts_desk *desk = NEW(struct facts_desk);
    desk->loop = loop;
    desk->ask = ask_auth;
    desk->ctx = ctx;
    desk->timer = timer_new(loop, tick, desk);
    pthread_mutex_init(&desk->lock, NULL);
    return desk;
}

void facts_desk_free(struct facts_desk **desk)
{
    struct facts_desk *old = *desk;
    *desk = NULL;
    if (!old)
        return;
    facts_give_up(old);
    facts_gone(old);
    timer_free(&old->timer);
    free(old);
}
