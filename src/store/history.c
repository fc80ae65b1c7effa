/*
 * store/history.c: see store/history.h.
 *
 * Row Y, by time, modseq and action; row F counts them. The messages are pairs of varints: how far the UID is from the
 * one before, and (signed) the email number.
 */
#include "store/history.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "store/private.h"

enum { PURGE_A_SLICE = 1000, TRIM = 100, DAY_S = 86400 };

bool history_message(struct history_entry *entry, struct history_message *message_r)
{
    bool good = entry->messages.size > 0;
    if (!good)
        return false;
    uint64_t uid = entry->uid + row_read_u64(&entry->messages, &good);
    entry->email += (uint64_t)row_read_i64(&entry->messages, &good);
    if (!good || uid <= entry->uid || uid > UINT32_MAX) { /* damaged: nothing more is known */
        entry->messages = VIEW_EMPTY;
        return false;
    }
    entry->uid = (uint32_t)uid;
    *message_r = (struct history_message){.uid = entry->uid, .to_uid = entry->to_uid, .email = entry->email};
    entry->to_uid += entry->to_uid != 0;
    return true;
}

/* ---- the number of entries, and the end of the oldest ---- */

static enum store_error read_count(struct txn *txn, uint64_t *count_r)
{
    struct key key = key_kind('F');
    struct view value;
    bool good = true;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    *count_r = err ? 0 : row_read_u64(&value, &good);
    return err == STORE_NOT_FOUND ? STORE_OK : err ? err : good ? STORE_OK : STORE_CORRUPT;
}

enum store_error history_count(const struct reader *reader, uint64_t *count_r)
{
    struct key key = key_kind('F');
    struct buffer value = {0};
    bool good = true;
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &value);
    struct view rest = buffer_view(&value);
    *count_r = err ? 0 : row_read_u64(&rest, &good);
    buffer_free(&value);
    return err == STORE_NOT_FOUND ? STORE_OK : err ? err : good ? STORE_OK : STORE_CORRUPT;
}

static enum store_error write_count(struct txn *txn, uint64_t count)
{
    struct key key = key_kind('F');
    struct buffer value = {0};
    row_u64(&value, count);
    return txn_put_row(txn, &key, &value);
}

struct old_keys {
    struct key keys[PURGE_A_SLICE];
    size_t count, most;
};

static bool take_old(void *ctx, struct view key, struct view value)
{
    struct old_keys *old = ctx;
    struct key *to = &old->keys[old->count];
    if (key.size > sizeof to->data)
        return true;
    view_copy(to->data, key);
    to->size = key.size;
    return ++old->count < old->most;
}

/* Those before the end, at most so many; *count is what is left then. */
static enum store_error forget(struct txn *txn, const struct key *end, size_t most, uint64_t *count,
                               size_t *forgotten_r)
{
    struct old_keys *old = arena_new(txn_arena(txn), sizeof *old);
    struct key first = key_kind('Y');
    old->most = most;
    enum store_error err = txn_scan(txn, key_view(&first), key_view(end), take_old, old, NULL);
    for (size_t i = 0; !err && i < old->count; i++)
        err = txn_delete(txn, key_view(&old->keys[i]));
    *count -= old->count < *count ? old->count : *count;
    *forgotten_r = old->count;
    return err;
}

/* One more; where that is too many, the oldest make room for some. */
static enum store_error count_one(struct txn *txn)
{
    struct key all = key_kind('Y'), end = key_after(&all);
    uint64_t count;
    size_t forgotten;
    enum store_error err = read_count(txn, &count);
    if (!err && count >= LIMIT_HISTORY_ENTRIES)
        err = forget(txn, &end, TRIM, &count, &forgotten);
    return err ? err : write_count(txn, count + 1);
}

/* ---- writing ---- */

void history_add(struct history *history, uint32_t uid, uint64_t email)
{
    row_u64(&history->messages, uid - history->uid);
    row_i64(&history->messages, (int64_t)(email - history->email));
    history->uid = uid;
    history->email = email;
}

static struct key history_key(int64_t at_utc_s, uint64_t modseq, uint8_t action)
{
    struct key key = key_begin('Y');
    key_u64(&key, at_utc_s > 0 ? (uint64_t)at_utc_s : 0);
    key_u64(&key, modseq);
    key_u32(&key, action);
    return key;
}

/* At most LIMIT_HISTORY_NAME octets, whole characters. */
static struct view cut(struct view name)
{
    if (name.size <= LIMIT_HISTORY_NAME)
        return name;
    size_t size = LIMIT_HISTORY_NAME;
    while (size && ((unsigned char)name.data[size] & 0xc0) == 0x80)
        size--;
    return view_slice(name, 0, size);
}

enum store_error history_put(struct txn *txn, struct history_entry *entry, const struct history *history)
{
    struct buffer value = {0};
    struct key key = history_key(clock_wall_s(), entry->modseq, entry->action);
    enum store_error err = entry->path.size ? STORE_OK : txn_mailbox_path(txn, entry->mailbox, &entry->path);
    if (!err && entry->action == HISTORY_MOVED)
        err = txn_mailbox_path(txn, entry->to_mailbox, &entry->to_path);
    if (err)
        return err;
    entry->path = cut(entry->path);
    entry->to_path = cut(entry->to_path);
    entry->messages = history ? buffer_view(&history->messages) : VIEW_EMPTY;
    history_write(entry, &value);
    err = txn_put_row(txn, &key, &value);
    return err ? err : count_one(txn);
}

/* ---- reading ---- */

/* A place and the entry there, copied: who reads on may wait for anyone in between. */
struct history_cursor {
    struct reader reader;
    struct key from;
    struct buffer value;
    struct history_entry *entry;
    bool found, bad;
};

struct history_cursor *history_cursor_new(const struct reader *reader, int64_t since_utc_s)
{
    struct history_cursor *c = NEW(struct history_cursor);
    c->reader = *reader;
    c->from = history_key(since_utc_s, 0, 0);
    return c;
}

static bool take_entry(void *ctx, struct view key, struct view value)
{
    struct history_cursor *c = ctx;
    struct view rest = view_skip(key, 1);
    uint64_t at = 0;
    uint32_t action = 0;
    c->found = true;
    c->bad = !key_read_u64(&rest, &at) || !key_read_u64(&rest, &c->entry->modseq) || !key_read_u32(&rest, &action);
    c->entry->at_utc_s = (int64_t)at;
    c->entry->action = (uint8_t)action;
    c->from = history_key(c->entry->at_utc_s, c->entry->modseq, c->entry->action);
    key_u32(&c->from, 0); /* behind this one, before the next */
    buffer_clear(&c->value);
    buffer_append_view(&c->value, value);
    return false;
}

enum store_error history_cursor_next(struct history_cursor *c, struct history_entry *entry_r)
{
    struct key all = key_kind('Y'), end = key_after(&all);
    *entry_r = (struct history_entry){0};
    c->entry = entry_r;
    c->found = c->bad = false;
    enum store_error err = engine_scan(c->reader.store->engine, c->reader.mode, c->reader.account, key_view(&c->from),
                                       key_view(&end), take_entry, c, NULL);
    if (err || !c->found)
        return err ? err : STORE_NOT_FOUND;
    return !c->bad && history_read(buffer_view(&c->value), entry_r) ? STORE_OK : STORE_CORRUPT;
}

void history_cursor_free(struct history_cursor **cursor)
{
    struct history_cursor *old = *cursor;
    *cursor = NULL;
    if (!old)
        return;
    buffer_free(&old->value);
    free(old);
}

/* ---- the end of it ---- */

struct forgetting {
    struct mutation mutation;
    int64_t before_utc_s;
};

static enum store_error forget_run(struct txn *txn, struct mutation *mutation)
{
    const struct forgetting *f = (const struct forgetting *)(const void *)mutation;
    struct key end = history_key(f->before_utc_s, 0, 0);
    uint64_t count;
    size_t forgotten = 0;
    enum store_error err = read_count(txn, &count);
    if (!err)
        err = forget(txn, &end, PURGE_A_SLICE, &count, &forgotten);
    if (err || !forgotten)
        return err;
    err = write_count(txn, count);
    return err ? err : forgotten == PURGE_A_SLICE ? STORE_MORE : STORE_OK;
}

struct forget_all {
    struct store *store;
    int64_t before_utc_s;
    enum store_error err;
};

static bool forget_account(void *ctx, uint64_t account)
{
    struct forget_all *all = ctx;
    struct forgetting f = {.mutation = {.account = account, .run = forget_run, .frees_space = true},
                           .before_utc_s = all->before_utc_s};
    enum store_error err = engine_mutate_wait(all->store->engine, &f.mutation);
    if (err)
        all->err = err;
    return true;
}

enum store_error store_purge_history(struct store *store, int64_t now_utc_s)
{
    struct forget_all all = {.store = store,
                             .before_utc_s = now_utc_s - (int64_t)atomic_load(&store->history_days) * DAY_S};
    enum store_error err = account_each(store, 1, forget_account, &all);
    return err ? err : all.err;
}

void store_set_history_days(struct store *store, uint32_t days)
{
    atomic_store(&store->history_days, days);
}
