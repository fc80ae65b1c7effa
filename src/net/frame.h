/*
 * net/frame.h: frames on a stream socket between two processes, with descriptors.
 *
 * Does     length-prefixed frames: u32 length, u16 type, u16 flags, u64 id, payload; at most one descriptor a frame
 *          (SCM_RIGHTS, sent with the frame's first octet; flag FRAME_HAS_FD). No mail words, no meaning: ipc/ gives
 *          it.
 * Owns     the descriptor of the channel, and descriptors received but not yet taken.
 * Called   on one loop's thread.
 * Fails    a frame that breaks the rules closes the channel (on_closed), never the process.
 * Tested   tests/unit/net_frame.c
 */
#ifndef NET_FRAME_H
#define NET_FRAME_H

#include "base/buffer.h"
#include "net/loop.h"

struct frames;

struct frame {
    uint16_t type;
    uint64_t id;
    struct view payload; /* valid during the callback */
    int fd;              /* -1, or a descriptor: the callback takes it by setting this to -1, else it is closed */
};

struct frames_user {
    /* False: the frame was bad; the channel is closed. */
    bool (*on_frame)(void *ctx, struct frame *frame);
    /* Peer gone, bad frame, or error. Called once; the user then frees. */
    void (*on_closed)(void *ctx, const char *reason);
    /* Output fell below the low mark. May be null. */
    void (*on_drained)(void *ctx);
};

/* Takes over fd. max_payload bounds each frame in both directions. */
struct frames *frames_new(struct loop *loop, int fd, size_t max_payload, const struct frames_user *user, void *ctx);
void frames_free(struct frames **frames);
/* Queues a frame. More than LIMIT_FRAME_QUEUE octets that the peer doesn't take close the channel: who sends much looks
 * at frames_pending and waits for on_drained. fd is duplicated by the kernel and closed here after sending if close_fd.
 */
void frames_send(struct frames *frames, uint16_t type, uint64_t id, struct view payload, int fd, bool close_fd);
size_t frames_pending(const struct frames *frames);
/* Back-pressure: stops reading from the peer. */
void frames_set_reading(struct frames *frames, bool reading);
/* Writes what can be written now without waiting for the loop. */
void frames_flush(struct frames *frames);

#endif
