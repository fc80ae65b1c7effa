/* tests/unit/store_seen.c: \Seen of readers who aren't the owner: pages, changes, counts, and that they go. */
#include "base/limits.h"
#include "store/seen.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { READER = 77, OTHER = 78 };

static char folder[64];
static struct store *store;
static uint64_t account;
static uint32_t box;

struct wish {
    struct mutation mutation;
    enum store_error (*run)(struct wish *wish, struct txn *txn);
    uint32_t mailbox;
    struct uidset *uids;
    struct flag_change change;
    struct blob *blob;
    struct buffer digest;
    struct new_message message;
    struct added added;
};

static enum store_error run(struct txn *txn, struct mutation *mutation)
{
    struct wish *wish = (struct wish *)mutation;
    return wish->run(wish, txn);
}

static void now(struct wish *wish, enum store_error (*what)(struct wish *wish, struct txn *txn))
{
    wish->mutation = (struct mutation){.account = account, .run = run};
    wish->run = what;
    assert_int_equal(engine_mutate_wait(store_engine(store), &wish->mutation), STORE_OK);
}

static enum store_error run_create(struct wish *wish, struct txn *txn)
{
    struct mailbox made;
    enum store_error err = mailbox_create(txn, VIEW_LITERAL("Box"), 0, &made);
    wish->mailbox = made.id;
    return err;
}

static enum store_error run_delete(struct wish *wish, struct txn *txn)
{
    return mailbox_delete(txn, wish->mailbox, &(struct removal){.by = REMOVED_BY_ADMIN});
}

static enum store_error run_add(struct wish *wish, struct txn *txn)
{
    wish->message.blob = wish->blob;
    wish->message.digest = buffer_view(&wish->digest);
    return message_add(txn, wish->mailbox, &wish->message, &wish->added);
}

static enum store_error run_flags(struct wish *wish, struct txn *txn)
{
    return message_set_flags(txn, wish->mailbox, wish->uids, &wish->change);
}

static uint64_t add(uint32_t uid, uint8_t flags, uint64_t seen_by)
{
    static const char text[] = "Subject: x\r\n\r\nwords\r\n";
    struct wish wish = {.mailbox = box, .message = {.wanted_uid = uid, .flags = flags, .seen_by = seen_by}};
    digest_write_opaque(view_of_string(text), "test", &wish.digest);
    wish.blob = blob_new(store_engine(store), view_of_string(text), 0, &account, 1);
    now(&wish, run_add);
    blob_unref(&wish.blob);
    buffer_free(&wish.digest);
    return wish.added.modseq;
}

static uint64_t set_flags(uint32_t first, uint32_t last, struct flag_change change)
{
    struct wish wish = {.mailbox = box, .change = change, .uids = uidset_new()};
    uidset_add_range(wish.uids, first, last);
    now(&wish, run_flags);
    uidset_unref(&wish.uids);
    return wish.change.modseq;
}

static struct reader reader_of(uint64_t seen_by)
{
    return (struct reader){.store = store, .account = account, .mode = READ_BLOCKING, .seen_by = seen_by};
}

static struct message_row row_of(uint64_t seen_by, uint32_t uid)
{
    struct reader reader = reader_of(seen_by);
    struct message_row row;
    bool expunged;
    assert_int_equal(message_row(&reader, box, uid, &row, &expunged), STORE_OK);
    return row;
}

static uint32_t unseen_of(uint64_t seen_by)
{
    struct reader reader = reader_of(seen_by);
    uint32_t unseen = 0;
    assert_int_equal(seen_count_unseen(&reader, box, &unseen), STORE_OK);
    return unseen;
}

static size_t seen_of(uint64_t seen_by)
{
    struct reader reader = reader_of(seen_by);
    struct uidset *seen;
    assert_int_equal(seen_read(&reader, box, &seen), STORE_OK);
    size_t count = uidset_count(seen);
    uidset_unref(&seen);
    return count;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static int begin(void **state)
{
    char error[256];
    snprintf(folder, sizeof folder, "/tmp/waxwing-seen-XXXXXX");
    assert_non_null(mkdtemp(folder));
    struct engine_options options = {.path = folder, .create = true, .reserve_octets = 1, .pool_threads = 1};
    assert_int_equal(store_open(&options, &store, error, sizeof error), STORE_OK);
    assert_int_equal(account_create(store, 0, &account), STORE_OK);
    struct wish wish = {.mailbox = 0};
    now(&wish, run_create);
    box = wish.mailbox;
    return 0;
}

static void no_problem(void *ctx, const char *what)
{
    fail_msg("%s", what);
}

static int end(void **state)
{
    uint64_t problems;
    assert_int_equal(store_check(store, 0, false, no_problem, NULL, &problems), STORE_OK);
    store_close(&store);
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void test_a_page_is_read_as_it_was_written(void **state)
{
    const struct seen_page pages[] = {{{0}}, {{1}}, {{[63] = UINT64_MAX}}, {{[5] = 9, [40] = (uint64_t)1 << 63}}};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct buffer out = {0};
        struct seen_page again;
        seen_page_write(&pages[i], &out);
        assert_true(seen_page_read(buffer_view(&out), &again));
        assert_memory_equal(&again, &pages[i], sizeof again);
        buffer_free(&out);
    }
    struct seen_page page;
    assert_false(seen_page_read(VIEW_EMPTY, &page));
    assert_false(seen_page_read(VIEW_LITERAL("\1\0\1"), &page));
    assert_false(seen_page_read(VIEW_LITERAL("\1\x40"
                                             "12345678"),
                                &page));
    assert_false(seen_page_read(VIEW_LITERAL("\2\0"), &page));
}

static void test_each_reader_has_seen_their_own(void **state)
{
    for (uint32_t uid = 1; uid <= 100; uid++)
        add(uid, 0, 0);
    add(9000, FLAG_SEEN, 0);
    set_flags(1, 10, (struct flag_change){.action = FLAGS_ADD, .flags = FLAG_SEEN});
    uint64_t modseq = set_flags(
        60, 9000, (struct flag_change){.action = FLAGS_ADD, .flags = FLAG_SEEN | FLAG_FLAGGED, .seen_by = READER});
    assert_int_equal(unseen_of(READER), 101 - 42);
    assert_int_equal(unseen_of(OTHER), 101);
    assert_int_equal(row_of(READER, 5).flags & FLAG_SEEN, 0);
    assert_int_equal(row_of(0, 5).flags & FLAG_SEEN, FLAG_SEEN);
    assert_int_equal(row_of(READER, 64).flags, FLAG_SEEN | FLAG_FLAGGED | (row_of(0, 64).flags & ~FLAG_SYSTEM_ALL));
    assert_int_equal(row_of(0, 64).flags & FLAG_SYSTEM_ALL, FLAG_FLAGGED);
    assert_int_equal(row_of(READER, 65).modseq, modseq);
    assert_true(row_of(0, 9000).flags & FLAG_SEEN);
    /* What is seen already isn't a change; what is replaced is. */
    assert_int_equal(
        set_flags(60, 100, (struct flag_change){.action = FLAGS_ADD, .flags = FLAG_SEEN, .seen_by = READER}), 0);
    assert_true(set_flags(60, 60, (struct flag_change){.action = FLAGS_REPLACE, .seen_by = READER}) > modseq);
    assert_int_equal(row_of(READER, 60).flags & FLAG_SYSTEM_ALL, 0);
    set_flags(9000, 9000, (struct flag_change){.action = FLAGS_REMOVE, .flags = FLAG_SEEN, .seen_by = READER});
    assert_true(row_of(0, 9000).flags & FLAG_SEEN);
    assert_false(row_of(READER, 9000).flags & FLAG_SEEN);
}

static void test_rows_of_a_chunk_show_it(void **state)
{
    struct message_rows rows;
    struct reader reader = reader_of(READER);
    for (uint32_t uid = 1; uid <= 70; uid++)
        add(uid, 0, 0);
    set_flags(63, 66, (struct flag_change){.action = FLAGS_ADD, .flags = FLAG_SEEN, .seen_by = READER});
    for (uint32_t from = 1; from <= 70; from = rows.rows[rows.count - 1].uid + 1) {
        assert_int_equal(message_rows(&reader, box, from, &rows), STORE_OK);
        for (size_t i = 0; i < rows.count; i++)
            assert_int_equal(rows.rows[i].flags & FLAG_SEEN, rows.rows[i].uid >= 63 && rows.rows[i].uid <= 66);
    }
}

static void test_who_puts_a_message_in_has_seen_it_alone(void **state)
{
    add(0, FLAG_SEEN | FLAG_DRAFT, READER);
    assert_int_equal(row_of(0, 1).flags & FLAG_SYSTEM_ALL, FLAG_DRAFT);
    assert_int_equal(row_of(READER, 1).flags & FLAG_SYSTEM_ALL, FLAG_DRAFT | FLAG_SEEN);
    assert_int_equal(row_of(OTHER, 1).flags & FLAG_SYSTEM_ALL, FLAG_DRAFT);
}

static void test_it_goes_with_the_mailbox(void **state)
{
    add(4096 * 1200, 0, 0);
    for (uint32_t page = 0; page < 3; page++)
        for (uint64_t reader = 1000; reader < 1600; reader++)
            set_flags(4096 * 1200, 4096 * 1200,
                      (struct flag_change){.action = FLAGS_ADD, .flags = FLAG_SEEN, .seen_by = reader + 600 * page});
    assert_int_equal(seen_of(1001), 1);
    struct wish wish = {.mailbox = box};
    now(&wish, run_delete);
    assert_int_equal(seen_of(1001), 0);
    assert_int_equal(seen_of(2799), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_page_is_read_as_it_was_written),
        cmocka_unit_test_setup_teardown(test_each_reader_has_seen_their_own, begin, end),
        cmocka_unit_test_setup_teardown(test_rows_of_a_chunk_show_it, begin, end),
        cmocka_unit_test_setup_teardown(test_who_puts_a_message_in_has_seen_it_alone, begin, end),
        cmocka_unit_test_setup_teardown(test_it_goes_with_the_mailbox, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
