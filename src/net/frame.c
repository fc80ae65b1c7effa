/* net/frame.c: see net/frame.h. On the wire, little-endian: u32 payload length, u16 type, u16 flags, u64 id, payload.
 */
#include "net/frame.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/octets.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_SIZE = 16, FRAME_HAS_FD = 1, READ_SIZE = 65536, FDS_WAITING = 64, LOW_MARK = 65536 };

/* A descriptor that travels with the frame that begins at `at` octets of all output ever queued. */
struct outgoing_fd {
    struct outgoing_fd *next;
    uint64_t at;
    int fd;
    bool close_it;
};

struct frames {
    struct loop *loop;
    struct watch *watch;
    int fd;
    size_t max_payload;
    const struct frames_user *user;
    void *ctx;
    struct buffer in, out;
    uint64_t queued, sent; /* octets of output, ever */
    struct outgoing_fd *fds, **fds_end;
    int incoming[FDS_WAITING];
    unsigned incoming_count;
    bool reading, was_high, closed, in_callback, free_wanted;
    struct task flush_task, closed_task, resume_task;
    const char *closed_reason;
    bool write_broken; /* nothing can be sent any more; what the peer said before is still read */
    bool flush_posted, closed_posted, resume_posted,
        dead; /* dead: freed by its user; the last posted task frees the memory */
};

static void set_watch(struct frames *f)
{
    if (!f->closed)
        watch_want(f->watch, (f->reading ? WATCH_READ : 0u) | (buffer_size(&f->out) ? WATCH_WRITE : 0u));
}

static void drop_outgoing_fds(struct frames *f)
{
    while (f->fds) {
        struct outgoing_fd *first = f->fds;
        f->fds = first->next;
        if (first->close_it)
            close(first->fd);
        free(first);
    }
    f->fds_end = &f->fds;
}

static void drop_fds(struct frames *f)
{
    drop_outgoing_fds(f);
    for (unsigned i = 0; i < f->incoming_count; i++)
        close(f->incoming[i]);
    f->incoming_count = 0;
}

/* The user hears of it in a turn of its own: it may free the frames then, whoever was on the stack here. */
static void shut(struct frames *f, const char *reason)
{
    if (f->closed)
        return;
    f->closed = true;
    f->closed_reason = reason;
    watch_free(&f->watch);
    f->closed_posted = true;
    loop_post(f->loop, &f->closed_task);
}

static void free_if_done(struct frames *f)
{
    if (f->dead && !f->flush_posted && !f->closed_posted && !f->resume_posted)
        free(f);
}

static void destroy(struct frames *f)
{
    watch_free(&f->watch);
    drop_fds(f);
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    buffer_free(&f->in);
    buffer_free(&f->out);
    f->dead = true;
    free_if_done(f);
}

/* Ends a stretch in which callbacks ran; the user may have freed us in one. */
static void leave(struct frames *f)
{
    f->in_callback = false;
    if (f->free_wanted) {
        f->free_wanted = false;
        destroy(f);
    }
}

static void tell_closed(struct task *task)
{
    struct frames *f = (struct frames *)(void *)((char *)task - offsetof(struct frames, closed_task));
    f->closed_posted = false;
    if (f->dead)
        free_if_done(f);
    else
        f->user->on_closed(f->ctx, f->closed_reason);
}

/* One sendmsg: up to the next frame that carries a descriptor, or that frame's first stretch with the descriptor. */
static ssize_t send_some(struct frames *f)
{
    struct view pending = buffer_view(&f->out);
    size_t size = pending.size;
    struct outgoing_fd *first = f->fds;
    bool with_fd = first && first->at == f->sent;
    struct outgoing_fd *limit = with_fd ? first->next : first;
    if (limit && limit->at - f->sent < size)
        size = (size_t)(limit->at - f->sent);
    struct iovec part = {(void *)(uintptr_t)pending.data, size};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (with_fd) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &first->fd, sizeof(int));
    }
    ssize_t done = sendmsg(f->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done > 0 && with_fd) {
        f->fds = first->next;
        if (!f->fds)
            f->fds_end = &f->fds;
        if (first->close_it)
            close(first->fd);
        free(first);
    }
    return done;
}

/* The peer is gone or going: its last frames (why it ends, for one) may still lie in the socket, then comes the end. */
static void stop_writing(struct frames *f)
{
    f->write_broken = true;
    buffer_clear(&f->out);
    drop_outgoing_fds(f);
}

void frames_flush(struct frames *f)
{
    while (!f->closed && buffer_size(&f->out)) {
        ssize_t done = send_some(f);
        if (done < 0) {
            if (errno == EINTR)
                continue;
            /* ETOOMANYREFS: the kernel counts descriptors under way; they go down as the peer reads. */
            if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS && errno != ETOOMANYREFS)
                stop_writing(f);
            break;
        }
        f->sent += (uint64_t)done;
        buffer_consume(&f->out, (size_t)done);
    }
    if (f->closed)
        return;
    buffer_release_idle(&f->out, READ_SIZE);
    set_watch(f);
    if (f->was_high && buffer_size(&f->out) <= LOW_MARK) {
        f->was_high = false;
        if (f->user->on_drained)
            f->user->on_drained(f->ctx);
    }
}

static void flush_later(struct task *task)
{
    struct frames *f = (struct frames *)(void *)((char *)task - offsetof(struct frames, flush_task));
    f->flush_posted = false;
    if (f->dead) {
        free_if_done(f);
        return;
    }
    f->in_callback = true;
    frames_flush(f);
    leave(f);
}

void frames_send(struct frames *f, uint16_t type, uint64_t id, struct view payload, int fd, bool close_fd)
{
    if (f->closed || f->write_broken || payload.size > f->max_payload ||
        buffer_size(&f->out) > (size_t)LIMIT_FRAME_QUEUE) {
        if (fd >= 0 && close_fd)
            close(fd);
        if (!f->closed && !f->write_broken)
            shut(f, payload.size > f->max_payload ? "frame too large to send" : "the peer does not read");
        return;
    }
    if (fd >= 0) {
        struct outgoing_fd *more = NEW(struct outgoing_fd);
        *more = (struct outgoing_fd){.at = f->queued, .fd = fd, .close_it = close_fd};
        *f->fds_end = more;
        f->fds_end = &more->next;
    }
    char header[HEADER_SIZE];
    put_le(header, 4, payload.size);
    put_le(header + 4, 2, type);
    put_le(header + 6, 2, fd >= 0 ? FRAME_HAS_FD : 0);
    put_le(header + 8, 8, id);
    buffer_append(&f->out, header, sizeof header);
    buffer_append_view(&f->out, payload);
    f->queued += sizeof header + payload.size;
    if (buffer_size(&f->out) > (size_t)LOW_MARK * 4)
        f->was_high = true;
    /* Many frames of one turn go out in one write. */
    if (!f->flush_posted) {
        f->flush_posted = true;
        loop_post(f->loop, &f->flush_task);
    }
}

/* Takes the descriptors of one recvmsg; more than fit are closed, and the frame that waits for one will be refused. */
static void keep_fds(struct frames *f, struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (f->incoming_count < FDS_WAITING)
                f->incoming[f->incoming_count++] = fd;
            else
                close(fd);
        }
    }
}

static ssize_t receive_some(struct frames *f)
{
    char *room = buffer_reserve(&f->in, READ_SIZE);
    if (!room)
        return -2;
    struct iovec part = {room, READ_SIZE};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int) * 16)];
    } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    ssize_t got = recvmsg(f->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got >= 0)
        keep_fds(f, &message);
    if (got > 0)
        buffer_commit(&f->in, (size_t)got);
    return got;
}

/* Hands on the first whole frame. 1: done one, 0: more octets are needed, -1: the frame is bad. */
static int deliver_one(struct frames *f)
{
    struct view in = buffer_view(&f->in);
    if (in.size < HEADER_SIZE)
        return 0;
    size_t size = (size_t)get_le(in.data, 4);
    uint16_t flags = (uint16_t)get_le(in.data + 6, 2);
    if (size > f->max_payload || (flags & ~FRAME_HAS_FD))
        return -1;
    if (in.size - HEADER_SIZE < size)
        return 0;
    struct frame frame = {.type = (uint16_t)get_le(in.data + 4, 2),
                          .id = get_le(in.data + 8, 8),
                          .payload = view_slice(in, HEADER_SIZE, size),
                          .fd = -1};
    if (flags & FRAME_HAS_FD) {
        if (!f->incoming_count)
            return -1;
        frame.fd = f->incoming[0];
        f->incoming_count--;
        memmove(f->incoming, f->incoming + 1, f->incoming_count * sizeof *f->incoming);
    }
    bool good = f->user->on_frame(f->ctx, &frame);
    if (frame.fd >= 0)
        close(frame.fd);
    if (!f->free_wanted)
        buffer_consume(&f->in, HEADER_SIZE + size);
    return good ? 1 : -1;
}

/* Hands on every whole frame for as long as the user wants to read. */
static void deliver_all(struct frames *f)
{
    int result = 1;
    while (result > 0 && f->reading && !f->closed && !f->free_wanted)
        result = deliver_one(f);
    if (f->free_wanted)
        return;
    if (result < 0)
        shut(f, "bad frame");
    else if (!f->closed)
        buffer_release_idle(&f->in, (size_t)READ_SIZE * 2);
}

static void handle_input(struct frames *f)
{
    ssize_t got = receive_some(f);
    if (got == 0) {
        shut(f, "peer gone");
        return;
    }
    if (got < 0) {
        if (got == -2 || (errno != EAGAIN && errno != EINTR && errno != EWOULDBLOCK))
            shut(f, got == -2 ? "frame too large" : "read error");
        return;
    }
    deliver_all(f);
}

static void fired(void *ctx, unsigned what)
{
    struct frames *f = ctx;
    f->in_callback = true;
    if ((what & WATCH_READ) && !f->closed)
        handle_input(f);
    if ((what & WATCH_WRITE) && !f->closed && !f->free_wanted)
        frames_flush(f);
    leave(f);
}

/* Whole frames may lie in the buffer: without new octets the socket would not fire. */
static void resume(struct task *task)
{
    struct frames *f = (struct frames *)(void *)((char *)task - offsetof(struct frames, resume_task));
    f->resume_posted = false;
    if (f->dead) {
        free_if_done(f);
        return;
    }
    f->in_callback = true;
    if (!f->closed)
        deliver_all(f);
    leave(f);
}

struct frames *frames_new(struct loop *loop, int fd, size_t max_payload, const struct frames_user *user, void *ctx)
{
    struct frames *f = NEW(struct frames);
    *f = (struct frames){.loop = loop, .fd = fd, .max_payload = max_payload, .user = user, .ctx = ctx, .reading = true};
    f->fds_end = &f->fds;
    f->flush_task.run = flush_later;
    f->closed_task.run = tell_closed;
    f->resume_task.run = resume;
    buffer_init(&f->in, max_payload + HEADER_SIZE + (size_t)READ_SIZE * 2);
    buffer_init(&f->out, (size_t)LIMIT_FRAME_QUEUE + max_payload + HEADER_SIZE);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    f->watch = watch_new(loop, fd, fired, f);
    watch_want(f->watch, WATCH_READ);
    return f;
}

void frames_free(struct frames **frames)
{
    struct frames *f = *frames;
    *frames = NULL;
    if (!f)
        return;
    f->closed = true;
    if (f->in_callback)
        f->free_wanted = true; /* fired destroys it when the callback is over */
    else
        destroy(f);
}

size_t frames_pending(const struct frames *frames)
{
    return buffer_size(&frames->out);
}

void frames_set_reading(struct frames *frames, bool reading)
{
    if (frames->reading == reading)
        return;
    frames->reading = reading;
    set_watch(frames);
    if (reading && buffer_size(&frames->in) && !frames->resume_posted && !frames->closed) {
        frames->resume_posted = true;
        loop_post(frames->loop, &frames->resume_task);
    }
}
