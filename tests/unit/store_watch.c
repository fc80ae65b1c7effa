/* tests/unit/store_watch.c: watchers hear of their own account alone, and of nothing once they stopped. */
#include "net/loop.h"
#include "store/store.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* As many accounts as watch.c has buckets, and two more: some share one. */
enum { ACCOUNTS = 1026 };

static char folder[64];
static struct store *store;
static struct loop *loop;
static unsigned heard[ACCOUNTS];
static struct watcher watchers[ACCOUNTS], second;
static uint64_t origin_of_next;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static int begin(void **state)
{
    char error[256];
    struct engine_options options = {.path = folder, .create = true, .reserve_octets = 1, .pool_threads = 1};
    snprintf(folder, sizeof folder, "/tmp/waxwing-watch-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(store_open(&options, &store, error, sizeof error), STORE_OK);
    loop = loop_new();
    store_add_loop(store, loop);
    return 0;
}

static int end(void **state)
{
    store_close(&store);
    loop_free(&loop);
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void count_it(struct watcher *watcher, const struct touch *touch)
{
    assert_int_equal(touch->mailbox, 7);
    assert_int_equal(touch->origin, origin_of_next);
    heard[watcher->account]++;
}

static enum store_error touch(struct txn *txn, struct mutation *mutation)
{
    txn_touched(txn, 7, 1);
    return txn_put(txn, VIEW_LITERAL("touched"), VIEW_LITERAL("1"));
}

/* All that was posted by the time the mutation is answered has run when this returns. */
static void touch_account(uint64_t account)
{
    struct mutation mutation = {.account = account, .run = touch, .origin = ++origin_of_next};
    assert_int_equal(engine_mutate_wait(store_engine(store), &mutation), STORE_OK);
    loop_turn(loop, 0);
    loop_turn(loop, 0);
}

static void watch(struct watcher *watcher, uint64_t account)
{
    *watcher = (struct watcher){.account = account, .loop = loop, .changed = count_it};
    store_watch(store, watcher);
}

static void each_hears_of_its_own_account_alone(void **state)
{
    for (uint64_t account = 1; account < ACCOUNTS; account++)
        watch(&watchers[account], account);
    watch(&second, 1);
    touch_account(1);
    touch_account(1025);
    touch_account(1025);
    assert_int_equal(heard[1], 2); /* two watchers */
    assert_int_equal(heard[1025], 2);
    for (unsigned account = 2; account < 1025; account++)
        assert_int_equal(heard[account], 0);
}

static void who_stopped_hears_nothing(void **state)
{
    store_unwatch(store, &watchers[1]);
    store_unwatch(store, &watchers[1]); /* once more is harmless */
    touch_account(1);
    assert_int_equal(heard[1], 3);
    store_unwatch(store, &second);
    touch_account(1);
    assert_int_equal(heard[1], 3);
    touch_account(1025);
    assert_int_equal(heard[1025], 3);
}

static unsigned late;

static void count_late(struct watcher *watcher, const struct touch *touch)
{
    late++;
}

static struct watcher neighbours[4];

static void stop_the_next(struct watcher *watcher, const struct touch *touch)
{
    store_unwatch(store, &neighbours[1]);
    memset(&neighbours[1], 0xff, sizeof neighbours[1]); /* as if its session were freed */
}

/* Told in the order 2, 1, 0, 3: a new watcher is the first. */
static void one_that_goes_while_others_are_told_takes_nobody_along(void **state)
{
    static const unsigned order[] = {3, 0, 1, 2};
    for (unsigned i = 0; i < 4; i++) {
        unsigned n = order[i];
        neighbours[n] = (struct watcher){.account = 5000, .loop = loop, .changed = n == 2 ? stop_the_next : count_late};
        store_watch(store, &neighbours[n]);
    }
    touch_account(5000);
    assert_int_equal(late, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_hears_of_its_own_account_alone),
        cmocka_unit_test(who_stopped_hears_nothing),
        cmocka_unit_test(one_that_goes_while_others_are_told_takes_nobody_along),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
