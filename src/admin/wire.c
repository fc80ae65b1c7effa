/*
 * admin/wire.c: see wire.h.
 */
#include "admin/wire.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/octets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_SIZE = 16, FRAME_HAS_FD = 1 };

void wire_open(struct wire *wire, int fd)
{
    memset(wire, 0, sizeof(*wire));
    wire->fd = fd;
    wire->id = 1;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    buffer_init(&wire->in, 2 * (size_t)LIMIT_CONTROL_FRAME);
}

void wire_close(struct wire *wire)
{
    if (wire->fd >= 0)
        close(wire->fd);
    wire->fd = -1;
    buffer_free(&wire->in);
}

static bool broken(struct wire *wire, const char *why)
{
    wire->error = why;
    return false;
}

/* ---- receiving ---- */

/* 1: a whole frame is in the buffer; 0: not yet; -1: broken. */
static int whole_frame(struct wire *wire, size_t *payload_r)
{
    struct view in = buffer_view(&wire->in);
    if (in.size < HEADER_SIZE)
        return 0;
    *payload_r = (size_t)get_le(in.data, 4);
    if (*payload_r > ipc_payload_max(IPC_CONTROL_INPUT)) {
        broken(wire, "a frame is too large");
        return -1;
    }
    return in.size - HEADER_SIZE >= *payload_r ? 1 : 0;
}

/* Reads what is there; false if the peer is gone. */
static bool read_some(struct wire *wire)
{
    char *place = buffer_reserve(&wire->in, 65536);
    if (place == NULL)
        return broken(wire, "a frame is too large");
    ssize_t got = recv(wire->fd, place, 65536, 0);
    if (got > 0)
        buffer_commit(&wire->in, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        return broken(wire, got == 0 ? "the other side closed the connection" : strerror(errno));
    return true;
}

/*
 * Takes the frame out of the buffer. The payload is not moved: consuming only steps over it, and nothing is read into
 * the buffer before the next receive.
 */
static bool take_frame(struct wire *wire, size_t payload, struct wire_frame *frame)
{
    struct view in = buffer_view(&wire->in);
    frame->type = (enum ipc_type)get_le(in.data + 4, 2);
    frame->id = get_le(in.data + 8, 8);
    if (frame->type == IPC_NONE || frame->type >= IPC_TYPE_COUNT ||
        !ipc_decode(frame->type, view_slice(in, HEADER_SIZE, payload), frame->body))
        return broken(wire, "a frame can't be understood: are both sides of the same version?");
    wire->in.start += HEADER_SIZE + payload;
    return true;
}

bool wire_receive(struct wire *wire, struct wire_frame *frame, int timeout_ms)
{
    uint64_t until = clock_monotonic_ms() + (uint64_t)(timeout_ms < 0 ? LIMIT_CONTROL_STALL_MS : timeout_ms);
    size_t payload = 0;
    int ready;
    wire->error = NULL;
    while ((ready = whole_frame(wire, &payload)) == 0) {
        uint64_t now = clock_monotonic_ms();
        struct pollfd waiting = {.fd = wire->fd, .events = POLLIN};
        if (now >= until)
            return timeout_ms < 0 ? broken(wire, "the other side says nothing any more") : false;
        if (poll(&waiting, 1, (int)(until - now)) <= 0)
            continue;
        if (!read_some(wire))
            return false;
    }
    return ready > 0 && take_frame(wire, payload, frame);
}

/* ---- sending ---- */

static bool hear_meanwhile(struct wire *wire)
{
    struct wire_frame frame;
    size_t payload = 0;
    if (!read_some(wire))
        return false;
    while (whole_frame(wire, &payload) > 0) {
        if (!take_frame(wire, payload, &frame))
            return false;
        wire->meanwhile(wire->ctx, frame.type, frame.body);
    }
    return wire->error == NULL;
}

static bool wait_writable(struct wire *wire)
{
    struct pollfd waiting = {.fd = wire->fd, .events = POLLOUT};
    if (wire->meanwhile != NULL)
        waiting.events |= POLLIN;
    int ready = poll(&waiting, 1, LIMIT_CONTROL_STALL_MS);
    if (ready == 0)
        return broken(wire, "the other side reads nothing any more");
    if (ready > 0 && (waiting.revents & POLLIN) != 0)
        return hear_meanwhile(wire);
    if (ready > 0 && (waiting.revents & (POLLERR | POLLHUP)) != 0)
        return broken(wire, "the other side closed the connection");
    return true;
}

static ssize_t send_part(struct wire *wire, struct view rest, int pass_fd)
{
    struct iovec part = {(void *)(uintptr_t)rest.data, rest.size};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (pass_fd >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof(control.space);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &pass_fd, sizeof(int));
    }
    return sendmsg(wire->fd, &message, MSG_NOSIGNAL);
}

bool wire_send(struct wire *wire, enum ipc_type type, const void *body, int pass_fd)
{
    struct buffer frame;
    static const char blank[HEADER_SIZE] = {0};
    bool good = true;
    wire->error = NULL;
    buffer_init(&frame, 2 * (size_t)LIMIT_CONTROL_FRAME);
    buffer_append(&frame, blank, HEADER_SIZE);
    if (!ipc_encode(type, body, &frame) || frame.overflow)
        good = broken(wire, "a frame is too large");
    struct view rest = buffer_view(&frame);
    if (good) {
        put_le(frame.memory + frame.start, 4, rest.size - HEADER_SIZE);
        put_le(frame.memory + frame.start + 4, 2, type);
        put_le(frame.memory + frame.start + 6, 2, pass_fd >= 0 ? FRAME_HAS_FD : 0);
        put_le(frame.memory + frame.start + 8, 8, wire->id);
    }
    while (good && rest.size > 0) {
        ssize_t sent = send_part(wire, rest, pass_fd);
        if (sent > 0) {
            rest = view_skip(rest, (size_t)sent);
            pass_fd = -1;
        } else if (errno == EAGAIN) {
            good = wait_writable(wire);
        } else if (errno != EINTR) {
            good = broken(wire, strerror(errno));
        }
    }
    buffer_free(&frame);
    return good;
}
