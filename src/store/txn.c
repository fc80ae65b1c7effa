/*
 * store/txn.c: the rows of one account inside a mutation: reads through the overlay, decoded; puts, encoded.
 *
 * Called   by store/'s mutation functions, on the writer thread.
 */
#include "base/log.h"
#include "store/private.h"

static enum store_error corrupt(struct txn *txn, const char *what)
{
    log_event(LOG_ERROR, "store.corrupt", "account=%llu row=%s", (unsigned long long)txn_account(txn), what);
    return STORE_CORRUPT;
}

struct doomed {
    struct key *keys;
    size_t count;
};
enum { KEYS_A_SLICE = 1000 };

static bool take_key(void *ctx, struct view key, struct view value)
{
    struct doomed *doomed = ctx;
    struct key *kept = &doomed->keys[doomed->count++];
    *kept = (struct key){.size = key.size < sizeof kept->data ? key.size : sizeof kept->data};
    memcpy(kept->data, key.data, kept->size);
    return doomed->count < KEYS_A_SLICE;
}

enum store_error txn_drop_rows(struct txn *txn, const struct key *first)
{
    struct key end = key_after(first);
    struct doomed doomed = {.keys = ARENA_ARRAY(txn_arena(txn), KEYS_A_SLICE, struct key)};
    enum store_error err = txn_scan(txn, key_view(first), key_view(&end), take_key, &doomed, NULL);
    for (size_t i = 0; !err && i < doomed.count; i++)
        err = txn_delete(txn, key_view(&doomed.keys[i]));
    return !err && doomed.count == KEYS_A_SLICE ? STORE_MORE : err;
}

enum store_error txn_put_row(struct txn *txn, const struct key *key, struct buffer *row)
{
    enum store_error err = txn_put(txn, key_view(key), buffer_view(row));
    buffer_free(row);
    return err;
}

enum store_error txn_account_row(struct txn *txn, struct account_row *row_r)
{
    struct key key = key_kind('A');
    struct view value;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    if (err)
        return err == STORE_NOT_FOUND ? STORE_NO_ACCOUNT : err;
    return account_row_read(value, row_r) ? STORE_OK : corrupt(txn, "account");
}

enum store_error txn_put_account(struct txn *txn, const struct account_row *row)
{
    struct key key = key_kind('A');
    struct buffer value = {0};
    account_row_write(row, &value);
    return txn_put_row(txn, &key, &value);
}

enum store_error txn_mailbox_row(struct txn *txn, uint32_t id, struct mailbox_row *row_r)
{
    struct key key = key_1('M', id);
    struct view value;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    if (err)
        return err == STORE_NOT_FOUND ? STORE_NO_MAILBOX : err;
    if (!mailbox_row_read(value, row_r))
        return corrupt(txn, "mailbox");
    row_r->name = arena_view(txn_arena(txn), row_r->name);
    return STORE_OK;
}

enum store_error txn_put_mailbox(struct txn *txn, uint32_t id, const struct mailbox_row *row)
{
    struct key key = key_1('M', id);
    struct buffer value = {0};
    mailbox_row_write(row, &value);
    return txn_put_row(txn, &key, &value);
}

enum store_error txn_chunk(struct txn *txn, uint32_t mailbox, uint32_t block, struct chunk *chunk_r)
{
    struct key key = key_2('C', mailbox, block);
    struct view value;
    chunk_r->block = block;
    chunk_r->present = 0;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    if (err == STORE_NOT_FOUND)
        return STORE_OK;
    if (err)
        return err;
    return chunk_read(block, value, chunk_r) ? STORE_OK : corrupt(txn, "chunk");
}

enum store_error txn_put_chunk(struct txn *txn, uint32_t mailbox, const struct chunk *chunk)
{
    struct key key = key_2('C', mailbox, chunk->block);
    if (!chunk->present)
        return txn_delete(txn, key_view(&key));
    struct buffer value = {0};
    chunk_write(chunk, &value);
    return txn_put_row(txn, &key, &value);
}

struct found_block {
    bool found;
    uint32_t block;
};

static bool take_block(void *ctx, struct view key, struct view value)
{
    struct found_block *found = ctx;
    struct view rest = view_skip(key, 1);
    uint32_t mailbox;
    found->found = key_read_u32(&rest, &mailbox) && key_read_u32(&rest, &found->block);
    return false;
}

enum store_error txn_next_block(struct txn *txn, uint32_t mailbox, uint32_t from, uint32_t *block_r)
{
    struct key first = key_2('C', mailbox, from), all = key_1('C', mailbox), end = key_after(&all);
    struct found_block found = {0};
    enum store_error err = txn_scan(txn, key_view(&first), key_view(&end), take_block, &found, NULL);
    if (err)
        return err;
    *block_r = found.block;
    return found.found ? STORE_OK : STORE_NOT_FOUND;
}

enum store_error txn_first_chunk(struct txn *txn, uint32_t mailbox, uint32_t from, struct chunk *chunk_r)
{
    uint32_t block;
    enum store_error err = txn_chunk(txn, mailbox, from, chunk_r);
    if (err || chunk_r->present)
        return err;
    err = txn_next_block(txn, mailbox, from, &block);
    return err ? err : txn_chunk(txn, mailbox, block, chunk_r);
}

enum store_error txn_put_change(struct txn *txn, uint32_t mailbox, uint64_t modseq, enum change_kind kind,
                                const struct uidset *uids)
{
    if (!uidset_count(uids))
        return STORE_OK;
    struct key key = key_1('L', mailbox);
    key_u64(&key, modseq);
    key_u32(&key, (uint32_t)kind);
    struct buffer value = {0};
    change_write(kind, uids, &value);
    return txn_put_row(txn, &key, &value);
}

enum store_error txn_check_lease(struct txn *txn, uint32_t mailbox)
{
    struct key key = key_1('P', mailbox);
    struct view value;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    if (err == STORE_NOT_FOUND)
        return STORE_OK;
    return err ? err : STORE_BUSY;
}

enum store_error head_begin(struct txn *txn, uint32_t mailbox, struct head *head_r)
{
    head_r->id = mailbox;
    enum store_error err = txn_account_row(txn, &head_r->account);
    return err ? err : txn_mailbox_row(txn, mailbox, &head_r->mailbox);
}

uint64_t head_modseq(struct head *head)
{
    head->mailbox.highestmodseq = ++head->account.modseq;
    return head->account.modseq;
}

enum store_error head_put(struct txn *txn, const struct head *head)
{
    enum store_error err = txn_put_account(txn, &head->account);
    if (!err)
        err = txn_put_mailbox(txn, head->id, &head->mailbox);
    if (!err)
        txn_touched(txn, head->id, head->mailbox.highestmodseq);
    return err;
}

void head_count(struct head *head, const struct message_row *row, int sign, bool account_too)
{
    uint32_t one = (uint32_t)sign;
    uint64_t octets = sign > 0 ? row->size_octets : 0 - row->size_octets;
    head->mailbox.messages += one;
    head->mailbox.octets += octets;
    if (!(row->flags & FLAG_SEEN))
        head->mailbox.unseen += one;
    if (row->flags & FLAG_DELETED)
        head->mailbox.deleted += one;
    if (account_too) {
        head->account.messages += (uint64_t)(int64_t)sign;
        head->account.octets += octets;
    }
}
