/*
 * store/read.c: messages read by UID: a chunk at a time, or one, expunged ones from what is retained.
 *
 * Called   by the protocols, on any thread.
 * Tested   tests/unit/store_model.c
 */
#include "base/clock.h"
#include "store/private.h"
#include "store/seen.h"

struct chunk_found {
    struct chunk chunk;
    bool found, bad;
};

static bool take_chunk(void *ctx, struct view key, struct view value)
{
    struct chunk_found *f = ctx;
    struct view rest = view_skip(key, 1);
    uint32_t mailbox, block;
    f->found = true;
    f->bad = !key_read_u32(&rest, &mailbox) || !key_read_u32(&rest, &block) || !chunk_read(block, value, &f->chunk);
    return false;
}

/* This block's chunk: one read, where a scan makes an iterator first. Most blocks below UIDNEXT have one. */
static enum store_error exact_chunk(const struct reader *reader, uint32_t mailbox, uint32_t block,
                                    struct chunk_found *f)
{
    struct key key = key_2('C', mailbox, block);
    struct buffer value = {0};
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &value);
    f->found = !err;
    f->bad = f->found && !chunk_read(block, buffer_view(&value), &f->chunk);
    buffer_free(&value);
    return err == STORE_NOT_FOUND ? STORE_OK : err;
}

/* The first chunk with a block >= from. present is 0 if there is none. */
static enum store_error next_chunk(const struct reader *reader, uint32_t mailbox, uint32_t from_block,
                                   struct chunk_found *f)
{
    struct key first = key_2('C', mailbox, from_block), all = key_1('C', mailbox), end = key_after(&all);
    enum store_error err = exact_chunk(reader, mailbox, from_block, f);
    if (!err && !f->found)
        err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&first), key_view(&end),
                          take_chunk, f, NULL);
    return err ? err : f->bad ? STORE_CORRUPT : STORE_OK;
}

enum store_error message_rows(const struct reader *reader, uint32_t mailbox, uint32_t from_uid,
                              struct message_rows *rows_r)
{
    struct chunk_found f;
    uint32_t from = from_uid ? from_uid : 1;
    rows_r->count = 0;
    rows_r->at_end = false;
    while (!rows_r->count) {
        enum store_error err = next_chunk(reader, mailbox, chunk_block(from), &f);
        if (err)
            return err;
        if (!f.found) {
            rows_r->at_end = true;
            return STORE_OK;
        }
        for (uint64_t left = f.chunk.present; left; left &= left - 1) {
            unsigned i = (unsigned)__builtin_ctzll(left);
            if (f.chunk.rows[i].uid >= from)
                rows_r->rows[rows_r->count++] = f.chunk.rows[i];
        }
        from = (f.chunk.block + 1) * CHUNK_ROWS + 1;
    }
    return seen_show(reader, mailbox, rows_r->rows, rows_r->count);
}

static enum store_error retained_message(const struct reader *reader, uint32_t mailbox, uint32_t uid,
                                         struct message_row *row_r)
{
    struct key key = key_2('R', mailbox, uid);
    struct buffer value = {0};
    struct retained_row row;
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &value);
    if (!err && !retained_read(buffer_view(&value), mailbox, uid, &row))
        err = STORE_CORRUPT;
    if (!err)
        *row_r = row.message;
    buffer_free(&value);
    return err == STORE_NOT_FOUND ? STORE_EXPUNGED : err;
}

enum store_error message_row(const struct reader *reader, uint32_t mailbox, uint32_t uid, struct message_row *row_r,
                             bool *expunged_r)
{
    struct key key = key_2('C', mailbox, chunk_block(uid));
    struct buffer value = {0};
    struct chunk chunk = {.present = 0};
    *expunged_r = false;
    if (!uid)
        return STORE_EXPUNGED;
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &value);
    if (!err && !chunk_read(chunk_block(uid), buffer_view(&value), &chunk))
        err = STORE_CORRUPT;
    buffer_free(&value);
    if (err && err != STORE_NOT_FOUND)
        return err;
    if (!err && (chunk.present & (1ull << chunk_bit(uid)))) {
        *row_r = chunk.rows[chunk_bit(uid)];
        return seen_show(reader, mailbox, row_r, 1);
    }
    *expunged_r = true;
    err = retained_message(reader, mailbox, uid, row_r);
    return err ? err : seen_show(reader, mailbox, row_r, 1);
}

enum store_error message_kept_uidl(const struct reader *reader, uint32_t mailbox, uint32_t uid, char *out, size_t size)
{
    struct key key = key_2('U', mailbox, uid);
    struct buffer value = {0};
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &value);
    if (!err)
        snprintf(out, size, "%.*s", VIEW_PRINTF(buffer_view(&value)));
    buffer_free(&value);
    return err;
}

static bool take_any(void *ctx, struct view key, struct view value)
{
    *(bool *)ctx = true;
    return false;
}

bool mailbox_has_kept_uidls(const struct reader *reader, uint32_t mailbox)
{
    struct key first = key_1('U', mailbox), end = key_after(&first);
    bool any = false;
    enum store_error err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&first),
                                       key_view(&end), take_any, &any, NULL);
    return err || any; /* not known without waiting: then the long way is right */
}
