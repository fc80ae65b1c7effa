/*
 * store/store.c: a store opens: the engine, the caches, the jump of ids after an epoch, the sweep of what a crash left.
 *
 * Called   once a process (mail, or the command line without a server), before any session.
 * Tested   tests/unit/store_model.c
 */
#include "base/memory.h"
#include "store/annotation.h"
#include "store/private.h"

/* Mutations have the engine at hand, not the store; a process holds one store for each of a few engines. */
enum { STORES_MAX = 8 };
static struct store *stores[STORES_MAX];
static pthread_mutex_t stores_lock = PTHREAD_MUTEX_INITIALIZER;

struct store *store_of(struct engine *engine)
{
    struct store *found = NULL;
    pthread_mutex_lock(&stores_lock);
    for (size_t i = 0; i < STORES_MAX && !found; i++)
        if (stores[i] && stores[i]->engine == engine)
            found = stores[i];
    pthread_mutex_unlock(&stores_lock);
    return found;
}

static void set_slot(struct store *from, struct store *to)
{
    pthread_mutex_lock(&stores_lock);
    for (size_t i = 0; i < STORES_MAX; i++) {
        if (stores[i] == from) {
            stores[i] = to;
            break;
        }
    }
    pthread_mutex_unlock(&stores_lock);
}

/* ---- what is done to each account at start ---- */

enum { EPOCH_UIDS = 1 << 20 };
#define EPOCH_MODSEQS ((uint64_t)1 << 32)

struct start_up {
    struct mutation mutation;
    uint32_t from_mailbox;
};

struct ids {
    uint32_t ids[256];
    size_t count;
};

static bool take_id(void *ctx, struct view key, struct view value)
{
    struct ids *ids = ctx;
    struct view rest = view_skip(key, 1);
    if (key_read_u32(&rest, &ids->ids[ids->count]))
        ids->count++;
    return ids->count < 256;
}

static enum store_error list_ids(struct txn *txn, char kind, uint32_t from, struct ids *ids)
{
    struct key first = key_1(kind, from), all = key_kind(kind), end = key_after(&all);
    ids->count = 0;
    return txn_scan(txn, key_view(&first), key_view(&end), take_id, ids, NULL);
}

/* Chunks of a COPY that was never published: rows at or above UIDNEXT. A block at a time; the lease goes last. */
static enum store_error sweep_mailbox(struct txn *txn, uint32_t mailbox)
{
    struct mailbox_row row;
    struct key lease = key_1('P', mailbox);
    enum store_error err = txn_mailbox_row(txn, mailbox, &row);
    if (err == STORE_NO_MAILBOX)
        return txn_delete(txn, key_view(&lease));
    uint32_t block = chunk_block(row.uidnext);
    struct chunk *chunk = arena_new(txn_arena(txn), sizeof *chunk);
    struct annotating annotating = {.dirty = false};
    if (!err)
        err = annotating_begin(txn, &annotating);
    for (unsigned n = 0; !err && n < 16 && !annotating_is_full(txn, &annotating); n++) {
        err = txn_next_block(txn, mailbox, block, &block);
        if (err == STORE_NOT_FOUND) {
            err = annotating_end(txn, &annotating);
            return err ? err : txn_delete(txn, key_view(&lease));
        }
        if (!err)
            err = txn_chunk(txn, mailbox, block, chunk);
        struct account_row account;
        if (!err)
            err = txn_account_row(txn, &account);
        for (unsigned i = 0; !err && i < CHUNK_ROWS; i++) {
            if (!(chunk->present & (1ull << i)) || chunk->rows[i].uid < row.uidnext ||
                annotating_is_full(txn, &annotating))
                continue;
            err = annotations_forget(txn, &annotating, mailbox, chunk->rows[i].uid, false);
            if (!err)
                err = email_release(txn, &account, chunk->rows[i].email);
            chunk->present &= ~(1ull << i);
        }
        if (!err)
            err = txn_put_account(txn, &account);
        if (!err)
            err = txn_put_chunk(txn, mailbox, chunk);
        block++;
    }
    if (!err)
        err = annotating_end(txn, &annotating);
    return err ? err : STORE_MORE;
}

static enum store_error sweep(struct txn *txn, struct mutation *mutation)
{
    struct ids *ids = arena_new(txn_arena(txn), sizeof *ids);
    enum store_error err = list_ids(txn, 'P', 0, ids);
    if (err || !ids->count)
        return err;
    err = sweep_mailbox(txn, ids->ids[0]);
    return err ? err : STORE_MORE;
}

/* A store that was restored or lost a tail gives out no id again that somebody may have seen (DESIGN 5, epoch). */
static enum store_error jump(struct txn *txn, struct mutation *mutation)
{
    struct start_up *start = (struct start_up *)(void *)((char *)mutation - offsetof(struct start_up, mutation));
    struct account_row account;
    struct ids *ids = arena_new(txn_arena(txn), sizeof *ids);
    uint32_t epoch = engine_epoch(txn_engine(txn));
    enum store_error err = txn_account_row(txn, &account);
    if (err || account.epoch >= epoch)
        return err;
    if (!start->from_mailbox)
        account.modseq += EPOCH_MODSEQS;
    err = list_ids(txn, 'M', start->from_mailbox, ids);
    for (size_t i = 0; !err && i < ids->count; i++) {
        struct mailbox_row row;
        err = txn_mailbox_row(txn, ids->ids[i], &row);
        if (err || row.epoch >= epoch)
            continue;
        row.uidnext = row.uidnext < UINT32_MAX - EPOCH_UIDS ? row.uidnext + EPOCH_UIDS : UINT32_MAX;
        row.highestmodseq = account.modseq;
        row.epoch = epoch;
        err = txn_put_mailbox(txn, ids->ids[i], &row);
        start->from_mailbox = ids->ids[i] + 1;
    }
    if (ids->count < 256) {
        account.epoch = epoch;
        account.next_email += EPOCH_UIDS;
        account.next_mailbox += 1024;
    }
    if (!err)
        err = txn_put_account(txn, &account);
    return err ? err : ids->count == 256 ? STORE_MORE : STORE_OK;
}

struct start_all {
    struct store *store;
    enum store_error err;
};

static bool take_any(void *ctx, struct view key, struct view value)
{
    *(bool *)ctx = true;
    return false;
}

/*
 * Asked of every account, so without a mutation: reading takes microseconds, the way to the writer and back a
 * hundred times as long. Nobody else writes yet.
 */
static enum store_error has_leases(const struct start_all *all, uint64_t account, bool *has_r)
{
    struct key first = key_kind('P'), end = key_after(&first);
    *has_r = false;
    return engine_scan(all->store->engine, READ_BLOCKING, account, key_view(&first), key_view(&end), take_any, has_r,
                       NULL);
}

static enum store_error is_behind(const struct start_all *all, uint64_t account, bool *behind_r)
{
    struct key key = key_kind('A');
    struct buffer value = {0};
    struct account_row row;
    uint32_t epoch = engine_epoch(all->store->engine);
    *behind_r = false;
    if (!epoch)
        return STORE_OK;
    enum store_error err = engine_get(all->store->engine, READ_BLOCKING, account, key_view(&key), &value);
    if (!err && !account_row_read(buffer_view(&value), &row))
        err = STORE_CORRUPT;
    *behind_r = !err && row.epoch < epoch;
    buffer_free(&value);
    return err == STORE_NOT_FOUND ? STORE_OK : err;
}

static bool start_account(void *ctx, uint64_t account)
{
    struct start_all *all = ctx;
    struct start_up clean = {.mutation = {.account = account, .run = sweep, .frees_space = true}};
    struct start_up ahead = {.mutation = {.account = account, .run = jump, .frees_space = true}};
    bool leases, behind = false;
    all->err = has_leases(all, account, &leases);
    if (!all->err && leases)
        all->err = engine_mutate_wait(all->store->engine, &clean.mutation);
    if (!all->err)
        all->err = is_behind(all, account, &behind);
    if (!all->err && behind)
        all->err = engine_mutate_wait(all->store->engine, &ahead.mutation);
    if (all->err == STORE_NO_ACCOUNT)
        all->err = STORE_OK; /* made half: listed, not yet written; it has no mail */
    return !all->err;
}

/* ---- life ---- */

enum store_error store_open(const struct engine_options *options, struct store **store_r, char *error,
                            size_t error_size)
{
    struct store *store = NEW(struct store);
    *store_r = NULL;
    atomic_init(&store->retention_days, 14);
    atomic_init(&store->retention_octets, 0);
    atomic_init(&store->annotation_octets, ANNOTATION_LIMIT_DEFAULT);
    atomic_init(&store->history_days, 90);
    enum store_error err = engine_open(options, &store->engine, error, error_size);
    if (err) {
        free(store);
        return err;
    }
    store->uids = uid_cache_new();
    store->watches = watch_table_new(store->engine);
    set_slot(NULL, store);
    struct start_all all = {.store = store};
    err = acl_open(store);
    if (!err && !options->read_only)
        err = account_each(store, 1, start_account, &all);
    if (!err)
        err = all.err;
    if (err) {
        snprintf(error, error_size, "the accounts could not be made ready: %s", store_error_text(err));
        store_close(&store);
        return err;
    }
    *store_r = store;
    return STORE_OK;
}

void store_close(struct store **store)
{
    struct store *old = *store;
    *store = NULL;
    if (!old)
        return;
    engine_close(&old->engine);
    set_slot(old, NULL);
    uid_cache_free(&old->uids);
    watch_table_free(&old->watches);
    free(old);
}

struct engine *store_engine(struct store *store)
{
    return store->engine;
}
