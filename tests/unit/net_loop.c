/* tests/unit/net_loop.c: net/loop.h */
#include "base/clock.h"
#include "net/loop.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
/* after stdarg and setjmp */
#include <cmocka.h>

static struct loop *loop;

static int setup(void **state)
{
    loop = loop_new();
    return 0;
}

static int teardown(void **state)
{
    loop_free(&loop);
    assert_null(loop);
    return 0;
}

enum { POSTERS = 4, POSTS = 5000 };
struct numbered {
    struct task task;
    int poster, number;
};
static int last_number[POSTERS], ran;
static struct numbered posted[POSTERS][POSTS];

static void run_numbered(struct task *task)
{
    struct numbered *n = (struct numbered *)task;
    assert_int_equal(n->number, last_number[n->poster] + 1);
    last_number[n->poster] = n->number;
    assert_true(loop_is_mine(loop));
    if (++ran == POSTERS * POSTS)
        loop_stop(loop);
}

static void *post_many(void *number)
{
    int poster = (int)(intptr_t)number;
    for (int i = 0; i < POSTS; i++) {
        posted[poster][i] = (struct numbered){.task.run = run_numbered, .poster = poster, .number = i + 1};
        loop_post(loop, &posted[poster][i].task);
    }
    return NULL;
}

static void tasks_of_other_threads_run_here_in_their_order(void **state)
{
    pthread_t threads[POSTERS];
    for (intptr_t i = 0; i < POSTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_many, (void *)i), 0);
    loop_run(loop);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(ran, POSTERS * POSTS);
}

struct again {
    struct task task;
    int left;
};
static int ready_count;

static void run_again(struct task *task)
{
    struct again *again = (struct again *)task;
    if (again->left--)
        loop_post(loop, task);
}

static void count_ready(void *ctx, unsigned what)
{
    char c;
    assert_int_equal(what, WATCH_READ);
    assert_int_equal(read(*(int *)ctx, &c, 1), 1);
    ready_count++;
}

static void a_task_that_posts_itself_does_not_starve_descriptors(void **state)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct watch *watch = watch_new(loop, pair[0], count_ready, &pair[0]);
    struct again again = {.task.run = run_again, .left = 1000};
    watch_want(watch, WATCH_READ);
    loop_post(loop, &again.task);
    assert_int_equal(write(pair[1], "abc", 3), 3);
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 100);
    assert_int_equal(ready_count, 3);
    assert_true(again.left > 900);
    while (again.left >= 0)
        loop_turn(loop, 0);
    watch_free(&watch);
    close(pair[0]);
    close(pair[1]);
}

static unsigned seen;
static struct watch *self;

static void see_and_go(void *ctx, unsigned what)
{
    seen |= what;
    watch_free(&self);
}

static void a_watch_tells_what_is_wanted_only_and_may_free_itself(void **state)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    self = watch_new(loop, pair[0], see_and_go, NULL);
    assert_int_equal(write(pair[1], "x", 1), 1);
    loop_turn(loop, 5);
    assert_int_equal(seen, 0);
    watch_want(self, WATCH_READ);
    watch_want(self, 0);
    loop_turn(loop, 5);
    assert_int_equal(seen, 0);
    watch_want(self, WATCH_READ | WATCH_WRITE);
    loop_turn(loop, 100);
    assert_int_equal(seen, WATCH_READ | WATCH_WRITE);
    assert_null(self);
    loop_turn(loop, 5);
    close(pair[0]);
    close(pair[1]);
}

static uint64_t fired_at;

static void note_time(void *ctx)
{
    fired_at = clock_monotonic_ms();
    ++*(int *)ctx;
}

static void a_timer_fires_once_and_setting_it_again_moves_it(void **state)
{
    int count = 0;
    struct timer *timer = timer_new(loop, note_time, &count);
    uint64_t started = clock_monotonic_ms();
    timer_set(timer, 20);
    timer_set(timer, 60);
    while (!count)
        loop_turn(loop, 200);
    assert_true(fired_at - started >= 50);
    loop_turn(loop, 80);
    assert_int_equal(count, 1);
    timer_set(timer, 10);
    timer_stop(timer);
    loop_turn(loop, 30);
    assert_int_equal(count, 1);
    timer_set(timer, 0);
    loop_turn(loop, 100);
    assert_int_equal(count, 2);
    timer_free(&timer);
    assert_null(timer);
}

static void stop_before_run_is_not_lost(void **state)
{
    loop_stop(loop);
    loop_run(loop);
    assert_true(loop_is_mine(loop));
}

int main(void)
{
#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_LOOP(tasks_of_other_threads_run_here_in_their_order),
        WITH_LOOP(a_task_that_posts_itself_does_not_starve_descriptors),
        WITH_LOOP(a_watch_tells_what_is_wanted_only_and_may_free_itself),
        WITH_LOOP(a_timer_fires_once_and_setting_it_again_moves_it),
        WITH_LOOP(stop_before_run_is_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
