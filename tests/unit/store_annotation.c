/* tests/unit/store_annotation.c: annotations of messages: who sees them, limits, and what becomes of them with the
 * message. */
#include "base/limits.h"
#include "store/annotation.h"
#include "store/retention.h"
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
static uint32_t box, second;

struct wish {
    struct mutation mutation;
    enum store_error (*run)(struct wish *wish, struct txn *txn);
    const char *name;
    uint32_t mailbox, to;
    struct uidset *uids;
    struct annotation_change change;
    struct expunge expunge;
    struct copy copy;
    struct restore restore;
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

static enum store_error attempt(struct wish *wish, enum store_error (*what)(struct wish *wish, struct txn *txn))
{
    wish->mutation = (struct mutation){.account = account, .run = run};
    wish->run = what;
    return engine_mutate_wait(store_engine(store), &wish->mutation);
}

static void now(struct wish *wish, enum store_error (*what)(struct wish *wish, struct txn *txn))
{
    assert_int_equal(attempt(wish, what), STORE_OK);
}

static enum store_error run_create(struct wish *wish, struct txn *txn)
{
    struct mailbox made;
    enum store_error err = mailbox_create(txn, view_of_string(wish->name), 0, &made);
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

static enum store_error run_annotate(struct wish *wish, struct txn *txn)
{
    return message_annotate(txn, wish->mailbox, wish->uids, &wish->change);
}

static enum store_error run_expunge(struct wish *wish, struct txn *txn)
{
    return message_expunge(txn, wish->mailbox, wish->uids, &wish->expunge);
}

static enum store_error run_copy(struct wish *wish, struct txn *txn)
{
    return message_copy(txn, wish->mailbox, wish->uids, wish->to, &wish->copy);
}

/* The first slice alone, as a crash leaves it. */
static enum store_error run_copy_begun(struct wish *wish, struct txn *txn)
{
    enum store_error err = run_copy(wish, txn);
    assert_int_equal(err, STORE_MORE);
    return STORE_OK;
}

static enum store_error run_restore(struct wish *wish, struct txn *txn)
{
    return retained_restore(txn, wish->mailbox, &wish->restore);
}

/* ---- words ---- */

static void add_with(const struct annotation *rows, size_t count, enum store_error expected)
{
    static const char text[] = "Subject: x\r\n\r\nwords\r\n";
    struct wish wish = {.mailbox = box, .message = {.annotations = rows, .annotation_count = count}};
    digest_write_opaque(view_of_string(text), "test", &wish.digest);
    wish.blob = blob_new(store_engine(store), view_of_string(text), 0, &account, 1);
    assert_int_equal(attempt(&wish, run_add), expected);
    blob_unref(&wish.blob);
    buffer_free(&wish.digest);
}

static void add(unsigned count)
{
    while (count--)
        add_with(NULL, 0, STORE_OK);
}

static struct annotation note(const char *entry, const char *value, uint64_t owner)
{
    return (struct annotation){.entry = view_of_string(entry),
                               .value = value ? view_of_string(value) : VIEW_EMPTY,
                               .owner = owner,
                               .removed = !value};
}

struct outcome {
    enum store_error err;
    uint64_t modseq;
    size_t changed, refused;
};

static struct outcome set_in(uint32_t mailbox, uint32_t first, uint32_t last, struct annotation_change change)
{
    struct wish wish = {.mailbox = mailbox, .change = change, .uids = uidset_new()};
    wish.change.changed = uidset_new();
    wish.change.refused = uidset_new();
    uidset_add_range(wish.uids, first, last);
    struct outcome outcome = {.err = attempt(&wish, run_annotate)};
    outcome.modseq = wish.change.modseq;
    outcome.changed = uidset_count(wish.change.changed);
    outcome.refused = uidset_count(wish.change.refused);
    uidset_unref(&wish.uids);
    uidset_unref(&wish.change.changed);
    uidset_unref(&wish.change.refused);
    return outcome;
}

static struct outcome set(uint32_t first, uint32_t last, struct annotation row)
{
    return set_in(box, first, last, (struct annotation_change){.rows = &row, .count = 1});
}

static struct reader reader_of(void)
{
    return (struct reader){.store = store, .account = account, .mode = READ_BLOCKING};
}

/* "/comment=x /altsubject-=" for person, shared ones with "s:" in front, those without a value with "-". */
static void shows(uint32_t mailbox, uint32_t uid, uint64_t person, const char *expected)
{
    struct reader reader = reader_of();
    struct arena arena;
    struct annotations found;
    struct buffer out = {0};
    arena_init(&arena, 3 * (size_t)LIMIT_ANNOTATION_MESSAGE);
    assert_int_equal(annotations_read(&reader, &arena, mailbox, uid, person, &found), STORE_OK);
    for (size_t i = 0; i < found.count; i++) {
        const struct annotation *a = &found.rows[i];
        buffer_printf(&out, "%s%s%.*s%s%.*s", i ? " " : "", a->owner ? "" : "s:", VIEW_PRINTF(a->entry),
                      a->removed ? "-" : "=", VIEW_PRINTF(a->value));
    }
    buffer_append_char(&out, '\0');
    assert_string_equal(buffer_view(&out).data, expected);
    buffer_free(&out);
    arena_free(&arena);
}

static struct annotation_total total(void)
{
    struct reader reader = reader_of();
    struct annotation_total total;
    assert_int_equal(annotation_total(&reader, &total), STORE_OK);
    return total;
}

static void expunge(uint32_t first, uint32_t last)
{
    struct wish wish = {.mailbox = box, .uids = uidset_new(), .expunge = {.why = {.by = REMOVED_BY_IMAP}}};
    uidset_add_range(wish.uids, first, last);
    now(&wish, run_expunge);
    uidset_unref(&wish.uids);
}

static enum store_error copy(uint32_t first, uint32_t last, uint32_t to, struct copy how)
{
    struct buffer uids = {0};
    struct wish wish = {.mailbox = box, .to = to, .uids = uidset_new(), .copy = how};
    uidset_add_range(wish.uids, first, last);
    wish.copy.from_uids = uidset_new();
    wish.copy.to_uids = &uids;
    enum store_error err = attempt(&wish, run_copy);
    uidset_unref(&wish.uids);
    uidset_unref(&wish.copy.from_uids);
    buffer_free(&uids);
    return err;
}

static void restore(void)
{
    struct wish wish = {.mailbox = box};
    now(&wish, run_restore);
}

static void purge(void)
{
    uint64_t purged;
    assert_int_equal(store_purge(store, INT64_C(1) << 33, &purged), STORE_OK);
}

/* ---- around each test ---- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static int begin(void **state)
{
    char error[256];
    snprintf(folder, sizeof folder, "/tmp/waxwing-annotation-XXXXXX");
    assert_non_null(mkdtemp(folder));
    struct engine_options options = {.path = folder, .create = true, .reserve_octets = 1, .pool_threads = 1};
    assert_int_equal(store_open(&options, &store, error, sizeof error), STORE_OK);
    assert_int_equal(account_create(store, 0, &account), STORE_OK);
    struct wish one = {.name = "Box"}, two = {.name = "Second"};
    now(&one, run_create);
    now(&two, run_create);
    box = one.mailbox;
    second = two.mailbox;
    return 0;
}

static void no_problem(void *ctx, const char *what)
{
    fail_msg("%s", what);
}

static void check(void)
{
    uint64_t problems;
    assert_int_equal(store_check(store, 0, false, no_problem, NULL, &problems), STORE_OK);
}

static int end(void **state)
{
    check();
    store_close(&store);
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- tests ---- */

static void test_a_row_is_read_as_it_was_written(void **state)
{
    const struct annotation rows[] = {{.entry = VIEW_LITERAL("/comment"), .value = VIEW_LITERAL("a\0b"), .modseq = 9},
                                      {.entry = VIEW_LITERAL("/x"), .value = VIEW_EMPTY, .modseq = UINT64_MAX},
                                      {.entry = VIEW_LITERAL("/y"), .value = VIEW_EMPTY, .removed = true}};
    struct annotation again;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer out = {0};
        annotation_row_write(&rows[i], &out);
        assert_true(annotation_row_read(buffer_view(&out), &again));
        assert_true(view_equal(again.entry, rows[i].entry) && view_equal(again.value, rows[i].value));
        assert_true(again.modseq == rows[i].modseq && again.removed == rows[i].removed);
        buffer_free(&out);
    }
    assert_false(annotation_row_read(VIEW_EMPTY, &again));
    assert_false(annotation_row_read(VIEW_LITERAL("\2\1\1\1x"), &again));
    assert_false(annotation_row_read(VIEW_LITERAL("\1\2\1\1x"), &again));
    assert_false(annotation_row_read(VIEW_LITERAL("\1\0\1\1xy"), &again));
    assert_false(annotation_row_read(VIEW_LITERAL("\1\1\1\5x"), &again));
}

static void test_each_sees_what_is_shared_and_their_own(void **state)
{
    add(3);
    struct outcome first = set(2, 2, note("/comment", "all", ANNOTATION_SHARED));
    assert_true(first.modseq && first.changed == 1);
    set(2, 2, note("/comment", "owner's", account));
    set(2, 2, note("/comment", "reader's", READER));
    set(2, 2, note("/altsubject", "", READER));
    shows(box, 2, account, "s:/comment=all /comment=owner's");
    shows(box, 2, READER, "/altsubject= s:/comment=all /comment=reader's");
    shows(box, 2, OTHER, "s:/comment=all");
    shows(box, 1, account, "");
    shows(box, 3, account, "");
    assert_int_equal(total().rows, 4);
    assert_int_equal(total().octets, 11 + 15 + 16 + 11);
    assert_int_equal(total().others, 16 + 11);
}

static void test_what_is_the_same_is_no_change(void **state)
{
    struct message_row row;
    bool expunged;
    struct reader reader = reader_of();
    add(1);
    uint64_t modseq = set(1, 1, note("/comment", "x", 0)).modseq;
    assert_int_equal(message_row(&reader, box, 1, &row, &expunged), STORE_OK);
    assert_int_equal(row.modseq, modseq);
    assert_int_equal(set(1, 1, note("/comment", "x", 0)).modseq, 0);
    assert_int_equal(set(1, 1, note("/altsubject", NULL, 0)).modseq, 0);
    assert_true(set(1, 1, note("/comment", NULL, 0)).modseq > modseq);
    shows(box, 1, account, "s:/comment-");
    assert_int_equal(total().octets, 0);
    assert_int_equal(set(1, 1, note("/comment", NULL, 0)).modseq, 0);
    set(1, 1, note("/comment", "back", 0));
    shows(box, 1, account, "s:/comment=back");
}

static void test_unchangedsince(void **state)
{
    struct annotation row = note("/comment", "x", 0);
    add(2);
    uint64_t modseq = set(2, 2, note("/comment", "y", 0)).modseq;
    struct outcome outcome = set_in(
        box, 1, 2,
        (struct annotation_change){.rows = &row, .count = 1, .check_modseq = true, .unchanged_since = modseq - 1});
    assert_true(outcome.changed == 1 && outcome.refused == 1);
    shows(box, 1, account, "s:/comment=x");
    shows(box, 2, account, "s:/comment=y");
}

static void test_a_message_has_a_limit_for_each_person(void **state)
{
    char name[32];
    add(1);
    for (int i = 0; i < LIMIT_ANNOTATIONS; i++) {
        snprintf(name, sizeof name, "/vendor/v/%d", i);
        assert_int_equal(set(1, 1, note(name, "x", 0)).err, STORE_OK);
        assert_int_equal(set(1, 1, note(name, "x", READER)).err, STORE_OK);
    }
    assert_int_equal(set(1, 1, note("/comment", "x", 0)).err, STORE_LIMIT);
    assert_int_equal(set(1, 1, note("/comment", "x", READER)).err, STORE_LIMIT);
    assert_int_equal(set(1, 1, note("/comment", "x", account)).err, STORE_OK);
    assert_int_equal(set(1, 1, note("/vendor/v/0", "other", 0)).err, STORE_OK);
    set(1, 1, note("/vendor/v/0", NULL, 0));
    assert_int_equal(set(1, 1, note("/comment", "x", 0)).err, STORE_OK);
    assert_int_equal(set(1, 1, note("/vendor/v/0", "back", 0)).err, STORE_LIMIT);
}

static void test_names_of_what_was_removed_are_forgotten_in_time(void **state)
{
    char name[32];
    add(1);
    for (int i = 0; i < 3 * LIMIT_ANNOTATIONS; i++) {
        snprintf(name, sizeof name, "/vendor/v/%03d", i);
        set(1, 1, note(name, "x", 0));
        set(1, 1, note(name, NULL, 0));
    }
    assert_int_equal(total().rows, LIMIT_ANNOTATIONS);
    assert_int_equal(total().octets, 0);
    check();
}

static void test_a_message_has_a_limit_of_octets_and_of_rows(void **state)
{
    char name[32];
    static char large[LIMIT_ANNOTATION_OCTETS + 1];
    memset(large, 'x', LIMIT_ANNOTATION_OCTETS);
    store_set_annotation_limit(store, 1 << 30);
    add(2);
    int i = 0;
    for (; i < 100; i++) {
        snprintf(name, sizeof name, "/vendor/v/%d", i % LIMIT_ANNOTATIONS);
        if (set(1, 1, note(name, large, 1000 + i / LIMIT_ANNOTATIONS)).err)
            break;
    }
    assert_int_equal(i, LIMIT_ANNOTATION_MESSAGE / LIMIT_ANNOTATION_OCTETS - 1);
    for (i = 0; i < 2 * LIMIT_ANNOTATION_ROWS; i++) {
        snprintf(name, sizeof name, "/vendor/v/%d", i % LIMIT_ANNOTATIONS);
        if (set(2, 2, note(name, "x", 1000 + i / LIMIT_ANNOTATIONS)).err)
            break;
    }
    assert_int_equal(i, LIMIT_ANNOTATION_ROWS);
    struct copy plain = {.annotated_by = 1000};
    assert_int_equal(copy(1, 2, second, plain), STORE_OK);
    expunge(1, 2);
    restore();
    assert_int_equal(total().kept_rows, 0);
    expunge(3, 4);
    purge();
    check();
}

static void test_the_account_has_a_limit_and_readers_half_of_it(void **state)
{
    store_set_annotation_limit(store, 100);
    add(3);
    assert_int_equal(set(1, 1, note("/comment", "0123456789012345678901234567890123456789", READER)).err, STORE_OK);
    assert_int_equal(set(2, 2, note("/comment", "0123456789", READER)).err, STORE_OVER_QUOTA);
    assert_int_equal(set(2, 2, note("/comment", "0123456789012345678901234567890123456789", account)).err, STORE_OK);
    assert_int_equal(total().octets, 96);
    assert_int_equal(set(3, 3, note("/comment", "", account)).err, STORE_OVER_QUOTA);
    struct annotation fits = note("/x", "ab", 0), too_much = note("/x", "abc", 0);
    add_with(&too_much, 1, STORE_OVER_QUOTA);
    add_with(&fits, 1, STORE_OK);
    assert_int_equal(copy(4, 4, second, (struct copy){0}), STORE_OVER_QUOTA);
    assert_int_equal(copy(4, 4, second, (struct copy){.drops_shared = true}), STORE_OK);
    /* What makes it less is never refused. */
    store_set_annotation_limit(store, 10);
    assert_int_equal(set(2, 2, note("/comment", "012345678", account)).err, STORE_OK);
    assert_int_equal(set(2, 2, note("/comment", NULL, account)).err, STORE_OK);
    assert_int_equal(copy(1, 1, second, (struct copy){.move = true, .annotated_by = READER}), STORE_OK);
}

static void annotate_all(uint32_t uid)
{
    set(uid, uid, note("/comment", "all", 0));
    set(uid, uid, note("/comment", "owner's", account));
    set(uid, uid, note("/comment", "reader's", READER));
    set(uid, uid, note("/altsubject", "gone", 0));
    set(uid, uid, note("/altsubject", NULL, 0));
}

static void test_a_copy_has_what_is_shared_and_the_copiers_own(void **state)
{
    add(70);
    annotate_all(66);
    copy(60, 70, second, (struct copy){0});
    shows(second, 7, account, "s:/comment=all /comment=owner's");
    shows(second, 7, READER, "s:/comment=all");
    copy(66, 66, second, (struct copy){.annotated_by = READER});
    shows(second, 12, READER, "s:/comment=all /comment=reader's");
    copy(66, 66, second, (struct copy){.drops_shared = true});
    shows(second, 13, account, "/comment=owner's");
    copy(66, 66, second, (struct copy){.drops_private = true});
    shows(second, 14, account, "s:/comment=all");
    copy(66, 66, box, (struct copy){0});
    shows(box, 71, account, "s:/comment=all /comment=owner's");
    shows(box, 66, READER, "s:/altsubject- s:/comment=all /comment=reader's");
}

static void test_a_move_takes_them_along_and_leaves_nothing(void **state)
{
    add(3);
    annotate_all(2);
    copy(1, 3, second, (struct copy){.move = true});
    shows(second, 2, account, "s:/comment=all /comment=owner's");
    shows(second, 2, READER, "s:/comment=all");
    shows(box, 2, READER, "");
    assert_int_equal(total().rows, 2);
}

/* More of them than a write set has room for. */
static void test_many_are_carried_in_slices(void **state)
{
    struct annotation rows[20];
    char names[20][32];
    store_set_annotation_limit(store, 1 << 30);
    add(300);
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "/vendor/v/%d", i);
        rows[i] = note(names[i], "value", i % 2 ? account : 0);
    }
    struct outcome outcome = set_in(box, 1, 300, (struct annotation_change){.rows = rows, .count = 20});
    assert_int_equal(outcome.err, STORE_OK);
    assert_int_equal(outcome.changed, 300);
    assert_int_equal(total().rows, 6000);
    assert_int_equal(copy(1, 300, second, (struct copy){0}), STORE_OK);
    assert_int_equal(total().rows, 12000);
    check();
    assert_int_equal(copy(1, 300, second, (struct copy){.move = true}), STORE_OK);
    assert_int_equal(total().rows, 12000);
    check();
    for (uint32_t uid = 1; uid <= 600; uid += 37) {
        struct reader reader = reader_of();
        struct arena arena;
        struct annotations found;
        arena_init(&arena, 1 << 20);
        assert_int_equal(annotations_read(&reader, &arena, second, uid, account, &found), STORE_OK);
        assert_int_equal(found.count, 20);
        arena_free(&arena);
    }
    uint32_t emptied = box;
    box = second;
    expunge(1, 600);
    assert_int_equal(total().rows, 0);
    assert_int_equal(total().octets, 0);
    assert_int_equal(total().kept_rows, 12000);
    check();
    restore();
    assert_int_equal(total().rows, 12000);
    assert_int_equal(total().kept_rows, 0);
    check();
    expunge(601, 1200);
    purge();
    assert_int_equal(total().kept_rows, 0);
    box = emptied;
}

static void test_what_a_copy_left_half_done_is_swept_at_start(void **state)
{
    struct annotation rows[20];
    char names[20][32], error[256];
    struct buffer uids = {0};
    add(300);
    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "/vendor/v/%d", i);
        rows[i] = note(names[i], "value", 0);
    }
    set_in(box, 1, 300, (struct annotation_change){.rows = rows, .count = 20});
    uint64_t octets = total().octets;
    struct wish wish = {.mailbox = box, .to = second, .uids = uidset_new()};
    uidset_add_range(wish.uids, 1, 300);
    wish.copy.from_uids = uidset_new();
    wish.copy.to_uids = &uids;
    now(&wish, run_copy_begun);
    uidset_unref(&wish.uids);
    uidset_unref(&wish.copy.from_uids);
    buffer_free(&uids);
    assert_true(total().octets > octets);
    check();
    store_close(&store);
    struct engine_options options = {.path = folder, .reserve_octets = 1, .pool_threads = 1};
    assert_int_equal(store_open(&options, &store, error, sizeof error), STORE_OK);
    assert_int_equal(total().octets, octets);
    assert_int_equal(total().rows, 6000);
    shows(second, 1, account, "");
}

static void test_expunged_ones_come_back_with_the_message(void **state)
{
    add(3);
    annotate_all(2);
    uint64_t octets = total().octets;
    expunge(1, 3);
    assert_int_equal(total().octets, 0);
    assert_int_equal(total().kept, octets);
    check();
    /* A session that still counts the message reads them. */
    shows(box, 2, account, "s:/altsubject- s:/comment=all /comment=owner's");
    restore();
    shows(box, 5, account, "s:/comment=all /comment=owner's");
    shows(box, 5, READER, "s:/comment=all /comment=reader's");
    shows(box, 2, account, "");
    assert_int_equal(total().octets, octets);
    expunge(4, 6);
    purge();
    assert_int_equal(total().kept_rows, 0);
    shows(box, 5, account, "");
}

static void test_they_go_with_the_mailbox(void **state)
{
    add(2);
    annotate_all(2);
    struct wish wish = {.mailbox = box};
    now(&wish, run_delete);
    assert_int_equal(total().octets, 0);
    check();
    purge();
    assert_int_equal(total().kept_rows, 0);
    assert_int_equal(total().rows, 0);
}

struct collected {
    unsigned count;
    uint32_t last;
};

static void collect(void *ctx, uint32_t uid, const struct annotation *row)
{
    struct collected *c = ctx;
    assert_true(uid >= c->last && !row->removed && row->owner != READER);
    c->last = uid;
    c->count++;
}

static void test_all_of_a_mailbox_are_told_by_pages(void **state)
{
    struct reader reader = reader_of();
    struct annotation_place place = {.begun = false};
    struct collected c = {0};
    add(700);
    set(1, 700, note("/comment", "x", 0));
    set(1, 700, note("/comment", "y", account));
    set(1, 700, note("/comment", "z", READER));
    set(300, 400, note("/comment", NULL, account));
    unsigned pages = 0;
    for (; !place.at_end; pages++)
        assert_int_equal(annotations_each(&reader, box, account, &place, collect, &c), STORE_OK);
    assert_int_equal(c.count, 1400 - 101);
    assert_int_equal(c.last, 700);
    assert_true(pages > 1);
}

static void remember(void *ctx, const char *what)
{
    *(bool *)ctx = true;
}

static enum store_error run_break(struct wish *wish, struct txn *txn)
{
    struct annotating a;
    struct annotation row = note("/comment", "x", 0);
    enum store_error err = annotating_begin(txn, &a);
    if (!err)
        err = annotations_add(txn, &a, box, 9, 1, &row, 1);
    return err ? err : annotating_end(txn, &a);
}

static enum store_error run_mend(struct wish *wish, struct txn *txn)
{
    struct annotating a;
    enum store_error err = annotating_begin(txn, &a);
    if (!err)
        err = annotations_forget(txn, &a, box, 9, false);
    return err ? err : annotating_end(txn, &a);
}

static void test_the_check_sees_one_of_no_message(void **state)
{
    uint64_t problems;
    bool told = false;
    struct wish wish = {.mailbox = box};
    add(2);
    now(&wish, run_break);
    assert_int_equal(store_check(store, account, false, remember, &told, &problems), STORE_OK);
    assert_true(told && problems);
    now(&wish, run_mend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_is_read_as_it_was_written),
        cmocka_unit_test_setup_teardown(test_each_sees_what_is_shared_and_their_own, begin, end),
        cmocka_unit_test_setup_teardown(test_what_is_the_same_is_no_change, begin, end),
        cmocka_unit_test_setup_teardown(test_unchangedsince, begin, end),
        cmocka_unit_test_setup_teardown(test_a_message_has_a_limit_for_each_person, begin, end),
        cmocka_unit_test_setup_teardown(test_names_of_what_was_removed_are_forgotten_in_time, begin, end),
        cmocka_unit_test_setup_teardown(test_a_message_has_a_limit_of_octets_and_of_rows, begin, end),
        cmocka_unit_test_setup_teardown(test_the_account_has_a_limit_and_readers_half_of_it, begin, end),
        cmocka_unit_test_setup_teardown(test_a_copy_has_what_is_shared_and_the_copiers_own, begin, end),
        cmocka_unit_test_setup_teardown(test_a_move_takes_them_along_and_leaves_nothing, begin, end),
        cmocka_unit_test_setup_teardown(test_many_are_carried_in_slices, begin, end),
        cmocka_unit_test_setup_teardown(test_what_a_copy_left_half_done_is_swept_at_start, begin, end),
        cmocka_unit_test_setup_teardown(test_expunged_ones_come_back_with_the_message, begin, end),
        cmocka_unit_test_setup_teardown(test_they_go_with_the_mailbox, begin, end),
        cmocka_unit_test_setup_teardown(test_all_of_a_mailbox_are_told_by_pages, begin, end),
        cmocka_unit_test_setup_teardown(test_the_check_sees_one_of_no_message, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
