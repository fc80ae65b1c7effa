/* tests/unit/base_table.c: base/table.h, base/hash.h, base/random.h; tables against a plain array. */
#include "base/hash.h"
#include "base/random.h"
#include "base/table.h"
#include <setjmp.h>
#include <stdarg.h>
/* after stdarg and setjmp */
#include <cmocka.h>

enum { KEYS = 3000 };
static char values[KEYS][2];

static void random_changes_of_numbers_agree_with_an_array(void **state)
{
    struct table table = {0};
    void *model[KEYS] = {0};
    size_t count = 0, most = 0;
    uint64_t seed = 42;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        /* Waves: mostly puts, then mostly removals, so that the table grows and shrinks. */
        bool put = (seed >> 60) < (i / 20000 % 2 ? 4u : 12u);
        size_t key = (size_t)(seed >> 20) % KEYS;
        uint64_t number = (uint64_t)key << (key % 3 * 20);
        void *before = model[key];
        if (put) {
            void *value = &values[key][seed >> 19 & 1];
            assert_ptr_equal(table_put(&table, number, value), before);
            count += !before;
            model[key] = value;
        } else {
            assert_ptr_equal(table_remove(&table, number), before);
            count -= !!before;
            model[key] = NULL;
        }
        assert_int_equal(table_count(&table), count);
        if (count > most)
            most = count;
        size_t other = (size_t)(seed >> 40) % KEYS;
        assert_ptr_equal(table_get(&table, (uint64_t)other << (other % 3 * 20)), model[other]);
    }
    assert_true(most > KEYS / 2);
    size_t walked = 0, at = 0;
    while (table_next(&table, &at))
        walked++;
    assert_int_equal(walked, count);
    table_free(&table);
    assert_null(table_get(&table, 1));
    assert_int_equal(table_count(&table), 0);
}

static void texts_are_keys_by_their_octets(void **state)
{
    struct table table = {0};
    assert_null(table_get_view(&table, VIEW_EMPTY));
    assert_null(table_put_view(&table, VIEW_EMPTY, "empty"));
    assert_null(table_put_view(&table, view_of("a\0b", 3), "a0b"));
    assert_null(table_put_view(&table, view_of("a\0c", 3), "a0c"));
    char key[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "user%d", i);
        assert_null(table_put_view(&table, view_of_string(key), values[i]));
    }
    memset(key, 'x', sizeof key); /* the table has its own copies */
    assert_string_equal(table_get_view(&table, VIEW_EMPTY), "empty");
    assert_string_equal(table_get_view(&table, view_of("a\0b", 3)), "a0b");
    assert_null(table_get_view(&table, view_of("a", 1)));
    assert_ptr_equal(table_get_view(&table, view_of_string("user77")), values[77]);
    assert_string_equal(table_remove_view(&table, view_of("a\0c", 3)), "a0c");
    assert_null(table_remove_view(&table, view_of("a\0c", 3)));
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "user%d", i);
        assert_ptr_equal(table_remove_view(&table, view_of_string(key)), values[i]);
    }
    assert_int_equal(table_count(&table), 2);
    assert_true(table.capacity <= 64);
    table_free(&table);
}

static void the_stored_hash_is_the_same_for_ever(void **state)
{
    /* From the reference program: xxhsum -H3 of "waxwing", and of nothing. */
    assert_true(hash_seeded(view_of_string(""), 0) == 0x2d06800538d394c2ULL);
    assert_true(hash_seeded(view_of_string("waxwing"), 1) != hash_seeded(view_of_string("waxwing"), 2));
    assert_true(hash_view(view_of_string("waxwing")) == hash_view(view_of_string("waxwing")));
    assert_true(hash_view(view_of_string("waxwing")) != hash_seeded(view_of_string("waxwing"), 0));
    assert_true(hash_u64(1) != hash_u64(2));
}

static void random_octets_differ(void **state)
{
    unsigned char a[300] = {0}, b[300] = {0};
    random_octets(a, sizeof a);
    random_octets(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a + 280, b + 280, 20);
    assert_true(random_u64() != random_u64());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes_of_numbers_agree_with_an_array),
        cmocka_unit_test(texts_are_keys_by_their_octets),
        cmocka_unit_test(the_stored_hash_is_the_same_for_ever),
        cmocka_unit_test(random_octets_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
