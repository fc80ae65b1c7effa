/* tests/unit/ipc_words.c: verb, arguments and options of a CONTROL_RUN. */
#include "ipc/words.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define OCTETS(text) view_of(text, sizeof(text))

static void test_arguments_and_options_mix(void **state)
{
    struct words words;
    assert_true(words_take(&words, OCTETS("user add\0--quota=5\0ann\0--address=a\0--address\0--\0--bob\0--quota=6")));
    assert_string_equal(words_verb(&words), "user add");
    assert_string_equal(words_argument(&words, 0), "ann");
    assert_string_equal(words_argument(&words, 1), "--bob");
    assert_string_equal(words_argument(&words, 2), "--quota=6");
    assert_null(words_argument(&words, 3));
    assert_string_equal(words_option(&words, "quota", 0), "5");
    assert_null(words_option(&words, "quota", 1));
    assert_null(words_option(&words, "quo", 0));
    assert_string_equal(words_option(&words, "address", 0), "a");
    assert_string_equal(words_option(&words, "address", 1), "");
    words_free(&words);
}

static void test_too_many_and_unended_words_are_refused(void **state)
{
    struct words words;
    char many[2 * (WORDS_MAX + 1)] = "";
    for (size_t i = 0; i < sizeof many; i += 2)
        many[i] = 'x';
    assert_true(words_take(&words, view_of(many, sizeof many - 2)));
    words_free(&words);
    assert_false(words_take(&words, view_of(many, sizeof many)));
    words_free(&words);
    assert_false(words_take(&words, view_of("verb", 4)));
    words_free(&words);
    assert_false(words_take(&words, VIEW_EMPTY));
    assert_null(words_verb(&words));
    words_free(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_and_options_mix),
        cmocka_unit_test(test_too_many_and_unended_words_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
