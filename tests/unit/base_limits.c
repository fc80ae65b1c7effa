/* tests/unit/base_limits.c: the table of limits is sane: every row has words, a value that fits, and none contradicts
 * another. */
#include "base/limits.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after stdarg and setjmp */
#include <cmocka.h>

static const struct {
    const char *name;
    int64_t value;
    const char *unit, *why, *seen;
} rows[] = {
#define ROW(name, value, unit, why, seen) {#name, (value), unit, why, seen},
    LIMITS(ROW)
#undef ROW
};

static void every_row_is_complete_and_named_once(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(rows[i].value > 0 && rows[i].value <= INT32_MAX);
        assert_true(rows[i].unit[0] && rows[i].why[0] && rows[i].seen[0]);
        for (size_t k = i + 1; k < sizeof rows / sizeof *rows; k++)
            assert_string_not_equal(rows[i].name, rows[k].name);
    }
}

static void limits_that_lean_on_each_other_agree(void **state)
{
    /* A login line and a command must fit what a stream reads ahead; a step's output fits below the high mark. */
    assert_true((int64_t)LIMIT_LOGIN_LINE <= LIMIT_STREAM_INPUT);
    assert_true((int64_t)LIMIT_LMTP_LINE <= LIMIT_STREAM_INPUT);
    assert_true((int64_t)LIMIT_STEP_OCTETS <= LIMIT_STREAM_OUTPUT);
    assert_true((int64_t)LIMIT_IMAP_LITERAL <= LIMIT_COMMAND_MEMORY);
    assert_true((int64_t)LIMIT_DIGEST_OCTETS < LIMIT_FRAME_QUEUE);
    assert_true((int64_t)LIMIT_CONTROL_FRAME < LIMIT_FRAME_QUEUE);
    assert_true((int64_t)LIMIT_SESSIONS_ACCOUNT_PEER <= LIMIT_SESSIONS_ACCOUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete_and_named_once),
        cmocka_unit_test(limits_that_lean_on_each_other_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
