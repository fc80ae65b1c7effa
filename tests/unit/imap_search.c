/* tests/unit/imap_search.c: SEARCH's keys as a program, and the program over one message. */
#include "digest/text.h"
#include "imap/search.h"
#include "imap_fake.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct search_program program;

static int begin(void **state)
{
    fake_open();
    return 0;
}

static int end(void **state)
{
    search_program_free(&program);
    fake_close();
    return 0;
}

static bool reads(const char *keys)
{
    struct arguments a = fake_arguments(view_of_string(keys));
    search_program_free(&program);
    bool good = search_parse_keys(&fake.imap, &a, &program);
    assert_true(good ? a.at == a.end : a.problem != NULL);
    return good;
}

/* In postfix order: a letter for each leaf of this test, "!", "&" and "|" for the operators. */
static void compiles(const char *keys, const char *expected)
{
    char found[64] = "";
    assert_true(reads(keys));
    for (size_t i = 0; i < program.count && i < sizeof found - 1; i++) {
        const struct search_key *key = &program.keys[i];
        found[i] = key->op == SEARCH_NOT     ? '!'
                   : key->op == SEARCH_AND   ? '&'
                   : key->op == SEARCH_OR    ? '|'
                   : key->op == SEARCH_FLAGS ? (key->want ? 'S' : 'U')
                   : key->op == SEARCH_ALL   ? 'A'
                   : key->op == SEARCH_SET   ? '#'
                   : key->op == SEARCH_NEVER ? 'N'
                                             : '?';
        found[i + 1] = '\0';
    }
    assert_string_equal(found, expected);
}

static void test_keys_become_a_program(void **state)
{
    compiles("ALL", "A");
    compiles("SEEN UNSEEN", "SU&");
    compiles("NOT SEEN", "S!");
    compiles("NOT NOT SEEN", "S!!");
    compiles("OR SEEN UNSEEN", "SU|");
    compiles("OR SEEN UNSEEN ALL", "SU|A&");
    compiles("OR OR SEEN ALL NOT UNSEEN", "SA|U!|");
    compiles("(SEEN UNSEEN) ALL", "SU&A&");
    compiles("OR (SEEN ALL) NOT (UNSEEN ALL)", "SA&UA&!|");
    compiles("((SEEN))", "S");
    compiles("seen 1:3 uid 4", "S#&#&");
    compiles("NEW OLD RECENT", "NA&N&");
    compiles("BODY \"\"", "A");
}

static void test_what_is_no_search(void **state)
{
    static const char *const bad[] = {"",         " ALL",     "ALL ",
                                      "NOT",      "OR SEEN",  "OR SEEN ",
                                      "(SEEN",    "SEEN)",    "()",
                                      "( SEEN)",  "NONSENSE", "SEEN  ALL",
                                      "FROM",     "LARGER x", "SINCE 1-Foo-2026",
                                      "UID",      "HEADER x", "KEYWORD (",
                                      "NOT (ALL", "ON 2026",  "LARGER 4294967296"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(reads(bad[i]));
}

static void nested(const char *piece, const char *close, unsigned depth, bool expected)
{
    struct buffer text = {0};
    for (unsigned i = 0; i < depth; i++)
        buffer_append_string(&text, piece);
    buffer_append_string(&text, "ALL");
    for (unsigned i = 0; i < depth; i++)
        buffer_append_string(&text, close);
    buffer_append_char(&text, '\0');
    assert_int_equal(reads(buffer_view(&text).data), expected);
    buffer_free(&text);
}

static void test_nesting_has_a_limit(void **state)
{
    static const char *const pieces[][2] = {{"(", ")"}, {"NOT ", ""}, {"OR ", " ALL"}, {"OR ALL ", ""}};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        nested(pieces[i][0], pieces[i][1], LIMIT_IMAP_NESTING, true);
        nested(pieces[i][0], pieces[i][1], LIMIT_IMAP_NESTING + 1, false);
        nested(pieces[i][0], pieces[i][1], 20000, false);
    }
}

static void test_keys_and_texts_have_limits(void **state)
{
    struct buffer text = {0};
    for (int i = 0; i < SEARCH_KEYS; i++)
        buffer_append_string(&text, "ALL ");
    buffer_append_string(&text, "ALL");
    buffer_append_char(&text, '\0');
    assert_false(reads(buffer_view(&text).data));
    buffer_clear(&text);
    for (int i = 0; i < MATCH_KEYS_MAX + 1; i++)
        buffer_append_string(&text, i ? " BODY x" : "BODY x");
    buffer_append_char(&text, '\0');
    assert_false(reads(buffer_view(&text).data));
    buffer_free(&text);
}

/* ---- over one message: 2 MiB, INTERNALDATE 24-Nov-2026 00:30 +0100 (the 23rd in UTC) ---- */

static struct message_row row;
static struct email email;

/* As search_program_ready does, without a store to look keywords up in. */
static void ready(void)
{
    program.stack = memory_array(program.count + 1, sizeof *program.stack);
    for (size_t i = 0; i < program.count; i++) {
        struct buffer folded = {0};
        text_fold(program.keys[i].text, &folded);
        program.keys[i].text = arena_view(&fake.session.command_arena, buffer_view(&folded));
        buffer_free(&folded);
    }
}

static enum truth evaluates(const char *keys, bool with_email, const char *bits)
{
    assert_true(reads(keys));
    ready();
    return search_evaluate(&program, &row, with_email ? &email : NULL, bits);
}

static void is(const char *keys, bool expected)
{
    assert_int_equal(evaluates(keys, true, NULL), expected ? TRUTH_YES : TRUTH_NO);
}

static int begin_message(void **state)
{
    row = (struct message_row){.uid = 5,
                               .flags = FLAG_SEEN | FLAG_FLAGGED,
                               .modseq = 77,
                               .size_octets = 2000,
                               .internal_utc_s = 1795476600,
                               .internal_zone_minutes = 60};
    email.digest = (struct digest){.flags = DIGEST_HAS_DATE,
                                   .sent_utc_s = 1795476600,
                                   .sent_zone_minutes = -60,
                                   .search_from = VIEW_LITERAL("ANN <ANN@EXAMPLE.COM>"),
                                   .search_subject = VIEW_LITERAL("HELLO WORLD")};
    return begin(state);
}

static void test_what_a_row_says(void **state)
{
    is("SEEN", true);
    is("UNSEEN", false);
    is("FLAGGED SEEN UNDELETED", true);
    is("ANSWERED", false);
    is("LARGER 1999", true);
    is("LARGER 2000", false);
    is("SMALLER 2001", true);
    is("SMALLER 2000", false);
    is("UID 4:6", true);
    is("UID 7", false);
    is("5", true);
    is("MODSEQ 77", true);
    is("MODSEQ \"/flags/\\\\Seen\" all 78", false);
}

/* RFC 3501 6.4.4: the days are those of the zone that is written, whatever the zone. */
static void test_days(void **state)
{
    is("ON 24-Nov-2026", true);
    is("BEFORE 24-Nov-2026", false);
    is("BEFORE 25-Nov-2026", true);
    is("SINCE 24-Nov-2026", true);
    is("SINCE 25-Nov-2026", false);
    is("SENTON 23-Nov-2026", true);
    is("SENTBEFORE 24-Nov-2026", true);
    is("SENTSINCE 24-Nov-2026", false);
    email.digest.flags = 0;
    is("SENTON 23-Nov-2026", false);
    is("SENTBEFORE 24-Nov-2026", false);
}

static void test_texts_of_the_digest(void **state)
{
    is("FROM ann", true);
    is("FROM \"Example.Com>\"", true);
    is("SUBJECT \"lo wor\"", true);
    is("SUBJECT nothing", false);
    is("TO ann", false);
    is("TO \"\"", true);
}

/* What isn't known yet decides nothing, unless it doesn't matter. */
static void test_three_answers(void **state)
{
    assert_int_equal(evaluates("FROM ann", false, NULL), TRUTH_UNKNOWN);
    assert_int_equal(evaluates("NOT FROM ann", false, NULL), TRUTH_UNKNOWN);
    assert_int_equal(evaluates("UNSEEN FROM ann", false, NULL), TRUTH_NO);
    assert_int_equal(evaluates("OR SEEN FROM ann", false, NULL), TRUTH_YES);
    assert_int_equal(evaluates("OR UNSEEN FROM ann", false, NULL), TRUTH_UNKNOWN);
    assert_int_equal(evaluates("FROM ann BODY x", true, NULL), TRUTH_UNKNOWN);
    assert_int_equal(evaluates("FROM ann BODY x", true, "\1"), TRUTH_YES);
    assert_int_equal(evaluates("FROM ann NOT BODY x", true, "\1"), TRUTH_NO);
    assert_int_equal(evaluates("OR TEXT a HEADER To b", true, "\0\1"), TRUTH_YES);
}

/* A set at the top bounds the walk; one inside NOT or OR does not. */
static void test_sets_that_bound_the_walk(void **state)
{
    static const struct {
        const char *keys, *only;
    } rows[] = {{"1:3", "1:3"},   {"SEEN 1:3 UID 2:5", "2:3"},   {"NOT 1:3", NULL},    {"OR 1 2", NULL},
                {"(1:3)", "1:3"}, {"OR (1 2) 3 UID 2:5", "2:5"}, {"NOT (1 2) 3", "3"}, {"SEEN", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer out = {0};
        assert_true(reads(rows[i].keys));
        struct uidset *bound = search_program_bound(&program);
        assert_int_equal(bound != NULL, rows[i].only != NULL);
        if (bound)
            uidset_write(bound, &out);
        uidset_unref(&bound);
        buffer_append_char(&out, '\0');
        assert_string_equal(buffer_view(&out).data, rows[i].only ? rows[i].only : "");
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys_become_a_program, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_no_search, begin, end),
        cmocka_unit_test_setup_teardown(test_nesting_has_a_limit, begin, end),
        cmocka_unit_test_setup_teardown(test_keys_and_texts_have_limits, begin, end),
        cmocka_unit_test_setup_teardown(test_what_a_row_says, begin_message, end),
        cmocka_unit_test_setup_teardown(test_days, begin_message, end),
        cmocka_unit_test_setup_teardown(test_texts_of_the_digest, begin_message, end),
        cmocka_unit_test_setup_teardown(test_three_answers, begin_message, end),
        cmocka_unit_test_setup_teardown(test_sets_that_bound_the_walk, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
