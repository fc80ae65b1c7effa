/* tests/unit/message_words.c: folded values, RFC 2047 words, charsets, RFC 2231 parameters, base subjects. */
#include "base/limits.h"
#include "message/charset.h"
#include "message/content.h"
#include "message/header.h"
#include "message/subject.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void equals(struct buffer *out, const char *expected)
{
    buffer_append_char(out, '\0');
    assert_string_equal(buffer_view(out).data, expected);
    buffer_free(out);
}

/* ---- folds ---- */

static void unfolds(const char *value, const char *expected)
{
    struct buffer out = {0};
    header_unfold(view_of_string(value), &out);
    equals(&out, expected);
}

static void test_a_fold_goes_and_its_white_space_stays(void **state)
{
    unfolds("one\r\n two", "one two");
    unfolds("one\n two", "one two");
    unfolds("one\r\n\ttwo", "one two");
    unfolds("one\ttwo", "one\ttwo");
    unfolds(" one \r\n", "one");
    unfolds("one\r\n  \r\n two", "one   two");
    unfolds("", "");
    unfolds("a\x01"
            "b\x7f"
            "c\rd",
            "a b c d");
}

/* ---- RFC 2047 ---- */

static void decodes(const char *value, const char *expected)
{
    struct buffer out = {0};
    words_decode(view_of_string(value), &out);
    equals(&out, expected);
}

/* The examples of RFC 2047 8, without the parentheses that make them comments. */
static void test_the_examples_of_rfc_2047(void **state)
{
    decodes("=?ISO-8859-1?Q?a?=", "a");
    decodes("=?ISO-8859-1?Q?a?= b", "a b");
    decodes("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab");
    decodes("=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab");
    decodes("=?ISO-8859-1?Q?a_b?=", "a b");
    decodes("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b");
    decodes("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>");
    decodes("=?ISO-8859-1?Q?Andr=E9?= Pirard", "Andr\xc3\xa9 Pirard");
    decodes("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?= =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
            "If you can read this you understand the example.");
}

static void test_words_of_every_kind_of_charset(void **state)
{
    decodes("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", "Gr\xc3\xbc\xc3\x9f"
                                           "e");
    decodes("=?iso-2022-jp?B?GyRCJDMkcxsoQg==?=", "\xe3\x81\x93\xe3\x82\x93");
    decodes("=?gb2312?B?xOO6ww==?=", "\xe4\xbd\xa0\xe5\xa5\xbd");
    decodes("=?eucgb2312_cn?B?xOO6ww==?=", "\xe4\xbd\xa0\xe5\xa5\xbd");
    decodes("=?big5_tw?B?p0E=?=", "\xe4\xbd\xa0");
    decodes("=?koi8-r?B?8NLJ18XU?=", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82");
    decodes("=?windows-1252?Q?=80_5?=", "\xe2\x82\xac 5");
    decodes("=?utf-8*de?q?a?=", "a");                               /* RFC 2231 5: a language */
    decodes("=?no-such-charset?q?Gr=FC=DFe?=", "Gr\xc3\xbc\xc3\x9f" /* as windows-1252 */
                                               "e");
    decodes("=?us-ascii?q?Gr=C3=BC?=", "Gr\xc3\xbc"); /* it says ASCII and is UTF-8 */
}

static void test_a_character_split_between_two_words_is_one(void **state)
{
    decodes("=?utf-8?b?4oI=?= =?utf-8?b?rA==?=", "\xe2\x82\xac");
    decodes("=?utf-8?q?=E2=82?=\r\n =?UTF-8?Q?=AC?=", "\xe2\x82\xac");
}

/* Each word goes back to ASCII and the next one leaves it again: nothing stands between. */
static void test_shifts_of_neighbours_are_nothing(void **state)
{
    decodes("=?iso-2022-jp?B?GyRCJDMbKEI=?= =?iso-2022-jp?B?GyRCJHMbKEI=?=", "\xe3\x81\x93\xe3\x82\x93");
}

static void test_what_is_no_word_stays(void **state)
{
    static const char *const texts[] = {"=?",
                                        "=?utf-8",
                                        "=?utf-8?q?abc",
                                        "=?utf-8?x?abc?=",
                                        "=?"
                                        "?q?a?=",
                                        "=?utf-8?q?a",
                                        "a =?utf-8?q?a?",
                                        "?=",
                                        "100% = 5?",
                                        ""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        decodes(texts[i], texts[i]);
}

static void test_words_stand_where_programs_put_them(void **state)
{
    decodes("x=?utf-8?q?a?=y", "xay");               /* inside a word */
    decodes("\"=?utf-8?q?a?=\"", "\"a\"");           /* inside quotes */
    decodes("=?utf-8?q?a b?=", "a b");               /* with a blank inside */
    decodes("=?utf-8?q?a?= ,=?utf-8?q?b?=", "a ,b"); /* what stands between isn't white space alone */
    decodes("=?utf-8?b?YWI?=", "ab");                /* no padding */
    decodes("=?utf-8?q?a=0D=0AX:_y?=", "a  X: y");   /* a line end smuggled in */
    decodes("=?utf-8?q?"
            "?= =?utf-8?q?a?=",
            "a");                                        /* an empty one */
    decodes("Gr\xfc\xdf", "Gr\xc3\xbc\xc3\x9f");         /* raw Latin 1 */
    decodes("Gr\xc3\xbc\xc3\x9f", "Gr\xc3\xbc\xc3\x9f"); /* raw UTF-8 */
    decodes("=?utf-8?q?=C3?=", "\xef\xbf\xbd");          /* cut in the middle of a character */
}

static void encodes(const char *utf8, const char *expected)
{
    struct buffer out = {0}, again = {0};
    words_encode(view_of_string(utf8), &out);
    words_decode(buffer_view(&out), &again);
    equals(&out, expected);
    equals(&again, utf8);
}

static void test_text_becomes_words_and_comes_back(void **state)
{
    encodes("plain text", "plain text");
    encodes("", "");
    encodes("a Gr\xc3\xbc\xc3\x9f"
            "e b",
            "a =?utf-8?b?R3LDvMOfZQ==?= b");
    encodes("na\xc3\xafvely read", "=?utf-8?q?na=C3=AFvely?= read");
    encodes("\xc3\xa9 and \xc3\xa9", "=?utf-8?b?w6kgYW5kIMOp?=");
}

/* RFC 2047 2: no word is longer than 75 octets, and none splits a character. */
static void test_long_text_is_cut_at_whole_characters(void **state)
{
    struct buffer text = {0}, out = {0}, again = {0};
    for (int i = 0; i < 200; i++)
        buffer_append_string(&text, "\xe2\x82\xac");
    words_encode(buffer_view(&text), &out);
    struct view rest = buffer_view(&out);
    while (rest.size) {
        size_t end = view_find(rest, ' ', 0);
        struct view word = view_slice(rest, 0, end);
        assert_true(word.size <= 75);
        rest = end == SIZE_MAX ? VIEW_EMPTY : view_skip(rest, end + 1);
        struct buffer one = {0};
        words_decode(word, &one);
        assert_int_equal(buffer_size(&one) % 3, 0);
        buffer_free(&one);
    }
    words_decode(buffer_view(&out), &again);
    assert_true(view_equal(buffer_view(&again), buffer_view(&text)));
    buffer_free(&text);
    buffer_free(&out);
    buffer_free(&again);
}

/* A megabyte of the worst beginnings: it ends at all, which a quadratic reader would not within the test's time. */
static void test_many_beginnings_of_words_are_read_once(void **state)
{
    static const char *const pieces[] = {"=?", "=?a?q?", "=?utf-8?q?a", "=?utf-8?q?a?= ", "?=", "=?utf-8?b?"};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct buffer text = {0}, out = {0};
        while (buffer_size(&text) < LIMIT_HEADER_FIELD)
            buffer_append_string(&text, pieces[i]);
        words_decode(buffer_view(&text), &out);
        assert_true(buffer_size(&out) <= buffer_size(&text));
        buffer_free(&text);
        buffer_free(&out);
    }
}

/* ---- charsets ---- */

static void converts(const char *charset, const char *octets, size_t size, const char *expected)
{
    struct buffer out = {0}, pieces = {0};
    struct charset_stream stream;
    charset_to_utf8(view_of_string(charset), view_of(octets, size), &out);
    equals(&out, expected);
    charset_stream_begin(&stream, view_of_string(charset));
    for (size_t i = 0; i < size; i++)
        charset_stream_more(&stream, view_of(octets + i, 1), &pieces);
    charset_stream_end(&stream, &pieces);
    equals(&pieces, expected);
}

#define CONVERTS(charset, octets, expected) converts(charset, octets, sizeof(octets) - 1, expected)

static void test_a_charset_gives_the_same_however_it_is_cut(void **state)
{
    CONVERTS("utf-8", "a\xe2\x82\xac", "a\xe2\x82\xac");
    CONVERTS("utf-16le", "a\0\x3d\xd8\x00\xde", "a\xf0\x9f\x98\x80");
    CONVERTS("shift_jis", "\x82\xb1", "\xe3\x81\x93");
    CONVERTS("iso-2022-jp", "\x1b$B$3\x1b(Bx", "\xe3\x81\x93x");
    CONVERTS("iso-2022-jp", "\x1b$B$3\x1b(B\x1b$B$s\x1b(B", "\xe3\x81\x93\xe3\x82\x93");
    CONVERTS("big5", "\xa7\x41", "\xe4\xbd\xa0");
    CONVERTS("iso-8859-15", "\xa4", "\xe2\x82\xac");
    CONVERTS("utf-8",
             "a\xff"
             "b",
             "a\xef\xbf\xbd"
             "b");
}

static void test_unknown_charsets_are_told(void **state)
{
    assert_true(charset_known(VIEW_LITERAL("UTF-8")));
    assert_true(charset_known(VIEW_LITERAL("us-ascii")));
    assert_true(charset_known(VIEW_LITERAL("ISO-8859-1")));
    assert_false(charset_known(VIEW_LITERAL("no-such-charset")));
    assert_false(charset_known(VIEW_EMPTY));
}

/* ---- Content-Type and its like ---- */

static struct arena arena;

static void parameter_is(const struct content *content, const char *name, const char *expected)
{
    const struct parameter *p = content_parameter(content, name);
    struct buffer out = {0};
    assert_non_null(p);
    parameter_utf8(p, &out);
    equals(&out, expected);
}

static struct content read_content(const char *value)
{
    struct content content;
    arena_free(&arena);
    arena_init(&arena, 1 << 24);
    content_read(&arena, view_of_string(value), &content);
    return content;
}

static void test_parameters_as_they_should_be(void **state)
{
    struct content c = read_content("text/plain; charset=us-ascii (Plain text); Format=\"flowed\"");
    assert_true(view_equal_string(c.type, "text"));
    assert_true(view_equal_string(c.subtype, "plain"));
    assert_int_equal(c.count, 2);
    parameter_is(&c, "charset", "us-ascii");
    parameter_is(&c, "format", "flowed");
    c = read_content("multipart/mixed;\r\n boundary=\"a;b=\\\"c\\\" d\"");
    parameter_is(&c, "boundary", "a;b=\"c\" d");
    arena_free(&arena);
}

/* RFC 2231 3 and 4.1. */
static void test_the_examples_of_rfc_2231(void **state)
{
    struct content c = read_content("message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n"
                                    " URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"");
    parameter_is(&c, "URL", "ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar");
    c = read_content("application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A");
    parameter_is(&c, "title", "This is ***fun***");
    assert_true(view_equal_string(content_parameter(&c, "title")->language, "en-us"));
    c = read_content("application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20;\r\n"
                     " title*1*=%2A%2A%2Afun%2A%2A%2A%20;\r\n title*2=\"isn't it!\"");
    parameter_is(&c, "title", "This is even more ***fun*** isn't it!");
    arena_free(&arena);
}

static void test_continuations_in_any_order_up_to_a_gap(void **state)
{
    struct content c = read_content("a/b; n*1=two; n*0=one; n*3=four");
    parameter_is(&c, "n", "onetwo");
    c = read_content("a/b; n*1=two");
    assert_null(content_parameter(&c, "n"));
    c = read_content("a/b; n*0=one; n*0=again; n*01=no");
    parameter_is(&c, "n", "one");
    c = read_content("a/b; n*0*=utf-8''%C3; n*1*=%A9"); /* a character between two pieces */
    parameter_is(&c, "n", "\xc3\xa9");
    arena_free(&arena);
}

static void test_the_extended_form_is_preferred(void **state)
{
    struct content c = read_content("attachment; filename=\"plain\"; filename*=UTF-8''%e2%82%ac");
    parameter_is(&c, "filename", "\xe2\x82\xac");
    c = read_content("attachment; filename*=UTF-8''%e2%82%ac; filename=\"plain\"");
    parameter_is(&c, "filename", "\xe2\x82\xac");
    c = read_content("attachment; filename*=nothing%zz"); /* no charset, a bad percent */
    parameter_is(&c, "filename", "nothing%zz");
    arena_free(&arena);
}

static void test_mistakes_that_programs_make(void **state)
{
    struct content c = read_content("text/html; charset=\"utf-8"); /* unclosed */
    parameter_is(&c, "charset", "utf-8");
    c = read_content("text/html; charset = utf-8 ;; x");
    parameter_is(&c, "charset", "utf-8");
    assert_int_equal(c.count, 1);
    c = read_content("text/html; charset=utf-8; charset=koi8-r"); /* the first counts */
    parameter_is(&c, "charset", "utf-8");
    c = read_content("a/b; n=\"x\\"); /* a backslash at the end */
    parameter_is(&c, "n", "x");
    c = read_content("text; x=y");
    assert_int_equal(c.subtype.size, 0);
    c = read_content("a/b; n=\"x\ty\x01\"");
    parameter_is(&c, "n", "x y ");
    c = read_content("a/b (comment (nested \\) ) unclosed; n=x");
    assert_int_equal(c.count, 0);
    c = read_content("a/b (not; a=parameter); n=x");
    assert_int_equal(c.count, 1);
    parameter_is(&c, "n", "x");
    assert_false(content_read(&arena, VIEW_EMPTY, &c));
    assert_false(content_read(&arena, VIEW_LITERAL("; charset=x"), &c));
    arena_free(&arena);
}

/* CVE-2026-27859: what putting together costs is bounded by the number of parameters looked at. */
static void test_too_many_parameters_are_left_out(void **state)
{
    struct buffer value = {0};
    buffer_append_string(&value, "a/b");
    for (int i = 0; i < 100000; i++)
        buffer_printf(&value, "; n*%d=x", i % 10000);
    buffer_append_char(&value, '\0');
    struct content c = read_content(buffer_view(&value).data);
    assert_int_equal(c.count, 1);
    assert_int_equal(content_parameter(&c, "n")->value.size, LIMIT_MIME_PARAMETERS);
    buffer_free(&value);
    arena_free(&arena);
}

/* ---- base subjects (RFC 5256 2.1) ---- */

static void base(const char *subject, bool is_reply, const char *expected)
{
    struct buffer out = {0};
    assert_int_equal(subject_base(view_of_string(subject), &out), is_reply);
    equals(&out, expected);
}

static void test_base_subjects(void **state)
{
    base("hello", false, "hello");
    base("Re: hello", true, "hello");
    base("RE:hello", true, "hello");
    base("re : hello", true, "hello");
    base("Fw: hello", true, "hello");
    base("Fwd: Re: hello", true, "hello");
    base("hello (fwd)", true, "hello");
    base("hello (fwd) (FWD) ", true, "hello");
    base("[list] hello", false, "hello");
    base("[list] Re: [other] hello", true, "hello");
    base("Re[2]: hello", true, "hello");
    base("Re [a] [b]: hello", false, "Re [a] [b]: hello"); /* one blob at most */
    base("[fwd: hello]", true, "hello");
    base("[Fwd: Re: [list] hello (fwd)]", true, "hello");
    base("a  b\t c", false, "a b c");
    base("[only]", false, "[only]");
    base("[a][b]", false, "[b]");
    base("Re:", true, "");
    base("", false, "");
    base("Reading: a book", false, "Reading: a book");
    base("[a[b] c", false, "[a[b] c");
}

static void test_many_blobs_are_looked_through_once(void **state)
{
    static const char *const pieces[] = {"[x]", "[", "]", "Re: ", " ", "(fwd)", "[fwd:", "re [x]"};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct buffer text = {0}, out = {0};
        while (buffer_size(&text) < LIMIT_TEXT_OCTETS)
            buffer_append_string(&text, pieces[i]);
        subject_base(buffer_view(&text), &out);
        assert_true(buffer_size(&out) <= buffer_size(&text));
        buffer_free(&text);
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fold_goes_and_its_white_space_stays),
        cmocka_unit_test(test_the_examples_of_rfc_2047),
        cmocka_unit_test(test_words_of_every_kind_of_charset),
        cmocka_unit_test(test_a_character_split_between_two_words_is_one),
        cmocka_unit_test(test_shifts_of_neighbours_are_nothing),
        cmocka_unit_test(test_what_is_no_word_stays),
        cmocka_unit_test(test_words_stand_where_programs_put_them),
        cmocka_unit_test(test_text_becomes_words_and_comes_back),
        cmocka_unit_test(test_long_text_is_cut_at_whole_characters),
        cmocka_unit_test(test_many_beginnings_of_words_are_read_once),
        cmocka_unit_test(test_a_charset_gives_the_same_however_it_is_cut),
        cmocka_unit_test(test_unknown_charsets_are_told),
        cmocka_unit_test(test_parameters_as_they_should_be),
        cmocka_unit_test(test_the_examples_of_rfc_2231),
        cmocka_unit_test(test_continuations_in_any_order_up_to_a_gap),
        cmocka_unit_test(test_the_extended_form_is_preferred),
        cmocka_unit_test(test_mistakes_that_programs_make),
        cmocka_unit_test(test_too_many_parameters_are_left_out),
        cmocka_unit_test(test_base_subjects),
        cmocka_unit_test(test_many_blobs_are_looked_through_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
