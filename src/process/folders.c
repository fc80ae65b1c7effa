/* process/folders.c: the data folder, who owns what in it, and the capabilities that are kept. */
#include "base/memory.h"
#include "process/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
    enum role role;
    const char *user;
} role_users[SUPERVISED_ROLES] = {{ROLE_GATE, "waxwing-gate"},
                                  {ROLE_LMTP, "waxwing-lmtp"},
                                  {ROLE_AUTH, "waxwing-auth"},
                                  {ROLE_MAIL, "waxwing-mail"},
                                  {ROLE_PARSE, "waxwing-parse"}};

static const struct {
    const char *name;
    mode_t mode;
    enum role owner; /* ROLE_SUPERVISOR: ours */
} data_folders[] = {{"store", 0700, ROLE_MAIL},
                    {"spool", 0700, ROLE_MAIL},
                    {"auth", 0700, ROLE_AUTH},
                    {"run", 0755, ROLE_SUPERVISOR},
                    {"run/empty", 0555, ROLE_SUPERVISOR}};

const struct role_user *user_of(const struct supervisor *sv, enum role role)
{
    for (size_t i = 0; i < SUPERVISED_ROLES; i++)
        if (sv->users[i].role == role)
            return &sv->users[i];
    BUG("a supervised role has no user");
}

void role_root(const struct supervisor *sv, enum role role, char *path_r, size_t size)
{
    snprintf(path_r, size, "%s%s", sv->data, role == ROLE_MAIL ? "" : role == ROLE_AUTH ? "" : "/run/empty");
}

static void find_users(struct supervisor *sv)
{
    uid_t base = (uid_t)configuration_u64(sv->config, "process.uid_base");
    for (size_t i = 0; i < SUPERVISED_ROLES; i++) {
        struct role_user *u = &sv->users[i];
        u->role = role_users[i].role;
        u->uid = geteuid();
        u->gid = getegid();
        if (geteuid() != 0)
            continue;
        struct passwd *found = getpwnam(role_users[i].user);
        u->uid = found ? found->pw_uid : base + (uid_t)u->role;
        u->gid = found ? found->pw_gid : base + (gid_t)u->role;
        if (u->uid == 0)
            supervisor_give_up(sv, 78, "the user %s must not be root", role_users[i].user);
    }
}

/* nftw has no context. */
static uid_t wanted_uid;
static gid_t wanted_gid;
static int give_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    if ((S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) && (st->st_uid != wanted_uid || st->st_gid != wanted_gid))
        return lchown(path, wanted_uid, wanted_gid);
    return 0;
}

/* Whoever ran a command without a server may have left files of another owner. */
static bool give_folder(const char *path, const struct role_user *user)
{
    wanted_uid = user->uid;
    wanted_gid = user->gid;
    return nftw(path, give_one, 32, FTW_PHYS) == 0;
}

static void make_parents(const char *path)
{
    char part[3072];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(part, 0755);
        *slash = '/';
    }
    mkdir(part, 0755);
}

static void make_folder(struct supervisor *sv, const char *name, mode_t mode, enum role owner)
{
    char path[4096];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", sv->data, name);
    if (mkdir(path, mode) < 0 && errno != EEXIST)
        supervisor_give_up(sv, 73, "%s can't be made: %s", path, strerror(errno));
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        supervisor_give_up(sv, 73, "%s is not a folder", path);
    bool roles_have_ids = geteuid() == 0 && sv->profile != WALLS_OFF;
    if (owner != ROLE_SUPERVISOR && roles_have_ids && !give_folder(path, user_of(sv, owner)))
        supervisor_give_up(sv, 77, "%s can't be given to its role: %s", path, strerror(errno));
    if ((st.st_mode & 07777) != mode && chmod(path, mode) < 0)
        supervisor_give_up(sv, 77, "%s: %s", path, strerror(errno));
}

void folders_prepare(struct supervisor *sv)
{
    find_users(sv);
    make_parents(sv->data);
    for (size_t i = 0; i < sizeof data_folders / sizeof data_folders[0]; i++)
        make_folder(sv, data_folders[i].name, data_folders[i].mode, data_folders[i].owner);
}

void capabilities_drop(struct supervisor *sv)
{
    static const unsigned kept[] = {CAP_SETUID, CAP_SETGID, CAP_SYS_CHROOT, CAP_KILL, CAP_NET_BIND_SERVICE};
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    if (geteuid() != 0 || sv->profile != WALLS_FULL)
        return;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        data[0].permitted |= (uint32_t)1 << kept[i];
    data[0].effective = data[0].permitted;
    /* The bounding set too: root that executes a file would get everything back. */
    for (unsigned c = 0; c <= 63; c++)
        if (c > 31 || !(data[0].permitted & ((uint32_t)1 << c)))
            prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
    if (syscall(SYS_capset, &header, data) < 0)
        supervisor_give_up(sv, 71, "capabilities can't be dropped: %s", strerror(errno));
}
