/* tests/unit/base_keep.c: what is kept, for how long, and that nothing goes that somebody holds. */
#include "base/keep.h"
#include "base/limits.h"
#include "base/memory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after stdarg and setjmp */
#include <cmocka.h>

struct number {
    struct kept kept;
    unsigned number;
};
static unsigned alive;

static void free_number(struct kept *kept)
{
    alive--;
    free(kept);
}

static struct view key_of(unsigned number)
{
    static char text[16];
    snprintf(text, sizeof text, "key %u", number);
    return view_of_string(text);
}

static void put(struct keep *keep, unsigned key, unsigned value, size_t octets)
{
    struct number *n = NEW(struct number);
    alive++;
    n->number = value;
    kept_init(&n->kept, octets, free_number);
    keep_put(keep, key_of(key), &n->kept);
    kept_unref(&n->kept);
}

/* UINT_MAX: it isn't there. */
static unsigned get(struct keep *keep, unsigned key)
{
    struct kept *value = keep_take(keep, key_of(key));
    unsigned number = value ? ((struct number *)(void *)value)->number : UINT32_MAX;
    kept_unref(value);
    return number;
}

static void test_what_is_put_is_found_until_it_is_replaced(void **state)
{
    struct keep *keep = keep_new(1000);
    assert_int_equal(get(keep, 1), UINT32_MAX);
    put(keep, 1, 10, 100);
    put(keep, 2, 20, 100);
    assert_int_equal(get(keep, 1), 10);
    assert_int_equal(get(keep, 2), 20);
    put(keep, 1, 11, 200);
    assert_int_equal(get(keep, 1), 11);
    assert_int_equal(keep_octets(keep), 300);
    assert_int_equal(alive, 2);
    keep_free(&keep);
    assert_int_equal(alive, 0);
}

static void test_the_one_asked_for_longest_ago_goes_first(void **state)
{
    struct keep *keep = keep_new(1000);
    for (unsigned i = 0; i < 4; i++)
        put(keep, i, i, 250);
    get(keep, 0);
    put(keep, 4, 4, 500);
    assert_int_equal(get(keep, 0), 0);
    assert_int_equal(get(keep, 1), UINT32_MAX);
    assert_int_equal(get(keep, 2), UINT32_MAX);
    assert_int_equal(get(keep, 3), 3);
    assert_int_equal(get(keep, 4), 4);
    assert_int_equal(keep_octets(keep), 1000);
    put(keep, 5, 5, 1001); /* never fits: nothing goes for it */
    assert_int_equal(get(keep, 5), UINT32_MAX);
    assert_int_equal(keep_octets(keep), 1000);
    keep_free(&keep);
    assert_int_equal(alive, 0);
}

static void test_there_are_only_so_many(void **state)
{
    struct keep *keep = keep_new(SIZE_MAX / 2);
    for (unsigned i = 0; i <= LIMIT_KEEP_ENTRIES; i++)
        put(keep, i, i, 1);
    assert_int_equal(get(keep, 0), UINT32_MAX);
    assert_int_equal(get(keep, 1), 1);
    assert_int_equal(get(keep, LIMIT_KEEP_ENTRIES), LIMIT_KEEP_ENTRIES);
    assert_int_equal(keep_octets(keep), LIMIT_KEEP_ENTRIES);
    keep_free(&keep);
    assert_int_equal(alive, 0);
}

static void test_what_is_held_outlives_its_place(void **state)
{
    struct keep *keep = keep_new(1000);
    put(keep, 1, 10, 1000);
    struct kept *held = keep_take(keep, key_of(1));
    put(keep, 2, 20, 1000);
    assert_int_equal(get(keep, 1), UINT32_MAX);
    assert_int_equal(((struct number *)(void *)held)->number, 10);
    keep_free(&keep);
    assert_int_equal(alive, 1);
    kept_unref(held);
    assert_int_equal(alive, 0);
}

static void test_a_key_that_is_too_long_is_not_kept(void **state)
{
    char key[KEEP_KEY_OCTETS + 1] = {0};
    struct keep *keep = keep_new(1000);
    struct number *n = NEW(struct number);
    alive++;
    kept_init(&n->kept, 1, free_number);
    keep_put(keep, view_of(key, sizeof key), &n->kept);
    assert_null(keep_take(keep, view_of(key, sizeof key)));
    keep_put(keep, view_of(key, KEEP_KEY_OCTETS), &n->kept);
    kept_unref(&n->kept);
    struct kept *found = keep_take(keep, view_of(key, KEEP_KEY_OCTETS));
    assert_non_null(found);
    kept_unref(found);
    keep_free(&keep);
    assert_int_equal(alive, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_put_is_found_until_it_is_replaced),
        cmocka_unit_test(test_the_one_asked_for_longest_ago_goes_first),
        cmocka_unit_test(test_there_are_only_so_many),
        cmocka_unit_test(test_what_is_held_outlives_its_place),
        cmocka_unit_test(test_a_key_that_is_too_long_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
