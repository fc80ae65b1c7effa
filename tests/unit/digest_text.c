/* tests/unit/digest_text.c: UTF-8 and the folding of SEARCH and SORT. */
#include "digest/text.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void fold(const char *text, const char *expected)
{
    struct buffer out = {0};
    text_fold(view_of_string(text), &out);
    buffer_append_char(&out, 0);
    assert_string_equal(buffer_view(&out).data, expected);
    buffer_free(&out);
}

static void test_folding_is_titlecase_then_decomposition(void **state)
{
    fold("Hello, World 42", "HELLO, WORLD 42");
    fold("\xc3\xa9", "E\xcc\x81");     /* e acute: E and a combining acute */
    fold("E\xcc\x81", "E\xcc\x81");    /* already apart */
    fold("\xc3\x9f", "\xc3\x9f");      /* sharp s has no simple titlecase */
    fold("\xef\xac\x81", "fi");        /* the fi ligature decomposes after titlecasing (RFC 5051 2) */
    fold("\xc7\x86", "D\x7a\xcc\x8c"); /* dz with caron: titlecase Dz, then apart */
    fold("\xd0\x9f\xd1\x80\xd0\xb8", "\xd0\x9f\xd0\xa0\xd0\x98"); /* Cyrillic */
    fold("\xef\xbc\xa1\xef\xbd\x81", "AA");                       /* full width */
    fold("\xf0\x90\x90\xa8", "\xf0\x90\x90\x80");                 /* Deseret, beyond 16 bits */
    fold("a\xff"
         "b",
         "A\xef\xbf\xbd"
         "B");
}

static void test_only_shortest_utf8_is_valid(void **state)
{
    static const char *const good[] = {
        "", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xe0\x80\x80",
                                      "\xed\xa0\x80",
                                      "\xf0\x80\x80\x80",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xe2\x82",
                                      "12345678\xff"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(text_valid(view_of_string(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(text_valid(view_of_string(bad[i])));
}

static void test_a_cut_never_splits_a_character(void **state)
{
    struct view text = VIEW_LITERAL("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < sizeof expected / sizeof *expected; max++)
        assert_int_equal(text_cut(text, max).size, expected[max]);
}

static void test_what_is_appended_reads_back(void **state)
{
    for (uint32_t c = 0; c <= 0x10FFFF; c += c < 0x900 ? 1 : 251) {
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        struct buffer out = {0};
        text_append(&out, c);
        size_t at = 0;
        assert_int_equal(text_next(buffer_view(&out), &at), c);
        assert_int_equal(at, buffer_size(&out));
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folding_is_titlecase_then_decomposition),
        cmocka_unit_test(test_only_shortest_utf8_is_valid),
        cmocka_unit_test(test_a_cut_never_splits_a_character),
        cmocka_unit_test(test_what_is_appended_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
