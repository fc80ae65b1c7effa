/*
 * store/mailbox_key.c: the secrets that sign URLs (RFC 4467 2), one of each mailbox for each user who signs: made when
 * first asked for, forgotten when that user's URLs of it shall end.
 *
 * They lie in the account of who signs, those of other people's mailboxes too, so that a user ends them without a write
 * to another account. Whether such a mailbox is still there, and may be read, is asked when a URL is used: what a
 * deleted one leaves behind says nothing, for no id is given out twice.
 * Called   mailbox_key_read on any thread; the others inside mutation.run.
 * Limits   LIMIT_MAILBOX_KEYS
 * Tested   tests/e2e/test_cap_urlauth.py, tests/unit/store_settings.c
 */
#include "base/limits.h"
#include "store/private.h"

static struct key key_of(uint64_t signer, uint64_t owner, uint32_t mailbox)
{
    if (signer == owner)
        return key_1('X', mailbox);
    struct key key = key_kind('x');
    key_u64(&key, owner);
    key_u32(&key, mailbox);
    return key;
}

static enum store_error take(enum store_error err, struct view value, unsigned char *key_r)
{
    if (err)
        return err;
    if (value.size != MAILBOX_KEY_OCTETS)
        return STORE_CORRUPT;
    memcpy(key_r, value.data, MAILBOX_KEY_OCTETS);
    return STORE_OK;
}

enum store_error mailbox_key_read(const struct reader *signer, uint64_t owner, uint32_t mailbox, unsigned char *key_r)
{
    struct key key = key_of(signer->account, owner, mailbox);
    struct buffer value = {0};
    enum store_error err = engine_get(signer->store->engine, signer->mode, signer->account, key_view(&key), &value);
    err = take(err, buffer_view(&value), key_r);
    buffer_free(&value);
    return err;
}

static bool count_key(void *ctx, struct view key, struct view value)
{
    size_t *count = ctx;
    (void)key;
    (void)value;
    return ++*count < LIMIT_MAILBOX_KEYS;
}

/* Is there room for one more of somebody else's mailbox? Of one's own there are no more than mailboxes. */
static enum store_error find_room(struct txn *txn, uint64_t owner)
{
    struct key first = key_kind('x'), end = key_after(&first);
    size_t count = 0;
    if (owner == txn_account(txn))
        return STORE_OK;
    enum store_error err = txn_scan(txn, key_view(&first), key_view(&end), count_key, &count, NULL);
    return err ? err : count >= LIMIT_MAILBOX_KEYS ? STORE_LIMIT : STORE_OK;
}

enum store_error mailbox_key_make(struct txn *txn, uint64_t owner, uint32_t mailbox, const unsigned char *fresh,
                                  unsigned char *key_r)
{
    struct key key = key_of(txn_account(txn), owner, mailbox);
    struct view value = VIEW_EMPTY;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    err = take(err, value, key_r);
    if (err != STORE_NOT_FOUND)
        return err;
    err = find_room(txn, owner);
    if (err)
        return err;
    memcpy(key_r, fresh, MAILBOX_KEY_OCTETS);
    return txn_put(txn, key_view(&key), view_of(fresh, MAILBOX_KEY_OCTETS));
}

enum store_error mailbox_key_forget(struct txn *txn, uint64_t owner, uint32_t mailbox)
{
    struct key key = key_of(txn_account(txn), owner, mailbox);
    return txn_delete(txn, key_view(&key));
}

enum store_error mailbox_key_forget_all(struct txn *txn)
{
    struct key own = key_kind('X'), others = key_kind('x');
    enum store_error err = txn_drop_rows(txn, &own);
    return err ? err : txn_drop_rows(txn, &others);
}
