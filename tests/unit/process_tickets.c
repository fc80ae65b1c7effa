/* Tickets, sessions, limits, quarantine: who may come into mail. */
#include "process/mail_tickets.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct house house;
static int open_house(void **state)
{
    memset(&house, 0, sizeof house);
    house.per_account = 3;
    house.per_account_peer = 2;
    return 0;
}
static int close_house(void **state)
{
    house_free(&house);
    assert_int_equal(house.live_count, 0);
    assert_int_equal(house.ticket_count, 0);
    return 0;
}

static int announce(uint64_t low, uint64_t session, uint64_t account, const char *peer, uint64_t now_ms)
{
    struct ipc_ticket t = {.ticket_high = 9,
                           .ticket_low = low,
                           .session = session,
                           .account = account,
                           .protocol = PROTOCOL_IMAP,
                           .valid_ms = 10000,
                           .user = VIEW_LITERAL("ann"),
                           .peer = view_of_string(peer)};
    return house_ticket(&house, &t, now_ms);
}

static bool redeem(uint64_t low, uint64_t session, uint8_t protocol, uint64_t now_ms)
{
    struct ipc_adopt a = {.ticket_high = 9, .ticket_low = low, .session = session, .protocol = protocol};
    struct ticket *t = house_redeem(&house, &a, now_ms);
    bool there = t != NULL;
    free(t);
    return there;
}

static void test_a_ticket_lets_its_session_in_once(void **state)
{
    assert_int_equal(announce(1, 0x101, 7, "192.0.2.1", 0), 0);
    assert_true(redeem(1, 0x101, PROTOCOL_IMAP, 100));
    assert_false(redeem(1, 0x101, PROTOCOL_IMAP, 100));
}

static void test_a_ticket_is_good_for_ten_seconds_whatever_auth_says(void **state)
{
    announce(1, 0x101, 7, "192.0.2.1", 1000);
    announce(2, 0x201, 7, "192.0.2.1", 1000);
    assert_true(redeem(1, 0x101, PROTOCOL_IMAP, 10999));
    assert_false(redeem(2, 0x201, PROTOCOL_IMAP, 11000));
}

static void test_a_ticket_of_another_session_or_protocol_is_used_up_and_lets_nobody_in(void **state)
{
    announce(1, 0x101, 7, "192.0.2.1", 0);
    assert_false(redeem(1, 0x201, PROTOCOL_IMAP, 0));
    assert_false(redeem(1, 0x101, PROTOCOL_IMAP, 0));
    announce(2, 0x101, 7, "192.0.2.1", 0);
    assert_false(redeem(2, 0x101, PROTOCOL_POP3, 0));
    assert_false(redeem(3, 0x101, PROTOCOL_IMAP, 0));
}

static void test_a_dead_gate_takes_its_own_tickets_along(void **state)
{
    announce(1, 0x101, 7, "192.0.2.1", 0);
    announce(2, 0x102, 8, "192.0.2.1", 0);
    house_drop_tickets(&house, 1);
    assert_false(redeem(1, 0x101, PROTOCOL_IMAP, 0));
    assert_true(redeem(2, 0x102, PROTOCOL_IMAP, 0));
    announce(3, 0x102, 8, "192.0.2.1", 0);
    house_drop_tickets(&house, -1);
    assert_false(redeem(3, 0x102, PROTOCOL_IMAP, 0));
}

static void test_sessions_and_tickets_count_to_the_limits(void **state)
{
    assert_int_equal(announce(1, 0x101, 7, "192.0.2.1", 0), 0);
    house_enter(&house, 0x501, 7, "192.0.2.1");
    assert_int_equal(announce(2, 0x201, 7, "192.0.2.1", 0), TICKET_NO_LIMIT);
    assert_int_equal(announce(3, 0x301, 7, "192.0.2.2", 0), 0);
    assert_int_equal(announce(4, 0x401, 7, "192.0.2.3", 0), TICKET_NO_LIMIT);
    assert_int_equal(announce(5, 0x601, 8, "192.0.2.1", 0), 0);
    assert_true(house_leave(&house, 0x501));
    assert_false(house_leave(&house, 0x501));
    assert_int_equal(announce(6, 0x701, 7, "192.0.2.3", 0), 0);
}

static void test_an_account_in_quarantine_is_refused_until_its_time_is_over(void **state)
{
    house_quarantine(&house, 7, 5000);
    assert_int_equal(announce(1, 0x101, 7, "192.0.2.1", 4999), TICKET_NO_QUARANTINE);
    assert_int_equal(announce(1, 0x101, 8, "192.0.2.1", 4999), 0);
    assert_int_equal(announce(2, 0x201, 7, "192.0.2.1", 5000), 0);
}

static void test_a_draining_house_takes_nobody(void **state)
{
    announce(1, 0x101, 7, "192.0.2.1", 0);
    house.draining = true;
    assert_false(redeem(1, 0x101, PROTOCOL_IMAP, 0));
    assert_int_equal(announce(2, 0x201, 7, "192.0.2.1", 0), TICKET_NO_DRAINING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_ticket_lets_its_session_in_once, open_house, close_house),
        cmocka_unit_test_setup_teardown(test_a_ticket_is_good_for_ten_seconds_whatever_auth_says, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(test_a_ticket_of_another_session_or_protocol_is_used_up_and_lets_nobody_in,
                                        open_house, close_house),
        cmocka_unit_test_setup_teardown(test_a_dead_gate_takes_its_own_tickets_along, open_house, close_house),
        cmocka_unit_test_setup_teardown(test_sessions_and_tickets_count_to_the_limits, open_house, close_house),
        cmocka_unit_test_setup_teardown(test_an_account_in_quarantine_is_refused_until_its_time_is_over, open_house,
                                        close_house),
        cmocka_unit_test_setup_teardown(test_a_draining_house_takes_nobody, open_house, close_house),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
