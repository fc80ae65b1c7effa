/*
 * store/compact.c: the schema's side of compaction: which blobs live, and the write set that moves one.
 *
 * Row B, by volume and offset, names the email whose octets lie there; it comes and goes with the email record.
 * Called   place_* and moved inside mutation.run; store_compact on an admin or pool thread.
 * Waits    for the disk and the writer.
 * Tested   tests/unit/store_model.c
 */
#include "store/private.h"

enum store_error place_put(struct txn *txn, const struct blob_location *location, uint64_t email)
{
    struct key key = key_place(location->volume, location->offset);
    struct buffer value = {0};
    row_u64(&value, email);
    return txn_put_row(txn, &key, &value);
}

enum store_error place_delete(struct txn *txn, const struct blob_location *location)
{
    struct key key = key_place(location->volume, location->offset);
    return txn_delete(txn, key_view(&key));
}

/* An error counts as alive: nothing is thrown away for it. */
static bool live(void *ctx, uint64_t account, const struct blob_location *location)
{
    struct store *store = ctx;
    struct key key = key_place(location->volume, location->offset);
    struct buffer value = {0};
    enum store_error err = engine_get(store->engine, READ_BLOCKING, account, key_view(&key), &value);
    buffer_free(&value);
    return err != STORE_NOT_FOUND;
}

static enum store_error moved(struct txn *txn, const struct blob_location *from, const struct blob_location *to)
{
    struct key place = key_place(from->volume, from->offset);
    struct view value;
    bool good = true;
    enum store_error err = txn_get(txn, key_view(&place), &value);
    if (err)
        return err == STORE_NOT_FOUND ? STORE_OK : err; /* removed meanwhile */
    uint64_t number = row_read_u64(&value, &good);
    struct key key = key_email(number);
    struct email_row row;
    err = good ? txn_get(txn, key_view(&key), &value) : STORE_CORRUPT;
    if (!err && !email_row_read(value, &row))
        err = STORE_CORRUPT;
    if (err)
        return err == STORE_NOT_FOUND ? STORE_CORRUPT : err;
    row.blob = *to;
    struct buffer out = {0};
    email_row_write(&row, &out);
    err = txn_put_row(txn, &key, &out);
    if (!err)
        err = txn_delete(txn, key_view(&place));
    return err ? err : place_put(txn, to, number);
}

enum store_error store_compact(struct store *store, double live_share_below, bool every, uint64_t *freed_r)
{
    const struct engine_compaction compaction = {
        .live = live, .moved = moved, .ctx = store, .live_share_below = live_share_below, .every = every};
    return engine_compact(store->engine, &compaction, freed_r);
}
