/* tests/unit/message_address.c: address lists and dates, in good forms and odd ones. */
#include "base/limits.h"
#include "message/address.h"
#include "message/date.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Each address as "name|route|local|domain", "{group" or "}"; "-" for no name. */
static void lists_at_most(size_t max, const char *value, const char *expected)
{
    struct arena arena;
    struct address *list;
    struct buffer out = {0};
    arena_init(&arena, 1 << 24);
    size_t count = address_read(&arena, view_of_string(value), max, &list);
    for (size_t i = 0; i < count; i++) {
        const struct address *a = &list[i];
        buffer_append_string(&out, i ? " / " : "");
        if (a->kind == ADDRESS_GROUP_END)
            buffer_append_char(&out, '}');
        else if (a->kind == ADDRESS_GROUP)
            buffer_printf(&out, "{%.*s", VIEW_PRINTF(a->local));
        else
            buffer_printf(&out, "%.*s|%.*s|%.*s|%.*s", a->has_name ? (int)a->name.size : 1,
                          a->has_name ? a->name.data : "-", VIEW_PRINTF(a->route), VIEW_PRINTF(a->local),
                          VIEW_PRINTF(a->domain));
    }
    buffer_append_char(&out, '\0');
    assert_string_equal(buffer_view(&out).data, expected);
    buffer_free(&out);
    arena_free(&arena);
}

static void lists(const char *value, const char *expected)
{
    lists_at_most(LIMIT_ADDRESSES, value, expected);
}

static void test_addresses_as_they_should_be(void **state)
{
    lists("ann@example.com", "-||ann|example.com");
    lists("Ann Other <ann@example.com>", "Ann Other||ann|example.com");
    lists("\"Other, Ann\" <ann@example.com>, bob@b", "Other, Ann||ann|example.com / -||bob|b");
    lists("<ann@example.com>", "-||ann|example.com");
    lists("=?utf-8?q?=C3=A9?= <a@b>", "=?utf-8?q?=C3=A9?=||a|b");
    lists("", "");
    lists("a@[192.0.2.1]", "-||a|[192.0.2.1]");
}

/* RFC 5322 appendix A.1.3, A.5, A.6.1, A.6.3. */
static void test_the_examples_of_rfc_5322(void **state)
{
    lists("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
          "{A Group / Ed Jones||c|a.test / -||joe|where.test / John||jdoe|one.test / }");
    lists("Undisclosed recipients:;", "{Undisclosed recipients / }");
    lists("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete||pete|silly.test");
    lists(
        "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n         joe@example.org,\r\n"
        "  John <jdoe@one.test> (my dear friend); (the end of the group)",
        "{A Group / Chris Jones||c|public.example / -||joe|example.org / John||jdoe|one.test / }");
    lists("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", "{Hidden recipients / }");
    lists("Joe Q. Public <john.q.public@example.com>", "Joe Q. Public||john.q.public|example.com");
    lists("Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
          "Mary Smith|@node.test|mary|example.net / -||jdoe|test.example");
}

static void test_quoted_local_parts(void **state)
{
    lists("\"a b\"@example.com", "-||a b|example.com");
    lists("\"a\\\"b\"@example.com", "-||a\"b|example.com");
    lists("\"a@b\"@example.com", "-||a@b|example.com");
    lists("<\"\"@example.com>", "-|||example.com");
    lists("a.\"b c\".d@example.com", "-||a.b c.d|example.com");
}

static void test_routes_go_to_their_own_place(void **state)
{
    lists("<@one,@two:ann@example.com>", "-|@one,@two|ann|example.com");
    lists("X <@one , @two: ann@example.com>", "X|@one,@two|ann|example.com");
}

static void test_the_comment_of_old_mail_is_the_name(void **state)
{
    lists("ann@example.com (Ann Other)", "Ann Other||ann|example.com");
    lists("ann@example.com (Ann (the first))", "Ann (the first)||ann|example.com");
    lists("Ann (x) <ann@example.com>", "Ann||ann|example.com");
}

/* Everything that is open at the end ends with the value, and nothing behind it is read. */
static void test_what_is_never_closed_ends_with_the_value(void **state)
{
    lists("Ann <ann@example.com", "Ann||ann|example.com");
    lists("\"Ann <ann@example.com>", "-||Ann <ann@example.com>|");
    lists("ann@example.com (Ann", "Ann||ann|example.com");
    lists("ann@example.com (Ann\\", "Ann\\||ann|example.com");
    lists("\"Ann\\", "-||Ann|");
    lists("Ann\\", "-||Ann|");
    lists("a@[192.0.2.1", "-||a|[192.0.2.1");
    lists("Group: a@b", "{Group / -||a|b / }");
    lists("(", "");
    lists("<", "-|||");
    lists("\"", "");
}

static void test_stray_specials_lose_nobody(void **state)
{
    lists(",,a@b,;,c@d,", "-||a|b / -||c|d");
    lists("> a@b", "-||a|b");
    lists("ann@example.com <ann@example.com>", "ann@example.com||ann|example.com");
    lists("a@b c@d, e@f", "-||a|b / -||e|f");
    lists("ann", "-||ann|");
    lists("Ann <ann>", "Ann||ann|");
    lists("G: H: a@b;, c@d", "{G / -||a|b / } / -||c|d");
}

static void test_a_group_is_closed_even_at_the_limit(void **state)
{
    lists_at_most(2, "a@b, c@d, e@f", "-||a|b / -||c|d");
    lists_at_most(2, "G: a@b, c@d;, e@f", "{G / -||a|b / }");
    lists_at_most(2, "G: a@b;, e@f", "{G / -||a|b / }");
    lists_at_most(1, "G:;, H:;", "{G / }");
}

/* Depth is counted, not descended into; and a megabyte of each of these ends. */
static void test_long_odd_values_are_read_once(void **state)
{
    static const char *const pieces[] = {"(",  ")", "<",  "\"", ",",          "a@", "a@b ",
                                         "<@", ":", "a:", "\\", "a@b <c@d> ", ";",  "a@b\"c"};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct buffer text = {0};
        struct arena arena;
        struct address *list;
        arena_init(&arena, 64 << 20);
        while (buffer_size(&text) < 8 * (size_t)LIMIT_ADDRESS_OCTETS)
            buffer_append_string(&text, pieces[i]);
        assert_true(address_read(&arena, buffer_view(&text), LIMIT_ADDRESSES, &list) <= LIMIT_ADDRESSES + 1);
        buffer_free(&text);
        arena_free(&arena);
    }
}

/* ---- dates ---- */

static void date(const char *value, int64_t utc_s, int zone_minutes)
{
    int64_t found;
    int16_t zone;
    assert_true(date_read(view_of_string(value), &found, &zone));
    assert_int_equal(found, utc_s);
    assert_int_equal(zone, zone_minutes);
}

/* 1795484440 is 2026-11-24 01:40:40 UTC. */
static void test_dates_as_they_should_be(void **state)
{
    date("Tue, 24 Nov 2026 02:40:40 +0100", 1795484440, 60);
    date("Tue, 24 Nov 2026 02:40:40 +0100 (CET)", 1795484440, 60);
    date("24 Nov 2026 01:40:40 +0000", 1795484440, 0);
    date("Mon, 23 Nov 2026 20:10:40 -0530", 1795484440, -330);
    date("Tue, 24 Nov 2026 01:40 GMT", 1795484400, 0);
    date("Thu, 1 Jan 1970 00:00:00 +0000", 0, 0);
    date("Thu, 29 Feb 2024 12:00:00 +0000", 1709208000, 0);
}

static void test_dates_of_old_and_odd_programs(void **state)
{
    date("Tue Nov 24 01:40:40 2026", 1795484440, 0);   /* asctime */
    date("Tue, 24 Nov 26 01:40:40 UT", 1795484440, 0); /* RFC 822 */
    date("Sat, 24 Nov 1990 01:40:40 EST", 659428840, -300);
    date("Tue, 24 Nov 2026 (a comment) 01:40:40 (another) +0000", 1795484440, 0);
    date("Tue,24 Nov 2026 01:40:40 Z", 1795484440, 0);
    date("24-Nov-2026 01:40:40", 1795484440, 0);
    date("2026-11-24T01:40:40Z", 1795484440, 0);
    date("Nov 24, 2026 01:40:40", 1795484440, 0);
    date("Tue, 24 NOV 2026 01:40:60 +0000", 1795484459, 0); /* a leap second */
}

/* RFC 5256 2.2: a time that can't be read is 00:00:00, a zone that can't be is UTC. */
static void test_an_odd_time_or_zone_does_not_lose_the_day(void **state)
{
    date("Tue, 24 Nov 2026", 1795478400, 0);
    date("Tue, 24 Nov 2026 25:99:00 +0000", 1795478400, 0);
    date("Tue, 24 Nov 2026 01:40:40 +9900", 1795484440, 0);
    date("Tue, 24 Nov 2026 01:40:40 XYZ", 1795484440, 0);
}

static void test_what_is_no_date(void **state)
{
    static const char *const bad[] = {"",
                                      "yesterday",
                                      "Tue, 31 Feb 2026 01:00:00 +0000",
                                      "32 Nov 2026",
                                      "Nov",
                                      "24 Foo 2026",
                                      "Tue, 0 Nov 2026",
                                      "(24 Nov 2026)",
                                      "2026",
                                      "24 Nov",
                                      "29 Feb 2023 00:00 +0000",
                                      "24 Nov 20261"};
    int64_t utc_s;
    int16_t zone;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(date_read(view_of_string(bad[i]), &utc_s, &zone));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_as_they_should_be),
        cmocka_unit_test(test_the_examples_of_rfc_5322),
        cmocka_unit_test(test_quoted_local_parts),
        cmocka_unit_test(test_routes_go_to_their_own_place),
        cmocka_unit_test(test_the_comment_of_old_mail_is_the_name),
        cmocka_unit_test(test_what_is_never_closed_ends_with_the_value),
        cmocka_unit_test(test_stray_specials_lose_nobody),
        cmocka_unit_test(test_a_group_is_closed_even_at_the_limit),
        cmocka_unit_test(test_long_odd_values_are_read_once),
        cmocka_unit_test(test_dates_as_they_should_be),
        cmocka_unit_test(test_dates_of_old_and_odd_programs),
        cmocka_unit_test(test_an_odd_time_or_zone_does_not_lose_the_day),
        cmocka_unit_test(test_what_is_no_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
