/* tests/unit/store_keys.c: keys sort as their numbers do, hold no NUL, and read back. */
#include "store/keys.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint32_t numbers[] = {
    0, 1, 127, 128, 255, 256, 16383, 16384, 65535, 1 << 24, INT32_MAX, UINT32_MAX - 1, UINT32_MAX};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static void test_numbers_sort_as_they_are(void **state)
{
    for (size_t i = 0; i < NUMBERS; i++)
        for (size_t k = 0; k < NUMBERS; k++) {
            struct key a = key_2('C', numbers[i], numbers[k]), b = key_2('C', numbers[k], numbers[i]);
            int order = view_compare(key_view(&a), key_view(&b));
            assert_true(i < k ? order < 0 : i > k ? order > 0 : order == 0);
            struct key e = key_email(UINT64_C(0x100000000) * numbers[i]),
                       f = key_email(UINT64_C(0x100000000) * numbers[k]);
            order = view_compare(key_view(&e), key_view(&f));
            assert_true(i < k ? order < 0 : i > k ? order > 0 : order == 0);
        }
}

static void test_no_key_holds_nul(void **state)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        struct key key = key_2('R', numbers[i], 0);
        key_u64(&key, numbers[i] * UINT64_C(0x100000001));
        assert_null(memchr(key.data, '\0', key.size));
    }
}

static void test_numbers_read_back(void **state)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        struct key key = key_1('M', numbers[i]);
        key_u64(&key, UINT64_MAX - numbers[i]);
        struct view rest = view_skip(key_view(&key), 1);
        uint32_t small;
        uint64_t large;
        assert_true(key_read_u32(&rest, &small) && small == numbers[i]);
        assert_true(key_read_u64(&rest, &large) && large == UINT64_MAX - numbers[i]);
        assert_int_equal(rest.size, 0);
        assert_false(key_read_u32(&rest, &small));
    }
    struct view plain = VIEW_LITERAL("abcde");
    uint32_t small;
    assert_false(key_read_u32(&plain, &small)); /* without the high bits */
}

/* A scan from a key up to the one after it sees all that begin with it and nothing else. */
static void test_the_key_after(void **state)
{
    struct key one = key_1('C', 7), after = key_after(&one), inside = key_2('C', 7, UINT32_MAX), next = key_1('C', 8);
    assert_true(view_compare(key_view(&inside), key_view(&after)) < 0);
    assert_true(view_compare(key_view(&next), key_view(&after)) >= 0);
    struct key kind = key_kind('C');
    after = key_after(&kind);
    struct key last = key_2('C', UINT32_MAX, UINT32_MAX), other = key_kind('D');
    assert_true(view_compare(key_view(&last), key_view(&after)) < 0);
    assert_true(view_compare(key_view(&other), key_view(&after)) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_sort_as_they_are),
        cmocka_unit_test(test_no_key_holds_nul),
        cmocka_unit_test(test_numbers_read_back),
        cmocka_unit_test(test_the_key_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
