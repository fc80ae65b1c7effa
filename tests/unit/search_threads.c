/* tests/unit/search_threads.c: THREAD's algorithms over messages that are written as a few numbers. */
#include "base/limits.h"
#include "base/memory.h"
#include "search/threads.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Ids and subjects are letters here: "id" is one, "references" several, oldest first. sent and arrived: seconds. */
struct row {
    const char *id, *references;
    int sent;
    const char *subject;
    bool is_reply;
    int arrived;
};

static uint32_t same(void *ctx, uint32_t uid)
{
    return uid;
}

static char *answer(struct threads *t)
{
    struct buffer out = {0};
    struct threads_place place = {0};
    while (threads_write(t, &place, same, NULL, &out))
        ;
    char *text = strndup(buffer_view(&out).data, buffer_size(&out));
    buffer_free(&out);
    return text;
}

static void gives(enum threads_kind kind, const struct row *rows, size_t count, const char *expected)
{
    struct threads t = {.kind = kind};
    for (size_t i = 0; i < count; i++) {
        uint64_t ids[8];
        size_t n = 0;
        for (const char *p = rows[i].references; p && *p; p++)
            ids[n++] = (uint64_t)*p;
        struct thread_message m = {.uid = (uint32_t)i + 1,
                                   .is_reply = rows[i].is_reply,
                                   .sent_s = rows[i].sent,
                                   .arrived_s = rows[i].arrived,
                                   .subject = rows[i].subject ? (uint64_t)rows[i].subject[0] : 0,
                                   .id = rows[i].id ? (uint64_t)rows[i].id[0] : 0};
        assert_true(threads_add(&t, &m, ids, n));
    }
    assert_true(threads_build(&t));
    char *text = answer(&t);
    assert_string_equal(text, expected);
    free(text);
    threads_free(&t);
}
#define GIVES(kind, expected, ...)                                                                                     \
    do {                                                                                                               \
        static const struct row rows[] = {__VA_ARGS__};                                                                \
        gives((kind), rows, sizeof rows / sizeof *rows, (expected));                                                   \
    } while (0)

static void test_nothing(void **state)
{
    gives(THREADS_REFERENCES, NULL, 0, "");
}

/* RFC 5256 4: (2)(3 6 (4 23)(44 7 96)), with smaller numbers. */
static void test_the_example_of_the_answer(void **state)
{
    GIVES(THREADS_REFERENCES, "(1)(2 4 (3 5)(7 6 8))", {"a", "", 1}, {"b", "", 2}, {"d", "bc", 4}, {"c", "b", 3},
          {"e", "bcd", 5}, {"f", "bcg", 7}, {"g", "bc", 6}, {"h", "bcgf", 8});
    /* ((3)(5)): the parent isn't there. */
    GIVES(THREADS_REFERENCES, "((1)(2))", {"b", "a", 1}, {"c", "a", 2});
}

static void test_dummies_are_pruned(void **state)
{
    GIVES(THREADS_REFERENCES, "(1)", {"b", "a", 1});                   /* one child is promoted */
    GIVES(THREADS_REFERENCES, "(1 2)", {"a", "", 1}, {"d", "abc", 2}); /* in the middle they go */
    GIVES(THREADS_REFERENCES, "(1 (2)(3))", {"a", "", 1}, {"d", "abc", 2}, {"e", "abc", 3});
    GIVES(THREADS_REFERENCES, "((1)(2))", {"d", "abc", 1}, {"e", "abc", 2}); /* the topmost holds them together */
    GIVES(THREADS_REFERENCES, "((1)(2 3))", {"d", "ab", 1}, {"e", "ac", 2}, {"f", "ace", 3});
}

static void test_the_last_reference_is_the_parent_even_if_another_said_otherwise(void **state)
{
    /* 2's references were cut: it says that c's parent is a; c itself knows better. */
    GIVES(THREADS_REFERENCES, "(1 2 4 3)", {"a", "", 1}, {"b", "a", 2}, {"d", "ac", 4}, {"c", "ab", 3});
    /* A message without references has no parent. */
    GIVES(THREADS_REFERENCES, "(3)(2 1)", {"c", "ba", 3}, {"a", "", 2}, {"b", "", 1});
    GIVES(THREADS_REFERENCES, "(2 1 3)", {"a", "", 2}, {"b", "", 1}, {"c", "ba", 3}); /* it came too late to say so */
}

static void test_loops_are_not_made(void **state)
{
    GIVES(THREADS_REFERENCES, "(2 1)", {"a", "b", 1}, {"b", "a", 2});
    GIVES(THREADS_REFERENCES, "(1)", {"a", "a", 1});
    GIVES(THREADS_REFERENCES, "(2 3 1)", {"a", "bc", 1}, {"b", "ca", 2}, {"c", "ab", 3});
}

static void test_the_first_of_the_same_id_has_it(void **state)
{
    GIVES(THREADS_REFERENCES, "(1 3)(2)", {"a", "", 1}, {"a", "", 2}, {"b", "a", 3});
    GIVES(THREADS_REFERENCES, "(1)(2)", {NULL, "", 1}, {NULL, "", 2});
}

static void test_siblings_go_by_date_and_then_by_number(void **state)
{
    GIVES(THREADS_REFERENCES, "(4 (1)(3)(2))(5)", {"b", "a", 5}, {"c", "a", 9}, {"d", "a", 5}, {"a", "", 1},
          {"e", "", 1});
    /* A dummy stands where its first child would (4). */
    GIVES(THREADS_REFERENCES, "(3)((2)(1))(4)", {"b", "x", 9}, {"c", "x", 3}, {"d", "", 2}, {"e", "", 4});
}

static void test_subjects_join_threads(void **state)
{
    /* A reply goes below what it replies to. */
    GIVES(THREADS_REFERENCES, "(1 2)", {"a", "", 1, "S", false}, {"b", "", 2, "S", true});
    GIVES(THREADS_REFERENCES, "(2 1)", {"a", "", 1, "S", true}, {"b", "", 2, "S", false});
    /* Neither is a reply, or both are: a dummy holds them. */
    GIVES(THREADS_REFERENCES, "((1)(2))", {"a", "", 1, "S", false}, {"b", "", 2, "S", false});
    GIVES(THREADS_REFERENCES, "((1)(2)(3))", {"a", "", 1, "S", true}, {"b", "", 2, "S", true}, {"c", "", 3, "S", true});
    /* A dummy in the table takes others as children; two dummies become one. */
    GIVES(THREADS_REFERENCES, "((1)(2)(3))", {"b", "a", 1, "S", true}, {"c", "a", 2, "S", true},
          {"d", "", 3, "S", false});
    GIVES(THREADS_REFERENCES, "((1)(2)(3)(4))", {"b", "a", 1, "S", true}, {"c", "a", 2, "S", true},
          {"e", "d", 3, "S", true}, {"f", "d", 4, "S", true});
    /* No subject joins nothing. */
    GIVES(THREADS_REFERENCES, "(1)(2)", {"a", "", 1, NULL, false}, {"b", "", 2, NULL, true});
    /* Below the top they don't matter. */
    GIVES(THREADS_REFERENCES, "(1 2)(3)", {"a", "", 1, "S", false}, {"b", "a", 2, "T", true}, {"c", "", 3, "T", false});
}

static void test_refs_ignores_subjects_and_goes_by_arrival(void **state)
{
    GIVES(THREADS_REFS, "(2)(1 3)", {"a", "", 1, "S", false, 10}, {"b", "", 2, "S", true, 20},
          {"c", "a", 3, "S", true, 30});
    GIVES(THREADS_REFS, "(3)((1)(2))", {"b", "a", 1, NULL, false, 5}, {"c", "a", 2, NULL, false, 40},
          {"d", "", 9, NULL, false, 30});
}

static void test_orderedsubject_is_two_levels(void **state)
{
    GIVES(THREADS_ORDEREDSUBJECT, "(3)(2 (1)(5))(4)", {"a", "", 5, "S"}, {"b", "", 2, "S"}, {"c", "b", 1, "T"},
          {"d", "a", 4, "U"}, {"e", "", 6, "S"});
    GIVES(THREADS_ORDEREDSUBJECT, "(1 2)", {"a", "", 1, "S"}, {"b", "", 2, "S"});
}

/* A chain as deep as it is long is no reason to recurse, nor to look for loops for ever. */
static void test_deep_chains_and_wide_forests(void **state)
{
    enum { MANY = 100000 };
    struct threads t = {.kind = THREADS_REFERENCES};
    for (uint32_t i = 1; i <= MANY; i++) {
        struct thread_message m = {.uid = i, .sent_s = i, .id = i};
        uint64_t parent = i - 1;
        assert_true(threads_add(&t, &m, &parent, i > 1));
    }
    assert_true(threads_build(&t));
    char *text = answer(&t);
    assert_int_equal(text[0], '(');
    assert_string_equal(text + strlen(text) - 7, "100000)");
    assert_null(strchr(text + 1, '('));
    free(text);
    threads_free(&t);
    /* Two-message threads that are hung one by one under the end of a long one: each is looked through to the top. */
    struct threads u = {.kind = THREADS_REFERENCES};
    for (uint32_t i = 1; i <= MANY; i++) {
        struct thread_message m = {.uid = i, .sent_s = i, .id = i};
        uint64_t ids[2] = {i <= MANY / 2 ? i - 1 : MANY / 2, i + MANY};
        assert_true(threads_add(&u, &m, ids, i <= MANY / 2 ? i > 1 : 2));
    }
    assert_true(threads_build(&u));
    threads_free(&u);
}

static void test_memory_has_a_limit(void **state)
{
    struct threads t = {.kind = THREADS_REFERENCES};
    struct thread_message m = {.uid = 1};
    bool good = true;
    while (good && t.count < 100000000) {
        m.uid++;
        good = threads_add(&t, &m, NULL, 0);
    }
    assert_false(good);
    assert_true(t.purse.taken <= LIMIT_SEARCH_MEMORY);
    threads_free(&t);
    assert_int_equal(t.purse.taken, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_the_example_of_the_answer),
        cmocka_unit_test(test_dummies_are_pruned),
        cmocka_unit_test(test_the_last_reference_is_the_parent_even_if_another_said_otherwise),
        cmocka_unit_test(test_loops_are_not_made),
        cmocka_unit_test(test_the_first_of_the_same_id_has_it),
        cmocka_unit_test(test_siblings_go_by_date_and_then_by_number),
        cmocka_unit_test(test_subjects_join_threads),
        cmocka_unit_test(test_refs_ignores_subjects_and_goes_by_arrival),
        cmocka_unit_test(test_orderedsubject_is_two_levels),
        cmocka_unit_test(test_deep_chains_and_wide_forests),
        cmocka_unit_test(test_memory_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
