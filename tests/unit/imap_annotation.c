/* tests/unit/imap_annotation.c: names, attributes and lists of annotations (RFC 5257 3.2, 5). */
#include "imap/annotation.h"
#include "imap_fake.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int begin(void **state)
{
    fake_open();
    return 0;
}

static int end(void **state)
{
    fake_close();
    return 0;
}

static void test_names_of_entries(void **state)
{
    static const char *const good[] = {"/comment", "\"/comment\"", "/vendor/foobar/label.priv", "/1/comment",
                                       "/1.2.3/x", "{2}\r\n/a",    "/nobody/knows/it",          "\"/a b\"",
                                       "/a1",      "/4294967295/x"};
    static const char *const bad[] = {"comment",       "/",    "//a",           "/a/",       "/a//b", "\"/*\"",
                                      "\"/a%\"",       "/0/a", "/1./a",         "/1..2/a",   "/1x/a", "/01/a",
                                      "/4294967296/a", "\"\"", "\"/\xc3\xa4\"", "\"/a\tb\"", "",      "NIL"};
    struct view entry;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct arguments a = fake_arguments(view_of_string(good[i]));
        assert_true(annotation_take_entry(&a, &entry) && a.at == a.end);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arguments a = fake_arguments(view_of_string(bad[i]));
        assert_false(annotation_take_entry(&a, &entry));
        assert_non_null(a.problem);
    }
    char longest[LIMIT_ANNOTATION_ENTRY + 2] = "/";
    memset(longest + 1, 'x', LIMIT_ANNOTATION_ENTRY - 1);
    struct arguments a = fake_arguments(view_of_string(longest));
    assert_true(annotation_take_entry(&a, &entry));
    longest[LIMIT_ANNOTATION_ENTRY] = 'x';
    a = fake_arguments(view_of_string(longest));
    assert_false(annotation_take_entry(&a, &entry));
}

static void test_what_is_wanted(void **state)
{
    static const char *const good[] = {"(/comment value)", "(/* (value.priv size.priv))",
                                       "(* value)",        "((/comment \"/1.2/%\") (value size.shared))",
                                       "(/1.*/x size)",    "(% value.shared)"};
    static const char *const bad[] = {"/comment value",      "(/comment)",           "(/comment valu)",
                                      "(/comment Value)",    "(/comment (value)",    "(/comment value.x)",
                                      "(/comment /b value)", "(() value)",           "(/comment ())",
                                      "(comment value)",     "(/a* value) (/b value"};
    struct annotation_wanted wanted;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct arguments a = fake_arguments(view_of_string(good[i]));
        assert_true(annotation_take_wanted(&a, &wanted) && a.at == a.end);
        fake_next_command();
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arguments a = fake_arguments(view_of_string(bad[i]));
        assert_false(annotation_take_wanted(&a, &wanted) && a.at == a.end);
        fake_next_command();
    }
}

static struct annotation_list list;

static bool takes(const char *text)
{
    struct arguments a = fake_arguments(view_of_string(text));
    fake_next_command();
    bool good = annotation_take_list(&a, 7, &list) && a.at == a.end;
    return good;
}

static void test_what_is_to_be_set(void **state)
{
    assert_true(takes("(/comment (value.priv \"mine\" value.shared \"ours\") /altsubject (value.priv NIL))"));
    assert_int_equal(list.count, 3);
    assert_true(list.shared && list.private && !list.of_parts && !list.too_big);
    assert_true(list.rows[0].owner == 7 && list.rows[1].owner == ANNOTATION_SHARED && list.rows[2].removed);
    /* The last value of an entry holds. */
    assert_true(takes("(/comment (value.priv \"a\" value.priv \"b\") /comment (value.priv {1}\r\nc))"));
    assert_int_equal(list.count, 1);
    assert_true(view_equal_string(list.rows[0].value, "c") && !list.shared);
    assert_true(takes("(/1.2/flags/seen (value.priv \"1\"))"));
    assert_true(list.of_parts);
    assert_true(takes("(/vendor/v (value.priv ~{3+}\r\na\r\n))"));
}

static void test_what_cannot_be_set(void **state)
{
    static const char *const bad[] = {"()",
                                      "(/comment)",
                                      "(/comment ())",
                                      "(/comment (value \"x\"))",
                                      "(/comment (size.priv \"1\"))",
                                      "(/comment (value.priv))",
                                      "(/comment (value.priv x))",
                                      "(/comment (value.priv \"x\")",
                                      "/comment (value.priv \"x\")",
                                      "(/flags (value.priv \"x\"))",
                                      "(/flags/seen (value.priv \"1\"))",
                                      "(/nobody/knows/it (value.priv \"x\"))",
                                      "(/comment/more (value.priv \"x\"))",
                                      "(/vendor (value.priv \"x\"))",
                                      "(/1 (value.priv \"x\"))",
                                      "(/1/altsubject (value.priv \"x\"))",
                                      "(/1/flags (value.priv \"1\"))",
                                      "(/1/flags/seen (value.priv \"2\"))",
                                      "(/1/flags/other (value.priv \"1\"))",
                                      "(/1/flags/seen/more (value.priv \"1\"))",
                                      "(/1/vendor (value.priv \"1\"))"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(takes(bad[i]));
}

static void test_lists_have_a_limit(void **state)
{
    struct buffer text = {0};
    for (int last = LIMIT_ANNOTATION_NAMES; last <= LIMIT_ANNOTATION_NAMES + 1; last++) {
        buffer_clear(&text);
        for (int i = 0; i < last; i++)
            buffer_printf(&text, "%c/vendor/v/%d (value.priv \"x\")", i ? ' ' : '(', i);
        buffer_append_string(&text, ")");
        buffer_append_char(&text, '\0');
        assert_int_equal(takes(buffer_view(&text).data), last == LIMIT_ANNOTATION_NAMES);
    }
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_of_entries, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_wanted, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_to_be_set, begin, end),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_set, begin, end),
        cmocka_unit_test_setup_teardown(test_lists_have_a_limit, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
