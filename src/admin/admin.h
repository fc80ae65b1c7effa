/*
 * admin/admin.h: the command line, and mail's side of it.
 *
 * Does     admin_main runs every verb but `serve`: it speaks the control protocol (IPC_CONTROL_*) to a running server,
 *          or, when none runs, to threads of its own process that hold the store and the user database. One code path,
 *          two callers: a verb's work is always done by admin_serve (mail's) or auth/control.c (auth's).
 * Called   admin_main by main; admin_serve by mail, on a thread of its own for each control connection.
 * Waits    admin_serve blocks in reads and mutations: never on a loop.
 * Limits   LIMIT_CONTROL_CONNECTIONS (kept by mail), LIMIT_CONTROL_FRAME, LIMIT_CONTROL_STALL_MS.
 * Tested   tests/unit/admin_*.c, tests/e2e/test_cli.py
 *
 * Files: cli.c (options, one verb), verbs.c (the table of all verbs), show.c (tables, JSON), control.c (the
 * connection), local.c (without a server), import.c and export.c (the CLI's side), maildir.c and mbox.c (formats),
 * parcel.c (mail on its way between the two sides), wire.c (blocking frames), serve*.c (mail's side).
 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "delivery/delivery.h"
#include "store/store.h"

/* The whole command line, argv[0] included. Returns the exit code (sysexits). */
int admin_main(int argc, char **argv);

/* What a verb may use in mail; lives as long as the process. */
struct admin_env {
    struct store *store;
    struct parser *parser;
    int spool_folder; /* as in struct stager */
    /* More lines for `status`: "name\tvalue\n" each (sessions, uptime, ...). Any thread; may be null. */
    void (*status)(void *ctx, struct buffer *out);
    void *status_ctx;
    /* Null, or true once the process is draining: long verbs end early with "try again". */
    bool (*stopping)(void *ctx);
    void *stopping_ctx;
};
/* One control connection, from RUN to EXIT. Takes over fd. Returns when the peer is gone or was answered. */
void admin_serve(int fd, const struct admin_env *env);

#endif
