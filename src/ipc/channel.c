/* ipc/channel.c: see ipc/channel.h. */
#include "ipc/channel.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/frame.h"

struct channel {
    struct frames *frames;
    enum role self, peer;
    const struct channel_user *user;
    void *ctx;
    struct buffer payload; /* being encoded */
    uint64_t last_id;
};

static bool on_frame(void *ctx, struct frame *frame)
{
    struct channel *channel = ctx;
    enum ipc_type type = (enum ipc_type)frame->type;
    _Alignas(16) char body[IPC_BODY_MAX];
    if (!ipc_permitted(type, channel->peer, channel->self) || ipc_carries_fd(type) != (frame->fd >= 0) ||
        !ipc_decode(type, frame->payload, body)) {
        log_event(LOG_ERROR, "ipc.refused", "from=%s type=%s", role_name(channel->peer), ipc_type_name(type));
        return false;
    }
    struct message message = {.type = type, .id = frame->id, .body = body, .fd = frame->fd};
    channel->user->on_message(channel->ctx, channel, &message);
    frame->fd = message.fd;
    return true;
}

static void on_closed(void *ctx, const char *reason)
{
    struct channel *channel = ctx;
    channel->user->on_closed(channel->ctx, channel, reason);
}

static void on_drained(void *ctx)
{
    struct channel *channel = ctx;
    if (channel->user->on_drained)
        channel->user->on_drained(channel->ctx, channel);
}

static const struct frames_user frames_user = {on_frame, on_closed, on_drained};

/* The largest payload that may cross between the two, in either direction. */
static size_t largest(enum role a, enum role b)
{
    size_t most = 0;
    for (int type = 0; type < IPC_TYPE_COUNT; type++) {
        bool either = ipc_permitted((enum ipc_type)type, a, b) || ipc_permitted((enum ipc_type)type, b, a);
        if (either && ipc_payload_max((enum ipc_type)type) > most)
            most = ipc_payload_max((enum ipc_type)type);
    }
    return most;
}

struct channel *channel_new(struct loop *loop, int fd, enum role self, enum role peer, const struct channel_user *user,
                            void *ctx)
{
    struct channel *channel = NEW(struct channel);
    *channel = (struct channel){.self = self, .peer = peer, .user = user, .ctx = ctx};
    size_t max = largest(self, peer);
    buffer_init(&channel->payload, max);
    channel->frames = frames_new(loop, fd, max, &frames_user, channel);
    return channel;
}

void channel_free(struct channel **channel)
{
    struct channel *old = *channel;
    *channel = NULL;
    if (!old)
        return;
    frames_free(&old->frames);
    buffer_free(&old->payload);
    free(old);
}

void channel_send(struct channel *channel, enum ipc_type type, uint64_t id, const void *body, int fd)
{
    BUG_IF(!ipc_permitted(type, channel->self, channel->peer));
    buffer_clear(&channel->payload);
    if (!ipc_encode(type, body, &channel->payload)) {
        /* A field beyond its limit: our caller did not check what a stranger gave it. Nothing is sent; the request
         * times out. */
        log_event(LOG_ERROR, "ipc.too-large", "to=%s type=%s", role_name(channel->peer), ipc_type_name(type));
        buffer_clear(&channel->payload);
        return;
    }
    frames_send(channel->frames, (uint16_t)type, id, buffer_view(&channel->payload), fd, true);
    buffer_clear(&channel->payload);
    buffer_release_idle(&channel->payload, 65536);
}

size_t channel_pending(const struct channel *channel)
{
    return frames_pending(channel->frames);
}

void channel_set_reading(struct channel *channel, bool reading)
{
    frames_set_reading(channel->frames, reading);
}

void channel_flush(struct channel *channel)
{
    frames_flush(channel->frames);
}

uint64_t channel_next_id(struct channel *channel)
{
    return ++channel->last_id;
}
