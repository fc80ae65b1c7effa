/*
 * tests/unit/store_model.c: the store against a plain model in memory: random changes, every read compared, closed and
 * opened in between, checked by store_check, and put through purge and compaction.
 */
#include "base/clock.h"
#include "base/random.h"
#include "digest/digest.h"
#include "store/local/volume.h"
#include "store/retention.h"
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the model ---- */

enum { BOXES = 3, MESSAGES = 3000, STEPS = 600 };

struct model_message {
    uint32_t uid;
    uint8_t flags;
    uint64_t modseq;
    unsigned number; /* of its text */
};
struct model_box {
    char name[32];
    uint32_t id, uidnext;
    struct model_message messages[MESSAGES];
    size_t count;
    struct model_message removed[MESSAGES]; /* retained, by UID */
    size_t removed_count;
};
struct world {
    char folder[64];
    struct store *store;
    uint64_t account;
    struct model_box boxes[BOXES];
    unsigned next_number;
    uint64_t seed;
    uint64_t pack_after_s;
};

static uint64_t next_random(struct world *w)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    w->seed ^= w->seed << 17;
    return w->seed;
}

static void open_store(struct world *w, bool create)
{
    char error[256];
    struct engine_options options = {.path = w->folder,
                                     .create = create,
                                     .volume_octets = 1 << 16,
                                     .reserve_octets = 1,
                                     .pool_threads = 1,
                                     .pack_after_s = w->pack_after_s};
    if (store_open(&options, &w->store, error, sizeof error))
        fail_msg("%s", error);
}

static struct reader reader_of(struct world *w)
{
    return (struct reader){w->store, w->account, READ_BLOCKING};
}

static void text_of(unsigned number, struct buffer *out)
{
    buffer_printf(out, "Subject: message %u\r\nMessage-ID: <%u@example.org>\r\n\r\n", number, number);
    for (unsigned i = 0; i < number % 40; i++)
        buffer_printf(out, "line %u of message %u with some words in it\r\n", i, number);
}

/* ---- changes, each through one mutation ---- */

struct change {
    struct mutation mutation;
    enum store_error (*run)(struct change *change, struct txn *txn);
    struct world *world;
    uint32_t box, to;
    struct uidset *uids;
    unsigned number;
    struct added added;
    struct blob *blob;
    struct buffer digest;
    struct flag_change flags;
    struct expunge expunge;
    struct copy copy;
    struct restore restore;
    struct mailbox made;
    const char *name;
};

static enum store_error run_change(struct txn *txn, struct mutation *mutation)
{
    struct change *change = (struct change *)mutation;
    return change->run(change, txn);
}

static enum store_error change_now(struct world *w, struct change *change,
                                   enum store_error (*run)(struct change *change, struct txn *txn))
{
    change->mutation.account = w->account;
    change->mutation.run = run_change;
    change->run = run;
    change->world = w;
    return engine_mutate_wait(store_engine(w->store), &change->mutation);
}

static enum store_error run_create(struct change *c, struct txn *txn)
{
    return mailbox_create(txn, view_of_string(c->name), 0, &c->made);
}

static enum store_error run_add(struct change *c, struct txn *txn)
{
    struct new_message message = {.blob = c->blob, .digest = buffer_view(&c->digest), .internal_utc_s = 1000000};
    return message_add(txn, c->box, &message, &c->added);
}

static enum store_error run_flags(struct change *c, struct txn *txn)
{
    return message_set_flags(txn, c->box, c->uids, &c->flags);
}

static enum store_error run_expunge(struct change *c, struct txn *txn)
{
    return message_expunge(txn, c->box, c->uids, &c->expunge);
}

static enum store_error run_copy(struct change *c, struct txn *txn)
{
    return message_copy(txn, c->box, c->uids, c->to, &c->copy);
}

static enum store_error run_restore(struct change *c, struct txn *txn)
{
    return retained_restore(txn, c->box, &c->restore);
}

static void model_add(struct model_box *box, uint32_t uid, uint8_t flags, unsigned number)
{
    assert_true(box->count < MESSAGES);
    assert_true(uid >= box->uidnext);
    box->messages[box->count++] = (struct model_message){.uid = uid, .flags = flags, .number = number};
    box->uidnext = uid + 1;
}

static void add(struct world *w, struct model_box *box)
{
    struct change c = {.box = box->id};
    struct buffer text = {0};
    unsigned number = w->next_number++;
    text_of(number, &text);
    digest_write_opaque(buffer_view(&text), "test", &c.digest);
    int64_t utc_s = w->pack_after_s ? clock_wall_s() : 0;
    c.blob = blob_new(store_engine(w->store), buffer_view(&text), utc_s, &w->account, 1);
    assert_int_equal(change_now(w, &c, run_add), STORE_OK);
    model_add(box, c.added.uid, 0, number);
    blob_unref(&c.blob);
    buffer_free(&c.digest);
    buffer_free(&text);
}

/* Some of the box's UIDs, and some that are not there. */
static struct uidset *some(struct world *w, const struct model_box *box)
{
    struct uidset *set = uidset_new();
    unsigned one_in = 1 + (unsigned)(next_random(w) % 6);
    for (size_t i = 0; i < box->count; i++)
        if (next_random(w) % one_in == 0)
            uidset_add(set, box->messages[i].uid);
    uidset_add(set, 1 + (uint32_t)(next_random(w) % (box->uidnext + 3)));
    return set;
}

static void set_flags(struct world *w, struct model_box *box)
{
    struct change c = {.box = box->id, .uids = some(w, box)};
    c.flags.action = (enum flag_action)(next_random(w) % 3);
    c.flags.flags = (uint8_t)(next_random(w) & FLAG_SYSTEM_ALL);
    struct uidset *changed = uidset_new(), *wanted = uidset_new();
    c.flags.changed = changed;
    assert_int_equal(change_now(w, &c, run_flags), STORE_OK);
    for (size_t i = 0; i < box->count; i++) {
        struct model_message *m = &box->messages[i];
        if (!uidset_has(c.uids, m->uid))
            continue;
        uint8_t flags = c.flags.action == FLAGS_REPLACE ? c.flags.flags
                        : c.flags.action == FLAGS_ADD   ? (uint8_t)(m->flags | c.flags.flags)
                                                        : (uint8_t)(m->flags & ~c.flags.flags);
        if (flags != m->flags)
            uidset_add(wanted, m->uid);
        m->flags = flags;
    }
    assert_true(uidset_equal(changed, wanted));
    uidset_unref(&changed);
    uidset_unref(&wanted);
    uidset_unref(&c.uids);
}

static void model_remove(struct model_box *box, const struct uidset *gone)
{
    size_t kept = 0;
    for (size_t i = 0; i < box->count; i++)
        if (!uidset_has(gone, box->messages[i].uid))
            box->messages[kept++] = box->messages[i];
    box->count = kept;
}

static int by_uid(const void *a, const void *b)
{
    uint32_t x = ((const struct model_message *)a)->uid, y = ((const struct model_message *)b)->uid;
    return x < y ? -1 : x > y;
}

static void model_retain(struct model_box *box, const struct uidset *gone)
{
    for (size_t i = 0; i < box->count; i++) {
        if (!uidset_has(gone, box->messages[i].uid))
            continue;
        assert_true(box->removed_count < MESSAGES);
        box->removed[box->removed_count++] = box->messages[i];
    }
    qsort(box->removed, box->removed_count, sizeof *box->removed, by_uid);
}

/* Those of half the box's life so far. */
static void restore(struct world *w, struct model_box *box)
{
    struct change c = {.box = box->id, .uids = uidset_new()};
    size_t kept = 0, back = 0;
    uidset_add_range(c.uids, 1 + (uint32_t)(next_random(w) % box->uidnext), box->uidnext);
    c.restore.filter.uids = c.uids;
    if (box->count + box->removed_count >= MESSAGES)
        goto out;
    assert_int_equal(change_now(w, &c, run_restore), STORE_OK);
    for (size_t i = 0; i < box->removed_count; i++) {
        struct model_message *m = &box->removed[i];
        if (uidset_has(c.uids, m->uid)) {
            model_add(box, box->uidnext, m->flags & ~FLAG_DELETED, m->number);
            back++;
        } else {
            box->removed[kept++] = *m;
        }
    }
    box->removed_count = kept;
    assert_int_equal(c.restore.messages, back);
out:
    uidset_unref(&c.uids);
}

static void expunge(struct world *w, struct model_box *box)
{
    struct change c = {.box = box->id, .uids = some(w, box)};
    struct uidset *gone = uidset_new(), *wanted = uidset_new();
    c.expunge = (struct expunge){.only_deleted = next_random(w) % 2, .gone = gone, .why = {.by = REMOVED_BY_IMAP}};
    assert_int_equal(change_now(w, &c, run_expunge), STORE_OK);
    for (size_t i = 0; i < box->count; i++)
        if (uidset_has(c.uids, box->messages[i].uid) &&
            (!c.expunge.only_deleted || (box->messages[i].flags & FLAG_DELETED)))
            uidset_add(wanted, box->messages[i].uid);
    assert_true(uidset_equal(gone, wanted));
    model_retain(box, gone);
    model_remove(box, gone);
    uidset_unref(&gone);
    uidset_unref(&wanted);
    uidset_unref(&c.uids);
}

static void copy(struct world *w, struct model_box *from, struct model_box *to, bool move)
{
    if (to->count + from->count >= MESSAGES)
        return;
    struct change c = {.box = from->id, .to = to->id, .uids = some(w, from)};
    struct buffer to_uids = {0};
    struct uidset *from_uids = uidset_new();
    c.copy = (struct copy){.move = move, .from_uids = from_uids, .to_uids = &to_uids};
    assert_int_equal(change_now(w, &c, run_copy), STORE_OK);
    size_t at = 0, before = from->count;
    for (size_t i = 0; i < before; i++) {
        struct model_message *m = &from->messages[i];
        if (!uidset_has(c.uids, m->uid))
            continue;
        uint32_t uid;
        assert_true(uidset_has(from_uids, m->uid));
        memcpy(&uid, buffer_view(&to_uids).data + 4 * at++, 4);
        model_add(to, uid, m->flags, m->number);
    }
    assert_int_equal(at, uidset_count(from_uids));
    assert_int_equal(at * 4, buffer_size(&to_uids));
    if (move)
        model_remove(from, from_uids);
    buffer_free(&to_uids);
    uidset_unref(&from_uids);
    uidset_unref(&c.uids);
}

/* ---- comparing ---- */

static void compare_texts(struct world *w, const struct model_box *box, const struct message_row *row,
                          const struct model_message *m, struct email_cursor *cursor)
{
    struct email email;
    struct buffer got = {0}, wanted = {0};
    struct reader reader = reader_of(w);
    assert_int_equal(email_cursor_read(cursor, row->email, &email), STORE_OK);
    text_of(m->number, &wanted);
    assert_int_equal(email_octets(&reader, &email, 0, email.digest.size_octets, &got), STORE_OK);
    assert_true(view_equal(buffer_view(&got), buffer_view(&wanted)));
    assert_int_equal(row->size_octets, buffer_size(&wanted));
    buffer_free(&got);
    buffer_free(&wanted);
}

/* A cursor gives what single reads give, whether it goes on chunk by chunk or leaves some out. */
static void compare_walks(const struct reader *reader, uint32_t mailbox, uint32_t stride)
{
    struct message_rows *single = malloc(sizeof *single), *walked = malloc(sizeof *walked);
    struct row_cursor *cursor = row_cursor_new(reader, mailbox);
    uint32_t from = 1;
    do {
        assert_int_equal(message_rows(reader, mailbox, from, single), STORE_OK);
        assert_int_equal(row_cursor_rows(cursor, from, walked), STORE_OK);
        assert_int_equal(walked->count, single->count);
        assert_int_equal(walked->at_end, single->at_end);
        for (size_t i = 0; i < single->count; i++) {
            assert_int_equal(walked->rows[i].uid, single->rows[i].uid);
            assert_int_equal(walked->rows[i].flags, single->rows[i].flags);
            assert_int_equal(walked->rows[i].email, single->rows[i].email);
        }
        if (single->count)
            from = single->rows[single->count - 1].uid + stride;
    } while (!single->at_end);
    row_cursor_free(&cursor);
    free(single);
    free(walked);
}

static void compare_box(struct world *w, const struct model_box *box, bool texts)
{
    struct reader reader = reader_of(w);
    struct message_rows *rows = malloc(sizeof *rows);
    struct email_cursor *cursor = email_cursor_new(&reader);
    struct mailbox mailbox;
    uint64_t modseq;
    struct uidset *uids;
    size_t at = 0, unseen = 0;
    uint32_t from = 1;
    compare_walks(&reader, box->id, 1);
    compare_walks(&reader, box->id, 2 * CHUNK_ROWS);
    do {
        assert_int_equal(message_rows(&reader, box->id, from, rows), STORE_OK);
        for (size_t i = 0; i < rows->count; i++, at++) {
            const struct message_row *row = &rows->rows[i];
            assert_true(at < box->count);
            assert_int_equal(row->uid, box->messages[at].uid);
            assert_int_equal(row->flags & FLAG_SYSTEM_ALL, box->messages[at].flags);
            unseen += !(row->flags & FLAG_SEEN);
            if (texts)
                compare_texts(w, box, row, &box->messages[at], cursor);
            from = row->uid + 1;
        }
    } while (!rows->at_end);
    assert_int_equal(at, box->count);
    assert_int_equal(mailbox_read(&reader, NULL, box->id, &mailbox), STORE_OK);
    assert_int_equal(mailbox.messages, box->count);
    assert_int_equal(mailbox.unseen, unseen);
    assert_int_equal(mailbox.uidnext, box->uidnext);
    assert_int_equal(mailbox_uids(&reader, box->id, &uids, &modseq), STORE_OK);
    assert_int_equal(uidset_count(uids), box->count);
    for (size_t i = 0; i < box->count; i++)
        assert_true(uidset_has(uids, box->messages[i].uid));
    uidset_unref(&uids);
    email_cursor_free(&cursor);
    free(rows);
}

static void say_problem(void *ctx, const char *what)
{
    fprintf(stderr, "store_check: %s\n", what);
    if (ctx)
        ++*(uint64_t *)ctx;
}

static void compare_all(struct world *w, bool texts)
{
    uint64_t problems = 0;
    for (size_t i = 0; i < BOXES; i++)
        compare_box(w, &w->boxes[i], texts);
    assert_int_equal(store_check(w->store, 0, texts, say_problem, NULL, &problems), STORE_OK);
    assert_int_equal(problems, 0);
}

/* ---- the world ---- */

static void world_begin_packing(struct world *w, uint64_t pack_after_s)
{
    memset(w, 0, sizeof *w);
    w->pack_after_s = pack_after_s;
    snprintf(w->folder, sizeof w->folder, "/tmp/waxwing-store-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    open_store(w, true);
    assert_int_equal(account_create(w->store, 0, &w->account), STORE_OK);
    for (unsigned i = 0; i < BOXES; i++) {
        struct change c = {.name = w->boxes[i].name};
        snprintf(w->boxes[i].name, sizeof w->boxes[i].name, "Box %u", i);
        assert_int_equal(change_now(w, &c, run_create), STORE_OK);
        w->boxes[i].id = c.made.id;
        w->boxes[i].uidnext = c.made.uidnext;
    }
}

static void world_begin(struct world *w)
{
    world_begin_packing(w, 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void remove_tree(const char *path)
{
    assert_int_equal(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void world_end(struct world *w)
{
    store_close(&w->store);
    remove_tree(w->folder);
}

static void reopen(struct world *w)
{
    store_close(&w->store);
    open_store(w, false);
}

static void random_step(struct world *w)
{
    struct model_box *box = &w->boxes[next_random(w) % BOXES], *other = &w->boxes[next_random(w) % BOXES];
    switch (next_random(w) % 13) {
    case 5:
        restore(w, box);
        break;
    case 0:
    case 1:
        set_flags(w, box);
        break;
    case 2:
        expunge(w, box);
        break;
    case 3:
        copy(w, box, other, false);
        break;
    case 4:
        if (box != other)
            copy(w, box, other, true);
        break;
    default:
        add(w, box);
    }
}

static void the_store_agrees_with_a_model_through_random_changes(void **state)
{
    struct world *w = malloc(sizeof *w);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        world_begin(w);
        w->seed = seed * UINT64_C(0x9e3779b97f4a7c15);
        for (unsigned step = 1; step <= STEPS; step++) {
            random_step(w);
            if (step % 50 == 0)
                compare_all(w, step % 200 == 0);
            if (step % 250 == 0)
                reopen(w);
        }
        compare_all(w, true);
        world_end(w);
    }
    free(w);
}

static void long_changes_are_done_in_slices_and_whole(void **state)
{
    struct world *w = malloc(sizeof *w);
    world_begin(w);
    w->seed = 5;
    for (unsigned i = 0; i < 1300; i++)
        add(w, &w->boxes[0]);
    copy(w, &w->boxes[0], &w->boxes[1], false);
    set_flags(w, &w->boxes[0]);
    copy(w, &w->boxes[0], &w->boxes[2], true);
    expunge(w, &w->boxes[1]);
    compare_all(w, false);
    reopen(w);
    compare_all(w, true);
    world_end(w);
    free(w);
}

static void purge_and_compaction_give_octets_back_and_lose_nothing(void **state)
{
    struct world *w = malloc(sizeof *w);
    struct engine_status before, after;
    uint64_t purged, freed;
    world_begin(w);
    w->seed = 7;
    for (unsigned i = 0; i < 2000; i++)
        add(w, &w->boxes[i % BOXES]);
    for (unsigned i = 0; i < BOXES; i++) {
        expunge(w, &w->boxes[i]);
        expunge(w, &w->boxes[i]);
        expunge(w, &w->boxes[i]);
    }
    assert_int_equal(store_compact(w->store, 0.95, true, &freed), STORE_OK); /* all is retained: only old changes go */
    compare_all(w, true);
    assert_int_equal(store_purge(w->store, INT64_C(40000000000), &purged), STORE_OK);
    assert_true(purged > 300);
    engine_status(store_engine(w->store), &before);
    assert_int_equal(store_compact(w->store, 0.95, true, &freed), STORE_OK);
    engine_status(store_engine(w->store), &after);
    assert_true(freed > 0);
    assert_true(after.volume_octets < before.volume_octets);
    compare_all(w, true);
    reopen(w);
    compare_all(w, true);
    world_end(w);
    free(w);
}

static void a_lost_index_is_made_again_from_the_log(void **state)
{
    struct world *w = malloc(sizeof *w);
    char index[96];
    world_begin(w);
    w->seed = 11;
    for (unsigned i = 0; i < 300; i++)
        random_step(w);
    store_close(&w->store);
    snprintf(index, sizeof index, "%s/index", w->folder);
    remove_tree(index);
    open_store(w, false);
    compare_all(w, true);
    world_end(w);
    free(w);
}

/* ---- mail that settles ---- */

/* Of the volumes of a kind: how many, their octets, and the newest's path. */
struct volumes_seen {
    size_t count;
    uint64_t octets;
    char newest[160];
};

static struct volumes_seen volumes_of(const struct world *w, const char *suffix)
{
    struct volumes_seen seen = {0};
    char pattern[96];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/volumes/*%s", w->folder, suffix);
    if (glob(pattern, 0, NULL, &found))
        return seen;
    seen.count = found.gl_pathc;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct stat st;
        assert_int_equal(stat(found.gl_pathv[i], &st), 0);
        seen.octets += (uint64_t)st.st_size;
    }
    snprintf(seen.newest, sizeof seen.newest, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
    return seen;
}

static void let_a_week_pass(const struct world *w)
{
    const struct timespec times[2] = {{.tv_sec = time(NULL) - 8 * 86400}, {.tv_sec = time(NULL) - 8 * 86400}};
    char pattern[96];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/volumes/*.vol", w->folder);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        assert_int_equal(utimensat(AT_FDCWD, found.gl_pathv[i], times, 0), 0);
    globfree(&found);
}

static void pack_what_has_settled(struct world *w)
{
    uint64_t freed;
    let_a_week_pass(w);
    assert_int_equal(store_compact(w->store, 0, true, &freed), STORE_OK);
    assert_true(freed > 0);
}

static void mail_that_has_settled_leaves_the_log_packed(void **state)
{
    struct world *w = malloc(sizeof *w);
    world_begin_packing(w, 7 * 86400);
    w->seed = 11;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 200; i++)
            add(w, &w->boxes[i % BOXES]);
        for (unsigned i = 0; i < 100; i++)
            random_step(w);
        struct volumes_seen before = volumes_of(w, ".vol"), packed = volumes_of(w, ".pak");
        assert_true(before.count > 1);
        pack_what_has_settled(w);
        assert_true(volumes_of(w, ".vol").octets < before.octets);
        assert_true(volumes_of(w, ".pak").octets > packed.octets);
        assert_true(volumes_of(w, ".pak").octets - packed.octets < before.octets / 2);
        compare_all(w, true);
        if (round == 1)
            reopen(w);
    }
    reopen(w);
    compare_all(w, true);
    world_end(w);
    free(w);
}

/* Compaction runs while others read: what they know of a message's place may be old by then. */
static void a_message_that_was_moved_meanwhile_is_read(void **state)
{
    struct world *w = malloc(sizeof *w);
    world_begin_packing(w, 7 * 86400);
    for (unsigned i = 0; i < 300; i++)
        add(w, &w->boxes[0]);
    struct reader reader = reader_of(w);
    struct message_row row;
    struct email email, now;
    bool expunged;
    struct buffer octets = {0}, text = {0}, expected = {0};
    assert_int_equal(message_row(&reader, w->boxes[0].id, 1, &row, &expunged), STORE_OK);
    assert_int_equal(email_read(&reader, row.email, &octets, &email), STORE_OK);
    pack_what_has_settled(w);
    reopen(w); /* a volume that is open may be read for some time after it went */
    reader = reader_of(w);
    buffer_clear(&octets);
    assert_int_equal(email_read(&reader, row.email, &octets, &now), STORE_OK);
    assert_int_not_equal(now.blob.volume, email.blob.volume);
    assert_int_equal(blob_octets(&reader, &email.blob, 0, UINT64_MAX, &text), STORE_NOT_FOUND);
    assert_int_equal(email_octets(&reader, &email, 0, UINT64_MAX, &text), STORE_OK);
    text_of(w->boxes[0].messages[0].number, &expected);
    assert_true(view_equal(buffer_view(&text), buffer_view(&expected)));
    buffer_free(&octets);
    buffer_free(&text);
    buffer_free(&expected);
    world_end(w);
    free(w);
}

static void packed_volumes_give_octets_back_too(void **state)
{
    struct world *w = malloc(sizeof *w);
    uint64_t purged, freed;
    world_begin_packing(w, 7 * 86400);
    w->seed = 12;
    for (unsigned i = 0; i < 1500; i++)
        add(w, &w->boxes[i % BOXES]);
    pack_what_has_settled(w);
    for (unsigned i = 0; i < 4 * BOXES; i++)
        expunge(w, &w->boxes[i % BOXES]);
    assert_int_equal(store_purge(w->store, INT64_C(40000000000), &purged), STORE_OK);
    for (unsigned i = 0; i < BOXES; i++)
        w->boxes[i].removed_count = 0;
    uint64_t before = volumes_of(w, ".pak").octets;
    reopen(w); /* none is being written: all may go */
    assert_int_equal(store_compact(w->store, 0.95, true, &freed), STORE_OK);
    assert_true(volumes_of(w, ".pak").octets < before);
    compare_all(w, true);
    world_end(w);
    free(w);
}

/* Killed between the sync of bodies and their headers. */
static void what_a_crash_leaves_of_packing_is_cut_off(void **state)
{
    struct world *w = malloc(sizeof *w);
    uint64_t problems = 0;
    world_begin_packing(w, 7 * 86400);
    w->seed = 13;
    for (unsigned i = 0; i < 600; i++)
        add(w, &w->boxes[i % BOXES]);
    pack_what_has_settled(w);
    struct volumes_seen seen = volumes_of(w, ".pak");
    FILE *file = fopen(seen.newest, "a");
    assert_non_null(file);
    char unfinished[RECORD_HEADER + 40] = {0};
    memcpy(unfinished + RECORD_HEADER, "a body whose header was never written...", 40);
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(fwrite(unfinished, sizeof unfinished, 1, file), 1);
    fclose(file);
    reopen(w);
    assert_int_equal(engine_check(store_engine(w->store), say_problem, &problems), STORE_OK);
    assert_int_equal(problems, 0);
    compare_all(w, true);
    for (unsigned i = 0; i < 600; i++)
        add(w, &w->boxes[i % BOXES]);
    pack_what_has_settled(w);
    assert_true(volumes_of(w, ".pak").octets < seen.octets * 2 + 20000);
    compare_all(w, true);
    reopen(w);
    assert_int_equal(engine_check(store_engine(w->store), say_problem, &problems), STORE_OK);
    assert_int_equal(problems, 0);
    world_end(w);
    free(w);
}

/* Where the octets of a message of the first mailbox lie. */
static struct blob_location place_of(struct world *w, uint32_t uid)
{
    struct reader reader = reader_of(w);
    struct buffer octets = {0};
    struct message_row row;
    struct email email;
    bool expunged;
    assert_int_equal(message_row(&reader, w->boxes[0].id, uid, &row, &expunged), STORE_OK);
    assert_int_equal(email_read(&reader, row.email, &octets, &email), STORE_OK);
    buffer_free(&octets);
    return email.blob;
}

static int open_volume(const struct world *w, uint32_t volume)
{
    char path[160];
    snprintf(path, sizeof path, "%s/volumes/%08u.vol", w->folder, volume);
    return open(path, O_RDWR);
}

static bool is_there(const struct world *w, uint32_t volume)
{
    int fd = open_volume(w, volume);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void flip(const struct world *w, uint32_t volume, uint64_t offset)
{
    char octet;
    int fd = open_volume(w, volume);
    assert_int_equal(pread(fd, &octet, 1, (off_t)offset), 1);
    octet ^= 1;
    assert_int_equal(pwrite(fd, &octet, 1, (off_t)offset), 1);
    close(fd);
}

/* All texts but that of `uid`, which can't be read; returns how many lie where they lay when they were new. */
static unsigned read_all_but(struct world *w, uint32_t uid)
{
    struct buffer text = {0}, expected = {0};
    struct reader reader = reader_of(w);
    unsigned in_log = 0;
    for (uint32_t i = 1; i < w->boxes[0].uidnext; i++) {
        struct blob_location place = place_of(w, i);
        buffer_clear(&text);
        buffer_clear(&expected);
        in_log += !(place.volume & VOLUME_KIND);
        text_of(w->boxes[0].messages[i - 1].number, &expected);
        assert_int_equal(blob_octets(&reader, &place, 0, UINT64_MAX, &text), i == uid ? STORE_CORRUPT : STORE_OK);
        assert_true(i == uid || view_equal(buffer_view(&text), buffer_view(&expected)));
    }
    buffer_free(&text);
    buffer_free(&expected);
    return in_log;
}

/* In the header, in the list of accounts (so that nobody seems to want it), and in the octets. */
static void a_damaged_message_keeps_its_volume_and_nothing_else(void **state)
{
    static const unsigned places[] = {5, RECORD_HEADER + 1, RECORD_HEADER + 60};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct world *w = malloc(sizeof *w);
        uint64_t freed;
        world_begin_packing(w, 7 * 86400);
        for (unsigned added = 0; added < 400; added++)
            add(w, &w->boxes[0]);
        struct blob_location bad = place_of(w, 30);
        size_t volumes = volumes_of(w, ".vol").count;
        assert_true(volumes > 3);
        flip(w, bad.volume, bad.offset + places[i]);
        let_a_week_pass(w);
        assert_int_equal(store_compact(w->store, 0, true, &freed), STORE_CORRUPT);
        assert_true(freed > 0);
        for (uint32_t number = 1; number < volumes; number++)
            assert_true(is_there(w, number) == (number == bad.volume));
        assert_true(read_all_but(w, 30) < 400 / volumes * 2);
        for (uint32_t uid = 1; uid < 60; uid++)
            assert_true((place_of(w, uid).volume == bad.volume) == (uid == 30));
        assert_int_equal(store_compact(w->store, 0, true, &freed), STORE_CORRUPT);
        assert_int_equal(freed, 0);
        reopen(w);
        read_all_but(w, 30);
        flip(w, bad.volume, bad.offset + places[i]); /* somebody mends it */
        pack_what_has_settled(w);
        compare_all(w, true);
        world_end(w);
        free(w);
    }
}

/* Another session's thread, with the set that it selected. */
struct watching {
    struct uidset *uids;
    atomic_bool enough;
};

static void *watch_set(void *ctx)
{
    struct watching *watching = ctx;
    while (!atomic_load_explicit(&watching->enough, memory_order_relaxed))
        if (!uidset_has(watching->uids, 1) || uidset_has(watching->uids, 1000))
            return ctx;
    return NULL;
}

/* Found by the thread sanitiser: a change of flags alone made the next SELECT pack the set that others were reading. */
static void a_set_of_uids_that_others_read_stays_untouched(void **state)
{
    struct world *w = malloc(sizeof *w);
    world_begin(w);
    w->seed = 7;
    struct model_box *box = &w->boxes[0];
    struct reader reader = reader_of(w);
    struct watching watching;
    uint64_t modseq;
    pthread_t thread;
    void *surprise;
    for (unsigned i = 0; i < 20; i++)
        add(w, box);
    assert_int_equal(mailbox_uids(&reader, box->id, &watching.uids, &modseq), STORE_OK);
    atomic_init(&watching.enough, false);
    assert_int_equal(pthread_create(&thread, NULL, watch_set, &watching), 0);
    for (unsigned i = 0; i < 50; i++) {
        struct uidset *uids;
        set_flags(w, box);
        assert_int_equal(mailbox_uids(&reader, box->id, &uids, &modseq), STORE_OK);
        assert_ptr_equal(uids, watching.uids);
        uidset_unref(&uids);
    }
    atomic_store_explicit(&watching.enough, true, memory_order_relaxed);
    assert_int_equal(pthread_join(thread, &surprise), 0);
    assert_null(surprise);
    uidset_unref(&watching.uids);
    world_end(w);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_agrees_with_a_model_through_random_changes),
        cmocka_unit_test(long_changes_are_done_in_slices_and_whole),
        cmocka_unit_test(purge_and_compaction_give_octets_back_and_lose_nothing),
        cmocka_unit_test(mail_that_has_settled_leaves_the_log_packed),
        cmocka_unit_test(a_message_that_was_moved_meanwhile_is_read),
        cmocka_unit_test(packed_volumes_give_octets_back_too),
        cmocka_unit_test(what_a_crash_leaves_of_packing_is_cut_off),
        cmocka_unit_test(a_damaged_message_keeps_its_volume_and_nothing_else),
        cmocka_unit_test(a_set_of_uids_that_others_read_stays_untouched),
        cmocka_unit_test(a_lost_index_is_made_again_from_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
