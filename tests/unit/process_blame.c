/* Whose command crashed mail, and how long it is refused. */
#include "process/blame.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct blame blame;
static int forget(void **state)
{
    memset(&blame, 0, sizeof blame);
    return 0;
}

static uint32_t refused(uint64_t account, uint64_t now_ms)
{
    for (size_t i = 0; i < BLAME_ACCOUNTS; i++)
        if (blame.rows[i].account == account)
            return blame_refused_s(&blame.rows[i], now_ms);
    return 0;
}

static bool crash(uint64_t account, uint64_t now_ms)
{
    struct nowslot slots[4] = {{0}};
    slots[2].account = account;
    return blame_crash(&blame, slots, 4, now_ms);
}

static void test_one_crash_refuses_nobody(void **state)
{
    assert_true(crash(7, 1000));
    assert_int_equal(refused(7, 1000), 0);
}

static void test_a_second_crash_within_ten_minutes_refuses_for_a_minute(void **state)
{
    crash(7, 1000);
    crash(7, 1000 + 600 * 1000);
    assert_int_equal(refused(7, 1000 + 600 * 1000), 60);
    assert_int_equal(refused(7, 1000 + 659 * 1000), 1);
    assert_int_equal(refused(7, 1000 + 660 * 1000), 0);
}

static void test_a_second_crash_after_ten_minutes_counts_as_the_first(void **state)
{
    crash(7, 1000);
    crash(7, 1001 + 600 * 1000);
    assert_int_equal(refused(7, 1001 + 600 * 1000), 0);
}

static void test_the_time_grows_to_five_and_fifteen_minutes_and_no_further(void **state)
{
    uint64_t now = 1000;
    static const uint32_t wanted[] = {0, 60, 300, 900, 900};
    for (size_t i = 0; i < 5; i++) {
        crash(7, now);
        assert_int_equal(refused(7, now), wanted[i]);
        now += 300 * 1000;
    }
}

static void test_an_account_in_two_slots_of_one_crash_was_named_once(void **state)
{
    struct nowslot slots[3] = {{0}};
    slots[0].account = slots[1].account = 7;
    slots[2].account = 8;
    assert_true(blame_crash(&blame, slots, 3, 1000));
    assert_int_equal(refused(7, 1000), 0);
    assert_true(blame_crash(&blame, slots, 3, 2000));
    assert_int_equal(refused(7, 2000), 60);
    assert_int_equal(refused(8, 2000), 60);
}

static void test_a_crash_of_nobody_is_not_attributed(void **state)
{
    assert_false(crash(0, 1000));
}

static void test_a_full_table_forgets_the_oldest(void **state)
{
    for (uint64_t a = 1; a <= BLAME_ACCOUNTS + 1; a++)
        crash(a, 1000 + a);
    crash(1, 5000); /* was forgotten: the first again */
    assert_int_equal(refused(1, 5000), 0);
    crash(BLAME_ACCOUNTS + 1, 6000);
    assert_int_equal(refused(BLAME_ACCOUNTS + 1, 6000), 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_one_crash_refuses_nobody, forget),
        cmocka_unit_test_setup(test_a_second_crash_within_ten_minutes_refuses_for_a_minute, forget),
        cmocka_unit_test_setup(test_a_second_crash_after_ten_minutes_counts_as_the_first, forget),
        cmocka_unit_test_setup(test_the_time_grows_to_five_and_fifteen_minutes_and_no_further, forget),
        cmocka_unit_test_setup(test_an_account_in_two_slots_of_one_crash_was_named_once, forget),
        cmocka_unit_test_setup(test_a_crash_of_nobody_is_not_attributed, forget),
        cmocka_unit_test_setup(test_a_full_table_forgets_the_oldest, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
