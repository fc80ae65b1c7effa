/* Values of each type, names that are near, and settings as a role reads them. */
#include "config/schema.h"
#include "config/settings.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *canonical(const char *name, const char *written)
{
    static char text[512];
    char why[512];
    struct buffer b;
    const struct setting *s = setting_find(view_of_string(name));
    assert_non_null(s);
    buffer_init(&b, 4096);
    bool good = setting_canonical(s, view_of_string(written), &b, why, sizeof why);
    snprintf(text, sizeof text, "%.*s", VIEW_PRINTF(buffer_view(&b)));
    buffer_free(&b);
    return good ? text : NULL;
}

static void test_every_default_is_a_value_of_its_own_type(void **state)
{
    for (size_t i = 0; i < settings_table_count; i++)
        if (!canonical(settings_table[i].name, settings_table[i].fallback))
            fail_msg("%s", settings_table[i].name);
}

static void test_octets_take_k_m_g_and_t(void **state)
{
    assert_string_equal(canonical("quota.default", "3K"), "3072");
    assert_string_equal(canonical("quota.default", "2G"), "2147483648");
    assert_string_equal(canonical("quota.default", "7"), "7");
    assert_null(canonical("quota.default", "2g"));
    assert_null(canonical("quota.default", "K"));
    assert_null(canonical("quota.default", ""));
    assert_null(canonical("quota.default", "-1"));
    assert_null(canonical("quota.default", "99999999999999999999T"));
    assert_null(canonical("quota.default", "18446744073709551615K"));
}

static void test_times_take_s_m_h_and_d(void **state)
{
    assert_string_equal(canonical("imap.idle_timeout", "30m"), "1800");
    assert_string_equal(canonical("imap.idle_timeout", "1h"), "3600");
    assert_string_equal(canonical("imap.idle_timeout", "90"), "90");
    assert_null(canonical("imap.idle_timeout", "30M"));
    assert_null(canonical("imap.idle_timeout", "59"));
    assert_null(canonical("imap.idle_timeout", "2d"));
}

static void test_truth_has_six_words(void **state)
{
    assert_string_equal(canonical("login.plain_from_loopback", "true"), "yes");
    assert_string_equal(canonical("login.plain_from_loopback", "Off"), "no");
    assert_null(canonical("login.plain_from_loopback", "1"));
}

static void test_a_choice_is_one_of_its_words_and_no_part_of_one(void **state)
{
    assert_string_equal(canonical("log.level", "debug"), "debug");
    assert_null(canonical("log.level", "deb"));
    assert_null(canonical("log.level", ""));
    assert_null(canonical("log.level", "error|warn"));
}

static void test_addresses_are_numeric_with_a_port(void **state)
{
    assert_string_equal(canonical("listen.imap", " *:143   [::1]:143 127.0.0.1:10143 "),
                        "*:143 [::1]:143 127.0.0.1:10143");
    assert_string_equal(canonical("listen.imap", ""), "");
    assert_null(canonical("listen.imap", "localhost:143"));
    assert_null(canonical("listen.imap", "127.0.0.1"));
    assert_null(canonical("listen.imap", "127.0.0.1:0"));
    assert_null(canonical("listen.imap", "127.0.0.1:65536"));
    assert_null(canonical("listen.imap", "::1:143"));
}

static void test_paths_are_absolute_and_hold_no_control_characters(void **state)
{
    assert_string_equal(canonical("tls.key", "/etc/key.pem"), "/etc/key.pem");
    assert_null(canonical("tls.key", "key.pem"));
    assert_null(canonical("tls.key", "/etc/key\n"));
}

static void test_the_nearest_name_is_found_and_a_far_one_is_not(void **state)
{
    assert_string_equal(setting_nearest(VIEW_LITERAL("imap.idle_timout")), "imap.idle_timeout");
    assert_string_equal(setting_nearest(VIEW_LITERAL("hostname")), "host_name");
    assert_string_equal(setting_nearest(VIEW_LITERAL("mail.retention.days")), "retention.days");
    assert_null(setting_nearest(VIEW_LITERAL("webmail.theme")));
}

static void test_a_role_reads_typed_values_and_fallbacks(void **state)
{
    struct settings s = {0};
    assert_true(settings_set(&s, VIEW_LITERAL("a=1\nb.c=yes\nempty=\nsum=1=2\n")));
    assert_int_equal(settings_u64(&s, "a", 9), 1);
    assert_int_equal(settings_u64(&s, "none", 9), 9);
    assert_true(settings_bool(&s, "b.c", false));
    assert_string_equal(settings_text(&s, "empty", "x"), "");
    assert_string_equal(settings_text(&s, "sum", ""), "1=2");
    assert_null(settings_text(&s, "yes", NULL));
    assert_false(settings_set(&s, VIEW_LITERAL("no equals\n")));
    assert_false(settings_set(&s, VIEW_LITERAL("a=no end")));
    assert_int_equal(settings_u64(&s, "a", 9), 1);
    settings_free(&s);
    assert_string_equal(settings_text(&s, "a", "gone"), "gone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_default_is_a_value_of_its_own_type),
        cmocka_unit_test(test_octets_take_k_m_g_and_t),
        cmocka_unit_test(test_times_take_s_m_h_and_d),
        cmocka_unit_test(test_truth_has_six_words),
        cmocka_unit_test(test_a_choice_is_one_of_its_words_and_no_part_of_one),
        cmocka_unit_test(test_addresses_are_numeric_with_a_port),
        cmocka_unit_test(test_paths_are_absolute_and_hold_no_control_characters),
        cmocka_unit_test(test_the_nearest_name_is_found_and_a_far_one_is_not),
        cmocka_unit_test(test_a_role_reads_typed_values_and_fallbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
