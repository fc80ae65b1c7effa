/* process/children.c: one process a role and instance: executed, connected, told, restarted. */
#include "base/clock.h"
#include "base/memory.h"
#include "process/role.h"
#include "process/supervisor.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A role that lived this long and then died starts again at once; sooner, and it waits longer each time. */
#define SETTLED_MS     ((uint64_t)10000)
#define BACK_OFF_MS    ((uint64_t)100)
#define BACK_OFF_STEPS 8

/* Who may talk to whom. What isn't here has no channel. mail and parse share one for each of mail's loops. */
static const struct edge {
    enum role a, b;
    bool each_loop;
} edges[] = {
    {ROLE_GATE, ROLE_AUTH, false}, {ROLE_GATE, ROLE_MAIL, false}, {ROLE_LMTP, ROLE_AUTH, false},
    {ROLE_LMTP, ROLE_MAIL, false}, {ROLE_AUTH, ROLE_MAIL, false}, {ROLE_MAIL, ROLE_PARSE, true},
};

static unsigned settings_role(enum role role)
{
    static const unsigned bits[ROLE_COUNT] = {[ROLE_GATE] = FOR_GATE,
                                              [ROLE_LMTP] = FOR_LMTP,
                                              [ROLE_AUTH] = FOR_AUTH,
                                              [ROLE_MAIL] = FOR_MAIL,
                                              [ROLE_PARSE] = FOR_PARSE};
    return bits[role];
}

bool child_is_outer(const struct child *c)
{
    return c->role == ROLE_GATE || c->role == ROLE_LMTP;
}

/* ---- the plan ---- */

static void plan(struct supervisor *sv, enum role role, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++)
        sv->children[sv->child_count++] = (struct child){.supervisor = sv, .role = role, .instance = i};
}

void children_plan(struct supervisor *sv)
{
    plan(sv, ROLE_AUTH, 1);
    plan(sv, ROLE_MAIL, 1);
    plan(sv, ROLE_PARSE, sv->parsers);
    if (sv->control_only)
        return;
    plan(sv, ROLE_LMTP, 1);
    plan(sv, ROLE_GATE, sv->gates);
}

/* ---- what a child is told ---- */

static void send_settings(struct child *c)
{
    struct supervisor *sv = c->supervisor;
    const struct role_user *user = user_of(sv, c->role);
    char root[4096];
    struct buffer text;
    buffer_init(&text, 1 << 18);
    role_root(sv, c->role, root, sizeof root);
    /* The first line of a name counts. */
    buffer_printf(&text, "process.profile=%s\nprocess.uid=%u\nprocess.gid=%u\nprocess.root=%s\n",
                  walls_profile_name(sv->profile), user->uid, user->gid, root);
    if (c->role == ROLE_MAIL)
        buffer_printf(&text, "mail.loops=%u\n", sv->loops);
    configuration_for(sv->config, settings_role(c->role), &text);
    struct ipc_settings settings = {IPC_VERSION, buffer_view(&text)};
    channel_send(c->channel, IPC_SETTINGS, 0, &settings, -1);
    buffer_free(&text);
}

static void send_certificate(struct child *c)
{
    struct supervisor *sv = c->supervisor;
    struct ipc_certificate pem = {buffer_view(&sv->certificate), buffer_view(&sv->key)};
    if (child_is_outer(c) && pem.certificate_pem.size)
        channel_send(c->channel, IPC_CERTIFICATE, 0, &pem, -1);
}

static void send_listeners(struct child *c)
{
    struct supervisor *sv = c->supervisor;
    for (size_t i = 0; i < sv->listener_count; i++) {
        const struct listener *l = &sv->listeners[i];
        struct ipc_listen facts = {.protocol = l->protocol,
                                   .tls_from_start = l->tls_from_start,
                                   .plain_login_allowed = configuration_bool(sv->config, "login.plain_from_loopback"),
                                   .control = l->control,
                                   .name = view_of_string(l->name)};
        int fd = l->role == c->role ? fcntl(l->fd, F_DUPFD_CLOEXEC, 10) : -1;
        if (fd >= 0)
            channel_send(c->channel, IPC_LISTEN, 0, &facts, fd);
    }
}

static void send_quarantine(struct child *c)
{
    struct blame *blame = &c->supervisor->blame;
    uint64_t now = clock_monotonic_ms();
    for (size_t i = 0; i < BLAME_ACCOUNTS; i++) {
        struct ipc_quarantine q = {blame->rows[i].account, blame_refused_s(&blame->rows[i], now)};
        if (q.seconds)
            channel_send(c->channel, IPC_QUARANTINE, 0, &q, -1);
    }
}

/* ---- channels between children ---- */

static const struct edge *edge_between(enum role a, enum role b)
{
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        if ((edges[i].a == a && edges[i].b == b) || (edges[i].a == b && edges[i].b == a))
            return &edges[i];
    return NULL;
}

static bool send_pair(struct child *a, uint32_t name_of_b, struct child *b, uint32_t name_of_a)
{
    int pair[2];
    struct ipc_peer to_a = {(uint8_t)b->role, name_of_b}, to_b = {(uint8_t)a->role, name_of_a};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return false;
    channel_send(a->channel, IPC_PEER, 0, &to_a, pair[0]);
    channel_send(b->channel, IPC_PEER, 0, &to_b, pair[1]);
    return true;
}

/* mail hears of (loop << 16 | parse's number), parse of mail's loop. */
static void connect_pair(struct child *a, struct child *b)
{
    const struct edge *edge = edge_between(a->role, b->role);
    if (!edge || !a->channel || !b->channel)
        return;
    if (!edge->each_loop) {
        send_pair(a, b->instance, b, a->instance);
        return;
    }
    struct child *mail = a->role == ROLE_MAIL ? a : b, *parse = a->role == ROLE_MAIL ? b : a;
    for (uint32_t loop = 0; loop < a->supervisor->loops; loop++)
        send_pair(mail, loop << 16 | parse->instance, parse, loop);
}

static void connect_to_all(struct child *c)
{
    struct supervisor *sv = c->supervisor;
    for (size_t i = 0; i < sv->child_count; i++)
        if (&sv->children[i] != c)
            connect_pair(c, &sv->children[i]);
}

/* ---- from a child ---- */

static void kill_child(struct child *c)
{
    if (c->pid > 0)
        kill(c->pid, SIGKILL);
}

static void kill_parse(struct supervisor *sv, uint32_t instance)
{
    for (size_t i = 0; i < sv->child_count; i++) {
        struct child *c = &sv->children[i];
        if (c->role == ROLE_PARSE && c->instance == instance && c->pid > 0) {
            c->asked_to_die = true;
            kill_child(c);
        }
    }
}

static void took_ready(struct child *c, const struct ipc_ready *ready)
{
    char walls[256];
    if (c->state != CHILD_STARTING)
        return;
    c->state = CHILD_READY;
    log_event(LOG_INFO, "process.ready", "role=%s instance=%u pid=%d ms=%" PRIu64 " walls=%s", role_name(c->role),
              c->instance, c->pid, clock_monotonic_ms() - c->started_ms, log_value(ready->walls, walls, sizeof walls));
    supervisor_progress(c->supervisor);
}

static void on_message(void *ctx, struct channel *channel, struct message *m)
{
    struct child *c = ctx;
    char reason[256];
    if (m->type == IPC_READY) {
        took_ready(c, m->body);
    } else if (m->type == IPC_FATAL) {
        const struct ipc_fatal *fatal = m->body;
        log_event(LOG_ERROR, "process.fatal", "role=%s instance=%u pid=%d reason=%s", role_name(c->role), c->instance,
                  c->pid, log_value(fatal->reason, reason, sizeof reason));
    } else if (m->type == IPC_KILL_PARSE && c->role == ROLE_MAIL) {
        kill_parse(c->supervisor, ((const struct ipc_kill_parse *)m->body)->instance);
    }
    /* DONE: the end of the process says the same. */
}

static void on_closed(void *ctx, struct channel *channel, const char *reason)
{
    struct child *c = ctx;
    channel_free(&c->channel);
    /* A child without its channel is of no use: most are dead already. */
    if (!c->draining)
        kill_child(c);
}

static const struct channel_user child_user = {on_message, on_closed, NULL};

/* ---- spawning ---- */

/* A descriptor that won't be overwritten by the fixed numbers. */
static int out_of_the_way(int fd)
{
    return fd < 10 ? fcntl(fd, F_DUPFD_CLOEXEC, 10) : fd;
}

static bool keeps_variable(const char *variable)
{
    static const char *const kept[] = {"TZ=",           "ASAN_OPTIONS=",      "UBSAN_OPTIONS=", "TSAN_OPTIONS=",
                                       "LSAN_OPTIONS=", "LLVM_PROFILE_FILE=", "GCOV_PREFIX="};
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (strncmp(variable, kept[i], strlen(kept[i])) == 0)
            return true;
    return false;
}

static void child_environment(char **list, size_t size)
{
    /* Room for the title, which is written over this. */
    static char title_room[] = "WAXWING_TITLE=................................................";
    size_t count = 0;
    for (char **e = environ; *e && count + 2 < size; e++)
        if (keeps_variable(*e))
            list[count++] = *e;
    list[count++] = title_room;
    list[count] = NULL;
}

/* Runs in the child; only system calls until exec. */
static _Noreturn void become(const struct supervisor *sv, const struct child *c, int channel_fd, int log_fd)
{
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    char instance[16], *environment[16];
    char *arguments[] = {"waxwing", "role", (char *)(uintptr_t)role_name(c->role), instance, NULL};
    int self = out_of_the_way(sv->self_fd), null = out_of_the_way(sv->null_fd);
    sigset_t none;
    channel_fd = out_of_the_way(channel_fd);
    log_fd = out_of_the_way(log_fd);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != sv->pid)
        _exit(75);
    snprintf(instance, sizeof instance, "%u", c->instance);
    child_environment(environment, sizeof environment / sizeof environment[0]);
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN); /* the supervisor says when to stop */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(null, 0) < 0 || dup2(log_fd, 1) < 0 || dup2(log_fd, 2) < 0 || dup2(channel_fd, ROLE_CHANNEL_FD) < 0)
        _exit(71);
    syscall(SYS_close_range, ROLE_CHANNEL_FD + 1, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
    fexecve(self, arguments, environment);
    _exit(71);
}

static bool fork_child(struct child *c)
{
    struct supervisor *sv = c->supervisor;
    int channel[2] = {-1, -1}, log[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, channel) < 0 ||
        pipe2(log, O_CLOEXEC | O_NONBLOCK) < 0 || (c->pid = fork()) < 0) {
        for (size_t i = 0; i < 2; i++) {
            close(channel[i]);
            close(log[i]);
        }
        c->pid = 0;
        return false;
    }
    if (c->pid == 0)
        become(sv, c, channel[1], log[1]);
    close(channel[1]);
    close(log[1]);
    lines_open(&c->lines, sv->loop, log[0], c->pid);
    c->channel = channel_new(sv->loop, channel[0], ROLE_SUPERVISOR, c->role, &child_user, c);
    return true;
}

static void start_later(struct child *c, uint64_t delay_ms);

static void start_child(struct child *c)
{
    struct ipc_empty none = {0};
    c->started_ms = clock_monotonic_ms();
    c->asked_to_die = false;
    if (!fork_child(c)) {
        log_event(LOG_ERROR, "process.cant_start", "role=%s reason=%s", role_name(c->role), strerrorname_np(errno));
        start_later(c, 1000);
        return;
    }
    c->state = CHILD_STARTING;
    send_settings(c);
    if (c->role == ROLE_MAIL) {
        int fd = fcntl(c->supervisor->nowslot_fd, F_DUPFD_CLOEXEC, 10);
        channel_send(c->channel, IPC_NOWSLOT, 0, &none, fd);
        send_quarantine(c);
    }
    send_certificate(c);
    send_listeners(c);
    connect_to_all(c);
    channel_send(c->channel, IPC_START, 0, &none, -1);
}

static void buried(struct child *c);

static void timer_fires(void *ctx)
{
    struct child *c = ctx;
    if (c->state == CHILD_DEAD)
        buried(c);
    else
        start_child(c);
}

static void set_timer(struct child *c, uint64_t delay_ms)
{
    if (!c->timer)
        c->timer = timer_new(c->supervisor->loop, timer_fires, c);
    timer_set(c->timer, delay_ms);
}

static void start_later(struct child *c, uint64_t delay_ms)
{
    c->state = CHILD_WAITING;
    set_timer(c, delay_ms);
}

void children_start(struct supervisor *sv, bool outer)
{
    for (size_t i = 0; i < sv->child_count; i++)
        if (child_is_outer(&sv->children[i]) == outer && sv->children[i].state == CHILD_NONE)
            start_child(&sv->children[i]);
}

/* ---- death ---- */

/* True if the crash can be laid at some account's door: then nobody else waits. */
static bool attribute_crash(struct supervisor *sv)
{
    struct blame *blame = &sv->blame;
    uint64_t now = clock_monotonic_ms();
    bool named = blame_crash(blame, sv->nowslots, NOWSLOT_COUNT, now);
    for (size_t i = 0; i < NOWSLOT_COUNT && named; i++) {
        char command[17] = "", shown[80];
        const struct nowslot *slot = &sv->nowslots[i];
        if (!slot->account)
            continue;
        for (size_t k = 0; k < sizeof slot->command; k++)
            command[k] = slot->command[k];
        log_event(LOG_ERROR, "mail.crashed_at", "account=%" PRIu64 " session=%" PRIu64 " command=%s", slot->account,
                  slot->session, log_value(view_of_string(command), shown, sizeof shown));
    }
    for (size_t i = 0; i < BLAME_ACCOUNTS; i++)
        if (blame->rows[i].last_ms == now && blame_refused_s(&blame->rows[i], now))
            log_event(LOG_ERROR, "account.quarantined", "account=%" PRIu64 " seconds=%u", blame->rows[i].account,
                      blame_refused_s(&blame->rows[i], now));
    memset(sv->nowslots, 0, NOWSLOT_COUNT * sizeof *sv->nowslots);
    return named;
}

static uint64_t restart_delay(struct child *c)
{
    int status = c->status;
    uint64_t lived = clock_monotonic_ms() - c->started_ms;
    bool crashed = WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGTERM;
    bool named = c->role == ROLE_MAIL && attribute_crash(c->supervisor) && crashed;
    if (c->asked_to_die || named || (lived >= SETTLED_MS && c->was_ready)) {
        c->failures = 0;
        return 0;
    }
    unsigned failures = c->failures;
    if (c->failures < BACK_OFF_STEPS)
        c->failures++;
    return failures ? BACK_OFF_MS << failures : 0;
}

static void log_death(const struct child *c)
{
    int status = c->status;
    uint64_t lived = clock_monotonic_ms() - c->started_ms;
    if (WIFSIGNALED(status))
        log_event(c->asked_to_die ? LOG_INFO : LOG_ERROR, "process.killed",
                  "role=%s instance=%u pid=%d signal=%s lived_ms=%" PRIu64, role_name(c->role), c->instance,
                  c->last_pid, sigabbrev_np(WTERMSIG(status)), lived);
    else
        log_event(c->draining ? LOG_INFO : LOG_ERROR, "process.ended",
                  "role=%s instance=%u pid=%d code=%d lived_ms=%" PRIu64, role_name(c->role), c->instance, c->last_pid,
                  WEXITSTATUS(status), lived);
}

static void buried(struct child *c)
{
    struct supervisor *sv = c->supervisor;
    log_death(c);
    lines_close(&c->lines);
    channel_free(&c->channel);
    c->state = CHILD_NONE;
    if (sv->phase >= PHASE_STOP_GATES) {
        supervisor_progress(sv);
        return;
    }
    if (!c->was_ready && sv->phase < PHASE_SERVING)
        supervisor_give_up(sv, 70, "the process %s could not start: see the line above", role_name(c->role));
    uint64_t delay = restart_delay(c);
    if (delay) {
        log_event(LOG_WARN, "process.restart_later", "role=%s instance=%u ms=%" PRIu64, role_name(c->role), c->instance,
                  delay);
        start_later(c, delay);
    } else {
        start_child(c);
    }
}

/* Buried a moment later: its last words (FATAL, log lines) may still be on the way. */
static void died(struct child *c, int status)
{
    c->was_ready = c->state == CHILD_READY;
    c->state = CHILD_DEAD;
    c->status = status;
    c->last_pid = c->pid;
    c->pid = 0;
    set_timer(c, 1);
}

void children_reap(struct supervisor *sv)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < sv->child_count; i++)
            if (sv->children[i].pid == pid) {
                died(&sv->children[i], status);
                break;
            }
}

/* ---- to all ---- */

void children_send_settings(struct supervisor *sv)
{
    for (size_t i = 0; i < sv->child_count; i++)
        if (sv->children[i].channel)
            send_settings(&sv->children[i]);
}

void children_send_certificate(struct supervisor *sv)
{
    for (size_t i = 0; i < sv->child_count; i++)
        if (sv->children[i].channel)
            send_certificate(&sv->children[i]);
}

void children_drain(struct supervisor *sv, enum role role)
{
    struct ipc_empty none = {0};
    for (size_t i = 0; i < sv->child_count; i++) {
        struct child *c = &sv->children[i];
        if (c->role != role)
            continue;
        if (c->timer && c->state == CHILD_WAITING)
            timer_stop(c->timer);
        if (c->channel && !c->draining) {
            c->draining = true;
            channel_send(c->channel, IPC_DRAIN, 0, &none, -1);
        }
    }
}

size_t children_alive(const struct supervisor *sv, enum role role)
{
    size_t count = 0;
    for (size_t i = 0; i < sv->child_count; i++)
        count += (sv->children[i].pid > 0 || sv->children[i].state == CHILD_DEAD) &&
                 (role == ROLE_COUNT || sv->children[i].role == role);
    return count;
}

void children_kill(struct supervisor *sv)
{
    for (size_t i = 0; i < sv->child_count; i++) {
        if (sv->children[i].timer && sv->children[i].state == CHILD_WAITING)
            timer_stop(sv->children[i].timer);
        kill_child(&sv->children[i]);
    }
}
