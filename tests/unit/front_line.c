/* tests/unit/front_line.c: lines, words, paths, and where the data of DATA ends. */
#include "front/line.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_lines(void **state)
{
    static const struct {
        const char *input, *line; /* null: none is whole */
        size_t octets;
    } rows[] = {{"abc\r\ndef", "abc", 5}, {"abc\ndef", "abc", 4}, {"\r\n", "", 2},    {"\n", "", 1},
                {"a\rb\r\n", "a\rb", 5},  {"a\r\r\n", "a\r", 4},  {"abc\r", NULL, 0}, {"", NULL, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct view line;
        size_t octets;
        assert_int_equal(line_take(view_of_string(rows[i].input), &line, &octets), rows[i].line != NULL);
        if (rows[i].line) {
            assert_true(view_equal_string(line, rows[i].line));
            assert_int_equal(octets, rows[i].octets);
        }
    }
}

static void test_words(void **state)
{
    struct view rest = VIEW_LITERAL("one two  three");
    assert_true(view_equal_string(word_take(&rest), "one"));
    assert_true(view_equal_string(word_take(&rest), "two"));
    assert_int_equal(word_take(&rest).size, 0); /* two spaces: an empty word between */
    assert_true(view_equal_string(word_take(&rest), "three"));
    assert_int_equal(word_take(&rest).size, 0);
    assert_int_equal(rest.size, 0);
}

static void test_clean_text_and_utf8(void **state)
{
    assert_true(text_is_clean(VIEW_LITERAL("a\tb\x01")));
    assert_false(text_is_clean(VIEW_LITERAL("a\0b")));
    assert_false(text_is_clean(VIEW_LITERAL("a\rb")));
    assert_false(text_is_clean(VIEW_LITERAL("a\nb")));
    static const char *const good[] = {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {
        "\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x80\x80\x80", "\xff"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(utf8_is_valid(view_of_string(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(utf8_is_valid(view_of_string(bad[i])));
}

/* ---- data with dots: in every two pieces ---- */

/* out: null if the data doesn't end. left: what is behind its end. */
static void reads(const char *in, const char *out, const char *left, bool bare)
{
    size_t size = strlen(in);
    for (size_t cut = 0; cut <= size; cut++) {
        struct dot_reader reader = {0};
        struct buffer found = {0};
        bool ended;
        size_t used = dot_read(&reader, view_of(in, cut), &found, &ended);
        if (!ended) {
            assert_int_equal(used, cut);
            used += dot_read(&reader, view_of(in + cut, size - cut), &found, &ended);
        }
        assert_int_equal(ended, left != NULL);
        if (left)
            assert_string_equal(in + used, left);
        buffer_append_char(&found, '\0');
        assert_string_equal(buffer_view(&found).data, out);
        assert_int_equal(reader.bare, bare);
        buffer_free(&found);
    }
}

static void test_where_data_ends(void **state)
{
    reads("a\r\n.\r\nQUIT", "a\r\n", "QUIT", false);
    reads(".\r\n", "", "", false);
    reads("..\r\n.\r\n", ".\r\n", "", false);
    reads(".a\r\n...\r\n.\r\n", "a\r\n..\r\n", "", false);
    reads("a.\r\n.\r\n", "a.\r\n", "", false);
    reads("\r\n\r\n.\r\n", "\r\n\r\n", "", false);
    reads("a\r\n.", "a\r\n", NULL, false);
}

/* Smuggling (CVE-2023-51764 and its like): nothing but CRLF "." CRLF ends data, and whatever else looks so is told. */
static void test_nothing_else_ends_it(void **state)
{
    reads("a\n.\nb\r\n.\r\n", "a\n.\nb\r\n", "", true);
    reads("a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n", "", true);
    reads("a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n", "", true);
    reads("a\r.\r\r\n.\r\n", "a\r.\r\r\n", "", true);
    reads("a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n", "", true);
    reads("a\r\r\n.\r\n", "a\r\r\n", "", true);
    reads("a\r\n\n.\r\n\r\n.\r\n", "a\r\n\n.\r\n\r\n", "", true);
}

/* ---- paths ---- */

static void path(const char *from, enum path_result result, const char *expected, const char *left)
{
    char out[PATH_OCTETS];
    struct view rest = view_of_string(from);
    assert_int_equal(path_take(&rest, out), result);
    if (result == PATH_OK || result == PATH_8BIT) {
        assert_string_equal(out, expected);
        assert_true(view_equal_string(rest, left));
    }
}

static void test_paths(void **state)
{
    path("<ann@example.com>", PATH_OK, "ann@example.com", "");
    path(" <ann@example.com> SIZE=1", PATH_OK, "ann@example.com", " SIZE=1");
    path("<>", PATH_OK, "", "");
    path("<ann>", PATH_OK, "ann", "");
    path("<\"a b\"@example.com>", PATH_OK, "a b@example.com", "");
    path("<\"a\\\"b\">", PATH_OK, "a\"b", "");
    path("<@one,@two:ann@b>", PATH_OK, "ann@b", "");
    path("<ann@[192.0.2.1]>", PATH_OK, "ann@[192.0.2.1]", "");
    path("<ann@[IPv6:::1]>", PATH_OK, "ann@[IPv6:::1]", "");
    path("<\xc3\xa9@b>", PATH_8BIT, "\xc3\xa9@b", "");
    path("<a+b=c/d@e>", PATH_OK, "a+b=c/d@e", "");
}

static void test_what_is_no_path(void **state)
{
    static const char *const bad[] = {
        "",          "ann@b",         "<ann@b",   "<ann@>",   "<@b>",         "<a b@c>", "<a@b c>",
        "<a@b,c>",   "<\"a@b>",       "<\"a\\",   "<\"\"@b>", "< a@b>",       "<a@b >",  "<@one:>",
        "<a\x01@b>", "<\"a\x7f\"@b>", "<\xff@b>", "<a@b\\c>", "<@one>ann@b:>"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        path(bad[i], PATH_SYNTAX, NULL, NULL);
}

static void test_paths_have_a_limit(void **state)
{
    struct buffer text = {0};
    for (size_t size = PATH_OCTETS - 3; size < PATH_OCTETS + 3; size++) {
        buffer_clear(&text);
        buffer_append_char(&text, '<');
        for (size_t i = 0; i < size; i++)
            buffer_append_char(&text, 'a');
        buffer_append_string(&text, ">");
        struct view rest = buffer_view(&text);
        char out[PATH_OCTETS];
        assert_int_equal(path_take(&rest, out), size < PATH_OCTETS ? PATH_OK : PATH_TOO_LONG);
    }
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_clean_text_and_utf8),
        cmocka_unit_test(test_where_data_ends),
        cmocka_unit_test(test_nothing_else_ends_it),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_what_is_no_path),
        cmocka_unit_test(test_paths_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
