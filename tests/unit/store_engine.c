/* tests/unit/store_engine.c: the local engine alone: write sets, scans, blobs, damage, full disks, failed syncs. */
#include "base/clock.h"
#include "store/local/local.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static struct engine *engine;
static struct engine_probe probe;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static enum store_error open_engine(bool create, uint64_t reserve, char *error, size_t size)
{
    struct engine_options options = {.path = folder,
                                     .create = create,
                                     .volume_octets = 1 << 18,
                                     .flush_octets = 1 << 17,
                                     .reserve_octets = reserve,
                                     .pool_threads = 1};
    return engine_open(&options, &engine, error, size);
}

static int begin(void **state)
{
    char error[256];
    memset(&probe, 0, sizeof probe);
    engine_probe = &probe;
    snprintf(folder, sizeof folder, "/tmp/waxwing-engine-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(open_engine(true, 1, error, sizeof error), STORE_OK);
    return 0;
}

static int end(void **state)
{
    engine_close(&engine);
    engine_probe = NULL;
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void reopen(void)
{
    char error[256];
    engine_close(&engine);
    assert_int_equal(open_engine(false, 1, error, sizeof error), STORE_OK);
}

/* ---- a mutation that does what a test says ---- */

struct doing {
    struct mutation mutation;
    const char *key, *value; /* value null: delete */
    enum store_error answer; /* of run */
    unsigned slices, ran;
    size_t keys; /* that many more */
    struct blob *blob;
    struct blob_location location;
    struct view seen;
    enum store_error found;
};

static enum store_error run(struct txn *txn, struct mutation *mutation)
{
    struct doing *d = (struct doing *)mutation;
    enum store_error error = STORE_OK;
    d->ran++;
    if (d->blob)
        error = txn_place_blob(txn, d->blob, &d->location);
    if (!error && d->key && d->value)
        error = txn_put(txn, view_of_string(d->key), view_of_string(d->value));
    else if (!error && d->key)
        error = txn_delete(txn, view_of_string(d->key));
    for (size_t i = 0; i < d->keys && !error; i++) {
        char key[32];
        snprintf(key, sizeof key, "many%06zu", i);
        error = txn_put(txn, view_of_string(key), view_of_string("x"));
    }
    if (error)
        return error;
    if (d->key)
        d->found = txn_get(txn, view_of_string(d->key), &d->seen);
    return d->slices && --d->slices ? STORE_MORE : d->answer;
}

static enum store_error doing_now(struct doing *d, uint64_t account)
{
    d->mutation.account = account;
    d->mutation.run = run;
    return engine_mutate_wait(engine, &d->mutation);
}

static enum store_error put(uint64_t account, const char *key, const char *value)
{
    struct doing d = {.key = key, .value = value};
    return doing_now(&d, account);
}

static void has(uint64_t account, const char *key, const char *value)
{
    struct buffer out = {0};
    enum store_error error = engine_get(engine, READ_BLOCKING, account, view_of_string(key), &out);
    assert_int_equal(error, value ? STORE_OK : STORE_NOT_FOUND);
    if (value)
        assert_true(view_equal_string(buffer_view(&out), value));
    buffer_free(&out);
}

/* ---- keys and values ---- */

static void what_is_put_is_there_after_the_answer_and_after_a_restart(void **state)
{
    assert_int_equal(put(1, "a", "one"), STORE_OK);
    assert_int_equal(put(2, "a", "two"), STORE_OK);
    assert_int_equal(put(1, "b", "three"), STORE_OK);
    assert_int_equal(put(1, "b", NULL), STORE_OK);
    for (int i = 0; i < 2; i++) {
        has(1, "a", "one");
        has(2, "a", "two");
        has(1, "b", NULL);
        has(3, "a", NULL);
        reopen();
    }
}

static void a_run_that_fails_leaves_nothing(void **state)
{
    struct doing d = {.key = "a", .value = "one", .answer = STORE_OVER_QUOTA};
    assert_int_equal(doing_now(&d, 1), STORE_OVER_QUOTA);
    assert_int_equal(d.found, STORE_OK); /* it saw its own change */
    has(1, "a", NULL);
    reopen();
    has(1, "a", NULL);
}

static void a_write_set_has_bounds(void **state)
{
    struct doing fits = {.keys = ENGINE_WRITE_KEYS}, many = {.keys = ENGINE_WRITE_KEYS + 1};
    assert_int_equal(doing_now(&fits, 1), STORE_OK);
    assert_int_equal(doing_now(&many, 2), STORE_LIMIT);
    has(1, "many000000", "x");
    has(2, "many000000", NULL);
}

static void a_long_change_is_run_slice_by_slice(void **state)
{
    struct doing d = {.key = "a", .value = "one", .slices = 5};
    assert_int_equal(doing_now(&d, 1), STORE_OK);
    assert_int_equal(d.ran, 5);
}

struct rows {
    unsigned count, stop_at;
    char last[32];
};

static bool count_row(void *ctx, struct view key, struct view value)
{
    struct rows *rows = ctx;
    snprintf(rows->last, sizeof rows->last, "%.*s", VIEW_PRINTF(key));
    return ++rows->count != rows->stop_at;
}

static void scans_are_bounded_sorted_and_of_one_account(void **state)
{
    struct doing d = {.keys = 2000};
    struct rows rows = {0};
    bool more;
    doing_now(&d, 1);
    put(2, "many", "not mine");
    assert_int_equal(engine_scan(engine, READ_BLOCKING, 1, view_of_string("many000005"), view_of_string("many000010"),
                                 count_row, &rows, &more),
                     STORE_OK);
    assert_int_equal(rows.count, 5);
    assert_string_equal(rows.last, "many000009");
    assert_false(more);
    rows = (struct rows){.stop_at = 3};
    engine_scan(engine, READ_BLOCKING, 1, VIEW_LITERAL("m"), VIEW_EMPTY, count_row, &rows, &more);
    assert_int_equal(rows.count, 3);
    assert_true(more);
    rows = (struct rows){0};
    engine_scan(engine, READ_BLOCKING, 1, VIEW_LITERAL("m"), VIEW_EMPTY, count_row, &rows, &more);
    assert_int_equal(rows.count, ENGINE_SCAN_MAX);
    assert_true(more);
}

static void a_cursor_goes_forward_and_may_seek_again(void **state)
{
    struct doing d = {.keys = 10};
    struct view key, value;
    doing_now(&d, 1);
    struct engine_cursor *cursor = engine_cursor_new(engine, READ_BLOCKING, 1);
    assert_int_equal(engine_cursor_seek(cursor, VIEW_LITERAL("many000003x"), &key, &value), STORE_OK);
    assert_true(view_equal_string(key, "many000004"));
    assert_int_equal(engine_cursor_next(cursor, &key, &value), STORE_OK);
    assert_true(view_equal_string(key, "many000005"));
    assert_int_equal(engine_cursor_seek(cursor, VIEW_LITERAL("many000009"), &key, &value), STORE_OK);
    assert_int_equal(engine_cursor_next(cursor, &key, &value), STORE_NOT_FOUND);
    engine_cursor_free(&cursor);
}

/* ---- blobs ---- */

static struct blob_location place(uint64_t account, struct view octets)
{
    struct doing d = {.key = "blob", .value = "here", .blob = blob_new(engine, octets, 0, &account, 1)};
    assert_int_equal(doing_now(&d, account), STORE_OK);
    blob_unref(&d.blob);
    return d.location;
}

static void octets_come_back_whole_and_in_part(void **state)
{
    char text[5000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 23);
    struct blob_location location = place(1, view_of(text, sizeof text));
    reopen();
    struct buffer out = {0};
    assert_int_equal(blob_read(engine, READ_BLOCKING, 1, &location, 0, 10000, &out), STORE_OK);
    assert_true(view_equal(buffer_view(&out), view_of(text, sizeof text)));
    buffer_clear(&out);
    assert_int_equal(blob_read(engine, READ_BLOCKING, 1, &location, 4990, 100, &out), STORE_OK);
    assert_true(view_equal(buffer_view(&out), view_of(text + 4990, 10)));
    buffer_clear(&out);
    assert_int_equal(blob_read(engine, READ_BLOCKING, 1, &location, 6000, 1, &out), STORE_OK);
    assert_int_equal(buffer_size(&out), 0);
    /* Another account's location says nothing to this one. */
    assert_int_equal(blob_read(engine, READ_BLOCKING, 2, &location, 0, 10, &out), STORE_CORRUPT);
    buffer_free(&out);
}

static char *header_and_body(size_t size)
{
    char *text = malloc(size);
    memset(text, 'h', 500);
    memcpy(text + 500, "\r\n\r\n", 4);
    for (size_t i = 504; i < size; i++)
        text[i] = (char)('a' + i % 7);
    return text;
}

static void reads_in_pieces(const struct blob_location *where, const char *text, size_t all)
{
    struct blob_location location = *where, other = place(1, VIEW_LITERAL("other"));
    struct buffer out = {0};
    const struct {
        uint64_t offset;
        size_t size;
    } pieces[] = {{0, 504}, {500, 4}, {504, 100}, {500, 100}, {0, all}, {10, 20}, {all - 1, 1}, {0, 505}, {0, 1}};
    for (size_t i = 0; i < 2 * (sizeof pieces / sizeof *pieces); i++) {
        bool last_at_hand = i < sizeof pieces / sizeof *pieces;
        uint64_t offset = pieces[i % (sizeof pieces / sizeof *pieces)].offset;
        size_t size = pieces[i % (sizeof pieces / sizeof *pieces)].size;
        if (!last_at_hand)
            assert_int_equal(blob_read(engine, READ_BLOCKING, 1, &other, 1, 2, &out), STORE_OK);
        buffer_clear(&out);
        assert_int_equal(blob_read(engine, READ_BLOCKING, 1, &location, offset, size, &out), STORE_OK);
        assert_int_equal(buffer_size(&out), size);
        assert_memory_equal(buffer_view(&out).data, text + offset, size);
    }
    buffer_free(&out);
}

static void mail_is_packed_once_it_has_settled(void **state)
{
    enum { SIZE = 6000, DAY = 86400 };
    char *text = header_and_body(SIZE);
    uint64_t account = 1;
    engine->options.pack_after_s = 7 * DAY;
    for (int64_t days = 6; days <= 8; days += 2) {
        struct doing d = {.key = "blob", .value = "here"};
        d.blob = blob_new(engine, view_of(text, SIZE), clock_wall_s() - days * DAY, &account, 1);
        assert_int_equal(doing_now(&d, account), STORE_OK);
        blob_unref(&d.blob);
        assert_int_equal(d.location.stored_octets<SIZE, days> 7);
        reads_in_pieces(&d.location, text, SIZE);
    }
    free(text);
}

/* What can't be packed isn't. */
static void a_header_and_what_is_behind_it_read_back_alone_and_across(void **state)
{
    static const size_t sizes[] = {6000, 32768, 32769, 60000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *text = header_and_body(sizes[i]);
        struct blob_location location = place(1, view_of(text, sizes[i]));
        assert_true(location.stored_octets < sizes[i] / 2);
        reads_in_pieces(&location, text, sizes[i]);
        uint64_t noise = 1;
        for (size_t at = 504; at < sizes[i]; at++)
            text[at] = (char)((noise = noise * 6364136223846793005u + 1442695040888963407u) >> 56);
        location = place(1, view_of(text, sizes[i]));
        reads_in_pieces(&location, text, sizes[i]);
        free(text);
    }
}

/* ---- the folder's format ---- */

static int version_of_folder(int written)
{
    char path[96], id[40];
    int format = 0;
    snprintf(path, sizeof path, "%s/version", folder);
    FILE *file = fopen(path, "r+");
    assert_int_equal(fscanf(file, "waxwing-store %d %33s", &format, id), 2);
    if (written) {
        rewind(file);
        fprintf(file, "waxwing-store %d %s\n", written, id);
    }
    fclose(file);
    return format;
}

static void an_older_format_is_taken_over_and_a_newer_one_refused(void **state)
{
    char error[256];
    struct blob_location location = place(1, VIEW_LITERAL("kept"));
    struct buffer out = {0};
    assert_int_equal(version_of_folder(1), STORE_FORMAT);
    reopen();
    assert_int_equal(version_of_folder(0), STORE_FORMAT);
    assert_int_equal(blob_read(engine, READ_BLOCKING, 1, &location, 0, 4, &out), STORE_OK);
    buffer_free(&out);
    version_of_folder(STORE_FORMAT + 1);
    engine_close(&engine);
    assert_int_equal(open_engine(false, 1, error, sizeof error), STORE_FORBIDDEN);
    version_of_folder(STORE_FORMAT);
    assert_int_equal(open_engine(false, 1, error, sizeof error), STORE_OK);
}

static void one_blob_of_several_accounts_is_written_once(void **state)
{
    const uint64_t accounts[] = {1, 2, 3};
    struct blob *blob = blob_new(engine, VIEW_LITERAL("to everyone"), 0, accounts, 3);
    struct engine_status status;
    struct blob_location first = {0};
    for (size_t i = 0; i < 3; i++) {
        struct doing d = {.key = "blob", .value = "here", .blob = blob};
        assert_int_equal(doing_now(&d, accounts[i]), STORE_OK);
        if (i == 0)
            first = d.location;
        assert_memory_equal(&first, &d.location, sizeof first);
    }
    blob_unref(&blob);
    engine_status(engine, &status);
    assert_int_equal(status.mutations, 3);
}

static void a_large_body_is_kept_in_frames(void **state)
{
    enum { OCTETS = 3 * FRAME_OCTETS + 1234 };
    char *text = malloc(OCTETS), name[] = "/tmp/waxwing-spool-XXXXXX";
    uint64_t account = 1;
    int fd = mkstemp(name);
    unlink(name);
    for (size_t i = 0; i < OCTETS; i++)
        text[i] = (char)(i * 2654435761u >> 13);
    assert_int_equal(write(fd, text, OCTETS), OCTETS);
    struct doing d = {.key = "blob", .value = "here"};
    assert_int_equal(blob_new_large(engine, fd, OCTETS, &account, 1, &d.blob), STORE_OK);
    assert_int_equal(doing_now(&d, 1), STORE_OK);
    blob_unref(&d.blob);
    close(fd);
    reopen();
    struct buffer out = {0};
    assert_int_equal(blob_read(engine, READ_BLOCKING, 1, &d.location, 0, OCTETS, &out), STORE_OK);
    assert_true(view_equal(buffer_view(&out), view_of(text, OCTETS)));
    buffer_clear(&out);
    assert_int_equal(blob_read(engine, READ_BLOCKING, 1, &d.location, FRAME_OCTETS - 3, 6, &out), STORE_OK);
    assert_true(view_equal(buffer_view(&out), view_of(text + FRAME_OCTETS - 3, 6)));
    buffer_free(&out);
    free(text);
}

/* ---- damage ---- */

static const char *path_of(uint32_t number)
{
    static char path[96];
    char name[16];
    volume_name(number, name);
    snprintf(path, sizeof path, "%s/volumes/%s", folder, name);
    return path;
}

static void overwrite(uint32_t number, uint64_t offset, const char *octets, size_t size)
{
    int fd = open(path_of(number), O_WRONLY);
    assert_int_equal(pwrite(fd, octets, size, (off_t)offset), size);
    close(fd);
}

static void count_problem(void *ctx, const char *what)
{
    ++*(unsigned *)ctx;
}

static void rot_in_a_message_is_named_and_touches_nothing_else(void **state)
{
    char text[2000];
    memset(text, 'x', sizeof text);
    struct blob_location bad = place(1, view_of(text, sizeof text)), good = place(2, VIEW_LITERAL("good"));
    struct buffer out = {0};
    unsigned problems = 0;
    assert_int_equal(engine_check(engine, count_problem, &problems), STORE_OK);
    assert_int_equal(problems, 0);
    overwrite(bad.volume, bad.offset + RECORD_HEADER + 10, "rot", 3);
    assert_int_equal(blob_read(engine, READ_BLOCKING, 1, &bad, 0, 2000, &out), STORE_CORRUPT);
    assert_int_equal(blob_read(engine, READ_BLOCKING, 2, &good, 0, 4, &out), STORE_OK);
    assert_int_equal(engine_check(engine, count_problem, &problems), STORE_OK);
    assert_int_equal(problems, 1);
    reopen();
    has(1, "blob", "here");
    has(2, "blob", "here");
    buffer_free(&out);
}

static uint64_t volume_size(uint32_t number)
{
    struct stat st;
    assert_int_equal(stat(path_of(number), &st), 0);
    return (uint64_t)st.st_size;
}

/* ---- compaction ---- */

static bool nobody_wants_it(void *ctx, uint64_t account, const struct blob_location *location)
{
    return false;
}

static enum store_error moves_nothing(struct txn *txn, const struct blob_location *from, const struct blob_location *to)
{
    fail();
    return STORE_CORRUPT;
}

static bool is_there(uint32_t number)
{
    return access(path_of(number), F_OK) == 0;
}

static uint64_t hour_of_the_week(void)
{
    return (uint64_t)clock_wall_s() / 3600 % 168;
}

/* A look at a volume costs a read of it: each has its hour, so that within a week all are looked at. */
static void each_volume_has_its_turn_once_a_week(void **state)
{
    const struct engine_compaction compaction = {
        .live = nobody_wants_it, .moved = moves_nothing, .live_share_below = 0.5};
    static char text[200000];
    struct blob_location last = {0};
    uint64_t before, after, freed;
    unsigned gone = 0;
    assert_int_equal(getrandom(text, sizeof text, 0), sizeof text); /* no packing makes it smaller */
    while (last.volume <= 168)
        last = place(1, view_of(text, sizeof text));
    before = hour_of_the_week();
    assert_int_equal(engine_compact(engine, &compaction, &freed), STORE_OK);
    after = hour_of_the_week();
    for (uint32_t number = 1; number < last.volume; number++) {
        bool its_turn = number % 168 == before || number % 168 == after;
        assert_true(is_there(number) ? !its_turn || before != after : its_turn);
        gone += !is_there(number);
    }
    assert_true(gone >= 1);
    assert_true(freed >= gone * sizeof text);
}

static void drop_index(void)
{
    char path[96];
    engine_close(&engine);
    snprintf(path, sizeof path, "%s/index", folder);
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void a_torn_last_batch_is_cut_and_no_epoch_begins(void **state)
{
    char error[256];
    put(1, "a", "kept");
    uint64_t before = volume_size(1);
    put(1, "b", "torn");
    drop_index();
    overwrite(1, before + RECORD_HEADER + 20, "?", 1);
    assert_int_equal(open_engine(false, 1, error, sizeof error), STORE_OK);
    has(1, "a", "kept");
    has(1, "b", NULL);
    assert_int_equal(engine_epoch(engine), 0);
    assert_int_equal(volume_size(1), before);
    put(1, "c", "after");
    reopen();
    has(1, "c", "after");
}

static void a_rotten_change_in_the_middle_begins_an_epoch_and_loses_no_other(void **state)
{
    char error[256];
    put(1, "a", "kept");
    uint64_t middle = volume_size(1);
    put(1, "b", "rotten");
    put(1, "c", "kept too");
    drop_index();
    overwrite(1, middle + RECORD_HEADER + 20, "?", 1);
    assert_int_equal(open_engine(false, 1, error, sizeof error), STORE_OK);
    has(1, "a", "kept");
    has(1, "c", "kept too");
    assert_int_equal(engine_epoch(engine), 1);
}

static void a_missing_volume_begins_an_epoch(void **state)
{
    char error[256], path[96], text[3000];
    memset(text, 'y', sizeof text);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i * 2654435761u >> 7);
    while (engine->writer.volume < 3)
        place(1, view_of(text, sizeof text));
    drop_index();
    snprintf(path, sizeof path, "%s/volumes/00000002.vol", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(open_engine(false, 1, error, sizeof error), STORE_OK);
    assert_int_equal(engine_epoch(engine), 1);
    has(1, "blob", "here");
}

/* ---- what the disk does ---- */

static void a_full_disk_refuses_and_loses_nothing(void **state)
{
    put(1, "a", "before");
    atomic_store(&probe.fail_errno, ENOSPC);
    atomic_store(&probe.fail_append, 2); /* the batch, and each alone again */
    assert_int_equal(put(1, "b", "refused"), STORE_FULL);
    has(1, "b", NULL);
    assert_int_equal(put(1, "c", "after"), STORE_OK);
    reopen();
    has(1, "a", "before");
    has(1, "b", NULL);
    has(1, "c", "after");
}

static void a_failed_sync_makes_the_store_read_only_until_a_restart(void **state)
{
    struct engine_status status;
    put(1, "a", "before");
    atomic_store(&probe.fail_errno, EIO);
    atomic_store(&probe.fail_sync, 1);
    assert_int_equal(put(1, "b", "lost"), STORE_READ_ONLY);
    assert_int_equal(put(1, "c", "refused"), STORE_READ_ONLY);
    has(1, "a", "before");
    engine_status(engine, &status);
    assert_true(status.read_only);
    assert_non_null(strstr(status.reason, "could not be synced"));
    reopen();
    has(1, "b", NULL);
    assert_int_equal(put(1, "c", "again"), STORE_OK);
}

static void below_the_reserve_new_mail_is_refused_and_deleting_is_not(void **state)
{
    char error[256];
    uint64_t account = 1;
    engine_close(&engine);
    assert_int_equal(open_engine(false, UINT64_MAX, error, sizeof error), STORE_OK);
    struct doing d = {.key = "blob", .value = "x", .blob = blob_new(engine, VIEW_LITERAL("new mail"), 0, &account, 1)};
    assert_int_equal(doing_now(&d, 1), STORE_FULL);
    blob_unref(&d.blob);
    assert_int_equal(put(1, "a", NULL), STORE_OK);
}

static void two_processes_never_share_a_store(void **state)
{
    struct engine *second;
    char error[256];
    struct engine_options options = {.path = folder};
    assert_int_equal(engine_open(&options, &second, error, sizeof error), STORE_BUSY);
    assert_null(second);
    assert_non_null(strstr(error, "another process"));
}

static void no_store_is_made_unless_asked(void **state)
{
    struct engine *none;
    char error[256];
    struct engine_options options = {.path = "/tmp/waxwing-no-such-store"};
    assert_int_equal(engine_open(&options, &none, error, sizeof error), STORE_NOT_FOUND);
    assert_int_not_equal(access("/tmp/waxwing-no-such-store", F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_is_there_after_the_answer_and_after_a_restart),
        TEST(a_run_that_fails_leaves_nothing),
        TEST(a_write_set_has_bounds),
        TEST(a_long_change_is_run_slice_by_slice),
        TEST(scans_are_bounded_sorted_and_of_one_account),
        TEST(a_cursor_goes_forward_and_may_seek_again),
        TEST(octets_come_back_whole_and_in_part),
        TEST(a_header_and_what_is_behind_it_read_back_alone_and_across),
        TEST(mail_is_packed_once_it_has_settled),
        TEST(an_older_format_is_taken_over_and_a_newer_one_refused),
        TEST(one_blob_of_several_accounts_is_written_once),
        TEST(a_large_body_is_kept_in_frames),
        TEST(rot_in_a_message_is_named_and_touches_nothing_else),
        TEST(each_volume_has_its_turn_once_a_week),
        TEST(a_torn_last_batch_is_cut_and_no_epoch_begins),
        TEST(a_rotten_change_in_the_middle_begins_an_epoch_and_loses_no_other),
        TEST(a_missing_volume_begins_an_epoch),
        TEST(a_full_disk_refuses_and_loses_nothing),
        TEST(a_failed_sync_makes_the_store_read_only_until_a_restart),
        TEST(below_the_reserve_new_mail_is_refused_and_deleting_is_not),
        TEST(two_processes_never_share_a_store),
        TEST(no_store_is_made_unless_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
