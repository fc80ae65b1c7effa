/* tests/unit/base_log.c: base/log.h */
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
/* after stdarg and setjmp */
#include <cmocka.h>

static int reading;

static int open_pipe(void **state)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC))
        return -1;
    reading = pair[0];
    fcntl(reading, F_SETFL, O_NONBLOCK);
    log_open(pair[1], "test", LOG_INFO);
    *state = (void *)(intptr_t)pair[1];
    return 0;
}

static int close_pipe(void **state)
{
    close(reading);
    close((int)(intptr_t)*state);
    return 0;
}

static const char *next(void)
{
    static char text[8192];
    ssize_t got = read(reading, text, sizeof text - 1);
    text[got > 0 ? got : 0] = 0;
    return text;
}

static void a_line_begins_with_priority_and_event_and_nothing_stands_between(void **state)
{
    log_event(LOG_INFO, "login.fail", "proto=%s rip=%s", "imap", "192.0.2.7");
    assert_string_equal(next(), "<6>event=login.fail proto=imap rip=192.0.2.7\n");
    log_event(LOG_ERROR, "bare", "%s", "");
    assert_string_equal(next(), "<3>event=bare\n");
}

static void what_is_below_the_level_is_not_written(void **state)
{
    log_event(LOG_DEBUG, "quiet", "x=%d", 1);
    assert_string_equal(next(), "");
}

static void no_value_makes_a_second_line(void **state)
{
    log_event(LOG_INFO, "e", "user=%s", "a\nevent=login.ok\x7f\x1b[2J");
    assert_string_equal(next(), "<6>event=e user=a?event=login.ok??[2J\n");
}

static void values_are_escaped_and_cut_whole(void **state)
{
    char out[16];
    assert_string_equal(log_value(view_of("a b", 3), out, sizeof out), "a\\x20b");
    assert_string_equal(log_value(view_of("\0\\\xc3", 3), out, sizeof out), "\\x00\\x5c\\xc3");
    assert_string_equal(log_value(view_of_string("rip=123\r\n"), out, sizeof out), "rip=123\\x0d");
    assert_string_equal(log_value(view_of_string("0123456789abcdefgh"), out, sizeof out), "0123456789a");
    assert_string_equal(log_value(VIEW_EMPTY, out, sizeof out), "");
    char one[1] = {'x'};
    assert_string_equal(log_value(view_of_string("abc"), one, 1), "");
}

static void long_lines_are_cut_and_still_end(void **state)
{
    char huge[5000];
    memset(huge, 'h', sizeof huge);
    huge[sizeof huge - 1] = 0;
    log_event(LOG_INFO, "e", "text=%s", huge);
    const char *line = next();
    size_t size = strlen(line);
    assert_true(size <= 2048 && size > 2000);
    assert_int_equal(line[size - 1], '\n');
    assert_int_equal(line[size - 2], 'h');
}

static void a_full_pipe_drops_and_counts_and_does_not_wait(void **state)
{
    uint64_t before = log_dropped();
    errno = 77;
    for (int i = 0; i < 5000; i++)
        log_event(LOG_INFO, "flood", "number=%d of=a-lot-of-lines-that-nobody-reads", i);
    assert_true(log_dropped() > before);
    assert_int_equal(errno, 77);
    /* What did get through is whole lines. */
    char all[70000];
    ssize_t got;
    size_t lines = 0;
    while ((got = read(reading, all, sizeof all)) > 0)
        for (ssize_t i = 0; i < got; i++)
            lines += all[i] == '\n';
    assert_int_equal(lines + (log_dropped() - before), 5000);
}

int main(void)
{
#define IN_PIPE(test) cmocka_unit_test_setup_teardown(test, open_pipe, close_pipe)
    const struct CMUnitTest tests[] = {
        IN_PIPE(a_line_begins_with_priority_and_event_and_nothing_stands_between),
        IN_PIPE(what_is_below_the_level_is_not_written),
        IN_PIPE(no_value_makes_a_second_line),
        IN_PIPE(values_are_escaped_and_cut_whole),
        IN_PIPE(long_lines_are_cut_and_still_end),
        IN_PIPE(a_full_pipe_drops_and_counts_and_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
