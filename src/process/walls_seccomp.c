/*
 * process/walls_seccomp.c: which system calls a role may make.
 *
 * What is in no list fails with EPERM: glibc makes calls at moments of its own choosing (malloc opens files), and a
 * refused call must not end a process that did nothing wrong. Opening a file fails with EACCES, clone3 with ENOSYS (so
 * that glibc falls back to clone, whose flags can be looked at). What only an intruder would call kills.
 */
#include "process/walls.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALLS_END (-100000)

static const int calls_everybody[] = {
    /* descriptors that are already open */
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(lseek),
    SCMP_SYS(fstat), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(close_range), SCMP_SYS(poll),
    SCMP_SYS(ppoll), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(eventfd2), SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime), SCMP_SYS(pipe2),
    /* sockets that are already there */
    SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto), SCMP_SYS(sendmsg), SCMP_SYS(shutdown),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    /* memory and threads' locks */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq), SCMP_SYS(membarrier), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(getcpu),
    /* time, chance, facts */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrlimit), SCMP_SYS(getrusage),
    SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(times),
    /* signals to itself, and the end */
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(sigaltstack), SCMP_SYS(setitimer), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
    CALLS_END};

/* Landlock says where; chroot and ids say it again. */
static const int calls_files[] = {
    SCMP_SYS(open),       SCMP_SYS(openat),     SCMP_SYS(creat),     SCMP_SYS(stat),      SCMP_SYS(lstat),
    SCMP_SYS(statx),      SCMP_SYS(newfstatat), SCMP_SYS(access),    SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),   SCMP_SYS(readlinkat), SCMP_SYS(statfs),    SCMP_SYS(fstatfs),   SCMP_SYS(getcwd),
    SCMP_SYS(getdents64), SCMP_SYS(pread64),    SCMP_SYS(pwrite64),  SCMP_SYS(preadv),    SCMP_SYS(preadv2),
    SCMP_SYS(pwritev),    SCMP_SYS(pwritev2),   SCMP_SYS(fsync),     SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range),
    SCMP_SYS(fallocate),  SCMP_SYS(ftruncate),  SCMP_SYS(fadvise64), SCMP_SYS(readahead), SCMP_SYS(copy_file_range),
    SCMP_SYS(sendfile),   SCMP_SYS(flock),      SCMP_SYS(unlink),    SCMP_SYS(unlinkat),  SCMP_SYS(rename),
    SCMP_SYS(renameat),   SCMP_SYS(renameat2),  SCMP_SYS(mkdir),     SCMP_SYS(mkdirat),   SCMP_SYS(rmdir),
    SCMP_SYS(link),       SCMP_SYS(linkat),     SCMP_SYS(fchmod),    SCMP_SYS(chmod),     SCMP_SYS(utimensat),
    SCMP_SYS(umask),      SCMP_SYS(msync),      SCMP_SYS(mincore),   SCMP_SYS(fchown),    CALLS_END};

static const int calls_threads[] = {
    SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler), SCMP_SYS(setpriority),
    SCMP_SYS(getpriority),       SCMP_SYS(ioprio_set),     SCMP_SYS(ioprio_get),         CALLS_END};
static const int calls_accept[] = {SCMP_SYS(accept), SCMP_SYS(accept4), CALLS_END};

/* Opening, in whatever form, where it isn't allowed at all. */
static const int calls_opening[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(creat), CALLS_END};

/* No role has a use for these, whatever happens. */
static const int calls_deadly[] = {SCMP_SYS(execve),
                                   SCMP_SYS(execveat),
                                   SCMP_SYS(ptrace),
                                   SCMP_SYS(process_vm_readv),
                                   SCMP_SYS(process_vm_writev),
                                   SCMP_SYS(bpf),
                                   SCMP_SYS(io_uring_setup),
                                   SCMP_SYS(io_uring_enter),
                                   SCMP_SYS(io_uring_register),
                                   SCMP_SYS(keyctl),
                                   SCMP_SYS(add_key),
                                   SCMP_SYS(request_key),
                                   SCMP_SYS(mount),
                                   SCMP_SYS(umount2),
                                   SCMP_SYS(pivot_root),
                                   SCMP_SYS(perf_event_open),
                                   SCMP_SYS(userfaultfd),
                                   SCMP_SYS(init_module),
                                   SCMP_SYS(finit_module),
                                   SCMP_SYS(pidfd_getfd),
                                   SCMP_SYS(open_by_handle_at),
                                   SCMP_SYS(socket),
                                   SCMP_SYS(connect),
                                   SCMP_SYS(bind),
                                   SCMP_SYS(listen),
                                   CALLS_END};

static int add_all(scmp_filter_ctx filter, uint32_t action, const int *calls)
{
    int result = 0;
    for (; *calls != CALLS_END && result == 0; calls++)
        if (*calls >= 0) /* negative: this machine doesn't have it */
            result = seccomp_rule_add_array(filter, action, *calls, 0, NULL);
    return result;
}

static int add_one(scmp_filter_ctx filter, int call, struct scmp_arg_cmp condition)
{
    return call < 0 ? 0 : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &condition);
}

static int add_values(scmp_filter_ctx filter, int call, unsigned argument, const uint64_t *values, size_t count)
{
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = add_one(filter, call, (struct scmp_arg_cmp){argument, SCMP_CMP_EQ, values[i], 0});
    return result;
}

/* Calls whose arguments decide. */
static int add_conditional(scmp_filter_ctx filter, unsigned rights)
{
    static const uint64_t fcntls[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC};
    static const uint64_t fcntls_files[] = {F_GETLK, F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_GETLK,
                                            1035,    1036,    1037,     1038};
    static const uint64_t ioctls[] = {FIONREAD, FIONBIO};
    static const uint64_t prctls[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_SECCOMP, PR_GET_NO_NEW_PRIVS,
                                      0x53564d41 /* VMA */};
    int result = add_one(filter, SCMP_SYS(mmap), (struct scmp_arg_cmp){2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0});
    result = result ? result
                    : add_one(filter, SCMP_SYS(mprotect), (struct scmp_arg_cmp){2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0});
    result = result ? result : add_values(filter, SCMP_SYS(fcntl), 1, fcntls, sizeof fcntls / sizeof fcntls[0]);
    result = result ? result : add_values(filter, SCMP_SYS(ioctl), 1, ioctls, sizeof ioctls / sizeof ioctls[0]);
    result = result ? result : add_values(filter, SCMP_SYS(prctl), 0, prctls, sizeof prctls / sizeof prctls[0]);
    /* Reading a limit, not setting one. */
    result = result ? result : add_one(filter, SCMP_SYS(prlimit64), (struct scmp_arg_cmp){2, SCMP_CMP_EQ, 0, 0});
    /* abort() signals itself. */
    result = result ? result
                    : add_one(filter, SCMP_SYS(tgkill), (struct scmp_arg_cmp){0, SCMP_CMP_EQ, (uint64_t)getpid(), 0});
    if (rights & RIGHT_FILES)
        result =
            result ? result
                   : add_values(filter, SCMP_SYS(fcntl), 1, fcntls_files, sizeof fcntls_files / sizeof fcntls_files[0]);
    else /* fstat() of this C library */
        result = result ? result
                        : add_one(filter, SCMP_SYS(newfstatat),
                                  (struct scmp_arg_cmp){3, SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH});
    if (rights & RIGHT_THREADS)
        result = result ? result
                        : add_one(filter, SCMP_SYS(clone),
                                  (struct scmp_arg_cmp){0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD});
    if (rights & RIGHT_PAIR)
        result =
            result ? result : add_one(filter, SCMP_SYS(socketpair), (struct scmp_arg_cmp){0, SCMP_CMP_EQ, AF_UNIX, 0});
    return result;
}

static int add_rules(scmp_filter_ctx filter, unsigned rights)
{
    static const int clone3_call[] = {SCMP_SYS(clone3), CALLS_END};
    static const struct {
        enum right right;
        const int *calls;
    } lists[] = {{RIGHT_FILES, calls_files}, {RIGHT_THREADS, calls_threads}, {RIGHT_ACCEPT, calls_accept}};
    int result = add_all(filter, SCMP_ACT_ALLOW, calls_everybody);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0] && result == 0; i++)
        if (rights & lists[i].right)
            result = add_all(filter, SCMP_ACT_ALLOW, lists[i].calls);
    if (!(rights & RIGHT_FILES) && result == 0)
        result = add_all(filter, SCMP_ACT_ERRNO(EACCES), calls_opening);
    result = result ? result : add_all(filter, SCMP_ACT_ERRNO(ENOSYS), clone3_call);
    result = result ? result : add_all(filter, SCMP_ACT_KILL_PROCESS, calls_deadly);
    return result ? result : add_conditional(filter, rights);
}

bool walls_seccomp(unsigned rights, char *error, size_t error_size)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int result = filter ? 0 : -ENOMEM;
    result = result ? result : seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    /* A binary tree: hot calls are found in a few steps. */
    result = result ? result : seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    result = result ? result : add_rules(filter, rights);
    result = result ? result : seccomp_load(filter);
    if (result)
        snprintf(error, error_size, "walls: seccomp: %s", strerror(-result));
    seccomp_release(filter);
    return result == 0;
}
