/* tests/unit/digest_fields.c: header fields kept as they stand in the message. */
#include "base/limits.h"
#include "digest/fields.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void add(struct buffer *packed, const char *name, const char *field)
{
    assert_true(fields_add(packed, view_of_string(name), view_of_string(field)));
}

static void chosen_is(struct view packed, uint64_t names, const char *expected)
{
    struct buffer out = {0};
    fields_choose(packed, names, &out);
    buffer_append_char(&out, '\0');
    assert_string_equal(buffer_view(&out).data, expected);
    assert_int_equal(fields_size(packed, names), strlen(expected));
    buffer_free(&out);
}

static void test_what_was_packed_is_chosen_from(void **state)
{
    struct buffer packed = {0};
    uint64_t from = fields_bit(VIEW_LITERAL("FROM")), subject = fields_bit(VIEW_LITERAL("subject"));
    assert_true(from && subject && from != subject);
    add(&packed, "Subject", "Subject: a\r\n b\r\n");
    add(&packed, "Received", "Received: x\r\n");
    add(&packed, "from", "from : c\n");
    add(&packed, "FROM", "FROM:d");
    struct view v = buffer_view(&packed);
    assert_true(fields_good(v));
    chosen_is(v, subject, "Subject: a\r\n b\r\n");
    chosen_is(v, from, "from : c\nFROM:d");
    chosen_is(v, from | subject, "Subject: a\r\n b\r\nfrom : c\nFROM:d");
    chosen_is(v, fields_bit(VIEW_LITERAL("to")), "");
    assert_int_equal(fields_bit(VIEW_LITERAL("received")), 0);
    assert_int_equal(fields_bit(VIEW_EMPTY), 0);
    buffer_free(&packed);
}

static void test_no_more_than_the_limit(void **state)
{
    struct buffer packed = {0};
    static char large[LIMIT_KEPT_FIELDS + 1];
    memset(large, 'x', sizeof large);
    memcpy(large, "To: ", 4);
    assert_false(fields_add(&packed, VIEW_LITERAL("To"), view_of(large, sizeof large)));
    assert_false(fields_add(&packed, VIEW_LITERAL("To"), view_of(large, LIMIT_KEPT_FIELDS - 2)));
    assert_true(fields_add(&packed, VIEW_LITERAL("To"), view_of(large, LIMIT_KEPT_FIELDS - 3)));
    assert_int_equal(buffer_size(&packed), LIMIT_KEPT_FIELDS);
    assert_false(fields_add(&packed, VIEW_LITERAL("To"), VIEW_LITERAL("To: y\r\n")));
    assert_true(fields_good(buffer_view(&packed)));
    buffer_append_char(&packed, 0);
    assert_false(fields_good(buffer_view(&packed)));
    buffer_free(&packed);
}

static void test_other_octets_are_no_fields(void **state)
{
    static const struct view bad[] = {
        VIEW_LITERAL("\0"),
        VIEW_LITERAL("\0\0\0"),
        VIEW_LITERAL("\0\x06\0To:a\r\n"), /* another's name */
        VIEW_LITERAL("\xff\x09\0From:ab\r\n"),
        VIEW_LITERAL("\0\x09\0From:a\r\n"),
        VIEW_LITERAL("\0\x0f\0From:a\r\nTo: b\r\n"), /* two */
        VIEW_LITERAL("\0\x02\0\r\n"),
        VIEW_LITERAL("\0\x08\0From:a\r\n\0"),
    };
    assert_true(fields_good(VIEW_EMPTY));
    assert_true(fields_good(VIEW_LITERAL("\0\x08\0From:a\r\n")));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buffer out = {0};
        assert_false(fields_good(bad[i]));
        fields_choose(bad[i], UINT64_MAX, &out); /* no octet outside is read: the sanitiser sees it */
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_packed_is_chosen_from),
        cmocka_unit_test(test_no_more_than_the_limit),
        cmocka_unit_test(test_other_octets_are_no_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
