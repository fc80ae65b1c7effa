/* tests/unit/store_mutf7.c: mailbox names in modified UTF-7: one spelling a name. */
#include "store/mutf7.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void is(struct buffer *b, const char *expected)
{
    buffer_append_char(b, '\0');
    assert_string_equal(buffer_view(b).data, expected);
    buffer_free(b);
}

static void both_ways(const char *utf8, const char *encoded)
{
    struct buffer there = {0}, back = {0};
    mutf7_encode(view_of_string(utf8), &there);
    is(&there, encoded);
    assert_true(mutf7_decode(view_of_string(encoded), &back));
    is(&back, utf8);
}

static void test_names_and_their_spelling(void **state)
{
    both_ways("INBOX", "INBOX");
    both_ways("", "");
    both_ways("a&b", "a&-b");
    both_ways("&&", "&-&-");
    both_ways("\xc3\xa9t\xc3\xa9", "&AOk-t&AOk-");
    both_ways("~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", /* RFC 3501 5.1.3 */
              "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
    both_ways("\xf0\x9f\x98\x80", "&2D3eAA-");
    both_ways("a,b+c", "a,b+c");
    both_ways("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", "&IKwgrCCs-");
}

static void test_what_has_another_spelling_is_refused(void **state)
{
    static const char *const bad[] = {"&",        "a&",     "&AOk",     "&AGE-", "&AOk-&AOk-", "&A-",      "&AO-",
                                      "&AOl-x&",  "&AOk=-", "&AO/-",    "&2D0-", "&3gA-",      "&3gDYPQ-", "&AOkA-",
                                      "\xc3\xa9", "&AOlg-", "&U,BTFx-", "a\x01", "&AAk-",      "a\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buffer out = {0};
        if (mutf7_decode(view_of_string(bad[i]), &out)) { /* then it must be the spelling */
            struct buffer again = {0};
            mutf7_encode(buffer_view(&out), &again);
            assert_true(view_equal_string(buffer_view(&again), bad[i]));
            buffer_free(&again);
        }
        buffer_free(&out);
    }
}

static void refused(const char *text)
{
    struct buffer out = {0};
    assert_false(mutf7_decode(view_of_string(text), &out));
    buffer_free(&out);
}

static void test_broken_shifts_are_refused(void **state)
{
    refused("&");          /* unfinished */
    refused("&AOk");       /* unfinished */
    refused("&AGE-");      /* an ASCII letter */
    refused("&2D0-");      /* half a pair */
    refused("&3gDYPQ-");   /* a pair the wrong way round */
    refused("&AOl-");      /* padding that isn't zero */
    refused("&AO/-");      /* "/" isn't in this base64 */
    refused("&AOk-&AOk-"); /* needless */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_their_spelling),
        cmocka_unit_test(test_what_has_another_spelling_is_refused),
        cmocka_unit_test(test_broken_shifts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
