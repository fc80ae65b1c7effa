/*
 * tests/support/front_house.h: a front process in one loop with auth and mail played by this file: for unit tests and
 * fuzz targets of what is said before login.
 *
 * Auth says no to every login, but yes to names that begin with "y" (mail then refuses the session) and "z" (mail takes
 * it and closes). It takes every recipient but those that begin with "n". Mail takes every message that doesn't begin
 * with "!", and keeps the last one's octets.
 */
#ifndef FRONT_HOUSE_H
#define FRONT_HOUSE_H

#include "base/limits.h"
#include "base/memory.h"
#include "front/front.h"
#include "net/loop.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct front_house {
    struct loop *loop;
    struct front *front;
    struct channel *auth, *mail;
    int client;           /* the peer's end of its connection */
    struct buffer said;   /* what the front wrote to it */
    struct buffer stored; /* the octets of the last message that mail got */
    bool ended;           /* the front closed the connection */
    bool refused;         /* mail said no to that message */
    unsigned logins, recipients, messages, aborts;
    char credentials[2048]; /* of the last login, NUL as "|" */
};

static bool house_accepts(const struct front_house *h)
{
    const char *name = h->credentials[0] == '|' ? h->credentials + 1 : h->credentials;
    return *name == 'y' || *name == 'z';
}

static inline void house_answer_login(struct front_house *h, struct channel *c, uint64_t id, struct view octets)
{
    size_t size = octets.size < sizeof h->credentials - 1 ? octets.size : sizeof h->credentials - 1;
    for (size_t i = 0; i < size; i++)
        h->credentials[i] = octets.data[i] ? octets.data[i] : '|';
    h->credentials[size] = '\0';
    if (house_accepts(h)) {
        struct ipc_auth_ok ok = {.ticket_high = 1, .ticket_low = 2, .user = VIEW_LITERAL("somebody")};
        channel_send(c, IPC_AUTH_OK, id, &ok, -1);
    } else {
        struct ipc_auth_fail fail = {.reason = AUTH_FAIL_CREDENTIALS};
        channel_send(c, IPC_AUTH_FAIL, id, &fail, -1);
    }
}

static inline void house_answer_recipient(struct channel *c, uint64_t id, struct view address)
{
    if (address.size && address.data[0] == 'n') {
        struct ipc_rcpt_no no = {.code = 550, .enhanced = VIEW_LITERAL("5.1.1"), .text = VIEW_LITERAL("No such user")};
        channel_send(c, IPC_RCPT_NO, id, &no, -1);
    } else {
        struct ipc_rcpt_ok ok = {.account = 7, .ticket_high = 3, .ticket_low = 4, .user = VIEW_LITERAL("somebody")};
        channel_send(c, IPC_RCPT_OK, id, &ok, -1);
    }
}

static inline void house_auth_message(void *ctx, struct channel *c, struct message *message)
{
    struct front_house *h = ctx;
    struct ipc_auth_more more = {.octets = VIEW_LITERAL("")};
    if (message->type == IPC_AUTH_BEGIN) {
        const struct ipc_auth_begin *begin = message->body;
        h->logins++;
        if (begin->has_initial)
            house_answer_login(h, c, message->id, begin->initial);
        else
            channel_send(c, IPC_AUTH_MORE, message->id, &more, -1);
    } else if (message->type == IPC_AUTH_STEP) {
        house_answer_login(h, c, message->id, ((const struct ipc_auth_step *)message->body)->octets);
    } else if (message->type == IPC_RCPT) {
        h->recipients++;
        house_answer_recipient(c, message->id, ((const struct ipc_rcpt *)message->body)->address);
    }
}

static inline void house_answer_adopt(struct front_house *h, struct channel *c, const struct message *message)
{
    const struct ipc_adopt *adopt = message->body;
    bool takes = *(h->credentials[0] == '|' ? h->credentials + 1 : h->credentials) == 'z';
    struct ipc_accepted accepted = {.session = adopt->session};
    struct ipc_refused refused = {.session = adopt->session, .reason = REFUSED_IN_USE};
    if (takes)
        channel_send(c, IPC_ACCEPTED, message->id, &accepted, -1);
    else
        channel_send(c, IPC_REFUSED, message->id, &refused, -1);
}

static inline void house_answer_end(struct front_house *h, struct channel *c, const struct message *message)
{
    struct buffer replies = {0};
    h->messages += !h->refused;
    size_t count = ((const struct ipc_mail_end *)message->body)->recipients.size / 16;
    for (size_t i = 0; i < count; i++)
        buffer_append_string(&replies, h->refused ? "554 5.6.0 Not this\n" : "250 2.0.0 Taken\n");
    struct ipc_mail_done done = {.replies = buffer_view(&replies)};
    channel_send(c, IPC_MAIL_DONE, message->id, &done, -1);
    buffer_free(&replies);
}

static inline void house_mail_message(void *ctx, struct channel *c, struct message *message)
{
    struct front_house *h = ctx;
    struct ipc_empty nothing = {0};
    if (message->type == IPC_ADOPT) {
        house_answer_adopt(h, c, message);
    } else if (message->type == IPC_MAIL_BEGIN) {
        buffer_clear(&h->stored);
        h->refused = false;
        channel_send(c, IPC_MAIL_GO, message->id, &nothing, -1);
    } else if (message->type == IPC_MAIL_DATA) {
        struct view octets = ((const struct ipc_mail_data *)message->body)->octets;
        struct ipc_mail_credit credit = {.octets = (uint32_t)octets.size};
        struct ipc_mail_no no = {.code = 554, .enhanced = VIEW_LITERAL("5.6.0"), .text = VIEW_LITERAL("Not this")};
        h->refused = h->refused || (buffer_size(&h->stored) == 0 && octets.data[0] == '!');
        buffer_append_view(&h->stored, octets);
        if (h->refused)
            channel_send(c, IPC_MAIL_NO, message->id, &no, -1);
        else
            channel_send(c, IPC_MAIL_CREDIT, message->id, &credit, -1);
    } else if (message->type == IPC_MAIL_END) {
        house_answer_end(h, c, message);
    } else if (message->type == IPC_MAIL_ABORT) {
        h->aborts++;
    }
}

static inline void house_closed(void *ctx, struct channel *channel, const char *reason)
{
    BUG(reason); /* the front broke the rules of the permit table */
}

static struct channel *house_peer(struct front_house *h, enum role self, enum role front_role)
{
    static const struct channel_user auth_user = {house_auth_message, house_closed, NULL};
    static const struct channel_user mail_user = {house_mail_message, house_closed, NULL};
    int ends[2];
    BUG_IF(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0);
    if (self == ROLE_AUTH)
        front_set_auth(h->front, ends[0]);
    else
        front_set_mail(h->front, 0, ends[0]);
    return channel_new(h->loop, ends[1], self, front_role, self == ROLE_AUTH ? &auth_user : &mail_user, h);
}

static inline void house_open(struct front_house *h, enum role role)
{
    const struct front_settings settings = {.host_name = "mx.example.org"};
    *h = (struct front_house){.client = -1};
    h->loop = loop_new();
    h->front = front_open(h->loop, role, 0, &settings);
    h->auth = house_peer(h, ROLE_AUTH, role);
    h->mail = house_peer(h, ROLE_MAIL, role);
}

static inline void house_read(struct front_house *h)
{
    char octets[16384];
    ssize_t count;
    while (!h->ended && (count = recv(h->client, octets, sizeof octets, MSG_DONTWAIT)) >= 0) {
        buffer_append(&h->said, octets, (size_t)count);
        h->ended = count == 0;
    }
    h->ended = h->ended || (errno != EAGAIN && errno != EINTR);
}

/* The loop turns until nothing more happens: a handful of turns suffice for a question to auth or mail. */
static inline void house_turn(struct front_house *h, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++) {
        loop_turn(h->loop, 0);
        if (h->client >= 0)
            house_read(h);
    }
}

static inline void house_connect(struct front_house *h, uint8_t protocol)
{
    const struct ipc_listen facts = {.protocol = protocol, .plain_login_allowed = 1};
    int ends[2];
    BUG_IF(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0);
    h->client = ends[0];
    h->ended = false;
    buffer_clear(&h->said);
    front_take(h->front, ends[1], &facts);
}

static inline void house_send(struct front_house *h, struct view octets)
{
    while (octets.size && !h->ended) {
        ssize_t count = send(h->client, octets.data, octets.size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count > 0)
            octets = view_skip(octets, (size_t)count);
        else if (count < 0 && errno != EAGAIN)
            return;
        house_turn(h, 2);
    }
}

/* No more comes from the peer; the front must find an end by itself. */
static inline void house_finish(struct front_house *h)
{
    (void)shutdown(h->client, SHUT_WR);
    for (unsigned i = 0; i < 20000 && !h->ended; i++)
        house_turn(h, 1);
}

static inline void house_hang_up(struct front_house *h)
{
    close(h->client);
    h->client = -1;
    house_turn(h, 4);
}

static inline void house_close(struct front_house *h)
{
    front_close(&h->front);
    channel_free(&h->auth);
    channel_free(&h->mail);
    loop_free(&h->loop);
    buffer_free(&h->said);
    buffer_free(&h->stored);
}

#endif
