/* tests/unit/imap_fetch.c: FETCH's arguments as a plan. */
#include "imap/fetch.h"
#include "imap_fake.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int begin(void **state)
{
    fake_open();
    return 0;
}

static int end(void **state)
{
    fake_close();
    return 0;
}

static struct fetch *plan;

static bool reads(const char *arguments)
{
    struct arguments a = fake_arguments(view_of_string(arguments));
    plan = NULL;
    bool good = fetch_parse(&fake.imap, &a);
    if (!good)
        assert_non_null(a.problem);
    else
        plan = fake.imap.state;
    return good;
}

static void drop(void)
{
    fetch_drop(&fake.imap);
    fake_next_command();
}

static const char *const names[] = {
    [FETCH_FLAGS] = "F",    [FETCH_UID] = "U",  [FETCH_INTERNALDATE] = "I", [FETCH_SIZE] = "S",
    [FETCH_ENVELOPE] = "E", [FETCH_BODY] = "B", [FETCH_BODYSTRUCTURE] = "X"};

/* The sections' labels and the other items' letters, in order. */
static void plans(const char *arguments, const char *expected, bool sets_seen)
{
    struct buffer out = {0};
    assert_true(reads(arguments));
    for (size_t i = 0; i < plan->item_count; i++) {
        buffer_append_string(&out, i ? " " : "");
        if (plan->items[i].kind == FETCH_SECTION)
            buffer_append_view(&out, plan->items[i].section->label);
        else
            buffer_append_string(&out, names[plan->items[i].kind]);
    }
    buffer_append_char(&out, '\0');
    assert_string_equal(buffer_view(&out).data, expected);
    assert_int_equal(plan->sets_seen, sets_seen);
    buffer_free(&out);
    drop();
}

static void test_items(void **state)
{
    plans(" 1 FLAGS", "F", false);
    plans(" 1:3 (FLAGS flags UID INTERNALDATE RFC822.SIZE)", "F U I S", false);
    plans(" 1 ALL", "F I S E", false);
    plans(" 1 FAST", "F I S", false);
    plans(" 1 FULL", "F I S E B", false);
    plans(" 1 (BODY BODYSTRUCTURE ENVELOPE)", "B X E", false);
}

static void test_sections(void **state)
{
    plans(" 1 BODY[]", "BODY[]", true);
    plans(" 1 BODY.PEEK[]", "BODY[]", false);
    plans(" 1 body.peek[1.2.mime]<10.20>", "BODY[1.2.mime]<10>", false);
    plans(" 1 (BODY[1] BODY[HEADER])", "BODY[1] BODY[HEADER]", true);
    plans(" 1 BODY.PEEK[2.HEADER.FIELDS (From {2}\r\nTo \"X\")]", "BODY[2.HEADER.FIELDS (From To X)]", false);
    plans(" 1 BODY.PEEK[HEADER.FIELDS.NOT (a)]<0.5>", "BODY[HEADER.FIELDS.NOT (a)]<0>", false);
    plans(" 1 RFC822", "RFC822", true);
    plans(" 1 RFC822.HEADER", "RFC822.HEADER", false);
    plans(" 1 RFC822.TEXT", "RFC822.TEXT", true);
    assert_true(reads(" 1 BODY.PEEK[3.4.TEXT]<5.6>"));
    const struct section *s = plan->items[0].section;
    assert_int_equal(s->kind, SECTION_TEXT);
    assert_int_equal(s->number_count, 2);
    assert_int_equal(s->numbers[1], 4);
    assert_true(s->partial && s->from == 5 && s->count == 6);
    drop();
}

static void test_a_mailbox_opened_with_examine_keeps_its_flags(void **state)
{
    fake.imap.selected.read_only = true;
    plans(" 1 BODY[]", "BODY[]", false);
}

static void test_modifiers_and_uid(void **state)
{
    assert_true(reads(" 1:* FLAGS (CHANGEDSINCE 5)"));
    assert_true(plan->by_modseq && plan->changed_since == 5);
    assert_true(plan->kinds & (1u << FETCH_MODSEQ));
    assert_true(fake.imap.enabled & ENABLED_CONDSTORE);
    drop();
    fake.imap.uid = true;
    plans(" 20 FLAGS", "U F", false);
    assert_true(reads(" 15:* FLAGS"));
    assert_int_equal(uidset_count(plan->set), 1);
    drop();
}

static void test_what_is_no_fetch(void **state)
{
    static const char *const bad[] = {"",
                                      " 1",
                                      " 1 ",
                                      " FLAGS",
                                      " 1 NONSENSE",
                                      " 1 (FLAGS",
                                      " 1 ()",
                                      " 1 (FLAGS )",
                                      " 1 FLAGS UID",
                                      " 1 (ALL)",
                                      " 99 FLAGS",
                                      " 1 BODY[",
                                      " 1 BODY[1.]",
                                      " 1 BODY[.1]",
                                      " 1 BODY[0]",
                                      " 1 BODY[MIME]",
                                      " 1 BODY[NONSENSE]",
                                      " 1 BODY[HEADER.FIELDS]",
                                      " 1 BODY[HEADER.FIELDS ()]",
                                      " 1 BODY[]<0>",
                                      " 1 BODY[]<0.0>",
                                      " 1 BODY[]<0.1",
                                      " 1 BODY[4294967296]",
                                      " 1 BODY.PEEK",
                                      " 1 FLAGS (CHANGEDSINCE)",
                                      " 1 FLAGS (CHANGEDSINCE 99999999999999999999)"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(reads(bad[i]));
        drop();
    }
}

static void test_items_and_depth_have_limits(void **state)
{
    struct buffer text = {0};
    buffer_append_string(&text, " 1 (BODY[1]");
    for (int i = 0; i < FETCH_ITEMS; i++)
        buffer_append_string(&text, " BODY[1]");
    buffer_append_string(&text, ")");
    buffer_append_char(&text, '\0');
    assert_false(reads(buffer_view(&text).data));
    drop();
    buffer_clear(&text);
    buffer_append_string(&text, " 1 BODY[1");
    for (int i = 0; i < 1000; i++)
        buffer_append_string(&text, ".1");
    buffer_append_string(&text, "]");
    buffer_append_char(&text, '\0');
    assert_false(reads(buffer_view(&text).data));
    drop();
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_items, begin, end),
        cmocka_unit_test_setup_teardown(test_sections, begin, end),
        cmocka_unit_test_setup_teardown(test_a_mailbox_opened_with_examine_keeps_its_flags, begin, end),
        cmocka_unit_test_setup_teardown(test_modifiers_and_uid, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_no_fetch, begin, end),
        cmocka_unit_test_setup_teardown(test_items_and_depth_have_limits, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
