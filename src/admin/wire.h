/*
 * admin/wire.h: control frames on a blocking socket.
 *
 * Does     sends and receives frames of net/frame.h's form with poll and a deadline; decodes with ipc's codecs.
 * Owns     its descriptor.
 * Called   on threads that may block: the CLI, mail's control threads.
 * Waits    at most LIMIT_CONTROL_STALL_MS for a peer that neither reads nor writes.
 * Fails    false: the peer is gone, too slow, or broke the rules; `error` says which.
 */
#ifndef ADMIN_WIRE_H
#define ADMIN_WIRE_H

#include "base/buffer.h"
#include "ipc/channel.h"

struct wire {
    int fd;
    uint64_t id; /* of all frames sent */
    struct buffer in;
    const char *error;
    /* Called for a frame that arrives while a send waits; else such frames stay in the socket. May be null. */
    void (*meanwhile)(void *ctx, enum ipc_type type, const void *body);
    void *ctx;
};

struct wire_frame {
    enum ipc_type type;
    uint64_t id;
    _Alignas(16) unsigned char body[IPC_BODY_MAX]; /* the struct of this type; views valid until the next receive */
};

void wire_open(struct wire *wire, int fd);
void wire_close(struct wire *wire);
/* pass_fd: -1, or a descriptor that the receiver gets too (it stays ours). */
bool wire_send(struct wire *wire, enum ipc_type type, const void *body, int pass_fd);
/* timeout_ms -1: the limit. False with error null: the timeout passed. */
bool wire_receive(struct wire *wire, struct wire_frame *frame, int timeout_ms);

#endif
