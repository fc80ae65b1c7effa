/*
 * store/local/compact.c: volumes that hold mostly dead mail are copied out and unlinked; every record checked.
 *
 * Does     asks the schema which messages of a sealed volume live, logs those anew, has the schema point to the new
 *          places, then makes a checkpoint of the index and unlinks the old file. The checkpoint is newer than all that
 *          was unlinked, so an index that is damaged later can be made again from it and from the log behind it.
 * Called   on pool and admin threads, one compaction at a time.
 * Waits    for the disk and for the writer.
 * Fails    a volume with a damaged live message is kept, and named.
 * Tested   tests/unit/store_engine.c
 */
#include "base/log.h"
#include "base/memory.h"
#include "store/local/local.h"
#include <fcntl.h>
#include <unistd.h>

struct compacting {
    struct engine *engine;
    const struct engine_compaction *schema;
    uint32_t number;
    int fd;
    struct window window;
    uint64_t octets, live_octets;
};

/* ---- which accounts still want a message ---- */

struct wanted {
    struct blob_location from;
    uint64_t *accounts;
    size_t count;
};

static bool is_message(const struct record *record)
{
    return record->kind == RECORD_MESSAGE || record->kind == RECORD_LARGE;
}

/* The accounts are read from the body; it need not be good to be asked about. */
static bool find_wanted(struct compacting *c, const struct record *record, uint64_t offset, struct wanted *wanted)
{
    size_t size = record_accounts_octets(record);
    const char *body = window_get(&c->window, offset + RECORD_HEADER, size);
    wanted->count = 0;
    wanted->from = (struct blob_location){
        .volume = c->number, .offset = offset, .stored_octets = record->octets, .octets = record->unpacked};
    memcpy(wanted->from.id, record->id, 16);
    if (!body)
        return false;
    wanted->accounts = memory_resize(wanted->accounts, size ? size : 1);
    char *copy = memory_copy(body, size);
    for (uint32_t i = 0; i < record->account_count; i++) {
        uint64_t account = get_le(copy + (size_t)i * 8, 8);
        if (c->schema->live(c->schema->ctx, account, &wanted->from))
            wanted->accounts[wanted->count++] = account;
    }
    free(copy);
    return wanted->count > 0;
}

/* ---- moving one ---- */

struct placing {
    struct mutation mutation;
    struct blob *blob;
    struct blob_location to;
};

static enum store_error place(struct txn *txn, struct mutation *mutation)
{
    struct placing *placing = (struct placing *)mutation;
    return txn_place_blob(txn, placing->blob, &placing->to);
}

static enum store_error make_copy(struct compacting *c, const struct record *record, const struct wanted *wanted,
                                  struct blob **blob_r)
{
    if (record->kind == RECORD_LARGE)
        return blob_copy_large(c->engine, c->fd, c->number, &wanted->from, record, wanted->accounts, wanted->count,
                               blob_r);
    const char *body = window_get(&c->window, wanted->from.offset + RECORD_HEADER, record_body_octets(record));
    if (!body || !record_body_good(record, body, c->number, wanted->from.offset))
        return STORE_CORRUPT;
    *blob_r = blob_from_record(c->engine, record, body, wanted->accounts, wanted->count);
    return STORE_OK;
}

static enum store_error move_one(struct compacting *c, const struct record *record, const struct wanted *wanted)
{
    struct placing placing = {.mutation = {.account = wanted->accounts[0], .run = place, .frees_space = true}};
    enum store_error error = make_copy(c, record, wanted, &placing.blob);
    if (!error)
        error = engine_mutate_wait(c->engine, &placing.mutation);
    for (size_t i = 0; i < wanted->count && !error; i++)
        error = c->schema->moved(c->schema->ctx, wanted->accounts[i], &wanted->from, &placing.to);
    blob_unref(&placing.blob);
    if (error == STORE_CORRUPT)
        log_event(LOG_ERROR, "store.damage", "volume=%u offset=%llu what=\"message\"", c->number,
                  (unsigned long long)wanted->from.offset);
    return error;
}

/* ---- one volume ---- */

/* move false: only counts. */
static enum store_error walk(struct compacting *c, bool move)
{
    struct scan scan = {.window = &c->window, .volume = c->number, .at = VOLUME_HEADER};
    struct wanted wanted = {0};
    struct record record;
    const char *body;
    uint64_t offset;
    enum store_error error = STORE_OK;
    for (enum scan_found found; !error && (found = scan_next(&scan, false, &offset, &record, &body)) != SCAN_END;) {
        if (found != SCAN_RECORD || !is_message(&record) || !find_wanted(c, &record, offset, &wanted))
            continue;
        c->live_octets += move ? 0 : record.octets;
        if (move)
            error = move_one(c, &record, &wanted);
    }
    free(wanted.accounts);
    return error;
}

static enum store_error make_checkpoint(struct engine *engine)
{
    size_t size = strlen(engine->path) + 32;
    char *path = memory_new(size);
    snprintf(path, size, "%s/checkpoint.new", engine->path);
    enum store_error error = index_flush(&engine->index, true);
    if (!error)
        error = engine_remove_folder(engine, "checkpoint.new");
    if (!error)
        error = index_checkpoint(&engine->index, path);
    if (!error)
        error = engine_remove_folder(engine, "checkpoint");
    if (!error && (renameat(engine->folder_fd, "checkpoint.new", engine->folder_fd, "checkpoint") < 0 ||
                   fsync(engine->folder_fd) < 0))
        error = STORE_IO;
    free(path);
    return error;
}

static enum store_error compact_volume(struct compacting *c, double live_share_below, uint64_t *freed_r)
{
    enum store_error error = walk(c, false);
    if (error || (double)c->live_octets >= live_share_below * (double)c->octets)
        return error;
    if (!blobs_compact(&c->engine->blobs, c->number))
        return STORE_OK; /* somebody is about to point into it: next time */
    error = walk(c, true);
    if (!error)
        error = make_checkpoint(c->engine);
    if (!error)
        error = volumes_remove(&c->engine->volumes, c->number);
    if (!error)
        *freed_r += c->octets - c->live_octets;
    blobs_compact(&c->engine->blobs, 0);
    return error;
}

static enum store_error open_volume(struct compacting *c, struct engine *engine, const struct volume_entry *entry)
{
    c->engine = engine;
    c->number = entry->number;
    c->octets = entry->octets;
    c->fd = volumes_open_for_append(&engine->volumes, entry->number);
    if (c->fd < 0)
        return STORE_IO;
    window_init_file(&c->window, c->fd, entry->octets);
    return STORE_OK;
}

static void close_volume(struct compacting *c)
{
    window_free(&c->window);
    if (c->fd >= 0)
        close(c->fd);
}

enum store_error engine_compact(struct engine *engine, const struct engine_compaction *compaction,
                                double live_share_below, uint64_t *freed_r)
{
    struct volume_entry *list = NULL;
    size_t count = 0;
    struct position position;
    enum store_error error;
    *freed_r = 0;
    if (atomic_load(&engine->read_only))
        return STORE_READ_ONLY;
    pthread_mutex_lock(&engine->compact_lock);
    error = index_position(&engine->index, &position);
    if (!error)
        error = volumes_list(&engine->volumes, &list, &count);
    for (size_t i = 0; i < count && !error; i++) {
        if (!(list[i].number & VOLUME_LARGE) && list[i].number >= position.volume)
            continue; /* the log's end; large ones being written are refused by blobs_compact */
        struct compacting c = {.schema = compaction, .fd = -1};
        error = open_volume(&c, engine, &list[i]);
        if (!error)
            error = compact_volume(&c, live_share_below, freed_r);
        close_volume(&c);
    }
    free(list);
    pthread_mutex_unlock(&engine->compact_lock);
    return error;
}

/* ---- checking ---- */

struct checking {
    void (*bad)(void *ctx, const char *what);
    void *ctx;
};

static void tell(const struct checking *checking, uint32_t number, uint64_t offset, const char *what)
{
    char text[128], name[16];
    volume_name(number, name);
    snprintf(text, sizeof text, "volume %s, offset %llu: %s is damaged", name, (unsigned long long)offset, what);
    checking->bad(checking->ctx, text);
}

static bool frames_good(struct compacting *c, const struct record *record, uint64_t offset)
{
    size_t size = record_body_octets(record);
    const char *body = window_get(&c->window, offset + RECORD_HEADER, size);
    if (!body)
        return false;
    unsigned char *table =
        memory_copy(body + record_accounts_octets(record) + 8, size - record_accounts_octets(record) - 8);
    uint64_t at = offset + RECORD_HEADER + size;
    bool good = true;
    for (uint32_t i = 0; good && i < large_frames(record->unpacked); i++) {
        const unsigned char *row = table + (size_t)i * FRAME_ROW;
        size_t octets = (size_t)get_le(row, 4) & ~(size_t)FRAME_PACKED;
        const char *frame = window_get(&c->window, at, octets);
        good = frame && record_checksum(frame, octets, c->number, at) == get_le(row + 8, 8);
        at += octets;
    }
    free(table);
    return good;
}

static void check_volume(struct compacting *c, const struct checking *checking)
{
    static const char *const kinds[RECORD_KIND_END] = {"a stretch", "a message", "a set of changes", "a trailer",
                                                       "a large message"};
    struct scan scan = {.window = &c->window, .volume = c->number, .at = VOLUME_HEADER};
    struct record record;
    const char *body;
    uint64_t offset;
    for (enum scan_found found; (found = scan_next(&scan, true, &offset, &record, &body)) != SCAN_END;) {
        bool good = found == SCAN_RECORD && (record.kind != RECORD_LARGE || frames_good(c, &record, offset));
        if (!good)
            tell(checking, c->number, offset, kinds[record.kind < RECORD_KIND_END ? record.kind : 0]);
    }
}

enum store_error engine_check(struct engine *engine, void (*bad)(void *ctx, const char *what), void *ctx)
{
    struct checking checking = {bad, ctx};
    struct volume_entry *list = NULL;
    size_t count = 0;
    struct position position;
    enum store_error error = index_position(&engine->index, &position);
    if (!error)
        error = volumes_list(&engine->volumes, &list, &count);
    for (size_t i = 0; i < count && !error; i++) {
        struct compacting c = {.fd = -1};
        if (!(list[i].number & VOLUME_LARGE) && list[i].number > position.volume)
            continue;
        if (list[i].number == position.volume && position.offset < list[i].octets)
            list[i].octets = position.offset; /* what is being appended right now is not finished */
        error = open_volume(&c, engine, &list[i]);
        if (!error)
            check_volume(&c, &checking);
        close_volume(&c);
    }
    free(list);
    if (!error && index_check(&engine->index) == STORE_CORRUPT)
        bad(ctx, "the index holds damaged blocks");
    return error;
}
