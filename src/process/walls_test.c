/* process/walls_test.c: the matrix of forbidden actions. Each is tried behind the walls, in a process that dies of it.
 */
#include "base/memory.h"
#include "process/walls.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Made before the walls, as an intruder would find it. */
static struct {
    int listener, connected;
    pid_t victim;
    char folder[600]; /* the role's own, if it has one */
} scene;

/* Each returns below zero with errno when refused. */
static long try_open_passwd(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}
static long try_open_outside(void)
{
    return openat(AT_FDCWD, "../../../../etc/passwd", O_RDONLY | O_CLOEXEC);
}
static long try_open_proc(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", scene.victim);
    return open(path, O_RDWR | O_CLOEXEC);
}
static long try_create(void)
{
    return open("/tmp/waxwing-intruder", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}
static long try_own_file(void)
{
    char path[700];
    snprintf(path, sizeof path, "%s/own", scene.folder);
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}
static long try_stat(void)
{
    struct stat st;
    return stat("/etc/passwd", &st);
}
static long try_truncate(void)
{
    return truncate("/etc/hostname", 100000);
}
static long try_symlink(void)
{
    return symlink("/etc/passwd", "/tmp/waxwing-link");
}
static long try_mknod(void)
{
    return mknod("/tmp/waxwing-fifo", S_IFIFO | 0600, 0);
}
static long try_chdir(void)
{
    return chdir("/etc");
}
static long try_socket_inet(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}
static long try_socket_unix(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}
static long try_connect_again(void)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    return connect(scene.connected, &none, sizeof none);
}
static long try_bind(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    return bind(scene.connected, (struct sockaddr *)&any, sizeof any);
}
static long try_listen(void)
{
    return listen(scene.connected, 1);
}
static long try_accept(void)
{
    return accept4(scene.listener, NULL, NULL, SOCK_NONBLOCK) < 0 && errno != EAGAIN ? -1 : 0;
}
static long try_execve(void)
{
    char *const arguments[] = {"true", NULL};
    return execve("/bin/true", arguments, arguments + 1);
}
static long try_execveat(void)
{
    char *const arguments[] = {"true", NULL};
    return syscall(SYS_execveat, AT_FDCWD, "/bin/true", arguments, arguments + 1, 0);
}
static long try_fork(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid;
}
static long try_clone3(void)
{
    uint64_t attributes[8] = {0};
    long pid = syscall(SYS_clone3, attributes, sizeof attributes);
    if (pid == 0)
        _exit(0);
    return pid;
}
static long try_kill(void)
{
    return kill(scene.victim, 0);
}
static long try_tgkill(void)
{
    return syscall(SYS_tgkill, scene.victim, scene.victim, 0);
}
static long try_ptrace(void)
{
    return ptrace(PTRACE_ATTACH, scene.victim, NULL, NULL);
}
static long try_peek(void)
{
    char octet;
    struct iovec mine = {&octet, 1}, theirs = {&scene, 1};
    return process_vm_readv(scene.victim, &mine, 1, &theirs, 1, 0);
}
static long try_pidfd(void)
{
    return syscall(SYS_pidfd_open, scene.victim, 0);
}
static long try_pidfd_getfd(void)
{
    return syscall(SYS_pidfd_getfd, 0, 0, 0);
}
static long try_root(void)
{
    return setresuid(0, 0, 0) < 0 || geteuid() != 0 ? -1 : 0;
}
static long try_setgid(void)
{
    return setresgid(0, 0, 0);
}
static long try_chroot(void)
{
    return chroot("/");
}
static long try_mount(void)
{
    return mount("none", "/", "tmpfs", 0, NULL);
}
static long try_unshare(void)
{
    return unshare(CLONE_NEWUSER);
}
static long try_setns(void)
{
    return setns(scene.connected, 0);
}
static long try_bpf(void)
{
    return syscall(SYS_bpf, 0, NULL, 0);
}
static long try_io_uring(void)
{
    char parameters[120] = {0};
    return syscall(SYS_io_uring_setup, 1, parameters);
}
static long try_keyctl(void)
{
    return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1);
}
static long try_perf(void)
{
    return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0);
}
static long try_userfaultfd(void)
{
    return syscall(SYS_userfaultfd, 0);
}
static long try_module(void)
{
    return syscall(SYS_init_module, NULL, 0, "");
}
static long try_mmap_exec(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}
static long try_mprotect_exec(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}
static long try_dumpable(void)
{
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}
static long try_setrlimit(void)
{
    uint64_t limits[2] = {0, 0};
    return syscall(SYS_prlimit64, 0, 3 /* stack */, limits, NULL);
}
static long try_sethostname(void)
{
    return syscall(SYS_sethostname, "intruder", 8);
}
static long try_settime(void)
{
    return syscall(SYS_settimeofday, NULL, NULL);
}
static long try_memfd(void)
{
    return memfd_create("intruder", 0);
}
static long try_shm(void)
{
    return syscall(SYS_shmget, 1, 4096, 0);
}
static long try_inotify(void)
{
    return syscall(SYS_inotify_init1, 0);
}
static long try_handle(void)
{
    return syscall(SYS_open_by_handle_at, 0, NULL, 0);
}
static long try_ioctl(void)
{
    return syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x");
}

static const struct action {
    const char *name;
    long (*attempt)(void);
    unsigned needs; /* allowed to roles with this right: the matrix would notice walls that deny everything */
} actions[] = {
    {"own file", try_own_file, RIGHT_FILES},
    {"accept", try_accept, RIGHT_ACCEPT},
    {"open /etc/passwd", try_open_passwd, 0},
    {"open ../etc/passwd", try_open_outside, 0},
    {"open another's memory", try_open_proc, 0},
    {"create in /tmp", try_create, 0},
    {"stat", try_stat, 0},
    {"truncate", try_truncate, 0},
    {"symlink", try_symlink, 0},
    {"mknod", try_mknod, 0},
    {"chdir", try_chdir, 0},
    {"socket inet", try_socket_inet, 0},
    {"socket unix", try_socket_unix, 0},
    {"connect again", try_connect_again, 0},
    {"bind", try_bind, 0},
    {"listen", try_listen, 0},
    {"execve", try_execve, 0},
    {"execveat", try_execveat, 0},
    {"fork", try_fork, 0},
    {"clone3", try_clone3, 0},
    {"kill", try_kill, 0},
    {"tgkill", try_tgkill, 0},
    {"ptrace", try_ptrace, 0},
    {"process_vm_readv", try_peek, 0},
    {"pidfd_open", try_pidfd, 0},
    {"pidfd_getfd", try_pidfd_getfd, 0},
    {"become root", try_root, 0},
    {"change group", try_setgid, 0},
    {"chroot", try_chroot, 0},
    {"mount", try_mount, 0},
    {"unshare", try_unshare, 0},
    {"setns", try_setns, 0},
    {"bpf", try_bpf, 0},
    {"io_uring", try_io_uring, 0},
    {"keyctl", try_keyctl, 0},
    {"perf_event_open", try_perf, 0},
    {"userfaultfd", try_userfaultfd, 0},
    {"init_module", try_module, 0},
    {"executable memory", try_mmap_exec, 0},
    {"make memory executable", try_mprotect_exec, 0},
    {"become dumpable", try_dumpable, 0},
    {"raise a limit", try_setrlimit, 0},
    {"sethostname", try_sethostname, 0},
    {"set the clock", try_settime, 0},
    {"memfd", try_memfd, 0},
    {"shared memory", try_shm, 0},
    {"inotify", try_inotify, 0},
    {"open by handle", try_handle, 0},
    {"push terminal input", try_ioctl, 0},
};

enum { EXIT_ALLOWED = 0, EXIT_NO_WALLS = 255, EXIT_ERRNO_MAX = 200 };

static void set_scene(const struct walls *w)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    scene.victim = getppid();
    scene.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    scene.connected = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(scene.listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(scene.listener, 4) == 0 &&
        getsockname(scene.listener, (struct sockaddr *)&address, &size) == 0 &&
        connect(scene.connected, (struct sockaddr *)&address, size) < 0 && errno != EINPROGRESS)
        perror("walls-test: loopback");
    snprintf(scene.folder, sizeof scene.folder, "%s", w->root);
}

static void be_the_intruder(const struct walls *w, const struct action *action)
{
    char report[256], error[256];
    set_scene(w);
    if (!walls_raise(w, report, sizeof report, error, sizeof error)) {
        fprintf(stderr, "%s\n", error);
        _exit(EXIT_NO_WALLS);
    }
    snprintf(scene.folder, sizeof scene.folder, "%s/%s", walls_in_chroot() ? "" : w->root,
             w->folders[0] ? w->folders[0] : "");
    if (action->attempt() >= 0)
        _exit(EXIT_ALLOWED);
    _exit(errno > 0 && errno < EXIT_ERRNO_MAX ? errno : EXIT_ERRNO_MAX);
}

/* False if it went otherwise than it should. */
static bool attempt(const struct walls *w, const struct action *action, FILE *out)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        be_the_intruder(w, action);
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return false;
    bool allowed = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_ALLOWED;
    bool wanted = action->needs && (walls_rights(w->role) & action->needs);
    bool no_walls = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_WALLS;
    /* Without a chroot a role with files can still look at names: Landlock doesn't know stat and chdir. */
    if (allowed)
        fprintf(out, "%s: ALLOWED\n", action->name);
    else if (no_walls)
        fprintf(out, "%s: NO WALLS\n", action->name);
    else if (WIFSIGNALED(status))
        fprintf(out, "%s: killed (%s)\n", action->name,
                WTERMSIG(status) == SIGSYS ? "SIGSYS" : strsignal(WTERMSIG(status)));
    else
        fprintf(out, "%s: denied (%s)\n", action->name, strerrorname_np(WEXITSTATUS(status)));
    return allowed == wanted && !no_walls && (!WIFSIGNALED(status) || WTERMSIG(status) == SIGSYS);
}

int walls_matrix(const struct walls *w, FILE *out)
{
    int wrong = 0;
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        wrong += !attempt(w, &actions[i], out);
    return wrong;
}

/* ---- the hidden verb ---- */

static const struct {
    const char *name;
    enum role role;
    const char *folder;
} testable[] = {{"gate", ROLE_GATE, NULL},
                {"lmtp", ROLE_LMTP, NULL},
                {"auth", ROLE_AUTH, "auth"},
                {"mail", ROLE_MAIL, "store"},
                {"parse", ROLE_PARSE, NULL}};

int walls_test_main(int argc, char **argv)
{
    char folder[512] = "/tmp/waxwing-walls-XXXXXX", own[600];
    for (size_t i = 0; argc > 0 && i < sizeof testable / sizeof testable[0]; i++) {
        struct walls w = {
            .role = testable[i].role, .profile = walls_choose("auto"), .uid = 60999, .gid = 60999, .root = folder};
        if (strcmp(argv[0], testable[i].name) != 0)
            continue;
        if (argc > 1)
            snprintf(folder, sizeof folder, "%s", argv[1]);
        else if (!mkdtemp(folder))
            return 71;
        if (chmod(folder, 0755) < 0)
            return 71;
        w.folders[0] = testable[i].folder;
        if (w.folders[0]) {
            snprintf(own, sizeof own, "%s/%s", folder, w.folders[0]);
            if ((mkdir(own, 0700) < 0 && errno != EEXIST) || (geteuid() == 0 && chown(own, w.uid, w.gid) < 0))
                return 71;
        }
        return walls_matrix(&w, stdout) ? 1 : 0;
    }
    fprintf(stderr, "waxwing: --walls-test wants a role: gate, lmtp, auth, mail or parse\n");
    return 64;
}
