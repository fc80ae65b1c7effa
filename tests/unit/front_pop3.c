/* tests/unit/front_pop3.c: POP3 before login, with auth and mail played by the test. */
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

/* What is said behind the greeting's line. */
static void dialogue(const char *says, const char *expected)
{
    house_connect(&house, PROTOCOL_POP3);
    house_send(&house, view_of_string(says));
    house_turn(&house, 20);
    house_finish(&house);
    assert_true(house.ended);
    buffer_append_char(&house.said, '\0');
    const char *said = buffer_view(&house.said).data;
    assert_int_equal(strncmp(said, "+OK", 3), 0);
    assert_string_equal(strchr(said, '\n') + 1, expected);
    house_hang_up(&house);
    assert_int_equal(front_sessions(house.front), 0);
}

static void test_user_and_pass(void **state)
{
    dialogue("USER ann\r\nPASS a b  c \r\n", "+OK\r\n-ERR [AUTH] Wrong user name or password\r\n");
    assert_string_equal(house.credentials, "ann|a b  c "); /* RFC 1939 7: spaces belong to it */
    dialogue("user ann\r\npass\r\n", "+OK\r\n-ERR [AUTH] Wrong user name or password\r\n");
    assert_string_equal(house.credentials, "ann|");
    dialogue("PASS x\r\n", "-ERR USER first\r\n");
    dialogue("USER\r\n", "-ERR USER needs a name\r\n");
    dialogue("USER ann\r\nPASS x\r\nPASS x\r\n",
             "+OK\r\n-ERR [AUTH] Wrong user name or password\r\n-ERR USER first\r\n");
}

static void test_the_hand_over(void **state)
{
    dialogue("USER yves\r\nPASS x\r\n", "+OK\r\n-ERR [IN-USE] Another session has this maildrop\r\n");
    dialogue("USER zoe\r\nPASS x\r\nSTAT\r\n", "+OK\r\n");
}

static void test_sasl(void **state)
{
    dialogue("AUTH\r\n", "+OK\r\nPLAIN\r\nLOGIN\r\n.\r\n");
    dialogue("AUTH PLAIN AGFubgB4\r\n", "-ERR [AUTH] Wrong user name or password\r\n");
    assert_string_equal(house.credentials, "|ann|x");
    dialogue("AUTH PLAIN\r\n*\r\nQUIT\r\n", "+ \r\n-ERR Cancelled\r\n+OK Bye\r\n");
    dialogue("AUTH NTLM\r\n", "-ERR Mechanism not offered\r\n");
    dialogue("AUTH PLAIN !!\r\n", "-ERR The initial response is not base64\r\n");
}

static void test_errors(void **state)
{
    dialogue("STLS\r\n", "-ERR TLS is not available\r\n");
    dialogue("STAT\r\n\r\n", "-ERR Unknown command, or log in first\r\n-ERR Unknown command, or log in first\r\n");
    dialogue("QUIT\r\nUSER ann\r\n", "+OK Bye\r\n");
}

static void test_names_and_passwords_have_limits(void **state)
{
    struct buffer text = {0};
    buffer_append_string(&text, "USER ");
    for (int i = 0; i < LIMIT_USER_OCTETS + 1; i++)
        buffer_append_char(&text, 'x');
    buffer_append_string(&text, "\r\n");
    buffer_append_char(&text, '\0');
    dialogue(buffer_view(&text).data, "-ERR [AUTH] Wrong user name or password\r\n");
    buffer_clear(&text);
    buffer_append_string(&text, "USER ann\r\nPASS ");
    for (int i = 0; i < LIMIT_PASSWORD_OCTETS + 1; i++)
        buffer_append_char(&text, 'x');
    buffer_append_string(&text, "\r\n");
    buffer_append_char(&text, '\0');
    unsigned logins = house.logins;
    dialogue(buffer_view(&text).data, "+OK\r\n-ERR [AUTH] Wrong user name or password\r\n");
    assert_int_equal(house.logins, logins);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user_and_pass),
        cmocka_unit_test(test_the_hand_over),
        cmocka_unit_test(test_sasl),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_names_and_passwords_have_limits),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
