/* tests/unit/store_name.c: mailbox names in their one canonical form. */
#include "base/limits.h"
#include "store/store.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* canonical: null if there is none. */
static void name_of(struct view name, const char *canonical)
{
    struct arena arena;
    struct view found;
    arena_init(&arena, 1 << 20);
    assert_int_equal(mailbox_name_canonical(&arena, name, &found), canonical ? STORE_OK : STORE_BAD_NAME);
    if (canonical)
        assert_true(view_equal_string(found, canonical));
    arena_free(&arena);
}

static void name(const char *text, const char *canonical)
{
    name_of(view_of_string(text), canonical);
}

static void test_inbox_is_one_in_any_case(void **state)
{
    name("inbox", "INBOX");
    name("InBox/Sub", "INBOX/Sub");
    name("inboxes", "inboxes");
    name("a/inbox", "a/inbox");
}

static void test_composed_and_decomposed_are_one(void **state)
{
    name("e\xcc\x81", "\xc3\xa9");
    name("\xc3\xa9", "\xc3\xa9");
    name("\xe2\x84\xab", "\xc3\x85"); /* the sign for Angstrom is the letter */
}

static void test_levels(void **state)
{
    name("a/b/c", "a/b/c");
    name("a/", "a"); /* clients write so for a mailbox that shall have children */
    name("a//b", NULL);
    name("/a", NULL);
    name("a//", NULL);
    name("/", NULL);
    name("", NULL);
    name("a/../b", NULL);
    name(".", NULL);
    name("...", "...");
}

static void test_octets_that_no_name_has(void **state)
{
    name("a\tb", NULL);
    name("a\x7f", NULL);
    name("a\xc2\x85", NULL); /* C1 (RFC 5198 2) */
    name("a\xc2\xa0", "a\xc2\xa0");
    name("a\xe2\x80\xa8", NULL); /* separators of lines and paragraphs (RFC 6855 3) */
    name("a\xe2\x80\xa9", NULL);
    name("a\xff", NULL);
    name("a\xed\xa0\x80", NULL);
    name_of(VIEW_LITERAL("a\0b"), NULL);
    name("a*b%c\"", "a*b%c\"");
}

static void test_limits(void **state)
{
    struct buffer text = {0};
    for (size_t size = LIMIT_MAILBOX_NAME - 1; size <= LIMIT_MAILBOX_NAME + 1; size++) {
        buffer_clear(&text);
        for (size_t i = 0; i < size; i++)
            buffer_append_char(&text, 'x');
        buffer_append_char(&text, '\0');
        const char *whole = buffer_view(&text).data;
        name(whole, size <= LIMIT_MAILBOX_NAME ? whole : NULL);
    }
    for (unsigned levels = LIMIT_MAILBOX_DEPTH; levels <= LIMIT_MAILBOX_DEPTH + 1; levels++) {
        buffer_clear(&text);
        for (unsigned i = 0; i < levels; i++)
            buffer_append_string(&text, i ? "/x" : "x");
        buffer_append_char(&text, '\0');
        const char *whole = buffer_view(&text).data;
        name(whole, levels <= LIMIT_MAILBOX_DEPTH ? whole : NULL);
    }
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inbox_is_one_in_any_case),
        cmocka_unit_test(test_composed_and_decomposed_are_one),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_octets_that_no_name_has),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
