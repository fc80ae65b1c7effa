/* message/service.c: see message/service.h. */
#include "message/service.h"
#include "base/limits.h"
#include "base/memory.h"
#include "digest/digest.h"
#include "digest/text.h"
#include "digest/transfer.h"
#include "ipc/parse_time.h"
#include "message/charset.h"
#include "message/html.h"
#include "message/matcher.h"
#include "message/summary.h"
#include <poll.h>
#include <stdlib.h>
#include <sys/time.h>

struct service {
    struct channel *channel;
    struct summary *summary;
    bool fault;
    void (*closed)(void *ctx, struct service *service);
    void *ctx;
    /* The message whose pieces are coming. */
    enum ipc_type type;
    uint64_t id;
    struct buffer octets, keys;
};

/* ---- time ---- */

/* Processor time from now on, for so many octets: SIGPROF ends a process that takes more. */
static void allow_time(size_t octets)
{
    uint64_t ms = parse_processor_ms(octets);
    struct itimerval timer = {.it_value = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)}};
    BUG_IF(setitimer(ITIMER_PROF, &timer, NULL) != 0);
}

static void end_time(void)
{
    static const struct itimerval none;
    BUG_IF(setitimer(ITIMER_PROF, &none, NULL) != 0);
}

/* ---- faults for tests ---- */

static void bloat(void)
{
    for (size_t size = 1 << 20;; size += 1 << 20) {
        volatile char *p = memory_new(size);
        for (size_t i = 0; i < size; i += 4096)
            p[i] = 1;
    }
}

static void obey_fault(struct view message)
{
    struct view field, name, value;
    size_t at = 0;
    while (header_next(message, &at, &field, &name, &value)) {
        if (!view_equal_string_nocase(name, "X-Waxwing-Fault"))
            continue;
        value = view_trim(value);
        if (view_equal_string(value, "crash"))
            abort();
        volatile bool forever = view_equal_string(value, "hang");
        while (forever) {
        }
        if (view_equal_string(value, "stall"))
            poll(NULL, 0, -1);
        if (view_equal_string(value, "bloat"))
            bloat();
    }
}

/* ---- answers ---- */

static void make_digest(struct service *s, uint64_t id, struct view message)
{
    struct buffer digest = {0};
    if (s->fault)
        obey_fault(message);
    if (!summary_write(s->summary, message, &digest)) {
        buffer_clear(&digest);
        digest_write_opaque(message, "too much structure", &digest);
    }
    struct ipc_digested body = {buffer_view(&digest)};
    channel_send(s->channel, IPC_DIGESTED, id, &body, -1);
    buffer_free(&digest);
}

static void match(struct service *s, uint64_t id, struct view message, struct view keys_octets)
{
    struct match_key keys[MATCH_KEYS_MAX];
    size_t count = 0;
    struct buffer bits = {0};
    if (match_keys_read(keys_octets, keys, MATCH_KEYS_MAX, &count))
        matcher_run(message, keys, count, &bits);
    struct ipc_matched body = {buffer_view(&bits)};
    channel_send(s->channel, IPC_MATCHED, id, &body, -1);
    buffer_free(&bits);
}

static void convert(struct service *s, uint64_t id, const struct ipc_convert *request)
{
    struct buffer utf8 = {0};
    bool known = charset_known(request->charset);
    allow_time(request->octets.size);
    if (known)
        charset_to_utf8(request->charset, request->octets, &utf8);
    end_time();
    struct ipc_converted body = {known, view_slice(buffer_view(&utf8), 0, 1 << 20)};
    channel_send(s->channel, IPC_CONVERTED, id, &body, -1);
    buffer_free(&utf8);
}

/* ---- pieces ---- */

static void work(struct service *s, enum ipc_type type, uint64_t id, struct view octets, struct view keys)
{
    allow_time(octets.size);
    if (type == IPC_MATCH)
        match(s, id, octets, keys);
    else
        make_digest(s, id, octets);
    end_time();
}

static void begin(struct service *s, const struct message *message, uint8_t more, struct view octets, struct view keys)
{
    if (!more) {
        work(s, message->type, message->id, octets, keys);
        return;
    }
    s->type = message->type;
    s->id = message->id;
    buffer_free(&s->octets);
    buffer_init(&s->octets, LIMIT_MESSAGE_OCTETS + 16);
    buffer_append_view(&s->octets, octets);
    buffer_clear(&s->keys);
    buffer_append_view(&s->keys, keys);
}

static void go_on(struct service *s, const struct message *message, const struct ipc_digest_piece *piece)
{
    if (message->id != s->id)
        return;
    buffer_append_view(&s->octets, piece->octets);
    if (piece->more)
        return;
    work(s, s->type, s->id, buffer_view(&s->octets), buffer_view(&s->keys));
    buffer_free(&s->octets);
    s->id = 0;
}

static void on_message(void *ctx, struct channel *channel, struct message *message)
{
    struct service *s = ctx;
    const struct ipc_digest *digest = message->body;
    const struct ipc_match *matched = message->body;
    switch (message->type) {
    case IPC_DIGEST:
        begin(s, message, digest->more, digest->octets, VIEW_EMPTY);
        break;
    case IPC_MATCH:
        begin(s, message, matched->more, matched->octets, matched->keys);
        break;
    case IPC_DIGEST_PIECE:
        go_on(s, message, message->body);
        break;
    case IPC_CONVERT:
        convert(s, message->id, message->body);
        break;
    default:
        break;
    }
    /* What was answered must be out before the next message can end this process. */
    channel_flush(channel);
}

static void on_closed(void *ctx, struct channel *channel, const char *reason)
{
    struct service *s = ctx;
    s->closed(s->ctx, s);
}

static const struct channel_user service_user = {on_message, on_closed, NULL};

struct service *service_new(struct loop *loop, int fd, bool fault, void (*closed)(void *ctx, struct service *service),
                            void *ctx)
{
    struct service *s = NEW(struct service);
    s->fault = fault;
    s->closed = closed;
    s->ctx = ctx;
    s->summary = summary_new();
    s->channel = channel_new(loop, fd, ROLE_PARSE, ROLE_MAIL, &service_user, s);
    return s;
}

void service_set_fault(struct service *s, bool fault)
{
    s->fault = fault;
}

void service_free(struct service **service)
{
    struct service *s = *service;
    *service = NULL;
    if (!s)
        return;
    channel_free(&s->channel);
    summary_free(&s->summary);
    buffer_free(&s->octets);
    buffer_free(&s->keys);
    free(s);
}

/* ICU loads its tables, and libxml2 its own, at first use: behind the walls there would be nothing to load. */
void service_warm_up(void)
{
    struct buffer out = {0};
    charset_warm_up();
    text_fold(VIEW_LITERAL("\xc3\x84"), &out);
    html_to_text(VIEW_LITERAL("<p>x</p>"), 16, &out);
    buffer_free(&out);
}
