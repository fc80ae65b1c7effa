/* process/walls.c: the rights of all roles, and the order in which the walls go up. */
#include "process/walls.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GIB ((rlim_t)1 << 30)

/* One line a role. */
static const struct role_rights {
    enum role role;
    unsigned rights;
    rlim_t descriptors;
    rlim_t memory;    /* address space; RLIM_INFINITY: none */
    rlim_t file_size; /* 0: can't write files at all */
} role_rights[] = {
    {ROLE_GATE, RIGHT_ACCEPT | RIGHT_PAIR, 20000, RLIM_INFINITY, 0},
    {ROLE_LMTP, RIGHT_ACCEPT, 20000, RLIM_INFINITY, 0},
    {ROLE_AUTH, RIGHT_ACCEPT | RIGHT_FILES | RIGHT_THREADS, 1024, RLIM_INFINITY, 4 * GIB},
    {ROLE_MAIL, RIGHT_ACCEPT | RIGHT_FILES | RIGHT_THREADS, 65536, RLIM_INFINITY, RLIM_INFINITY},
    {ROLE_PARSE, 0, 256, 1 * GIB, 0},
};

static const struct role_rights *rights_of(enum role role)
{
    for (size_t i = 0; i < sizeof role_rights / sizeof role_rights[0]; i++)
        if (role_rights[i].role == role)
            return &role_rights[i];
    return NULL;
}

unsigned walls_rights(enum role role)
{
    const struct role_rights *r = rights_of(role);
    return r ? r->rights : 0;
}

static bool in_chroot;
bool walls_in_chroot(void)
{
    return in_chroot;
}

/* ---- profiles ---- */

static const char *const profile_names[] = {
    [WALLS_OFF] = "off", [WALLS_SANITIZED] = "off:sanitizer", [WALLS_USER] = "user", [WALLS_FULL] = "full"};

const char *walls_profile_name(enum walls_profile profile)
{
    return profile_names[profile];
}

bool walls_profile_from_name(const char *name, enum walls_profile *profile_r)
{
    for (size_t i = 0; i < sizeof profile_names / sizeof profile_names[0]; i++)
        if (strcmp(profile_names[i], name) == 0) {
            *profile_r = (enum walls_profile)i;
            return true;
        }
    return false;
}

enum walls_profile walls_choose(const char *setting)
{
    if (strcmp(setting, "off") == 0)
        return WALLS_OFF;
#ifdef WAXWING_SANITIZED
    return WALLS_SANITIZED;
#else
    if (strcmp(setting, "user") == 0)
        return WALLS_USER;
    if (strcmp(setting, "full") == 0)
        return WALLS_FULL;
    return geteuid() == 0 ? WALLS_FULL : WALLS_USER;
#endif
}

/* ---- the steps ---- */

static bool failed(char *error, size_t size, const char *what)
{
    snprintf(error, size, "walls: %s: %s", what, strerror(errno));
    return false;
}

static void limit(int resource, rlim_t wanted)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
        return;
    if (now.rlim_max != RLIM_INFINITY && (wanted == RLIM_INFINITY || wanted > now.rlim_max))
        wanted = now.rlim_max;
    now.rlim_cur = now.rlim_max = wanted;
    setrlimit((__rlimit_resource_t)resource, &now);
}

static void set_limits(const struct role_rights *r, bool sanitized)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, r->descriptors);
    if (sanitized)
        return;
    if (r->memory != RLIM_INFINITY)
        limit(RLIMIT_AS, r->memory);
    if (r->file_size != RLIM_INFINITY)
        limit(RLIMIT_FSIZE, r->file_size);
}

/* Effective and permitted: these capabilities and no others. */
static bool set_capabilities(uint64_t keep)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{(uint32_t)keep, (uint32_t)keep, 0},
                                             {(uint32_t)(keep >> 32), (uint32_t)(keep >> 32), 0}};
    return syscall(SYS_capset, &header, data) == 0;
}

static bool change_ids(const struct walls *w, char *error, size_t size)
{
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return failed(error, size, "keepcaps");
    if (setgroups(0, NULL) < 0 || setresgid(w->gid, w->gid, w->gid) < 0 || setresuid(w->uid, w->uid, w->uid) < 0)
        return failed(error, size, "change of ids");
    if (!set_capabilities((uint64_t)1 << CAP_SYS_CHROOT))
        return failed(error, size, "capset");
    return true;
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, text, strlen(text)) < 0)
        (void)0; /* without a map everything still works, ids only look like nobody's */
    close(fd);
}

/* A user namespace gives an ordinary process chroot; the network namespace in it is empty. */
static bool make_namespaces(bool *net_r)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    *net_r = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
    if (!*net_r && unshare(CLONE_NEWUSER) < 0)
        return false;
    write_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%u %u 1", uid, uid);
    write_text("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "%u %u 1", gid, gid);
    write_text("/proc/self/gid_map", map);
    return true;
}

/* By descriptor, opened as who we were: the folders above it need not be open to the role. */
static bool enter_root(int root)
{
    if (fchdir(root) < 0 || chroot(".") < 0 || chdir("/") < 0)
        return false;
    in_chroot = true;
    return true;
}

/* Landlock's folders: from the new root, or where they were if there is no chroot. */
static void folder_paths(const struct walls *w, char (*paths)[512], const char **list)
{
    size_t count = 0;
    for (size_t i = 0; i < WALLS_FOLDERS && w->folders[i]; i++) {
        snprintf(paths[i], 512, "%s/%s", in_chroot ? "" : w->root, w->folders[i]);
        list[count++] = paths[i];
    }
    list[count] = NULL;
}

/* What must not work any more, tried. What would kill us is left to the matrix of tests/unit/process_walls.c. */
static bool self_test(const struct walls *w, char *error, size_t size)
{
    struct stat st;
    errno = 0;
    if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || open("/proc/self/mem", O_RDONLY | O_CLOEXEC) >= 0)
        return failed(error, size, "self-test: a file can be opened");
    if (in_chroot && stat("/etc/passwd", &st) == 0)
        return failed(error, size, "self-test: the chroot is open");
    if (!(walls_rights(w->role) & RIGHT_FILES) && mkdir("/waxwing-self-test", 0700) == 0)
        return failed(error, size, "self-test: a folder can be made");
    if (setresuid(0, 0, 0) == 0 && geteuid() == 0)
        return failed(error, size, "self-test: ids can be changed");
    if (kill(getppid(), 0) == 0)
        return failed(error, size, "self-test: signals can be sent");
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2)
        return failed(error, size, "self-test: no filter");
    return true;
}

struct standing {
    bool ids, net;
    unsigned landlock;
};

static void tell(const struct walls *w, const struct standing *s, char *report, size_t size)
{
    char ids[32] = "", landlock[32] = "";
    if (s->ids)
        snprintf(ids, sizeof ids, ",uid=%u", w->uid);
    if (s->landlock)
        snprintf(landlock, sizeof landlock, ",landlock=%u", s->landlock);
    snprintf(report, size, "%s%s%s%s%s%s", walls_profile_name(w->profile), ids, s->net ? ",net" : "",
             in_chroot ? ",chroot" : "", landlock, w->profile >= WALLS_USER ? ",seccomp" : "");
}

static bool raise_namespaces_and_root(const struct walls *w, int root, struct standing *s, char *error, size_t size)
{
    bool namespaces = make_namespaces(&s->net);
    if (!enter_root(root) && (w->profile == WALLS_FULL || namespaces))
        return failed(error, size, w->root);
    return true;
}

/* Ids, namespaces, root, capabilities: who we are and what we see. */
static bool become_nobody(const struct walls *w, struct standing *s, char *error, size_t size)
{
    int root = open(w->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return failed(error, size, w->root);
    s->ids = geteuid() == 0;
    bool good = !s->ids || change_ids(w, error, size);
    if (good && w->profile != WALLS_SANITIZED)
        good = raise_namespaces_and_root(w, root, s, error, size);
    if (good && !set_capabilities(0))
        good = failed(error, size, "capset");
    close(root);
    return good;
}

bool walls_raise(const struct walls *w, char *report, size_t report_size, char *error, size_t size)
{
    const struct role_rights *r = rights_of(w->role);
    struct standing s = {0};
    char paths[WALLS_FOLDERS][512];
    const char *list[WALLS_FOLDERS + 1];
    if (!r) {
        snprintf(error, size, "walls: this role has no rights");
        return false;
    }
    if (w->profile == WALLS_OFF) {
        tell(w, &s, report, report_size);
        return true;
    }
    set_limits(r, w->profile == WALLS_SANITIZED);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return failed(error, size, "no_new_privs");
    if (!become_nobody(w, &s, error, size))
        return false;
    if (w->profile == WALLS_SANITIZED) {
        tell(w, &s, report, report_size);
        return true;
    }
    /* Both were undone by the change of ids. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return failed(error, size, "prctl");
    folder_paths(w, paths, list);
    if (!walls_landlock(list, w->landlock_abi_max, &s.landlock, error, size))
        return false;
    if (!walls_seccomp(r->rights, error, size) || !self_test(w, error, size))
        return false;
    tell(w, &s, report, report_size);
    return true;
}
