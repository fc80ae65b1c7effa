/*
 * auth/throttle.h: how often somebody may guess.
 *
 * Does     counts failed guesses by address (IPv4 whole, IPv6 by /64) and by account, for all gates together. A bucket
 *          with failures lets guesses through one after the other, 1 to 15 s apart, in slots that are given out when
 *          the guess arrives: guessing in parallel is no faster. A bucket without failures lets a few through at once,
 *          the rest waits for their outcome. An address from which this account logged in lately has a bucket of its
 *          own, so that nobody can lock it out. Failures are forgotten one by one.
 * Owns     its table; the least recently used bucket makes room.
 * Called   on auth's loop. The clock is a parameter.
 * Tested   tests/unit/auth_throttle.c
 */
#ifndef AUTH_THROTTLE_H
#define AUTH_THROTTLE_H

#include "base/view.h"

struct throttle;
enum throttle_answer {
    THROTTLE_GO,     /* check it now, then throttle_tell */
    THROTTLE_LATER,  /* ask again at at_ms with the same ticket */
    THROTTLE_REFUSE, /* too many are waiting already */
};
enum throttle_outcome { GUESS_GOOD, GUESS_WRONG, GUESS_NONE /* not checked, or the same wrong password again */ };

/* One guess on its way. Zeroed to begin. */
struct throttle_ticket {
    uint64_t keys[2]; /* 0: none */
    uint64_t pair;
    uint64_t slot_ms;
    bool asked, counted, loopback;
};

struct throttle *throttle_new(bool with_loopback);
void throttle_free(struct throttle **throttle);
enum throttle_answer throttle_ask(struct throttle *throttle, struct throttle_ticket *ticket, struct view peer,
                                  struct view user, uint64_t now_ms, uint64_t *at_ms_r);
/* Exactly once for a ticket that was asked for. Returns how long to hold the answer back. */
uint64_t throttle_tell(struct throttle *throttle, struct throttle_ticket *ticket, enum throttle_outcome outcome,
                       uint64_t now_ms);

#endif
