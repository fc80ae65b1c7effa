/*
 * auth/auth.h: who somebody is. Everything that the process `auth` does, but for its walls and its start.
 *
 * Does     SASL exchanges for gates, address look-ups for LMTP, tickets at mail, the verbs about users on a control
 *          socket. Passwords are checked on a few threads of its own.
 * Owns     the user database, its channels, its control connections.
 * Called   on one loop: process/auth.c, and a thread of the CLI when no server runs.
 * Waits    never; mail has LIMIT_AUTH_ANSWER_MS to answer.
 * Fails    alone: a bad exchange ends that exchange, a bad frame that channel.
 * Tested   tests/unit/auth_*.c, tests/e2e/
 *
 * Settings (name=value lines; those missing have these defaults):
 *   auth.threads=3                 that check passwords, 1 to 4
 *   auth.subaddress_separator=+    "user+detail"; empty: none
 *   auth.unknown_user=permanent    550 5.1.1, or with "temporary" 450 4.1.1
 *   auth.throttle_loopback=false   count failures of 127.0.0.0/8 and ::1 by address too (a webmail beside us is one)
 *   auth.default_quota=0           octets for a new user; 0: none
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "base/view.h"
#include "net/loop.h"

struct auth;

/* Before the walls. folder is made if it is not there. Null: error has a sentence. */
struct auth *auth_open(struct loop *loop, const char *folder, struct view settings, char *error, size_t error_size);
/* At a reload. */
void auth_set(struct auth *auth, struct view settings);
/* Each takes over fd. The same instance again replaces the old channel. */
void auth_attach_gate(struct auth *auth, uint32_t instance, int fd);
void auth_attach_lmtp(struct auth *auth, uint32_t instance, int fd);
void auth_attach_mail(struct auth *auth, uint32_t instance, int fd);
/* A listening socket whose connections run verbs; and one such connection. */
void auth_attach_control(struct auth *auth, int listening_fd);
void auth_attach_control_connection(struct auth *auth, int fd);
/* Takes no new work; done when nothing is under way (at most LIMIT_AUTH_ANSWER_MS). */
void auth_drain(struct auth *auth, void (*done)(void *ctx), void *ctx);
/* Not from a callback of the loop: it turns the loop to take back what the pool still holds. */
void auth_close(struct auth **auth);

#endif
