/*
 * ipc/channel.h: typed messages over frames, under the permit table.
 *
 * Does     encodes and sends; receives, checks type, direction, size and descriptor against the table, decodes field by
 *          field into the struct of ipc/messages.h, and calls the user. What isn't permitted closes that peer, not us.
 *          Owns the frames below it.
 * Called   on one loop's thread.
 * Tested   tests/unit/ipc_channel.c, fuzz/ipc.c
 */
#ifndef IPC_CHANNEL_H
#define IPC_CHANNEL_H

#include "base/buffer.h"
#include "ipc/messages.h"
#include "net/loop.h"

struct channel;

struct message {
    enum ipc_type type;
    uint64_t id;
    const void *body; /* the struct of this type; views valid during the callback */
    int fd;           /* -1 or a descriptor; take it by setting to -1 */
};

struct channel_user {
    void (*on_message)(void *ctx, struct channel *channel, struct message *message);
    /* Once. The user may free the channel in it. */
    void (*on_closed)(void *ctx, struct channel *channel, const char *reason);
    void (*on_drained)(void *ctx, struct channel *channel); /* may be null */
};

struct channel *channel_new(struct loop *loop, int fd, enum role self, enum role peer, const struct channel_user *user,
                            void *ctx);
void channel_free(struct channel **channel);
/* body: the struct of that type. fd: -1, or a descriptor that is closed here once sent. */
void channel_send(struct channel *channel, enum ipc_type type, uint64_t id, const void *body, int fd);
size_t channel_pending(const struct channel *channel);
void channel_set_reading(struct channel *channel, bool reading);
void channel_flush(struct channel *channel);
uint64_t channel_next_id(struct channel *channel);

/* Pure codec, for tests and fuzzers. Encode appends the payload. Decode fills body_r (IPC_BODY_MAX octets). */
#define IPC_BODY_MAX 512
bool ipc_encode(enum ipc_type type, const void *body, struct buffer *payload);
bool ipc_decode(enum ipc_type type, struct view payload, void *body_r);
/* What the permit table says. */
bool ipc_permitted(enum ipc_type type, enum role from, enum role to);
size_t ipc_payload_max(enum ipc_type type);
bool ipc_carries_fd(enum ipc_type type);
const char *ipc_type_name(enum ipc_type type);

#endif
