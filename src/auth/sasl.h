/*
 * auth/sasl.h: SASL mechanisms as pure functions of state and input (RFC 4422, RFC 4616).
 *
 * Does     PLAIN, LOGIN, LOGIN-COMMAND (name and password as IMAP LOGIN and POP3 USER/PASS give them) and APOP, each up
 *          to the point where a name and a password (APOP: a digest of one) are known. Nothing is looked up here.
 * Owns     copies of what the client said, wiped by sasl_free.
 * Called   by auth/exchange.c on the loop, by tests and fuzzers.
 * Fails    with SASL_SYNTAX; LIMIT_SASL_OCTETS, LIMIT_USER_OCTETS, LIMIT_PASSWORD_OCTETS.
 * Tested   tests/unit/auth_sasl.c, fuzz/sasl.c
 */
#ifndef AUTH_SASL_H
#define AUTH_SASL_H

#include "base/limits.h"
#include "base/view.h"

struct sasl_mechanism;
enum sasl_result {
    SASL_MORE,        /* send `challenge`, wait for the next octets */
    SASL_CREDENTIALS, /* name and password are there: check them */
    SASL_SYNTAX,      /* not what the mechanism allows */
    SASL_REFUSED,     /* well-formed, but asks for what nobody has (acting for somebody else, an endless name) */
};

struct sasl {
    const struct sasl_mechanism *mechanism;
    unsigned step;
    struct view challenge; /* static text */
    size_t name_size, password_size;
    size_t timestamp_size; /* not 0: of APOP, and password is the digest */
    char name[LIMIT_USER_OCTETS + 1];
    char password[LIMIT_PASSWORD_OCTETS + 1];
    char timestamp[LIMIT_APOP_TIMESTAMP + 1];
};

/* False: no such mechanism. Case does not matter. */
bool sasl_start(struct sasl *sasl, struct view mechanism);
/* The initial response, or the absence of one (null): then most mechanisms say SASL_MORE. Then each further answer. */
enum sasl_result sasl_step(struct sasl *sasl, const struct view *octets);
void sasl_wipe(struct sasl *sasl);
/* "PLAIN", ...; the pseudo mechanisms too. */
const char *sasl_name(const struct sasl *sasl);

#endif
