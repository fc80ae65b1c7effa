/*
 * store/account.c: accounts: made with their default folders, read, given quotas, removed. The list of all stands in
 * account 0.
 *
 * Called   account_read on any thread; the others wait for the writer and belong on admin threads.
 * Tested   tests/unit/store_model.c
 */
#include "base/clock.h"
#include "base/memory.h"
#include "store/private.h"

/* Account 0: 'A' id -> "1" while it exists; 'Z' -> the last id given out. */
static struct key list_key(uint64_t id)
{
    struct key key = key_begin('A');
    key_u64(&key, id);
    return key;
}

enum store_error account_read(const struct reader *reader, struct account *account_r)
{
    struct key key = key_kind('A');
    struct buffer row = {0};
    struct account_row a;
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &row);
    if (!err && !account_row_read(buffer_view(&row), &a))
        err = STORE_CORRUPT;
    if (!err)
        *account_r = (struct account){.id = reader->account,
                                      .modseq = a.modseq,
                                      .octets = a.octets,
                                      .messages = a.messages,
                                      .quota_octets = a.quota_octets,
                                      .quota_messages = a.quota_messages,
                                      .emails = a.emails,
                                      .mailboxes = a.mailboxes,
                                      .created_utc_s = a.created_utc_s};
    buffer_free(&row);
    return err == STORE_NOT_FOUND ? STORE_NO_ACCOUNT : err;
}

struct account_change {
    struct mutation mutation;
    uint64_t id, quota_octets, quota_messages;
};

static struct account_change *change_of(struct mutation *mutation)
{
    return (struct account_change *)(void *)((char *)mutation - offsetof(struct account_change, mutation));
}

static enum store_error take_id(struct txn *txn, struct mutation *mutation)
{
    struct account_change *change = change_of(mutation);
    struct key last = key_begin('Z');
    struct view value;
    bool good = true;
    enum store_error err = txn_get(txn, key_view(&last), &value);
    if (err && err != STORE_NOT_FOUND)
        return err;
    change->id = (err ? 0 : row_read_u64(&value, &good)) + 1;
    if (!good)
        return STORE_CORRUPT;
    struct buffer row = {0};
    row_u64(&row, change->id);
    err = txn_put_row(txn, &last, &row);
    struct key key = list_key(change->id);
    return err ? err : txn_put(txn, key_view(&key), VIEW_LITERAL("1"));
}

static enum store_error make_account(struct txn *txn, struct mutation *mutation)
{
    static const struct {
        const char *name;
        uint32_t use;
    } folders[] = {{"INBOX", 0},         {"Drafts", USE_DRAFTS}, {"Sent", USE_SENT},
                   {"Trash", USE_TRASH}, {"Junk", USE_JUNK},     {"Archive", USE_ARCHIVE}};
    struct account_change *change = change_of(mutation);
    struct account_row account = {.modseq = 1,
                                  .next_mailbox = 0,
                                  .quota_octets = change->quota_octets,
                                  .quota_messages = change->quota_messages,
                                  .created_utc_s = clock_wall_s(),
                                  .epoch = engine_epoch(txn_engine(txn))};
    struct mailbox made;
    enum store_error err = txn_put_account(txn, &account);
    for (size_t i = 0; !err && i < sizeof folders / sizeof *folders; i++) {
        err = mailbox_create(txn, view_of_string(folders[i].name), folders[i].use, &made);
        if (!err)
            err = mailbox_subscribe(txn, view_of_string(folders[i].name), true);
    }
    return err;
}

enum store_error account_create(struct store *store, uint64_t quota_octets, uint64_t *id_r)
{
    struct account_change list = {.mutation = {.account = ROOT_ACCOUNT, .run = take_id}};
    enum store_error err = engine_mutate_wait(store->engine, &list.mutation);
    if (err)
        return err;
    struct account_change make = {.mutation = {.account = list.id, .run = make_account}, .quota_octets = quota_octets};
    err = engine_mutate_wait(store->engine, &make.mutation);
    *id_r = list.id;
    return err;
}

enum store_error account_put_quota(struct txn *txn, uint64_t octets, uint64_t messages)
{
    struct account_row account;
    enum store_error err = txn_account_row(txn, &account);
    account.quota_octets = octets;
    account.quota_messages = messages;
    return err ? err : txn_put_account(txn, &account);
}

static enum store_error set_quota(struct txn *txn, struct mutation *mutation)
{
    const struct account_change *change = change_of(mutation);
    return account_put_quota(txn, change->quota_octets, change->quota_messages);
}

enum store_error account_set_quota(struct store *store, uint64_t account, uint64_t octets, uint64_t messages)
{
    struct account_change change = {
        .mutation = {.account = account, .run = set_quota}, .quota_octets = octets, .quota_messages = messages};
    return engine_mutate_wait(store->engine, &change.mutation);
}

/* ---- removal ---- */

enum { KEYS_A_SLICE = 1000 };

struct doomed {
    struct txn *txn;
    struct buffer keys; /* u16 size, key */
    size_t count;
};

static bool take_key(void *ctx, struct view key, struct view value)
{
    struct doomed *doomed = ctx;
    uint16_t size = (uint16_t)key.size;
    buffer_append(&doomed->keys, &size, sizeof size);
    buffer_append_view(&doomed->keys, key);
    return ++doomed->count < KEYS_A_SLICE;
}

static enum store_error wipe(struct txn *txn, struct mutation *mutation)
{
    struct doomed doomed = {.txn = txn};
    enum store_error err = txn_scan(txn, VIEW_LITERAL("\1"), VIEW_LITERAL("\xff"), take_key, &doomed, NULL);
    struct view rest = buffer_view(&doomed.keys);
    while (!err && rest.size >= sizeof(uint16_t)) {
        uint16_t size;
        memcpy(&size, rest.data, sizeof size);
        err = txn_delete(txn, view_slice(rest, sizeof size, size));
        rest = view_skip(rest, sizeof size + size);
    }
    buffer_free(&doomed.keys);
    return err ? err : doomed.count == KEYS_A_SLICE ? STORE_MORE : STORE_OK;
}

static enum store_error forget_id(struct txn *txn, struct mutation *mutation)
{
    struct key key = list_key(change_of(mutation)->id);
    return txn_delete(txn, key_view(&key));
}

enum store_error account_delete(struct store *store, uint64_t account)
{
    struct account_change rows = {.mutation = {.account = account, .run = wipe, .frees_space = true}};
    enum store_error err =
        account == ROOT_ACCOUNT ? STORE_NO_ACCOUNT : engine_mutate_wait(store->engine, &rows.mutation);
    if (err)
        return err;
    struct account_change list = {.mutation = {.account = ROOT_ACCOUNT, .run = forget_id, .frees_space = true},
                                  .id = account};
    return engine_mutate_wait(store->engine, &list.mutation);
}

/* ---- all of them ---- */

struct page {
    uint64_t ids[256];
    size_t count;
};

static bool take_account(void *ctx, struct view key, struct view value)
{
    struct page *page = ctx;
    struct view rest = view_skip(key, 1);
    if (key_read_u64(&rest, &page->ids[page->count]))
        page->count++;
    return page->count < sizeof page->ids / sizeof *page->ids;
}

enum store_error account_each(struct store *store, uint64_t from, bool (*each)(void *ctx, uint64_t account), void *ctx)
{
    struct page page;
    do {
        struct key first = list_key(from), all = key_kind('A'), end = key_after(&all);
        page.count = 0;
        enum store_error err = engine_scan(store->engine, READ_BLOCKING, ROOT_ACCOUNT, key_view(&first), key_view(&end),
                                           take_account, &page, NULL);
        if (err)
            return err;
        for (size_t i = 0; i < page.count; i++)
            if (!each(ctx, page.ids[i]))
                return STORE_OK;
        if (page.count)
            from = page.ids[page.count - 1] + 1;
    } while (page.count == sizeof page.ids / sizeof *page.ids);
    return STORE_OK;
}
