/* tests/unit/base_buffer.c: base/buffer.h, base/memory.h */
#include "base/buffer.h"
#include "base/memory.h"
#include <setjmp.h>
#include <stdarg.h>
/* after stdarg and setjmp */
#include <cmocka.h>

static void octets_come_out_in_the_order_they_went_in(void **state)
{
    /* Appends and consumes of odd sizes against a running counter: each octet is its position, modulo 251. */
    struct buffer b;
    buffer_init(&b, 0);
    size_t in = 0, out = 0;
    unsigned step = 1;
    for (int round = 0; round < 20000; round++) {
        char piece[97];
        step = step * 1103515245u + 12345u;
        size_t size = (step >> 8) % sizeof piece;
        for (size_t i = 0; i < size; i++)
            piece[i] = (char)((in + i) % 251);
        buffer_append(&b, piece, size);
        in += size;
        size_t eat = (step >> 18) % 100;
        struct view v = buffer_view(&b);
        assert_int_equal(v.size, in - out);
        if (eat > v.size)
            eat = v.size;
        for (size_t i = 0; i < eat; i++)
            assert_int_equal((unsigned char)v.data[i], (out + i) % 251);
        buffer_consume(&b, eat);
        out += eat;
    }
    assert_false(b.overflow);
    buffer_free(&b);
}

static void an_append_beyond_max_changes_nothing_but_the_flag(void **state)
{
    struct buffer b;
    buffer_init(&b, 10);
    buffer_append_string(&b, "12345678");
    buffer_append_string(&b, "abc");
    assert_true(b.overflow);
    assert_true(view_equal_string(buffer_view(&b), "12345678"));
    buffer_append_char(&b, '9');
    buffer_append_char(&b, '0');
    assert_true(view_equal_string(buffer_view(&b), "1234567890"));
    buffer_append_char(&b, 'x');
    assert_true(b.overflow);
    assert_int_equal(buffer_size(&b), 10);
    buffer_clear(&b);
    assert_false(b.overflow);
    buffer_append_string(&b, "1234567890");
    assert_false(b.overflow);
    assert_null(buffer_reserve(&b, SIZE_MAX));
    assert_true(b.overflow);
    buffer_free(&b);
}

static void numbers_and_formats_are_appended(void **state)
{
    struct buffer b;
    buffer_init(&b, 0);
    buffer_append_u64(&b, 0);
    buffer_append_char(&b, ' ');
    buffer_append_u64(&b, UINT64_MAX);
    buffer_printf(&b, " %d-%s", -5, "x");
    assert_true(view_equal_string(buffer_view(&b), "0 18446744073709551615 -5-x"));
    buffer_clear(&b);
    char longer[2000];
    memset(longer, 'q', sizeof longer);
    longer[sizeof longer - 1] = 0;
    buffer_printf(&b, "<%s>", longer);
    assert_int_equal(buffer_size(&b), 2001);
    assert_int_equal(buffer_view(&b).data[2000], '>');
    buffer_free(&b);
}

static void an_idle_buffer_gives_its_memory_back(void **state)
{
    struct buffer b;
    buffer_init(&b, 0);
    memset(buffer_reserve(&b, 5000), 'x', 5000);
    buffer_commit(&b, 5000);
    buffer_release_idle(&b, 100);
    assert_non_null(b.memory);
    buffer_consume(&b, 4999);
    buffer_release_idle(&b, 100);
    assert_true(view_equal_string(buffer_view(&b), "x"));
    buffer_consume(&b, 77);
    buffer_release_idle(&b, b.capacity);
    assert_non_null(b.memory);
    buffer_release_idle(&b, 100);
    assert_null(b.memory);
    assert_int_equal(b.capacity, 0);
    assert_int_equal(buffer_view(&b).size, 0);
    buffer_append_string(&b, "again");
    assert_true(view_equal_string(buffer_view(&b), "again"));
    buffer_free(&b);
}

static void truncate_cuts_the_end_only(void **state)
{
    struct buffer b;
    buffer_init(&b, 0);
    buffer_append_string(&b, "abcdef");
    buffer_consume(&b, 1);
    buffer_truncate(&b, 3);
    assert_true(view_equal_string(buffer_view(&b), "bcd"));
    buffer_truncate(&b, 30);
    assert_true(view_equal_string(buffer_view(&b), "bcd"));
    buffer_free(&b);
}

static void sizes_that_wrap_are_told(void **state)
{
    size_t r = 0;
    assert_true(size_add(SIZE_MAX - 1, 1, &r));
    assert_true(r == SIZE_MAX);
    assert_false(size_add(SIZE_MAX, 1, &r));
    assert_true(size_mul(SIZE_MAX / 2, 2, &r));
    assert_false(size_mul(SIZE_MAX / 2, 3, &r));
}

static void copies_are_terminated(void **state)
{
    char *copy = memory_copy("a\0b", 3);
    assert_memory_equal(copy, "a\0b\0", 4);
    free(copy);
    copy = memory_copy(NULL, 0);
    assert_int_equal(copy[0], 0);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_come_out_in_the_order_they_went_in),
        cmocka_unit_test(an_append_beyond_max_changes_nothing_but_the_flag),
        cmocka_unit_test(numbers_and_formats_are_appended),
        cmocka_unit_test(an_idle_buffer_gives_its_memory_back),
        cmocka_unit_test(truncate_cuts_the_end_only),
        cmocka_unit_test(sizes_that_wrap_are_told),
        cmocka_unit_test(copies_are_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
