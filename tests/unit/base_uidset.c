/* tests/unit/base_uidset.c: base/uidset.h against a plain array of booleans, with random operations. */
#include "base/clock.h"
#include "base/uidset.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
/* after stdarg and setjmp */
#include <cmocka.h>

enum { MODEL = 200000 }; /* spans several of the bitmap's containers */

static bool model[MODEL + 2], other_model[MODEL + 2];
static uint64_t seed = 88172645463325252ULL;

static uint32_t random_below(uint32_t bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 11) % bound;
}

/* Lookups of every kind at some places, and all runs. */
static void compare_with_model(const struct uidset *set)
{
    uint32_t count = 0, first = 0, last = 0;
    for (uint32_t uid = 1; uid <= MODEL; uid++) {
        if (!model[uid])
            continue;
        count++;
        last = uid;
        if (!first)
            first = uid;
    }
    assert_int_equal(uidset_count(set), count);
    assert_int_equal(uidset_min(set), first);
    assert_int_equal(uidset_max(set), last);
    uint32_t rank = 0, next_check = 1;
    struct uid_run near = {0}, jumping = {0};
    for (uint32_t uid = 1; uid <= MODEL; uid++) {
        rank += model[uid];
        assert_int_equal(uidset_has_near(set, &near, uid), model[uid]);
        if (uid < next_check)
            continue;
        next_check = uid + 1 + random_below(2000);
        uint32_t any = 1 + random_below(MODEL);
        assert_int_equal(uidset_has(set, uid), model[uid]);
        assert_int_equal(uidset_has_near(set, &jumping, any), model[any]);
        assert_int_equal(uidset_rank(set, uid), rank);
        assert_int_equal(uidset_select(set, rank) <= uid, true);
        if (model[uid])
            assert_int_equal(uidset_select(set, rank), uid);
        uint32_t next = uid;
        while (next <= MODEL && !model[next])
            next++;
        assert_int_equal(uidset_next(set, uid), next <= MODEL ? next : 0);
    }
    assert_int_equal(uidset_select(set, count + 1), 0);
    assert_int_equal(uidset_select(set, 0), 0);
    uint32_t at = 1, a, b;
    for (uint32_t from = 0; uidset_run(set, from, &a, &b); from = b + 1) {
        while (at <= MODEL && !model[at])
            at++;
        assert_int_equal(a, at);
        while (at <= MODEL && model[at])
            at++;
        assert_int_equal(b, at - 1);
    }
    while (at <= MODEL && !model[at])
        at++;
    assert_int_equal(at, MODEL + 1);
}

static void change_at_random(struct uidset *set)
{
    uint32_t a = 1 + random_below(MODEL), b = a + random_below(random_below(10) ? 50 : 90000);
    if (b > MODEL)
        b = MODEL;
    switch (random_below(6)) {
    case 0:
        uidset_add(set, a);
        model[a] = true;
        break;
    case 1:
        uidset_remove(set, a);
        model[a] = false;
        break;
    case 2:
    case 3:
        uidset_add_range(set, a, b);
        memset(model + a, 1, b - a + 1);
        break;
    case 4:
        uidset_remove_range(set, a, b);
        memset(model + a, 0, b - a + 1);
        break;
    default:
        for (uint32_t uid = a; uid <= b; uid += 2) {
            uidset_add(set, uid);
            model[uid] = true;
        }
        break;
    }
}

static void random_changes_agree_with_an_array(void **state)
{
    struct uidset *set = uidset_new();
    memset(model, 0, sizeof model);
    compare_with_model(set);
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < 40; i++)
            change_at_random(set);
        if (random_below(3) == 0)
            uidset_optimize(set);
        compare_with_model(set);
    }
    uidset_clear(set);
    memset(model, 0, sizeof model);
    compare_with_model(set);
    uidset_unref(&set);
    assert_null(set);
    uidset_unref(&set);
}

static void algebra_agrees_with_an_array(void **state)
{
    for (int round = 0; round < 30; round++) {
        struct uidset *a = uidset_new(), *b = uidset_new();
        memset(model, 0, sizeof model);
        for (int i = 0; i < 60; i++)
            change_at_random(b);
        memcpy(other_model, model, sizeof model);
        memset(model, 0, sizeof model);
        for (int i = 0; i < 60; i++)
            change_at_random(a);
        if (round % 2)
            uidset_optimize(b);
        struct uidset *copy = uidset_copy(a);
        assert_true(uidset_equal(a, copy));
        int kind = round % 3;
        (kind == 0 ? uidset_add_set : kind == 1 ? uidset_remove_set : uidset_intersect)(a, b);
        for (uint32_t uid = 1; uid <= MODEL; uid++) {
            bool x = model[uid], y = other_model[uid];
            model[uid] = kind == 0 ? x || y : kind == 1 ? x && !y : x && y;
        }
        compare_with_model(a);
        uidset_unref(&a);
        uidset_unref(&b);
        uidset_unref(&copy);
    }
}

static void the_largest_uid_is_one_like_any_other(void **state)
{
    struct uidset *set = uidset_new();
    uint32_t a = 0, b = 0;
    uidset_add_range(set, UINT32_MAX - 70000, UINT32_MAX);
    uidset_add(set, 1);
    assert_int_equal(uidset_count(set), 70002);
    assert_int_equal(uidset_max(set), UINT32_MAX);
    assert_true(uidset_run(set, 0, &a, &b));
    assert_int_equal(a, 1);
    assert_int_equal(b, 1);
    assert_true(uidset_run(set, 2, &a, &b));
    assert_int_equal(a, UINT32_MAX - 70000);
    assert_int_equal(b, UINT32_MAX);
    assert_true(uidset_run(set, UINT32_MAX, &a, &b));
    assert_int_equal(a, UINT32_MAX);
    assert_int_equal(uidset_rank(set, UINT32_MAX), 70002);
    assert_int_equal(uidset_select(set, 70002), UINT32_MAX);
    struct buffer out;
    buffer_init(&out, 0);
    uidset_write(set, &out);
    assert_true(view_equal_string(buffer_view(&out), "1,4294897295:4294967295"));
    buffer_free(&out);
    uidset_remove_range(set, 1, UINT32_MAX);
    assert_int_equal(uidset_count(set), 0);
    assert_false(uidset_run(set, 0, &a, &b));
    uidset_add_range(set, 5, 4); /* nothing */
    assert_int_equal(uidset_count(set), 0);
    uidset_unref(&set);
}

static void the_text_is_a_sequence_set(void **state)
{
    static const uint32_t members[] = {1, 2, 3, 4, 7, 9, 10, 12};
    struct uidset *set = uidset_new();
    struct buffer out;
    buffer_init(&out, 0);
    uidset_write(set, &out);
    assert_int_equal(buffer_size(&out), 0);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        uidset_add(set, members[i]);
    uidset_write(set, &out);
    assert_true(view_equal_string(buffer_view(&out), "1:4,7,9:10,12"));
    buffer_free(&out);
    uidset_unref(&set);
}

static void *ref_and_unref(void *set)
{
    for (int i = 0; i < 20000; i++) {
        struct uidset *mine = uidset_ref(set);
        assert_true(uidset_has(mine, 5));
        uidset_unref(&mine);
    }
    return NULL;
}

static void a_shared_set_is_copied_before_a_change(void **state)
{
    struct uidset *set = uidset_new();
    uidset_add(set, 5);
    struct uidset *alone = set;
    uidset_unshare(&set);
    assert_ptr_equal(set, alone);
    struct uidset *held = uidset_ref(set);
    uidset_unshare(&set);
    assert_ptr_not_equal(set, held);
    uidset_add(set, 6);
    assert_int_equal(uidset_count(held), 1);
    assert_int_equal(uidset_count(set), 2);
    uidset_unref(&set);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ref_and_unref, held), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_true(uidset_has(held, 5));
    uidset_unref(&held);
}

static void runs_are_quick_in_full_and_in_sparse_sets(void **state)
{
    struct uidset *set = uidset_new();
    uint32_t a, b, runs = 0;
    uidset_add_range(set, 1, 1000000);
    uidset_optimize(set);
    assert_true(uidset_memory(set) < 4096);
    uint64_t started = clock_monotonic_ms();
    for (int i = 0; i < 1000; i++)
        assert_true(uidset_run(set, 1, &a, &b) && b == 1000000);
    for (uint32_t uid = 2; uid <= 1000000; uid += 2)
        uidset_remove(set, uid);
    for (uint32_t from = 1; uidset_run(set, from, &a, &b); from = b + 1)
        runs++;
    assert_int_equal(runs, 500000);
    /* Generous: half a million runs take about 50 ms; a walk that counts from the start each time takes minutes. */
    assert_true(clock_monotonic_ms() - started < 5000);
    uidset_unref(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes_agree_with_an_array),
        cmocka_unit_test(algebra_agrees_with_an_array),
        cmocka_unit_test(the_largest_uid_is_one_like_any_other),
        cmocka_unit_test(the_text_is_a_sequence_set),
        cmocka_unit_test(a_shared_set_is_copied_before_a_change),
        cmocka_unit_test(runs_are_quick_in_full_and_in_sparse_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
