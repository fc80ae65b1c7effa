/* process/supervisor.c: start, signals, reload, end. */
#include "process/supervisor.h"
#include "base/clock.h"
#include "base/memory.h"
#include "net/tls.h"
#include "process/notify.h"
#include "process/title.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long each step of the end may take before it is cut short. */
#define STOP_GATES_MS ((uint64_t)5000)
#define STOP_MAIL_MS  ((uint64_t)25000)
#define STOP_REST_MS  ((uint64_t)2000)

static void flush_lines(struct supervisor *sv)
{
    lines_close(&sv->own_lines);
}

void supervisor_give_up(struct supervisor *sv, int code, const char *format, ...)
{
    va_list arguments;
    children_kill(sv);
    for (size_t i = 0; i < sv->child_count; i++)
        lines_close(&sv->children[i].lines);
    flush_lines(sv);
    fputs("waxwing: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    listeners_close(sv);
    exit(code);
}

/* ---- certificate ---- */

static bool read_whole(const char *path, struct buffer *out, char *error, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;
    while (got > 0) {
        char *room = buffer_reserve(out, 4096);
        got = room ? read(fd, room, 4096) : -1;
        if (got > 0)
            buffer_commit(out, (size_t)got);
    }
    if (got < 0)
        snprintf(error, size, "%s: %s", path, out->overflow ? "too large" : strerror(errno));
    if (fd >= 0)
        close(fd);
    return got == 0;
}

/* Reads and tries both; on success they take the place of what was there. */
static bool load_certificate(struct supervisor *sv, const struct configuration *config, char *error, size_t size)
{
    const char *certificate_path = configuration_text(config, "tls.certificate");
    struct buffer certificate, key;
    if (!*certificate_path)
        return true;
    buffer_init(&certificate, 32768);
    buffer_init(&key, 32768);
    bool good = read_whole(certificate_path, &certificate, error, size) &&
                read_whole(configuration_text(config, "tls.key"), &key, error, size);
    struct tls_server *tls = good ? tls_server_new(buffer_view(&certificate), buffer_view(&key), error, size) : NULL;
    if (tls) {
        buffer_free(&sv->certificate);
        buffer_free(&sv->key);
        sv->certificate = certificate;
        sv->key = key;
        tls_server_unref(&tls);
        return true;
    }
    buffer_free(&certificate);
    buffer_free(&key);
    return false;
}

/* ---- reload ---- */

static void log_problems(struct view text)
{
    char shown[1024];
    while (text.size) {
        size_t end = view_find(text, '\n', 0);
        log_event(LOG_ERROR, "config.problem", "what=%s", log_value(view_slice(text, 0, end), shown, sizeof shown));
        text = end == SIZE_MAX ? VIEW_EMPTY : view_skip(text, end + 1);
    }
}

static void take_configuration(struct supervisor *sv, struct configuration **config)
{
    struct buffer names;
    char shown[1024];
    buffer_init(&names, 8192);
    configuration_restart_needed(sv->config, *config, &names);
    if (buffer_size(&names))
        log_event(LOG_WARN, "config.restart_needed", "settings=%s",
                  log_value(buffer_view(&names), shown, sizeof shown));
    configuration_free(&sv->config);
    sv->config = *config;
    *config = NULL;
    children_send_settings(sv);
    children_send_certificate(sv);
    log_event(LOG_INFO, "config.reloaded", "file=%s", sv->config_path);
    buffer_free(&names);
}

static void reload(struct supervisor *sv)
{
    struct buffer problems;
    char error[512] = "", shown[1024];
    sv->reloads = sv->phase < PHASE_SERVING;
    if (sv->phase != PHASE_SERVING)
        return;
    notify_reloading();
    buffer_init(&problems, 1 << 20);
    struct configuration *config = configuration_load(sv->config_path, sv->config_required, &problems);
    if (config && sv->data_option)
        configuration_set_data(config, sv->data_option);
    if (!config)
        log_problems(buffer_view(&problems));
    else if (!load_certificate(sv, config, error, sizeof error))
        log_event(LOG_ERROR, "config.problem", "what=%s", log_value(view_of_string(error), shown, sizeof shown));
    else
        take_configuration(sv, &config);
    configuration_free(&config);
    buffer_free(&problems);
    notify_ready();
}

/* ---- the end ---- */

static void next_phase(struct supervisor *sv)
{
    if (sv->phase == PHASE_STOP_GATES) {
        sv->phase = PHASE_STOP_MAIL;
        children_drain(sv, ROLE_MAIL);
        timer_set(sv->patience, STOP_MAIL_MS);
    } else if (sv->phase == PHASE_STOP_MAIL) {
        sv->phase = PHASE_STOP_REST;
        children_drain(sv, ROLE_AUTH);
        children_drain(sv, ROLE_PARSE);
        timer_set(sv->patience, STOP_REST_MS);
    } else {
        children_kill(sv);
        timer_set(sv->patience, 100);
    }
}

static void patience_ends(void *ctx)
{
    struct supervisor *sv = ctx;
    log_event(LOG_WARN, "stop.late", "phase=%d alive=%zu", (int)sv->phase, children_alive(sv, ROLE_COUNT));
    next_phase(sv);
}

/* LMTP finishes first, mail then ends the sessions that gates still carry, the rest has nothing left to do. */
static void stop(struct supervisor *sv)
{
    if (sv->phase >= PHASE_STOP_GATES) {
        children_kill(sv);
        return;
    }
    log_event(LOG_INFO, "stop", "alive=%zu", children_alive(sv, ROLE_COUNT));
    notify_stopping();
    sv->phase = PHASE_STOP_GATES;
    children_drain(sv, ROLE_LMTP);
    children_drain(sv, ROLE_GATE);
    timer_set(sv->patience, STOP_GATES_MS);
    supervisor_progress(sv);
}

static bool all_ready(const struct supervisor *sv, bool outer)
{
    for (size_t i = 0; i < sv->child_count; i++)
        if (child_is_outer(&sv->children[i]) == outer && sv->children[i].state != CHILD_READY)
            return false;
    return true;
}

void supervisor_progress(struct supervisor *sv)
{
    if (sv->phase == PHASE_INNER && all_ready(sv, false)) {
        sv->phase = PHASE_OUTER;
        children_start(sv, true);
    } else if (sv->phase == PHASE_OUTER && all_ready(sv, true)) {
        sv->phase = PHASE_SERVING;
        log_event(LOG_INFO, "serving", "version=%s walls=%s data=%s", WAXWING_VERSION, walls_profile_name(sv->profile),
                  sv->data);
        notify_ready();
        if (sv->reloads)
            reload(sv);
    } else if (sv->phase >= PHASE_STOP_GATES && children_alive(sv, ROLE_COUNT) == 0) {
        loop_stop(sv->loop);
    } else if ((sv->phase == PHASE_STOP_GATES && children_alive(sv, ROLE_LMTP) == 0) ||
               (sv->phase == PHASE_STOP_MAIL && children_alive(sv, ROLE_MAIL) == 0)) {
        next_phase(sv);
    }
}

/* ---- signals ---- */

static void on_signal(void *ctx, unsigned what)
{
    struct supervisor *sv = ctx;
    struct signalfd_siginfo info;
    while (read(sv->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            children_reap(sv);
        else if (info.ssi_signo == SIGHUP)
            reload(sv);
        else if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
            stop(sv);
    }
}

static void watch_signals(struct supervisor *sv)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    sv->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (sv->signal_fd < 0)
        supervisor_give_up(sv, 71, "signalfd: %s", strerror(errno));
    sv->signals = watch_new(sv->loop, sv->signal_fd, on_signal, sv);
    watch_want(sv->signals, WATCH_READ);
}

/* ---- start ---- */

/* Our own lines take the same way as everybody's. */
static void open_log(struct supervisor *sv)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) < 0)
        supervisor_give_up(sv, 71, "pipe: %s", strerror(errno));
    lines_open(&sv->own_lines, sv->loop, pair[0], sv->pid);
    log_open(pair[1], "supervisor", LOG_INFO);
}

static void read_configuration(struct supervisor *sv)
{
    struct buffer problems;
    char absolute[4096];
    buffer_init(&problems, 1 << 20);
    sv->config = configuration_load(sv->config_path, sv->config_required, &problems);
    if (!sv->config) {
        fprintf(stderr, "%.*s", VIEW_PRINTF(buffer_view(&problems)));
        supervisor_give_up(sv, 78, "nothing was started: the configuration has mistakes");
    }
    if (sv->data_option) {
        if (sv->data_option[0] != '/' && getcwd(absolute, sizeof absolute / 2)) {
            size_t used = strlen(absolute);
            snprintf(absolute + used, sizeof absolute - used, "/%s", sv->data_option);
            sv->data_option = memory_string(absolute);
        }
        if (!configuration_set_data(sv->config, sv->data_option))
            supervisor_give_up(sv, 64, "--data wants a folder");
    }
    snprintf(sv->data, sizeof sv->data, "%s", configuration_text(sv->config, "data"));
    buffer_free(&problems);
}

static void choose_numbers(struct supervisor *sv)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    sv->loops = (uint32_t)configuration_u64(sv->config, "mail.loops");
    if (sv->loops == 0)
        sv->loops = cores < 1 ? 1 : cores > 16 ? 16 : (uint32_t)cores;
    sv->gates = (uint32_t)configuration_u64(sv->config, "gate.instances");
    sv->parsers = (uint32_t)configuration_u64(sv->config, "parse.instances");
    sv->profile = walls_choose(configuration_text(sv->config, "process.walls"));
    if (sv->profile == WALLS_FULL && geteuid() != 0)
        supervisor_give_up(sv, 78, "process.walls = \"full\" needs root");
}

static void make_nowslots(struct supervisor *sv)
{
    size_t size = NOWSLOT_COUNT * sizeof(struct nowslot);
    sv->nowslot_fd = memfd_create("waxwing-nowslots", MFD_CLOEXEC);
    if (sv->nowslot_fd < 0 || ftruncate(sv->nowslot_fd, (off_t)size) < 0)
        supervisor_give_up(sv, 71, "memfd: %s", strerror(errno));
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, sv->nowslot_fd, 0);
    if (page == MAP_FAILED)
        supervisor_give_up(sv, 71, "mmap: %s", strerror(errno));
    sv->nowslots = page;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    if (geteuid() == 0 && limit.rlim_max < 65536)
        limit.rlim_max = 65536;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static bool parse_arguments(struct supervisor *sv, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        bool value = i + 1 < argc;
        if (strcmp(argv[i], "-c") == 0 && value) {
            configuration_path(argv[++i], sv->config_path, sizeof sv->config_path, &sv->config_required);
        } else if (strcmp(argv[i], "--data") == 0 && value) {
            sv->data_option = memory_string(argv[++i]);
        } else if (strcmp(argv[i], "--control") == 0) {
            sv->control_only = true;
        } else if (strncmp(argv[i], "--data=", 7) == 0) {
            sv->data_option = memory_string(argv[i] + 7);
        } else if (strcmp(argv[i], "--help") == 0) {
            fputs("usage: waxwing serve [-c FILE] [--data DIR]\n\n"
                  "Starts the mail server and stays in the foreground.\n\n"
                  "  -c FILE     the configuration (default: $WAXWING_CONFIG, /etc/waxwing/waxwing.conf)\n"
                  "  --data DIR  the data folder, whatever the configuration says\n\n"
                  "SIGHUP reads the configuration again, SIGTERM finishes what was begun and ends, a second one ends "
                  "at once.\n",
                  stdout);
            exit(0);
        } else {
            fprintf(stderr, "waxwing: serve: can't use \"%s\"\nSee waxwing serve --help.\n", argv[i]);
            return false;
        }
    }
    return true;
}

static void prepare(struct supervisor *sv)
{
    char error[512] = "";
    sv->self_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    sv->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (sv->self_fd < 0 || sv->null_fd < 0)
        supervisor_give_up(sv, 71, "can't open its own binary: %s", strerror(errno));
    read_configuration(sv);
    choose_numbers(sv);
    raise_descriptor_limit();
    umask(0022);
    buffer_init(&sv->certificate, 0);
    buffer_init(&sv->key, 0);
    if (!sv->control_only && !load_certificate(sv, sv->config, error, sizeof error))
        supervisor_give_up(sv, 78, "%s", error);
    folders_prepare(sv);
    listeners_bind(sv);
    capabilities_drop(sv);
    make_nowslots(sv);
}

int supervisor_main(const char *config_given, int argc, char **argv)
{
    static struct supervisor supervisor;
    struct supervisor *sv = &supervisor;
    sv->pid = getpid();
    configuration_path(config_given, sv->config_path, sizeof sv->config_path, &sv->config_required);
    if (!parse_arguments(sv, argc, argv))
        return 64;
    sv->loop = loop_new();
    open_log(sv);
    prepare(sv);
    watch_signals(sv);
    title_set("waxwing: supervisor");
    sv->patience = timer_new(sv->loop, patience_ends, sv);
    children_plan(sv);
    children_start(sv, false);
    loop_run(sv->loop);
    listeners_close(sv);
    log_event(LOG_INFO, "stopped", "code=%d", sv->exit_code);
    flush_lines(sv);
    return sv->exit_code;
}
