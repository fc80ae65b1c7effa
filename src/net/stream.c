/* net/stream.c: see net/stream.h. */
#include "net/stream.h"
#include "base/limits.h"
#include "base/memory.h"
#include "net/deflate.h"
#include "net/tls_private.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_SIZE = 65536,
    LOW_MARK = LIMIT_STREAM_OUTPUT / 2,
    KEEP_IDLE = 0,         /* octets of buffer that an idle connection may keep */
    READS_A_TURN = 4,      /* then others are served */
    DEFLATE_PIECE = 65536, /* plain octets that are deflated at once */
};

enum tls_state { TLS_NONE, TLS_WANTED, TLS_HANDSHAKE, TLS_OPEN };

struct stream {
    struct loop *loop;
    struct watch *watch;
    struct timer *stall;
    int fd;
    SSL *ssl;
    struct tls_server *tls;
    enum tls_state tls_state;
    stream_callback *callback;
    void *ctx;
    struct buffer in, out;
    size_t input_max;
    uint64_t stall_ms;
    uint64_t octets_in, octets_out;
    bool reading, lent, eof, eof_told, broken, finishing, leaving, closed, was_full, end_said;
    bool stalling;           /* the stall timer runs */
    bool moved;              /* octets went out since it was set */
    bool flush_posted, dead; /* dead: freed by its user; the posted flush or the running callback frees the memory */
    unsigned busy;           /* inside callbacks */
    struct deflate *deflate; /* null: the buffers hold what the socket is sent and sends */
    struct buffer wire_in, wire_out;
    struct buffer sealed; /* TLS records on their way out */
    struct timer *rest;
    bool more_inside, wire_eof; /* deflate holds octets back; the socket has ended */
    struct task flush_task;
};

static void free_if_done(struct stream *s)
{
    if (s->dead && !s->busy && !s->flush_posted)
        free(s);
}

static void tell(struct stream *s, enum stream_event event)
{
    if (s->dead || !s->callback)
        return;
    s->busy++;
    s->callback(s->ctx, s, event);
    s->busy--;
}

static void post_flush(struct stream *s);

static bool wants_input(const struct stream *s)
{
    bool room = s->reading && buffer_size(&s->in) < s->input_max;
    return !s->lent && !s->broken && !s->eof && !s->closed && (room || s->finishing) && s->tls_state != TLS_WANTED &&
           s->tls_state != TLS_HANDSHAKE;
}

/* Octets that lie decrypted in OpenSSL, or not yet inflated: the socket won't tell of them. */
static bool has_held(const struct stream *s)
{
    return (s->ssl && s->tls_state == TLS_OPEN && SSL_pending(s->ssl) > 0) || s->more_inside ||
           buffer_size(&s->wire_in);
}

static bool has_output(const struct stream *s)
{
    return buffer_size(&s->out) || buffer_size(&s->wire_out) || buffer_size(&s->sealed);
}

/* Until its end a handshake alone speaks. */
static bool can_send(const struct stream *s)
{
    return s->tls_state == TLS_HANDSHAKE ? buffer_size(&s->sealed) > 0 : has_output(s);
}

static void set_watch(struct stream *s)
{
    if (s->dead || !s->watch)
        return;
    unsigned what = 0;
    if (!s->lent && !s->broken) {
        if ((wants_input(s) && !s->wire_eof) || (s->tls_state == TLS_HANDSHAKE && !s->eof))
            what |= WATCH_READ;
        /* A posted flush tries first: most often all goes out, and the socket need not be watched. */
        if (can_send(s) && !s->flush_posted)
            what |= WATCH_WRITE;
    }
    watch_want(s->watch, what);
    if (has_held(s) && wants_input(s))
        post_flush(s);
}

static void stop_stall(struct stream *s)
{
    if (s->stalling)
        timer_stop(s->stall);
    s->stalling = false;
}

/* ---- one read or write: octets, 0 for the end, -1 try later, -2 broken ---- */

static ssize_t tls_result(const struct stream *s, int result)
{
    if (result > 0)
        return result;
    int why = SSL_get_error(s->ssl, result);
    ERR_clear_error();
    if (why == SSL_ERROR_WANT_READ)
        return -1;
    return why == SSL_ERROR_ZERO_RETURN ? 0 : -2;
}

static ssize_t raw_read(struct stream *s, char *to, size_t size)
{
    if (s->ssl)
        return tls_result(s, SSL_read(s->ssl, to, (int)size));
    ssize_t got = recv(s->fd, to, size, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? -1 : -2;
    return got;
}

static ssize_t raw_write(const struct stream *s, struct view pending)
{
    ssize_t done = send(s->fd, pending.data, pending.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done < 0)
        return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? -1 : -2;
    return done;
}

/* An alert's last chance. */
static void send_alert(struct stream *s)
{
    if (buffer_size(&s->sealed))
        (void)raw_write(s, buffer_view(&s->sealed));
    buffer_clear(&s->sealed);
}

static void set_broken(struct stream *s)
{
    if (s->broken || s->dead)
        return;
    s->broken = true;
    send_alert(s);
    stop_stall(s);
    set_watch(s);
    tell(s, STREAM_BROKEN);
}

/* ---- output ---- */

static void close_down(struct stream *s)
{
    if (!s->leaving)
        shutdown(s->fd, SHUT_WR);
    s->finishing = s->leaving = false;
    s->reading = false;
    s->closed = true;
    set_watch(s);
    tell(s, STREAM_CLOSED);
}

/* close_notify; the peer's is not waited for. */
static void say_the_end(struct stream *s)
{
    if (!s->ssl || s->tls_state != TLS_OPEN || s->end_said)
        return;
    s->end_said = true;
    SSL_shutdown(s->ssl);
    ERR_clear_error();
}

/* The output, or what stands for a piece of it. */
static struct buffer *next_output(struct stream *s)
{
    if (!s->deflate)
        return &s->out;
    if (!buffer_size(&s->wire_out)) {
        struct view piece = view_slice(buffer_view(&s->out), 0, DEFLATE_PIECE);
        deflate_out(s->deflate, piece, s->leaving && piece.size == buffer_size(&s->out), &s->wire_out);
        buffer_consume(&s->out, piece.size);
    }
    return &s->wire_out;
}

/* Records of what is pending. False: TLS failed. */
static bool seal(struct stream *s)
{
    while (s->tls_state == TLS_OPEN && buffer_size(&s->sealed) < (size_t)LIMIT_STREAM_SEALED) {
        struct buffer *from = next_output(s);
        size_t size = buffer_size(from);
        if (!size)
            break;
        ssize_t done =
            tls_result(s, SSL_write(s->ssl, buffer_view(from).data, size > INT32_MAX ? INT32_MAX : (int)size));
        if (done <= 0)
            return false;
        buffer_consume(from, (size_t)done);
        s->octets_out += (uint64_t)done;
    }
    return true;
}

/* Writes what the socket takes. False: it is broken. */
static bool send_pending(struct stream *s)
{
    while (can_send(s) && !s->broken) {
        if (s->ssl && !seal(s))
            return false;
        struct buffer *from = s->ssl ? &s->sealed : next_output(s);
        ssize_t done = raw_write(s, buffer_view(from));
        if (done == -1)
            break;
        if (done <= 0)
            return false;
        buffer_consume(from, (size_t)done);
        if (!s->ssl)
            s->octets_out += (uint64_t)done;
        s->moved = true;
    }
    return true;
}

/* The stall timer runs while something is pending, from the last octet taken. */
static void write_out(struct stream *s)
{
    if (buffer_size(&s->out) >= (size_t)LOW_MARK)
        s->was_full = true; /* whoever waits for DRAINED hears of it even if all goes out at once */
    if (!send_pending(s)) {
        set_broken(s);
        return;
    }
    if (!has_output(s)) {
        stop_stall(s);
        buffer_release_idle(&s->out, KEEP_IDLE);
        buffer_release_idle(&s->wire_out, KEEP_IDLE);
        buffer_release_idle(&s->sealed, KEEP_IDLE);
    } else if (s->moved || !s->stalling) {
        s->stalling = true;
        timer_set(s->stall, s->stall_ms);
    }
    s->moved = false;
    if (s->was_full && buffer_size(&s->out) < (size_t)LOW_MARK) {
        s->was_full = false;
        tell(s, STREAM_DRAINED);
    }
}

static void start_handshake(struct stream *s);

static bool is_quiet(const struct stream *s)
{
    return s->deflate && !s->lent && !s->broken && !has_output(s) && !has_held(s);
}

static void after_io(struct stream *s)
{
    if (s->dead || s->lent) /* lent: the output is the borrower's */
        return;
    if (!s->broken && s->tls_state == TLS_WANTED && !has_output(s))
        start_handshake(s);
    if (s->dead || s->lent)
        return;
    if ((s->finishing || s->leaving) && !s->broken && !has_output(s)) {
        say_the_end(s);
        write_out(s);
        if (!s->dead && !s->broken && !has_output(s))
            close_down(s);
    }
    if (s->dead)
        return;
    if (s->ssl && s->tls_state == TLS_OPEN && !s->broken && !has_output(s) && !SSL_has_pending(s->ssl))
        SSL_free_buffers(s->ssl); /* 32 KiB less for a connection that idles */
    if (is_quiet(s))
        timer_set(s->rest, LIMIT_DEFLATE_REST_MS);
    set_watch(s);
}

static void flush(struct stream *s)
{
    if (s->dead || s->lent || s->broken || s->closed)
        return;
    write_out(s);
    after_io(s);
}

void stream_flush(struct stream *s)
{
    s->busy++;
    flush(s);
    s->busy--;
    free_if_done(s);
}

/* What is broken is left to the flush that the output has posted: no event comes from here. */
bool stream_make_room(struct stream *s)
{
    bool may_send = !s->lent && !s->broken && !s->closed && !s->dead;
    if (stream_is_full(s) && may_send)
        send_pending(s);
    return !stream_is_full(s);
}

static void read_in(struct stream *s);

static void flush_later(struct task *task)
{
    struct stream *s = (struct stream *)(void *)((char *)task - offsetof(struct stream, flush_task));
    s->flush_posted = false;
    s->busy++;
    if (!s->dead && s->finishing && s->broken && !s->closed)
        close_down(s);
    flush(s);
    if (!s->dead && has_held(s) && wants_input(s)) {
        read_in(s);
        after_io(s);
    }
    s->busy--;
    free_if_done(s);
}

static void post_flush(struct stream *s)
{
    if (s->lent || s->flush_posted || s->dead)
        return;
    s->flush_posted = true;
    loop_post(s->loop, &s->flush_task);
}

/* ---- input ---- */

static void read_finishing(struct stream *s)
{
    char scrap[4096];
    ssize_t got = raw_read(s, scrap, sizeof scrap);
    if (got == 0)
        s->eof = true;
    else if (got == -2)
        set_broken(s);
}

static void read_wire(struct stream *s)
{
    ssize_t got = raw_read(s, buffer_reserve(&s->wire_in, READ_SIZE), READ_SIZE);
    if (got > 0) {
        buffer_commit(&s->wire_in, (size_t)got);
        s->octets_in += (uint64_t)got;
    }
    s->wire_eof = got == 0;
    if (got == -2)
        set_broken(s);
}

/* As read_once. One call makes no more than there is room for, whatever it takes from the socket. */
static int read_deflated(struct stream *s, size_t room)
{
    size_t before = buffer_size(&s->in);
    if (!has_held(s) && !s->wire_eof)
        read_wire(s);
    if (s->broken)
        return 0;
    enum inflate_result result = deflate_in(s->deflate, &s->wire_in, &s->in, room);
    s->more_inside = result == INFLATE_FULL;
    s->eof = result == INFLATE_END || (result == INFLATE_MORE && s->wire_eof);
    if (result == INFLATE_BAD)
        set_broken(s);
    return buffer_size(&s->in) > before;
}

/* 1: got something, 0: nothing more now. */
static int read_once(struct stream *s)
{
    size_t held = buffer_size(&s->in), room = s->input_max > held ? s->input_max - held : 0;
    if (!room || !s->reading || s->eof || s->broken)
        return 0;
    if (s->deflate)
        return read_deflated(s, room);
    size_t size = room < READ_SIZE ? room : READ_SIZE;
    char *to = buffer_reserve(&s->in, size);
    if (!to)
        return 0;
    ssize_t got = raw_read(s, to, size);
    if (got > 0) {
        buffer_commit(&s->in, (size_t)got);
        s->octets_in += (uint64_t)got;
        return (size_t)got < size && !s->ssl ? 2 : 1;
    }
    if (got == 0)
        s->eof = true;
    else if (got == -2)
        set_broken(s);
    return 0;
}

static void read_in(struct stream *s)
{
    if (s->finishing) {
        read_finishing(s);
        return;
    }
    for (int turn = 0; turn < READS_A_TURN; turn++) {
        int more = read_once(s);
        if (!more)
            break;
        tell(s, STREAM_INPUT);
        if (s->dead || s->finishing || !wants_input(s) || more == 2)
            break;
    }
    if (!s->dead && !s->broken && s->eof && !s->eof_told) {
        s->eof_told = true;
        tell(s, STREAM_EOF);
    }
    if (!s->dead && !s->lent) {
        buffer_release_idle(&s->in, KEEP_IDLE);
        buffer_release_idle(&s->wire_in, KEEP_IDLE);
    }
}

/* ---- TLS ---- */

static void continue_handshake(struct stream *s)
{
    ssize_t result = tls_result(s, SSL_do_handshake(s->ssl));
    if (result == -1)
        return;
    if (result <= 0) {
        set_broken(s);
        return;
    }
    s->tls_state = TLS_OPEN;
    tell(s, STREAM_SECURED);
}

static void start_handshake(struct stream *s)
{
    s->ssl = tls_server_accept(s->tls, s->fd, &s->sealed);
    if (!s->ssl) {
        set_broken(s);
        return;
    }
    s->tls_state = TLS_HANDSHAKE;
    continue_handshake(s);
}

void stream_start_tls(struct stream *s, struct tls_server *tls)
{
    if (s->tls_state != TLS_NONE || s->dead)
        return;
    /* What came before the handshake is not of the secured conversation. */
    buffer_clear(&s->in);
    s->tls = tls_server_ref(tls);
    s->tls_state = TLS_WANTED; /* the answer that allows it goes out in plain first */
    post_flush(s);
}

bool stream_is_tls(const struct stream *s)
{
    return s->tls_state == TLS_OPEN;
}

const char *stream_tls_version(const struct stream *s)
{
    return s->ssl ? SSL_get_version(s->ssl) : "";
}

const char *stream_tls_cipher(const struct stream *s)
{
    return s->ssl ? SSL_get_cipher_name(s->ssl) : "";
}

/* ---- deflate ---- */

static void rest(void *ctx)
{
    struct stream *s = ctx;
    if (is_quiet(s))
        deflate_rest(s->deflate);
}

void stream_start_deflate(struct stream *s)
{
    if (s->deflate || s->dead)
        return;
    s->deflate = deflate_new();
    s->rest = timer_new(s->loop, rest, s);
    buffer_append_view(&s->wire_out, buffer_view(&s->out));
    buffer_clear(&s->out);
    post_flush(s);
}

bool stream_is_deflated(const struct stream *s)
{
    return s->deflate != NULL;
}

/* ---- events ---- */

static void fired(void *ctx, unsigned what)
{
    struct stream *s = ctx;
    s->busy++;
    if (s->tls_state == TLS_HANDSHAKE && !s->broken)
        continue_handshake(s);
    if (!s->dead && !s->broken && ((what & WATCH_WRITE) || buffer_size(&s->sealed)))
        write_out(s);
    if (!s->dead && (what & WATCH_READ) && wants_input(s))
        read_in(s);
    after_io(s);
    s->busy--;
    free_if_done(s);
}

static void stalled(void *ctx)
{
    struct stream *s = ctx;
    s->stalling = false;
    s->busy++;
    set_broken(s);
    s->busy--;
    free_if_done(s);
}

/* ---- life ---- */

struct stream *stream_new(struct loop *loop, int fd, stream_callback *callback, void *ctx)
{
    struct stream *s = NEW(struct stream);
    *s = (struct stream){.loop = loop,
                         .fd = fd,
                         .callback = callback,
                         .ctx = ctx,
                         .input_max = LIMIT_STREAM_INPUT,
                         .reading = true,
                         .stall_ms = LIMIT_STREAM_STALL_MS};
    buffer_init(&s->in, 0);
    buffer_init(&s->out, 0);
    buffer_init(&s->wire_in, 0);
    buffer_init(&s->wire_out, 0);
    buffer_init(&s->sealed, 0);
    s->flush_task.run = flush_later;
    int on = 1, low = 65536;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    /* Not a TCP socket: both are refused, which is as good. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &low, sizeof low);
    s->watch = watch_new(loop, fd, fired, s);
    s->stall = timer_new(loop, stalled, s);
    set_watch(s);
    return s;
}

static void release(struct stream *s)
{
    watch_free(&s->watch);
    timer_free(&s->stall);
    timer_free(&s->rest);
    deflate_free(&s->deflate);
    SSL_free(s->ssl);
    s->ssl = NULL;
    tls_server_unref(&s->tls);
    buffer_free(&s->in);
    buffer_free(&s->out);
    buffer_free(&s->wire_in);
    buffer_free(&s->wire_out);
    buffer_free(&s->sealed);
    s->dead = true;
}

/* A socket closed with unread input sends a reset, which can overtake our last words on their way to the user. */
static void swallow_input(int fd)
{
    char scrap[4096];
    for (int i = 0; i < 16 && recv(fd, scrap, sizeof scrap, MSG_DONTWAIT) > 0; i++) {
    }
}

void stream_free(struct stream **stream)
{
    struct stream *s = *stream;
    *stream = NULL;
    if (!s)
        return;
    bool polite = s->closed && !s->broken;
    release(s);
    if (polite)
        swallow_input(s->fd);
    close(s->fd);
    free_if_done(s);
}

int stream_detach(struct stream **stream, struct buffer *input)
{
    struct stream *s = *stream;
    *stream = NULL;
    int fd = s->fd;
    if (input) {
        buffer_append_view(input, buffer_view(&s->in));
        buffer_append_view(input, buffer_view(&s->wire_in));
    }
    release(s);
    free_if_done(s);
    return fd;
}

void stream_finish(struct stream *s)
{
    s->finishing = true;
    s->more_inside = false;
    buffer_clear(&s->in);
    buffer_clear(&s->wire_in);
    post_flush(s);
}

void stream_leave(struct stream *s)
{
    s->leaving = true;
    stream_set_reading(s, false);
    post_flush(s);
}

void stream_unread(struct stream *s, struct view octets)
{
    struct buffer whole;
    buffer_init(&whole, 0);
    buffer_append_view(&whole, octets);
    buffer_append_view(&whole, buffer_view(&s->in));
    buffer_free(&s->in);
    s->in = whole;
}

void stream_set_callback(struct stream *s, stream_callback *callback, void *ctx)
{
    s->callback = callback;
    s->ctx = ctx;
}

struct view stream_input(const struct stream *s)
{
    return buffer_view(&s->in);
}

void stream_consume(struct stream *s, size_t count)
{
    buffer_consume(&s->in, count);
    if (!s->busy)
        set_watch(s);
}

void stream_set_reading(struct stream *s, bool reading)
{
    s->reading = reading;
    set_watch(s);
}

void stream_set_input_max(struct stream *s, size_t octets)
{
    s->input_max = octets;
    set_watch(s);
}

bool stream_at_eof(const struct stream *s)
{
    return s->eof;
}

void stream_write(struct stream *s, struct view v)
{
    buffer_append_view(&s->out, v);
    post_flush(s);
}

void stream_write_string(struct stream *s, const char *text)
{
    stream_write(s, view_of_string(text));
}

void stream_printf(struct stream *s, const char *format, ...)
{
    char few[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(few, sizeof few, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    if ((size_t)size < sizeof few) {
        stream_write(s, view_of(few, (size_t)size));
        return;
    }
    char *room = buffer_reserve(&s->out, (size_t)size + 1);
    va_start(arguments, format);
    if (room && vsnprintf(room, (size_t)size + 1, format, arguments) == size)
        buffer_commit(&s->out, (size_t)size);
    va_end(arguments);
    post_flush(s);
}

struct buffer *stream_output(struct stream *s)
{
    post_flush(s);
    return &s->out;
}

size_t stream_output_pending(const struct stream *s)
{
    return buffer_size(&s->out);
}

bool stream_is_full(const struct stream *s)
{
    return buffer_size(&s->out) >= (size_t)LIMIT_STREAM_OUTPUT;
}

void stream_lend(struct stream *s)
{
    s->lent = true;
    stop_stall(s);
    set_watch(s);
}

void stream_take_back(struct stream *s)
{
    s->lent = false;
    post_flush(s); /* what was written, and events that fell due meanwhile */
    set_watch(s);
}

void stream_set_stall_ms(struct stream *s, uint64_t ms)
{
    s->stall_ms = ms;
}

int stream_fd(const struct stream *s)
{
    return s->fd;
}

uint64_t stream_octets_in(const struct stream *s)
{
    return s->octets_in;
}

uint64_t stream_octets_out(const struct stream *s)
{
    return s->octets_out;
}
