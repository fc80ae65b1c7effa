/* tests/unit/imap_respond.c: strings, names, flags and dates as clients are sent them. */
#include "imap/private.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void is(struct buffer *b, const char *expected)
{
    buffer_append_char(b, '\0');
    assert_string_equal(buffer_view(b).data, expected);
    buffer_free(b);
}

static void writes(const char *text, const char *string, const char *astring)
{
    struct buffer one = {0}, other = {0};
    imap_write_string(&one, view_of_string(text));
    is(&one, string);
    imap_write_astring(&other, view_of_string(text));
    is(&other, astring);
}

static void test_strings(void **state)
{
    writes("plain", "\"plain\"", "plain");
    writes("a b", "\"a b\"", "\"a b\"");
    writes("", "\"\"", "\"\"");
    writes("nil", "\"nil\"", "\"nil\"");
    writes("a\"b\\c", "\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\"");
    writes("a\r\nb", "{4}\r\na\r\nb", "{4}\r\na\r\nb");
    writes("\xc3\xa9", "{2}\r\n\xc3\xa9", "{2}\r\n\xc3\xa9");
    writes("a*", "\"a*\"", "\"a*\"");
    writes("(", "\"(\"", "\"(\"");
}

static void test_dates(void **state)
{
    static const struct {
        int64_t utc_s;
        int16_t zone;
        const char *expected;
    } rows[] = {{0, 0, "\"01-Jan-1970 00:00:00 +0000\""},
                {1795484440, 60, "\"24-Nov-2026 02:40:40 +0100\""},
                {1795484440, -330, "\"23-Nov-2026 20:10:40 -0530\""},
                {-1, 0, "\"31-Dec-1969 23:59:59 +0000\""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer out = {0};
        imap_write_date_time(&out, rows[i].utc_s, rows[i].zone);
        is(&out, rows[i].expected);
    }
}

static void test_flags(void **state)
{
    const struct view names[] = {VIEW_LITERAL("foo"), VIEW_LITERAL("$Bar")};
    struct keywords keywords = {0};
    struct buffer out = {0};
    imap_write_flags(&out, 0, &keywords, names, 2);
    is(&out, "()");
    keywords.bits[0] = 3;
    imap_write_flags(&out, FLAG_SEEN | FLAG_DRAFT, &keywords, names, 2);
    is(&out, "(\\Seen \\Draft foo $Bar)");
    keywords.bits[0] = 2;
    imap_write_flags(&out, 0, &keywords, names, 2);
    is(&out, "($Bar)");
    keywords.bits[3] = 1; /* a number without a name is left out */
    imap_write_flags(&out, FLAG_DELETED, &keywords, names, 2);
    is(&out, "(\\Deleted $Bar)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
