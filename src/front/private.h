/*
 * front/private.h: what the files of front share: connections, the protocols' tables, the channels.
 *
 * A connection (struct client) is in one phase at a time. Whoever answers it (auth, mail, the peer itself) finds it by
 * its number and looks at the phase first. Freeing is put off to the loop's next turn (clients_reap), so that no
 * handler loses the client under its feet: look at `dead` after a call that may end it.
 */
#ifndef FRONT_PRIVATE_H
#define FRONT_PRIVATE_H

#include "base/table.h"
#include "front/front.h"
#include "net/stream.h"
#include "net/tls.h"

enum { FRONT_MAILS = 16, FRONT_LISTENERS = 32, FRONT_PEER_SLOTS = 1024 };

enum client_phase {
    CLIENT_SECURING, /* TLS handshake under way */
    CLIENT_TALKING,  /* input is looked at */
    CLIENT_AUTH,     /* auth was asked; nothing is read until it answers */
    CLIENT_FLUSHING, /* auth said yes; our last octets must be out before mail gets the connection */
    CLIENT_ADOPTING, /* mail was asked */
    CLIENT_PUMPED,   /* mail has the session, we carry its octets */
    CLIENT_WAITING,  /* LMTP: a recipient or a delivery was asked about */
    CLIENT_CLOSING,  /* last words are being written */
};

enum login_failure {
    LOGIN_FAILED = 1,    /* credentials */
    LOGIN_TEMPORARY,     /* auth or mail can't say now */
    LOGIN_BAD_MECHANISM, /* not offered */
    LOGIN_SYNTAX,        /* octets that are no SASL message of this mechanism */
    LOGIN_CANCELLED,     /* the client sent "*" */
    LOGIN_LIMIT,         /* too many sessions, or throttled */
    LOGIN_IN_USE,        /* POP3: another session holds the maildrop */
};

enum goodbye { GOODBYE_FULL, GOODBYE_PEER, GOODBYE_TIMEOUT, GOODBYE_DRAIN, GOODBYE_TOO_LONG, GOODBYE_TOO_MANY };

struct client;

/* What a protocol says before login. One static table a protocol. */
struct front_protocol {
    uint8_t number; /* enum ipc_protocol */
    size_t state_size;
    size_t input_max;
    bool logs_in; /* counted against LIMIT_GATE_SESSIONS_PEER, with an absolute deadline */
    void (*greet)(struct client *client);
    /* One command, line or stretch of data, taken off the input. False: needs more input, or the phase changed. */
    bool (*next)(struct client *client);
    /* TLS stands: forget what was said before. */
    void (*secured)(struct client *client);
    void (*challenge)(struct client *client, struct view octets);
    void (*failed)(struct client *client, enum login_failure why);
    /* The last words; the caller closes. May write nothing. */
    void (*goodbye)(struct client *client, enum goodbye why);
    /* An answer of LMTP's own from auth or mail. May be null. */
    void (*answer)(struct client *client, const struct message *message);
    /* Channel to that role went away. May be null. */
    void (*lost)(struct client *client, enum role role);
    /* The connection is over; the state is still there. May be null. */
    void (*gone)(struct client *client);
    /* Free what the state owns. */
    void (*release)(struct client *client);
};
extern const struct front_protocol front_imap, front_pop3, front_lmtp;

/* What is only needed until the login is done. */
struct login {
    char mechanism[24];
    char user[256]; /* as far as we could see it, for the log */
    char tag[80];
    uint8_t steps;
    uint64_t ticket_high, ticket_low;
    uint32_t mail_instance;
    int pair; /* our end while mail is being asked, -1 */
};

struct pump;
struct peer_count;

struct client {
    struct front *front;
    struct client *next_dead;       /* freed when the loop next turns */
    struct client *next, *previous; /* oldest first */
    const struct front_protocol *protocol;
    struct stream *stream;
    struct timer *timer;
    uint64_t id;
    uint64_t exchange; /* the question open at auth, 0 if none */
    enum client_phase phase;
    bool dead, eof, tls, tls_from_start, plain_allowed, loopback, running;
    uint8_t failures, bad_commands;
    uint8_t language;       /* enum language: what its responses are said in */
    uint32_t mail_instance; /* CLIENT_PUMPED, and LMTP's transaction */
    uint64_t last_input_ms;
    char peer[46], local[46];
    struct peer_count *peer_count;
    struct login *login;
    struct pump *pump;
    void *state;
};

struct front_peer {
    struct front *front;
    struct channel *channel;
    enum role role;
    uint32_t instance;
};

struct front_listener {
    struct front *front;
    struct watch *watch;
    struct timer *pause;
    int fd;
    const struct front_protocol *protocol;
    bool tls_from_start, plain_allowed;
};

struct front {
    struct loop *loop;
    enum role role;
    uint32_t instance;
    struct front_settings settings;
    struct tls_server *tls;
    struct front_listener listeners[FRONT_LISTENERS];
    size_t listener_count;
    struct front_peer auth, mails[FRONT_MAILS];
    struct client *oldest, *newest, *grave;
    struct timer *reaper;
    size_t clients;
    struct table sessions;  /* id to client */
    struct table exchanges; /* exchange to client */
    struct peer_count *peer_counts[FRONT_PEER_SLOTS];
    uint64_t next_session;
    bool draining, drained, closing;
    void (*drain_done)(void *ctx);
    void *drain_ctx;
};

/* front.c */
struct channel *front_auth(struct front *front);
struct channel *front_mail(struct front *front, uint32_t instance);
/* Any mail there is; UINT32_MAX if none. */
uint32_t front_any_mail(struct front *front);
/* A new question of this client to auth; answers find it until exchange_close. */
uint64_t exchange_open(struct client *client);
void exchange_close(struct client *client);
void front_check_drained(struct front *front);

/* client.c */
struct client *client_new(struct front *front, int fd, const struct front_protocol *protocol,
                          const struct ipc_listen *facts);
/* Back from mail: the dialogue before login begins again, with octets that the client has sent meanwhile. */
void client_return_plain(struct front *front, const struct front_protocol *protocol, int fd, struct view pending);
void client_return_pumped(struct client *client, struct view pending);
/* Looks at the input for as long as the phase allows. */
void client_run(struct client *client);
/* Back to the dialogue, after an answer. */
void client_resume(struct client *client);
/* A response, or a piece of one: its text in the client's language. */
void client_say(struct client *client, const char *response);
/* Flush and close. */
void client_finish(struct client *client);
void client_bid_goodbye(struct client *client, enum goodbye why);
/* Another command that is none: says goodbye at LIMIT_LOGIN_BAD_COMMANDS. */
void client_count_bad(struct client *client);
/* Over, without a word. */
void client_drop(struct client *client);
void clients_reap(struct front *front);
void client_start_tls(struct client *client);
bool client_may_start_tls(const struct client *client);
/* May a password cross this connection? */
bool client_may_login(const struct client *client);

/* peers.c: connections that aren't logged in, counted by address */
bool peer_enter(struct client *client);
void peer_leave(struct client *client);

/* login.c */
/* mechanism: "PLAIN", "LOGIN", or "LOGIN-COMMAND" with name NUL password. tag: to be answered by mail. */
void login_begin(struct client *client, const char *mechanism, struct view tag, const struct view *initial);
void login_step(struct client *client, struct view octets);
void login_abort(struct client *client);
/* The tag of the login under way. */
const char *login_tag(const struct client *client);
void login_auth_answer(struct client *client, const struct message *message);
void login_mail_answer(struct client *client, const struct message *message);
void login_lost(struct client *client, enum role role);
/* Output went out while flushing. */
void login_flushed(struct client *client);
void login_free(struct client *client);
bool login_mechanism_known(struct view name);
/* "AUTH=PLAIN AUTH=LOGIN" with prefix "AUTH="; the names alone with "". */
void login_write_mechanisms(struct buffer *out, const char *prefix);

/* pump.c: takes over pair. */
void pump_start(struct client *client, int pair);
void pump_stream_event(struct client *client, enum stream_event event);
/* END came: clean or not. */
void pump_end(struct client *client, bool clean);
/* mail gives the client back, with its own end of the pair: takes over fd. */
void pump_return(struct client *client, struct view pending, int fd);
/* mail is gone. */
void pump_lost(struct client *client);
void pump_free(struct client *client);

#endif
