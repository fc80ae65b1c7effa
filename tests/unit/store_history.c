/*
 * tests/unit/store_history.c: every removal, move and restore leaves a word about who did it, and the word is kept as
 * long as was set.
 */
#include "base/clock.h"
#include "base/limits.h"
#include "store/history.h"
#include "store/retention.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { DAY_S = 86400 };

struct world {
    char folder[64];
    struct store *store;
    uint64_t account;
};

struct change {
    struct mutation mutation;
    enum store_error (*run)(struct change *change, struct txn *txn);
    uint32_t box, to;
    struct uidset *uids;
    const char *name, *new_name;
    struct mailbox made;
    struct blob *blob;
    struct buffer digest;
    struct added added;
    struct expunge expunge;
    struct copy copy;
    struct restore restore;
    struct removal why;
};

static enum store_error run_change(struct txn *txn, struct mutation *mutation)
{
    struct change *change = (struct change *)mutation;
    return change->run(change, txn);
}

static void change_now(struct world *w, struct change *change,
                       enum store_error (*run)(struct change *change, struct txn *txn))
{
    change->mutation = (struct mutation){.account = w->account, .run = run_change};
    change->run = run;
    assert_int_equal(engine_mutate_wait(store_engine(w->store), &change->mutation), STORE_OK);
}

static struct removal by_thunderbird(void)
{
    return (struct removal){.by = REMOVED_BY_IMAP, .session = 77, .peer = "192.0.2.7", .client = "Thunderbird"};
}

/* ---- the world ---- */

static int world_begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    char error[256];
    snprintf(w->folder, sizeof w->folder, "/tmp/waxwing-history-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    struct engine_options options = {.path = w->folder, .create = true, .reserve_octets = 1, .pool_threads = 1};
    if (store_open(&options, &w->store, error, sizeof error))
        fail_msg("%s", error);
    assert_int_equal(account_create(w->store, 0, &w->account), STORE_OK);
    *state = w;
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void say_problem(void *ctx, const char *what)
{
    fprintf(stderr, "store_check: %s\n", what);
}

static int world_end(void **state)
{
    struct world *w = *state;
    uint64_t problems = 0;
    assert_int_equal(store_check(w->store, 0, false, say_problem, NULL, &problems), STORE_OK);
    assert_int_equal(problems, 0);
    store_close(&w->store);
    nftw(w->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

static uint32_t find(struct world *w, const char *name)
{
    struct reader reader = {w->store, w->account, READ_BLOCKING};
    struct arena arena;
    struct mailbox mailbox = {.id = 0};
    arena_init(&arena, 1 << 20);
    assert_int_equal(mailbox_find(&reader, &arena, view_of_string(name), &mailbox), STORE_OK);
    arena_free(&arena);
    return mailbox.id;
}

/* ---- changes ---- */

static enum store_error run_create(struct change *c, struct txn *txn)
{
    return mailbox_create(txn, view_of_string(c->name), 0, &c->made);
}

static enum store_error run_add(struct change *c, struct txn *txn)
{
    struct new_message message = {.blob = c->blob, .digest = buffer_view(&c->digest), .internal_utc_s = 1000000};
    return message_add(txn, c->box, &message, &c->added);
}

static uint64_t add(struct world *w, uint32_t box)
{
    struct change c = {.box = box};
    struct view text = VIEW_LITERAL("Subject: words\r\n\r\nwords\r\n");
    digest_write_opaque(text, "test", &c.digest);
    c.blob = blob_new(store_engine(w->store), text, 0, &w->account, 1);
    change_now(w, &c, run_add);
    blob_unref(&c.blob);
    buffer_free(&c.digest);
    return c.added.email;
}

static enum store_error run_expunge(struct change *c, struct txn *txn)
{
    return message_expunge(txn, c->box, c->uids, &c->expunge);
}

static void expunge(struct world *w, uint32_t box, uint32_t first, uint32_t last)
{
    struct change c = {.box = box, .uids = uidset_new(), .expunge = {.why = by_thunderbird()}};
    uidset_add_range(c.uids, first, last);
    change_now(w, &c, run_expunge);
    uidset_unref(&c.uids);
}

static enum store_error run_move(struct change *c, struct txn *txn)
{
    return message_copy(txn, c->box, c->uids, c->to, &c->copy);
}

static enum store_error run_delete(struct change *c, struct txn *txn)
{
    return mailbox_delete(txn, c->box, &c->why);
}

static enum store_error run_rename(struct change *c, struct txn *txn)
{
    return mailbox_rename(txn, view_of_string(c->name), view_of_string(c->new_name), &c->why);
}

static enum store_error run_restore(struct change *c, struct txn *txn)
{
    return retained_restore(txn, c->box, &c->restore);
}

/* ---- reading ---- */

/* The n-th entry since then; asserts that there is one. */
static struct history_cursor *entry_at(struct world *w, int64_t since, unsigned n, struct history_entry *entry_r)
{
    struct reader reader = {w->store, w->account, READ_BLOCKING};
    struct history_cursor *cursor = history_cursor_new(&reader, since);
    for (unsigned i = 0; i <= n; i++)
        assert_int_equal(history_cursor_next(cursor, entry_r), STORE_OK);
    return cursor;
}

static unsigned count(struct world *w, int64_t since)
{
    struct reader reader = {w->store, w->account, READ_BLOCKING};
    struct history_cursor *cursor = history_cursor_new(&reader, since);
    struct history_entry entry;
    unsigned n = 0;
    while (history_cursor_next(cursor, &entry) == STORE_OK)
        n++;
    history_cursor_free(&cursor);
    return n;
}

static void assert_message(struct history_entry *entry, uint32_t uid, uint32_t to_uid, uint64_t email)
{
    struct history_message message;
    assert_true(history_message(entry, &message));
    assert_int_equal(message.uid, uid);
    assert_int_equal(message.to_uid, to_uid);
    assert_int_equal(message.email, email);
}

static void assert_no_message(struct history_entry *entry)
{
    struct history_message message;
    assert_false(history_message(entry, &message));
}

static void assert_entry(const struct history_entry *entry, uint8_t action, const char *path, const char *to_path)
{
    assert_int_equal(entry->action, action);
    assert_true(view_equal_string(entry->path, path));
    assert_true(view_equal_string(entry->to_path, to_path));
    assert_int_equal(entry->who.by, REMOVED_BY_IMAP);
    assert_int_equal(entry->who.session, 77);
    assert_string_equal(entry->who.peer, "192.0.2.7");
    assert_string_equal(entry->who.client, "Thunderbird");
}

/* ---- tests ---- */

static void test_an_expunge_says_who_when_and_which(void **state)
{
    struct world *w = *state;
    struct history_entry entry;
    uint32_t inbox = find(w, "INBOX");
    int64_t before = clock_wall_s();
    uint64_t emails[4];
    for (unsigned i = 0; i < 4; i++)
        emails[i] = add(w, inbox);
    assert_int_equal(count(w, 0), 0);
    expunge(w, inbox, 2, 3);
    struct history_cursor *cursor = entry_at(w, 0, 0, &entry);
    assert_entry(&entry, HISTORY_EXPUNGED, "INBOX", "");
    assert_true(entry.at_utc_s >= before && entry.at_utc_s <= clock_wall_s());
    assert_int_equal(entry.mailbox, inbox);
    assert_message(&entry, 2, 0, emails[1]);
    assert_message(&entry, 3, 0, emails[2]);
    assert_no_message(&entry);
    assert_int_equal(history_cursor_next(cursor, &entry), STORE_NOT_FOUND);
    history_cursor_free(&cursor);
}

static void test_an_expunge_of_nothing_says_nothing(void **state)
{
    struct world *w = *state;
    add(w, find(w, "INBOX"));
    expunge(w, find(w, "INBOX"), 5, 9);
    assert_int_equal(count(w, 0), 0);
}

static void test_a_move_says_where_to(void **state)
{
    struct world *w = *state;
    struct history_entry entry;
    uint32_t inbox = find(w, "INBOX"), trash = find(w, "Trash");
    struct change c = {.box = inbox, .to = trash, .uids = uidset_new()};
    struct buffer to_uids = {0};
    uint64_t first = add(w, inbox);
    add(w, inbox);
    uint64_t third = add(w, inbox);
    add(w, trash);
    uidset_add(c.uids, 1);
    uidset_add(c.uids, 3);
    c.copy = (struct copy){.move = true, .why = by_thunderbird(), .from_uids = uidset_new(), .to_uids = &to_uids};
    change_now(w, &c, run_move);
    struct history_cursor *cursor = entry_at(w, 0, 0, &entry);
    assert_entry(&entry, HISTORY_MOVED, "INBOX", "Trash");
    assert_message(&entry, 1, 2, first);
    assert_message(&entry, 3, 3, third);
    assert_no_message(&entry);
    history_cursor_free(&cursor);
    uidset_unref(&c.uids);
    uidset_unref(&c.copy.from_uids);
    buffer_free(&to_uids);
}

static void test_a_deleted_mailbox_is_named_with_its_messages(void **state)
{
    struct world *w = *state;
    struct history_entry entry;
    struct change c = {.name = "Projects/Old", .why = by_thunderbird()};
    change_now(w, &c, run_create);
    c.box = c.made.id;
    uint64_t email = add(w, c.box);
    change_now(w, &c, run_delete);
    struct history_cursor *cursor = entry_at(w, 0, 0, &entry);
    assert_entry(&entry, HISTORY_GONE_WITH_MAILBOX, "Projects/Old", "");
    assert_message(&entry, 1, 0, email);
    assert_int_equal(history_cursor_next(cursor, &entry), STORE_OK);
    assert_entry(&entry, HISTORY_MAILBOX_DELETED, "Projects/Old", "");
    assert_no_message(&entry);
    history_cursor_free(&cursor);
}

static void test_a_renamed_mailbox_is_named_as_it_was_and_is(void **state)
{
    struct world *w = *state;
    struct history_entry entry;
    struct change c = {.name = "Lists/One", .new_name = "Old/One", .why = by_thunderbird()};
    change_now(w, &c, run_create);
    change_now(w, &c, run_rename);
    struct history_cursor *cursor = entry_at(w, 0, 0, &entry);
    assert_entry(&entry, HISTORY_MAILBOX_RENAMED, "Lists/One", "Old/One");
    history_cursor_free(&cursor);
}

static void test_a_renamed_inbox_says_where_its_messages_went(void **state)
{
    struct world *w = *state;
    struct history_entry entry;
    struct change c = {.name = "INBOX", .new_name = "Saved", .why = by_thunderbird()};
    uint64_t email = add(w, find(w, "INBOX"));
    change_now(w, &c, run_rename);
    struct history_cursor *cursor = entry_at(w, 0, 0, &entry);
    assert_entry(&entry, HISTORY_MOVED, "INBOX", "Saved");
    assert_message(&entry, 1, 1, email);
    history_cursor_free(&cursor);
}

static void test_a_restore_says_who_took_back_what(void **state)
{
    struct world *w = *state;
    struct history_entry entry;
    uint32_t inbox = find(w, "INBOX");
    uint64_t email = add(w, inbox);
    struct change c = {.box = inbox, .restore = {.why = by_thunderbird()}};
    expunge(w, inbox, 1, 1);
    change_now(w, &c, run_restore);
    struct history_cursor *cursor = entry_at(w, 0, 1, &entry);
    assert_entry(&entry, HISTORY_RESTORED, "INBOX", "");
    assert_message(&entry, 1, 2, email);
    history_cursor_free(&cursor);
}

static void test_a_long_expunge_tells_all_of_its_messages(void **state)
{
    struct world *w = *state;
    struct reader reader = {w->store, w->account, READ_BLOCKING};
    struct history_entry entry;
    struct history_message message;
    uint32_t inbox = find(w, "INBOX"), wanted = 1;
    for (unsigned i = 0; i < 1300; i++)
        add(w, inbox);
    expunge(w, inbox, 1, 1300);
    struct history_cursor *cursor = history_cursor_new(&reader, 0);
    while (history_cursor_next(cursor, &entry) == STORE_OK)
        while (history_message(&entry, &message))
            assert_int_equal(message.uid, wanted++);
    assert_int_equal(wanted, 1301);
    history_cursor_free(&cursor);
}

static void test_a_long_name_is_cut_between_characters(void **state)
{
    struct world *w = *state;
    struct history_entry entry;
    struct buffer name = {0};
    for (unsigned level = 0; level < 6; level++) {
        buffer_append_string(&name, level ? "/" : "x");
        for (unsigned i = 0; i < 126; i++)
            buffer_append_string(&name, "\xc3\xa4");
    }
    buffer_append_char(&name, '\0');
    struct change c = {.name = buffer_view(&name).data, .why = by_thunderbird()};
    change_now(w, &c, run_create);
    c.box = c.made.id;
    change_now(w, &c, run_delete);
    struct history_cursor *cursor = entry_at(w, 0, 0, &entry);
    /* An x, 252 octets a level and one between: 1,013 octets, then five characters of two, and half of the next. */
    assert_int_equal(entry.path.size, 1023);
    assert_int_equal(memcmp(entry.path.data + 1021, "\xc3\xa4", 2), 0);
    buffer_free(&name);
    history_cursor_free(&cursor);
}

static void test_entries_are_kept_as_long_as_was_set_and_read_from_a_time_on(void **state)
{
    struct world *w = *state;
    uint32_t inbox = find(w, "INBOX");
    int64_t now = clock_wall_s();
    add(w, inbox);
    expunge(w, inbox, 1, 1);
    store_set_history_days(w->store, 30);
    assert_int_equal(count(w, now), 1);
    assert_int_equal(count(w, now + 60), 0);
    assert_int_equal(store_purge_history(w->store, now + 30 * DAY_S - 1), STORE_OK);
    assert_int_equal(count(w, 0), 1);
    assert_int_equal(store_purge_history(w->store, now + 30 * DAY_S + 60), STORE_OK);
    assert_int_equal(count(w, 0), 0);
}

enum { RENAMES = 500 };

static enum store_error run_renames(struct change *c, struct txn *txn)
{
    enum store_error err = STORE_OK;
    for (unsigned i = 0; !err && i < RENAMES; i++)
        err = i % 2 ? mailbox_rename(txn, VIEW_LITERAL("Two"), VIEW_LITERAL("One"), &c->why)
                    : mailbox_rename(txn, VIEW_LITERAL("One"), VIEW_LITERAL("Two"), &c->why);
    return err;
}

static void test_beyond_the_limit_the_oldest_entries_make_room(void **state)
{
    struct world *w = *state;
    struct reader reader = {w->store, w->account, READ_BLOCKING};
    struct history_entry entry;
    uint64_t entries = 0;
    struct change c = {.name = "One", .why = by_thunderbird()};
    uint32_t inbox = find(w, "INBOX");
    add(w, inbox);
    expunge(w, inbox, 1, 1); /* the oldest */
    change_now(w, &c, run_create);
    for (unsigned i = 1; i < LIMIT_HISTORY_ENTRIES; i += RENAMES)
        change_now(w, &c, run_renames);
    assert_int_equal(history_count(&reader, &entries), STORE_OK);
    assert_int_equal(count(w, 0), entries);
    assert_true(entries <= LIMIT_HISTORY_ENTRIES && entries > LIMIT_HISTORY_ENTRIES - 200);
    struct history_cursor *cursor = entry_at(w, 0, 0, &entry);
    assert_int_equal(entry.action, HISTORY_MAILBOX_RENAMED);
    history_cursor_free(&cursor);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
    const struct CMUnitTest tests[] = {
        TEST(test_an_expunge_says_who_when_and_which),
        TEST(test_an_expunge_of_nothing_says_nothing),
        TEST(test_a_move_says_where_to),
        TEST(test_a_deleted_mailbox_is_named_with_its_messages),
        TEST(test_a_renamed_mailbox_is_named_as_it_was_and_is),
        TEST(test_a_renamed_inbox_says_where_its_messages_went),
        TEST(test_a_restore_says_who_took_back_what),
        TEST(test_a_long_expunge_tells_all_of_its_messages),
        TEST(test_a_long_name_is_cut_between_characters),
        TEST(test_beyond_the_limit_the_oldest_entries_make_room),
        TEST(test_entries_are_kept_as_long_as_was_set_and_read_from_a_time_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
