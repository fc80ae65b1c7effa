/*
 * store/local/txn.c: one mutation's view of the batch: reads through the overlay, writes into overlay and log alike.
 *
 * Does     keeps two forms of the same changes: the overlay that later reads of this batch see, and the operations that
 *          are logged. A run that fails is rolled back in both, whole.
 * Called   on the writer thread, inside mutation->run.
 * Fails    with STORE_LIMIT beyond a write set's bounds.
 * Tested   tests/unit/store_engine.c
 */
#include "base/memory.h"
#include "store/local/local.h"

uint64_t txn_account(const struct txn *txn)
{
    return txn->mutation->account;
}

struct engine *txn_engine(const struct txn *txn)
{
    return txn->engine;
}

size_t txn_keys(const struct txn *txn)
{
    return txn->keys;
}

struct arena *txn_arena(struct txn *txn)
{
    return &txn->engine->writer.arena;
}

/* ---- beginning and ends ---- */

struct txn_mark txn_begin(struct engine *engine, struct mutation *mutation)
{
    struct writer *w = &engine->writer;
    w->txn.engine = engine;
    w->txn.mutation = mutation;
    w->txn.keys = 0;
    w->txn.saved = false;
    buffer_clear(&w->txn.operations);
    return (struct txn_mark){.log = buffer_size(&w->log),
                             .touched = w->touched_count,
                             .placed = w->placed_count,
                             .records = w->records,
                             .chain = w->chain};
}

void txn_keep(struct txn *txn)
{
    struct writer *w = &txn->engine->writer;
    if (!txn->keys)
        return;
    struct record record = {.kind = RECORD_WRITE_SET, .account_count = 1};
    record.unpacked = buffer_size(&txn->operations);
    writer_add_record(w, &record, &txn->mutation->account, buffer_view(&txn->operations));
}

void txn_drop(struct txn *txn, const struct txn_mark *mark)
{
    struct writer *w = &txn->engine->writer;
    while (w->placed_count > mark->placed) {
        struct blob *blob = w->placed[--w->placed_count];
        blob->placed = false;
        blob_unref(&blob);
    }
    w->touched_count = mark->touched;
    w->records = mark->records;
    w->chain = mark->chain;
    buffer_truncate(&w->log, mark->log);
    if (txn->saved) {
        char *message = NULL;
        rocksdb_writebatch_wi_rollback_to_save_point(w->overlay, &message);
        index_error(message, "rollback");
    }
    txn->saved = false;
    txn->keys = 0;
}

/* ---- reading ---- */

enum store_error txn_get(struct txn *txn, struct view key, struct view *value_r)
{
    struct engine *engine = txn->engine;
    size_t size = 0;
    char *message = NULL;
    *value_r = VIEW_EMPTY;
    if (!index_key_make(&txn->key, txn_account(txn), key))
        return STORE_NOT_FOUND;
    char *value =
        rocksdb_writebatch_wi_get_from_batch_and_db(engine->writer.overlay, engine->index.db, engine->index.blocking,
                                                    txn->key.octets, txn->key.size, &size, &message);
    if (message) {
        rocksdb_free(value);
        return index_error(message, "get");
    }
    if (!value)
        return STORE_NOT_FOUND;
    char *copy = arena_try(txn_arena(txn), size + 1);
    if (copy)
        memcpy(copy, value, size);
    rocksdb_free(value);
    if (!copy)
        return STORE_LIMIT;
    *value_r = view_of(copy, size);
    return STORE_OK;
}

/*
 * The row may write: what lies under an iterator moves then, so key and value are copies, and after a write the
 * iterator is made anew behind the row.
 */
struct txn_scan {
    struct txn *txn;
    struct view to;
    struct range range;
    struct buffer key, value;
};

static enum store_error scan_row(struct txn_scan *scan)
{
    struct view key, value;
    enum store_error error = range_row(&scan->range, &key, &value);
    if (error)
        return error;
    buffer_clear(&scan->key);
    buffer_append_view(&scan->key, key);
    buffer_clear(&scan->value);
    buffer_append_view(&scan->value, value);
    return STORE_OK;
}

static bool scan_reopen(struct txn_scan *scan)
{
    struct txn *txn = scan->txn;
    range_close(&scan->range);
    buffer_append_char(&scan->key, '\0'); /* the next possible key */
    return range_open(&scan->range, &txn->engine->index, READ_BLOCKING, txn->engine->writer.overlay, txn_account(txn),
                      buffer_view(&scan->key), scan->to);
}

enum store_error txn_scan(struct txn *txn, struct view from, struct view to, engine_row *row, void *ctx, bool *more_r)
{
    struct txn_scan scan = {.txn = txn, .to = to};
    enum store_error error = STORE_OK;
    bool more = false;
    buffer_init(&scan.key, INDEX_KEY + 1);
    buffer_init(&scan.value, 0);
    if (!range_open(&scan.range, &txn->engine->index, READ_BLOCKING, txn->engine->writer.overlay, txn_account(txn),
                    from, to))
        goto out;
    for (size_t rows = 0; !(error = scan_row(&scan)); rows++) {
        if (rows == ENGINE_SCAN_MAX) {
            more = true;
            break;
        }
        size_t keys = txn->keys;
        if (!row(ctx, buffer_view(&scan.key), buffer_view(&scan.value))) {
            more = true;
            break;
        }
        if (txn->keys == keys)
            rocksdb_iter_next(scan.range.iterator);
        else if (!scan_reopen(&scan))
            break;
    }
out:
    range_close(&scan.range);
    buffer_free(&scan.key);
    buffer_free(&scan.value);
    if (more_r)
        *more_r = more;
    return error == STORE_NOT_FOUND ? STORE_OK : error;
}

/* ---- writing ---- */

static enum store_error change(struct txn *txn, bool put, struct view key, struct view value)
{
    rocksdb_writebatch_wi_t *overlay = txn->engine->writer.overlay;
    if (key.size == 0 || key.size > INDEX_KEY || value.size > ENGINE_WRITE_OCTETS)
        return STORE_LIMIT;
    size_t octets = buffer_size(&txn->operations) + OPERATION_HEADER + key.size + value.size;
    if (txn->keys >= ENGINE_WRITE_KEYS || octets > ENGINE_WRITE_OCTETS)
        return STORE_LIMIT;
    if (!txn->saved)
        rocksdb_writebatch_wi_set_save_point(overlay);
    txn->saved = true;
    txn->keys++;
    operation_append(&txn->operations, put, key, value);
    index_key_make(&txn->key, txn_account(txn), key);
    if (put)
        rocksdb_writebatch_wi_put(overlay, txn->key.octets, txn->key.size, value.data, value.size);
    else
        rocksdb_writebatch_wi_delete(overlay, txn->key.octets, txn->key.size);
    return STORE_OK;
}

enum store_error txn_put(struct txn *txn, struct view key, struct view value)
{
    return change(txn, true, key, value);
}

enum store_error txn_delete(struct txn *txn, struct view key)
{
    return change(txn, false, key, VIEW_EMPTY);
}

/* New mail leaves the reserve to what frees space. */
static bool below_reserve(const struct txn *txn)
{
    return txn->engine->writer.free_octets < txn->engine->options.reserve_octets && !txn->mutation->frees_space;
}

static void remember_placed(struct writer *w, struct blob *blob)
{
    if (w->placed_count == w->placed_capacity) {
        w->placed_capacity = w->placed_capacity ? w->placed_capacity * 2 : 64;
        w->placed = memory_resize(w->placed, w->placed_capacity * sizeof(struct blob *));
    }
    w->placed[w->placed_count++] = blob_ref(blob);
}

enum store_error txn_place_blob(struct txn *txn, struct blob *blob, struct blob_location *location_r)
{
    struct writer *w = &txn->engine->writer;
    if (below_reserve(txn))
        return STORE_FULL;
    if (!blob->placed) {
        struct record record = {.kind = RECORD_MESSAGE,
                                .flags = blob->flags,
                                .account_count = (uint32_t)blob->account_count,
                                .dictionary = blob->dictionary,
                                .unpacked = blob->octets};
        memcpy(record.id, blob->id, 16);
        uint64_t offset = writer_add_record(w, &record, blob->accounts, view_of(blob->stored, blob->stored_octets));
        blob->location = (struct blob_location){
            .volume = w->volume, .offset = offset, .stored_octets = record.octets, .octets = blob->octets};
        memcpy(blob->location.id, blob->id, 16);
        blob->placed = true;
        remember_placed(w, blob);
    }
    *location_r = blob->location;
    return STORE_OK;
}

static void note_touch(struct txn *txn, uint32_t mailbox, uint64_t modseq, bool metadata)
{
    struct writer *w = &txn->engine->writer;
    if (w->touched_count == w->touched_capacity) {
        w->touched_capacity = w->touched_capacity ? w->touched_capacity * 2 : 64;
        w->touched = memory_resize(w->touched, w->touched_capacity * sizeof(struct touch));
    }
    w->touched[w->touched_count++] = (struct touch){.account = txn_account(txn),
                                                    .mailbox = mailbox,
                                                    .modseq = modseq,
                                                    .origin = txn->mutation->origin,
                                                    .metadata = metadata};
}

void txn_touched(struct txn *txn, uint32_t mailbox, uint64_t modseq)
{
    note_touch(txn, mailbox, modseq, false);
}

void txn_touched_metadata(struct txn *txn, uint32_t mailbox, uint64_t modseq)
{
    note_touch(txn, mailbox, modseq, true);
}
