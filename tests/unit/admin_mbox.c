/* tests/unit/admin_mbox.c: messages of mbox files, and messages made into one. */
#include "admin/mbox.h"
#include "store/store.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char file[] = "From ann@example.com Tue Nov 24 01:40:40 2026\n"
                           "Subject: one\nStatus: RO\nX-Status: AF\nX-UID: 7\n\n>From here\nfrom there\n\n"
                           "From bob@example.com Tue Nov 24 01:40:41 2026\n"
                           "Subject: two\n\nno From here\nFrom this: no empty line before it\n\n";

static void unpacked(const struct mbox_message *message, struct mbox_facts *facts, const char *expected)
{
    struct buffer out = {0};
    mbox_unpack(message, &out, facts);
    struct buffer lf = {0};
    for (size_t i = 0; i < buffer_size(&out); i++)
        if (buffer_view(&out).data[i] != '\r')
            buffer_append_char(&lf, buffer_view(&out).data[i]);
    buffer_append_char(&lf, '\0');
    assert_string_equal(buffer_view(&lf).data, expected);
    buffer_free(&out);
    buffer_free(&lf);
}

static void test_a_file_of_two_messages(void **state)
{
    struct mbox_message message;
    struct mbox_facts facts;
    size_t at = 0;
    assert_true(mbox_next(view_of_string(file), &at, &message));
    assert_int_equal(message.date_utc_s, 1795484440);
    unpacked(&message, &facts, "Subject: one\n\nFrom here\nfrom there\n");
    assert_int_equal(facts.flags, FLAG_SEEN | FLAG_ANSWERED | FLAG_FLAGGED);
    assert_int_equal(facts.uid, 7);
    assert_true(mbox_next(view_of_string(file), &at, &message));
    unpacked(&message, &facts, "Subject: two\n\nno From here\nFrom this: no empty line before it\n");
    assert_int_equal(facts.flags, 0);
    assert_false(mbox_next(view_of_string(file), &at, &message));
}

/* Written with LF, as such files are. */
static void test_what_is_packed_unpacks(void **state)
{
    static const char *const texts[][2] = {{"Subject: x\r\n\r\nFrom here\r\n>From there\r\n\r\nFrom again\r\n",
                                            "Subject: x\n\nFrom here\n>From there\n\nFrom again\n"},
                                           {"Subject: x\r\n\r\n", "Subject: x\n\n"},
                                           {"\r\nbody\r\n", "\nbody\n"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buffer packed = {0};
        struct mbox_facts facts = {.flags = FLAG_SEEN | FLAG_FLAGGED}, found;
        struct mbox_message message;
        size_t at = 0;
        mbox_pack(view_of_string(texts[i][0]), 1795484440, &facts, &packed);
        mbox_pack(view_of_string(texts[i][0]), 1795484440, &facts, &packed);
        for (int n = 0; n < 2; n++) {
            assert_true(mbox_next(buffer_view(&packed), &at, &message));
            assert_int_equal(message.date_utc_s, 1795484440);
            unpacked(&message, &found, texts[i][1]);
            assert_int_equal(found.flags, facts.flags);
        }
        assert_false(mbox_next(buffer_view(&packed), &at, &message));
        buffer_free(&packed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_of_two_messages),
        cmocka_unit_test(test_what_is_packed_unpacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
