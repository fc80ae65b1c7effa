/* tests/unit/store_settings.c: settings of one account: put, listed by prefix, taken away, refused; formats of UIDLs;
 * secrets that sign URLs.
 */
#include "base/limits.h"
#include "store/uidl.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static char folder[64], seen[1024];
static struct store *store;
static uint64_t account;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static int begin(void **state)
{
    char error[256];
    snprintf(folder, sizeof folder, "/tmp/waxwing-settings-XXXXXX");
    assert_non_null(mkdtemp(folder));
    struct engine_options options = {.path = folder, .create = true, .reserve_octets = 1, .pool_threads = 1};
    assert_int_equal(store_open(&options, &store, error, sizeof error), STORE_OK);
    assert_int_equal(account_create(store, 0, &account), STORE_OK);
    return 0;
}

static int end(void **state)
{
    store_close(&store);
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

struct wish {
    struct mutation mutation;
    struct view name, value;
};

static enum store_error run(struct txn *txn, struct mutation *mutation)
{
    struct wish *wish = (struct wish *)mutation;
    return account_setting_put(txn, wish->name, wish->value);
}

static enum store_error put(const char *name, const char *value)
{
    struct wish wish = {{.account = account, .run = run}, view_of_string(name), view_of_string(value)};
    return engine_mutate_wait(store_engine(store), &wish.mutation);
}

static void note(void *ctx, struct view name, struct view value)
{
    size_t size = strlen(seen);
    snprintf(seen + size, sizeof seen - size, "%.*s=%.*s;", VIEW_PRINTF(name), VIEW_PRINTF(value));
}

static const char *all(const char *prefix)
{
    struct reader reader = {store, account, READ_BLOCKING};
    seen[0] = 0;
    assert_int_equal(account_settings_each(&reader, prefix, note, NULL), STORE_OK);
    return seen;
}

static void settings_are_listed_by_prefix_and_taken_away(void **state)
{
    assert_string_equal(all(""), "");
    assert_int_equal(put("pop3.delete", "trash"), STORE_OK);
    assert_int_equal(put("pop3.delete", "archive"), STORE_OK);
    assert_int_equal(put("pop", "x"), STORE_OK);
    assert_int_equal(put(".pop3.uidl.00000001", "1 uw"), STORE_OK);
    assert_string_equal(all("pop3."), "pop3.delete=archive;");
    assert_string_equal(all(".pop3."), ".pop3.uidl.00000001=1 uw;");
    assert_string_equal(all(""), ".pop3.uidl.00000001=1 uw;pop=x;pop3.delete=archive;");
    assert_int_equal(put("pop3.delete", ""), STORE_OK);
    assert_string_equal(all("pop3."), "");
}

static void bad_names_and_long_values_are_refused(void **state)
{
    char value[LIMIT_SETTING_VALUE + 2], name[LIMIT_SETTING_NAME + 2];
    memset(value, 'v', sizeof value - 1);
    memset(name, 'n', sizeof name - 1);
    value[sizeof value - 1] = name[sizeof name - 1] = 0;
    assert_int_equal(put("pop3.x", value), STORE_LIMIT);
    value[LIMIT_SETTING_VALUE] = 0;
    assert_int_equal(put("pop3.x", value), STORE_OK);
    assert_int_equal(put(name, "v"), STORE_BAD_NAME);
    name[LIMIT_SETTING_NAME] = 0;
    assert_int_equal(put(name, "v"), STORE_OK);
    assert_int_equal(put("", "v"), STORE_BAD_NAME);
    assert_int_equal(put("Pop3", "v"), STORE_BAD_NAME);
    assert_int_equal(put("a b", "v"), STORE_BAD_NAME);
}

static const char *uidl_of(const struct uidl_ranges *ranges, uint32_t uid)
{
    static char text[80];
    text[uidl_write(ranges, uid, text)] = 0;
    return text;
}

static void each_format_is_that_of_the_server_it_is_named_after(void **state)
{
    struct uidl_ranges ranges = {.uidvalidity = 0x5a0b1c2d};
    uidl_ranges_read(&ranges, VIEW_LITERAL("1 uw 10 dovecot 20 courier 30 cyrus"));
    assert_int_equal(ranges.count, 4);
    assert_string_equal(uidl_of(&ranges, 9), "5a0b1c2d00000009");
    assert_string_equal(uidl_of(&ranges, 10), "0000000a5a0b1c2d");
    assert_string_equal(uidl_of(&ranges, 29), "UID29-1510677549");
    assert_string_equal(uidl_of(&ranges, 4000000000), "1510677549.4000000000");
}

static void a_format_once_shown_is_kept_for_its_messages(void **state)
{
    struct uidl_ranges ranges = {.uidvalidity = 1};
    struct buffer text = {0};
    assert_true(uidl_ranges_extend(&ranges, UIDL_DOVECOT, 5)); /* nothing was shown before: all messages */
    assert_string_equal(uidl_of(&ranges, 1), "0000000100000001");
    assert_false(uidl_ranges_extend(&ranges, UIDL_DOVECOT, 5));
    assert_true(uidl_ranges_extend(&ranges, UIDL_CYRUS, 5));
    assert_string_equal(uidl_of(&ranges, 4), "0000000400000001");
    assert_string_equal(uidl_of(&ranges, 5), "1.5");
    /* no message of the former was there: it is replaced */
    assert_true(uidl_ranges_extend(&ranges, UIDL_COURIER, 5));
    uidl_ranges_write(&ranges, &text);
    assert_true(view_equal_string(buffer_view(&text), "1 dovecot 5 courier"));
    buffer_free(&text);
}

static void formats_beyond_the_limit_are_ignored(void **state)
{
    struct uidl_ranges ranges = {.uidvalidity = 1};
    for (unsigned i = 0; i < LIMIT_POP3_UIDL_FORMATS; i++) {
        assert_true(uidl_ranges_extend(&ranges, i % 2, 10 * i + 1));
    }
    assert_false(uidl_ranges_extend(&ranges, UIDL_CYRUS, 1000));
}

static void a_damaged_row_of_formats_is_read_as_far_as_it_is_good(void **state)
{
    static const char *const rows[] = {"", "x", "1", "1 ", "1 what", "99999999999 uw", "-1 uw"};
    struct uidl_ranges ranges = {.uidvalidity = 1};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uidl_ranges_read(&ranges, view_of_string(rows[i]));
        assert_int_equal(ranges.count, 0);
    }
    uidl_ranges_read(&ranges, VIEW_LITERAL("1 cyrus 7 x"));
    assert_int_equal(ranges.count, 1);
}

static enum store_error run_ranges(struct txn *txn, struct mutation *mutation)
{
    struct uidl_ranges ranges = {.mailbox = 7, .uidvalidity = 1};
    uidl_ranges_read(&ranges, VIEW_LITERAL("1 uw 9 cyrus"));
    return uidl_ranges_put(txn, &ranges);
}

static void ranges_are_kept_by_mailbox(void **state)
{
    struct mutation mutation = {.account = account, .run = run_ranges};
    struct reader reader = {store, account, READ_BLOCKING};
    struct mailbox seven = {.id = 7, .uidvalidity = 1}, other = {.id = 0x70, .uidvalidity = 1};
    struct uidl_ranges ranges;
    assert_int_equal(engine_mutate_wait(store_engine(store), &mutation), STORE_OK);
    assert_int_equal(uidl_ranges_load(&reader, &seven, &ranges), STORE_OK);
    assert_int_equal(ranges.count, 2);
    assert_string_equal(uidl_of(&ranges, 9), "1.9");
    assert_int_equal(uidl_ranges_load(&reader, &other, &ranges), STORE_OK);
    assert_int_equal(ranges.count, 0);
}

/* ---- secrets that sign URLs ---- */

struct secret {
    struct mutation mutation;
    uint64_t owner;
    uint32_t mailbox;
    unsigned char fresh, key[MAILBOX_KEY_OCTETS];
};

static enum store_error run_make(struct txn *txn, struct mutation *mutation)
{
    struct secret *secret = (struct secret *)mutation;
    unsigned char fresh[MAILBOX_KEY_OCTETS];
    memset(fresh, secret->fresh, sizeof fresh);
    return mailbox_key_make(txn, secret->owner, secret->mailbox, fresh, secret->key);
}

static enum store_error run_forget_all(struct txn *txn, struct mutation *mutation)
{
    return mailbox_key_forget_all(txn);
}

/* The first octet of the secret that there is now, or -1: refused by the limit. */
static int make_secret(uint64_t owner, uint32_t mailbox, unsigned char fresh)
{
    struct secret secret = {{.account = account, .run = run_make}, owner, mailbox, fresh, {0}};
    enum store_error error = engine_mutate_wait(store_engine(store), &secret.mutation);
    if (error == STORE_LIMIT)
        return -1;
    assert_int_equal(error, STORE_OK);
    return secret.key[0];
}

static void secrets_of_others_mailboxes_are_limited_and_ended_together(void **state)
{
    struct reader signer = {store, account, READ_BLOCKING};
    unsigned char key[MAILBOX_KEY_OCTETS];
    uint64_t other = account + 1;
    assert_int_equal(make_secret(account, 1, 7), 7);
    for (uint32_t mailbox = 1; mailbox <= LIMIT_MAILBOX_KEYS; mailbox++)
        assert_int_equal(make_secret(other, mailbox, 8), 8);
    assert_int_equal(make_secret(other, LIMIT_MAILBOX_KEYS + 1, 8), -1);
    assert_int_equal(make_secret(other, 1, 9), 8);   /* there is one */
    assert_int_equal(make_secret(account, 2, 9), 9); /* one's own */
    struct mutation forget = {.account = account, .run = run_forget_all};
    assert_int_equal(engine_mutate_wait(store_engine(store), &forget), STORE_OK);
    assert_int_equal(mailbox_key_read(&signer, account, 1, key), STORE_NOT_FOUND);
    assert_int_equal(mailbox_key_read(&signer, other, LIMIT_MAILBOX_KEYS, key), STORE_NOT_FOUND);
    assert_int_equal(make_secret(other, LIMIT_MAILBOX_KEYS + 1, 9), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(settings_are_listed_by_prefix_and_taken_away, begin, end),
        cmocka_unit_test_setup_teardown(bad_names_and_long_values_are_refused, begin, end),
        cmocka_unit_test(each_format_is_that_of_the_server_it_is_named_after),
        cmocka_unit_test(a_format_once_shown_is_kept_for_its_messages),
        cmocka_unit_test(formats_beyond_the_limit_are_ignored),
        cmocka_unit_test(a_damaged_row_of_formats_is_read_as_far_as_it_is_good),
        cmocka_unit_test_setup_teardown(ranges_are_kept_by_mailbox, begin, end),
        cmocka_unit_test_setup_teardown(secrets_of_others_mailboxes_are_limited_and_ended_together, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
