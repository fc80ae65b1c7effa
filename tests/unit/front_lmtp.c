/* tests/unit/front_lmtp.c: the whole of LMTP, with auth and mail played by the test. */
#include "front_house.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct front_house house;

static int begin(void **state)
{
    house_open(&house, ROLE_LMTP);
    return 0;
}

static int end(void **state)
{
    house_close(&house);
    return 0;
}

/* The codes of the replies behind the greeting, without LHLO's lines; whatever the pieces. */
static void dialogue(const char *says, const char *expected)
{
    static const size_t steps[] = {SIZE_MAX, 1, 5};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct buffer codes = {0};
        house_connect(&house, PROTOCOL_LMTP);
        for (struct view rest = view_of_string(says); rest.size;) {
            struct view piece = view_slice(rest, 0, steps[i]);
            rest = view_skip(rest, piece.size);
            house_send(&house, piece);
        }
        house_turn(&house, 30);
        house_finish(&house);
        assert_true(house.ended);
        struct view rest = buffer_view(&house.said);
        while (rest.size) {
            size_t end_of_line = view_find(rest, '\n', 0);
            bool listed = rest.data[3] == '-' || view_starts_with(rest, VIEW_LITERAL("250 SIZE")) ||
                          view_starts_with(rest, VIEW_LITERAL("220"));
            if (!listed)
                buffer_printf(&codes, "%s%.3s", buffer_size(&codes) ? " " : "", rest.data);
            rest = view_skip(rest, end_of_line + 1);
        }
        buffer_append_char(&codes, '\0');
        assert_string_equal(buffer_view(&codes).data, expected);
        buffer_free(&codes);
        house_hang_up(&house);
        assert_int_equal(front_sessions(house.front), 0);
    }
}

static void stored(const char *expected)
{
    assert_true(view_equal_string(buffer_view(&house.stored), expected));
}

#define HELLO "LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"

static void test_a_delivery(void **state)
{
    dialogue(HELLO "DATA\r\nSubject: x\r\n\r\n..\r\n.\r\nQUIT\r\n", "250 250 354 250 221");
    stored("Subject: x\r\n\r\n.\r\n");
    /* a reply a recipient that was taken (RFC 2033 4.2) */
    dialogue(HELLO "RCPT TO:<no@d>\r\nRCPT TO:<e@f>\r\nDATA\r\nx\r\n.\r\n", "250 250 550 250 354 250 250");
    dialogue(HELLO "DATA\r\n.\r\n", "250 250 354 250");
    dialogue(HELLO "DATA\r\nx\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\ny\r\n.\r\n",
             "250 250 354 250 250 250 354 250");
    stored("y\r\n");
}

static void test_chunks(void **state)
{
    dialogue(HELLO "BDAT 5\r\nhelloBDAT 2 LAST\r\n\r\nNOOP\r\n", "250 250 250 250 250");
    stored("hello\r\n");
    dialogue(HELLO "BDAT 0 LAST\r\n", "250 250 250");
    dialogue(HELLO "BDAT 3\r\na\n\rBDAT 3 LAST\r\n.\r\n", "250 250 250 250"); /* any octets (RFC 3030 3) */
    stored("a\n\r.\r\n");
    dialogue(HELLO "BDAT x\r\n", "250 250 501 421");
    dialogue(HELLO "BDAT 1\r\nxDATA\r\nRCPT TO:<e@f>\r\n", "250 250 250 503 503");
}

/* A chunk that is refused is read past: its octets are no commands, and its memory is given back. */
static void test_chunks_that_are_refused(void **state)
{
    dialogue("BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "503 250");
    dialogue("LHLO c\r\nMAIL FROM:<a@b>\r\nBDAT 6\r\nQUIT\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "250 503 503 250");
    dialogue("BDAT 1\r\nxRSET\r\nBDAT 1\r\nxRSET\r\nBDAT 1\r\nxLHLO c\r\n", "503 250 503 250 503");
}

static void test_the_order_of_commands(void **state)
{
    dialogue("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", "503 503 503");
    dialogue("LHLO c\r\nRCPT TO:<c@d>\r\nMAIL FROM:<a@b>\r\nDATA\r\nMAIL FROM:<a@b>\r\n", "503 250 503 503");
    dialogue("EHLO c\r\nHELO c\r\nLHLO\r\n", "500 500 501");
    dialogue(HELLO "RSET\r\nDATA\r\n", "250 250 250 503");
    dialogue("NOOP x\r\nVRFY x\r\nHELP\r\nNONSENSE\r\n\r\nQUIT\r\nNOOP\r\n", "250 252 214 500 500 221");
}

static void test_parameters(void **state)
{
    dialogue("LHLO c\r\nMAIL FROM:<a@b> SIZE=10 BODY=8BITMIME SMTPUTF8\r\n", "250");
    dialogue("LHLO c\r\nMAIL FROM:<a@b> SIZE=x\r\nMAIL FROM:<a@b> SIZE=999999999999\r\n", "501 552");
    dialogue("LHLO c\r\nMAIL FROM:<a@b> BODY=X\r\nMAIL FROM:<a@b> X=Y\r\nMAIL FROM:<a@b>X\r\n", "501 555 501");
    dialogue("LHLO c\r\nMAIL FROM:a@b\r\nMAIL TO:<a@b>\r\nMAIL FROM:<\xc3\xa9@b>\r\n", "501 501 553");
    dialogue("LHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<>\r\nRCPT TO:<c@d> X\r\nRCPT TO:c\r\nRCPT TO:<c>\r\n",
             "250 501 555 501 250");
}

/* What ends the data, and what must not (see also tests/unit/front_line.c): never is a message's text a command. */
static void test_the_end_of_data(void **state)
{
    static const char *const smuggled[] = {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n\n.\r\n"};
    for (size_t i = 0; i < sizeof smuggled / sizeof *smuggled; i++) {
        char text[256];
        unsigned messages = house.messages;
        snprintf(text, sizeof text, HELLO "DATA\r\nx%sQUIT\r\nMAIL FROM:<e@f>\r\n.\r\nNOOP\r\n", smuggled[i]);
        dialogue(text, "250 250 354 554 250");
        assert_int_equal(house.messages, messages);
    }
}

static void test_a_message_that_mail_refuses(void **state)
{
    dialogue(HELLO "DATA\r\n!no\r\nmore\r\n.\r\nNOOP\r\n", "250 250 354 554 250");
}

static void test_lines_that_are_too_long(void **state)
{
    struct buffer text = {0};
    buffer_append_string(&text, "NOOP ");
    for (int i = 0; i < 3 * LIMIT_LMTP_LINE; i++)
        buffer_append_char(&text, 'x');
    buffer_append_string(&text, "\r\nNOOP\r\n");
    buffer_append_char(&text, '\0');
    dialogue(buffer_view(&text).data, "500 250");
    buffer_free(&text);
}

static void test_too_many_recipients(void **state)
{
    struct buffer text = {0};
    unsigned recipients = house.recipients;
    buffer_append_string(&text, "LHLO c\r\nMAIL FROM:<a@b>\r\n");
    for (int i = 0; i < LIMIT_LMTP_RECIPIENTS + 1; i++)
        buffer_append_string(&text, "RCPT TO:<c@d>\r\n");
    house_connect(&house, PROTOCOL_LMTP);
    house_send(&house, buffer_view(&text));
    house_turn(&house, 30);
    house_finish(&house);
    buffer_append_char(&house.said, '\0');
    assert_non_null(strstr(buffer_view(&house.said).data, "\r\n452 4.5.3 Too many recipients\r\n"));
    assert_int_equal(house.recipients - recipients, LIMIT_LMTP_RECIPIENTS);
    house_hang_up(&house);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_delivery),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_chunks_that_are_refused),
        cmocka_unit_test(test_the_order_of_commands),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_the_end_of_data),
        cmocka_unit_test(test_a_message_that_mail_refuses),
        cmocka_unit_test(test_lines_that_are_too_long),
        cmocka_unit_test(test_too_many_recipients),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
