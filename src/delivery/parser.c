/*
 * delivery/parser.c: see delivery/parser.h.
 *
 * An instance works through its requests in order, so when it dies it was the first unanswered one's doing, or nearly:
 * answers may have been lost with it. The first is asked again alone in an instance; killing it twice alone makes it
 * poison. All others just go again.
 */
#include "delivery/parser.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "digest/digest.h"
#include "ipc/channel.h"
#include "ipc/parse_time.h"
#include <pthread.h>

enum {
    INSTANCES = 16,
    PIECE_OCTETS = 1 << 20,
    PENDING_OCTETS = 2 << 20, /* in a channel before the next piece waits */
    TICK_MS = 50,
    SUSPECT = 1, /* attempts: from here on alone */
    POISON = 3
};

struct instance {
    struct parser *parser;
    struct channel *channel;
    uint32_t number;
    bool killed;
    struct parse_request *first, **last; /* in the order in which they are answered */
    uint32_t count;
    struct parse_request *sending; /* the last of them, if it isn't sent whole */
    size_t sent;
    uint64_t head_since_ms; /* the first is being worked on since then */
};

struct parser {
    struct loop *loop;
    void (*kill)(void *ctx, uint32_t instance);
    void *ctx;
    struct instance *instances[INSTANCES];
    struct parse_request *first, **last; /* waiting */
    struct timer *timer;
    bool ticking;
    uint64_t next_id;
};

/* ---- the queue ---- */

static void queue_append(struct parser *p, struct parse_request *request)
{
    request->next = NULL;
    *p->last = request;
    p->last = &request->next;
}

static void queue_prepend(struct parser *p, struct parse_request *request)
{
    request->next = p->first;
    if (!p->first)
        p->last = &request->next;
    p->first = request;
}

static struct parse_request *queue_take(struct parser *p)
{
    struct parse_request *request = p->first;
    if (!request)
        return NULL;
    p->first = request->next;
    if (!p->first)
        p->last = &p->first;
    request->next = NULL;
    return request;
}

static void start_ticking(struct parser *p)
{
    if (!p->ticking)
        timer_set(p->timer, TICK_MS);
    p->ticking = true;
}

/* ---- answers ---- */

static struct parse_request *request_of_task(struct task *task)
{
    return (struct parse_request *)(void *)((char *)task - offsetof(struct parse_request, task));
}

static void run_done(struct task *task)
{
    struct parse_request *request = request_of_task(task);
    request->done(request);
}

static void finish(struct parser *p, struct parse_request *request, enum parse_result result)
{
    request->result = result;
    if (!request->loop || request->loop == p->loop) {
        request->done(request);
        return;
    }
    request->task.run = run_done;
    loop_post(request->loop, &request->task);
}

/* The answer belongs to the first request; its octets are checked before anyone uses them. */
static bool take_answer(struct parse_request *request, const struct message *message)
{
    const struct ipc_digested *digested = message->body;
    const struct ipc_matched *matched = message->body;
    const struct ipc_converted *converted = message->body;
    struct digest digest;
    buffer_clear(&request->answer);
    switch (message->type) {
    case IPC_DIGESTED:
        if (request->kind != PARSE_DIGEST || !digest_open(digested->digest, &digest) ||
            digest.size_octets != request->octets.size)
            return false;
        buffer_append_view(&request->answer, digested->digest);
        return true;
    case IPC_MATCHED:
        if (request->kind != PARSE_MATCH)
            return false;
        buffer_append_view(&request->answer, matched->bits);
        return true;
    case IPC_CONVERTED:
        if (request->kind != PARSE_CONVERT)
            return false;
        request->known = converted->known;
        buffer_append_view(&request->answer, converted->utf8);
        return true;
    default:
        return false;
    }
}

/* ---- sending ---- */

static void send_piece(struct instance *in)
{
    struct parse_request *r = in->sending;
    struct view piece = view_slice(r->octets, in->sent, PIECE_OCTETS);
    bool first = in->sent == 0;
    in->sent += piece.size;
    uint8_t more = in->sent < r->octets.size;
    if (!first) {
        struct ipc_digest_piece body = {more, piece};
        channel_send(in->channel, IPC_DIGEST_PIECE, r->id, &body, -1);
    } else if (r->kind == PARSE_DIGEST) {
        struct ipc_digest body = {more, piece};
        channel_send(in->channel, IPC_DIGEST, r->id, &body, -1);
    } else if (r->kind == PARSE_MATCH) {
        struct ipc_match body = {more, r->keys, piece};
        channel_send(in->channel, IPC_MATCH, r->id, &body, -1);
    } else {
        struct ipc_convert body = {r->keys, piece};
        channel_send(in->channel, IPC_CONVERT, r->id, &body, -1);
        more = 0;
    }
    if (!more)
        in->sending = NULL;
}

/* False if the channel is full: on_drained goes on. */
static bool send_pieces(struct instance *in)
{
    while (in->sending) {
        if (channel_pending(in->channel) > PENDING_OCTETS)
            return false;
        send_piece(in);
    }
    return true;
}

static void give(struct instance *in, struct parse_request *request)
{
    if (!in->count)
        in->head_since_ms = clock_monotonic_ms();
    request->id = ++in->parser->next_id;
    *in->last = request;
    in->last = &request->next;
    in->count++;
    in->sending = request;
    in->sent = 0;
}

static bool may_take(const struct instance *in, const struct parse_request *request)
{
    if (in->killed || in->sending)
        return false;
    if (!in->count)
        return true;
    bool alone = request->attempts >= SUSPECT || in->first->attempts >= SUSPECT;
    return !alone && in->count < LIMIT_PARSE_BATCH;
}

/* The one with the least to do that may take it. */
static struct instance *choose(struct parser *p, const struct parse_request *request)
{
    struct instance *best = NULL;
    for (size_t i = 0; i < INSTANCES; i++) {
        struct instance *in = p->instances[i];
        if (in && may_take(in, request) && (!best || in->count < best->count))
            best = in;
    }
    return best;
}

static void dispatch(struct parser *p)
{
    while (p->first) {
        struct instance *in = choose(p, p->first);
        if (!in)
            break;
        give(in, queue_take(p));
        send_pieces(in);
    }
    if (p->first)
        start_ticking(p);
}

/* ---- an instance ends ---- */

static void log_poison(const struct parse_request *request)
{
    log_event(LOG_WARN, "parse.poison", "octets=%zu kind=%d", request->octets.size, (int)request->kind);
}

/* Puts its requests back in front, the first under suspicion; or ends it as poison. */
static void give_back(struct parser *p, struct instance *in)
{
    struct parse_request *all[LIMIT_PARSE_BATCH];
    size_t count = 0;
    for (struct parse_request *r = in->first; r && count < LIMIT_PARSE_BATCH; r = r->next)
        all[count++] = r;
    for (size_t i = count; i > 1; i--)
        queue_prepend(p, all[i - 1]);
    if (!count)
        return;
    if (++all[0]->attempts >= POISON) {
        log_poison(all[0]);
        finish(p, all[0], PARSE_POISON);
        return;
    }
    all[0]->deadline_ms = clock_monotonic_ms() + LIMIT_PARSE_WAIT_MS;
    queue_prepend(p, all[0]);
}

static void instance_end(struct instance *in)
{
    struct parser *p = in->parser;
    p->instances[in->number] = NULL;
    channel_free(&in->channel);
    give_back(p, in);
    free(in);
}

/* ---- the channel ---- */

static void on_message(void *ctx, struct channel *channel, struct message *message)
{
    struct instance *in = ctx;
    struct parser *p = in->parser;
    struct parse_request *request = in->first;
    if (in->killed)
        return;
    if (!request || request->id != message->id || in->sending == request || !take_answer(request, message)) {
        /* An answer that can't be: this instance is not what it should be. */
        log_event(LOG_WARN, "parse.answer", "instance=%u type=%s", in->number, ipc_type_name(message->type));
        in->killed = true;
        p->kill(p->ctx, in->number);
        return;
    }
    in->first = request->next;
    if (!in->first)
        in->last = &in->first;
    in->count--;
    in->head_since_ms = clock_monotonic_ms();
    finish(p, request, PARSE_OK);
    dispatch(p);
}

static void on_closed(void *ctx, struct channel *channel, const char *reason)
{
    struct instance *in = ctx;
    struct parser *p = in->parser;
    instance_end(in);
    dispatch(p);
}

static void on_drained(void *ctx, struct channel *channel)
{
    struct instance *in = ctx;
    if (send_pieces(in))
        dispatch(in->parser);
}

static const struct channel_user instance_user = {on_message, on_closed, on_drained};

/* ---- deadlines ---- */

/* A late one is killed; its channel's end does the rest. */
static void check_instance(struct parser *p, struct instance *in, uint64_t now_ms)
{
    if (in->killed || !in->first || now_ms - in->head_since_ms < parse_clock_ms(in->first->octets.size))
        return;
    log_event(LOG_WARN, "parse.late", "instance=%u octets=%zu", in->number, in->first->octets.size);
    in->killed = true;
    p->kill(p->ctx, in->number);
}

/* Those that waited too long for any instance. */
static void check_queue(struct parser *p, uint64_t now_ms)
{
    struct parse_request *request = p->first;
    p->first = NULL;
    p->last = &p->first;
    while (request) {
        struct parse_request *next = request->next;
        if (now_ms >= request->deadline_ms)
            finish(p, request, PARSE_UNAVAILABLE);
        else
            queue_append(p, request);
        request = next;
    }
}

static void on_timer(void *ctx)
{
    struct parser *p = ctx;
    uint64_t now_ms = clock_monotonic_ms();
    bool busy = false;
    p->ticking = false;
    for (size_t i = 0; i < INSTANCES; i++) {
        if (!p->instances[i])
            continue;
        check_instance(p, p->instances[i], now_ms);
        busy = busy || p->instances[i]->first;
    }
    check_queue(p, now_ms);
    dispatch(p);
    if (busy || p->first)
        start_ticking(p);
}

/* ---- outside ---- */

struct parser *parser_new(struct loop *loop, void (*kill)(void *ctx, uint32_t instance), void *ctx)
{
    struct parser *p = NEW(struct parser);
    p->loop = loop;
    p->kill = kill;
    p->ctx = ctx;
    p->last = &p->first;
    p->timer = timer_new(loop, on_timer, p);
    return p;
}

struct attaching {
    struct task task;
    struct parser *parser;
    uint32_t number;
    int fd;
};

static void attach(struct task *task)
{
    struct attaching *a = (struct attaching *)(void *)task;
    struct parser *p = a->parser;
    if (p->instances[a->number])
        instance_end(p->instances[a->number]);
    struct instance *in = NEW(struct instance);
    in->parser = p;
    in->number = a->number;
    in->last = &in->first;
    in->channel = channel_new(p->loop, a->fd, ROLE_MAIL, ROLE_PARSE, &instance_user, in);
    p->instances[a->number] = in;
    free(a);
    dispatch(p);
}

void parser_attach(struct parser *p, uint32_t instance, int fd)
{
    struct attaching *a = NEW(struct attaching);
    *a = (struct attaching){.task.run = attach, .parser = p, .number = instance % INSTANCES, .fd = fd};
    loop_post(p->loop, &a->task);
}

static void arrive(struct task *task)
{
    struct parse_request *request = request_of_task(task);
    struct parser *p = request->parser;
    queue_append(p, request);
    dispatch(p);
    start_ticking(p);
}

void parser_submit(struct parser *p, struct parse_request *request)
{
    request->attempts = 0;
    request->deadline_ms = clock_monotonic_ms() + LIMIT_PARSE_WAIT_MS;
    request->parser = p;
    request->task.run = arrive;
    if (loop_is_mine(p->loop))
        arrive(&request->task);
    else
        loop_post(p->loop, &request->task);
}

struct waiting {
    struct parse_request *request;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool over;
};

static void waited(struct parse_request *request)
{
    struct waiting *w = request->waiter;
    pthread_mutex_lock(&w->lock);
    w->over = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
}

enum parse_result parser_run(struct parser *p, struct parse_request *request)
{
    struct waiting w = {.request = request};
    pthread_mutex_init(&w.lock, NULL);
    pthread_cond_init(&w.wake, NULL);
    request->loop = NULL;
    // cppcheck-suppress autoVariables ; it is over before w goes
    request->waiter = &w;
    request->done = waited;
    parser_submit(p, request);
    pthread_mutex_lock(&w.lock);
    while (!w.over)
        pthread_cond_wait(&w.wake, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.wake);
    pthread_mutex_destroy(&w.lock);
    return request->result;
}

void parser_free(struct parser **parser)
{
    struct parser *p = *parser;
    *parser = NULL;
    if (!p)
        return;
    for (size_t i = 0; i < INSTANCES; i++)
        if (p->instances[i])
            instance_end(p->instances[i]);
    for (struct parse_request *request; (request = queue_take(p));)
        finish(p, request, PARSE_UNAVAILABLE);
    timer_free(&p->timer);
    free(p);
}
