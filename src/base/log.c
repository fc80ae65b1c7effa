/* base/log.c: see base/log.h. */
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

enum { LOG_LINE_MAX = 2048 };

static int log_fd = STDERR_FILENO;
static enum log_level log_most = LOG_INFO;
static _Atomic uint64_t dropped;

void log_open(int fd, const char *process_name, enum log_level most)
{
    /* The supervisor's prefix tells the processes apart; nothing may stand between the event and its keys (fail2ban).
     */
    (void)process_name;
    log_fd = fd;
    log_most = most;
    /* A reader that is stuck must not stop us. Not for stderr: that description is shared with whoever started us. */
    int flags = fcntl(fd, F_GETFL);
    if (fd > STDERR_FILENO && flags >= 0 && !(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Whole or not at all: a pipe takes up to PIPE_BUF octets in one piece. */
static void write_line(const char *line, size_t size)
{
    int before = errno; /* callers log and then look at errno */
    ssize_t done;
    do
        done = write(log_fd, line, size);
    while (done < 0 && errno == EINTR);
    if (done != (ssize_t)size)
        atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
    errno = before;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
    if (level > log_most)
        return;
    char line[LOG_LINE_MAX];
    int size = snprintf(line, sizeof line - 1, "<%d>event=%s ", (int)level, event);
    if (size < 0 || (size_t)size > sizeof line / 2)
        return;
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(line + size, sizeof line - 1 - (size_t)size, format, arguments);
    va_end(arguments);
    size_t end = (size_t)size + (more > 0 ? (size_t)more : 0);
    if (end > sizeof line - 2)
        end = sizeof line - 2;
    if (line[end - 1] == ' ')
        end--;
    for (size_t i = 0; i < end; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 127)
            line[i] = '?';
    line[end++] = '\n';
    write_line(line, end);
}

const char *log_value(struct view v, char *out, size_t size)
{
    size_t at = 0;
    if (!size)
        return out;
    for (size_t i = 0; i < v.size && at + 5 < size; i++) {
        unsigned char c = (unsigned char)v.data[i];
        if (c > ' ' && c < 127 && c != '\\')
            out[at++] = (char)c;
        else
            at += (size_t)snprintf(out + at, 5, "\\x%02x", c);
    }
    out[at] = 0;
    return out;
}

uint64_t log_dropped(void)
{
    return atomic_load(&dropped);
}
