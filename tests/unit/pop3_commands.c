/* tests/unit/pop3_commands.c: command lines after login, and one session a maildrop. The dialogue:
 * tests/e2e/test_pop3.py. */
#include "pop3/private.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct pop3_message messages[5] = {[2] = {.deleted = 1}};
static struct pop3 pop3 = {.messages = messages, .count = 5, .deleted = 1};

/* Null if the line is fine, else what is wrong with it. */
static const char *problem_of(const char *text)
{
    struct view line = view_of_string(text);
    size_t space = view_find(line, ' ', 0);
    pop3.arguments = space == SIZE_MAX ? VIEW_EMPTY : view_skip(line, space + 1);
    pop3.command = pop3_command_find(view_slice(line, 0, space));
    if (!pop3.command)
        return "Unknown command";
    bool good = pop3_arguments_read(&pop3);
    assert_int_equal(good, pop3.problem == NULL);
    return pop3.problem;
}

static void test_every_command_of_the_table_is_found_in_any_case(void **state)
{
    static const char *const names[] = {"stat", "List", "RETR", "dele", "NOOP", "rset",
                                        "QUIT", "top",  "UIDL", "CaPa", "LANG", "utf8"};
    assert_int_equal(pop3_command_count, sizeof names / sizeof *names);
    for (size_t i = 0; i < pop3_command_count; i++) {
        assert_non_null(pop3_command_find(view_of_string(names[i])));
        assert_non_null(pop3_commands[i].step);
        assert_non_null(strstr(pop3_commands[i].rfc, "RFC "));
    }
    assert_null(pop3_command_find(VIEW_EMPTY));
    assert_null(pop3_command_find(VIEW_LITERAL("STA")));
    assert_null(pop3_command_find(VIEW_LITERAL("STATX")));
    assert_null(pop3_command_find(VIEW_LITERAL("USER"))); /* before login only */
}

static void test_arguments_as_they_should_be(void **state)
{
    assert_null(problem_of("STAT"));
    assert_null(problem_of("STAT "));
    assert_null(problem_of("LIST"));
    assert_int_equal(pop3.index, SIZE_MAX);
    assert_null(problem_of("LIST 1"));
    assert_int_equal(pop3.index, 0);
    assert_null(problem_of("RETR 5 "));
    assert_int_equal(pop3.index, 4);
    assert_null(problem_of("TOP 2 0"));
    assert_int_equal(pop3.index, 1);
    assert_int_equal(pop3.second, 0);
    assert_null(problem_of("TOP 2 2147483647"));
    assert_int_equal(pop3.second, INT32_MAX);
}

static void test_odd_arguments_are_errors_and_never_guessed(void **state)
{
    static const struct {
        const char *line, *problem;
    } rows[] = {{"RETR", "No such message"},
                {"RETR 0", "No such message"},
                {"RETR 6", "No such message"},
                {"RETR 01", "No such message"},
                {"RETR -1", "No such message"},
                {"RETR +1", "No such message"},
                {"RETR 1x", "No such message"},
                {"RETR 4294967297", "No such message"},
                {"RETR 3", "Message is deleted"},
                {"DELE 3", "Message is deleted"},
                {"RETR 1 2", "Too many arguments"},
                {"STAT x", "Too many arguments"},
                {"LIST 1 2", "Too many arguments"},
                {"TOP 1", "Not a number of lines"},
                {"TOP 1 x", "Not a number of lines"},
                {"TOP 1 -1", "Not a number of lines"},
                {"TOP 1 2147483648", "Not a number of lines"},
                {"TOP 1 1 1", "Too many arguments"},
                {"TOP 1  1", "Not a number of lines"},
                {"USER ann", "Unknown command"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *problem = problem_of(rows[i].line);
        assert_non_null(problem);
        assert_string_equal(problem, rows[i].problem);
    }
}

static void test_the_last_line_end_is_counted_if_it_must_be_made(void **state)
{
    const struct pop3_message whole = {.octets = 10}, open = {.octets = 10, .open = 1};
    assert_int_equal(pop3_octets_sent(&whole), 10);
    assert_int_equal(pop3_octets_sent(&open), 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_of_the_table_is_found_in_any_case),
        cmocka_unit_test(test_arguments_as_they_should_be),
        cmocka_unit_test(test_odd_arguments_are_errors_and_never_guessed),
        cmocka_unit_test(test_the_last_line_end_is_counted_if_it_must_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
