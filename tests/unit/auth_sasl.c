#include "auth/apop.h"
#include "auth/sasl.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define OCTETS(text) text, sizeof(text) - 1

/* The example of RFC 1939 7. */
static void apop_digests_as_the_rfc_does(void **state)
{
    struct view stamp = VIEW_LITERAL("<1896.697170952@dbc.mtview.ca.us>"), secret = VIEW_LITERAL("tanstaaf");
    struct view digest = VIEW_LITERAL("c4c9334bac560ecc979e58001b3e22fb");
    assert_true(apop_fits(stamp, secret, digest));
    assert_false(apop_fits(stamp, VIEW_LITERAL("tanstaag"), digest));
    assert_false(apop_fits(VIEW_LITERAL("<1896.697170953@dbc.mtview.ca.us>"), secret, digest));
    assert_false(apop_fits(stamp, secret, view_slice(digest, 0, 31)));
    assert_false(apop_fits(stamp, VIEW_EMPTY, VIEW_LITERAL("d41d8cd98f00b204e9800998ecf8427e")));
}

static void each_mechanism_with_each_input(void **state)
{
    static const struct {
        const char *mechanism, *octets;
        size_t size;
        enum sasl_result result;
        const char *name, *password;
    } rows[] = {
        {"PLAIN", OCTETS("\0ann\0secret"), SASL_CREDENTIALS, "ann", "secret"},
        {"plain", OCTETS("ann\0ann\0secret"), SASL_CREDENTIALS, "ann", "secret"},
        {"PLAIN", OCTETS("ANN\0ann\0secret"), SASL_CREDENTIALS, "ann", "secret"},
        {"PLAIN", OCTETS("bob\0ann\0secret"), SASL_REFUSED, NULL, NULL},
        {"PLAIN", OCTETS(""), SASL_SYNTAX, NULL, NULL},
        {"PLAIN", OCTETS("="), SASL_SYNTAX, NULL, NULL},
        {"PLAIN", OCTETS("*"), SASL_SYNTAX, NULL, NULL},
        {"PLAIN", OCTETS("\0"), SASL_SYNTAX, NULL, NULL},
        {"PLAIN", OCTETS("\0ann"), SASL_SYNTAX, NULL, NULL},
        {"PLAIN", OCTETS("\0\0"), SASL_SYNTAX, NULL, NULL},
        {"PLAIN", OCTETS("\0\0secret"), SASL_SYNTAX, NULL, NULL},
        {"PLAIN", OCTETS("\0ann\0"), SASL_CREDENTIALS, "ann", ""},
        {"PLAIN", OCTETS("\0ann\0sec\0ret"), SASL_SYNTAX, NULL, NULL},
        {"PLAIN", OCTETS("\0\0\0\0\0"), SASL_SYNTAX, NULL, NULL},
        {"PLAIN", OCTETS("\0ann\0p\xc3\xa4ss w\xff"), SASL_CREDENTIALS, "ann", "p\xc3\xa4ss w\xff"},
        {"LOGIN", OCTETS(""), SASL_SYNTAX, NULL, NULL},
        {"LOGIN", OCTETS("a\0b"), SASL_SYNTAX, NULL, NULL},
        {"LOGIN", OCTETS("*"), SASL_MORE, NULL, NULL},
        {"LOGIN-COMMAND", OCTETS("ann\0secret"), SASL_CREDENTIALS, "ann", "secret"},
        {"LOGIN-COMMAND", OCTETS("ann"), SASL_SYNTAX, NULL, NULL},
        {"LOGIN-COMMAND", OCTETS(""), SASL_SYNTAX, NULL, NULL},
        {"LOGIN-COMMAND", OCTETS("="), SASL_SYNTAX, NULL, NULL},
        {"LOGIN-COMMAND", OCTETS("\0secret"), SASL_SYNTAX, NULL, NULL},
        {"LOGIN-COMMAND", OCTETS("ann\0se\0cret"), SASL_SYNTAX, NULL, NULL},
        {"APOP", OCTETS("ann\0<1@b>\0c4c9334bac560ecc979e58001b3e22fb"), SASL_CREDENTIALS, "ann",
         "c4c9334bac560ecc979e58001b3e22fb"},
        {"APOP", OCTETS("ann\0\0c4c9334bac560ecc979e58001b3e22fb"), SASL_SYNTAX, NULL, NULL},
        {"APOP", OCTETS("ann\0<1@b>"), SASL_SYNTAX, NULL, NULL},
        {"APOP", OCTETS(""), SASL_SYNTAX, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sasl sasl;
        char *exact = malloc(rows[i].size > 0 ? rows[i].size : 1);
        memcpy(exact, rows[i].octets, rows[i].size);
        struct view octets = view_of(exact, rows[i].size);
        assert_true(sasl_start(&sasl, view_of_string(rows[i].mechanism)));
        enum sasl_result result = sasl_step(&sasl, &octets);
        if (result != rows[i].result)
            fail_msg("row %zu: %d", i, result);
        if (rows[i].name != NULL) {
            assert_string_equal(sasl.name, rows[i].name);
            assert_string_equal(sasl.password, rows[i].password);
            assert_int_equal(sasl.password_size, strlen(rows[i].password));
            sasl_wipe(&sasl);
            assert_string_equal(sasl.password, "");
        }
        free(exact);
    }
}

static void login_asks_for_the_name_and_then_the_password(void **state)
{
    struct sasl sasl;
    struct view name = VIEW_LITERAL("ann"), password = VIEW_LITERAL("secret");
    assert_true(sasl_start(&sasl, VIEW_LITERAL("LOGIN")));
    assert_int_equal(sasl_step(&sasl, NULL), SASL_MORE);
    assert_true(view_equal_string(sasl.challenge, "Username:"));
    assert_int_equal(sasl_step(&sasl, &name), SASL_MORE);
    assert_true(view_equal_string(sasl.challenge, "Password:"));
    assert_int_equal(sasl_step(&sasl, &password), SASL_CREDENTIALS);
    assert_string_equal(sasl.name, "ann");
    assert_string_equal(sasl.password, "secret");
    assert_int_equal(sasl_step(&sasl, &(struct view){"", 0}), SASL_CREDENTIALS);
    assert_int_equal(sasl.password_size, 0);
}

static void plain_without_an_initial_response_gets_an_empty_challenge(void **state)
{
    struct sasl sasl;
    assert_true(sasl_start(&sasl, VIEW_LITERAL("PLAIN")));
    assert_int_equal(sasl_step(&sasl, NULL), SASL_MORE);
    assert_int_equal(sasl.challenge.size, 0);
    assert_true(sasl_start(&sasl, VIEW_LITERAL("LOGIN-COMMAND")));
    assert_int_equal(sasl_step(&sasl, NULL), SASL_SYNTAX);
}

static void every_prefix_of_a_good_response_is_harmless(void **state)
{
    static const char good[] = "ann\0ann\0secret";
    for (size_t size = 0; size < sizeof(good) - 1; size++) {
        char *exact = malloc(size > 0 ? size : 1);
        memcpy(exact, good, size);
        struct view octets = view_of(exact, size);
        struct sasl sasl;
        sasl_start(&sasl, VIEW_LITERAL("PLAIN"));
        assert_int_equal(sasl_step(&sasl, &octets), size < 8 ? SASL_SYNTAX : SASL_CREDENTIALS);
        free(exact);
    }
}

static void sixty_four_kib_are_refused_by_each_mechanism(void **state)
{
    static const char *const names[] = {"PLAIN", "LOGIN", "LOGIN-COMMAND"};
    char *big = malloc(65536);
    for (size_t i = 0; i < 3; i++) {
        struct sasl sasl;
        struct view octets = view_of(big, 65536);
        memset(big, 'x', 65536);
        big[300] = big[40000] = 0;
        assert_true(sasl_start(&sasl, view_of_string(names[i])));
        assert_int_equal(sasl_step(&sasl, &octets), SASL_SYNTAX);
        /* Within the limit of a message, but no name is that long. */
        memset(big, 'x', 65536);
        big[0] = i == 0 ? 0 : 'x';
        big[1000] = 0;
        octets = i == 1 ? view_of(big + 1, 900) : view_of(big, 2000);
        assert_true(sasl_start(&sasl, view_of_string(names[i])));
        assert_int_equal(sasl_step(&sasl, &octets), SASL_REFUSED);
    }
    free(big);
}

static void unknown_mechanisms_are_not_started(void **state)
{
    static const char *const names[] = {"", "PLAI", "PLAINN", "CRAM-MD5", "X\"", "LOGIN COMMAND"};
    struct sasl sasl;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_false(sasl_start(&sasl, view_of_string(names[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apop_digests_as_the_rfc_does),
        cmocka_unit_test(each_mechanism_with_each_input),
        cmocka_unit_test(login_asks_for_the_name_and_then_the_password),
        cmocka_unit_test(plain_without_an_initial_response_gets_an_empty_challenge),
        cmocka_unit_test(every_prefix_of_a_good_response_is_harmless),
        cmocka_unit_test(sixty_four_kib_are_refused_by_each_mechanism),
        cmocka_unit_test(unknown_mechanisms_are_not_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
