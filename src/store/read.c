/*
 * store/read.c: messages read by UID: a chunk at a time, or one, expunged ones from what is retained.
 *
 * Called   by the protocols, on any thread.
 * Tested   tests/unit/store_model.c
 */
#include "base/memory.h"
#include "store/private.h"
#include "store/seen.h"

struct row_cursor {
    struct reader reader;
    uint32_t mailbox;
    bool begun;
    struct engine_cursor *cursor;
    uint32_t under; /* the block under the engine's cursor, if `placed` */
    bool placed;
};

/* ---- one chunk ---- */

/* This block's chunk: one read, where a cursor makes an iterator first. Most blocks below UIDNEXT have one. */
static enum store_error exact_chunk(const struct reader *reader, uint32_t mailbox, uint32_t block, struct chunk *chunk)
{
    struct key key = key_2('C', mailbox, block);
    struct buffer value = {0};
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &value);
    if (!err && !chunk_read(block, buffer_view(&value), chunk))
        err = STORE_CORRUPT;
    buffer_free(&value);
    return err;
}

/* The chunk that a row of the engine holds. STORE_NOT_FOUND: it is of something else. */
static enum store_error take_chunk(const struct row_cursor *c, struct view key, struct view value, struct chunk *chunk)
{
    struct key all = key_1('C', c->mailbox);
    struct view rest = view_skip(key, all.size);
    uint32_t block;
    if (!view_starts_with(key, key_view(&all)))
        return STORE_NOT_FOUND;
    return key_read_u32(&rest, &block) && chunk_read(block, value, chunk) ? STORE_OK : STORE_CORRUPT;
}

/* The first chunk with a block >= wanted. STORE_NOT_FOUND: there is none. */
static enum store_error next_chunk(struct row_cursor *c, uint32_t wanted, struct chunk *chunk)
{
    struct key first = key_2('C', c->mailbox, wanted);
    struct view key, value;
    enum store_error err = c->begun ? STORE_NOT_FOUND : exact_chunk(&c->reader, c->mailbox, wanted, chunk);
    c->begun = true;
    if (err != STORE_NOT_FOUND)
        return err;
    if (!c->cursor)
        c->cursor = engine_cursor_new(c->reader.store->engine, c->reader.mode, c->reader.account);
    if (c->placed && wanted == c->under + 1)
        err = engine_cursor_next(c->cursor, &key, &value);
    else
        err = engine_cursor_seek(c->cursor, key_view(&first), &key, &value);
    if (!err)
        err = take_chunk(c, key, value, chunk);
    c->placed = !err;
    if (!err)
        c->under = chunk->block;
    return err;
}

/* ---- many ---- */

struct row_cursor *row_cursor_new(const struct reader *reader, uint32_t mailbox)
{
    struct row_cursor *c = NEW(struct row_cursor);
    c->reader = *reader;
    c->mailbox = mailbox;
    return c;
}

void row_cursor_free(struct row_cursor **cursor)
{
    if (*cursor)
        engine_cursor_free(&(*cursor)->cursor);
    free(*cursor);
    *cursor = NULL;
}

enum store_error row_cursor_rows(struct row_cursor *c, uint32_t from_uid, struct message_rows *rows_r)
{
    struct chunk chunk;
    uint32_t from = from_uid ? from_uid : 1;
    rows_r->count = 0;
    rows_r->at_end = false;
    while (!rows_r->count) {
        enum store_error err = next_chunk(c, chunk_block(from), &chunk);
        if (err == STORE_NOT_FOUND) {
            rows_r->at_end = true;
            return STORE_OK;
        }
        if (err)
            return err;
        for (uint64_t left = chunk.present; left; left &= left - 1) {
            unsigned i = (unsigned)__builtin_ctzll(left);
            if (chunk.rows[i].uid >= from)
                rows_r->rows[rows_r->count++] = chunk.rows[i];
        }
        from = (chunk.block + 1) * CHUNK_ROWS + 1;
    }
    return seen_show(&c->reader, c->mailbox, rows_r->rows, rows_r->count);
}

enum store_error message_rows(const struct reader *reader, uint32_t mailbox, uint32_t from_uid,
                              struct message_rows *rows_r)
{
    struct row_cursor c = {.reader = *reader, .mailbox = mailbox};
    enum store_error err = row_cursor_rows(&c, from_uid, rows_r);
    engine_cursor_free(&c.cursor);
    return err;
}

/* ---- one message ---- */

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
