/*
 * front/front.h: all that is said to a peer before it is known, and the pump behind it: what gate and lmtp processes
 * are.
 *
 * Does     accepts connections, speaks IMAP and POP3 up to the login and the whole of LMTP, asks auth, hands sessions
 *          over to mail (DESIGN 3, "Hand-over") and pumps TLS for those it handed over.
 * Owns     listening sockets, connections, the channels to auth and mail, the certificate.
 * Called   by process/gate.c, on its loop's thread.
 * Waits    never. Opens no file, connects nowhere.
 * Fails    a peer's mistake is a reply; a channel that ends is answered with a temporary failure until it is back.
 * Limits   LIMITS_FRONT of base/limits.h.
 * Tested   tests/unit/front_imap.c, front_pop3.c, front_lmtp.c; fuzz/front_imap.c, front_pop3.c, front_lmtp.c
 */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include "ipc/channel.h"

struct front;

/* Zero in a number means the default of base/limits.h. */
struct front_settings {
    char host_name[256];
    uint32_t sessions;       /* "gate.sessions" */
    uint64_t login_time_ms;  /* "login.timeout" */
    uint64_t lmtp_idle_ms;   /* "lmtp.idle_timeout" */
    uint64_t message_octets; /* largest message that LMTP takes */
    bool imap_literal_minus; /* "imap.literals" */
    char imap_hidden[1001];  /* "imap.hide_capabilities" */
    uint32_t pop3_delay_s;   /* "pop3.login_delay" */
    bool pop3_apop;          /* "pop3.apop" */
};

/* role: ROLE_GATE or ROLE_LMTP. instance: this process's number among its kind, below 128. */
struct front *front_open(struct loop *loop, enum role role, uint32_t instance, const struct front_settings *settings);
/* At a reload; connections already open keep the deadlines they have. */
void front_set_settings(struct front *front, const struct front_settings *settings);
/* A channel to another process; a second call replaces the first (that process was restarted). Takes over fd. */
void front_set_auth(struct front *front, int fd);
void front_set_mail(struct front *front, uint32_t instance, int fd);
/* Takes over fd, a listening socket (TCP or unix). */
void front_listen(struct front *front, int fd, const struct ipc_listen *facts);
/* New connections use it; running ones keep theirs. False, with a sentence, if the PEM text is no good. */
bool front_set_certificate(struct front *front, const struct ipc_certificate *certificate, char *error,
                           size_t error_size);
/*
 * Accepts no more; says goodbye to whoever isn't logged in; LMTP transactions whose end was received are answered
 * first. done(ctx), once, when no connection is left (sessions that mail holds are ended by mail).
 */
void front_drain(struct front *front, void (*done)(void *ctx), void *ctx);
/* Connections that this process carries now. */
size_t front_sessions(const struct front *front);
/* Drops everything. */
void front_close(struct front **front);

/* An accepted connection, as if it had come in by a listener with these facts: for tests and fuzzers. */
void front_take(struct front *front, int fd, const struct ipc_listen *facts);

#endif
