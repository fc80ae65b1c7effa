/* tests/unit/search_order.c: keys of SORT, and what they are put into order by. */
#include "base/memory.h"
#include "search/order.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct mail {
    int64_t arrived, sent; /* sent 0: no Date */
    uint64_t size;
    const char *subject, *from;
};

static const struct mail mails[] = {{50, 10, 300, "B", "X"}, {40, 0, 100, "A", "Y"},  {30, 45, 200, "B", ""},
                                    {-20, 10, 100, "", "X"}, {10, 60, 50, "AB", "Y"}, {10, 60, 50, "A\1", "Y"}};
enum { MAILS = sizeof mails / sizeof *mails };

static void sorts(struct order_program program, const char *expected)
{
    struct order order = {0};
    struct buffer key = {0};
    for (uint32_t i = 0; i < MAILS; i++) {
        struct message_row row = {.uid = i + 1, .internal_utc_s = mails[i].arrived, .size_octets = mails[i].size};
        struct email email = {.digest = {.flags = mails[i].sent ? DIGEST_HAS_DATE : 0,
                                         .sent_utc_s = mails[i].sent,
                                         .sort_subject = view_of_string(mails[i].subject),
                                         .sort_from = view_of_string(mails[i].from)}};
        buffer_clear(&key);
        order_write_key(&program, &row, &email, 1, &key);
        assert_true(order_add(&order, buffer_view(&key), row.uid));
    }
    order_sort(&order);
    char found[MAILS + 1] = "";
    for (size_t i = 0; i < order.count; i++)
        found[i] = (char)('0' + order_uid(&order, i));
    assert_string_equal(found, expected);
    order_free(&order);
    buffer_free(&key);
}
#define SORTS(expected, ...)                                                                                           \
    sorts((struct order_program){.criteria = {__VA_ARGS__},                                                            \
                                 .count = sizeof((struct order_criterion[]){__VA_ARGS__}) /                            \
                                          sizeof(struct order_criterion)},                                             \
          (expected))

/* RFC 5256 3: ties go by number, under REVERSE too. */
static void test_one_criterion(void **state)
{
    SORTS("456321", {ORDER_ARRIVAL});
    SORTS("123564", {ORDER_ARRIVAL, true});
    SORTS("562431", {ORDER_SIZE});
    SORTS("132456", {ORDER_SIZE, true});
    SORTS("142356", {ORDER_DATE}); /* 2.2: without a date INTERNALDATE is it */
    SORTS("563214", {ORDER_DATE, true});
}

/* The empty text comes first, a beginning before what goes on. */
static void test_texts(void **state)
{
    SORTS("426513", {ORDER_SUBJECT});
    SORTS("135624", {ORDER_SUBJECT, true});
    SORTS("314256", {ORDER_FROM});
}

static void test_several_criteria(void **state)
{
    SORTS("426531", {ORDER_SUBJECT}, {ORDER_SIZE});
    SORTS("426513", {ORDER_SUBJECT}, {ORDER_SIZE, true});
    SORTS("341265", {ORDER_FROM}, {ORDER_DATE}, {ORDER_SUBJECT});
    SORTS("256143", {ORDER_FROM, true}, {ORDER_DATE}, {ORDER_SUBJECT, true});
}

static void test_a_long_text_is_cut(void **state)
{
    struct order_program program = {.criteria = {{ORDER_SUBJECT}}, .count = 1};
    char *text = memory_new(LIMIT_SORT_KEY + 10);
    memset(text, 'x', LIMIT_SORT_KEY + 10);
    struct email email = {.digest = {.sort_subject = view_of(text, LIMIT_SORT_KEY + 10)}};
    struct message_row row = {.uid = 1};
    struct buffer key = {0};
    order_write_key(&program, &row, &email, 1, &key);
    assert_int_equal(buffer_size(&key), LIMIT_SORT_KEY + 1);
    buffer_free(&key);
    free(text);
}

static void test_memory_has_a_limit(void **state)
{
    struct order order = {0};
    char key[LIMIT_SORT_KEY];
    memset(key, 'k', sizeof key);
    uint32_t uid = 0;
    while (order_add(&order, view_of(key, sizeof key), ++uid))
        assert_true(uid < 1000000);
    assert_true(order.purse.taken <= LIMIT_SEARCH_MEMORY);
    struct purse other = {0}, third = {0};
    assert_true(purse_reach(&other, LIMIT_SEARCH_MEMORY));
    assert_false(purse_reach(&third, LIMIT_SEARCH_MEMORY)); /* together they would pass the purse */
    order_free(&order);
    assert_true(purse_reach(&third, LIMIT_SEARCH_MEMORY));
    purse_empty(&other);
    purse_empty(&third);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_criterion),      cmocka_unit_test(test_texts),
        cmocka_unit_test(test_several_criteria),   cmocka_unit_test(test_a_long_text_is_cut),
        cmocka_unit_test(test_memory_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
