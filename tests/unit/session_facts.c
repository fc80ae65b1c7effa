/* tests/unit/session_facts.c: what mail asks auth: once, kept for a while, forgotten when auth says so. */
#include "base/clock.h"
#include "base/limits.h"
#include "session/session.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct loop *loop;
static struct facts_desk *desk;
static struct mail_env env;
static struct session session;
static struct arena arena;
static int holds, replies;
static uint64_t asked, asked_account;
static char asked_name[256];
static bool auth_is_away;

void __wrap_session_hold(struct session *s);
void __wrap_session_release(struct session *s);
void __wrap_session_reply(struct session *s);

void __wrap_session_hold(struct session *s)
{
    holds++;
}

void __wrap_session_release(struct session *s)
{
    holds--;
}

void __wrap_session_reply(struct session *s)
{
    replies++;
}

static bool ask(void *ctx, uint64_t id, const struct ipc_facts *facts)
{
    asked = id;
    asked_account = facts->account;
    snprintf(asked_name, sizeof asked_name, "%.*s", VIEW_PRINTF(facts->name));
    return !auth_is_away;
}

static int set_up(void **state)
{
    loop = loop_new();
    desk = facts_desk_new(loop, ask, NULL);
    env = (struct mail_env){.facts = desk};
    session = (struct session){.env = &env, .loop = loop};
    arena_init(&arena, 1 << 20);
    holds = replies = 0;
    asked = 0;
    auth_is_away = false;
    return 0;
}

static void turn(void)
{
    for (int i = 0; i < 5; i++)
        loop_turn(loop, 0);
}

static int tear_down(void **state)
{
    facts_desk_free(&desk);
    turn();
    assert_int_equal(holds, 0);
    arena_free(&arena);
    loop_free(&loop);
    return 0;
}

static enum facts_result find(uint64_t account, const char *name, struct facts *facts_r)
{
    enum facts_result result = facts_find(&session, &arena, account, view_of_string(name), facts_r);
    turn();
    return result;
}

static void test_a_name_is_asked_for_once(void **state)
{
    struct facts facts;
    const struct ipc_facts_are are = {7, VIEW_LITERAL("ann"), VIEW_LITERAL("staff\ntea\n")};
    assert_int_equal(find(0, "ann", &facts), FACTS_ASKED);
    assert_int_equal(holds, 1);
    assert_string_equal(asked_name, "ann");
    facts_are(desk, asked, &are);
    turn();
    assert_int_equal(replies, 1);
    assert_int_equal(holds, 0);
    uint64_t before = asked;
    assert_int_equal(find(0, "ann", &facts), FACTS_KNOWN);
    assert_int_equal(asked, before);
    assert_int_equal(facts.account, 7);
    assert_int_equal(facts.group_count, 2);
    assert_true(view_equal_string(facts.groups[0], "staff") && view_equal_string(facts.groups[1], "tea"));
    assert_int_equal(find(7, "", &facts), FACTS_ASKED); /* another question */
    assert_int_equal(asked_account, 7);
}

static void test_what_changed_is_asked_again(void **state)
{
    struct facts facts;
    const struct ipc_facts_are are = {7, VIEW_LITERAL("ann"), VIEW_EMPTY};
    assert_int_equal(find(0, "ann", &facts), FACTS_ASKED);
    facts_are(desk, asked, &are);
    facts_gone(desk);
    assert_int_equal(find(0, "ann", &facts), FACTS_ASKED);
}

static void test_nobody_is_an_answer_too(void **state)
{
    struct facts facts;
    const struct ipc_facts_are nobody = {0};
    assert_int_equal(find(0, "bob", &facts), FACTS_ASKED);
    facts_are(desk, asked, &nobody);
    assert_int_equal(find(0, "bob", &facts), FACTS_NOBODY);
    assert_int_equal(find(0, "", &facts), FACTS_NOBODY);
    char name[LIMIT_USER_OCTETS + 2];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(find(0, name, &facts), FACTS_NOBODY);
}

static void test_nobody_waits_for_an_auth_that_is_away(void **state)
{
    struct facts facts;
    auth_is_away = true;
    assert_int_equal(find(0, "ann", &facts), FACTS_ASKED);
    assert_int_equal(replies, 1);
    assert_int_equal(find(0, "ann", &facts), FACTS_UNAVAILABLE);
    auth_is_away = false;
    assert_int_equal(find(0, "bob", &facts), FACTS_ASKED);
    facts_give_up(desk);
    turn();
    assert_int_equal(replies, 2);
    assert_int_equal(find(0, "bob", &facts), FACTS_UNAVAILABLE);
    facts_are(desk, asked, &(struct ipc_facts_are){7, VIEW_LITERAL("bob"), VIEW_EMPTY}); /* too late */
    assert_int_equal(find(0, "bob", &facts), FACTS_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_name_is_asked_for_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_changed_is_asked_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_is_an_answer_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_waits_for_an_auth_that_is_away, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
