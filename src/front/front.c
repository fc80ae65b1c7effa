/*
 * front/front.c: the process as a whole: listening sockets, channels, who an answer belongs to.
 *
 * Tested   tests/unit/front_imap.c, front_lmtp.c
 */
#include "front/front.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "front/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_A_TURN = 32, ACCEPT_PAUSE_MS = 500 };

/* ---- settings ---- */

void front_set_settings(struct front *front, const struct front_settings *settings)
{
    front->settings = *settings;
    struct front_settings *s = &front->settings;
    if (s->host_name[0] == '\0')
        snprintf(s->host_name, sizeof(s->host_name), "localhost");
    if (s->sessions == 0)
        s->sessions = LIMIT_GATE_SESSIONS;
    if (s->login_time_ms == 0)
        s->login_time_ms = LIMIT_LOGIN_TIME_MS;
    if (s->lmtp_idle_ms == 0)
        s->lmtp_idle_ms = LIMIT_LMTP_IDLE_MS;
    if (s->message_octets == 0 || s->message_octets > LIMIT_MESSAGE_OCTETS)
        s->message_octets = LIMIT_MESSAGE_OCTETS;
}

/*
 * Session numbers: microseconds since 1970 when this process started, plus one a session, then eight bits that name the
 * process. A later process of the same name starts above every number of the one before it, as long as that took less
 * than a million sessions a second.
 */
static uint64_t first_session(enum role role, uint32_t instance)
{
    uint64_t name = (role == ROLE_LMTP ? 0x80u : 0u) | (instance & 0x7Fu);
    return ((uint64_t)clock_wall_us() << 8) | name;
}

static void reap(void *ctx)
{
    clients_reap(ctx);
}

struct front *front_open(struct loop *loop, enum role role, uint32_t instance, const struct front_settings *settings)
{
    struct front *front = NEW(struct front);
    front->loop = loop;
    front->role = role;
    front->instance = instance;
    front->next_session = first_session(role, instance);
    front->reaper = timer_new(loop, reap, front);
    front_set_settings(front, settings);
    return front;
}

bool front_set_certificate(struct front *front, const struct ipc_certificate *certificate, char *error,
                           size_t error_size)
{
    struct tls_server *tls = tls_server_new(certificate->certificate_pem, certificate->key_pem, error, error_size);
    if (!tls)
        return false;
    if (front->tls)
        tls_server_unref(&front->tls);
    front->tls = tls;
    return true;
}

size_t front_sessions(const struct front *front)
{
    return front->clients;
}

static const struct front_protocol *protocol_of(uint8_t number)
{
    static const struct front_protocol *const all[] = {&front_imap, &front_pop3, &front_lmtp};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (all[i]->number == number)
            return all[i];
    return NULL;
}

/* ---- channels ---- */

struct channel *front_auth(struct front *front)
{
    return front->auth.channel;
}

struct channel *front_mail(struct front *front, uint32_t instance)
{
    return instance < FRONT_MAILS ? front->mails[instance].channel : NULL;
}

uint32_t front_any_mail(struct front *front)
{
    for (uint32_t i = 0; i < FRONT_MAILS; i++)
        if (front->mails[i].channel)
            return i;
    return UINT32_MAX;
}

uint64_t exchange_open(struct client *client)
{
    exchange_close(client);
    client->exchange = channel_next_id(front_auth(client->front));
    table_put(&client->front->exchanges, client->exchange, client);
    return client->exchange;
}

void exchange_close(struct client *client)
{
    if (client->exchange)
        table_remove(&client->front->exchanges, client->exchange);
    client->exchange = 0;
}

static void auth_message(struct front *front, const struct message *message)
{
    struct client *client = table_get(&front->exchanges, message->id);
    if (!client || client->dead)
        return; /* the connection ended before its answer */
    if (client->phase == CLIENT_AUTH)
        login_auth_answer(client, message);
    else if (client->protocol->answer)
        client->protocol->answer(client, message);
}

static uint64_t session_of(const struct message *message)
{
    switch (message->type) {
    case IPC_ACCEPTED:
        return ((const struct ipc_accepted *)message->body)->session;
    case IPC_REFUSED:
        return ((const struct ipc_refused *)message->body)->session;
    case IPC_END:
        return ((const struct ipc_end *)message->body)->session;
    default:
        return message->id; /* MAIL_*: the frame's id is the session (ipc/messages.h) */
    }
}

static void mail_message(struct front *front, const struct message *message)
{
    struct client *client = table_get(&front->sessions, session_of(message));
    if (!client || client->dead)
        return;
    switch (message->type) {
    case IPC_ACCEPTED:
    case IPC_REFUSED:
        login_mail_answer(client, message);
        break;
    case IPC_END:
        if (client->phase == CLIENT_PUMPED)
            pump_end(client, ((const struct ipc_end *)message->body)->clean != 0);
        break;
    default:
        if (client->protocol->answer)
            client->protocol->answer(client, message);
        break;
    }
}

static void came_back(struct front *front, struct message *message)
{
    const struct ipc_return *back = message->body;
    const struct front_protocol *protocol = protocol_of(back->protocol);
    struct client *client = table_get(&front->sessions, back->session);
    int fd = message->fd;
    if (back->tls && client && !client->dead && client->phase == CLIENT_PUMPED) {
        message->fd = -1;
        pump_return(client, back->pending, fd);
    } else if (!back->tls && protocol) {
        message->fd = -1;
        client_return_plain(front, protocol, fd, back->pending);
    }
}

static void on_message(void *ctx, struct channel *channel, struct message *message)
{
    struct front_peer *peer = ctx;
    if (peer->role == ROLE_AUTH)
        auth_message(peer->front, message);
    else if (message->type == IPC_RETURN)
        came_back(peer->front, message);
    else
        mail_message(peer->front, message);
}

/* Tells whoever waits for that process. */
static void peer_lost(struct front_peer *peer)
{
    for (struct client *c = peer->front->oldest; c; c = c->next) {
        if (c->dead)
            continue;
        bool at_mail = peer->role == ROLE_MAIL;
        if (at_mail && c->phase == CLIENT_PUMPED && c->mail_instance == peer->instance)
            pump_lost(c);
        else if (at_mail && c->phase == CLIENT_ADOPTING && c->login->mail_instance == peer->instance)
            login_lost(c, ROLE_MAIL);
        else if (!at_mail && c->phase == CLIENT_AUTH)
            login_lost(c, ROLE_AUTH);
        else if (c->protocol->lost && (!at_mail || c->mail_instance == peer->instance))
            c->protocol->lost(c, peer->role);
    }
}

static void on_closed(void *ctx, struct channel *channel, const char *reason)
{
    struct front_peer *peer = ctx;
    log_event(LOG_WARN, "channel.closed", "peer=%s reason=%s", role_name(peer->role), reason);
    if (peer->channel == channel)
        peer->channel = NULL;
    channel_free(&channel);
    if (!peer->front->closing)
        peer_lost(peer);
}

static const struct channel_user user = {.on_message = on_message, .on_closed = on_closed};

static void set_peer(struct front *front, struct front_peer *peer, enum role role, uint32_t instance, int fd)
{
    peer->front = front;
    peer->role = role;
    peer->instance = instance;
    if (peer->channel) {
        channel_free(&peer->channel);
        peer_lost(peer);
    }
    peer->channel = channel_new(front->loop, fd, front->role, role, &user, peer);
}

void front_set_auth(struct front *front, int fd)
{
    set_peer(front, &front->auth, ROLE_AUTH, 0, fd);
}

void front_set_mail(struct front *front, uint32_t instance, int fd)
{
    if (instance >= FRONT_MAILS) {
        close(fd);
        return;
    }
    set_peer(front, &front->mails[instance], ROLE_MAIL, instance, fd);
}

/* ---- listening ---- */

static void listener_accept(void *ctx, unsigned what)
{
    struct front_listener *listener = ctx;
    struct ipc_listen facts = {.tls_from_start = listener->tls_from_start,
                               .plain_login_allowed = listener->plain_allowed};
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            client_new(listener->front, fd, listener->protocol, &facts);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_event(LOG_ERROR, "accept.failed", "proto=%s errno=%d", protocol_name(listener->protocol->number),
                      errno);
            watch_want(listener->watch, 0);
            timer_set(listener->pause, ACCEPT_PAUSE_MS);
        }
        return;
    }
}

static void listener_resume(void *ctx)
{
    struct front_listener *listener = ctx;
    watch_want(listener->watch, WATCH_READ);
}

void front_listen(struct front *front, int fd, const struct ipc_listen *facts)
{
    const struct front_protocol *protocol = protocol_of(facts->protocol);
    if (!protocol || front->listener_count == FRONT_LISTENERS || front->draining) {
        close(fd);
        return;
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    struct front_listener *listener = &front->listeners[front->listener_count++];
    *listener = (struct front_listener){.front = front,
                                        .fd = fd,
                                        .protocol = protocol,
                                        .tls_from_start = facts->tls_from_start != 0,
                                        .plain_allowed = facts->plain_login_allowed != 0};
    listener->pause = timer_new(front->loop, listener_resume, listener);
    listener->watch = watch_new(front->loop, fd, listener_accept, listener);
    watch_want(listener->watch, WATCH_READ);
}

void front_take(struct front *front, int fd, const struct ipc_listen *facts)
{
    const struct front_protocol *protocol = protocol_of(facts->protocol);
    if (protocol)
        client_new(front, fd, protocol, facts);
    else
        close(fd);
}

static void listeners_close(struct front *front)
{
    for (size_t i = 0; i < front->listener_count; i++) {
        struct front_listener *listener = &front->listeners[i];
        watch_free(&listener->watch);
        timer_free(&listener->pause);
        close(listener->fd);
    }
    front->listener_count = 0;
}

/* ---- the end ---- */

void front_check_drained(struct front *front)
{
    if (!front->draining || front->drained || front->closing || front->clients > 0)
        return;
    front->drained = true;
    if (front->drain_done)
        front->drain_done(front->drain_ctx);
}

void front_drain(struct front *front, void (*done)(void *ctx), void *ctx)
{
    front->draining = true;
    front->drain_done = done;
    front->drain_ctx = ctx;
    listeners_close(front);
    for (struct client *c = front->oldest; c; c = c->next)
        if (!c->dead && (c->phase == CLIENT_TALKING || c->phase == CLIENT_SECURING))
            client_bid_goodbye(c, GOODBYE_DRAIN);
    front_check_drained(front);
}

void front_close(struct front **front_p)
{
    struct front *front = *front_p;
    if (!front)
        return;
    *front_p = NULL;
    listeners_close(front);
    front->closing = true;
    for (struct client *c = front->oldest; c; c = c->next)
        client_drop(c);
    clients_reap(front);
    timer_free(&front->reaper);
    if (front->auth.channel)
        channel_free(&front->auth.channel);
    for (size_t i = 0; i < FRONT_MAILS; i++)
        if (front->mails[i].channel)
            channel_free(&front->mails[i].channel);
    if (front->tls)
        tls_server_unref(&front->tls);
    table_free(&front->sessions);
    table_free(&front->exchanges);
    free(front);
}
