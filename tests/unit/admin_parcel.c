/* tests/unit/admin_parcel.c: parcels out and back; cut and odd ones refused. */
#include "admin/parcel.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct parcel samples[] = {
    {.kind = PARCEL_MAILBOX,
     .name = VIEW_LITERAL("a/b"),
     .uidvalidity = 5,
     .uidnext = 9,
     .special_use = 3,
     .mailbox_flags = 1},
    {.kind = PARCEL_MESSAGE,
     .uid = 7,
     .flags = 5,
     .date_utc_s = -1,
     .zone_minutes = -330,
     .octet_count = UINT64_C(1) << 33,
     .uidl = VIEW_LITERAL("x1"),
     .keywords = {VIEW_LITERAL("foo"), VIEW_LITERAL("$Bar")},
     .keyword_count = 2},
    {.kind = PARCEL_OCTETS, .octets = VIEW_LITERAL("a\0b\r\n")},
    {.kind = PARCEL_END},
    {.kind = PARCEL_SUBSCRIBED, .name = VIEW_LITERAL("INBOX")},
};

static void test_parcels_arrive_as_they_were_sent(void **state)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct buffer out = {0}, again = {0};
        struct parcel got;
        parcel_write(&samples[i], &out);
        assert_true(parcel_read(buffer_view(&out), &got));
        const struct parcel *sent = &samples[i];
        assert_int_equal(got.kind, sent->kind);
        assert_true(view_equal(got.name, sent->name) && view_equal(got.octets, sent->octets));
        assert_true(view_equal(got.uidl, sent->uidl));
        assert_true(got.uid == sent->uid && got.flags == sent->flags && got.date_utc_s == sent->date_utc_s);
        assert_true(got.zone_minutes == sent->zone_minutes && got.octet_count == sent->octet_count);
        assert_true(got.uidvalidity == sent->uidvalidity && got.uidnext == sent->uidnext);
        assert_true(got.special_use == sent->special_use && got.mailbox_flags == sent->mailbox_flags);
        assert_int_equal(got.keyword_count, sent->keyword_count);
        for (size_t k = 0; k < sent->keyword_count; k++)
            assert_true(view_equal(got.keywords[k], sent->keywords[k]));
        parcel_write(&got, &again);
        assert_true(view_equal(buffer_view(&out), buffer_view(&again)));
        buffer_free(&out);
        buffer_free(&again);
    }
}

/* Octets of a message may be any number; all else is whole or refused. */
static void test_cut_parcels_are_refused(void **state)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct buffer out = {0};
        struct parcel got;
        parcel_write(&samples[i], &out);
        struct view whole = buffer_view(&out);
        for (size_t size = 0; size < whole.size; size++)
            if (samples[i].kind == PARCEL_MAILBOX || samples[i].kind == PARCEL_MESSAGE || !size)
                assert_false(parcel_read(view_slice(whole, 0, size), &got));
        buffer_free(&out);
    }
    struct parcel got;
    assert_false(parcel_read(VIEW_LITERAL("?"), &got));
    assert_false(parcel_read(VIEW_LITERAL("M\xff\xff\xff\xff"), &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parcels_arrive_as_they_were_sent),
        cmocka_unit_test(test_cut_parcels_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
