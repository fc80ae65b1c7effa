/* tests/unit/language.c: language ranges (RFC 4647), what becomes of a response, the catalogue of each language. */
#include "language/catalogue.h"
#include "language/say.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- ranges ---- */

/* The tag that is chosen, "none", or "malformed". */
static const char *chosen(const char *const *ranges, size_t count)
{
    struct language_wish wish = {.asked = false};
    for (size_t i = 0; i < count; i++)
        if (!language_wish_add(&wish, view_of_string(ranges[i])))
            return "malformed";
    return wish.fits ? language_tag(wish.language) : "none";
}

static const char *chosen_of(const char *range)
{
    return chosen(&range, 1);
}

static void test_a_range_means_a_language(void **state)
{
    static const char *const rows[][2] = {
        {"de", "de"},
        {"DE", "de"},
        {"en", "en"},
        {"i-default", "i-default"},
        {"I-Default", "i-default"},
        {"i", "i-default"},
        {"de-IT", "de"},
        {"de-Latn-DE-1996", "de"},
        {"en-x-private", "en"},
        {"i-klingon", "none"},
        {"i-default-x", "i-default"},
        {"d", "none"},
        {"ger", "none"},
        {"deu", "none"},
        {"den", "none"},
        {"mul", "none"},
        {"fr-de", "none"},
        {"x-de", "none"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(chosen_of(rows[i][0]), rows[i][1]);
}

static void test_the_first_that_fits_is_taken(void **state)
{
    static const char *const canadian[] = {"FR-CA", "EN-CA"}, *const both[] = {"de", "en"},
                             *const late[] = {"de", "no good"};
    assert_string_equal(chosen(canadian, 2), "en");
    assert_string_equal(chosen(both, 2), "de");
    assert_string_equal(chosen(late, 2), "malformed");
}

static void test_what_is_no_range(void **state)
{
    static const char *const bad[] = {"",   "-", "de-",   "-de",   "de--at", "ninelette", "de-ninelette",
                                      "d1", "1", "de_AT", "de AT", "**",     "*-de",      "dé"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_string_equal(chosen_of(bad[i]), "malformed");
}

static void test_the_administrator_prefers_one(void **state)
{
    assert_string_equal(chosen_of("*"), "en");
    language_set_preferred(VIEW_LITERAL("de"));
    assert_string_equal(chosen_of("*"), "de");
    assert_string_equal(chosen_of("Default"), "de");
    language_set_preferred(VIEW_LITERAL("tlh"));
    assert_string_equal(chosen_of("*"), "de");
    language_set_preferred(VIEW_LITERAL("en"));
    assert_string_equal(chosen_of("default"), "en");
}

static void test_numbers_of_others_are_checked(void **state)
{
    assert_int_equal(language_of_number(LANGUAGE_GERMAN), LANGUAGE_GERMAN);
    assert_int_equal(language_of_number(LANGUAGE_COUNT), LANGUAGE_DEFAULT);
    assert_int_equal(language_of_number(255), LANGUAGE_DEFAULT);
    assert_string_equal(language_tag(255), "i-default");
}

/* ---- responses ---- */

static const char *text_of_buffer(struct buffer *out)
{
    static char text[2048];
    snprintf(text, sizeof text, "%.*s", VIEW_PRINTF(buffer_view(out)));
    buffer_free(out);
    return text;
}

static const char *said(uint8_t language, const char *response)
{
    struct buffer out = {0};
    language_say(&out, language, response);
    return text_of_buffer(&out);
}

static void test_only_the_text_is_translated(void **state)
{
    static const char *const rows[][2] = {
        {"Noop completed", "NOOP ausgeführt"},
        {"OK Noop completed\r\n", "OK NOOP ausgeführt\r\n"},
        {"* BYE [LIMIT] Too many connections, try again later\r\n",
         "* BYE [LIMIT] Zu viele Verbindungen, bitte später erneut versuchen\r\n"},
        {"-ERR [IN-USE] Another session has this maildrop\r\n",
         "-ERR [IN-USE] Eine andere Sitzung hält dieses Postfach geöffnet\r\n"},
        {"[TOOBIG] The literal is too long", "[TOOBIG] Das Literal ist zu lang"},
        {"+ idling\r\n", "+ Warten auf Änderungen\r\n"},
        {"+OK Capabilities follow\r\nTOP\r\n", "+OK Fähigkeiten folgen\r\nTOP\r\n"},
        {"+OK\r\n", "+OK\r\n"},
        {"", ""},
        {"\r\n", "\r\n"},
        {"[", "["},
        {"* OK [HIGHESTMODSEQ 5]", "* OK [HIGHESTMODSEQ 5]"},
        {"* CAPABILITY Set\r\n", "* CAPABILITY Set\r\n"},
        {"Nobody says that", "Nobody says that"},
        {"100% Noop completed", "100% Noop completed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(said(LANGUAGE_GERMAN, rows[i][0]), rows[i][1]);
        assert_string_equal(said(LANGUAGE_ENGLISH, rows[i][0]), rows[i][0]);
        assert_string_equal(said(LANGUAGE_DEFAULT, rows[i][0]), rows[i][0]);
        assert_string_equal(said(77, rows[i][0]), rows[i][0]);
    }
}

static void test_arguments_stay_data(void **state)
{
    struct buffer out = {0};
    language_printf(&out, LANGUAGE_GERMAN, "+OK %zu messages (%llu octets)\r\n", (size_t)3, 320ULL);
    assert_string_equal(text_of_buffer(&out), "+OK 3 Nachrichten (320 Bytes)\r\n");
    language_printf(&out, LANGUAGE_ENGLISH, "+OK %zu messages (%llu octets)\r\n", (size_t)3, 320ULL);
    assert_string_equal(text_of_buffer(&out), "+OK 3 messages (320 octets)\r\n");
    language_printf(&out, LANGUAGE_GERMAN, "NO [BADURL %s] There is nothing at that URL", "x] Set");
    assert_string_equal(text_of_buffer(&out), "NO [BADURL x] Set] Unter dieser URL ist nichts zu finden");
    language_printf(&out, LANGUAGE_GERMAN, "* %s", "Set");
    assert_string_equal(text_of_buffer(&out), "* Set");
}

static void test_long_formats_and_arguments(void **state)
{
    char longer[2000], expected[2048];
    struct buffer out = {0};
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    language_printf(&out, LANGUAGE_GERMAN, "OK [%s] Set", longer);
    snprintf(expected, sizeof expected, "OK [%s] Gesetzt", longer);
    assert_true(view_equal_string(buffer_view(&out), expected));
    buffer_free(&out);
    /* a head that leaves no room for the translation: English */
    assert_string_equal(said(LANGUAGE_GERMAN, longer), longer);
}

static void test_pop3_answers(void **state)
{
    struct buffer out = {0};
    uint8_t language = LANGUAGE_DEFAULT;
    language_answer_lang(&out, VIEW_EMPTY, &language);
    assert_string_equal(text_of_buffer(&out), "+OK Language listing follows\r\nde Deutsch\r\nen English\r\n"
                                              "i-default English, unless something else is chosen\r\n.\r\n");
    language_answer_lang(&out, VIEW_LITERAL("de-AT"), &language);
    assert_string_equal(text_of_buffer(&out), "+OK de Die Sprache ist umgestellt\r\n");
    assert_int_equal(language, LANGUAGE_GERMAN);
    language_answer_lang(&out, VIEW_LITERAL("uga"), &language);
    assert_string_equal(text_of_buffer(&out), "-ERR Diese Sprache wird hier nicht unterstützt\r\n");
    language_answer_lang(&out, VIEW_LITERAL("no good"), &language);
    assert_string_equal(text_of_buffer(&out), "-ERR Diese Sprache wird hier nicht unterstützt\r\n");
    assert_int_equal(language, LANGUAGE_GERMAN);
    language_answer_lang(&out, VIEW_LITERAL("*"), &language);
    assert_string_equal(text_of_buffer(&out), "+OK en The language is changed\r\n");
}

/* ---- catalogues ---- */

static void test_every_entry_is_found(void **state)
{
    const struct catalogue *c = &catalogue_german;
    assert_true(c->count > 300);
    for (size_t i = 0; i < c->count; i++) {
        const struct catalogue_entry *entry = &c->entries[i];
        assert_true(!i || strcmp(c->entries[i - 1].english, entry->english) < 0);
        assert_ptr_equal(language_text(LANGUAGE_GERMAN, entry->english), entry->text);
        assert_ptr_equal(language_text(LANGUAGE_DEFAULT, entry->english), entry->english);
        assert_true(strlen(entry->text) < 200); /* "* OK [CODE ...] " and CRLF fit beside it: FORMAT_OCTETS */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_range_means_a_language),
        cmocka_unit_test(test_the_first_that_fits_is_taken),
        cmocka_unit_test(test_what_is_no_range),
        cmocka_unit_test(test_the_administrator_prefers_one),
        cmocka_unit_test(test_numbers_of_others_are_checked),
        cmocka_unit_test(test_only_the_text_is_translated),
        cmocka_unit_test(test_arguments_stay_data),
        cmocka_unit_test(test_long_formats_and_arguments),
        cmocka_unit_test(test_pop3_answers),
        cmocka_unit_test(test_every_entry_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
