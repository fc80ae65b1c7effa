/* tests/unit/message_preview.c: the first words of a text, a page, a whole message. */
#include "base/limits.h"
#include "digest/text.h"
#include "message/html.h"
#include "message/preview.h"
#include "summarize.h"

static void text_preview(const char *text, const char *expected)
{
    struct buffer out = {0};
    preview_from_text(view_of_string(text), &out);
    view_is(buffer_view(&out), expected);
    buffer_free(&out);
}

static void html_preview(const char *page, const char *expected)
{
    struct buffer out = {0};
    preview_from_html(view_of_string(page), &out);
    view_is(buffer_view(&out), expected);
    buffer_free(&out);
}

static void test_white_space_becomes_one_blank(void **state)
{
    text_preview("  Hello,\r\n\r\n\tworld  \x01 !\n", "Hello, world !");
    text_preview("\xc2\xa0\xe2\x80\x8b\xef\xbb\xbf Hi", "Hi"); /* what marketing mail pads with */
    text_preview("", "");
    text_preview(" \n \n", "");
}

static void test_quoted_lines_are_passed_over(void **state)
{
    text_preview("> they wrote\n> this\nand I say\n>> that\nno\n", "and I say no");
    text_preview("> only\n> quotes\n", "> only > quotes");
}

static void test_it_ends_at_a_whole_character(void **state)
{
    struct buffer text = {0}, out = {0};
    for (int i = 0; i < 300; i++)
        buffer_append_char(&text, 'x');
    preview_from_text(buffer_view(&text), &out);
    assert_int_equal(buffer_size(&out), LIMIT_PREVIEW_CHARACTERS);
    buffer_clear(&text);
    buffer_clear(&out);
    for (int i = 0; i < 300; i++)
        buffer_append_string(&text, "\xe2\x82\xac");
    preview_from_text(buffer_view(&text), &out);
    assert_int_equal(buffer_size(&out), 255); /* 85 of three octets */
    assert_true(text_valid(buffer_view(&out)));
    buffer_free(&text);
    buffer_free(&out);
}

static void test_a_page_shows_what_a_reader_sees(void **state)
{
    html_preview("<html><head><title>T</title><style>p{}</style></head><body><p>Hi &amp; bye</p><script>x()</script>"
                 "<p>More</p></body></html>",
                 "Hi & bye More");
    html_preview("a<br>b<div>c</div>d", "a b c d");
    html_preview("one <b>bold</b>face", "one boldface");
    html_preview("", "");
    html_preview("<p>unclosed", "unclosed");
    html_preview("<!-- comment -->text &eacute;", "text \xc3\xa9");
}

static void test_of_a_message(void **state)
{
    view_is(summarize("\nHello\nworld\n").preview, "Hello world");
    view_is(
        summarize("Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n\n8NLJ18XU\n").preview,
        "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82");
    view_is(
        summarize("Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>page\n--b\n\n"
                  "text\n--b--\n")
            .preview,
        "page");
    /* attachments say nothing of the message, even if they are texts */
    view_is(
        summarize("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Disposition: attachment\n\nfile\n--b\n\n"
                  "text\n--b--\n")
            .preview,
        "text");
    view_is(summarize("Content-Type: image/png\n\nx\n").preview, "");
}

/* UTF-16 has no lines of mail: it is believed where a transfer encoding keeps them apart, and never else. */
static void test_of_a_wide_charset(void **state)
{
    view_is(summarize("Content-Type: text/plain; charset=unicode\n\nplain\nwords\n").preview, "plain words");
    view_is(summarize("Content-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: base64\n\naABpAAoA\n")
                .preview,
            "hi");
    view_is(summarize("Content-Type: text/plain; charset=utf-16be\nContent-Transfer-Encoding: quoted-printable\n\n"
                      "=00h=00i=00=0A=00=\n!\n")
                .preview,
            "hi !");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_white_space_becomes_one_blank),
        cmocka_unit_test(test_quoted_lines_are_passed_over),
        cmocka_unit_test(test_it_ends_at_a_whole_character),
        cmocka_unit_test(test_a_page_shows_what_a_reader_sees),
        cmocka_unit_test(test_of_a_message),
        cmocka_unit_test(test_of_a_wide_charset),
    };
    return cmocka_run_group_tests(tests, NULL, summarize_end);
}
