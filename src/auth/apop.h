/*
 * auth/apop.h: does an APOP digest come from this secret? (RFC 1939 7)
 *
 * Called   by auth/exchange.c, on its loop: one MD5 of a short text.
 * Tested   tests/unit/auth_sasl.c, tests/e2e/test_apop.py
 */
#ifndef AUTH_APOP_H
#define AUTH_APOP_H

#include "base/view.h"

/* timestamp: as in the greeting, with "<" and ">". digest: 32 hex digits in lower case. */
bool apop_fits(struct view timestamp, struct view secret, struct view digest);

#endif
