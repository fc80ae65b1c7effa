/*
 * store/retained.c: what is retained is listed, counted, and found in mailboxes that are no more.
 *
 * Does     row R is a message, row I what all of them take, row Q the name of a deleted mailbox while messages of it
 *          are retained. A store of before there was a row I counts once, when it is first asked.
 * Called   reads on any thread; txn_* and lost_mailbox_* inside mutation.run.
 * Tested   tests/unit/store_retention.c
 */
#include "store/private.h"

bool retained_matches(const struct retained_filter *filter, const struct retained_row *row)
{
    return (!filter->since_utc_s || row->at_utc_s >= filter->since_utc_s) &&
           (!filter->before_utc_s || row->at_utc_s < filter->before_utc_s) &&
           (!filter->by || row->why.by == filter->by) && (!filter->uids || uidset_has(filter->uids, row->message.uid));
}

/* ---- pages ---- */

struct page {
    struct retained_rows *rows;
    bool bad;
};

static bool take_retained(void *ctx, struct view key, struct view value)
{
    struct page *page = ctx;
    struct view rest = view_skip(key, 1);
    uint32_t mailbox, uid;
    page->bad = !key_read_u32(&rest, &mailbox) || !key_read_u32(&rest, &uid) ||
                !retained_read(value, mailbox, uid, &page->rows->rows[page->rows->count]);
    return !page->bad && ++page->rows->count < RETAINED_PAGE;
}

enum store_error retained_rows(const struct reader *reader, uint32_t mailbox, uint32_t uid,
                               struct retained_rows *rows_r)
{
    struct key first = key_2('R', mailbox, uid), all = key_kind('R'), end = key_after(&all);
    struct page page = {.rows = rows_r};
    bool more = false;
    rows_r->count = 0;
    enum store_error err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&first),
                                       key_view(&end), take_retained, &page, &more);
    rows_r->at_end = !more;
    return err ? err : page.bad ? STORE_CORRUPT : STORE_OK;
}

/* ---- what all of them take ---- */

struct counting {
    struct retained_total total;
    struct key from;
    bool bad;
};

static bool count_retained(void *ctx, struct view key, struct view value)
{
    struct counting *counting = ctx;
    struct view rest = view_skip(key, 1);
    struct retained_row row;
    uint32_t mailbox, uid;
    counting->bad =
        !key_read_u32(&rest, &mailbox) || !key_read_u32(&rest, &uid) || !retained_read(value, mailbox, uid, &row);
    if (counting->bad)
        return false;
    counting->total.messages++;
    counting->total.octets += row.message.size_octets;
    counting->from = key_2('R', mailbox, uid);
    key_u32(&counting->from, 0); /* behind this one, before the next */
    return true;
}

static enum store_error counted(const struct counting *counting, enum store_error err, struct retained_total *total_r)
{
    *total_r = counting->total;
    return err ? err : counting->bad ? STORE_CORRUPT : STORE_OK;
}

static enum store_error recount(const struct reader *reader, struct retained_total *total_r)
{
    struct counting counting = {.from = key_kind('R')};
    struct key all = key_kind('R'), end = key_after(&all);
    enum store_error err = STORE_OK;
    bool more = true;
    while (!err && !counting.bad && more)
        err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&counting.from),
                          key_view(&end), count_retained, &counting, &more);
    return counted(&counting, err, total_r);
}

static enum store_error recount_in_txn(struct txn *txn, struct retained_total *total_r)
{
    struct counting counting = {.from = key_kind('R')};
    struct key all = key_kind('R'), end = key_after(&all);
    enum store_error err = STORE_OK;
    bool more = true;
    while (!err && !counting.bad && more)
        err = txn_scan(txn, key_view(&counting.from), key_view(&end), count_retained, &counting, &more);
    return counted(&counting, err, total_r);
}

enum store_error retained_total(const struct reader *reader, struct retained_total *total_r)
{
    struct key key = key_kind('I');
    struct buffer value = {0};
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &value);
    if (err == STORE_NOT_FOUND)
        err = recount(reader, total_r);
    else if (!err && !retained_total_read(buffer_view(&value), total_r))
        err = STORE_CORRUPT;
    buffer_free(&value);
    return err;
}

enum store_error txn_retained_total(struct txn *txn, struct retained_total *total_r)
{
    struct key key = key_kind('I');
    struct view value;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    if (err == STORE_NOT_FOUND)
        return recount_in_txn(txn, total_r);
    if (err)
        return err;
    return retained_total_read(value, total_r) ? STORE_OK : STORE_CORRUPT;
}

enum store_error txn_put_retained_total(struct txn *txn, const struct retained_total *total)
{
    struct key key = key_kind('I');
    struct buffer value = {0};
    retained_total_write(total, &value);
    return txn_put_row(txn, &key, &value);
}

/* ---- mailboxes that are no more ---- */

static bool take_any(void *ctx, struct view key, struct view value)
{
    *(bool *)ctx = true;
    return false;
}

enum store_error txn_has_retained(struct txn *txn, uint32_t mailbox, bool *has_r)
{
    struct key first = key_1('R', mailbox), end = key_after(&first);
    *has_r = false;
    return txn_scan(txn, key_view(&first), key_view(&end), take_any, has_r, NULL);
}

enum store_error lost_mailbox_keep(struct txn *txn, uint32_t mailbox)
{
    struct mailbox_row row;
    struct lost_mailbox lost;
    bool retained;
    enum store_error err = txn_has_retained(txn, mailbox, &retained);
    if (err || !retained)
        return err;
    err = txn_mailbox_row(txn, mailbox, &row);
    if (!err)
        err = txn_mailbox_path(txn, mailbox, &lost.path);
    if (err)
        return err;
    lost.special_use = row.special_use;
    lost.flags = row.flags & MAILBOX_SUBSCRIBED;
    struct key key = key_1('Q', mailbox);
    struct buffer value = {0};
    lost_mailbox_write(&lost, &value);
    return txn_put_row(txn, &key, &value);
}

enum store_error lost_mailbox_settle(struct txn *txn, uint32_t mailbox)
{
    struct key key = key_1('Q', mailbox);
    bool retained;
    enum store_error err = txn_has_retained(txn, mailbox, &retained);
    return err || retained ? err : txn_delete(txn, key_view(&key));
}

enum store_error retained_path(const struct reader *reader, struct arena *arena, uint32_t mailbox, struct view *path_r)
{
    struct key key = key_1('Q', mailbox);
    struct buffer value = {0};
    struct lost_mailbox lost;
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &value);
    if (!err && !lost_mailbox_read(buffer_view(&value), &lost))
        err = STORE_CORRUPT;
    if (!err)
        *path_r = arena_view(arena, lost.path);
    buffer_free(&value);
    return err == STORE_NOT_FOUND ? mailbox_path(reader, arena, mailbox, path_r) : err;
}
