/*
 * store/mailbox_key.c: the secret that signs URLs of one mailbox (RFC 4467 2): made when first asked for, forgotten
 * when its URLs shall end.
 *
 * Called   mailbox_key_read on any thread; the others inside mutation.run.
 * Tested   tests/e2e/test_cap_urlauth.py
 */
#include "store/private.h"

static enum store_error take(enum store_error err, struct view value, unsigned char *key_r)
{
    if (err)
        return err;
    if (value.size != MAILBOX_KEY_OCTETS)
        return STORE_CORRUPT;
    memcpy(key_r, value.data, MAILBOX_KEY_OCTETS);
    return STORE_OK;
}

enum store_error mailbox_key_read(const struct reader *reader, uint32_t mailbox, unsigned char *key_r)
{
    struct key key = key_1('X', mailbox);
    struct buffer value = {0};
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &value);
    err = take(err, buffer_view(&value), key_r);
    buffer_free(&value);
    return err;
}

enum store_error mailbox_key_make(struct txn *txn, uint32_t mailbox, const unsigned char *fresh, unsigned char *key_r)
{
    struct key key = key_1('X', mailbox);
    struct view value = VIEW_EMPTY;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    err = take(err, value, key_r);
    if (err != STORE_NOT_FOUND)
        return err;
    memcpy(key_r, fresh, MAILBOX_KEY_OCTETS);
    return txn_put(txn, key_view(&key), view_of(fresh, MAILBOX_KEY_OCTETS));
}

enum { KEYS_A_SLICE = 256 };
struct found {
    struct key keys[KEYS_A_SLICE];
    size_t count;
};

static bool take_key(void *ctx, struct view key, struct view value)
{
    struct found *found = ctx;
    struct key *to = &found->keys[found->count++];
    to->size = key.size < sizeof to->data ? key.size : sizeof to->data;
    memcpy(to->data, key.data, to->size);
    return found->count < KEYS_A_SLICE;
}

enum store_error mailbox_key_forget(struct txn *txn, uint32_t mailbox)
{
    struct key key = key_1('X', mailbox);
    return txn_delete(txn, key_view(&key));
}

enum store_error mailbox_key_forget_all(struct txn *txn)
{
    struct key first = key_kind('X'), end = key_after(&first);
    struct found *found = arena_new(txn_arena(txn), sizeof *found);
    enum store_error err = txn_scan(txn, key_view(&first), key_view(&end), take_key, found, NULL);
    for (size_t i = 0; !err && i < found->count; i++)
        err = txn_delete(txn, key_view(&found->keys[i]));
    return err ? err : found->count == KEYS_A_SLICE ? STORE_MORE : STORE_OK;
}
