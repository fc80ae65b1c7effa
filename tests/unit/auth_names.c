/* tests/unit/auth_names.c: user names in the form in which they are compared; addresses in their parts. */
#include "auth/names.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void canonical(struct view name, const char *expected)
{
    char out[NAME_SIZE];
    assert_int_equal(name_canonical(name, out), expected != NULL);
    if (expected)
        assert_string_equal(out, expected);
}

static void test_names_that_are_one(void **state)
{
    canonical(VIEW_LITERAL("Ann@Example.COM"), "ann@example.com");
    canonical(VIEW_LITERAL("\xc3\x89mile"), "\xc3\xa9mile");
    canonical(VIEW_LITERAL("E\xcc\x81mile"), "\xc3\xa9mile");
    canonical(VIEW_LITERAL("\xef\xbc\xa1nn"), "ann"); /* full width */
    canonical(VIEW_LITERAL("stra\xc3\x9f"
                           "e"),
              "strasse");
}

static void test_what_is_no_name(void **state)
{
    canonical(VIEW_EMPTY, NULL);
    canonical(VIEW_LITERAL("a\0b"), NULL);
    canonical(VIEW_LITERAL("a\nb"), NULL);
    canonical(VIEW_LITERAL("a\xff"), NULL);
    char text[LIMIT_USER_OCTETS + 1];
    memset(text, 'x', sizeof text);
    char out[NAME_SIZE];
    assert_true(name_canonical(view_of(text, LIMIT_USER_OCTETS), out));
    assert_false(name_canonical(view_of(text, LIMIT_USER_OCTETS + 1), out));
}

static void test_names_of_new_accounts_are_plain(void **state)
{
    static const char *const good[] = {"ann", "ann@example.com", "ann+x@b", "\xc3\xa9mile", "a.b-c_d"};
    static const char *const bad[] = {"a b", "a\"b",  "<a>",    "(a)",   "a\\b", "a/b",
                                      "a,b", "a@b@c", "anyone", "$team", "-ann"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(name_is_allowed(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(name_is_allowed(bad[i]));
}

static void parts(const char *text, char separator, const char *local, const char *detail, const char *domain)
{
    struct address a = address_split(view_of_string(text), separator);
    assert_true(view_equal_string(a.local, local));
    assert_true(view_equal_string(a.detail, detail));
    assert_true(view_equal_string(a.domain, domain));
}

static void test_parts_of_addresses(void **state)
{
    parts("ann@example.com", '+', "ann", "", "example.com");
    parts("ann+list@example.com", '+', "ann", "list", "example.com");
    parts("ann+a+b@c", '+', "ann", "a+b", "c");
    parts("ann+list@c", 0, "ann+list", "", "c");
    parts("ann", '+', "ann", "", "");
    parts("a@b@c", '+', "a@b", "", "c");
    parts("", '+', "", "", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_that_are_one),
        cmocka_unit_test(test_what_is_no_name),
        cmocka_unit_test(test_names_of_new_accounts_are_plain),
        cmocka_unit_test(test_parts_of_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
