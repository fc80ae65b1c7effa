/*
 * admin/control.c: the command line's connection to auth or mail, and a quiet server when none runs.
 *
 * A verb's work is always done by the server's own processes, behind their walls and under their users. When none runs,
 * one is started for the time of the command that listens to nothing but its control sockets (serve --control).
 * Waits    for the server; at most START_MS for a quiet one.
 */
#include "admin/cli.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { START_MS = 30000, LOOK_MS = 20, END_MS = 60000 };

static bool socket_path(const struct cli *cli, enum server_part part, char *path_r, size_t size)
{
    const char *given = configuration_text(cli->config, "control.socket");
    const char *suffix = part == PART_AUTH ? ".auth" : "";
    int n = *given ? snprintf(path_r, size, "%s%s", given, suffix)
                   : snprintf(path_r, size, "%s/run/control%s", configuration_text(cli->config, "data"), suffix);
    return n > 0 && (size_t)n < size;
}

/* -1: errno says why. */
static int try_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int reason = errno;
    if (fd >= 0)
        close(fd);
    errno = reason;
    return -1;
}

/* ---- the quiet server ---- */

static char quiet_log[] = "/tmp/waxwing-quiet-XXXXXX";

_Noreturn static void exec_quiet(const struct cli *cli, int log)
{
    const char *arguments[8] = {"waxwing", "serve"};
    size_t count = 2;
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    dup2(log, 2);
    setsid();
    if (cli->config_required) {
        arguments[count++] = "-c";
        arguments[count++] = cli->config_path;
    }
    arguments[count] = "--control";
    execv("/proc/self/exe", (char *const *)(uintptr_t)arguments);
    _exit(EX_OSERR);
}

static void tell_quiet_log(void)
{
    char text[4096];
    FILE *file = fopen(quiet_log, "r");
    size_t size = file ? fread(text, 1, sizeof text, file) : 0;
    fwrite(text, 1, size, stderr);
    if (file)
        fclose(file);
}

static bool start_quiet(struct cli *cli)
{
    int log = mkstemp(quiet_log);
    if (log < 0) {
        cli_fail(0, "no server runs, and none can be started: %s", strerror(errno));
        return false;
    }
    pid_t pid = fork();
    if (pid == 0)
        exec_quiet(cli, log);
    close(log);
    cli->quiet_server = pid;
    return pid > 0;
}

static void pause_ms(long ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* Until it accepts connections. */
static int wait_for_quiet(struct cli *cli, const char *path)
{
    uint64_t until_ms = clock_monotonic_ms() + START_MS;
    int status;
    while (clock_monotonic_ms() < until_ms) {
        int fd = try_connect(path);
        if (fd >= 0)
            return fd;
        if (waitpid(cli->quiet_server, &status, WNOHANG) == cli->quiet_server) {
            cli->quiet_server = 0;
            break;
        }
        pause_ms(LOOK_MS);
    }
    tell_quiet_log();
    cli_fail(0, "no server runs, and none could be started for this command");
    return -1;
}

void control_end(struct cli *cli)
{
    int status;
    uint64_t until_ms = clock_monotonic_ms() + END_MS;
    if (cli->quiet_server <= 0)
        return;
    kill(cli->quiet_server, SIGTERM);
    while (waitpid(cli->quiet_server, &status, WNOHANG) == 0 && clock_monotonic_ms() < until_ms)
        pause_ms(LOOK_MS);
    unlink(quiet_log);
    cli->quiet_server = 0;
}

/* ---- the connection ---- */

bool control_connect(struct cli *cli, enum server_part part, struct wire *wire_r)
{
    char path[4096];
    if (!socket_path(cli, part, path, sizeof path)) {
        cli_fail(0, "the path of the control socket is too long: set control.socket");
        return false;
    }
    int fd = try_connect(path);
    if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED)) {
        if (!cli->quiet_server && !start_quiet(cli))
            return false;
        fd = wait_for_quiet(cli, path);
        if (fd < 0)
            return false;
    }
    if (fd < 0) {
        cli_fail(0, "%s: %s%s", path, strerror(errno),
                 errno == EACCES ? "; root and members of control.group may use it" : "");
        return false;
    }
    wire_open(wire_r, fd);
    return true;
}

/* "root", "root for ann" (by sudo), "uid 1007". */
static void name_administrator(char who_r[LIMIT_ADMIN_WHO + 1])
{
    const struct passwd *user = getpwuid(getuid());
    const char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL;
    if (user == NULL)
        snprintf(who_r, LIMIT_ADMIN_WHO + 1, "uid %u", getuid());
    else
        snprintf(who_r, LIMIT_ADMIN_WHO + 1, "%.20s%s%.20s", user->pw_name, sudo ? " for " : "", sudo ? sudo : "");
}

bool control_run(struct cli *cli, struct wire *wire, const char *verb, const char *const *words, size_t count)
{
    struct buffer arguments = {0};
    buffer_append(&arguments, verb, strlen(verb) + 1);
    for (size_t i = 0; i < cli->option_count; i++)
        buffer_append(&arguments, cli->options[i], strlen(cli->options[i]) + 1);
    buffer_append(&arguments, "--", 3);
    for (size_t i = 0; i < count; i++)
        buffer_append(&arguments, words[i], strlen(words[i]) + 1);
    char who[LIMIT_ADMIN_WHO + 1];
    name_administrator(who);
    struct ipc_control_run run = {IPC_VERSION, cli->json, cli->terminal, view_of_string(who), buffer_view(&arguments)};
    wire->id = 1;
    bool sent = wire_send(wire, IPC_CONTROL_RUN, &run, -1);
    buffer_free(&arguments);
    if (!sent)
        cli_fail(0, "the server is gone: %s", wire->error ? wire->error : "no reason known");
    return sent;
}

static void take_output(struct cli *cli, const struct ipc_control_output *output, struct buffer *records,
                        void (*record)(void *ctx, struct view octets), void *ctx)
{
    if (output->stream == 3 && record)
        record(ctx, output->octets);
    else if (output->stream == 3)
        buffer_append_view(records, output->octets);
    else
        fwrite(output->octets.data, 1, output->octets.size, output->stream == 2 ? stderr : stdout);
}

int control_finish(struct cli *cli, struct wire *wire, void (*record)(void *ctx, struct view octets), void *ctx)
{
    struct wire_frame frame;
    struct buffer records = {0};
    int code = EX_UNAVAILABLE;
    bool over = false;
    while (!over) {
        if (!wire_receive(wire, &frame, -1)) {
            cli_fail(0, "the server went away in the middle: %s", wire->error ? wire->error : "it took too long");
            break;
        }
        if (frame.type == IPC_CONTROL_OUTPUT) {
            take_output(cli, (const struct ipc_control_output *)(const void *)frame.body, &records, record, ctx);
        } else if (frame.type == IPC_CONTROL_EXIT) {
            code = (int)((const struct ipc_control_exit *)(const void *)frame.body)->code;
            over = true;
        }
    }
    if (!record)
        show_records(cli, buffer_view(&records), stdout);
    buffer_free(&records);
    return code;
}

int control_do(struct cli *cli, enum server_part part, const char *verb, const char *const *words, size_t count,
               struct view input)
{
    struct wire wire;
    int code = EX_UNAVAILABLE;
    if (!control_connect(cli, part, &wire))
        return code;
    struct ipc_control_input piece = {input};
    bool sent = control_run(cli, &wire, verb, words, count);
    if (sent && input.size)
        sent = wire_send(&wire, IPC_CONTROL_INPUT, &piece, -1) && wire_send(&wire, IPC_CONTROL_INPUT_END, NULL, -1);
    if (sent)
        code = control_finish(cli, &wire, NULL, NULL);
    wire_close(&wire);
    return code;
}

static void collect(void *ctx, struct view octets)
{
    buffer_append_view(ctx, octets);
}

uint64_t control_account(struct cli *cli, const char *user)
{
    struct wire wire;
    struct buffer records = {0}, value = {0};
    uint64_t account = 0;
    size_t options = cli->option_count;
    if (!control_connect(cli, PART_AUTH, &wire))
        return 0;
    cli->option_count = 0;
    bool good =
        control_run(cli, &wire, "user show", &user, 1) && control_finish(cli, &wire, collect, &records) == EX_OK;
    cli->option_count = options;
    wire_close(&wire);
    if (good && (!record_value(buffer_view(&records), "account", &value) ||
                 !view_parse_u64(buffer_view(&value), UINT64_MAX, &account) || !account))
        cli_fail(0, "user %s has no account yet: set the password again to finish it", user);
    buffer_free(&records);
    buffer_free(&value);
    return account;
}
