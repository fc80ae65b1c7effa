/* ipc/roles.c: see ipc/roles.h and ipc/messages.h. */
#include "ipc/roles.h"
#include "ipc/messages.h"

const char *role_name(enum role role)
{
    static const char *const names[ROLE_COUNT] = {"supervisor", "gate", "lmtp",  "auth", "mail",
                                                  "parse",      "web",  "relay", "cli"};
    return (unsigned)role < ROLE_COUNT && names[role] ? names[role] : "unknown";
}

const char *protocol_name(uint8_t protocol)
{
    static const char *const names[PROTOCOL_COUNT] = {"none", "imap", "pop3", "lmtp", "submission", "http"};
    return protocol < PROTOCOL_COUNT ? names[protocol] : "unknown";
}
