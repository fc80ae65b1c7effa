/* tests/unit/config_settings.c: the lines of IPC_SETTINGS, by name and type. */
#include "config/settings.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_values_by_name(void **state)
{
    struct settings s = {0};
    assert_true(settings_set(&s, VIEW_LITERAL("host=mx.example.org\nn=42\non=yes\noff=no\nempty=\nequal=a=b\n")));
    assert_string_equal(settings_text(&s, "host", "x"), "mx.example.org");
    assert_string_equal(settings_text(&s, "equal", "x"), "a=b");
    assert_string_equal(settings_text(&s, "empty", "x"), "");
    assert_int_equal(settings_u64(&s, "n", 7), 42);
    assert_true(settings_bool(&s, "on", false));
    assert_false(settings_bool(&s, "off", true));
    assert_true(settings_is(&s, "host", "mx.example.org"));
    assert_false(settings_is(&s, "host", "mx"));
    settings_free(&s);
}

static void test_what_is_not_there_is_the_fallback(void **state)
{
    struct settings s = {0};
    assert_string_equal(settings_text(&s, "host", "x"), "x");
    assert_true(settings_set(&s, VIEW_LITERAL("hostname=y\n")));
    assert_string_equal(settings_text(&s, "host", "x"), "x"); /* a beginning is no name */
    assert_string_equal(settings_text(&s, "y", "x"), "x");    /* nor is a value */
    assert_int_equal(settings_u64(&s, "n", 7), 7);
    assert_true(settings_bool(&s, "on", true));
    settings_free(&s);
}

static void test_a_bad_text_changes_nothing(void **state)
{
    struct settings s = {0};
    assert_true(settings_set(&s, VIEW_LITERAL("a=1\n")));
    static const char *const bad[] = {"b\n", "=1\n", "a=2\nb\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(settings_set(&s, view_of_string(bad[i])));
        assert_int_equal(settings_u64(&s, "a", 0), 1);
    }
    assert_true(settings_set(&s, VIEW_EMPTY)); /* replaced whole */
    assert_int_equal(settings_u64(&s, "a", 0), 0);
    settings_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_by_name),
        cmocka_unit_test(test_what_is_not_there_is_the_fallback),
        cmocka_unit_test(test_a_bad_text_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
