/*
 * process/mail_control.c: connections of the command line to mail, each served by a thread of its own.
 *
 * The verbs block (reads, mutations, a slow terminal), so they never run on a loop.
 * Limits   LIMIT_CONTROL_CONNECTIONS at once; more are closed.
 * Tested   tests/e2e/test_cli.py
 */
#include "admin/admin.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "process/mail.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    const struct mail_env *env;
    struct admin_env admin;
    int fd;
    struct watch *watch;
    atomic_uint running;
    atomic_bool stopping;
    uint64_t started_ms;
} control = {.fd = -1};

static void write_status(void *ctx, struct buffer *out)
{
    buffer_printf(out, "uptime_s:n\t%llu\nloops:n\t%zu\n",
                  (unsigned long long)((clock_monotonic_ms() - control.started_ms) / 1000), control.env->loop_count);
}

static bool is_stopping(void *ctx)
{
    return atomic_load(&control.stopping);
}

static void *serve(void *ctx)
{
    admin_serve((int)(intptr_t)ctx, &control.admin);
    atomic_fetch_sub(&control.running, 1);
    return NULL;
}

static void begin(int fd)
{
    pthread_t thread;
    if (atomic_fetch_add(&control.running, 1) >= LIMIT_CONTROL_CONNECTIONS ||
        pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) != 0) {
        atomic_fetch_sub(&control.running, 1);
        close(fd);
        return;
    }
    pthread_detach(thread);
}

static void on_connection(void *ctx, unsigned what)
{
    int fd = accept4(control.fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        begin(fd);
}

void mail_control_open(struct role_process *process, const struct mail_env *env, int fd)
{
    mail_control_close();
    control.env = env;
    control.admin = (struct admin_env){.store = env->store,
                                       .parser = env->parsers[0],
                                       .spool_folder = env->spool_folder,
                                       .status = write_status,
                                       .stopping = is_stopping};
    control.started_ms = clock_monotonic_ms();
    control.fd = fd;
    atomic_store(&control.stopping, false);
    control.watch = watch_new(process->loop, fd, on_connection, NULL);
    watch_want(control.watch, WATCH_READ);
}

void mail_control_close(void)
{
    atomic_store(&control.stopping, true);
    if (control.watch)
        watch_free(&control.watch);
    if (control.fd >= 0)
        close(control.fd);
    control.fd = -1;
}

unsigned mail_control_running(void)
{
    return atomic_load(&control.running);
}
