/*
 * process/supervisor.h: `waxwing serve`: starts, connects, restarts, reloads and ends the roles.
 *
 * Does     binds every socket, makes every channel, executes its own binary for each role from a descriptor opened at
 *          start; restarts what dies; puts an account whose commands crash mail into quarantine; copies log lines.
 * Owns     the listening sockets, the configuration, the now-slot page, the children.
 * Called   by main; one thread.
 * Waits    never on a child. Reads nothing that a peer of the network wrote; from its children only READY, DONE, FATAL
 *          and KILL_PARSE.
 * Tested   tests/unit/process_blame.c, tests/e2e/test_processes.py
 *
 * Files: supervisor.c (start, signals, reload, end), children.c (spawn, connect, restart), listeners.c, folders.c (data
 * folder, users, capabilities), lines.c (log lines).
 */
#ifndef PROCESS_SUPERVISOR_H
#define PROCESS_SUPERVISOR_H

#include "base/log.h"
#include "config/configuration.h"
#include "ipc/channel.h"
#include "process/blame.h"
#include "process/walls.h"

enum { CHILDREN_MAX = 80, LISTENERS_MAX = 64, SUPERVISED_ROLES = 5 };

enum child_state { CHILD_NONE, CHILD_STARTING, CHILD_READY, CHILD_DEAD, CHILD_WAITING /* for its next start */ };

struct lines {
    int fd;
    pid_t pid;
    struct watch *watch;
    struct buffer buffer;
};

struct supervisor;
struct child {
    struct supervisor *supervisor;
    enum role role;
    uint32_t instance;
    enum child_state state;
    pid_t pid, last_pid;
    int status; /* how it died */
    bool was_ready;
    struct channel *channel;
    struct lines lines;
    struct timer *timer; /* the burial, or the delayed restart */
    uint64_t started_ms;
    unsigned failures; /* in a row, soon after the start */
    bool asked_to_die; /* KILL_PARSE */
    bool draining;
};

struct listener {
    uint8_t protocol;
    bool tls_from_start;
    bool control;
    enum role role; /* who gets it: ROLE_GATE, ROLE_LMTP, ROLE_MAIL, ROLE_AUTH */
    int fd;
    char name[128];
    char path[108]; /* of a unix socket, to be unlinked; "" else */
};

struct role_user {
    enum role role;
    uid_t uid;
    gid_t gid;
};

enum phase { PHASE_INNER, PHASE_OUTER, PHASE_SERVING, PHASE_STOP_GATES, PHASE_STOP_MAIL, PHASE_STOP_REST };

struct supervisor {
    struct loop *loop;
    struct watch *signals;
    struct timer *patience; /* of the present phase of the end */
    int signal_fd, self_fd, null_fd;
    pid_t pid;
    char config_path[4096];
    bool config_required;
    bool control_only; /* --control: nothing but the control sockets, for a command without a server */
    const char *data_option;
    struct configuration *config;
    char data[3072];
    enum walls_profile profile;
    struct role_user users[SUPERVISED_ROLES];
    struct child children[CHILDREN_MAX];
    size_t child_count;
    struct listener listeners[LISTENERS_MAX];
    size_t listener_count;
    uint32_t loops, gates, parsers;
    struct buffer certificate, key; /* PEM; empty: no TLS */
    int nowslot_fd;
    struct nowslot *nowslots;
    struct blame blame;
    struct lines own_lines;
    enum phase phase;
    bool reloads; /* as soon as it serves: SIGHUP came during the start */
    int exit_code;
};

int supervisor_main(const char *config_given, int argc, char **argv);
/* Ends with a reason on stderr: before anything serves. */
_Noreturn void supervisor_give_up(struct supervisor *sv, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A child said READY, or is gone. */
void supervisor_progress(struct supervisor *sv);

/* children.c */
void children_plan(struct supervisor *sv);
void children_start(struct supervisor *sv, bool outer);
void children_reap(struct supervisor *sv);
void children_send_settings(struct supervisor *sv);
void children_send_certificate(struct supervisor *sv);
void children_drain(struct supervisor *sv, enum role role);
size_t children_alive(const struct supervisor *sv, enum role role /* ROLE_COUNT: all */);
void children_kill(struct supervisor *sv);
bool child_is_outer(const struct child *child);

/* listeners.c */
void listeners_bind(struct supervisor *sv);
void listeners_close(struct supervisor *sv);

/* folders.c */
void folders_prepare(struct supervisor *sv);
/* Keeps only what a supervisor needs. */
void capabilities_drop(struct supervisor *sv);
const struct role_user *user_of(const struct supervisor *sv, enum role role);
/* The folder that becomes the root of a role. */
void role_root(const struct supervisor *sv, enum role role, char *path_r, size_t size);

/* lines.c: from a child's pipe to stderr, whole lines, "waxwing[pid]: " in front. */
void lines_open(struct lines *lines, struct loop *loop, int fd, pid_t pid);
void lines_close(struct lines *lines); /* what is still in the pipe is copied first */

#endif
