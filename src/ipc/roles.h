/*
 * ipc/roles.h: the processes of Waxwing, by name.
 */
#ifndef IPC_ROLES_H
#define IPC_ROLES_H

enum role {
    ROLE_SUPERVISOR = 0,
    ROLE_GATE, /* logins: IMAP, POP3 */
    ROLE_LMTP, /* gate for LMTP: never shares a process with logins */
    ROLE_AUTH,
    ROLE_MAIL,
    ROLE_PARSE,
    ROLE_WEB,   /* comes with JMAP */
    ROLE_RELAY, /* comes with submission */
    ROLE_CLI,   /* the command line, on a control socket */
    ROLE_COUNT
};

/* "gate", "lmtp", "auth", ... */
const char *role_name(enum role role);

#endif
