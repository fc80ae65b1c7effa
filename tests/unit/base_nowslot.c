/* tests/unit/base_nowslot.c: base/nowslot.h */
#include "base/nowslot.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* after stdarg and setjmp */
#include <cmocka.h>

static struct nowslot page[NOWSLOT_COUNT + 1];

static void *one_thread(void *number)
{
    nowslot_set((uint64_t)(uintptr_t)number, 1, "FETCH");
    return NULL;
}

static void command_of(const struct nowslot *slot, char *out)
{
    for (size_t i = 0; i < sizeof slot->command; i++)
        out[i] = slot->command[i];
    out[sizeof slot->command] = 0;
}

static void each_thread_has_a_slot_of_its_own(void **state)
{
    char command[17];
    nowslot_set(7, 8, "before there is a page");
    nowslot_use(page);
    nowslot_set(11, 12, "SELECT");
    assert_int_equal(page[0].account, 11);
    assert_int_equal(page[0].session, 12);
    command_of(&page[0], command);
    assert_string_equal(command, "SELECT");
    nowslot_set(11, 12, "a name longer than fits");
    command_of(&page[0], command);
    assert_string_equal(command, "a name longer th");
    nowslot_set(0, 0, "");
    assert_int_equal(page[0].account, 0);
    assert_int_equal(page[1].account, 0);
    /* More threads than slots: the later ones have none, and nothing behind the page is touched. */
    for (uintptr_t i = 1; i < NOWSLOT_COUNT + 10; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, one_thread, (void *)i), 0);
        pthread_join(thread, NULL);
    }
    for (uint64_t i = 1; i < NOWSLOT_COUNT; i++)
        assert_int_equal(page[i].account, i);
    assert_int_equal(page[NOWSLOT_COUNT].account, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_thread_has_a_slot_of_its_own)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
