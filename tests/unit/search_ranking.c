/* tests/unit/search_ranking.c: rankings through rounds of new and vanished messages, against plain sorting. */
#include "base/memory.h"
#include "chance.h"
#include "search/ranking.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after stdarg and setjmp */
#include <cmocka.h>

enum { UIDS = 3000, ROUNDS = 12 };

static char keys[UIDS + 1][16];
static uint32_t spread; /* UID i is i * spread */

static struct view key_of(uint32_t number)
{
    return view_of(keys[number], strlen(keys[number]) + 1);
}

/* Of all lengths, many the same: ties go by UID. */
static void make_keys(void)
{
    for (uint32_t i = 1; i <= UIDS; i++) {
        uint32_t size = pick(14);
        memset(keys[i], 0, sizeof keys[i]);
        for (uint32_t k = 0; k < size; k++)
            keys[i][k] = (char)('a' + pick(k < 7 ? 2 : 3));
    }
}

static void add_all(const struct uidset *uids, struct order *order)
{
    for (uint32_t uid = uidset_next(uids, 1); uid; uid = uidset_next(uids, uid + 1))
        assert_true(order_add(order, key_of(uid / spread), uid));
}

static int plainly(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int result = view_compare(key_of(x / spread), key_of(y / spread));
    return result ? result : x < y ? -1 : x > y;
}

static void expect(const struct uidset *uids, const struct order *order)
{
    uint32_t *expected = memory_array((size_t)uidset_count(uids) + 1, sizeof *expected), count = 0;
    for (uint32_t uid = uidset_next(uids, 1); uid; uid = uidset_next(uids, uid + 1))
        expected[count++] = uid;
    qsort(expected, count, sizeof *expected, plainly);
    assert_int_equal(order->count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(order_uid(order, i), expected[i]);
    free(expected);
}

static void check(const struct ranking *ranking, const struct uidset *found)
{
    struct order chosen = {0}, copied = {0};
    assert_true(ranking_choose(ranking, found, &chosen));
    expect(found, &chosen);
    assert_true(ranking_copy(ranking, found, &copied));
    order_sort(&copied);
    expect(found, &copied);
    order_free(&chosen);
    order_free(&copied);
}

static void one_round(struct ranking **ranking, struct uidset *present, uint32_t *next)
{
    struct uidset *fresh = uidset_new(), *gone = some_of(present, 5);
    struct order order = {0};
    uint32_t before = *next * spread;
    for (uint32_t i = pick(UIDS / ROUNDS - 1) + 1; i > 0; i--)
        uidset_add(fresh, (*next)++ * spread);
    uidset_remove_set(present, gone);
    uidset_add_set(present, fresh);
    add_all(fresh, &order);
    order_sort(&order);
    struct ranking *made = ranking_make(*ranking, &order, present, before);
    assert_non_null(made);
    assert_true(uidset_equal(made->uids, present));
    expect(present, &made->order);
    kept_unref((struct kept *)*ranking);
    *ranking = made;
    order_free(&order);
    uidset_unref(&fresh);
    uidset_unref(&gone);
}

static void rounds(uint32_t first_seed, uint32_t uid_spread)
{
    struct ranking *ranking = NULL;
    struct uidset *present = uidset_new();
    uint32_t next = 1;
    seed = first_seed;
    spread = uid_spread;
    make_keys();
    for (unsigned i = 0; i < ROUNDS; i++) {
        one_round(&ranking, present, &next);
        check(ranking, present);
        for (uint32_t one_in = 2; one_in < 200; one_in *= 5) {
            struct uidset *found = some_of(present, one_in);
            check(ranking, found);
            uidset_unref(&found);
        }
    }
    kept_unref(&ranking->kept);
    uidset_unref(&present);
}

static void test_rounds_of_new_and_vanished_messages(void **state)
{
    for (uint32_t i = 1; i <= 5; i++) {
        rounds(i, 1);
        rounds(i, 1000); /* UIDs far apart */
    }
}

/* A session that hasn't heard of the newest yet must not take them out of what others use. */
static void test_what_a_session_does_not_know_yet_stays(void **state)
{
    struct order order = {0};
    struct uidset *all = uidset_new(), *mine = uidset_new();
    seed = 1;
    spread = 1;
    make_keys();
    uidset_add_range(all, 1, 10);
    uidset_add_range(mine, 1, 6);
    uidset_remove(mine, 3);
    add_all(all, &order);
    order_sort(&order);
    struct ranking *first = ranking_make(NULL, &order, all, 11);
    struct order none = {0};
    struct ranking *second = ranking_make(first, &none, mine, 7);
    uidset_remove(all, 3);
    assert_true(uidset_equal(second->uids, all));
    expect(all, &second->order);
    kept_unref(&first->kept);
    kept_unref(&second->kept);
    order_free(&order);
    uidset_unref(&all);
    uidset_unref(&mine);
}

static void test_what_lasts_and_what_it_is_found_by(void **state)
{
    struct order_program date = {.criteria = {{.by = ORDER_DATE}}, .count = 1}, back = date, two = date, never = date;
    back.criteria[0].reverse = true;
    two.criteria[two.count++] = (struct order_criterion){.by = ORDER_SUBJECT};
    never.criteria[never.count++] = (struct order_criterion){.by = ORDER_RELEVANCY};
    assert_true(ranking_lasts(&two));
    assert_false(ranking_lasts(&never));
    never.criteria[1].by = ORDER_ANNOTATION;
    assert_false(ranking_lasts(&never));
    const struct order_program *const programs[] = {&date, &back, &two};
    char octets[3][RANKING_NAME_OCTETS], again[RANKING_NAME_OCTETS];
    struct view names[3];
    for (size_t i = 0; i < 3; i++)
        names[i] = ranking_name(programs[i], octets[i]);
    assert_false(view_equal(names[0], names[1]));
    assert_false(view_equal(names[0], names[2]));
    assert_false(view_equal(names[1], names[2]));
    assert_true(view_equal(names[2], ranking_name(&two, again)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds_of_new_and_vanished_messages),
        cmocka_unit_test(test_what_a_session_does_not_know_yet_stays),
        cmocka_unit_test(test_what_lasts_and_what_it_is_found_by),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
