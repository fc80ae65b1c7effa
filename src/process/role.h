/*
 * process/role.h: what every role does the same way: start, walls, settings, peers, the end.
 *
 * Does     talks to the supervisor. What it sends before START is kept; then warm-up, walls, start, and only then
 *          peers, listeners and certificates are handed over, so that no role reads a stranger's octet outside its
 *          walls.
 * Owns     the role's main loop and its channel to the supervisor.
 * Called   by main with the role's entry; one a process.
 * Fails    what can't be started is said with FATAL, and the process ends. When the supervisor is gone, so is the role.
 */
#ifndef PROCESS_ROLE_H
#define PROCESS_ROLE_H

#include "config/settings.h"
#include "ipc/channel.h"
#include "net/loop.h"

struct role_process;

/* One static table entry a role. Null where a role has nothing to do. */
struct role_entry {
    enum role role;
    const char *folders[3];                        /* under the data folder, where it may make files; null: no more */
    void (*warm_up)(struct role_process *process); /* whatever opens files late */
    bool (*start)(struct role_process *process, char *error, size_t error_size);
    void (*settings)(struct role_process *process); /* a reload: process->settings is new */
    void (*peer)(struct role_process *process, enum role role, uint32_t instance, int fd);   /* takes fd */
    void (*listen)(struct role_process *process, const struct ipc_listen *listener, int fd); /* takes fd */
    void (*certificate)(struct role_process *process, const struct ipc_certificate *certificate);
    void (*quarantine)(struct role_process *process, uint64_t account, uint32_t seconds);
    void (*drain)(struct role_process *process); /* ends with role_done */
};

struct role_process {
    const struct role_entry *entry;
    uint32_t instance;
    struct loop *loop;
    struct channel *supervisor;
    struct settings settings;
    char name[32]; /* "gate 1" */
    char walls[256];
    bool started;
    struct role_pending *pending, **pending_end;
};

/* argv: "role" NAME INSTANCE. entries ends with null. Returns only with an exit code. */
int role_main(const struct role_entry *const *entries, int argc, char **argv);
/* The path of a folder of the role, as it is behind the walls ("/store", or whole). */
const char *role_folder(const struct role_process *process, const char *name, char *path_r, size_t size);
/* DONE, flush, exit. */
_Noreturn void role_done(struct role_process *process);
_Noreturn void role_fatal(struct role_process *process, const char *reason);
void role_kill_parse(struct role_process *process, uint32_t instance);

/* Descriptors at exec. */
enum { ROLE_LOG_FD = 2, ROLE_CHANNEL_FD = 3 };

extern const struct role_entry gate_entry, lmtp_entry, auth_entry, mail_entry, parse_entry;

#endif
