/*
 * tests/unit/store_retry.c: a batch that the disk refuses once is run again, each mutation alone: what is answered then
 * has happened, once, and is told as it happened.
 */
#include "base/clock.h"
#include "store/local/local.h"
#include "store/retention.h"
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MESSAGES = 3 };

static char folder[64];
static struct store *store;
static uint64_t account;
static uint32_t inbox, archive;
static struct engine_probe probe;

struct change {
    struct mutation mutation;
    enum store_error (*run)(struct change *change, struct txn *txn);
    struct uidset *uids;
    struct blob *blob;
    struct buffer digest;
    uint32_t box, wanted_uid;
    struct expunge expunge;
    struct restore restore;
    struct copy copy;
    struct flag_change flags;
};

static enum store_error run_change(struct txn *txn, struct mutation *mutation)
{
    struct change *change = (struct change *)mutation;
    return change->run(change, txn);
}

static enum store_error change_now(struct change *change,
                                   enum store_error (*run)(struct change *change, struct txn *txn))
{
    change->mutation = (struct mutation){.account = account, .run = run_change};
    change->run = run;
    return engine_mutate_wait(store_engine(store), &change->mutation);
}

static void disk_refuses_once(void)
{
    atomic_store(&probe.fail_errno, ENOSPC);
    atomic_store(&probe.fail_append, 1);
}

/* ---- the world: three messages in INBOX ---- */

static struct reader reader(void)
{
    return (struct reader){store, account, READ_BLOCKING};
}

static struct mailbox box_of(uint32_t id)
{
    struct reader r = reader();
    struct mailbox mailbox;
    assert_int_equal(mailbox_read(&r, NULL, id, &mailbox), STORE_OK);
    return mailbox;
}

static uint32_t find(const char *name)
{
    struct reader r = reader();
    struct arena arena;
    struct mailbox mailbox;
    arena_init(&arena, 1 << 20);
    assert_int_equal(mailbox_find(&r, &arena, view_of_string(name), &mailbox), STORE_OK);
    arena_free(&arena);
    return mailbox.id;
}

static enum store_error run_add(struct change *c, struct txn *txn)
{
    struct new_message message = {
        .blob = c->blob, .digest = buffer_view(&c->digest), .internal_utc_s = 1000000, .wanted_uid = c->wanted_uid};
    struct added added;
    return message_add(txn, c->box, &message, &added);
}

/* 0: the next UID. */
static void add(uint32_t box, uint32_t uid)
{
    struct change c = {.box = box, .wanted_uid = uid};
    struct view text = VIEW_LITERAL("Subject: a message\r\n\r\nwords\r\n");
    digest_write_opaque(text, "test", &c.digest);
    c.blob = blob_new(store_engine(store), text, 0, &account, 1);
    assert_int_equal(change_now(&c, run_add), STORE_OK);
    blob_unref(&c.blob);
    buffer_free(&c.digest);
}

static int begin(void **state)
{
    char error[256];
    memset(&probe, 0, sizeof probe);
    engine_probe = &probe;
    snprintf(folder, sizeof folder, "/tmp/waxwing-retry-XXXXXX");
    assert_non_null(mkdtemp(folder));
    struct engine_options options = {.path = folder, .create = true, .reserve_octets = 1, .pool_threads = 1};
    assert_int_equal(store_open(&options, &store, error, sizeof error), STORE_OK);
    assert_int_equal(account_create(store, 0, &account), STORE_OK);
    inbox = find("INBOX");
    archive = find("Archive");
    for (unsigned i = 0; i < MESSAGES; i++)
        add(inbox, 0);
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

static int end(void **state)
{
    uint64_t problems = 0;
    assert_int_equal(atomic_load(&probe.fail_append), 0);
    assert_int_equal(store_check(store, 0, false, say_problem, NULL, &problems), STORE_OK);
    assert_int_equal(problems, 0);
    store_close(&store);
    engine_probe = NULL;
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- tests ---- */

static enum store_error run_expunge(struct change *c, struct txn *txn)
{
    return message_expunge(txn, inbox, NULL, &c->expunge);
}

static enum store_error run_restore(struct change *c, struct txn *txn)
{
    return retained_restore(txn, inbox, &c->restore);
}

static void expunge(struct uidset *gone)
{
    struct change c = {.expunge = {.gone = gone, .why = {.by = REMOVED_BY_IMAP}}};
    assert_int_equal(change_now(&c, run_expunge), STORE_OK);
}

static void test_an_expunge_that_is_run_again_removes_all(void **state)
{
    struct uidset *gone = uidset_new();
    disk_refuses_once();
    expunge(gone);
    assert_int_equal(uidset_count(gone), MESSAGES);
    assert_int_equal(box_of(inbox).messages, 0);
    uidset_unref(&gone);
}

static void test_a_restore_that_is_run_again_restores_what_it_says(void **state)
{
    struct change c = {.restore = {.why = {.by = REMOVED_BY_ADMIN}}};
    expunge(NULL);
    disk_refuses_once();
    assert_int_equal(change_now(&c, run_restore), STORE_OK);
    assert_int_equal(box_of(inbox).messages, MESSAGES);
    assert_int_equal(c.restore.messages, MESSAGES);
    assert_int_equal(c.restore.octets, box_of(inbox).octets);
    assert_int_equal(c.restore.modseq, box_of(inbox).highestmodseq);
}

static void test_a_purge_that_is_run_again_purges_what_it_says(void **state)
{
    uint64_t purged;
    struct retained_total total;
    struct reader r = reader();
    expunge(NULL);
    disk_refuses_once();
    assert_int_equal(store_purge(store, clock_wall_s() + INT64_C(20) * 86400, &purged), STORE_OK);
    assert_int_equal(purged, MESSAGES);
    assert_int_equal(retained_total(&r, &total), STORE_OK);
    assert_int_equal(total.messages, 0);
}

static enum store_error run_copy(struct change *c, struct txn *txn)
{
    return message_copy(txn, inbox, c->uids, archive, &c->copy);
}

static void copy_again(bool move)
{
    struct buffer to_uids = {0};
    struct change c = {.uids = uidset_new()};
    c.copy = (struct copy){.move = move, .from_uids = uidset_new(), .to_uids = &to_uids};
    uidset_add_range(c.uids, 1, MESSAGES);
    disk_refuses_once();
    assert_int_equal(change_now(&c, run_copy), STORE_OK);
    assert_int_equal(box_of(archive).messages, MESSAGES);
    assert_int_equal(box_of(inbox).messages, move ? 0 : MESSAGES);
    assert_int_equal(uidset_count(c.copy.from_uids), MESSAGES);
    assert_int_equal(buffer_size(&to_uids), MESSAGES * sizeof(uint32_t));
    uidset_unref(&c.uids);
    uidset_unref(&c.copy.from_uids);
    buffer_free(&to_uids);
}

static void test_a_copy_that_is_run_again_names_each_message_once(void **state)
{
    copy_again(false);
}

static void test_a_move_that_is_run_again_names_each_message_once(void **state)
{
    copy_again(true);
}

static enum store_error run_flags(struct change *c, struct txn *txn)
{
    return message_set_flags(txn, inbox, c->uids, &c->flags);
}

static void test_flags_that_are_set_again_are_told_once(void **state)
{
    struct change c = {.uids = uidset_new()};
    struct uidset *changed = uidset_new(), *refused = uidset_new();
    uidset_add_range(c.uids, 1, MESSAGES);
    c.flags = (struct flag_change){.action = FLAGS_ADD,
                                   .flags = FLAG_SEEN,
                                   .check_modseq = true,
                                   .unchanged_since = box_of(inbox).highestmodseq,
                                   .changed = changed,
                                   .refused = refused};
    disk_refuses_once();
    assert_int_equal(change_now(&c, run_flags), STORE_OK);
    assert_int_equal(box_of(inbox).unseen, 0);
    assert_int_equal(uidset_count(changed), MESSAGES);
    assert_int_equal(uidset_count(refused), 0);
    assert_int_equal(c.flags.modseq, box_of(inbox).highestmodseq);
    uidset_unref(&c.uids);
    uidset_unref(&changed);
    uidset_unref(&refused);
}

static enum store_error run_seen(struct change *c, struct txn *txn)
{
    return message_set_flags(txn, archive, c->uids, &c->flags);
}

/* 256 chunks are a slice (store/flags.c): the set ends where the slice does. */
static void test_a_slice_that_is_the_last_is_run_again_whole(void **state)
{
    enum { BLOCKS = 256 };
    struct change c = {.uids = uidset_new(), .flags = {.action = FLAGS_ADD, .flags = FLAG_SEEN}};
    for (uint32_t i = 0; i < BLOCKS; i++)
        add(archive, i * CHUNK_ROWS + 1);
    uidset_add_range(c.uids, 1, BLOCKS * CHUNK_ROWS);
    disk_refuses_once();
    assert_int_equal(change_now(&c, run_seen), STORE_OK);
    assert_int_equal(box_of(archive).messages, BLOCKS);
    assert_int_equal(box_of(archive).unseen, 0);
    uidset_unref(&c.uids);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_an_expunge_that_is_run_again_removes_all),
        TEST(test_a_restore_that_is_run_again_restores_what_it_says),
        TEST(test_a_purge_that_is_run_again_purges_what_it_says),
        TEST(test_a_copy_that_is_run_again_names_each_message_once),
        TEST(test_a_move_that_is_run_again_names_each_message_once),
        TEST(test_flags_that_are_set_again_are_told_once),
        TEST(test_a_slice_that_is_the_last_is_run_again_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
