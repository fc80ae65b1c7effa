/* tests/unit/pop3.c: policy words, UIDL formats and their ranges, the lock, names of maildrops, arguments. */
#include "pop3/private.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void a_setting_is_read_by_name_and_word(void **state)
{
    struct pop3_policy policy = {{0}};
    assert_true(pop3_policy_read(&policy, VIEW_LITERAL("pop3.delete"), VIEW_LITERAL("hide")));
    assert_int_equal(policy.value[POP3_DELETE], POP3_DELETE_HIDE);
    assert_true(pop3_policy_read(&policy, VIEW_LITERAL("pop3.retrieve"), VIEW_LITERAL("seen")));
    assert_int_equal(policy.value[POP3_RETRIEVE], POP3_RETRIEVE_SEEN);
    assert_false(pop3_policy_read(&policy, VIEW_LITERAL("pop3.delete"), VIEW_LITERAL("Hide")));
    assert_false(pop3_policy_read(&policy, VIEW_LITERAL("pop3.other"), VIEW_LITERAL("hide")));
    assert_int_equal(policy.value[POP3_DELETE], POP3_DELETE_HIDE);
}

static void a_maildrop_has_one_session_and_a_delay_between_two(void **state)
{
    struct pop3_policy policy = {{0}};
    struct view inbox = VIEW_LITERAL("INBOX"), lists = VIEW_LITERAL("Lists");
    assert_true(pop3_lock(1, inbox));
    assert_false(pop3_lock(1, inbox));
    assert_int_equal(pop3_lock_state(1, VIEW_EMPTY), POP3_IN_USE);
    assert_int_equal(pop3_lock_state(1, VIEW_LITERAL("recent:#inbox")), POP3_IN_USE);
    assert_true(pop3_lock(1, lists));
    assert_true(pop3_lock(513, inbox));
    pop3_unlock(1, inbox, true);
    assert_int_equal(pop3_lock_state(1, VIEW_EMPTY), POP3_FREE);
    pop3_defaults_set(&policy, 3600);
    assert_true(pop3_lock(1, inbox));
    pop3_unlock(1, inbox, true);
    assert_false(pop3_lock(1, inbox));
    assert_int_equal(pop3_lock_state(1, VIEW_EMPTY), POP3_TOO_SOON);
    pop3_unlock(1, lists, false); /* never opened: no delay */
    assert_true(pop3_lock(1, lists));
    pop3_defaults_set(&policy, 0);
    pop3_unlock(1, lists, true);
    pop3_unlock(513, inbox, true);
    assert_int_equal(pop3_lock_state(1, VIEW_EMPTY), POP3_FREE);
}

static void a_login_names_its_maildrop(void **state)
{
    static const struct {
        const char *text, *folder;
        bool recent, valid;
    } rows[] = {{"", "INBOX", false, true},
                {"recent:", "INBOX", true, true},
                {"#inbox", "INBOX", false, true},
                {"#Lists/C", "Lists/C", false, true},
                {"recent:#Archive", "Archive", true, true},
                {"#", "", false, false},
                {"#a//b", "", false, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;
        struct pop3_maildrop drop;
        arena_init(&arena, 65536);
        pop3_maildrop_read(&arena, view_of_string(rows[i].text), &drop);
        assert_int_equal(drop.recent, rows[i].recent);
        assert_int_equal(drop.valid, rows[i].valid);
        assert_true(view_equal_string(drop.folder, rows[i].folder));
        arena_free(&arena);
    }
}

static bool reads(struct pop3 *pop3, const char *name, const char *arguments)
{
    pop3->command = pop3_command_find(view_of_string(name));
    pop3->arguments = view_of_string(arguments);
    return pop3_arguments_read(pop3);
}

static void numbers_in_any_odd_form_are_errors(void **state)
{
    static const char *const odd[] = {
        "",    "0", "-1",  "+1", "01", "1.0", "0x1", "1a", "four", "4", "\"1\"", "4294967297", "18446744073709551617",
        "1 2", "*", "1:2", "1,2"};
    struct pop3_message messages[3] = {{.uid = 1}, {.uid = 2, .deleted = 1}, {.uid = 3}};
    struct pop3 pop3 = {.messages = messages, .count = 3};
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        assert_false(reads(&pop3, "RETR", odd[i]));
    assert_false(reads(&pop3, "DELE", "2"));
    assert_true(reads(&pop3, "retr", "3"));
    assert_int_equal(pop3.index, 2);
    assert_true(reads(&pop3, "LIST", ""));
    assert_false(reads(&pop3, "LIST", "x"));
    assert_false(reads(&pop3, "TOP", "1"));
    assert_false(reads(&pop3, "TOP", "1 -1"));
    assert_false(reads(&pop3, "TOP", "1 01"));
    assert_false(reads(&pop3, "TOP", "1 2 3"));
    assert_true(reads(&pop3, "TOP", "1 0"));
    assert_false(reads(&pop3, "STAT", "1"));
    assert_true(reads(&pop3, "LANG", "any words at all"));
}

static const char *downgraded(const char *header)
{
    static char text[4096];
    struct buffer out = {0};
    pop3_downgrade(view_of_string(header), &out);
    snprintf(text, sizeof text, "%.*s", VIEW_PRINTF(buffer_view(&out)));
    buffer_free(&out);
    return text;
}

/* base64: "Grüße" R3LDvMOfZQ==, "Jörg" SsO2cmc=, "Ä" w4Q=, "jörg@example.org" asO2cmdAZXhhbXBsZS5vcmc= */
static void headers_in_utf8_become_ascii(void **state)
{
    static const char *const rows[][2] = {
        {"Subject: plain\r\n\r\n", "Subject: plain\r\n\r\n"},
        {"Subject: Grüße\r\n\r\n", "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n\r\n"},
        {"Subject:Re: Grüße all\r\nX: y\r\n\r\n", "Subject:Re:\r\n =?UTF-8?B?R3LDvMOfZQ==?= all\r\nX: y\r\n\r\n"},
        {"From: Jörg <j@example.org>\r\n", "From: =?UTF-8?B?SsO2cmc=?=\r\n <j@example.org>\r\n"},
        {"From: \"Jörg\" <j@example.org>, a@b\r\n", "From: =?UTF-8?B?SsO2cmc=?=\r\n <j@example.org>, a@b\r\n"},
        {"To: a@b,jörg@example.org\r\n", "To: a@b, =?UTF-8?B?asO2cmdAZXhhbXBsZS5vcmc=?= :;\r\n"},
        {"To: j@example.org (Jörg)\r\n", "To: j@example.org (=?UTF-8?B?SsO2cmc=?=)\r\n"},
        {"To: Ä: a@b, c@d;\r\n", "To: =?UTF-8?B?w4Q=?=: a@b, c@d;\r\n"},
        {"Content-Type: text/plain; name=\"Ä 1.txt\"; charset=utf-8\r\n",
         "Content-Type: text/plain;\r\n name*=UTF-8''%C3%84%201.txt; charset=utf-8\r\n"},
        {"Message-ID: <Ä@b>\r\n", "Downgraded-Message-ID: =?UTF-8?B?PMOEQGI+?=\r\n"},
        {"Subject: latin \xE4\r\n", "Subject: latin \xE4\r\n"},
        {"no field Ä\r\nSubject: Ä\n\n", "no field Ä\r\nSubject: =?UTF-8?B?w4Q=?=\r\n\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(downgraded(rows[i][0]), rows[i][1]);
}

static void long_texts_become_several_words_cut_between_characters(void **state)
{
    assert_string_equal(downgraded("Subject: äääääääääääääääääääääää\r\n ö\r\n"),
                        "Subject: =?UTF-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6TDpMOkw6Q=?=\r\n"
                        " =?UTF-8?B?w6Qgw7Y=?=\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_setting_is_read_by_name_and_word),
        cmocka_unit_test(a_maildrop_has_one_session_and_a_delay_between_two),
        cmocka_unit_test(a_login_names_its_maildrop),
        cmocka_unit_test(numbers_in_any_odd_form_are_errors),
        cmocka_unit_test(headers_in_utf8_become_ascii),
        cmocka_unit_test(long_texts_become_several_words_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
