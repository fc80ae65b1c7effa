/* tests/unit/base_view.c: base/view.h */
#include "base/view.h"
#include <setjmp.h>
#include <stdarg.h>
/* after stdarg and setjmp */
#include <cmocka.h>

static struct view of(const char *text)
{
    return view_of_string(text);
}

static void slices_never_reach_beyond_the_view(void **state)
{
    struct view v = of("hello");
    assert_true(view_equal_string(view_slice(v, 1, 3), "ell"));
    assert_true(view_equal_string(view_slice(v, 3, 100), "lo"));
    assert_true(view_equal_string(view_slice(v, 3, SIZE_MAX), "lo"));
    assert_int_equal(view_slice(v, 5, 1).size, 0);
    assert_int_equal(view_slice(v, SIZE_MAX, SIZE_MAX).size, 0);
    assert_true(view_equal_string(view_skip(v, 2), "llo"));
}

static void order_is_by_octets_then_by_length(void **state)
{
    assert_true(view_compare(of("a"), of("b")) < 0);
    assert_true(view_compare(of("b"), of("a")) > 0);
    assert_true(view_compare(of("ab"), of("a")) > 0);
    assert_true(view_compare(of("a"), of("ab")) < 0);
    assert_int_equal(view_compare(of(""), of("")), 0);
    assert_true(view_compare(of("\xff"), of("a")) > 0);
    assert_int_equal(view_compare(view_of("a\0b", 3), view_of("a\0b", 3)), 0);
    assert_true(view_compare(view_of("a\0b", 3), view_of("a\0c", 3)) < 0);
}

static void case_is_folded_for_ascii_letters_only(void **state)
{
    assert_true(view_equal_string_nocase(of("InBoX"), "inbox"));
    assert_false(view_equal_string_nocase(of("InBoX"), "inbo"));
    assert_false(view_equal_nocase(of("\xc3\x84"), of("\xc3\xa4")));
    assert_false(view_equal_nocase(of("["), of("{")));
    assert_false(view_equal_nocase(of("@"), of("`")));
    assert_true(view_starts_with_nocase(of("FETCH 1"), of("fetch ")));
    assert_false(view_starts_with_nocase(of("FET"), of("fetch")));
    assert_true(view_starts_with(of("abc"), of("")));
    assert_false(view_starts_with(of("Abc"), of("a")));
}

static void find_says_where_or_that_it_is_nowhere(void **state)
{
    assert_int_equal(view_find(of("a,b,c"), ',', 0), 1);
    assert_int_equal(view_find(of("a,b,c"), ',', 2), 3);
    assert_int_equal(view_find(of("a,b,c"), ',', 4), SIZE_MAX);
    assert_int_equal(view_find(of("a,b,c"), ',', 400), SIZE_MAX);
    assert_int_equal(view_find(VIEW_EMPTY, ',', 0), SIZE_MAX);
}

static void trim_takes_white_space_from_both_ends(void **state)
{
    assert_true(view_equal_string(view_trim(of(" \t\r\n a b \v\f")), "a b"));
    assert_int_equal(view_trim(of(" \t ")).size, 0);
    assert_int_equal(view_trim(VIEW_EMPTY).size, 0);
}

static void a_word_of_a_list_is_a_whole_one(void **state)
{
    assert_true(view_has_word(of("one two  three"), of("TWO")));
    assert_true(view_has_word(of("one two  three"), of("three")));
    assert_true(view_has_word(of("one"), of("one")));
    static const char *const none[] = {"on", "ones", "two ", "", "one two", "four"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(view_has_word(of("one two  three"), of(none[i])));
    assert_false(view_has_word(VIEW_EMPTY, of("one")));
}

static void hexadecimal_digits_in_either_case_are_an_octet(void **state)
{
    const struct view v = VIEW_LITERAL("0aF9g0");
    assert_int_equal(view_hex_digit('f'), 15);
    assert_int_equal(view_hex_digit('A'), 10);
    assert_int_equal(view_hex_digit('@'), -1);
    assert_int_equal(view_hex_digit('`'), -1);
    assert_int_equal(view_hex_digit('\x10'), -1);
    assert_int_equal(view_hex_digit('\xc1'), -1);
    assert_int_equal(view_hex_octet(v, 0), 0x0a);
    assert_int_equal(view_hex_octet(v, 2), 0xf9);
    assert_int_equal(view_hex_octet(v, 3), -1);
    assert_int_equal(view_hex_octet(v, 5), -1);
    assert_int_equal(view_hex_octet(v, 6), -1);
    assert_int_equal(view_hex_octet(v, SIZE_MAX), -1);
    assert_int_equal(view_hex_octet(VIEW_EMPTY, 0), -1);
}

static void numbers_are_digits_within_the_bound(void **state)
{
    uint64_t value = 77;
    assert_true(view_parse_u64(of("0"), UINT64_MAX, &value));
    assert_int_equal(value, 0);
    assert_true(view_parse_u64(of("18446744073709551615"), UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    assert_true(view_parse_u64(of("007"), 7, &value));
    assert_int_equal(value, 7);
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1a", "18446744073709551616", "99999999999999999999",
                                      "8"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(view_parse_u64(of(bad[i]), i == 8 ? 7 : UINT64_MAX, &value));
    assert_int_equal(value, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_never_reach_beyond_the_view),
        cmocka_unit_test(order_is_by_octets_then_by_length),
        cmocka_unit_test(case_is_folded_for_ascii_letters_only),
        cmocka_unit_test(find_says_where_or_that_it_is_nowhere),
        cmocka_unit_test(trim_takes_white_space_from_both_ends),
        cmocka_unit_test(a_word_of_a_list_is_a_whole_one),
        cmocka_unit_test(hexadecimal_digits_in_either_case_are_an_octet),
        cmocka_unit_test(numbers_are_digits_within_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
