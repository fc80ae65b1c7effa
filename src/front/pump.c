/*
 * front/pump.c: octets between a client behind TLS and the pair whose other end mail holds.
 *
 * Does     copies both ways with back-pressure: from the pair straight into the stream's output buffer, from the
 *          stream's input buffer straight into the pair. It has no buffer of its own, so an idle session costs what its
 *          TLS state costs.
 * Owns     our end of the pair.
 * Waits    on the pair through a watch, on the client through the stream.
 * Fails    mail gone, or its end closed without END: the client gets a reset, since nobody knows what was under way.
 * Tested   tests/e2e/test_story.py, tests/e2e/test_hostile_login.py
 */
#include "base/limits.h"
#include "base/memory.h"
#include "front/private.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PUMP_READ_OCTETS = 65536, END_WAIT_MS = 2000 };

struct pump {
    struct watch *watch;
    int fd;
    unsigned want;
    bool pair_eof;    /* mail will write no more */
    bool client_shut; /* the client's half-close was passed on */
    bool ended, clean;
    bool returns, draining;
    int mails_end;         /* of the pair, once it came back */
    struct buffer pending; /* what mail read of the client and did not look at */
};

static void pump_want(struct pump *pump, unsigned want)
{
    if (pump->want == want)
        return;
    pump->want = want;
    watch_want(pump->watch, want);
}

static void pump_arm(struct client *client)
{
    struct pump *pump = client->pump;
    unsigned want = 0;
    if (!pump->pair_eof && !pump->returns && !stream_is_full(client->stream))
        want |= WATCH_READ;
    if (stream_input(client->stream).size > 0)
        want |= WATCH_WRITE;
    pump_want(pump, want);
}

/* The connection is cut so that the client sees a reset, not a clean end. */
static void pump_reset(struct client *client)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(stream_fd(client->stream), SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    client_drop(client);
}

/* The client is gone: mail is told why its end closes. */
static void pump_client_gone(struct client *client)
{
    struct channel *mail = front_mail(client->front, client->mail_instance);
    if (mail && !client->pump->ended) {
        struct ipc_session_gone gone = {.session = client->id};
        channel_send(mail, IPC_SESSION_GONE, client->id, &gone, -1);
    }
    client_drop(client);
}

/* Both END and the pair's end are needed: octets may still be in the pair when END arrives. */
static void pump_check_end(struct client *client)
{
    struct pump *pump = client->pump;
    if (!pump->pair_eof)
        return;
    if (pump->ended && pump->clean)
        client_finish(client);
    else if (pump->ended)
        pump_reset(client);
    else
        timer_set(client->timer, END_WAIT_MS);
}

/* All that mail said is in the stream: what it has not read of the client goes back before what the stream holds. */
static void pump_take_back(struct client *client)
{
    struct pump *pump = client->pump;
    struct buffer unread = pump->pending;
    pump->pending = (struct buffer){0};
    ssize_t got;
    do {
        got = recv(pump->mails_end, buffer_reserve(&unread, PUMP_READ_OCTETS), PUMP_READ_OCTETS, MSG_DONTWAIT);
        if (got > 0)
            buffer_commit(&unread, (size_t)got);
    } while (got > 0 || (got < 0 && errno == EINTR));
    pump_free(client);
    client_return_pumped(client, buffer_view(&unread));
    buffer_free(&unread);
}

/* False: the client was taken back, and the pump is gone. */
static bool pump_to_client(struct client *client)
{
    struct pump *pump = client->pump;
    struct buffer *out = stream_output(client->stream);
    char *room = buffer_reserve(out, PUMP_READ_OCTETS);
    if (!room)
        return true;
    ssize_t got = read(pump->fd, room, PUMP_READ_OCTETS);
    if (got > 0) {
        buffer_commit(out, (size_t)got);
        stream_flush(client->stream);
        return true;
    }
    if (got < 0 && errno == EAGAIN && pump->returns) {
        pump_take_back(client);
        return false;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    pump->pair_eof = true;
    pump_check_end(client);
    return true;
}

static void pump_to_mail(struct client *client)
{
    struct pump *pump = client->pump;
    struct view input = stream_input(client->stream);
    while (input.size > 0) {
        ssize_t put = send(pump->fd, input.data, input.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EAGAIN)
            break;
        if (put < 0) {
            /* mail closed its end: what the client still says is thrown away */
            stream_consume(client->stream, input.size);
            break;
        }
        stream_consume(client->stream, (size_t)put);
        input = stream_input(client->stream);
    }
    if (client->eof && !pump->client_shut && stream_input(client->stream).size == 0) {
        pump->client_shut = true;
        (void)shutdown(pump->fd, SHUT_WR);
    }
}

/* Nobody writes into the pair any more, so its watch would not tell when it is empty: the stream's DRAINED leads on. */
static void pump_drain(struct client *client)
{
    struct pump *pump = client->pump;
    bool there = true;
    if (pump->draining)
        return;
    pump->draining = true;
    while (there && !client->dead && client->phase == CLIENT_PUMPED && !pump->pair_eof &&
           !stream_is_full(client->stream))
        there = pump_to_client(client);
    if (there)
        pump->draining = false;
}

static void pump_fires(void *ctx, unsigned what)
{
    struct client *client = ctx;
    if (client->dead || client->phase != CLIENT_PUMPED)
        return;
    if (what & WATCH_WRITE)
        pump_to_mail(client);
    if ((what & WATCH_READ) && !client->dead && client->phase == CLIENT_PUMPED)
        (void)pump_to_client(client);
    if (!client->dead && client->phase == CLIENT_PUMPED)
        pump_arm(client);
}

void pump_start(struct client *client, int pair)
{
    struct pump *pump = client->pump = NEW(struct pump);
    pump->fd = pair;
    pump->watch = watch_new(client->front->loop, pair, pump_fires, client);
    stream_set_input_max(client->stream, LIMIT_STREAM_INPUT);
    stream_set_reading(client->stream, true);
    pump_arm(client);
    if (client->eof)
        pump_to_mail(client);
}

void pump_stream_event(struct client *client, enum stream_event event)
{
    switch (event) {
    case STREAM_INPUT:
        pump_to_mail(client);
        break;
    case STREAM_EOF:
        client->eof = true;
        pump_to_mail(client);
        break;
    case STREAM_BROKEN:
    case STREAM_CLOSED:
        pump_client_gone(client);
        return;
    case STREAM_DRAINED:
        if (client->pump->returns)
            pump_drain(client);
        break;
    case STREAM_SECURED:
        break;
    }
    if (!client->dead && client->phase == CLIENT_PUMPED)
        pump_arm(client);
}

void pump_end(struct client *client, bool clean)
{
    client->pump->ended = true;
    client->pump->clean = clean;
    pump_check_end(client);
}

void pump_return(struct client *client, struct view pending, int fd)
{
    struct pump *pump = client->pump;
    if (pump->returns) { /* never said twice by a mail that is well */
        close(fd);
        return;
    }
    pump->returns = true;
    pump->mails_end = fd;
    buffer_append_view(&pump->pending, pending);
    pump_drain(client);
}

void pump_lost(struct client *client)
{
    pump_reset(client);
}

void pump_free(struct client *client)
{
    if (!client->pump)
        return;
    watch_free(&client->pump->watch);
    close(client->pump->fd);
    if (client->pump->returns)
        close(client->pump->mails_end);
    buffer_free(&client->pump->pending);
    free(client->pump);
    client->pump = NULL;
}
