/*
 * session/session.c: the engine of resumable commands; see session/session.h.
 *
 * A session is in one of three phases: idle (looking for a command), in a command, or in the emitter. `drive` runs it
 * until it must wait; what it waits for is a set, and what came true meanwhile is kept in `pending` until a step waits
 * for it.
 */
#include "session/session.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/nowslot.h"
#include <pthread.h>

enum phase { PHASE_IDLE, PHASE_COMMAND, PHASE_EMIT };

/* One of the accounts that session_watch_more named. */
struct more_watcher {
    struct watcher watcher;
    struct session *session;
};

struct session_private {
    struct session *session;
    struct session *next, *previous; /* of the same loop */
    enum phase phase;
    const char *command; /* static text, for the now-slot */
    unsigned waiting;    /* the set that the last step returned */
    unsigned pending;    /* what came true and no step has been told of */
    unsigned holds;
    uint64_t watched; /* other_watcher's account, from the end of the step on */
    struct {
        uint64_t *wanted; /* from the end of the step on, if `changed` */
        size_t wanted_count;
        bool changed;
        struct more_watcher *watchers;
        size_t count;
    } more;
    bool driving, lent, gone, ending, returning, clean, queued, started;
    bool emits;          /* something changed that the emitter wants to tell */
    struct buffer early; /* octets that came with the hand-over, and what followed while they lasted */
    struct timer *timer; /* WAIT_TIMER, or the idle limit */
    struct task again, pool, back;
    struct step_context context; /* of the step in the pool */
    enum step_result result;
    const char *reason;
};

/* ---- the sessions of each loop ---- */

enum { LOOPS_MAX = 64 };
struct registry {
    const struct loop *loop;
    struct session *first;
    size_t count;
};
static struct registry registries[LOOPS_MAX];
static pthread_mutex_t registries_lock = PTHREAD_MUTEX_INITIALIZER;

/* Each loop has its own row, touched by that loop's thread alone; only taking a row needs the lock. */
static struct registry *registry_of(const struct loop *loop)
{
    struct registry *found = NULL;
    pthread_mutex_lock(&registries_lock);
    for (size_t i = 0; i < LOOPS_MAX && !found; i++) {
        if (!registries[i].loop)
            registries[i].loop = loop;
        if (registries[i].loop == loop)
            found = &registries[i];
    }
    pthread_mutex_unlock(&registries_lock);
    BUG_IF(!found);
    return found;
}

static void registry_add(struct session *s)
{
    struct registry *r = registry_of(s->loop);
    s->private->next = r->first;
    if (r->first)
        r->first->private->previous = s;
    r->first = s;
    r->count++;
}

static void registry_remove(struct session *s)
{
    struct registry *r = registry_of(s->loop);
    struct session_private *p = s->private;
    if (p->previous)
        p->previous->private->next = p->next;
    else
        r->first = p->next;
    if (p->next)
        p->next->private->previous = p->previous;
    r->count--;
}

size_t session_count(const struct loop *loop)
{
    return registry_of(loop)->count;
}

/* ---- input ---- */

struct view session_input(struct session *s)
{
    struct session_private *p = s->private;
    struct view more = stream_input(s->stream);
    if (!buffer_size(&p->early))
        return more;
    buffer_append_view(&p->early, more);
    stream_consume(s->stream, more.size);
    return buffer_view(&p->early);
}

void session_consume(struct session *s, size_t count)
{
    struct session_private *p = s->private;
    if (!buffer_size(&p->early)) {
        stream_consume(s->stream, count);
        return;
    }
    buffer_consume(&p->early, count);
    buffer_release_idle(&p->early, 0);
}

bool session_at_eof(const struct session *s)
{
    return stream_at_eof(s->stream);
}

/* ---- the end ---- */

static void give_back(struct session *s)
{
    struct session_private *p = s->private;
    int fd = stream_detach(&s->stream, &p->early);
    s->env->returned(s->env->ended_ctx, s, buffer_view(&p->early), fd);
}

static void unwatch_more(struct session *s)
{
    struct session_private *p = s->private;
    for (size_t i = 0; i < p->more.count; i++)
        store_unwatch(s->env->store, &p->more.watchers[i].watcher);
    free(p->more.watchers);
    p->more.watchers = NULL;
    p->more.count = 0;
}

static void destroy(struct session *s)
{
    struct session_private *p = s->private;
    if (p->phase == PHASE_COMMAND)
        s->protocol->drop(s);
    store_unwatch(s->env->store, &s->watcher);
    store_unwatch(s->env->store, &s->other_watcher);
    unwatch_more(s);
    free(p->more.wanted);
    s->protocol->end(s, p->reason ? p->reason : "gone");
    registry_remove(s);
    if (p->returning)
        give_back(s);
    else
        s->env->ended(s->env->ended_ctx, s->id, p->clean);
    stream_free(&s->stream);
    timer_free(&p->timer);
    buffer_free(&p->early);
    arena_free(&s->command_arena);
    arena_free(&s->arena);
    free(p);
    free(s);
}

/* True if the session was freed. It goes when nobody can come back to it: not lent, nothing outstanding, no task
 * queued. */
static bool destroy_if_gone(struct session *s)
{
    struct session_private *p = s->private;
    if (!p->gone || p->lent || p->holds || p->queued || p->driving)
        return false;
    destroy(s);
    return true;
}

bool session_is_gone(const struct session *s)
{
    return s->private->gone || s->private->ending;
}

void session_end(struct session *s, bool clean, const char *reason)
{
    struct session_private *p = s->private;
    if (p->ending || p->gone)
        return;
    p->ending = true;
    p->clean = clean;
    p->reason = reason;
    /* In the pool the stream is lent: the loop closes it when the step is back. */
    if (!p->lent)
        stream_finish(s->stream);
}

void session_return(struct session *s)
{
    struct session_private *p = s->private;
    if (p->ending || p->gone)
        return;
    BUG_IF(p->lent);
    p->ending = p->clean = p->returning = true;
    p->reason = "unauthenticate";
    stream_leave(s->stream);
}

void session_hold(struct session *s)
{
    s->private->holds++;
}

void session_release(struct session *s)
{
    s->private->holds--;
    destroy_if_gone(s);
}

/* ---- running ---- */

static void drive(struct session *s);

static void post_again(struct session *s)
{
    struct session_private *p = s->private;
    if (p->queued)
        return;
    p->queued = true;
    loop_post(s->loop, &p->again);
}

static void again(struct task *task)
{
    struct session_private *p =
        (struct session_private *)(void *)((char *)task - offsetof(struct session_private, again));
    p->queued = false;
    if (!destroy_if_gone(p->session))
        drive(p->session);
}

static void run_step(struct session *s)
{
    struct session_private *p = s->private;
    p->context.wait = 0;
    p->context.timer_ms = 0;
    p->context.deadline_us = clock_monotonic_us() + LIMIT_STEP_US;
    nowslot_set(s->account, s->id, p->command ? p->command : s->protocol->name);
    p->result = p->phase == PHASE_EMIT ? s->protocol->emit(s, &p->context) : s->protocol->step(s, &p->context);
    nowslot_set(0, 0, "");
}

static void in_pool(struct task *task)
{
    struct session_private *p =
        (struct session_private *)(void *)((char *)task - offsetof(struct session_private, pool));
    run_step(p->session);
    loop_post(p->session->loop, &p->back);
}

static void after_step(struct session *s);

static void back_from_pool(struct task *task)
{
    struct session_private *p =
        (struct session_private *)(void *)((char *)task - offsetof(struct session_private, back));
    struct session *s = p->session;
    p->lent = false;
    stream_take_back(s->stream);
    if (p->ending)
        stream_finish(s->stream);
    if (destroy_if_gone(s))
        return;
    p->driving = true;
    after_step(s);
    p->driving = false;
    if (!destroy_if_gone(s))
        drive(s);
}

static void lend_to_pool(struct session *s, unsigned woken_by)
{
    struct session_private *p = s->private;
    p->lent = true;
    p->waiting = 0;
    p->context = (struct step_context){.mode = READ_BLOCKING, .woken_by = woken_by};
    stream_lend(s->stream);
    engine_pool(store_engine(s->env->store), &p->pool);
}

void session_watch(struct session *s, uint64_t account)
{
    s->private->watched = account;
}

static void on_more_change(struct watcher *watcher, const struct touch *touch);

static bool is_watched(const struct session_private *p, uint64_t account)
{
    for (size_t i = 0; i < p->more.count; i++)
        if (p->more.watchers[i].watcher.account == account)
            return true;
    return false;
}

bool session_watch_more(struct session *s, const uint64_t *accounts, size_t count)
{
    struct session_private *p = s->private;
    bool fresh = false;
    for (size_t i = 0; i < count; i++)
        fresh = fresh || !is_watched(p, accounts[i]);
    free(p->more.wanted);
    p->more.wanted = memory_array(count + 1, sizeof *accounts);
    if (count)
        memcpy(p->more.wanted, accounts, count * sizeof *accounts);
    p->more.wanted_count = count;
    p->more.changed = true;
    return fresh;
}

static void follow_more(struct session *s)
{
    struct session_private *p = s->private;
    if (!p->more.changed)
        return;
    p->more.changed = false;
    unwatch_more(s);
    if (p->more.wanted_count)
        p->more.watchers = memory_array(p->more.wanted_count, sizeof *p->more.watchers);
    for (; p->more.count < p->more.wanted_count; p->more.count++) {
        struct more_watcher *more = &p->more.watchers[p->more.count];
        *more = (struct more_watcher){
            .watcher = {.account = p->more.wanted[p->more.count], .loop = s->loop, .changed = on_more_change},
            .session = s};
        store_watch(s->env->store, &more->watcher);
    }
}

/* The step may have run in the pool: watchers are their loop's. */
static void follow_watched(struct session *s)
{
    follow_more(s);
    uint64_t account = s->private->watched;
    if (s->other_watcher.account == account)
        return;
    if (s->other_watcher.account)
        store_unwatch(s->env->store, &s->other_watcher);
    s->other_watcher.account = account;
    if (account)
        store_watch(s->env->store, &s->other_watcher);
}

/* Takes in what a step returned: the phase and the set it waits for. */
static void after_step(struct session *s)
{
    struct session_private *p = s->private;
    follow_watched(s);
    if (p->result == STEP_WAIT) {
        p->waiting = p->context.wait;
        if (p->waiting & WAIT_TIMER)
            timer_set(p->timer, p->context.timer_ms);
        return;
    }
    p->waiting = 0;
    if (p->result == STEP_AGAIN) {
        post_again(s);
        return;
    }
    if (p->phase == PHASE_COMMAND) {
        s->protocol->drop(s);
        p->command = NULL;
    }
    arena_reset(&s->command_arena);
    p->phase = PHASE_IDLE;
    p->pending &= ~(unsigned)(WAIT_REPLY | WAIT_TIMER);
}

/* One step on the loop. */
static void step_here(struct session *s, unsigned woken_by)
{
    struct session_private *p = s->private;
    p->pending &= ~woken_by;
    p->waiting = 0;
    if (woken_by != WAIT_TIMER)
        timer_stop(p->timer);
    p->context = (struct step_context){.mode = READ_NONBLOCKING, .woken_by = woken_by};
    run_step(s);
    after_step(s);
}

/* Between commands. True if something began. */
static bool begin_something(struct session *s)
{
    struct session_private *p = s->private;
    if (stream_is_full(s->stream)) {
        p->waiting = WAIT_OUTPUT; /* who does not read gets no more commands run */
        return false;
    }
    if (p->emits) {
        p->emits = false;
        p->phase = PHASE_EMIT;
        p->waiting = 0;
        return true;
    }
    p->pending &= ~(unsigned)WAIT_INPUT;
    if (session_input(s).size || session_at_eof(s)) {
        nowslot_set(s->account, s->id, s->protocol->name);
        bool began = s->protocol->next(s);
        nowslot_set(0, 0, "");
        if (began)
            return true;
        if (session_at_eof(s) && !p->ending) {
            session_end(s, false, "disconnected");
            return false;
        }
    }
    timer_set(p->timer, s->protocol->idle_ms);
    return false;
}

/* True if the session may take one more step now; else it waits for an event. */
static bool drive_once(struct session *s)
{
    struct session_private *p = s->private;
    if (p->ending || p->gone || p->lent || p->queued)
        return false;
    if (p->phase == PHASE_IDLE) {
        if (p->waiting & WAIT_OUTPUT) {
            if (stream_is_full(s->stream))
                return false;
            p->waiting = 0;
        }
        return begin_something(s);
    }
    if (!p->waiting) {
        step_here(s, 0);
        return true;
    }
    if (p->waiting & WAIT_POOL) {
        lend_to_pool(s, 0);
        return false;
    }
    unsigned came = p->waiting & p->pending;
    if ((p->waiting & WAIT_OUTPUT) && !stream_is_full(s->stream))
        came |= WAIT_OUTPUT;
    if (!came)
        return false;
    step_here(s, came);
    return true;
}

static void drive(struct session *s)
{
    struct session_private *p = s->private;
    if (p->driving)
        return;
    p->driving = true;
    /* A long pipeline of short commands must not keep the loop from the others. */
    uint64_t until_us = clock_monotonic_us() + LIMIT_STEP_US;
    while (drive_once(s)) {
        if (clock_monotonic_us() > until_us && !p->lent && !p->ending) {
            post_again(s);
            break;
        }
    }
    p->driving = false;
    destroy_if_gone(s);
}

void session_begin(struct session *s, const char *name)
{
    struct session_private *p = s->private;
    timer_stop(p->timer);
    p->phase = PHASE_COMMAND;
    p->command = name;
    p->waiting = 0;
    p->pending &= ~(unsigned)(WAIT_REPLY | WAIT_TIMER);
}

static void wake(struct session *s, unsigned why)
{
    s->private->pending |= why;
    drive(s);
}

void session_reply(struct session *s)
{
    wake(s, WAIT_REPLY);
}

/* ---- events ---- */

static void on_stream(void *ctx, struct stream *stream, enum stream_event event)
{
    struct session *s = ctx;
    struct session_private *p = s->private;
    switch (event) {
    case STREAM_INPUT:
    case STREAM_EOF:
        wake(s, WAIT_INPUT);
        break;
    case STREAM_DRAINED:
        wake(s, WAIT_OUTPUT);
        break;
    case STREAM_BROKEN:
        p->returning = false; /* there is nothing to give back */
        /* fall through */
    case STREAM_CLOSED:
        if (!p->ending)
            p->reason = "connection lost";
        p->gone = true;
        destroy_if_gone(s);
        break;
    case STREAM_SECURED:
        break;
    }
}

static void hear(struct session *s, const struct touch *touch)
{
    struct session_private *p = s->private;
    p->pending |= WAIT_CHANGE;
    if (s->protocol->changed && s->protocol->changed(s, touch))
        p->emits = true;
    if (p->emits || (p->waiting & WAIT_CHANGE))
        drive(s);
}

static void on_change(struct watcher *watcher, const struct touch *touch)
{
    hear((struct session *)(void *)((char *)watcher - offsetof(struct session, watcher)), touch);
}

static void on_other_change(struct watcher *watcher, const struct touch *touch)
{
    hear((struct session *)(void *)((char *)watcher - offsetof(struct session, other_watcher)), touch);
}

static void on_more_change(struct watcher *watcher, const struct touch *touch)
{
    hear(((struct more_watcher *)(void *)watcher)->session, touch);
}

static void on_timer(void *ctx)
{
    struct session *s = ctx;
    struct session_private *p = s->private;
    if (p->phase != PHASE_IDLE) {
        wake(s, WAIT_TIMER);
        return;
    }
    if (p->ending || p->gone)
        return;
    if (s->protocol->idle_out)
        s->protocol->idle_out(s);
    session_end(s, true, "idle");
}

/* ---- life ---- */

static void copy_text(char *to, size_t size, struct view from)
{
    size_t length = from.size < size - 1 ? from.size : size - 1;
    if (length)
        memcpy(to, from.data, length);
    to[length] = 0;
}

static struct session *session_new(const struct mail_env *env, struct loop *loop, struct parser *parser,
                                   const struct protocol_engine *protocol, const struct adopted *a)
{
    struct session *s = NEW(struct session);
    struct session_private *p = NEW(struct session_private);
    *s = (struct session){.env = env,
                          .protocol = protocol,
                          .loop = loop,
                          .parser = parser,
                          .id = a->session,
                          .account = a->account,
                          .credential = a->credential,
                          .tls = a->tls,
                          .language = a->language,
                          .private = p};
    s->started_ms = clock_monotonic_ms();
    copy_text(s->user, sizeof s->user, a->user);
    copy_text(s->peer, sizeof s->peer, a->peer);
    copy_text(s->local, sizeof s->local, a->local);
    copy_text(s->tls_version, sizeof s->tls_version, a->tls_version);
    arena_init(&s->arena, LIMIT_SESSION_MEMORY);
    arena_init(&s->command_arena, LIMIT_COMMAND_MEMORY);
    p->session = s;
    p->again.run = again;
    p->pool.run = in_pool;
    p->back.run = back_from_pool;
    buffer_append_view(&p->early, a->pending);
    p->timer = timer_new(loop, on_timer, s);
    return s;
}

struct session *session_adopt(const struct mail_env *env, struct loop *loop, struct parser *parser,
                              const struct protocol_engine *protocol, const struct adopted *adopted)
{
    struct session *s = session_new(env, loop, parser, protocol, adopted);
    struct session_private *p = s->private;
    s->stream = stream_new(loop, adopted->fd, on_stream, s);
    s->watcher = (struct watcher){.account = s->account, .loop = loop, .changed = on_change};
    s->other_watcher = (struct watcher){.loop = loop, .changed = on_other_change};
    p->driving = true;
    bool good = protocol->start(s, adopted);
    p->driving = false;
    if (!good) {
        stream_free(&s->stream);
        timer_free(&p->timer);
        buffer_free(&p->early);
        arena_free(&s->command_arena);
        arena_free(&s->arena);
        free(p);
        free(s);
        return NULL;
    }
    registry_add(s);
    store_watch(env->store, &s->watcher);
    /* The first turn is its own: the caller has still to say ACCEPTED. */
    post_again(s);
    return s;
}

void session_end_account(struct loop *loop, uint64_t account, uint64_t credential)
{
    struct session *next;
    for (struct session *s = registry_of(loop)->first; s; s = next) {
        next = s->private->next;
        if (!s->private->ending && s->account == account && (!credential || s->credential == credential)) {
            if (s->protocol->idle_out && !s->private->lent)
                s->protocol->idle_out(s);
            session_end(s, true, "revoked");
        }
    }
}

void session_end_all(struct loop *loop)
{
    struct session *next;
    for (struct session *s = registry_of(loop)->first; s; s = next) {
        next = s->private->next;
        if (s->protocol->idle_out && !s->private->lent && !s->private->ending && s->private->phase == PHASE_IDLE)
            s->protocol->idle_out(s);
        session_end(s, true, "shutting down");
    }
}
