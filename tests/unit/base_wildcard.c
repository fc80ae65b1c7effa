/* tests/unit/base_wildcard.c: names against patterns (RFC 3501 6.3.8), and against a plain matcher that recurses. */
#include "base/buffer.h"
#include "base/wildcard.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void match(const char *pattern, const char *name, bool expected)
{
    assert_int_equal(wildcard_matches(view_of_string(pattern), view_of_string(name)), expected);
}

static void test_patterns(void **state)
{
    match("INBOX", "INBOX", true);
    match("INBOX", "INBOXES", false);
    match("INBOX", "INBO", false);
    match("*", "a/b/c", true);
    match("*", "", true);
    match("%", "a", true);
    match("%", "a/b", false);
    match("%/%", "a/b", true);
    match("%/%", "a/b/c", false);
    match("a/*", "a/b/c", true);
    match("a/*", "a", false);
    match("a*", "a", true);
    match("*/c", "a/b/c", true);
    match("%b%", "abc", true);
    match("a%c*", "abcd/e", true);
    match("a%c", "a/c", false);
    match("", "", true);
    match("", "a", false);
    match("**%%**", "a/b", true);
    match("*a*b*c*", "xaxbxcx", true);
    match("*a*b*c*", "xcxbxax", false);
}

static bool plain(const char *pattern, const char *name)
{
    if (*pattern == '*' || *pattern == '%')
        return plain(pattern + 1, name) || (*name && (*pattern == '*' || *name != '/') && plain(pattern, name + 1));
    if (!*pattern || !*name)
        return !*pattern && !*name;
    return *pattern == *name && plain(pattern + 1, name + 1);
}

static void test_all_short_patterns_and_names(void **state)
{
    static const char letters[] = "ab/*%";
    char pattern[5], name[5];
    for (unsigned p = 0; p < 625; p++) {
        unsigned rest = p;
        for (int i = 0; i < 4; i++, rest /= 5)
            pattern[i] = letters[rest % 5];
        pattern[4] = '\0';
        for (unsigned n = 0; n < 120; n++) { /* three letters of "ab/", lengths 0 to 4 */
            rest = n;
            int size = 0;
            for (; rest && size < 4; rest /= 3)
                name[size++] = letters[rest % 3];
            name[size] = '\0';
            match(pattern, name, plain(pattern, name));
        }
    }
}

/* Patterns on which a matcher that goes back never ends. */
static void test_many_wildcards_end(void **state)
{
    struct buffer pattern = {0}, name = {0};
    for (int i = 0; i < 500; i++)
        buffer_append_string(&pattern, "*a");
    for (int i = 0; i < 8000; i++)
        buffer_append_char(&name, i % 20 ? 'a' : '/');
    assert_true(wildcard_matches(buffer_view(&pattern), buffer_view(&name)));
    buffer_append_char(&pattern, 'b');
    assert_false(wildcard_matches(buffer_view(&pattern), buffer_view(&name)));
    for (int i = 0; i < 100; i++)
        buffer_append_char(&pattern, '*');
    assert_false(wildcard_matches(buffer_view(&pattern), buffer_view(&name))); /* longer than any pattern may be */
    buffer_free(&pattern);
    buffer_free(&name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_all_short_patterns_and_names),
        cmocka_unit_test(test_many_wildcards_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
