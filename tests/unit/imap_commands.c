/* tests/unit/imap_commands.c: the table of commands: its order, its rows, the fuzzer's dictionary. */
#include "imap/private.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_the_table_is_in_order_and_whole(void **state)
{
    for (size_t i = 0; i < imap_command_count; i++) {
        const struct imap_command *c = &imap_commands[i];
        assert_true(!i || strcmp(imap_commands[i - 1].name, c->name) < 0);
        assert_non_null(c->step);
        assert_true(c->states & STATE_SELECTED);
        assert_true(strstr(c->rfc, "RFC ") || view_starts_with(view_of_string(c->rfc), VIEW_LITERAL("draft-")));
        assert_true(!(c->flags & COMMAND_WRITES) || !(c->states & STATE_AUTHENTICATED));
    }
}

static void test_the_dictionary_of_the_fuzzer_has_every_command(void **state)
{
    static char text[65536];
    FILE *file = fopen(WAXWING_SOURCE "/fuzz/imap_command.dict", "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    for (size_t i = 0; i < imap_command_count; i++) {
        char row[64];
        snprintf(row, sizeof row, "\" %s \"\n", imap_commands[i].name);
        if (!strstr(text, row))
            fail_msg("fuzz/imap_command.dict lacks %s", row);
    }
}

static void test_capabilities_are_words_said_once(void **state)
{
    struct buffer out = {0};
    imap_write_capabilities(&out, true);
    struct view rest = buffer_view(&out);
    assert_true(view_starts_with(rest, VIEW_LITERAL("IMAP4rev1 ")));
    while (rest.size) {
        size_t end = view_find(rest, ' ', 0);
        struct view word = view_slice(rest, 0, end);
        assert_true(word.size > 0);
        rest = end == SIZE_MAX ? VIEW_EMPTY : view_skip(rest, end + 1);
        for (struct view later = rest; later.size;) {
            size_t next = view_find(later, ' ', 0);
            assert_false(view_equal(view_slice(later, 0, next), word));
            later = next == SIZE_MAX ? VIEW_EMPTY : view_skip(later, next + 1);
        }
    }
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_is_in_order_and_whole),
        cmocka_unit_test(test_the_dictionary_of_the_fuzzer_has_every_command),
        cmocka_unit_test(test_capabilities_are_words_said_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
