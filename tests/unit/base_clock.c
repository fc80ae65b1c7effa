/* tests/unit/base_clock.c: base/clock.h; expected seconds from `date -u -d ... +%s`. */
#include "base/clock.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after stdarg and setjmp */
#include <cmocka.h>

static const struct {
    struct civil_time civil;
    int64_t seconds;
} known[] = {
    {{1970, 1, 1, 0, 0, 0, 0}, 0},
    {{1969, 12, 31, 23, 59, 59, 0}, -1},
    {{2000, 2, 29, 12, 0, 0, 0}, 951825600},
    {{2000, 3, 1, 0, 0, 0, 0}, 951868800},
    {{1900, 3, 1, 0, 0, 0, 0}, -2203891200},
    {{2026, 11, 24, 2, 8, 59, 0}, 1795486139},
    {{2026, 11, 24, 3, 8, 59, 60}, 1795486139},
    {{2026, 11, 23, 20, 38, 59, -330}, 1795486139},
    {{2038, 1, 19, 3, 14, 8, 0}, 2147483648},
    {{9999, 12, 31, 23, 59, 59, 0}, 253402300799},
};

static void known_dates_convert_both_ways(void **state)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int64_t seconds = 42;
        struct civil_time back, want = known[i].civil;
        assert_true(civil_to_seconds(&want, &seconds));
        assert_int_equal(seconds, known[i].seconds);
        civil_from_seconds(seconds, want.zone_minutes, &back);
        assert_int_equal(back.year, want.year);
        assert_int_equal(back.month, want.month);
        assert_int_equal(back.day, want.day);
        assert_int_equal(back.hour, want.hour);
        assert_int_equal(back.minute, want.minute);
        assert_int_equal(back.second, want.second);
        assert_int_equal(back.zone_minutes, want.zone_minutes);
    }
}

static void every_day_of_eight_centuries_follows_the_one_before(void **state)
{
    struct civil_time before;
    civil_from_seconds(-11676096000, 0, &before); /* 1600-01-01 */
    assert_int_equal(before.year, 1600);
    assert_int_equal(before.day, 1);
    for (int64_t day = 1; day < 365LL * 800; day++) {
        struct civil_time now;
        civil_from_seconds(-11676096000 + day * 86400, 0, &now);
        int64_t seconds;
        assert_true(civil_to_seconds(&now, &seconds));
        assert_int_equal(seconds, -11676096000 + day * 86400);
        if (now.day == 1)
            assert_true(now.month == before.month % 12 + 1 && before.day >= 28);
        else
            assert_true(now.day == before.day + 1 && now.month == before.month);
        before = now;
    }
}

static void impossible_fields_are_refused(void **state)
{
    static const struct civil_time bad[] = {
        {2026, 0, 1},
        {2026, 13, 1},
        {2026, 1, 0},
        {2026, 1, 32},
        {2026, 4, 31},
        {2026, 2, 29},
        {1900, 2, 29},
        {2026, 1, 1, 24},
        {2026, 1, 1, 0, 60},
        {2026, 1, 1, 0, 0, 61},
        {10000, 1, 1},
        {-1, 1, 1},
        {2026, 1, 1, 0, 0, 0, 1441},
        {2026, 1, 1, 0, 0, 0, -1441},
    };
    int64_t seconds = 42;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(civil_to_seconds(&bad[i], &seconds));
    assert_int_equal(seconds, 42);
    struct civil_time leap_second = {2016, 12, 31, 23, 59, 60, 0};
    assert_true(civil_to_seconds(&leap_second, &seconds));
}

static void months_have_names(void **state)
{
    assert_string_equal(civil_month_name(1), "Jan");
    assert_string_equal(civil_month_name(12), "Dec");
    assert_string_equal(civil_month_name(0), "");
    assert_string_equal(civil_month_name(13), "");
    assert_int_equal(civil_month_number("mAY"), 5);
    assert_int_equal(civil_month_number("Dec"), 12);
    assert_int_equal(civil_month_number("anF"), 0);
    assert_int_equal(civil_month_number("xyz"), 0);
}

static void the_monotonic_clock_does_not_go_back(void **state)
{
    uint64_t before = clock_monotonic_us();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_monotonic_us();
        assert_true(now >= before);
        before = now;
    }
    assert_true(clock_wall_s() > 1700000000);
}

static void waiting_ends(void **state)
{
    unsigned turns = 0, waited = 0;
    uint64_t before = clock_monotonic_ms();
    errno = EADDRINUSE;
    while (clock_wait_turn(&turns, 120))
        assert_true(++waited < 10);
    assert_int_equal(waited, 2);
    assert_true(clock_monotonic_ms() - before >= 100);
    assert_int_equal(errno, EADDRINUSE);
    assert_false(clock_wait_turn(&turns, 120));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_dates_convert_both_ways),
        cmocka_unit_test(every_day_of_eight_centuries_follows_the_one_before),
        cmocka_unit_test(impossible_fields_are_refused),
        cmocka_unit_test(months_have_names),
        cmocka_unit_test(the_monotonic_clock_does_not_go_back),
        cmocka_unit_test(waiting_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
