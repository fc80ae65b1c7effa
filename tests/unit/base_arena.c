/* tests/unit/base_arena.c: base/arena.h */
#include "base/arena.h"
#include "base/memory.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after stdarg and setjmp */
#include <cmocka.h>

static void what_is_given_is_zeroed_aligned_and_apart(void **state)
{
    enum { COUNT = 500 };
    struct arena a;
    unsigned char *given[COUNT];
    arena_init(&a, 1 << 20);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            given[i] = arena_new(&a, (size_t)i);
            assert_int_equal((uintptr_t)given[i] % _Alignof(max_align_t), 0);
            for (int k = 0; k < i; k++)
                assert_int_equal(given[i][k], 0);
            memset(given[i], i, (size_t)i);
        }
        for (int i = 0; i < COUNT; i++)
            for (int k = 0; k < i; k++)
                assert_int_equal(given[i][k], (unsigned char)i);
        arena_reset(&a);
        assert_int_equal(a.used, 0);
    }
    arena_free(&a);
    assert_null(a.chunks);
}

static void the_cap_holds_and_a_reset_lifts_it(void **state)
{
    struct arena a;
    arena_init(&a, 1024);
    assert_non_null(arena_try(&a, 1000));
    assert_null(arena_try(&a, 100));
    assert_null(arena_try(&a, SIZE_MAX));
    assert_null(arena_try(&a, SIZE_MAX - 8));
    assert_non_null(arena_try(&a, 16));
    assert_null(arena_try(&a, 1));
    arena_reset(&a);
    assert_non_null(arena_try(&a, 1024));
    assert_null(arena_try(&a, 1));
    arena_free(&a);
}

static void one_large_piece_fits_a_chunk_of_its_own(void **state)
{
    struct arena a;
    arena_init(&a, 10 << 20);
    char *large = arena_new(&a, 5 << 20), *small = arena_new(&a, 10);
    memset(large, 'x', 5 << 20);
    assert_int_equal(small[0], 0);
    arena_reset(&a);
    assert_null(a.chunks); /* nothing large is kept */
    arena_free(&a);
}

static void texts_are_copied_and_terminated(void **state)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    char source[] = "abc";
    struct view copy = arena_view(&a, view_of(source, 3));
    source[0] = 'X';
    assert_true(view_equal_string(copy, "abc"));
    assert_string_equal(arena_string(&a, VIEW_EMPTY), "");
    assert_string_equal(arena_printf(&a, "%s-%d", "n", 7), "n-7");
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_is_zeroed_aligned_and_apart),
        cmocka_unit_test(the_cap_holds_and_a_reset_lifts_it),
        cmocka_unit_test(one_large_piece_fits_a_chunk_of_its_own),
        cmocka_unit_test(texts_are_copied_and_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
