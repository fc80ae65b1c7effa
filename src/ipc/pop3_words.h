/*
 * ipc/pop3_words.h: what POP3 says in the same words before and after login: capabilities.
 *
 * Called   by front/pop3.c and pop3/, which may not include each other.
 * Tested   tests/e2e/test_pop3.py
 */
#ifndef IPC_POP3_WORDS_H
#define IPC_POP3_WORDS_H

#include "base/view.h"

/* Of an ADOPT for POP3, in `tag`: the client said UTF8 before it logged in (RFC 6856 2.1). */
#define POP3_TAG_UTF8 "UTF8"

/* RFC 2449 6, RFC 3206, RFC 6856: in both states. What depends on the connection (SASL, STLS) is added by front; the
 * whole ends with POP3_CAPABILITIES_END. LOGIN-DELAY stands between, with its seconds. */
#define POP3_CAPABILITIES                                                                                              \
    "+OK Capabilities follow\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\n"         \
    "UTF8 USER\r\nLANG\r\n"
#define POP3_CAPABILITIES_END "IMPLEMENTATION Waxwing\r\n.\r\n"

#endif
