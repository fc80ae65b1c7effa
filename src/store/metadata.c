/*
 * store/metadata.c: annotations of mailboxes and of the account as a whole (RFC 5464): names and values.
 *
 * They hang on the mailbox's id, so a rename keeps them and a delete drops them. What an account holds of them is
 * counted in one row, so that the limit costs no scan. What a reader of a shared mailbox keeps private stands beside
 * them, under the reader's account, and counts for itself.
 * Called   metadata_read on any thread; the others inside mutation.run.
 * Fails    STORE_LIMIT beyond LIMIT_METADATA_ENTRIES of a mailbox (of a reader there), LIMIT_METADATA_ACCOUNT octets of
 *          an account, or LIMIT_METADATA_READER of a reader.
 * Tested   tests/e2e/test_cap_metadata.py
 */
#include "base/limits.h"
#include "store/private.h"
#include <xxhash.h>

/* ---- keys and rows ---- */

/* by 0: the owner's, and what is shared. */
static struct key entries_key(uint32_t mailbox, uint64_t by)
{
    struct key key = key_1(by ? 'g' : 'G', mailbox);
    if (by)
        key_u64(&key, by);
    return key;
}

static struct key entry_key(uint32_t mailbox, uint64_t by, struct view name)
{
    XXH128_hash_t hash = XXH3_128bits(name.data, name.size);
    char hex[33];
    snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    struct key key = entries_key(mailbox, by);
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

static bool is_shared(struct view name)
{
    return view_starts_with(name, VIEW_LITERAL("/shared"));
}

struct found {
    struct arena *arena;
    struct metadata_entry *entries;
    size_t count, most;
    bool shared_alone, bad;
};

static bool take_entry(void *ctx, struct view key, struct view value)
{
    struct found *found = ctx;
    bool good = true;
    struct view rest = value;
    struct view name = row_read_view(&rest, &good);
    found->bad = found->bad || !good;
    if (found->bad || (found->shared_alone && !is_shared(name)))
        return !found->bad;
    found->entries[found->count++] =
        (struct metadata_entry){.name = arena_view(found->arena, name), .value = arena_view(found->arena, rest)};
    return found->count < found->most;
}

static enum store_error read_some(const struct reader *reader, uint32_t mailbox, uint64_t by, struct found *found)
{
    struct key first = entries_key(mailbox, by), end = key_after(&first);
    found->most = found->count + LIMIT_METADATA_ENTRIES;
    found->shared_alone = reader->seen_by && !by;
    enum store_error err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&first),
                                       key_view(&end), take_entry, found, NULL);
    return err ? err : found->bad ? STORE_CORRUPT : STORE_OK;
}

enum store_error metadata_read(const struct reader *reader, struct arena *arena, uint32_t mailbox,
                               struct metadata_entry **entries_r, size_t *count_r)
{
    struct found found = {.arena = arena,
                          .entries = ARENA_ARRAY(arena, 2 * (size_t)LIMIT_METADATA_ENTRIES, struct metadata_entry)};
    enum store_error err = read_some(reader, mailbox, 0, &found);
    if (!err && reader->seen_by)
        err = read_some(reader, mailbox, reader->seen_by, &found);
    *entries_r = found.entries;
    *count_r = found.count;
    return err;
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

static enum store_error count_entries(struct txn *txn, uint32_t mailbox, uint64_t by, struct counted *counted_r)
{
    struct key first = entries_key(mailbox, by), end = key_after(&first);
    counted_r->count = 0;
    counted_r->octets = 0;
    return txn_scan(txn, key_view(&first), key_view(&end), take_key, counted_r, NULL);
}

/* Entries that are counted together. */
struct holding {
    uint64_t by;
    size_t count;
    uint64_t octets, most;
};

static enum store_error set_entry(struct txn *txn, uint32_t mailbox, const struct metadata_entry *entry,
                                  struct holding *holding)
{
    struct key key = entry_key(mailbox, holding->by, entry->name);
    struct view old = VIEW_EMPTY;
    struct buffer row = {0};
    enum store_error err = txn_get(txn, key_view(&key), &old);
    if (err && err != STORE_NOT_FOUND)
        return err;
    bool was = !err;
    if (was) {
        holding->octets -= old.size < holding->octets ? old.size : holding->octets;
        --holding->count;
    }
    if (entry->removed)
        return was ? txn_delete(txn, key_view(&key)) : STORE_OK;
    row_view(&row, entry->name);
    buffer_append_view(&row, entry->value);
    holding->octets += buffer_size(&row);
    if (++holding->count > LIMIT_METADATA_ENTRIES || holding->octets > holding->most) {
        buffer_free(&row);
        return STORE_LIMIT;
    }
    return txn_put_row(txn, &key, &row);
}

static enum store_error count_holdings(struct txn *txn, uint32_t mailbox, struct holding *common,
                                       struct holding *readers)
{
    struct counted *counted = arena_new(txn_arena(txn), sizeof *counted);
    enum store_error err = count_entries(txn, mailbox, 0, counted);
    common->count = counted->count;
    if (!err)
        err = read_total(txn, &common->octets);
    if (err || !readers->by)
        return err;
    err = count_entries(txn, mailbox, readers->by, counted);
    readers->count = counted->count;
    readers->octets = counted->octets;
    return err;
}

enum store_error metadata_set(struct txn *txn, uint32_t mailbox, uint64_t by, const struct metadata_entry *entries,
                              size_t count)
{
    struct holding common = {.most = LIMIT_METADATA_ACCOUNT}, readers = {.by = by, .most = LIMIT_METADATA_READER};
    struct account_row account = {0};
    enum store_error err = count_holdings(txn, mailbox, &common, &readers);
    if (!err)
        err = txn_account_row(txn, &account);
    for (size_t i = 0; !err && i < count; i++)
        err = set_entry(txn, mailbox, &entries[i], by && !is_shared(entries[i].name) ? &readers : &common);
    if (!err)
        err = put_total(txn, common.octets);
    account.modseq++; /* a change of the account like any other: a recount sees that it happened */
    if (!err)
        txn_touched_metadata(txn, mailbox, account.modseq);
    return err ? err : txn_put_account(txn, &account);
}

enum store_error metadata_drop_readers(struct txn *txn, uint32_t mailbox)
{
    struct key first = key_1('g', mailbox);
    return txn_drop_rows(txn, &first);
}

enum store_error metadata_drop(struct txn *txn, uint32_t mailbox)
{
    struct counted *counted = arena_new(txn_arena(txn), sizeof *counted);
    uint64_t total;
    enum store_error err = count_entries(txn, mailbox, 0, counted);
    if (err || !counted->count)
        return err;
    err = read_total(txn, &total);
    for (size_t i = 0; !err && i < counted->count; i++)
        err = txn_delete(txn, key_view(&counted->keys[i]));
    return err ? err : put_total(txn, total - (counted->octets < total ? counted->octets : total));
}
