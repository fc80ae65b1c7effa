/* process/lines.c: copies log lines, parses nothing but the line end and the priority that every line begins with. */
#include "base/clock.h"
#include "process/supervisor.h"
#include <errno.h>
#include <unistd.h>

enum { LINE_LONGEST = 8192 };

/* "<6>" is for the journal alone; other logs get the time instead. */
static void print_line(pid_t pid, struct view line)
{
    static int journal = -1;
    char stamp[64] = "";
    struct view priority = VIEW_EMPTY;
    if (journal < 0)
        journal = getenv("JOURNAL_STREAM") != NULL;
    if (line.size >= 3 && line.data[0] == '<' && line.data[2] == '>') {
        priority = view_slice(line, 0, journal ? 3 : 0);
        line = view_skip(line, 3);
    }
    if (!journal) {
        struct civil_time t;
        int64_t now_us = clock_wall_us();
        civil_from_seconds(now_us / 1000000, 0, &t);
        snprintf(stamp, sizeof stamp, "%04d-%02u-%02uT%02u:%02u:%02u.%03uZ ", t.year, t.month, t.day, t.hour, t.minute,
                 t.second, (unsigned)(now_us / 1000 % 1000));
    }
    dprintf(2, "%.*s%swaxwing[%d]: %.*s\n", VIEW_PRINTF(priority), stamp, pid, VIEW_PRINTF(line));
}

static void print_whole_lines(struct lines *lines, bool rest_too)
{
    for (;;) {
        struct view v = buffer_view(&lines->buffer);
        size_t end = view_find(v, '\n', 0);
        if (end == SIZE_MAX && (v.size >= LINE_LONGEST || (rest_too && v.size)))
            end = v.size;
        if (end == SIZE_MAX)
            return;
        print_line(lines->pid, view_slice(v, 0, end));
        buffer_consume(&lines->buffer, end < v.size ? end + 1 : end);
    }
}

static bool read_some(struct lines *lines)
{
    char *room = buffer_reserve(&lines->buffer, 4096);
    ssize_t got = room ? read(lines->fd, room, 4096) : -1;
    if (got <= 0)
        return false;
    buffer_commit(&lines->buffer, (size_t)got);
    print_whole_lines(lines, false);
    return true;
}

static void fires(void *ctx, unsigned what)
{
    struct lines *lines = ctx;
    if (!read_some(lines) && errno != EAGAIN && errno != EINTR)
        watch_want(lines->watch, 0);
}

void lines_open(struct lines *lines, struct loop *loop, int fd, pid_t pid)
{
    *lines = (struct lines){.fd = fd, .pid = pid};
    buffer_init(&lines->buffer, (size_t)4 * LINE_LONGEST);
    lines->watch = watch_new(loop, fd, fires, lines);
    watch_want(lines->watch, WATCH_READ);
}

void lines_close(struct lines *lines)
{
    if (!lines->watch)
        return;
    /* Bounded: a sibling that inherited nothing can't refill it, but a peer of the pipe that lives on could. */
    for (int i = 0; i < 64 && read_some(lines); i++)
        ;
    print_whole_lines(lines, true);
    watch_free(&lines->watch);
    close(lines->fd);
    buffer_free(&lines->buffer);
}
