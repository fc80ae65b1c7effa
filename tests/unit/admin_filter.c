/* tests/unit/admin_filter.c: times, protocols and UIDs as a person writes them. */
#include "admin/filter.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { NOW = 1764115200 }; /* 2025-11-26 00:00:00 UTC */

static void times_are_dates_moments_or_how_long_ago(void **state)
{
    static const struct {
        const char *text;
        int64_t wanted; /* -1: none */
    } rows[] = {
        {"2025-11-26", NOW},
        {"2025-11-25", NOW - 86400},
        {"2025-11-25T12:30", NOW - 41400},
        {"2025-11-25 12:30", NOW - 41400},
        {"2025-11-25T12:30:05", NOW - 41395},
        {"3d", NOW - 3 * 86400},
        {"12h", NOW - 43200},
        {"30m", NOW - 1800},
        {"90s", NOW - 90},
        {"0d", NOW},
        {"", -1},
        {"d", -1},
        {"-3d", -1},
        {"3 d", -1},
        {"3w", -1},
        {"2025-13-01", -1},
        {"2025-02-30", -1},
        {"2025-11", -1},
        {"2025-11-26-1", -1},
        {"2025-11-26T", NOW},
        {"2025-11-26T25:00", -1},
        {"2025-11-26T10:00:00:00", -1},
        {"yesterday", -1},
        {"99999999999999999999d", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t got = 0;
        bool good = filter_time_read(view_of_string(rows[i].text), NOW, &got);
        if (good != (rows[i].wanted >= 0) || (good && got != rows[i].wanted))
            fail_msg("\"%s\": %d %lld", rows[i].text, good, (long long)got);
    }
}

static void protocols_have_names(void **state)
{
    uint8_t by;
    assert_true(filter_by_read(VIEW_LITERAL("POP"), &by));
    assert_int_equal(by, REMOVED_BY_POP3);
    assert_true(filter_by_read(VIEW_LITERAL("pop3"), &by));
    assert_int_equal(by, REMOVED_BY_POP3);
    assert_true(filter_by_read(VIEW_LITERAL("Imap"), &by));
    assert_int_equal(by, REMOVED_BY_IMAP);
    assert_false(filter_by_read(VIEW_LITERAL("smtp"), &by));
    assert_false(filter_by_read(VIEW_EMPTY, &by));
    assert_string_equal(filter_by_name(REMOVED_BY_POP3), "pop3");
    assert_string_equal(filter_by_name(0), "");
}

static void uids_are_numbers_and_ranges(void **state)
{
    static const char *const bad[] = {"", "0", "x", "3:", ":3", "7:3", "1,,2", "4294967296", "1:2:3", "-1", "*"};
    struct uidset *uids = uidset_new();
    struct buffer text = {0};
    assert_true(filter_uids_read(VIEW_LITERAL("9,3:5,4294967295"), uids));
    uidset_write(uids, &text);
    assert_true(view_equal_string(buffer_view(&text), "3:5,9,4294967295"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (filter_uids_read(view_of_string(bad[i]), uids))
            fail_msg("\"%s\"", bad[i]);
    buffer_free(&text);
    uidset_unref(&uids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_dates_moments_or_how_long_ago),
        cmocka_unit_test(protocols_have_names),
        cmocka_unit_test(uids_are_numbers_and_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
