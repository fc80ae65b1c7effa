/*
 * store/retention.c: what was expunged stays recoverable until its day ends (DESIGN 5, Retention), at least for an
 * hour.
 *
 * Does     writes retained rows and the index by day; purges days that are over, and what is in excess of the
 *          administrator's limit; gives back what an email took when its last use is gone.
 * Called   retain*, retained_forget and email_* inside mutation.run; store_purge on an admin or pool thread.
 * Tested   tests/unit/store_retention.c, tests/unit/store_model.c
 */
#include "base/clock.h"
#include "base/memory.h"
#include "store/annotation.h"
#include "store/private.h"

enum { DAY_S = 86400, GRACE_S = 3600, DAYS_DEFAULT = 14, PURGE_A_SLICE = 400 };

static uint32_t retention_days(struct txn *txn)
{
    struct store *store = store_of(txn_engine(txn));
    return store ? atomic_load(&store->retention_days) : DAYS_DEFAULT;
}

enum store_error retaining_begin(struct txn *txn, const struct removal *why, enum removal_how how,
                                 struct retaining *retaining_r)
{
    int64_t now_s = clock_wall_s();
    /* The day after the hour in which other sessions may still ask for it, at the earliest. */
    uint32_t until = (uint32_t)((now_s + GRACE_S) / DAY_S) + retention_days(txn);
    retaining_r->row = (struct retained_row){.at_utc_s = now_s, .until_day = until, .how = (uint8_t)how, .why = *why};
    return txn_retained_total(txn, &retaining_r->total);
}

struct key retained_day_key(const struct retained_row *row)
{
    struct key key = key_1('D', row->until_day);
    if (!row->undated)
        key_u32(&key, row->at_utc_s > 0 ? (uint32_t)row->at_utc_s : 0);
    key_u32(&key, row->mailbox);
    key_u32(&key, row->message.uid);
    return key;
}

enum store_error retain(struct txn *txn, struct retaining *retaining, uint32_t mailbox, const struct message_row *row)
{
    struct buffer value = {0};
    retaining->row.mailbox = mailbox;
    retaining->row.message = *row;
    struct key key = key_2('R', mailbox, row->uid);
    retained_write(&retaining->row, &value);
    retaining->total.messages++;
    retaining->total.octets += row->size_octets;
    return txn_put_row(txn, &key, &value);
}

/* The places among the days come together and in order: an index takes keys that follow each other at half the cost. */
enum store_error retaining_end(struct txn *txn, struct retaining *retaining, const struct uidset *uids)
{
    enum store_error err = STORE_OK;
    for (uint32_t uid = 0; !err && uid < UINT32_MAX && (uid = uidset_next(uids, uid + 1));) {
        retaining->row.message.uid = uid;
        struct key day = retained_day_key(&retaining->row);
        err = txn_put(txn, key_view(&day), VIEW_LITERAL("1"));
    }
    return err ? err : txn_put_retained_total(txn, &retaining->total);
}

enum store_error retained_forget(struct txn *txn, const struct retained_row *row, struct retained_total *total)
{
    struct key key = key_2('R', row->mailbox, row->message.uid), day = retained_day_key(row);
    total->messages--;
    total->octets -= row->message.size_octets;
    enum store_error err = txn_delete(txn, key_view(&day));
    return err ? err : txn_delete(txn, key_view(&key));
}

static enum store_error read_uses(struct txn *txn, uint64_t email, uint64_t *uses_r)
{
    struct key key = key_begin('V');
    key_u64(&key, email);
    struct view value;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    *uses_r = 1;
    if (err == STORE_NOT_FOUND)
        return STORE_OK;
    if (err)
        return err;
    bool good = true;
    *uses_r = row_read_u64(&value, &good);
    return good && *uses_r ? STORE_OK : STORE_CORRUPT;
}

static enum store_error write_uses(struct txn *txn, uint64_t email, uint64_t uses)
{
    struct key key = key_begin('V');
    key_u64(&key, email);
    if (uses <= 1)
        return txn_delete(txn, key_view(&key));
    struct buffer value = {0};
    row_u64(&value, uses);
    return txn_put_row(txn, &key, &value);
}

enum store_error email_share(struct txn *txn, uint64_t email)
{
    uint64_t uses;
    enum store_error err = read_uses(txn, email, &uses);
    return err ? err : write_uses(txn, email, uses + 1);
}

enum store_error email_release(struct txn *txn, struct account_row *account, uint64_t email)
{
    uint64_t uses;
    enum store_error err = read_uses(txn, email, &uses);
    if (err || uses > 1)
        return err ? err : write_uses(txn, email, uses - 1);
    struct key key = key_email(email);
    struct view value;
    struct email_row row;
    err = txn_get(txn, key_view(&key), &value);
    if (err)
        return err == STORE_NOT_FOUND ? STORE_OK : err;
    if (!email_row_read(value, &row))
        return STORE_CORRUPT;
    err = thread_forget(txn, row.thread, email);
    if (!err)
        err = txn_delete(txn, key_view(&key));
    if (!err)
        err = place_delete(txn, &row.blob);
    account->emails--;
    return err;
}

/* ---- purge ---- */

/* First what is over; then, while the rest takes more than `octets`, what would be over first. */
struct purge {
    struct mutation mutation;
    uint32_t before_day;
    uint64_t octets; /* 0: no limit */
    int64_t now_s;
    struct key from;                /* where the next slice goes on */
    uint64_t purged, purged_before; /* in all, and by the slices before this one */
};

struct due {
    struct {
        uint32_t mailbox, uid;
        struct key key;
    } rows[PURGE_A_SLICE];
    size_t count;
    size_t purged; /* of the rows, this slice is through with so many */
    struct annotating annotating;
};

static bool take_due(void *ctx, struct view key, struct view value)
{
    struct due *due = ctx;
    struct view rest = view_skip(key, 1);
    uint32_t numbers[4];
    size_t count = 0;
    while (count < 4 && key_read_u32(&rest, &numbers[count]))
        count++;
    struct key *kept = &due->rows[due->count].key;
    if (count < 3 || key.size > sizeof kept->data)
        return true;
    view_copy(kept->data, key);
    kept->size = key.size;
    due->rows[due->count].mailbox = numbers[count - 2];
    due->rows[due->count++].uid = numbers[count - 1];
    return due->count < PURGE_A_SLICE;
}

/* True: its time is over, or it is in excess and no session may still ask for it. */
static bool must_go(const struct purge *purge, const struct retained_row *row, uint64_t octets)
{
    return row->until_day < purge->before_day ||
           (purge->octets && octets > purge->octets && row->at_utc_s + GRACE_S < purge->now_s);
}

static enum store_error purge_one(struct txn *txn, struct purge *purge, struct account_row *account,
                                  struct retained_total *total, struct annotating *annotating, uint32_t mailbox,
                                  uint32_t uid)
{
    struct key key = key_2('R', mailbox, uid), uidl = key_2('U', mailbox, uid);
    struct view value;
    struct retained_row row;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    if (err)
        return err == STORE_NOT_FOUND ? STORE_OK : err;
    if (!retained_read(value, mailbox, uid, &row))
        return STORE_CORRUPT;
    if (!must_go(purge, &row, total->octets + annotating->total.kept))
        return STORE_OK;
    err = email_release(txn, account, row.message.email);
    if (!err)
        err = retained_forget(txn, &row, total);
    if (!err)
        err = annotations_forget(txn, annotating, mailbox, uid, true);
    if (!err)
        err = txn_delete(txn, key_view(&uidl));
    purge->purged += !err;
    return err;
}

static enum store_error purge_due(struct txn *txn, struct purge *purge, struct due *due)
{
    struct account_row account;
    struct retained_total total;
    uint64_t before = purge->purged;
    enum store_error err = txn_account_row(txn, &account);
    if (!err)
        err = txn_retained_total(txn, &total);
    for (size_t i = 0; !err && i < due->count; i++) {
        err = purge_one(txn, purge, &account, &total, &due->annotating, due->rows[i].mailbox, due->rows[i].uid);
        bool full = annotating_is_full(txn, &due->annotating);
        bool last = full || i + 1 == due->count || due->rows[i + 1].mailbox != due->rows[i].mailbox;
        if (!err && last)
            err = lost_mailbox_settle(txn, due->rows[i].mailbox);
        due->purged = i + 1;
        if (full)
            break;
    }
    if (!err)
        err = annotating_end(txn, &due->annotating);
    if (err || purge->purged == before)
        return err;
    err = txn_put_retained_total(txn, &total);
    return err ? err : txn_put_account(txn, &account);
}

/* How far the days are looked at: all of them where there is too much. */
static enum store_error purge_end(struct txn *txn, const struct purge *purge, uint64_t annotations, struct key *end_r)
{
    struct retained_total total = {0};
    struct key all = key_kind('D');
    enum store_error err = purge->octets ? txn_retained_total(txn, &total) : STORE_OK;
    *end_r =
        purge->octets && total.octets + annotations > purge->octets ? key_after(&all) : key_1('D', purge->before_day);
    return err;
}

static enum store_error purge_run(struct txn *txn, struct mutation *mutation)
{
    struct purge *purge = (struct purge *)(void *)((char *)mutation - offsetof(struct purge, mutation));
    struct due *due = arena_new(txn_arena(txn), sizeof *due);
    struct key end;
    purge->purged = purge->purged_before; /* this slice may be run again (engine.h) */
    enum store_error err = annotating_begin(txn, &due->annotating);
    if (!err)
        err = purge_end(txn, purge, due->annotating.total.kept, &end);
    if (!err)
        err = txn_scan(txn, key_view(&purge->from), key_view(&end), take_due, due, NULL);
    if (err || !due->count)
        return err;
    err = purge_due(txn, purge, due);
    if (err || (due->count < PURGE_A_SLICE && due->purged == due->count)) {
        purge->purged = err ? purge->purged_before : purge->purged;
        return err;
    }
    purge->purged_before = purge->purged;
    purge->from = due->rows[due->purged - 1].key;
    key_u32(&purge->from, 0); /* behind it, before the next */
    return STORE_MORE;
}

struct purge_all {
    struct store *store;
    int64_t now_s;
    uint64_t purged;
    enum store_error err;
};

static bool purge_account(void *ctx, uint64_t account)
{
    struct purge_all *all = ctx;
    struct purge purge = {.mutation = {.account = account, .run = purge_run, .frees_space = true},
                          .before_day = (uint32_t)(all->now_s / DAY_S),
                          .octets = atomic_load(&all->store->retention_octets),
                          .now_s = all->now_s,
                          .from = key_kind('D')};
    enum store_error err = engine_mutate_wait(all->store->engine, &purge.mutation);
    if (err && err != STORE_NO_ACCOUNT)
        all->err = err;
    all->purged += purge.purged;
    return true;
}

enum store_error store_purge(struct store *store, int64_t now_utc_s, uint64_t *purged_r)
{
    struct purge_all all = {.store = store, .now_s = now_utc_s};
    enum store_error err = account_each(store, 1, purge_account, &all);
    *purged_r = all.purged;
    return err ? err : all.err;
}

void store_set_retention_days(struct store *store, uint32_t days)
{
    atomic_store(&store->retention_days, days);
}

void store_set_retention_limit(struct store *store, uint64_t octets)
{
    atomic_store(&store->retention_octets, octets);
}
