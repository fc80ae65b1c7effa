/*
 * delivery/intake_private.h: what the files of the intake share.
 */
#ifndef DELIVERY_INTAKE_PRIVATE_H
#define DELIVERY_INTAKE_PRIVATE_H

#include "base/table.h"
#include "delivery/intake.h"

/* ---- intake_tickets.c: recipients that mail has promised to take ---- */

struct promise {
    struct promise *older, *newer;             /* of all, so that the oldest goes first */
    struct promise *next_same, *previous_same; /* of the same LMTP session */
    uint64_t high, low, session, account;
    struct view user, detail, address; /* in the same allocation */
};
struct promises {
    struct table by_ticket;  /* low half to promise */
    struct table by_session; /* session to its newest promise */
    struct promise *oldest, *newest;
    size_t count;
};
void promise_add(struct promises *promises, const struct ipc_takes *takes);
/* Null if there is none, or it was made to another session. */
struct promise *promise_find(const struct promises *promises, uint64_t high, uint64_t low, uint64_t session);
/* The only promise of that session; null if it has none or several. */
const struct promise *promise_only(const struct promises *promises, uint64_t session);
void promise_remove(struct promises *promises, struct promise *promise);
void promises_free(struct promises *promises);

/* ---- intake_known.c: deliveries whose reply may not have been seen (DESIGN 5, I2) ---- */

struct delivery_key {
    uint64_t high, low;
};
struct known;
struct known *known_new(void);
void known_free(struct known **known);
/* A recipient of this session was answered 250. */
void known_answered(struct known *known, uint64_t session, struct delivery_key key);
/* The session's newest replies were lost. Returns how many deliveries will be recognised. */
size_t known_lost(struct known *known, uint64_t session);
/* This very delivery was answered and the answer was lost. */
void known_remember(struct known *known, struct delivery_key key, int64_t now_utc_s);
/* True once for each remembered delivery. */
bool known_take(struct known *known, struct delivery_key key, int64_t now_utc_s);

/* ---- intake_trace.c ---- */

struct trace {
    struct view sender, helo, peer, address; /* address: of the only recipient, else empty */
    const char *host_name;
    uint64_t session;
    int64_t now_utc_s;
    bool smtputf8;
};
/* Return-Path, Delivered-To (one recipient), Received (RFC 5321 4.4). */
void trace_write(const struct trace *trace, struct buffer *out);

#endif
