/* tests/unit/admin_maildir.c: the lists that POP3 servers keep beside a Maildir. */
#include "admin/maildir.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void courier_rows_give_the_uidl_that_courier_shows(void **state)
{
    static const struct {
        const char *line, *base, *uidl;
    } rows[] = {
        {"1259500000.M1P2.host:2,S 1234 17:1259499999:2", "1259500000.M1P2.host", "UID17-1259499999"},
        {"1259500000.M1P2.host 1234 17:1259499999", "1259500000.M1P2.host", "UID17-1259499999"},
        {"1259500000.M1P2.host 1234 17:0", "1259500000.M1P2.host", "UID17"},
        {"1259500000.M1P2.host 1234 17", "1259500000.M1P2.host", "UID17"},
        {"1259500000.M1P2.host 1234 0:0", "1259500000.M1P2.host", "1259500000.M1P2.host"},
        {"1259500000.a+b,S=9:2, 1234", "1259500000.a+b,S=9", "1259500000.a+2Bb,S=9"},
    };
    static const char *const bad[] = {"/2 18 1259499999", "/1 5",     "",           "name",
                                      "name x",           "name 1 x", "name 1 1:x", "name 1 99999999999"};
    struct buffer text = {0};
    struct view base, uidl;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_true(courier_row_read(view_of_string(rows[i].line), &text, &base, &uidl));
        assert_true(view_equal_string(base, rows[i].base));
        assert_true(view_equal_string(uidl, rows[i].uidl));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(courier_row_read(view_of_string(bad[i]), &text, &base, &uidl));
    buffer_free(&text);
}

static void dovecot_rows_give_the_uidl_of_their_P_field(void **state)
{
    struct uidlist_row row;
    assert_true(uidlist_row_read(3, VIEW_LITERAL("12 O3 PUID12-99 W500 :name,S=1:2,S"), &row));
    assert_int_equal(row.uid, 12);
    assert_true(view_equal_string(row.uidl, "UID12-99"));
    assert_true(view_equal_string(row.base, "name,S=1"));
    assert_true(uidlist_row_read(3, VIEW_LITERAL("13 :other"), &row));
    assert_int_equal(row.uidl.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(courier_rows_give_the_uidl_that_courier_shows),
        cmocka_unit_test(dovecot_rows_give_the_uidl_of_their_P_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
