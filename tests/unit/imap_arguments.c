/* tests/unit/imap_arguments.c: the tokens of RFC 3501 9: what each takes, and what is left. */
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

typedef bool token(struct arguments *a, struct view *token_r);

/* text: null if it is refused; then there is a sentence for BAD. left: what isn't taken. */
static void takes(token *take, const char *from, const char *text, const char *left)
{
    struct arguments a = fake_arguments(view_of_string(from));
    struct view found;
    bool good = take(&a, &found);
    assert_int_equal(good, text != NULL);
    if (!good) {
        assert_non_null(a.problem);
        return;
    }
    assert_int_equal(found.size, strlen(text));
    assert_memory_equal(found.data, text, found.size);
    assert_string_equal(a.at, left);
}

static void test_atoms(void **state)
{
    takes(arguments_atom, "abc def", "abc", " def");
    takes(arguments_atom, "a.b-c]", "a.b-c", "]");
    takes(arguments_atom, "a(", "a", "(");
    takes(arguments_atom, "", NULL, "");
    takes(arguments_atom, " a", NULL, "");
    takes(arguments_atom, "\xc3\xa9", NULL, "");
    takes(arguments_astring, "a]b c", "a]b", " c");
    takes(arguments_astring, "", NULL, "");
    takes(arguments_astring, "(", NULL, "");
}

static void test_strings(void **state)
{
    takes(arguments_string, "\"a b\" c", "a b", " c");
    takes(arguments_string, "\"\"x", "", "x");
    takes(arguments_string, "\"a\\\"b\\\\c\"", "a\"b\\c", "");
    takes(arguments_string, "\"a", NULL, "");
    takes(arguments_string, "\"a\\x\"", NULL, "");
    takes(arguments_string, "\"a\\", NULL, "");
    takes(arguments_string, "\"a\r\nb\"", NULL, "");
    takes(arguments_string, "atom", NULL, "");
    takes(arguments_astring, "\"a b\"", "a b", "");
    takes(arguments_string, "{3}\r\nabcd", "abc", "d");
    takes(arguments_string, "{3+}\nab\ncd", "ab\n", "cd");
    takes(arguments_string, "{0}\r\n x", "", " x");
    static const char *const bad[] = {"{3}\r\nab",   "{3",     "{}\r\nabc",        "{x}\r\nabc",
                                      "{3} \r\nabc", "{3}abc", "{99999999999}\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        takes(arguments_string, bad[i], NULL, "");
    struct arguments a = fake_arguments(VIEW_LITERAL("{3}\r\na\0b"));
    struct view found;
    assert_false(arguments_string(&a, &found)); /* RFC 3501 4.3.1: no NUL */
}

static void test_nil_is_no_string(void **state)
{
    struct arguments a = fake_arguments(VIEW_LITERAL("nil \"NIL\" x"));
    struct view found;
    bool nil;
    assert_true(arguments_nstring(&a, &found, &nil) && nil && found.size == 0);
    assert_true(arguments_space(&a));
    assert_true(arguments_nstring(&a, &found, &nil) && !nil && view_equal_string(found, "NIL"));
    assert_true(arguments_space(&a));
    assert_false(arguments_nstring(&a, &found, &nil));
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        uint64_t max, value;
        bool good;
    } rows[] = {{"0", 9, 0, true},
                {"4294967295", UINT32_MAX, UINT32_MAX, true},
                {"4294967296", UINT32_MAX, 0, false},
                {"007", 9, 7, true},
                {"", 9, 0, false},
                {"-1", 9, 0, false},
                {"12x", 99, 12, true},
                {"99999999999999999999999", UINT64_MAX, 0, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arguments a = fake_arguments(view_of_string(rows[i].text));
        uint64_t value = 0;
        assert_int_equal(arguments_number(&a, rows[i].max, &value), rows[i].good);
        assert_true(!rows[i].good || value == rows[i].value);
    }
}

static void test_spaces_and_ends(void **state)
{
    struct arguments a = fake_arguments(VIEW_LITERAL(" x"));
    assert_int_equal(arguments_peek(&a), ' ');
    assert_true(arguments_space(&a));
    assert_false(arguments_space(&a));
    assert_false(arguments_end(&a));
    assert_string_equal(a.problem, "Too many arguments");
    assert_true(arguments_take(&a, 'x'));
    assert_true(arguments_end(&a));
    assert_int_equal(arguments_peek(&a), '\0');
}

static void mailbox(const char *sent, bool valid, const char *name)
{
    struct arguments a = fake_arguments(view_of_string(sent));
    struct view found;
    bool is_valid;
    assert_true(arguments_mailbox(&a, &found, &is_valid));
    assert_int_equal(is_valid, valid);
    if (valid) {
        assert_int_equal(found.size, strlen(name));
        assert_memory_equal(found.data, name, found.size);
    }
}

static void test_mailbox_names(void **state)
{
    mailbox("inbox", true, "INBOX");
    mailbox("\"In Box\"", true, "In Box");
    mailbox("&AOk-t&AOk-", true, "\xc3\xa9t\xc3\xa9");
    mailbox("a&-b", true, "a&b");
    mailbox("{3}\r\na/b", true, "a/b");
    mailbox("&AOk", false, NULL);
    mailbox("&AGE-", false, NULL); /* an ASCII letter must stand for itself (RFC 3501 5.1.3) */
}

static void flags(const char *text, bool bare, int expected, size_t keywords)
{
    struct arguments a = fake_arguments(view_of_string(text));
    struct flag_list found;
    bool good = arguments_flags(&a, bare, &found);
    assert_int_equal(good, expected >= 0);
    if (good) {
        assert_int_equal(found.flags, expected);
        assert_int_equal(found.keyword_count, keywords);
        assert_string_equal(a.at, "");
    }
}

static void test_flags(void **state)
{
    flags("()", false, 0, 0);
    flags("(\\Seen \\deleted foo $Bar)", false, FLAG_SEEN | FLAG_DELETED, 2);
    flags("\\Seen foo", true, FLAG_SEEN, 1);
    flags("\\Seen", false, -1, 0);
    flags("(\\Recent)", false, 0, 0);
    flags("(\\Nonsense)", false, -1, 0);
    flags("(\\Seen", false, -1, 0);
    flags("( \\Seen)", false, -1, 0);
    flags("(\\Seen )", false, -1, 0);
    flags("(\\)", false, -1, 0);
}

static void test_too_many_keywords(void **state)
{
    struct buffer text = {0};
    buffer_append_char(&text, '(');
    for (int i = 0; i < 300; i++)
        buffer_printf(&text, "%sk%d", i ? " " : "", i);
    buffer_append_char(&text, ')');
    struct arguments a = fake_arguments(buffer_view(&text));
    struct flag_list found;
    assert_false(arguments_flags(&a, false, &found));
    buffer_free(&text);
}

static void test_dates(void **state)
{
    static const struct {
        const char *text;
        int64_t day;
    } good[] = {
        {"1-Jan-1970", 0}, {"24-Nov-2026", 20781}, {"\"2-Jan-1970\"", 1}, {"31-dec-1969", -1}, {"29-Feb-2024", 19782}};
    static const char *const bad[] = {"",           "1-Jan",        "32-Jan-2020", "30-Feb-2020", "1-Foo-2020",
                                      "1 Jan 2020", "\"1-Jan-2020", "1-Jan-20",    "001-Jan-2020"};
    int64_t day;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct arguments a = fake_arguments(view_of_string(good[i].text));
        assert_true(arguments_date(&a, &day) && arguments_end(&a));
        assert_int_equal(day, good[i].day);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct arguments a = fake_arguments(view_of_string(bad[i]));
        assert_false(arguments_date(&a, &day));
        assert_non_null(a.problem);
    }
}

static void test_dates_with_times(void **state)
{
    int64_t utc_s;
    int16_t zone;
    struct arguments a = fake_arguments(VIEW_LITERAL("\"24-Nov-2026 02:40:40 +0100\""));
    assert_true(arguments_date_time(&a, &utc_s, &zone) && arguments_end(&a));
    assert_int_equal(utc_s, 1795484440);
    assert_int_equal(zone, 60);
    a = fake_arguments(VIEW_LITERAL("\" 1-Jan-1970 00:00:00 -0530\""));
    assert_true(arguments_date_time(&a, &utc_s, &zone));
    assert_int_equal(utc_s, 19800);
    assert_int_equal(zone, -330);
    static const char *const bad[] = {"24-Nov-2026 02:40:40 +0100",     "\"24-Nov-2026 02:40:40\"",
                                      "\"24-Nov-2026 24:40:40 +0100\"", "\"24-Nov-2026 02:60:40 +0100\"",
                                      "\"24-Nov-2026 02:40:40 +2400\"", "\"24-Nov-2026 02:40:40 +0160\"",
                                      "\"24-Nov-2026 02:40:40 0100\"",  "\"31-Nov-2026 02:40:40 +0100\"",
                                      "\"1-Nov-2026 02:40:40 +0100\"",  "\"24-Nov-2026 02:40:40 +0100"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        a = fake_arguments(view_of_string(bad[i]));
        assert_false(arguments_date_time(&a, &utc_s, &zone));
    }
}

/* The mailbox holds the UIDs 1 to 10 and 20: eleven messages. As "1:10,20"; null if it is BAD. */
static void set(const char *text, bool uid, const char *expected)
{
    struct arguments a = fake_arguments(view_of_string(text));
    struct uidset *found = NULL;
    struct buffer out = {0};
    assert_int_equal(arguments_sequence_set(&a, &fake.imap, uid, &found), expected != NULL);
    if (expected) {
        uidset_write(found, &out);
        buffer_append_char(&out, '\0');
        assert_string_equal(buffer_view(&out).data, expected);
        assert_string_equal(a.at, "");
    }
    uidset_unref(&found);
    buffer_free(&out);
}

static void test_sets_of_sequence_numbers(void **state)
{
    set("1", false, "1");
    set("11", false, "20");
    set("*", false, "20");
    set("9:*", false, "9:10,20");
    set("*:9", false, "9:10,20");
    set("3:1,5,5", false, "1:3,5");
    set("12", false, NULL);
    set("1:12", false, NULL);
    set("0", false, NULL);
    set("4294967295", false, NULL); /* is not "*" */
    set("4294967296", false, NULL);
    set("", false, NULL);
    set("1,", false, NULL);
    set("1:", false, NULL);
    set("a", false, NULL);
}

static void test_sets_of_uids(void **state)
{
    set("1:4294967295", true, "1:10,20");
    set("15", true, "");
    set("*", true, "20");
    set("30:*", true, "20"); /* RFC 3501 6.4.8 */
    set("*:15", true, "20");
    set("4294967295", true, "");
    set("21:4294967295", true, "");
    set("0", true, NULL);
    uidset_unref(&fake.imap.selected.uids);
    fake.imap.selected.uids = uidset_new();
    set("*", true, "");
    set("1:*", true, "");
    set("*", false, "");
    set("1", false, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_atoms, begin, end),
        cmocka_unit_test_setup_teardown(test_strings, begin, end),
        cmocka_unit_test_setup_teardown(test_nil_is_no_string, begin, end),
        cmocka_unit_test_setup_teardown(test_numbers, begin, end),
        cmocka_unit_test_setup_teardown(test_spaces_and_ends, begin, end),
        cmocka_unit_test_setup_teardown(test_mailbox_names, begin, end),
        cmocka_unit_test_setup_teardown(test_flags, begin, end),
        cmocka_unit_test_setup_teardown(test_too_many_keywords, begin, end),
        cmocka_unit_test_setup_teardown(test_dates, begin, end),
        cmocka_unit_test_setup_teardown(test_dates_with_times, begin, end),
        cmocka_unit_test_setup_teardown(test_sets_of_sequence_numbers, begin, end),
        cmocka_unit_test_setup_teardown(test_sets_of_uids, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
