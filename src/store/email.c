/*
 * store/email.c: email records, read in ascending order by a cursor, and the octets behind them.
 *
 * Called   by the protocols, on any thread; one thread a cursor, not kept while waiting.
 * Tested   tests/unit/store_model.c
 */
#include "base/memory.h"
#include "store/private.h"

struct email_cursor {
    struct reader reader;
    struct engine_cursor *cursor;
    uint64_t at; /* the number of the record under the engine's cursor; 0: nowhere */
};

struct email_cursor *email_cursor_new(const struct reader *reader)
{
    struct email_cursor *c = NEW(struct email_cursor);
    c->reader = *reader;
    c->cursor = engine_cursor_new(reader->store->engine, reader->mode, reader->account);
    return c;
}

void email_cursor_free(struct email_cursor **cursor)
{
    struct email_cursor *old = *cursor;
    *cursor = NULL;
    if (!old)
        return;
    engine_cursor_free(&old->cursor);
    free(old);
}

static enum store_error open_email(struct view value, uint64_t number, struct email *email_r)
{
    struct email_row row;
    if (!email_row_read(value, &row) || !digest_open_checked(row.digest, &email_r->digest))
        return STORE_CORRUPT;
    email_r->number = number;
    email_r->thread = row.thread;
    email_r->blob = row.blob;
    email_r->received_utc_s = row.received_utc_s;
    email_r->digest_octets = row.digest;
    return STORE_OK;
}

enum store_error email_cursor_read(struct email_cursor *c, uint64_t number, struct email *email_r)
{
    struct key wanted = key_email(number);
    struct view key, value;
    enum store_error err;
    /* Mail is read in the order in which it came: the next record is most often the one. */
    if (c->at && number == c->at + 1)
        err = engine_cursor_next(c->cursor, &key, &value);
    else
        err = engine_cursor_seek(c->cursor, key_view(&wanted), &key, &value);
    c->at = 0;
    if (!err && !view_equal(key, key_view(&wanted)))
        err = STORE_NOT_FOUND;
    if (err)
        return err == STORE_NOT_FOUND ? STORE_EXPUNGED : err;
    c->at = number;
    return open_email(value, number, email_r);
}

enum store_error email_read(const struct reader *reader, uint64_t number, struct buffer *octets, struct email *email_r)
{
    struct key key = key_email(number);
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), octets);
    if (err)
        return err == STORE_NOT_FOUND ? STORE_EXPUNGED : err;
    return open_email(buffer_view(octets), number, email_r);
}

enum store_error blob_octets(const struct reader *reader, const struct blob_location *blob, uint64_t offset,
                             uint64_t size, struct buffer *out)
{
    if (offset > blob->octets)
        offset = blob->octets;
    if (size > blob->octets - offset)
        size = blob->octets - offset;
    return size ? blob_read(reader->store->engine, reader->mode, reader->account, blob, offset, (size_t)size, out)
                : STORE_OK;
}

enum store_error email_octets(const struct reader *reader, const struct email *email, uint64_t offset, uint64_t size,
                              struct buffer *out)
{
    enum store_error err = blob_octets(reader, &email->blob, offset, size, out);
    if (err != STORE_NOT_FOUND)
        return err;
    struct buffer octets = {0};
    struct email now;
    err = email_read(reader, email->number, &octets, &now);
    if (!err)
        err = blob_octets(reader, &now.blob, offset, size, out);
    buffer_free(&octets);
    return err;
}
