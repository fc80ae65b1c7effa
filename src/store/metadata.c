/*
 * store/metadata.c: annotations of mailboxes and of the account as a whole (RFC 5464): names and values.
 *
 * They hang on the mailbox's id, so a rename keeps them and a delete drops them. What an account holds of them is
 * counted in one row, so that the limit costs no scan.
 * Called   metadata_read on any thread; the others inside mutation.run.
 * Fails    STORE_LIMIT beyond LIMIT_METADATA_ENTRIES of a mailbox, or LIMIT_METADATA_ACCOUNT octets of an account.
 * Tested   tests/e2e/test_cap_metadata.py
 */
#include "base/limits.h"
#include "store/private.h"
#include <xxhash.h>

/* ---- keys and rows ---- */

static struct key entry_key(uint32_t mailbox, struct view name)
{
    XXH128_hash_t hash = XXH3_128bits(name.data, name.size);
    char hex[33];
    snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    struct key key = key_1('G', mailbox);
    key_text(&key, hex);
    return key;
}

static enum store_error read_total(struct txn *txn, uint64_t *octets_r)
{
    struct key key = key_kind('J');
    struct view row;
    bool good = true;
    enum store_error err = txn_get(txn, key_view(&key), &row);
    *octets_r = err ? 0 : row_read_u64(&row, &good);
    return err == STORE_NOT_FOUND ? STORE_OK : err ? err : good ? STORE_OK : STORE_CORRUPT;
}

static enum store_error put_total(struct txn *txn, uint64_t octets)
{
    struct key key = key_kind('J');
    struct buffer row = {0};
    row_u64(&row, octets);
    return txn_put_row(txn, &key, &row);
}

/* ---- reading ---- */

struct found {
    struct arena *arena;
    struct metadata_entry *entries;
    size_t count;
    bool bad;
};

static bool take_entry(void *ctx, struct view key, struct view value)
{
    struct found *found = ctx;
    bool good = true;
    struct view copy = arena_view(found->arena, value);
    struct view name = row_read_view(&copy, &good);
    found->bad = found->bad || !good;
    found->entries[found->count++] = (struct metadata_entry){.name = name, .value = copy};
    return !found->bad && found->count < LIMIT_METADATA_ENTRIES;
}

enum store_error metadata_read(const struct reader *reader, struct arena *arena, uint32_t mailbox,
                               struct metadata_entry **entries_r, size_t *count_r)
{
    struct key first = key_1('G', mailbox), end = key_after(&first);
    struct found found = {.arena = arena, .entries = ARENA_ARRAY(arena, LIMIT_METADATA_ENTRIES, struct metadata_entry)};
    enum store_error err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&first),
                                       key_view(&end), take_entry, &found, NULL);
    *entries_r = found.entries;
    *count_r = found.count;
    return err ? err : found.bad ? STORE_CORRUPT : STORE_OK;
}

/* ---- writing ---- */

struct counted {
    size_t count;
    uint64_t octets;
    struct key keys[LIMIT_METADATA_ENTRIES];
};

static bool take_key(void *ctx, struct view key, struct view value)
{
    struct counted *counted = ctx;
    struct key *to = &counted->keys[counted->count++];
    to->size = key.size < sizeof to->data ? key.size : sizeof to->data;
    memcpy(to->data, key.data, to->size);
    counted->octets += value.size;
    return counted->count < LIMIT_METADATA_ENTRIES;
}

static enum store_error count_entries(struct txn *txn, uint32_t mailbox, struct counted *counted_r)
{
    struct key first = key_1('G', mailbox), end = key_after(&first);
    counted_r->count = 0;
    counted_r->octets = 0;
    return txn_scan(txn, key_view(&first), key_view(&end), take_key, counted_r, NULL);
}

static enum store_error set_entry(struct txn *txn, uint32_t mailbox, const struct metadata_entry *entry, size_t *count,
                                  uint64_t *total)
{
    struct key key = entry_key(mailbox, entry->name);
    struct view old = VIEW_EMPTY;
    struct buffer row = {0};
    enum store_error err = txn_get(txn, key_view(&key), &old);
    if (err && err != STORE_NOT_FOUND)
        return err;
    bool was = !err;
    if (was) {
        *total -= old.size < *total ? old.size : *total;
        --*count;
    }
    if (entry->removed)
        return was ? txn_delete(txn, key_view(&key)) : STORE_OK;
    row_view(&row, entry->name);
    buffer_append_view(&row, entry->value);
    *total += buffer_size(&row);
    if (++*count > LIMIT_METADATA_ENTRIES || *total > LIMIT_METADATA_ACCOUNT) {
        buffer_free(&row);
        return STORE_LIMIT;
    }
    return txn_put_row(txn, &key, &row);
}

enum store_error metadata_set(struct txn *txn, uint32_t mailbox, const struct metadata_entry *entries, size_t count)
{
    struct counted *counted = arena_new(txn_arena(txn), sizeof *counted);
    struct account_row account = {0};
    uint64_t total;
    enum store_error err = count_entries(txn, mailbox, counted);
    if (!err)
        err = txn_account_row(txn, &account);
    if (!err)
        err = read_total(txn, &total);
    for (size_t i = 0; !err && i < count; i++)
        err = set_entry(txn, mailbox, &entries[i], &counted->count, &total);
    if (!err)
        err = put_total(txn, total);
    account.modseq++; /* a change of the account like any other: a recount sees that it happened */
    if (!err)
        txn_touched_metadata(txn, mailbox, account.modseq);
    return err ? err : txn_put_account(txn, &account);
}

enum store_error metadata_drop(struct txn *txn, uint32_t mailbox)
{
    struct counted *counted = arena_new(txn_arena(txn), sizeof *counted);
    uint64_t total;
    enum store_error err = count_entries(txn, mailbox, counted);
    if (err || !counted->count)
        return err;
    err = read_total(txn, &total);
    for (size_t i = 0; !err && i < counted->count; i++)
        err = txn_delete(txn, key_view(&counted->keys[i]));
    return err ? err : put_total(txn, total - (counted->octets < total ? counted->octets : total));
}
