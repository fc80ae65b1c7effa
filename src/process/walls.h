/*
 * process/walls.h: what a role may still do once it has begun to listen to strangers.
 *
 * Does     puts a process behind its walls, in this order: limits, no_new_privs, ids, user and network namespace,
 *          chroot, capabilities, not dumpable, Landlock, seccomp (all threads), self-test. The rights of all roles
 *          stand in one table in walls.c.
 * Called   once a process, before it starts threads and before it reads its first octet from a peer.
 * Fails    with a sentence; the caller then ends the process.
 * Tested   tests/unit/process_walls.c (the matrix of forbidden actions, each role, both profiles)
 *
 * The ids change before the chroot, not after it: an unprivileged process may make itself a user namespace, and with it
 * an empty network namespace, only while it isn't in a chroot. CAP_SYS_CHROOT alone is kept across the change of ids
 * for kernels that refuse user namespaces.
 */
#ifndef PROCESS_WALLS_H
#define PROCESS_WALLS_H

#include "base/view.h"
#include "ipc/roles.h"
#include <stdio.h>
#include <sys/types.h>

enum walls_profile {
    WALLS_OFF,
    WALLS_SANITIZED, /* a sanitiser needs /proc, ptrace and odd system calls: ids and no_new_privs alone */
    WALLS_USER,
    WALLS_FULL
};

/* "full", "user", "off:sanitizer", "off". */
const char *walls_profile_name(enum walls_profile profile);
bool walls_profile_from_name(const char *name, enum walls_profile *profile_r);
/* What the setting process.walls means here and now. */
enum walls_profile walls_choose(const char *setting);

enum { WALLS_FOLDERS = 3 };
struct walls {
    enum role role;
    enum walls_profile profile;
    uid_t uid; /* root only: who to become */
    gid_t gid;
    const char *root;                   /* the folder that becomes "/" */
    const char *folders[WALLS_FOLDERS]; /* under root ("store"): where files may be made and changed; null: no more */
    unsigned landlock_abi_max;          /* tests: pretend to be an older kernel; 0: what there is */
};

/* report gets what stands, in a few words ("full,uid=60903,net,chroot,landlock=6,seccomp"). */
bool walls_raise(const struct walls *walls, char *report, size_t report_size, char *error, size_t error_size);
/* True if paths must be given from the new root: the process is in its chroot. */
bool walls_in_chroot(void);

/* walls_landlock.c: 0 if the kernel has none. False only if what is there fails. */
bool walls_landlock(const char *const *folders, unsigned abi_max, unsigned *abi_r, char *error, size_t error_size);
/* walls_seccomp.c */
enum right {
    RIGHT_THREADS = 1,
    RIGHT_FILES = 2,  /* open, rename, sync and so on, within the folders */
    RIGHT_ACCEPT = 4, /* on listening sockets it was given */
    RIGHT_PAIR = 8    /* socketpair: gate's end of a TLS session */
};
bool walls_seccomp(unsigned rights, char *error, size_t error_size);
unsigned walls_rights(enum role role);

/*
 * Tries every forbidden action behind the walls, each in a process of its own, and prints "ACTION: denied (EPERM)",
 * "killed" or "ALLOWED". Returns how many went otherwise than the role's rights say.
 */
int walls_matrix(const struct walls *walls, FILE *out);
/* The hidden verb `waxwing --walls-test ROLE [FOLDER]`. */
int walls_test_main(int argc, char **argv);

#endif
