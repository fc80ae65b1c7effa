/* tests/unit/digest_transfer.c: base64, quoted-printable and header lines. */
#include "digest/transfer.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_octets(struct buffer *b, const char *expected, size_t size)
{
    assert_int_equal(buffer_size(b), size);
    assert_memory_equal(buffer_view(b).data, expected, size);
}

static bool strict(const char *text, const char *expected)
{
    struct buffer out = {0};
    bool ok = base64_decode_strict(view_of_string(text), &out);
    if (ok)
        assert_octets(&out, expected, strlen(expected));
    else
        assert_int_equal(buffer_size(&out), 0);
    buffer_free(&out);
    return ok;
}

static void test_strict_base64_takes_what_rfc_4648_gives_and_nothing_else(void **state)
{
    assert_true(strict("", ""));
    assert_true(strict("=", ""));
    assert_true(strict("Zg==", "f"));
    assert_true(strict("Zm8=", "fo"));
    assert_true(strict("Zm9v", "foo"));
    assert_true(strict("Zm9vYmFy", "foobar"));
    static const char *const bad[] = {"Z",    "Zg",    "Zg=",      "Zg= =",    "Zh==", "Zm9=", "Zg==Zg==", "====",
                                      "Z===", " Zg==", "Zm9v\r\n", "Zm9v====", "Zm!v", "==",   "Zm=v"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(strict(bad[i], ""));
}

static void test_encoding_pads_as_rfc_4648_10_shows(void **state)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buffer out = {0};
        base64_encode(view_of_string(pairs[i][0]), &out);
        assert_octets(&out, pairs[i][1], strlen(pairs[i][1]));
        buffer_free(&out);
    }
}

/* Decodes in two pieces, at every border, and octet by octet: always the same. */
static void lenient(const char *text, const char *expected, size_t expected_size)
{
    struct view all = view_of_string(text);
    for (size_t cut = 0; cut <= all.size; cut++) {
        struct transfer_state s = {0}, sizes = {0};
        struct buffer out = {0};
        base64_decode_more(&s, view_slice(all, 0, cut), &out);
        base64_decode_more(&s, view_skip(all, cut), &out);
        assert_octets(&out, expected, expected_size);
        uint64_t size = base64_decoded_size(&sizes, view_slice(all, 0, cut));
        size += base64_decoded_size(&sizes, view_skip(all, cut));
        assert_int_equal(size, expected_size);
        buffer_free(&out);
    }
}

static void test_lenient_base64_skips_junk_and_stops_at_padding(void **state)
{
    lenient("Zm9v\r\nYmFy\r\n", "foobar", 6);
    lenient("Z m!9\tv", "foo", 3);
    lenient("Zm8=", "fo", 2);
    lenient("Zm8=\r\nAn appended footer\r\n", "fo", 2);
    lenient("Zm9vYg", "foob", 4);
    lenient("Zm9vY", "foo", 3);
    lenient("====", "", 0);
    lenient("", "", 0);
    lenient("/+8=", "\xff\xef", 2);
}

static void qp(const char *text, const char *expected)
{
    struct view all = view_of_string(text);
    for (size_t cut = 0; cut <= all.size; cut++) {
        struct transfer_state s = {0};
        struct buffer out = {0};
        quoted_printable_decode_more(&s, view_slice(all, 0, cut), false, &out);
        quoted_printable_decode_more(&s, view_skip(all, cut), true, &out);
        assert_octets(&out, expected, strlen(expected));
        buffer_free(&out);
    }
}

static void test_quoted_printable_is_undone_whatever_the_split(void **state)
{
    qp("a=3Db=3d", "a=b=");
    qp("soft =\r\nbreak=\nhere", "soft breakhere");
    qp("soft = \t\r\nbreak", "soft break");
    qp("blanks at the end \t \r\nnext", "blanks at the end\r\nnext");
    qp("blanks  inside\tstay", "blanks  inside\tstay");
    qp("=C3=A9t=C3=A9\r\n", "\xc3\xa9t\xc3\xa9\r\n");
    qp("bare\nline ends \n", "bare\nline ends\n");
    qp("a lone \r stays", "a lone \r stays");
    qp("a\r\r\nb", "a\r\r\nb");
}

static void test_broken_quoted_printable_is_kept_as_it_is(void **state)
{
    qp("=XY", "=XY");
    qp("=4", "=4");
    qp("=4G", "=4G");
    qp("=4\nb", "=4\nb"); /* as with CRLF */
    qp("=4\r\nb", "=4\r\nb");
    qp("a=", "a");
    qp("a== b", "a== b");
    qp("= a", "= a");
    qp("==41", "=A");
    qp("=\r", "");
    qp("=\rx", "=\rx");
}

static void test_header_fields_come_with_their_continuations(void **state)
{
    struct view header = VIEW_LITERAL(
        "From: a@b\r\nSubject: one\r\n\ttwo\r\n three\r\nno field here\r\nX-Old : y\nEmpty:\r\n\r\nbody: x\r\n");
    static const char *const expected[][2] = {{"From", " a@b"},
                                              {"Subject", " one\r\n\ttwo\r\n three"},
                                              {"", "no field here"},
                                              {"X-Old", " y"},
                                              {"Empty", ""}};
    size_t at = 0, i = 0;
    struct view field, name, value;
    while (header_next(header, &at, &field, &name, &value)) {
        assert_true(i < 5);
        assert_true(view_equal_string(name, expected[i][0]));
        assert_true(view_equal_string(value, expected[i][1]));
        i++;
    }
    assert_int_equal(i, 5);
    assert_true(view_starts_with(view_skip(header, at), VIEW_LITERAL("\r\nbody")));
}

static void test_a_header_may_end_anywhere(void **state)
{
    static const char text[] = "From: a@b\r\nSubject: one\r\n\ttwo\r\n\r\n";
    for (size_t size = 0; size < sizeof text; size++) {
        char *exact = size ? malloc(size) : NULL;
        if (size)
            memcpy(exact, text, size);
        struct view header = {exact, size}, field, name, value;
        size_t at = 0, sum = 0;
        while (header_next(header, &at, &field, &name, &value))
            sum += field.size;
        assert_int_equal(sum, at);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strict_base64_takes_what_rfc_4648_gives_and_nothing_else),
        cmocka_unit_test(test_encoding_pads_as_rfc_4648_10_shows),
        cmocka_unit_test(test_lenient_base64_skips_junk_and_stops_at_padding),
        cmocka_unit_test(test_quoted_printable_is_undone_whatever_the_split),
        cmocka_unit_test(test_broken_quoted_printable_is_kept_as_it_is),
        cmocka_unit_test(test_header_fields_come_with_their_continuations),
        cmocka_unit_test(test_a_header_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
