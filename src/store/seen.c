/* store/seen.c: see store/seen.h. */
#include "store/seen.h"
#include "store/private.h"

enum { SEEN_VERSION = 1, UIDS_A_PAGE = SEEN_WORDS * CHUNK_ROWS };

static struct key page_key(uint32_t mailbox, uint64_t account, uint32_t page)
{
    struct key key = key_1('s', mailbox);
    key_u64(&key, account);
    key_u32(&key, page);
    return key;
}

static uint32_t page_of(uint32_t block)
{
    return block / SEEN_WORDS;
}

/* ---- a page: version, the first word that isn't 0, the words up to the last such ---- */

void seen_page_write(const struct seen_page *page, struct buffer *out)
{
    size_t first = 0, end = SEEN_WORDS;
    while (first < end && !page->words[first])
        first++;
    while (end > first && !page->words[end - 1])
        end--;
    buffer_append_char(out, SEEN_VERSION);
    buffer_append_char(out, (char)first);
    for (size_t i = first; i < end; i++)
        for (unsigned shift = 0; shift < 64; shift += 8)
            buffer_append_char(out, (char)(page->words[i] >> shift & 0xff));
}

bool seen_page_read(struct view octets, struct seen_page *page_r)
{
    *page_r = (struct seen_page){{0}};
    if (octets.size < 2 || octets.data[0] != SEEN_VERSION)
        return false;
    size_t first = (unsigned char)octets.data[1], count = (octets.size - 2) / 8;
    if ((octets.size - 2) % 8 || first > SEEN_WORDS || count > SEEN_WORDS - first)
        return false;
    for (size_t i = 0; i < count * 8; i++)
        page_r->words[first + i / 8] |= (uint64_t)(unsigned char)octets.data[2 + i] << (i % 8 * 8);
    return true;
}

/* ---- reading ---- */

static enum store_error read_page(const struct reader *reader, uint32_t mailbox, uint32_t page,
                                  struct seen_page *page_r)
{
    struct key key = page_key(mailbox, reader->seen_by, page);
    struct buffer value = {0};
    *page_r = (struct seen_page){{0}};
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &value);
    if (!err && !seen_page_read(buffer_view(&value), page_r))
        err = STORE_CORRUPT;
    buffer_free(&value);
    return err == STORE_NOT_FOUND ? STORE_OK : err;
}

enum store_error seen_show(const struct reader *reader, uint32_t mailbox, struct message_row *rows, size_t count)
{
    struct seen_page page;
    if (!reader->seen_by || !count)
        return STORE_OK;
    uint32_t block = chunk_block(rows[0].uid);
    enum store_error err = read_page(reader, mailbox, page_of(block), &page);
    for (size_t i = 0; !err && i < count; i++) {
        bool seen = page.words[block % SEEN_WORDS] >> chunk_bit(rows[i].uid) & 1;
        rows[i].flags = (uint8_t)((rows[i].flags & ~FLAG_SEEN) | (seen ? FLAG_SEEN : 0));
    }
    return err;
}

struct reading {
    struct uidset *seen;
    struct key from;
    bool bad;
};

static void add_page(struct uidset *seen, uint32_t number, const struct seen_page *page)
{
    for (uint32_t i = 0; i < SEEN_WORDS; i++)
        for (uint64_t left = page->words[i]; left; left &= left - 1)
            uidset_add(seen, (number * SEEN_WORDS + i) * CHUNK_ROWS + 1 + (uint32_t)__builtin_ctzll(left));
}

static bool take_page(void *ctx, struct view key, struct view value)
{
    struct reading *r = ctx;
    struct view rest = view_skip(key, 1);
    uint32_t mailbox, number;
    uint64_t account;
    struct seen_page page;
    r->bad = !key_read_u32(&rest, &mailbox) || !key_read_u64(&rest, &account) || !key_read_u32(&rest, &number) ||
             number > UINT32_MAX / UIDS_A_PAGE || !seen_page_read(value, &page);
    if (r->bad)
        return false;
    add_page(r->seen, number, &page);
    r->from = page_key(mailbox, account, number + 1);
    return true;
}

enum store_error seen_read(const struct reader *reader, uint32_t mailbox, struct uidset **seen_r)
{
    struct key all = key_1('s', mailbox);
    key_u64(&all, reader->seen_by);
    struct key end = key_after(&all);
    struct reading r = {.seen = uidset_new(), .from = all};
    enum store_error err = STORE_OK;
    bool more = true;
    while (!err && more && !r.bad)
        err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&r.from), key_view(&end),
                          take_page, &r, &more);
    err = err ? err : r.bad ? STORE_CORRUPT : STORE_OK;
    if (err)
        uidset_unref(&r.seen);
    *seen_r = r.seen;
    return err;
}

enum store_error seen_count_unseen(const struct reader *reader, uint32_t mailbox, uint32_t *unseen_r)
{
    struct uidset *uids = NULL, *seen = NULL;
    uint64_t modseq;
    enum store_error err = mailbox_uids(reader, mailbox, &uids, &modseq);
    if (!err)
        err = seen_read(reader, mailbox, &seen);
    if (!err) {
        uidset_intersect(seen, uids);
        *unseen_r = uidset_count(uids) - uidset_count(seen);
    }
    uidset_unref(&uids);
    uidset_unref(&seen);
    return err;
}

/* ---- changing ---- */

enum store_error seen_cache_flush(struct txn *txn, struct seen_cache *cache)
{
    struct key key = page_key(cache->mailbox, cache->account, cache->page);
    struct buffer row = {0};
    if (!cache->dirty)
        return STORE_OK;
    cache->dirty = false;
    seen_page_write(&cache->seen, &row);
    return txn_put_row(txn, &key, &row);
}

enum store_error seen_cache_word(struct txn *txn, struct seen_cache *cache, uint32_t block, uint64_t **word_r)
{
    struct view value;
    uint32_t page = page_of(block);
    *word_r = NULL;
    if (!cache->account)
        return STORE_OK;
    if (!cache->loaded || cache->page != page) {
        enum store_error err = seen_cache_flush(txn, cache);
        struct key key = page_key(cache->mailbox, cache->account, page);
        cache->seen = (struct seen_page){{0}};
        if (!err)
            err = txn_get(txn, key_view(&key), &value);
        if (!err && !seen_page_read(value, &cache->seen))
            err = STORE_CORRUPT;
        if (err && err != STORE_NOT_FOUND)
            return err;
        cache->loaded = true;
        cache->page = page;
    }
    *word_r = &cache->seen.words[block % SEEN_WORDS];
    return STORE_OK;
}

enum store_error seen_drop(struct txn *txn, uint32_t mailbox)
{
    struct key first = key_1('s', mailbox);
    return txn_drop_rows(txn, &first);
}
