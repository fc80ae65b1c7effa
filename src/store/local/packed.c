/*
 * store/local/packed.c: packed volumes: where mail ends that has settled.
 *
 * Does     packs messages on their way out of the log, and writes them behind each other into volumes of their own, so
 *          that none is packed twice and the log holds new mail only.
 * Owns     struct packed_writer: the volume that is being written. What isn't full is gone on with by the next
 *          compaction, also after a restart.
 * Called   by compaction, under compact_lock; packed_init and packed_free when the engine opens and closes.
 * Waits    for the disk.
 * Fails    a write that fails leaves the volume as it was at the last packed_sync, and nothing points behind that.
 * Tested   tests/unit/store_model.c
 *
 * Bodies are synced before headers are written: where a header is good, so is what is behind it. What a crash leaves
 * without headers is cut off.
 */
#include "base/log.h"
#include "base/memory.h"
#include "store/local/local.h"
#include <unistd.h>

void packed_init(struct packed_writer *packed)
{
    *packed = (struct packed_writer){.fd = -1};
}

static void close_volume(struct packed_writer *packed)
{
    if (packed->fd >= 0)
        close(packed->fd);
    packed->fd = -1;
}

void packed_free(struct packed_writer *packed)
{
    close_volume(packed);
    buffer_free(&packed->octets);
    free(packed->headers);
    packed_init(packed);
}

bool packed_is_written(const struct engine *engine, uint32_t number)
{
    return engine->packed.fd >= 0 && engine->packed.number == number;
}

/* ---- the volume to go on with ---- */

enum store_error packed_begin(struct engine *engine, const struct volume_entry *list, size_t count)
{
    struct packed_writer *packed = &engine->packed;
    const struct volume_entry *newest = NULL;
    if (packed->known)
        return STORE_OK;
    for (size_t i = 0; i < count; i++)
        if ((list[i].number & VOLUME_KIND) == VOLUME_PACKED)
            newest = &list[i];
    packed->number = newest ? newest->number : VOLUME_PACKED;
    enum store_error error = STORE_OK;
    if (newest && newest->octets < engine->options.volume_octets)
        error = volumes_go_on(&engine->volumes, newest, true, &packed->fd, &packed->end);
    packed->known = !error;
    return error;
}

static enum store_error begin_volume(struct engine *engine)
{
    struct packed_writer *packed = &engine->packed;
    enum store_error error = volumes_create(&engine->volumes, packed->number + 1, 0, &packed->fd);
    if (error)
        return error;
    packed->number++;
    packed->end = VOLUME_HEADER;
    return STORE_OK;
}

/* ---- messages ---- */

static void append_record(struct packed_writer *packed, struct record *record, const uint64_t *accounts,
                          struct view stored)
{
    static const char later[RECORD_HEADER];
    unsigned char account[8];
    uint64_t offset = packed->end + buffer_size(&packed->octets);
    buffer_append(&packed->octets, later, sizeof later);
    size_t body = buffer_size(&packed->octets);
    for (uint32_t i = 0; i < record->account_count; i++) {
        put_le(account, sizeof account, accounts[i]);
        buffer_append(&packed->octets, account, sizeof account);
    }
    buffer_append_view(&packed->octets, stored);
    struct view all = view_skip(buffer_view(&packed->octets), body);
    record->octets = (uint32_t)(RECORD_HEADER + all.size);
    record->body_checksum = record_checksum(all.data, all.size, packed->number, offset + RECORD_HEADER);
    if (packed->header_count == packed->header_capacity) {
        packed->header_capacity = packed->header_capacity ? packed->header_capacity * 2 : 64;
        packed->headers = memory_resize(packed->headers, packed->header_capacity * sizeof *packed->headers);
    }
    packed->headers[packed->header_count++] = (struct packed_header){.record = *record, .offset = offset};
}

enum store_error packed_add(struct engine *engine, const struct record *from, const char *body,
                            const uint64_t *accounts, size_t account_count, struct blob **blob_r)
{
    struct packed_writer *packed = &engine->packed;
    enum store_error error = STORE_OK;
    if (packed->fd >= 0 && packed->end + buffer_size(&packed->octets) >= engine->options.volume_octets) {
        error = packed_sync(engine);
        close_volume(packed);
    }
    if (!error && packed->fd < 0)
        error = begin_volume(engine);
    if (error)
        return error;
    size_t skip = record_accounts_octets(from);
    struct view stored = view_of(body + skip, from->octets - RECORD_HEADER - skip);
    struct view smaller = from->flags & RECORD_PACKED ? VIEW_EMPTY : blob_pack(engine, stored);
    struct record record = {.kind = RECORD_MESSAGE,
                            .flags = smaller.size ? RECORD_PACKED : from->flags,
                            .account_count = (uint32_t)account_count,
                            .dictionary = from->dictionary,
                            .unpacked = from->unpacked};
    memcpy(record.id, from->id, 16);
    struct blob_location to = {
        .volume = packed->number, .offset = packed->end + buffer_size(&packed->octets), .octets = from->unpacked};
    memcpy(to.id, from->id, 16);
    append_record(packed, &record, accounts, smaller.size ? smaller : stored);
    to.stored_octets = record.octets;
    *blob_r = blob_at(engine, &to, accounts, account_count);
    return STORE_OK;
}

static enum store_error sync_volume(struct engine *engine)
{
    if (fdatasync(engine->packed.fd) == 0)
        return STORE_OK;
    engine_stop_writing(engine, "a packed volume could not be synced");
    return STORE_READ_ONLY;
}

static enum store_error write_headers(struct packed_writer *packed)
{
    enum store_error error = STORE_OK;
    for (size_t i = 0; i < packed->header_count && !error; i++) {
        unsigned char octets[RECORD_HEADER];
        record_encode(&packed->headers[i].record, packed->number, packed->headers[i].offset, octets);
        error = volume_write(packed->fd, octets, sizeof octets, packed->headers[i].offset);
    }
    return error;
}

static void tell_probe(const struct packed_writer *packed)
{
    if (engine_probe)
        atomic_store(&engine_probe->packed_synced, (uint64_t)(packed->number & ~VOLUME_KIND) << 40 | packed->end);
}

enum store_error packed_sync(struct engine *engine)
{
    struct packed_writer *packed = &engine->packed;
    struct view octets = buffer_view(&packed->octets);
    if (!octets.size)
        return STORE_OK;
    enum store_error error = volume_write(packed->fd, octets.data, octets.size, packed->end);
    if (!error)
        error = sync_volume(engine);
    if (!error)
        error = write_headers(packed);
    if (!error)
        error = sync_volume(engine);
    if (!error) {
        packed->end += octets.size;
        atomic_fetch_add(&engine->volumes.octets, octets.size);
        tell_probe(packed);
    } else if (ftruncate(packed->fd, (off_t)packed->end) < 0) {
        log_event(LOG_WARN, "store.cut", "volume=%u", packed->number & ~VOLUME_KIND);
    }
    buffer_clear(&packed->octets);
    packed->header_count = 0;
    return error;
}
