/* tests/unit/net_stream.c: back-pressure: what a step may send itself, and what it may not. */
#include "base/limits.h"
#include "base/memory.h"
#include "net/stream.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
/* after stdarg and setjmp */
#include <cmocka.h>

enum { LINE = 64 };

static struct loop *loop;
static struct stream *stream;
static int peer;
static uint32_t written, seen;
static unsigned told[STREAM_CLOSED + 1];

static void on_event(void *ctx, struct stream *s, enum stream_event event)
{
    told[event]++;
}

static int begin(void **state)
{
    int ends[2];
    loop = loop_new();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    stream = stream_new(loop, ends[0], on_event, NULL);
    peer = ends[1];
    written = seen = 0;
    memset(told, 0, sizeof told);
    return 0;
}

static int end(void **state)
{
    stream_free(&stream);
    loop_turn(loop, 0); /* the flush that it had posted frees the rest */
    loop_free(&loop);
    close(peer);
    return 0;
}

static void fill(void)
{
    while (!stream_is_full(stream))
        stream_printf(stream, "%0*u\n", LINE - 1, written++);
}

/* Each line that has come is the next one. */
static void read_lines(size_t lines)
{
    char line[LINE + 1] = {0};
    for (size_t i = 0; i < lines; i++) {
        if (recv(peer, line, LINE, MSG_WAITALL | (lines == SIZE_MAX ? MSG_DONTWAIT : 0)) != LINE)
            return;
        assert_int_equal(strtoul(line, NULL, 10), seen++);
    }
}

static void test_a_step_sends_what_the_socket_takes_and_goes_on(void **state)
{
    assert_true(stream_make_room(stream));
    unsigned rounds = 0;
    for (fill(); stream_make_room(stream) && rounds < 1000; fill(), rounds++)
        read_lines(LIMIT_STREAM_OUTPUT / LINE);
    assert_int_equal(rounds, 1000);
    for (unsigned event = 0; event <= STREAM_CLOSED; event++)
        assert_int_equal(told[event], 0);
}

static void test_a_peer_that_does_not_read_stops_it_and_loses_nothing(void **state)
{
    unsigned rounds = 0;
    for (fill(); stream_make_room(stream); fill())
        assert_true(++rounds < 1000);
    assert_true(stream_is_full(stream));
    while (seen < written) {
        read_lines(SIZE_MAX);
        loop_turn(loop, 10);
    }
    assert_true(told[STREAM_DRAINED] > 0);
    assert_int_equal(told[STREAM_BROKEN], 0);
}

static void test_what_is_lent_is_only_looked_at(void **state)
{
    fill();
    stream_lend(stream);
    assert_false(stream_make_room(stream));
    read_lines(SIZE_MAX);
    assert_int_equal(seen, 0);
    stream_take_back(stream);
    assert_true(stream_make_room(stream));
}

/* The step still holds its session: the end is told on the loop. */
static void test_a_broken_peer_is_told_of_later(void **state)
{
    fill();
    shutdown(peer, SHUT_RDWR);
    assert_false(stream_make_room(stream));
    assert_int_equal(told[STREAM_BROKEN], 0);
    for (unsigned turn = 0; turn < 10 && !told[STREAM_BROKEN]; turn++)
        loop_turn(loop, 10);
    assert_int_equal(told[STREAM_BROKEN], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_step_sends_what_the_socket_takes_and_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(test_a_peer_that_does_not_read_stops_it_and_loses_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_lent_is_only_looked_at, begin, end),
        cmocka_unit_test_setup_teardown(test_a_broken_peer_is_told_of_later, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
