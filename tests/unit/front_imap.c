/* tests/unit/front_imap.c: IMAP before login, with auth and mail played by the test. */
#include "front_house.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct front_house house;

static int begin(void **state)
{
    house_open(&house, ROLE_GATE);
    return 0;
}

static int end(void **state)
{
    house_close(&house);
    return 0;
}

#define GREETING                                                                                                       \
    "* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID ENABLE IDLE LANGUAGE AUTH=PLAIN AUTH=LOGIN] Waxwing "    \
    "ready\r\n"

/* Whatever the pieces, the same is said. Behind the last line the client ends its direction. */
static void dialogue(const char *says, const char *expected)
{
    static const size_t steps[] = {SIZE_MAX, 1, 7};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        house_connect(&house, PROTOCOL_IMAP);
        for (struct view rest = view_of_string(says); rest.size;) {
            struct view piece = view_slice(rest, 0, steps[i]);
            rest = view_skip(rest, piece.size);
            house_send(&house, piece);
        }
        house_turn(&house, 20);
        house_finish(&house);
        assert_true(house.ended);
        buffer_append_char(&house.said, '\0');
        const char *said = buffer_view(&house.said).data;
        assert_int_equal(strncmp(said, GREETING, strlen(GREETING)), 0);
        assert_string_equal(said + strlen(GREETING), expected);
        house_hang_up(&house);
        assert_int_equal(front_sessions(house.front), 0);
    }
}

static void test_what_needs_no_account(void **state)
{
    dialogue("", "");
    dialogue("a noop\r\nb ID NIL\r\nc LOGOUT\r\nd NOOP\r\n",
             "a OK Noop completed\r\n* ID (\"name\" \"Waxwing\")\r\nb OK ID completed\r\n* BYE Logging out\r\n"
             "c OK Logout completed\r\n");
    dialogue("a STARTTLS\r\n", "a BAD TLS is not available\r\n");
    dialogue("a SELECT INBOX\r\n", "a BAD Unknown command, or log in first\r\n");
}

static void test_names_and_passwords_in_every_form(void **state)
{
    static const char *const forms[] = {"a LOGIN ann secret\r\n", "a LOGIN \"ann\" \"secret\"\r\n",
                                        "a LOGIN {3+}\r\nann {6+}\r\nsecret\r\n"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        dialogue(forms[i], "a NO [AUTHENTICATIONFAILED] Wrong user name or password\r\n");
        assert_string_equal(house.credentials, "ann|secret");
    }
    dialogue("a LOGIN {3}\r\nann \"\\\"x\\\\\"\r\n",
             "+ OK\r\na NO [AUTHENTICATIONFAILED] Wrong user name or password\r\n");
    assert_string_equal(house.credentials, "ann|\"x\\");
}

static void test_malformed_logins_are_not_asked_about(void **state)
{
    static const char *const bad[] = {
        "a LOGIN\r\n",         "a LOGIN ann\r\n",     "a LOGIN ann \r\n",       "a LOGIN ann b c\r\n",
        "a LOGIN \"ann b\r\n", "a LOGIN (ann) b\r\n", "a LOGIN ann \"\\x\"\r\n"};
    unsigned logins = house.logins;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        dialogue(bad[i], "a BAD LOGIN needs a user name and a password\r\n");
    assert_int_equal(house.logins, logins);
}

static void test_sasl(void **state)
{
    dialogue("a AUTHENTICATE PLAIN AGFubgB4\r\n", "a NO [AUTHENTICATIONFAILED] Wrong user name or password\r\n");
    assert_string_equal(house.credentials, "|ann|x");
    dialogue("a AUTHENTICATE plain\r\nAGFubgB4\r\n",
             "+ \r\na NO [AUTHENTICATIONFAILED] Wrong user name or password\r\n");
    dialogue("a AUTHENTICATE PLAIN\r\n*\r\nb NOOP\r\n", "+ \r\na BAD Cancelled\r\nb OK Noop completed\r\n");
    dialogue("a AUTHENTICATE PLAIN\r\n!!\r\nb NOOP\r\n", "+ \r\na BAD Not base64\r\nb OK Noop completed\r\n");
    dialogue("a AUTHENTICATE PLAIN !!\r\n", "a BAD The initial response is not base64\r\n");
    dialogue("a AUTHENTICATE NTLM\r\n", "a NO [CANNOT] Mechanism not offered\r\n");
    dialogue("a AUTHENTICATE\r\n", "a BAD AUTHENTICATE needs a mechanism\r\n");
}

/* Mail refuses "y" and takes "z": then the front says nothing more. */
static void test_the_hand_over(void **state)
{
    dialogue("a LOGIN yves x\r\n", "a NO [INUSE] In use\r\n");
    dialogue("a LOGIN zoe x\r\nb SELECT INBOX\r\n", "");
}

/* CVE class: what follows a refused literal must not run as commands. */
static void test_a_literal_that_is_refused_is_never_run(void **state)
{
    dialogue("a LOGIN {9000+}\r\nb LOGOUT\r\n", "* BYE Line too long\r\n");
    dialogue("a LOGIN {99999999999+}\r\nb LOGOUT\r\n", "* BYE Line too long\r\n");
    dialogue("a LOGIN {9000}\r\nb NOOP\r\n", "a BAD [TOOBIG] Literal too long\r\nb OK Noop completed\r\n");
    dialogue("a X {10+}\r\nb NOOP\r\n\r\n", "* BYE Line too long\r\n");
    dialogue("a* LOGIN {10+}\r\nb NOOP\r\n\r\n", "* BAD Not a tag\r\n* BYE Line too long\r\n");
}

static void test_three_bad_commands_end_it(void **state)
{
    dialogue("a X\r\nb\r\n\r\nd NOOP\r\n", "a BAD Unknown command, or log in first\r\n"
                                           "b BAD Unknown command, or log in first\r\n* BAD Not a tag\r\n"
                                           "* BYE Too many errors\r\n");
}

static void test_a_line_without_end(void **state)
{
    struct buffer text = {0};
    for (int i = 0; i < LIMIT_LOGIN_LINE + 100; i++)
        buffer_append_char(&text, 'x');
    buffer_append_char(&text, '\0');
    dialogue(buffer_view(&text).data, "* BYE Line too long\r\n");
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_needs_no_account),
        cmocka_unit_test(test_names_and_passwords_in_every_form),
        cmocka_unit_test(test_malformed_logins_are_not_asked_about),
        cmocka_unit_test(test_sasl),
        cmocka_unit_test(test_the_hand_over),
        cmocka_unit_test(test_a_literal_that_is_refused_is_never_run),
        cmocka_unit_test(test_three_bad_commands_end_it),
        cmocka_unit_test(test_a_line_without_end),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
