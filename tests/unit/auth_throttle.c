#include "auth/throttle.h"
#include "base/limits.h"
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static uint64_t now_ms = 1000000;

/* One guess, waiting as told; returns the time at which it was checked, 0 if refused. */
static uint64_t guess(struct throttle *t, const char *peer, const char *user, enum throttle_outcome outcome,
                      uint64_t *hold_r)
{
    struct throttle_ticket ticket = {{0}};
    uint64_t at = now_ms, time = now_ms, hold = 0;
    enum throttle_answer answer;
    while ((answer = throttle_ask(t, &ticket, view_of_string(peer), view_of_string(user), time, &at)) == THROTTLE_LATER)
        time = at;
    if (answer == THROTTLE_GO)
        hold = throttle_tell(t, &ticket, outcome, time);
    if (hold_r != NULL)
        *hold_r = hold;
    return answer == THROTTLE_GO ? time : 0;
}

static void failures_cost_one_to_fifteen_seconds(void **state)
{
    static const uint64_t want[] = {1000, 2000, 4000, 8000, 15000, 15000};
    struct throttle *t = throttle_new(false);
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        uint64_t hold = 0, at = guess(t, "192.0.2.7", "ann", GUESS_WRONG, &hold);
        assert_int_equal(at, now_ms);
        assert_int_equal(hold, want[i]);
        now_ms = at + hold;
    }
    throttle_free(&t);
}

static void a_thousand_parallel_guesses_are_no_faster_than_serial_ones(void **state)
{
    struct throttle *t = throttle_new(false);
    static struct throttle_ticket tickets[1000];
    static bool finished[1000];
    size_t checked = 0, refused = 0;
    uint64_t start = now_ms;
    memset(tickets, 0, sizeof(tickets));
    memset(finished, 0, sizeof(finished));
    /* One minute, in steps of 50 ms; the outcome of a guess is known 20 ms after it was let through. */
    for (uint64_t time = start; time < start + 60000; time += 50) {
        static size_t running[1000];
        size_t count = 0;
        for (size_t i = 0; i < 1000; i++) {
            uint64_t at;
            if (finished[i])
                continue;
            enum throttle_answer answer =
                throttle_ask(t, &tickets[i], VIEW_LITERAL("192.0.2.8"), VIEW_LITERAL("bob"), time, &at);
            if (answer == THROTTLE_LATER)
                continue;
            finished[i] = true;
            if (answer == THROTTLE_GO)
                running[count++] = i;
            else
                refused++;
        }
        for (size_t i = 0; i < count; i++)
            throttle_tell(t, &tickets[running[i]], GUESS_WRONG, time + 20);
        checked += count;
    }
    /* 16 at once while nothing is known, then one in 15 s. */
    assert_in_range(checked, 16, 16 + 6);
    assert_true(refused > 900);
    now_ms = start + 60000;
    throttle_free(&t);
}

static void many_accounts_from_one_address_share_its_bucket(void **state)
{
    struct throttle *t = throttle_new(false);
    uint64_t hold = 0, total = 0, start = now_ms;
    for (int i = 0; i < 10; i++) {
        char user[16];
        snprintf(user, sizeof(user), "user%d", i);
        guess(t, "2001:db8:1:2::1", user, GUESS_WRONG, &hold);
        now_ms += hold;
        total += hold;
    }
    assert_int_equal(total, 1000 + 2000 + 4000 + 8000 + 6 * 15000);
    /* Another address of the same /64 is the same subscriber, another /64 is not. */
    assert_true(guess(t, "2001:db8:1:2:ffff::9", "other", GUESS_WRONG, &hold) >= now_ms);
    assert_int_equal(hold, 15000);
    guess(t, "2001:db8:1:3::1", "another", GUESS_WRONG, &hold);
    assert_int_equal(hold, 1000);
    assert_true(now_ms > start);
    throttle_free(&t);
}

static void one_account_from_many_addresses_is_slowed_down(void **state)
{
    struct throttle *t = throttle_new(false);
    uint64_t hold = 0;
    for (int i = 0; i < 8; i++) {
        char peer[32];
        snprintf(peer, sizeof(peer), "198.51.100.%d", i);
        guess(t, peer, "carol", GUESS_WRONG, &hold);
        now_ms += hold;
    }
    assert_int_equal(hold, 15000);
    throttle_free(&t);
}

static void a_good_recent_address_is_not_locked_out(void **state)
{
    struct throttle *t = throttle_new(false);
    uint64_t hold = 0;
    assert_int_equal(guess(t, "203.0.113.5", "dora", GUESS_GOOD, NULL), now_ms);
    for (int i = 0; i < 50; i++) {
        char peer[32];
        snprintf(peer, sizeof(peer), "198.51.100.%d", i);
        guess(t, peer, "dora", GUESS_WRONG, &hold);
    }
    assert_int_equal(guess(t, "203.0.113.5", "dora", GUESS_GOOD, NULL), now_ms);
    /* A stranger has to wait, or is refused. */
    uint64_t at = guess(t, "203.0.113.6", "dora", GUESS_GOOD, NULL);
    assert_true(at == 0 || at > now_ms);
    throttle_free(&t);
}

static void a_good_login_of_ones_own_does_not_buy_guesses_at_others(void **state)
{
    struct throttle *t = throttle_new(false);
    uint64_t hold = 0;
    for (int i = 0; i < 6; i++) {
        char user[16];
        snprintf(user, sizeof(user), "victim%d", i);
        guess(t, "192.0.2.77", "mallory", GUESS_GOOD, NULL);
        guess(t, "192.0.2.77", user, GUESS_WRONG, &hold);
        now_ms += hold;
    }
    assert_int_equal(hold, 15000);
    throttle_free(&t);
}

static void failures_are_forgotten_one_by_one(void **state)
{
    struct throttle *t = throttle_new(false);
    uint64_t hold = 0;
    for (int i = 0; i < 4; i++) {
        guess(t, "192.0.2.9", "eve", GUESS_WRONG, &hold);
        now_ms += hold;
    }
    assert_int_equal(hold, 8000);
    now_ms += 3 * (uint64_t)LIMIT_AUTH_FORGET_MS;
    guess(t, "192.0.2.9", "eve", GUESS_WRONG, &hold);
    assert_int_equal(hold, 2000);
    throttle_free(&t);
}

static void loopback_counts_by_account_only_unless_told_otherwise(void **state)
{
    static const char *const peers[] = {"127.0.0.1", "::1", "::ffff:127.0.0.1", ""};
    for (int with = 0; with < 2; with++)
        for (size_t i = 0; i < 4; i++) {
            struct throttle *t = throttle_new(with == 1);
            uint64_t hold = 0;
            guess(t, peers[i], "one", GUESS_WRONG, &hold);
            guess(t, peers[i], "two", GUESS_WRONG, &hold);
            assert_int_equal(hold, with == 1 ? 2000 : 1000);
            throttle_free(&t);
        }
}

static void a_flood_of_names_does_not_make_room_for_a_guesser(void **state)
{
    struct throttle *t = throttle_new(false);
    uint64_t hold = 0;
    for (int i = 0; i < 6; i++) {
        guess(t, "192.0.2.10", "frank", GUESS_WRONG, &hold);
        now_ms += hold;
    }
    for (int i = 0; i < 100000; i++) {
        struct throttle_ticket ticket = {{0}};
        char peer[32], user[16];
        uint64_t at;
        snprintf(peer, sizeof(peer), "10.%d.%d.%d", i >> 16, (i >> 8) & 255, i & 255);
        snprintf(user, sizeof(user), "n%d", i);
        throttle_ask(t, &ticket, view_of_string(peer), view_of_string(user), now_ms, &at);
        throttle_tell(t, &ticket, GUESS_NONE, now_ms);
    }
    guess(t, "192.0.2.10", "frank", GUESS_WRONG, &hold);
    assert_int_equal(hold, 15000);
    throttle_free(&t);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_cost_one_to_fifteen_seconds),
        cmocka_unit_test(a_thousand_parallel_guesses_are_no_faster_than_serial_ones),
        cmocka_unit_test(many_accounts_from_one_address_share_its_bucket),
        cmocka_unit_test(one_account_from_many_addresses_is_slowed_down),
        cmocka_unit_test(a_good_recent_address_is_not_locked_out),
        cmocka_unit_test(a_good_login_of_ones_own_does_not_buy_guesses_at_others),
        cmocka_unit_test(failures_are_forgotten_one_by_one),
        cmocka_unit_test(loopback_counts_by_account_only_unless_told_otherwise),
        cmocka_unit_test(a_flood_of_names_does_not_make_room_for_a_guesser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
