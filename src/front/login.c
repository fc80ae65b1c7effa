/*
 * front/login.c: the ordered hand-over (DESIGN 3): SASL with auth, the ticket, ADOPT, ACCEPTED or REFUSED.
 *
 * Does     relays SASL messages, asks mail to take the connection, writes the log lines. Until ACCEPTED the connection
 *          is ours and a refusal is answered in the protocol's words; after it not one octet is ours.
 * Owns     struct login, from the first AUTH_BEGIN to the hand-over.
 * Waits    CLIENT_AUTH for auth, CLIENT_FLUSHING for our own output, CLIENT_ADOPTING for mail. Nothing is read from the
 *          client in any of them.
 * Tested   tests/unit/front_imap.c, front_pop3.c
 */
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "front/private.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIR_SEND_OCTETS = 32768, FLUSH_LOOK_MS = 20, ADOPT_TIME_MS = 30000 };

/* ---- mechanisms ---- */

static const char *const mechanisms[] = {"PLAIN", "LOGIN"};

bool login_mechanism_known(struct view name)
{
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
        if (view_equal_string_nocase(name, mechanisms[i]))
            return true;
    return false;
}

void login_write_mechanisms(struct buffer *out, const char *prefix)
{
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
        buffer_printf(out, " %s%s", prefix, mechanisms[i]);
}

/* ---- the log ---- */

/* Key order is fixed, and what the stranger chose comes last (ecosystem 4.5). */
static void log_login(struct client *client, const char *event, const char *reason)
{
    char user[512];
    const struct login *login = client->login;
    log_event(LOG_INFO, event, "proto=%s rip=%s lip=%s mech=%s%s%s tls=%s sid=%016llx user=%s",
              protocol_name(client->protocol->number), client->peer, client->local, login->mechanism,
              reason ? " reason=" : "", reason ? reason : "", client->tls ? stream_tls_version(client->stream) : "no",
              (unsigned long long)client->id, log_value(view_of_string(login->user), user, sizeof(user)));
}

/* The name inside a PLAIN message (authorization NUL name NUL password) or a LOGIN-COMMAND, for the log alone. */
static void note_user(struct login *login, struct view octets)
{
    struct view name = octets;
    if (strcmp(login->mechanism, "PLAIN") == 0) {
        size_t zero = view_find(octets, '\0', 0);
        if (zero == SIZE_MAX)
            return;
        name = view_skip(octets, zero + 1);
    } else if (login->user[0]) {
        return; /* LOGIN: the second message is the password */
    }
    name = view_slice(name, 0, view_find(name, '\0', 0));
    name = view_slice(name, 0, sizeof(login->user) - 1);
    view_copy(login->user, name);
    login->user[name.size] = '\0';
}

/* ---- SASL ---- */

const char *login_tag(const struct client *client)
{
    return client->login ? client->login->tag : "";
}

void login_free(struct client *client)
{
    if (!client->login)
        return;
    if (client->login->pair >= 0)
        close(client->login->pair);
    free(client->login);
    client->login = NULL;
}

/* The answer to this login is a refusal: the client may try again, LIMIT_LOGIN_FAILURES times. */
static void login_refuse(struct client *client, enum login_failure why)
{
    exchange_close(client);
    client->phase = CLIENT_TALKING;
    client->protocol->failed(client, why);
    login_free(client);
    if (why == LOGIN_FAILED && ++client->failures >= LIMIT_LOGIN_FAILURES)
        client_bid_goodbye(client, GOODBYE_TOO_MANY);
    else if (client->front->draining)
        client_bid_goodbye(client, GOODBYE_DRAIN);
    else
        client_resume(client);
}

static void ask_auth(struct client *client, enum ipc_type type, const void *body)
{
    client->phase = CLIENT_AUTH;
    stream_set_reading(client->stream, false);
    uint64_t id = client->exchange ? client->exchange : exchange_open(client);
    channel_send(front_auth(client->front), type, id, body, -1);
}

void login_begin(struct client *client, const char *mechanism, struct view tag, const struct view *initial)
{
    login_free(client);
    struct login *login = client->login = NEW(struct login);
    login->pair = -1;
    snprintf(login->mechanism, sizeof(login->mechanism), "%s", mechanism);
    snprintf(login->tag, sizeof(login->tag), "%.*s", VIEW_PRINTF(tag));
    if (initial)
        note_user(login, *initial);
    if (!front_auth(client->front)) {
        log_login(client, "login.fail", "unavailable");
        login_refuse(client, LOGIN_TEMPORARY);
        return;
    }
    exchange_close(client);
    struct ipc_auth_begin begin = {.session = client->id,
                                   .protocol = client->protocol->number,
                                   .tls = client->tls,
                                   .has_initial = initial != NULL,
                                   .mechanism = view_of_string(login->mechanism),
                                   .peer = view_of_string(client->peer),
                                   .initial = initial ? *initial : VIEW_EMPTY};
    ask_auth(client, IPC_AUTH_BEGIN, &begin);
}

void login_step(struct client *client, struct view octets)
{
    if (!client->login || !client->exchange || !front_auth(client->front)) {
        login_refuse(client, LOGIN_TEMPORARY);
        return;
    }
    note_user(client->login, octets);
    struct ipc_auth_step step = {.octets = octets};
    ask_auth(client, IPC_AUTH_STEP, &step);
}

void login_abort(struct client *client)
{
    if (client->exchange && front_auth(client->front)) {
        struct ipc_empty nothing = {0};
        channel_send(front_auth(client->front), IPC_AUTH_ABORT, client->exchange, &nothing, -1);
    }
    exchange_close(client);
}

/* ---- mail ---- */

static void mail_refused(struct client *client, enum login_failure why, const char *reason)
{
    log_login(client, "login.fail", reason);
    login_refuse(client, why);
}

/* A descriptor for mail: the socket itself, or the end of a pair that we pump. -1 if there is none to be had. */
static int descriptor_for_mail(struct client *client)
{
    if (!client->tls)
        return fcntl(stream_fd(client->stream), F_DUPFD_CLOEXEC, 0);
    int pair[2], octets = PAIR_SEND_OCTETS;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
        return -1;
    for (int i = 0; i < 2; i++)
        (void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &octets, sizeof(octets));
    client->login->pair = pair[0];
    return pair[1];
}

static void adopt(struct client *client)
{
    struct login *login = client->login;
    struct channel *mail = front_mail(client->front, login->mail_instance);
    int fd = mail ? descriptor_for_mail(client) : -1;
    if (fd < 0) {
        mail_refused(client, LOGIN_TEMPORARY, mail ? "descriptors" : "mail");
        return;
    }
    struct ipc_adopt adopt = {.ticket_high = login->ticket_high,
                              .ticket_low = login->ticket_low,
                              .session = client->id,
                              .protocol = client->protocol->number,
                              .tls = client->tls,
                              .language = client->language,
                              .tag = view_of_string(login->tag),
                              .peer = view_of_string(client->peer),
                              .local = view_of_string(client->local),
                              .tls_version = view_of_string(client->tls ? stream_tls_version(client->stream) : ""),
                              .pending = stream_input(client->stream)};
    client->phase = CLIENT_ADOPTING;
    timer_set(client->timer, ADOPT_TIME_MS);
    channel_send(mail, IPC_ADOPT, client->id, &adopt, fd);
}

void login_flushed(struct client *client)
{
    client->phase = CLIENT_FLUSHING;
    stream_flush(client->stream);
    if (client->dead)
        return;
    if (stream_output_pending(client->stream) > 0)
        timer_set(client->timer, FLUSH_LOOK_MS);
    else
        adopt(client);
}

static void accepted(struct client *client)
{
    int pair = client->login->pair;
    client->login->pair = -1;
    client->mail_instance = client->login->mail_instance;
    log_login(client, "login.ok", NULL);
    login_free(client);
    peer_leave(client);
    timer_stop(client->timer);
    if (client->tls) {
        stream_consume(client->stream, stream_input(client->stream).size); /* mail got it in `pending` */
        client->phase = CLIENT_PUMPED;
        client->protocol->release(client);
        free(client->state);
        client->state = NULL;
        pump_start(client, pair);
        return;
    }
    int fd = stream_detach(&client->stream, NULL);
    if (fd >= 0)
        close(fd); /* mail holds the other copy */
    client_drop(client);
}

static enum login_failure failure_of_mail(uint8_t reason, const char **text_r)
{
    switch (reason) {
    case TICKET_NO_LIMIT:
        *text_r = "limit";
        return LOGIN_LIMIT;
    case TICKET_NO_QUARANTINE:
        *text_r = "quarantine";
        return LOGIN_TEMPORARY;
    case TICKET_NO_DRAINING:
        *text_r = "draining";
        return LOGIN_TEMPORARY;
    case REFUSED_TOO_SOON:
        *text_r = "too-soon";
        return LOGIN_LIMIT;
    case REFUSED_IN_USE:
        *text_r = "in-use";
        return LOGIN_IN_USE;
    default:
        *text_r = "mail";
        return LOGIN_TEMPORARY;
    }
}

void login_mail_answer(struct client *client, const struct message *message)
{
    if (client->phase != CLIENT_ADOPTING)
        return;
    if (message->type == IPC_ACCEPTED) {
        accepted(client);
        return;
    }
    const struct ipc_refused *refused = message->body;
    const char *reason = "";
    enum login_failure why = failure_of_mail(refused->reason, &reason);
    timer_set(client->timer, client->front->settings.login_time_ms);
    mail_refused(client, why, reason);
}

/* ---- auth's answers ---- */

static const struct {
    uint8_t reason;
    enum login_failure why;
    const char *log;
} auth_failures[] = {
    {AUTH_FAIL_CREDENTIALS, LOGIN_FAILED, "password"},
    {AUTH_FAIL_TEMPORARY, LOGIN_TEMPORARY, "temporary"},
    {AUTH_FAIL_MECHANISM, LOGIN_BAD_MECHANISM, "mechanism"},
    {AUTH_FAIL_SYNTAX, LOGIN_SYNTAX, "syntax"},
    {AUTH_FAIL_LIMIT, LOGIN_LIMIT, "limit"},
    {AUTH_FAIL_UNAVAILABLE, LOGIN_TEMPORARY, "unavailable"},
    {AUTH_FAIL_ABORTED, LOGIN_CANCELLED, "aborted"},
};

static void auth_failed(struct client *client, const struct ipc_auth_fail *fail)
{
    enum login_failure why = LOGIN_TEMPORARY;
    const char *reason = "temporary";
    for (size_t i = 0; i < sizeof(auth_failures) / sizeof(auth_failures[0]); i++)
        if (auth_failures[i].reason == fail->reason)
            why = auth_failures[i].why, reason = auth_failures[i].log;
    log_login(client, "login.fail", reason);
    login_refuse(client, why);
}

void login_auth_answer(struct client *client, const struct message *message)
{
    struct login *login = client->login;
    if (message->type == IPC_AUTH_MORE) {
        client->phase = CLIENT_TALKING;
        client->protocol->challenge(client, ((const struct ipc_auth_more *)message->body)->octets);
        client_resume(client);
    } else if (message->type == IPC_AUTH_OK) {
        const struct ipc_auth_ok *ok = message->body;
        exchange_close(client);
        login->ticket_high = ok->ticket_high;
        login->ticket_low = ok->ticket_low;
        login->mail_instance = ok->mail_instance;
        snprintf(login->user, sizeof(login->user), "%.*s", VIEW_PRINTF(view_slice(ok->user, 0, 255)));
        login_flushed(client);
    } else if (message->type == IPC_AUTH_FAIL) {
        auth_failed(client, message->body);
    }
}

void login_lost(struct client *client, enum role role)
{
    if (role == ROLE_MAIL && client->phase != CLIENT_ADOPTING)
        return;
    if (!client->login || client->dead)
        return;
    timer_set(client->timer, client->front->settings.login_time_ms);
    mail_refused(client, LOGIN_TEMPORARY, role == ROLE_MAIL ? "mail" : "unavailable");
}
