/*
 * front/client.c: one connection: its life, its deadline, and what the stream tells of it.
 *
 * Tested   tests/unit/front_imap.c, front_pop3.c, front_lmtp.c
 */
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "front/private.h"
#include "language/say.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLOSE_TIME_MS = 30000 };

/* ---- addresses ---- */

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24) == 127;
    if (address->ss_family == AF_INET6) {
        const struct in6_addr *a = &((const struct sockaddr_in6 *)address)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
    }
    return address->ss_family == AF_UNIX;
}

static void address_text(const struct sockaddr_storage *address, char out[46])
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    const void *octets = NULL;
    int family = address->ss_family;
    if (family == AF_INET) {
        octets = &((const struct sockaddr_in *)address)->sin_addr;
    } else if (family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
        octets = &six->sin6_addr.s6_addr[12];
        family = AF_INET;
    } else if (family == AF_INET6) {
        octets = &six->sin6_addr;
    }
    if (!octets || !inet_ntop(family, octets, out, 46))
        snprintf(out, 46, "local");
}

static void find_addresses(struct client *client, int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    if (getpeername(fd, (struct sockaddr *)&address, &size) == 0)
        client->loopback = is_loopback(&address);
    address_text(&address, client->peer);
    address = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
    size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        address.ss_family = AF_UNSPEC;
    address_text(&address, client->local);
}

/* Small answers at once, dead peers noticed, little buffered in the kernel for who does not read (DESIGN 3). */
static void set_socket_options(int fd)
{
    int on = 1, idle_s = 60, interval_s = 20, count = 3, low_octets = 131072;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        return; /* a unix socket */
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &low_octets, sizeof(low_octets));
}

/* ---- the end ---- */

static void client_free(struct client *client)
{
    struct front *front = client->front;
    pump_free(client);
    login_free(client);
    if (client->state)
        client->protocol->release(client);
    free(client->state);
    timer_free(&client->timer);
    if (client->stream)
        stream_free(&client->stream);
    if (client->previous)
        client->previous->next = client->next;
    else
        front->oldest = client->next;
    if (client->next)
        client->next->previous = client->previous;
    else
        front->newest = client->previous;
    free(client);
    front->clients--;
}

void clients_reap(struct front *front)
{
    while (front->grave) {
        struct client *client = front->grave;
        front->grave = client->next_dead;
        client_free(client);
    }
    front_check_drained(front);
}

void client_drop(struct client *client)
{
    if (client->dead)
        return;
    client->dead = true;
    if (client->phase == CLIENT_AUTH)
        login_abort(client);
    if (client->protocol->gone)
        client->protocol->gone(client);
    exchange_close(client);
    peer_leave(client);
    timer_stop(client->timer);
    table_remove(&client->front->sessions, client->id);
    client->next_dead = client->front->grave;
    client->front->grave = client;
    timer_set(client->front->reaper, 0);
}

void client_finish(struct client *client)
{
    if (client->dead || client->phase == CLIENT_CLOSING)
        return;
    client->phase = CLIENT_CLOSING;
    timer_set(client->timer, CLOSE_TIME_MS);
    stream_finish(client->stream);
}

void client_bid_goodbye(struct client *client, enum goodbye why)
{
    if (client->dead || client->phase == CLIENT_CLOSING)
        return;
    if (client->phase != CLIENT_SECURING)
        client->protocol->goodbye(client, why);
    client_finish(client);
}

void client_count_bad(struct client *client)
{
    if (++client->bad_commands >= LIMIT_LOGIN_BAD_COMMANDS)
        client_bid_goodbye(client, GOODBYE_TOO_MANY);
}

/* ---- the dialogue ---- */

void client_say(struct client *client, const char *response)
{
    language_say(stream_output(client->stream), client->language, response);
}

void client_run(struct client *client)
{
    if (client->running)
        return; /* the loop below goes on by itself */
    client->running = true;
    while (!client->dead && client->phase == CLIENT_TALKING && client->protocol->next(client))
        ;
    client->running = false;
    if (!client->dead && client->eof && client->phase == CLIENT_TALKING)
        client_finish(client);
}

void client_resume(struct client *client)
{
    if (client->dead || client->phase == CLIENT_CLOSING)
        return;
    client->phase = CLIENT_TALKING;
    stream_set_reading(client->stream, true);
    client_run(client);
}

bool client_may_start_tls(const struct client *client)
{
    return !client->tls && client->front->tls != NULL;
}

bool client_may_login(const struct client *client)
{
    return client->tls || (client->plain_allowed && client->loopback);
}

void client_start_tls(struct client *client)
{
    client->phase = CLIENT_SECURING;
    stream_start_tls(client->stream, client->front->tls);
}

static void secured(struct client *client)
{
    if (client->phase != CLIENT_SECURING)
        return;
    client->phase = CLIENT_TALKING;
    client->tls = true;
    client->language = LANGUAGE_DEFAULT; /* somebody in between may have chosen it (RFC 5255 7) */
    if (client->tls_from_start)
        client->protocol->greet(client);
    else if (client->protocol->secured)
        client->protocol->secured(client);
    client_run(client);
}

static void client_event(void *ctx, struct stream *stream, enum stream_event event)
{
    struct client *client = ctx;
    if (client->dead)
        return;
    if (client->phase == CLIENT_PUMPED) {
        pump_stream_event(client, event);
        return;
    }
    switch (event) {
    case STREAM_INPUT:
        client->last_input_ms = clock_monotonic_ms();
        client_run(client);
        break;
    case STREAM_DRAINED:
        if (client->phase == CLIENT_FLUSHING)
            login_flushed(client);
        else
            client_run(client);
        break;
    case STREAM_EOF:
        client->eof = true;
        if (client->phase == CLIENT_SECURING)
            client_drop(client);
        else
            client_run(client);
        break;
    case STREAM_SECURED:
        secured(client);
        break;
    case STREAM_BROKEN:
    case STREAM_CLOSED:
        client_drop(client);
        break;
    }
}

/* ---- deadlines ---- */

static void lmtp_deadline(struct client *client)
{
    uint64_t idle_ms = client->front->settings.lmtp_idle_ms;
    uint64_t quiet_ms = clock_monotonic_ms() - client->last_input_ms;
    if (client->phase == CLIENT_WAITING)
        timer_set(client->timer, idle_ms);
    else if (quiet_ms < idle_ms)
        timer_set(client->timer, idle_ms - quiet_ms);
    else
        client_bid_goodbye(client, GOODBYE_TIMEOUT);
}

static void client_deadline(void *ctx)
{
    struct client *client = ctx;
    switch (client->phase) {
    case CLIENT_FLUSHING:
        login_flushed(client);
        break;
    case CLIENT_ADOPTING: /* mail must answer; it is given one more time */
        login_lost(client, ROLE_MAIL);
        break;
    case CLIENT_PUMPED:
        pump_lost(client);
        break;
    case CLIENT_CLOSING:
    case CLIENT_SECURING:
        client_drop(client);
        break;
    case CLIENT_AUTH:
        login_abort(client);
        client_bid_goodbye(client, GOODBYE_TIMEOUT);
        break;
    case CLIENT_TALKING:
    case CLIENT_WAITING:
        if (client->protocol->logs_in)
            client_bid_goodbye(client, GOODBYE_TIMEOUT);
        else
            lmtp_deadline(client);
        break;
    }
}

/* ---- the beginning ---- */

/* A full gate lets go of the oldest stranger rather than refuse a newcomer, if that one had its time. */
static bool make_room(struct front *front)
{
    if (front->clients < front->settings.sessions)
        return true;
    uint64_t now_ms = clock_monotonic_ms();
    for (struct client *c = front->oldest; c; c = c->next) {
        if (c->dead || c->phase != CLIENT_TALKING || !c->protocol->logs_in || now_ms - c->last_input_ms < 5000)
            continue;
        client_bid_goodbye(c, GOODBYE_FULL);
        return true;
    }
    return false;
}

static void refuse(struct client *client, enum goodbye why)
{
    log_event(LOG_WARN, "connect.refused", "proto=%s rip=%s reason=%s", protocol_name(client->protocol->number),
              client->peer,
              why == GOODBYE_PEER    ? "address"
              : why == GOODBYE_DRAIN ? "draining"
                                     : "full");
    client->phase = client->tls_from_start && !client->tls ? CLIENT_SECURING : CLIENT_TALKING;
    client_bid_goodbye(client, why);
}

static void begin(struct client *client)
{
    struct front *front = client->front;
    timer_set(client->timer, client->protocol->logs_in ? front->settings.login_time_ms : front->settings.lmtp_idle_ms);
    if (client->tls_from_start) {
        if (!front->tls)
            client_drop(client);
        else
            client_start_tls(client);
        return;
    }
    client->phase = CLIENT_TALKING;
    client->protocol->greet(client);
}

static void renumber(struct client *client)
{
    struct front *front = client->front;
    if (client->id)
        table_remove(&front->sessions, client->id);
    client->id = front->next_session;
    front->next_session += 256;
    table_put(&front->sessions, client->id, client);
}

static struct client *make(struct front *front, int fd, const struct front_protocol *protocol,
                           const struct ipc_listen *facts)
{
    struct client *client = NEW(struct client);
    client->front = front;
    client->protocol = protocol;
    client->tls_from_start = facts->tls_from_start != 0;
    client->plain_allowed = facts->plain_login_allowed != 0;
    client->last_input_ms = clock_monotonic_ms();
    client->previous = front->newest;
    if (front->newest)
        front->newest->next = client;
    else
        front->oldest = client;
    front->newest = client;
    front->clients++;
    renumber(client);
    find_addresses(client, fd);
    set_socket_options(fd);
    client->state = memory_new(protocol->state_size);
    client->timer = timer_new(front->loop, client_deadline, client);
    client->stream = stream_new(front->loop, fd, client_event, client);
    stream_set_input_max(client->stream, protocol->input_max);
    return client;
}

/* False: it was told why not. */
static bool admit(struct client *client, bool room)
{
    if (client->front->draining)
        refuse(client, GOODBYE_DRAIN);
    else if (!room)
        refuse(client, GOODBYE_FULL);
    else if (!peer_enter(client))
        refuse(client, GOODBYE_PEER);
    else
        return true;
    return false;
}

struct client *client_new(struct front *front, int fd, const struct front_protocol *protocol,
                          const struct ipc_listen *facts)
{
    bool room = make_room(front);
    struct client *client = make(front, fd, protocol, facts);
    if (admit(client, room))
        begin(client);
    return client;
}

/* ---- back from mail (RFC 8437) ---- */

/* Everything but TLS is as at the beginning; nothing is said, for the greeting was. */
static void begin_again(struct client *client, bool room, struct view pending)
{
    client->bad_commands = 0;
    client->language = LANGUAGE_DEFAULT; /* RFC 8437 3 */
    client->last_input_ms = clock_monotonic_ms();
    stream_unread(client->stream, pending);
    if (!admit(client, room))
        return;
    client->phase = CLIENT_TALKING;
    timer_set(client->timer, client->front->settings.login_time_ms);
    if (stream_input(client->stream).size > LIMIT_RETURN_OCTETS)
        client_bid_goodbye(client, GOODBYE_TOO_LONG);
    else
        client_resume(client);
}

void client_return_plain(struct front *front, const struct front_protocol *protocol, int fd, struct view pending)
{
    /* It had logged in without TLS, so it may. */
    struct ipc_listen facts = {.protocol = protocol->number, .plain_login_allowed = 1};
    bool room = make_room(front);
    begin_again(make(front, fd, protocol, &facts), room, pending);
}

void client_return_pumped(struct client *client, struct view pending)
{
    renumber(client); /* a number is one session's, in logs and in the history */
    client->state = memory_new(client->protocol->state_size);
    stream_set_input_max(client->stream, client->protocol->input_max);
    begin_again(client, true, pending);
}
