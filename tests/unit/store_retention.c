/*
 * tests/unit/store_retention.c: what is removed stays recoverable, out of sight and out of the quota, until its day
 * ends; it comes back under a new UID with all that it had.
 */
#include "base/clock.h"
#include "store/private.h"
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
    unsigned next_number;
};

struct change {
    struct mutation mutation;
    enum store_error (*run)(struct change *change, struct txn *txn);
    uint32_t box;
    struct uidset *uids;
    const char *name;
    uint32_t use;
    struct mailbox made;
    struct blob *blob;
    struct buffer digest;
    struct new_message message;
    struct added added;
    struct expunge expunge;
    struct restore restore;
    struct removal why;
};

static enum store_error run_change(struct txn *txn, struct mutation *mutation)
{
    struct change *change = (struct change *)mutation;
    return change->run(change, txn);
}

static enum store_error change_now(struct world *w, struct change *change,
                                   enum store_error (*run)(struct change *change, struct txn *txn))
{
    change->mutation = (struct mutation){.account = w->account, .run = run_change};
    change->run = run;
    return engine_mutate_wait(store_engine(w->store), &change->mutation);
}

static struct reader reader_of(struct world *w)
{
    return (struct reader){w->store, w->account, READ_BLOCKING};
}

/* ---- the world ---- */

static void open_store(struct world *w, bool create)
{
    char error[256];
    struct engine_options options = {.path = w->folder, .create = create, .reserve_octets = 1, .pool_threads = 1};
    if (store_open(&options, &w->store, error, sizeof error))
        fail_msg("%s", error);
}

static int world_begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->folder, sizeof w->folder, "/tmp/waxwing-retention-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    open_store(w, true);
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

static void check(struct world *w)
{
    uint64_t problems = 0;
    assert_int_equal(store_check(w->store, 0, false, say_problem, NULL, &problems), STORE_OK);
    assert_int_equal(problems, 0);
}

static int world_end(void **state)
{
    struct world *w = *state;
    check(w);
    store_close(&w->store);
    nftw(w->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(w);
    return 0;
}

/* ---- changes ---- */

static enum store_error run_create(struct change *c, struct txn *txn)
{
    return mailbox_create(txn, view_of_string(c->name), c->use, &c->made);
}

static uint32_t create(struct world *w, const char *name, uint32_t use)
{
    struct change c = {.name = name, .use = use};
    assert_int_equal(change_now(w, &c, run_create), STORE_OK);
    return c.made.id;
}

static enum store_error run_delete(struct change *c, struct txn *txn)
{
    return mailbox_delete(txn, c->box, &c->why);
}

static void delete_box(struct world *w, uint32_t box)
{
    struct change c = {.box = box, .why = {.by = REMOVED_BY_IMAP, .peer = "192.0.2.7", .client = "Thunderbird"}};
    assert_int_equal(change_now(w, &c, run_delete), STORE_OK);
}

static enum store_error run_rename(struct change *c, struct txn *txn)
{
    return mailbox_rename(txn, view_of_string(c->name), VIEW_LITERAL("Renamed"), &c->why);
}

static enum store_error run_add(struct change *c, struct txn *txn)
{
    c->message.blob = c->blob;
    c->message.digest = buffer_view(&c->digest);
    return message_add(txn, c->box, &c->message, &c->added);
}

/* 64 octets each. */
static enum store_error try_add(struct world *w, uint32_t box, struct change *c)
{
    char text[80];
    snprintf(text, sizeof text, "Subject: message %04u\r\n\r\n%37s\r\n", w->next_number++, "words");
    digest_write_opaque(view_of_string(text), "test", &c->digest);
    c->blob = blob_new(store_engine(w->store), view_of_string(text), 0, &w->account, 1);
    c->box = box;
    enum store_error err = change_now(w, c, run_add);
    blob_unref(&c->blob);
    buffer_free(&c->digest);
    return err;
}

static uint32_t add(struct world *w, uint32_t box)
{
    struct change c = {.message = {.internal_utc_s = 1000000}};
    assert_int_equal(try_add(w, box, &c), STORE_OK);
    return c.added.uid;
}

static enum store_error run_expunge(struct change *c, struct txn *txn)
{
    return message_expunge(txn, c->box, c->uids, &c->expunge);
}

static void expunge_by(struct world *w, uint32_t box, uint32_t first, uint32_t last, uint8_t by)
{
    struct change c = {.box = box, .uids = uidset_new()};
    uidset_add_range(c.uids, first, last);
    c.expunge.why = (struct removal){.by = by, .session = 77, .peer = "192.0.2.7", .client = "Thunderbird"};
    assert_int_equal(change_now(w, &c, run_expunge), STORE_OK);
    uidset_unref(&c.uids);
}

static void expunge(struct world *w, uint32_t box, uint32_t first, uint32_t last)
{
    expunge_by(w, box, first, last, REMOVED_BY_IMAP);
}

static enum store_error run_restore(struct change *c, struct txn *txn)
{
    return retained_restore(txn, c->box, &c->restore);
}

static enum store_error try_restore(struct world *w, uint32_t box, struct restore *restore)
{
    struct change c = {.box = box, .restore = *restore};
    enum store_error err = change_now(w, &c, run_restore);
    *restore = c.restore;
    return err;
}

static uint64_t restore(struct world *w, uint32_t box)
{
    struct restore all = {.why = {.by = REMOVED_BY_ADMIN}};
    assert_int_equal(try_restore(w, box, &all), STORE_OK);
    return all.messages;
}

/* ---- reading ---- */

static struct mailbox box_of(struct world *w, uint32_t id)
{
    struct reader reader = reader_of(w);
    struct mailbox mailbox;
    assert_int_equal(mailbox_read(&reader, NULL, id, &mailbox), STORE_OK);
    return mailbox;
}

static uint32_t find(struct world *w, const char *name)
{
    struct reader reader = reader_of(w);
    struct arena arena;
    struct mailbox mailbox = {.id = 0};
    arena_init(&arena, 1 << 20);
    mailbox_find(&reader, &arena, view_of_string(name), &mailbox);
    arena_free(&arena);
    return mailbox.id;
}

static struct retained_total total_of(struct world *w)
{
    struct reader reader = reader_of(w);
    struct retained_total total;
    assert_int_equal(retained_total(&reader, &total), STORE_OK);
    return total;
}

static struct account account_of(struct world *w)
{
    struct reader reader = reader_of(w);
    struct account account;
    assert_int_equal(account_read(&reader, &account), STORE_OK);
    return account;
}

static struct message_row row_of(struct world *w, uint32_t box, uint32_t uid)
{
    struct reader reader = reader_of(w);
    struct message_row row;
    bool expunged;
    assert_int_equal(message_row(&reader, box, uid, &row, &expunged), STORE_OK);
    assert_false(expunged);
    return row;
}

static void assert_path(struct world *w, uint32_t box, const char *path)
{
    struct reader reader = reader_of(w);
    struct arena arena;
    struct view said;
    arena_init(&arena, 1 << 20);
    assert_int_equal(retained_path(&reader, &arena, box, &said), STORE_OK);
    assert_true(view_equal_string(said, path));
    arena_free(&arena);
}

/* ---- tests ---- */

static void test_expunged_message_stays_recoverable_for_retention_days(void **state)
{
    struct world *w = *state;
    uint32_t inbox = find(w, "INBOX");
    uint64_t purged;
    int64_t now = clock_wall_s();
    store_set_retention_days(w->store, 3);
    add(w, inbox);
    expunge(w, inbox, 1, 1);
    assert_int_equal(box_of(w, inbox).messages, 0);
    assert_int_equal(total_of(w).messages, 1);
    assert_int_equal(store_purge(w->store, now + 3 * DAY_S - 3700, &purged), STORE_OK);
    assert_int_equal(purged, 0);
    assert_int_equal(total_of(w).messages, 1);
    assert_int_equal(store_purge(w->store, now + 5 * DAY_S, &purged), STORE_OK);
    assert_int_equal(purged, 1);
    assert_int_equal(total_of(w).messages, 0);
    assert_int_equal(restore(w, inbox), 0);
}

static void test_a_retained_message_tells_who_removed_it_and_when(void **state)
{
    struct world *w = *state;
    struct reader reader = reader_of(w);
    struct retained_rows *rows = malloc(sizeof *rows);
    uint32_t inbox = find(w, "INBOX");
    int64_t before = clock_wall_s();
    add(w, inbox);
    add(w, inbox);
    expunge_by(w, inbox, 2, 2, REMOVED_BY_POP3);
    assert_int_equal(retained_rows(&reader, 0, 0, rows), STORE_OK);
    assert_int_equal(rows->count, 1);
    assert_true(rows->at_end);
    const struct retained_row *row = &rows->rows[0];
    assert_int_equal(row->mailbox, inbox);
    assert_int_equal(row->message.uid, 2);
    assert_int_equal(row->message.size_octets, 64);
    assert_int_equal(row->why.by, REMOVED_BY_POP3);
    assert_int_equal(row->why.session, 77);
    assert_string_equal(row->why.peer, "192.0.2.7");
    assert_string_equal(row->why.client, "Thunderbird");
    assert_int_equal(row->how, REMOVED_ALONE);
    assert_true(row->at_utc_s >= before && row->at_utc_s <= clock_wall_s());
    assert_true(retained_until(row) > before + 14 * DAY_S && retained_until(row) <= before + 15 * DAY_S + 3700);
    free(rows);
}

static void test_a_restored_message_has_a_new_uid_and_all_else_that_it_had(void **state)
{
    struct world *w = *state;
    uint32_t inbox = find(w, "INBOX");
    struct view keywords[] = {VIEW_LITERAL("$Work")};
    struct change c = {.message = {.flags = FLAG_SEEN | FLAG_FLAGGED | FLAG_DELETED,
                                   .keywords = keywords,
                                   .keyword_count = 1,
                                   .internal_utc_s = 1234567890,
                                   .internal_zone_minutes = 120}};
    assert_int_equal(try_add(w, inbox, &c), STORE_OK);
    uint64_t before = box_of(w, inbox).highestmodseq;
    expunge(w, inbox, 1, 1);
    assert_int_equal(restore(w, inbox), 1);
    struct message_row row = row_of(w, inbox, 2);
    assert_int_equal(row.flags, FLAG_SEEN | FLAG_FLAGGED);
    assert_int_equal(row.keywords.bits[0], 1);
    assert_int_equal(row.internal_utc_s, 1234567890);
    assert_int_equal(row.internal_zone_minutes, 120);
    assert_int_equal(row.email, c.added.email);
    assert_true(row.modseq > before + 1);
    assert_int_equal(box_of(w, inbox).uidnext, 3);
    assert_int_equal(box_of(w, inbox).highestmodseq, row.modseq);
    assert_int_equal(account_of(w).emails, 1);
    assert_int_equal(total_of(w).messages, 0);
}

static void test_restoring_again_finds_nothing_left_to_do(void **state)
{
    struct world *w = *state;
    uint32_t inbox = find(w, "INBOX");
    for (unsigned i = 0; i < 5; i++)
        add(w, inbox);
    expunge(w, inbox, 2, 4);
    assert_int_equal(restore(w, inbox), 3);
    assert_int_equal(restore(w, inbox), 0);
    assert_int_equal(box_of(w, inbox).messages, 5);
    assert_int_equal(box_of(w, inbox).uidnext, 9);
}

static void test_a_long_restore_is_done_in_slices_and_whole(void **state)
{
    struct world *w = *state;
    uint32_t inbox = find(w, "INBOX");
    for (unsigned i = 0; i < 900; i++)
        add(w, inbox);
    expunge(w, inbox, 1, 900);
    assert_int_equal(restore(w, inbox), 900);
    assert_int_equal(box_of(w, inbox).messages, 900);
    assert_int_equal(row_of(w, inbox, 1800).internal_utc_s, 1000000);
    store_close(&w->store);
    open_store(w, false);
    assert_int_equal(box_of(w, inbox).messages, 900);
}

static void test_only_what_matches_comes_back(void **state)
{
    struct world *w = *state;
    uint32_t inbox = find(w, "INBOX");
    int64_t now = clock_wall_s();
    for (unsigned i = 0; i < 6; i++)
        add(w, inbox);
    expunge_by(w, inbox, 1, 2, REMOVED_BY_POP3);
    expunge_by(w, inbox, 3, 6, REMOVED_BY_IMAP);
    struct restore later = {.filter = {.since_utc_s = now + 100}};
    assert_int_equal(try_restore(w, inbox, &later), STORE_OK);
    assert_int_equal(later.messages, 0);
    struct restore pop = {.filter = {.by = REMOVED_BY_POP3, .since_utc_s = now}};
    assert_int_equal(try_restore(w, inbox, &pop), STORE_OK);
    assert_int_equal(pop.messages, 2);
    struct uidset *uids = uidset_new();
    uidset_add(uids, 4);
    uidset_add(uids, 6);
    struct restore some = {.filter = {.uids = uids}};
    assert_int_equal(try_restore(w, inbox, &some), STORE_OK);
    assert_int_equal(some.messages, 2);
    assert_int_equal(some.octets, 128);
    assert_int_equal(total_of(w).messages, 2);
    uidset_unref(&uids);
}

static void test_a_deleted_mailbox_comes_back_with_its_messages(void **state)
{
    struct world *w = *state;
    struct reader reader = reader_of(w);
    struct retained_rows *rows = malloc(sizeof *rows);
    uint32_t box = create(w, "Projects/Old", USE_JUNK), other = find(w, "Junk");
    for (unsigned i = 0; i < 3; i++)
        add(w, box);
    delete_box(w, box);
    assert_int_equal(find(w, "Projects/Old"), 0);
    assert_path(w, box, "Projects/Old");
    assert_int_equal(retained_rows(&reader, box, 0, rows), STORE_OK);
    assert_int_equal(rows->count, 3);
    assert_int_equal(rows->rows[0].how, REMOVED_WITH_MAILBOX);
    assert_int_equal(restore(w, box), 3);
    uint32_t again = find(w, "Projects/Old");
    assert_int_not_equal(again, 0);
    assert_int_not_equal(again, box);
    assert_int_equal(box_of(w, again).messages, 3);
    /* Its use is Junk's by now. */
    assert_int_equal(box_of(w, other).special_use, USE_JUNK);
    assert_int_equal(box_of(w, again).special_use, 0);
    free(rows);
}

static void test_a_special_use_comes_back_with_its_mailbox(void **state)
{
    struct world *w = *state;
    uint32_t box = find(w, "Archive");
    add(w, box);
    delete_box(w, box);
    assert_int_equal(restore(w, box), 1);
    struct mailbox again = box_of(w, find(w, "Archive"));
    assert_int_equal(again.special_use, USE_ARCHIVE);
    assert_true(again.flags & MAILBOX_SUBSCRIBED);
}

static void test_a_mailbox_of_the_same_name_takes_the_messages_in(void **state)
{
    struct world *w = *state;
    uint32_t box = create(w, "Lists", 0);
    add(w, box);
    delete_box(w, box);
    uint32_t again = create(w, "Lists", 0);
    add(w, again);
    assert_int_equal(restore(w, box), 1);
    assert_int_equal(box_of(w, again).messages, 2);
}

static void test_messages_follow_a_mailbox_that_was_renamed(void **state)
{
    struct world *w = *state;
    struct change c = {.name = "Lists"};
    uint32_t box = create(w, "Lists", 0);
    add(w, box);
    expunge(w, box, 1, 1);
    assert_int_equal(change_now(w, &c, run_rename), STORE_OK);
    assert_path(w, box, "Renamed");
    assert_int_equal(restore(w, box), 1);
    assert_int_equal(box_of(w, find(w, "Renamed")).messages, 1);
}

static void test_a_parent_that_comes_back_keeps_its_old_messages_apart(void **state)
{
    struct world *w = *state;
    uint32_t box = create(w, "Parent", 0);
    create(w, "Parent/Child", 0);
    add(w, box);
    delete_box(w, box); /* stays as a parent of Child */
    assert_int_equal(create(w, "Parent", 0), box);
    assert_int_equal(add(w, box), 2);
    expunge(w, box, 2, 2);
    assert_int_equal(total_of(w).messages, 2);
    assert_int_equal(restore(w, box), 2);
    check(w);
}

static void test_a_parent_without_messages_begins_its_uids_anew(void **state)
{
    struct world *w = *state;
    uint32_t box = create(w, "Parent", 0);
    create(w, "Parent/Child", 0);
    delete_box(w, box);
    uint32_t before = box_of(w, box).uidvalidity;
    assert_int_equal(create(w, "Parent", 0), box);
    assert_true(box_of(w, box).uidvalidity > before);
    assert_int_equal(add(w, box), 1);
}

static void test_a_deleted_mailboxs_name_goes_with_its_last_message(void **state)
{
    struct world *w = *state;
    struct reader reader = reader_of(w);
    struct arena arena;
    struct view path;
    uint64_t purged;
    uint32_t box = create(w, "Gone", 0);
    add(w, box);
    delete_box(w, box);
    assert_int_equal(store_purge(w->store, clock_wall_s() + 20 * DAY_S, &purged), STORE_OK);
    assert_int_equal(purged, 1);
    arena_init(&arena, 1 << 20);
    assert_int_equal(retained_path(&reader, &arena, box, &path), STORE_NO_MAILBOX);
    arena_free(&arena);
}

static void test_retained_mail_does_not_count_to_the_quota(void **state)
{
    struct world *w = *state;
    uint32_t inbox = find(w, "INBOX");
    assert_int_equal(account_set_quota(w->store, w->account, 200, 0), STORE_OK); /* three of 64 octets */
    for (unsigned i = 0; i < 3; i++)
        add(w, inbox);
    expunge(w, inbox, 1, 3);
    assert_int_equal(account_of(w).octets, 0);
    assert_int_equal(total_of(w).octets, 192);
    for (unsigned i = 0; i < 3; i++)
        add(w, inbox);
}

static void test_a_restore_stops_at_the_quota_and_goes_on_when_there_is_room(void **state)
{
    struct world *w = *state;
    uint32_t inbox = find(w, "INBOX");
    struct restore all = {.why = {.by = REMOVED_BY_ADMIN}};
    for (unsigned i = 0; i < 5; i++)
        add(w, inbox);
    expunge(w, inbox, 1, 5);
    assert_int_equal(account_set_quota(w->store, w->account, 140, 0), STORE_OK); /* two of 64 octets */
    assert_int_equal(try_restore(w, inbox, &all), STORE_OVER_QUOTA);
    assert_int_equal(all.messages, 2);
    assert_int_equal(box_of(w, inbox).messages, 2);
    assert_int_equal(total_of(w).messages, 3);
    assert_int_equal(account_set_quota(w->store, w->account, 0, 0), STORE_OK);
    assert_int_equal(restore(w, inbox), 3);
    assert_int_equal(box_of(w, inbox).messages, 5);
}

/* The rows of an hour ago are needed by sessions that still count the messages: the clock given is two hours on. */
static void test_beyond_the_administrators_limit_the_oldest_goes_first(void **state)
{
    struct world *w = *state;
    uint32_t inbox = find(w, "INBOX");
    uint64_t purged;
    for (unsigned i = 0; i < 6; i++)
        add(w, inbox);
    store_set_retention_days(w->store, 20);
    expunge(w, inbox, 1, 2);
    store_set_retention_days(w->store, 10); /* as if removed ten days earlier */
    expunge(w, inbox, 5, 6);
    store_set_retention_limit(w->store, 192);
    assert_int_equal(store_purge(w->store, clock_wall_s(), &purged), STORE_OK);
    assert_int_equal(purged, 0);
    assert_int_equal(store_purge(w->store, clock_wall_s() + 7200, &purged), STORE_OK);
    assert_int_equal(purged, 1);
    assert_int_equal(total_of(w).octets, 192);
    store_set_retention_limit(w->store, 0);
    struct reader reader = reader_of(w);
    struct retained_rows *rows = malloc(sizeof *rows);
    assert_int_equal(retained_rows(&reader, 0, 0, rows), STORE_OK);
    assert_int_equal(rows->count, 3);
    assert_int_equal(rows->rows[0].message.uid, 1);
    assert_int_equal(rows->rows[1].message.uid, 2);
    assert_int_equal(rows->rows[2].message.uid, 6);
    free(rows);
}

/* INBOX is the first of the mailboxes, and what was removed from it now is the newest. */
static void test_of_one_day_too_the_oldest_goes_first(void **state)
{
    struct world *w = *state;
    struct reader reader = reader_of(w);
    struct retained_rows *rows = malloc(sizeof *rows);
    uint32_t inbox = find(w, "INBOX"), trash = find(w, "Trash");
    uint64_t purged;
    add(w, inbox);
    add(w, trash);
    expunge(w, trash, 1, 1);
    for (int64_t then = clock_wall_s(); clock_wall_s() == then;)
        usleep(10000);
    expunge(w, inbox, 1, 1);
    store_set_retention_limit(w->store, 64);
    assert_int_equal(store_purge(w->store, clock_wall_s() + 7200, &purged), STORE_OK);
    assert_int_equal(purged, 1);
    assert_int_equal(retained_rows(&reader, 0, 0, rows), STORE_OK);
    assert_int_equal(rows->count, 1);
    assert_int_equal(rows->rows[0].mailbox, inbox);
    store_set_retention_limit(w->store, 0);
    free(rows);
}

/* Row R without how it was removed, row D without the second, no row I: what there was before. */
static enum store_error run_age(struct change *c, struct txn *txn)
{
    struct key key = key_2('R', c->box, 1), total = key_kind('I'), day;
    struct view value;
    struct retained_row row;
    struct buffer old = {0};
    assert_int_equal(txn_get(txn, key_view(&key), &value), STORE_OK);
    assert_true(retained_read(value, c->box, 1, &row));
    day = retained_day_key(&row);
    assert_int_equal(txn_delete(txn, key_view(&day)), STORE_OK);
    buffer_append_char(&old, 1);
    buffer_append_char(&old, (char)row.message.flags);
    for (unsigned w = 0; w < 4; w++)
        row_u64(&old, row.message.keywords.bits[w]);
    row_u64(&old, row.message.modseq);
    row_u64(&old, row.message.email);
    row_u64(&old, row.message.size_octets);
    row_i64(&old, row.message.internal_utc_s);
    row_i64(&old, row.message.internal_zone_minutes);
    row_i64(&old, row.message.saved_utc_s);
    row_i64(&old, row.at_utc_s);
    row_u64(&old, row.until_day);
    row_u64(&old, row.why.by);
    row_u64(&old, row.why.session);
    row_view(&old, view_of_string(row.why.peer));
    row_view(&old, view_of_string(row.why.client));
    day = key_1('D', row.until_day);
    key_u32(&day, c->box);
    key_u32(&day, 1);
    assert_int_equal(txn_put(txn, key_view(&day), VIEW_LITERAL("1")), STORE_OK);
    assert_int_equal(txn_delete(txn, key_view(&total)), STORE_OK);
    return txn_put_row(txn, &key, &old);
}

static void age(struct world *w, uint32_t box)
{
    struct change c = {.box = box};
    assert_int_equal(change_now(w, &c, run_age), STORE_OK);
    check(w);
    assert_int_equal(total_of(w).octets, 64);
}

static void test_what_a_store_of_before_retained_is_restored_and_purged(void **state)
{
    struct world *w = *state;
    uint32_t inbox = find(w, "INBOX"), trash = find(w, "Trash");
    uint64_t purged;
    add(w, inbox);
    expunge(w, inbox, 1, 1);
    age(w, inbox);
    assert_int_equal(restore(w, inbox), 1);
    assert_int_equal(total_of(w).messages, 0);
    add(w, trash);
    expunge(w, trash, 1, 1);
    age(w, trash);
    add(w, trash);
    expunge(w, trash, 2, 2); /* one of each */
    assert_int_equal(store_purge(w->store, clock_wall_s() + 20 * DAY_S, &purged), STORE_OK);
    assert_int_equal(purged, 2);
    assert_int_equal(total_of(w).messages, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
    const struct CMUnitTest tests[] = {
        TEST(test_expunged_message_stays_recoverable_for_retention_days),
        TEST(test_a_retained_message_tells_who_removed_it_and_when),
        TEST(test_a_restored_message_has_a_new_uid_and_all_else_that_it_had),
        TEST(test_restoring_again_finds_nothing_left_to_do),
        TEST(test_a_long_restore_is_done_in_slices_and_whole),
        TEST(test_only_what_matches_comes_back),
        TEST(test_a_deleted_mailbox_comes_back_with_its_messages),
        TEST(test_a_special_use_comes_back_with_its_mailbox),
        TEST(test_a_mailbox_of_the_same_name_takes_the_messages_in),
        TEST(test_messages_follow_a_mailbox_that_was_renamed),
        TEST(test_a_parent_that_comes_back_keeps_its_old_messages_apart),
        TEST(test_a_parent_without_messages_begins_its_uids_anew),
        TEST(test_a_deleted_mailboxs_name_goes_with_its_last_message),
        TEST(test_retained_mail_does_not_count_to_the_quota),
        TEST(test_a_restore_stops_at_the_quota_and_goes_on_when_there_is_room),
        TEST(test_beyond_the_administrators_limit_the_oldest_goes_first),
        TEST(test_of_one_day_too_the_oldest_goes_first),
        TEST(test_what_a_store_of_before_retained_is_restored_and_purged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
