/* tests/unit/search_thread_kept.c: threads made of kept facts, through rounds of new and vanished messages, against
 * threads made anew. */
#include "base/memory.h"
#include "chance.h"
#include "search/thread_kept.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after stdarg and setjmp */
#include <cmocka.h>

enum { UIDS = 1200, ROUNDS = 8, REFERENCES = 4 };

static struct {
    struct thread_message message;
    uint64_t references[REFERENCES];
    size_t count;
} mails[UIDS + 1];

static void make_mails(void)
{
    for (uint32_t i = 1; i <= UIDS; i++) {
        mails[i].message = (struct thread_message){.uid = i,
                                                   .is_reply = pick(2),
                                                   .sent_s = pick(UIDS),
                                                   .arrived_s = pick(UIDS),
                                                   .subject = pick(UIDS / 2),
                                                   .id = 1 + pick(UIDS)};
        mails[i].count = pick(REFERENCES + 1);
        for (size_t k = 0; k < mails[i].count; k++)
            mails[i].references[k] = 1 + pick(UIDS);
    }
}

static void add(struct threads *t, uint32_t uid)
{
    assert_true(threads_add(t, &mails[uid].message, mails[uid].references, mails[uid].count));
}

static uint32_t same(void *ctx, uint32_t uid)
{
    return uid;
}

static void answer(const struct threads *t, struct buffer *out)
{
    struct threads_place place = {0};
    while (threads_write(t, &place, same, NULL, out)) {
    }
}

static void check(const struct thread_facts *facts, const struct uidset *found, enum threads_kind kind)
{
    struct threads anew = {.kind = kind}, kept = {.kind = kind};
    struct buffer expected = {0}, got = {0};
    for (uint32_t uid = uidset_next(found, 1); uid; uid = uidset_next(found, uid + 1))
        add(&anew, uid);
    assert_true(threads_build(&anew));
    assert_true(thread_facts_add(facts, found, &kept));
    assert_true(threads_build(&kept));
    struct thread_forest *forest = thread_forest_make(&kept, found);
    assert_int_equal(kept.count, 0);
    assert_true(uidset_equal(forest->found, found));
    answer(&anew, &expected);
    answer(&forest->threads, &got);
    assert_true(buffer_size(&got) > 0);
    assert_true(view_equal(buffer_view(&got), buffer_view(&expected)));
    kept_unref(&forest->kept);
    threads_free(&anew);
    threads_free(&kept);
    buffer_free(&expected);
    buffer_free(&got);
}

/* New ones are found in no order. */
static void take_fresh(struct threads *fresh, uint32_t from, uint32_t before)
{
    for (uint32_t uid = before; uid-- > from;)
        if (uid % 3)
            add(fresh, uid);
    for (uint32_t uid = from; uid < before; uid++)
        if (uid % 3 == 0)
            add(fresh, uid);
}

static struct thread_facts *one_round(struct thread_facts *facts, struct uidset *present, uint32_t *next)
{
    struct uidset *gone = some_of(present, 6);
    struct threads fresh = {.kind = THREADS_REFERENCES};
    uint32_t from = *next;
    *next += 1 + pick(UIDS / ROUNDS - 1);
    uidset_remove_set(present, gone);
    uidset_add_range(present, from, *next - 1);
    take_fresh(&fresh, from, *next);
    struct thread_facts *made = thread_facts_make(facts, &fresh, present, from);
    assert_non_null(made);
    assert_true(uidset_equal(made->uids, present));
    assert_int_equal(made->count, uidset_count(present));
    kept_unref((struct kept *)facts);
    threads_free(&fresh);
    uidset_unref(&gone);
    return made;
}

static void test_rounds_of_new_and_vanished_messages(void **state)
{
    for (uint32_t first_seed = 1; first_seed <= 4; first_seed++) {
        struct thread_facts *facts = NULL;
        struct uidset *present = uidset_new();
        uint32_t next = 1;
        seed = first_seed;
        make_mails();
        for (unsigned i = 0; i < ROUNDS; i++) {
            facts = one_round(facts, present, &next);
            for (enum threads_kind kind = THREADS_ORDEREDSUBJECT; kind <= THREADS_REFS; kind++) {
                struct uidset *found = some_of(present, 3);
                uidset_add(found, uidset_max(present));
                check(facts, present, kind);
                check(facts, found, kind);
                uidset_unref(&found);
            }
        }
        kept_unref(&facts->kept);
        uidset_unref(&present);
    }
}

static void test_nothing_is_nothing_to_keep(void **state)
{
    struct threads none = {.kind = THREADS_REFS};
    struct uidset *empty = uidset_new();
    assert_null(thread_facts_make(NULL, &none, empty, 1));
    uidset_unref(&empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds_of_new_and_vanished_messages),
        cmocka_unit_test(test_nothing_is_nothing_to_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
