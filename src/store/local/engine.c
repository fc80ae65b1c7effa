/*
 * store/local/engine.c: store/engine.h for one machine: opening, reading, what it says of itself, closing.
 *
 * Called   engine_open and engine_close once; reads on any thread.
 * Waits    engine_open for the replay; reads only with READ_BLOCKING.
 * Fails    a damaged index is made anew from the log (or from the checkpoint and the log behind it).
 * Tested   tests/unit/store_engine.c, tests/crash/
 */
#include "base/log.h"
#include "base/memory.h"
#include "store/local/local.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { POOL_THREADS_DEFAULT = 4 };

/* ---- opening ---- */

static uint64_t reserve_default(const struct engine *engine)
{
    struct statvfs st;
    uint64_t share = fstatvfs(engine->folder_fd, &st) < 0 ? 0 : (uint64_t)st.f_blocks * st.f_frsize / 100;
    return share > RESERVE_OCTETS_DEFAULT ? share : RESERVE_OCTETS_DEFAULT;
}

static void fill_defaults(struct engine *engine)
{
    struct engine_options *o = &engine->options;
    if (!o->volume_octets)
        o->volume_octets = VOLUME_OCTETS_DEFAULT;
    if (!o->flush_octets)
        o->flush_octets = FLUSH_OCTETS_DEFAULT;
    if (!o->reserve_octets)
        o->reserve_octets = reserve_default(engine);
    if (!o->pool_threads)
        o->pool_threads = POOL_THREADS_DEFAULT;
    if (!o->zstd_level)
        o->zstd_level = 1;
}

/* The checkpoint, if there is one, takes the place of an index that can't be opened; else it is made anew. */
static void replace_index(struct engine *engine)
{
    struct stat st;
    bool checkpoint = fstatat(engine->folder_fd, "checkpoint", &st, 0) == 0;
    log_event(LOG_ERROR, "store.index", "doing=replace from=%s", checkpoint ? "checkpoint" : "log");
    engine_remove_folder(engine, "index.bad");
    renameat(engine->folder_fd, "index", engine->folder_fd, "index.bad");
    if (checkpoint)
        renameat(engine->folder_fd, "checkpoint", engine->folder_fd, "index");
}

static enum store_error open_index(struct engine *engine, char *error, size_t error_size)
{
    bool damaged;
    char *path = memory_new(strlen(engine->path) + 16);
    snprintf(path, strlen(engine->path) + 16, "%s/index", engine->path);
    enum store_error result =
        index_open(&engine->index, path, engine->options.cache_octets, &damaged, error, error_size);
    if (result && damaged && !engine->options.read_only) {
        replace_index(engine);
        result = index_open(&engine->index, path, engine->options.cache_octets, &damaged, error, error_size);
    }
    free(path);
    return result;
}

static enum store_error open_log(struct engine *engine, char *error, size_t error_size)
{
    struct volume_entry *list = NULL;
    size_t count = 0;
    struct position end;
    bool lost = false;
    enum store_error result = volumes_list(&engine->volumes, &list, &count);
    for (size_t i = 0; i < count; i++)
        atomic_fetch_add(&engine->volumes.octets, list[i].octets);
    atomic_store(&engine->volumes.count, count);
    if (!result)
        result = replay_log(engine, list, count, &end, &lost, error, error_size);
    if (!result && lost)
        result = engine_raise_epoch(engine);
    if (!result)
        result = blobs_open(engine, list, count);
    free(list);
    if (!result)
        result = writer_start(engine, &end);
    if (result && !*error)
        snprintf(error, error_size, "the volumes in %s can't be used: %s", engine->path, store_error_text(result));
    return result;
}

enum store_error engine_open(const struct engine_options *options, struct engine **engine_r, char *error,
                             size_t error_size)
{
    static _Atomic uint64_t serials;
    struct engine *engine = NEW(struct engine);
    engine->options = *options;
    engine->path = memory_string(options->path);
    engine->options.path = engine->path;
    engine->serial = atomic_fetch_add(&serials, 1) + 1;
    engine->folder_fd = engine->lock_fd = engine->volumes.folder_fd = -1;
    if (error_size)
        *error = '\0';
    pthread_mutex_init(&engine->compact_lock, NULL);
    engine->damaged = uidset_new();
    pthread_mutex_init(&engine->reason_lock, NULL);
    blobs_init(&engine->blobs);
    packed_init(&engine->packed);
    enum store_error result = engine_open_folder(engine, error, error_size);
    if (!result) {
        fill_defaults(engine);
        result = open_index(engine, error, error_size);
    }
    if (!result)
        result = open_log(engine, error, error_size);
    if (result) {
        engine_close(&engine);
        *engine_r = NULL;
        return result;
    }
    atomic_store(&engine->read_only, options->read_only);
    if (options->read_only)
        snprintf(engine->reason, sizeof engine->reason, "opened read-only");
    task_pool_start(&engine->pool, engine->options.pool_threads);
    *engine_r = engine;
    return STORE_OK;
}

void engine_close(struct engine **engine_p)
{
    struct engine *engine = *engine_p;
    *engine_p = NULL;
    if (!engine)
        return;
    if (engine->pool.threads)
        task_pool_stop(&engine->pool);
    writer_stop(engine);
    if (engine->index.db)
        index_flush(&engine->index, true);
    index_close(&engine->index);
    blobs_free(&engine->blobs);
    packed_free(&engine->packed);
    if (engine->volumes.folder_fd >= 0)
        volumes_free(&engine->volumes);
    engine_close_folder(engine);
    pthread_mutex_destroy(&engine->compact_lock);
    uidset_unref(&engine->damaged);
    pthread_mutex_destroy(&engine->reason_lock);
    free(engine->path);
    free(engine);
}

uint32_t engine_epoch(const struct engine *engine)
{
    return engine->epoch;
}

void engine_stop_writing(struct engine *engine, const char *reason)
{
    pthread_mutex_lock(&engine->reason_lock);
    if (!atomic_exchange(&engine->read_only, true)) {
        snprintf(engine->reason, sizeof engine->reason, "%s", reason);
        log_event(LOG_ERROR, "store.read-only", "reason=\"%s\"", reason);
    }
    pthread_mutex_unlock(&engine->reason_lock);
}

void engine_on_touched(struct engine *engine, void (*touched)(void *ctx, const struct touch *touch), void *ctx)
{
    engine->touched_ctx = ctx;
    engine->touched = touched;
}

/* ---- reading ---- */

enum store_error engine_get(struct engine *engine, enum read_mode mode, uint64_t account, struct view key,
                            struct buffer *out)
{
    return index_get(&engine->index, mode, account, key, out);
}

enum store_error engine_scan(struct engine *engine, enum read_mode mode, uint64_t account, struct view from,
                             struct view to, engine_row *row, void *ctx, bool *more_r)
{
    struct range range;
    struct view key, value;
    enum store_error error = STORE_OK;
    bool more = false;
    if (!range_open(&range, &engine->index, mode, NULL, account, from, to))
        return STORE_LIMIT;
    for (size_t rows = 0; !(error = range_row(&range, &key, &value)); rows++) {
        if (rows == ENGINE_SCAN_MAX || !row(ctx, key, value)) {
            more = true;
            break;
        }
        rocksdb_iter_next(range.iterator);
    }
    range_close(&range);
    if (more_r)
        *more_r = more;
    return error == STORE_NOT_FOUND ? STORE_OK : error;
}

struct engine_cursor {
    struct engine *engine;
    enum read_mode mode;
    uint64_t account;
    bool open;
    struct range range;
};

struct engine_cursor *engine_cursor_new(struct engine *engine, enum read_mode mode, uint64_t account)
{
    struct engine_cursor *cursor = NEW(struct engine_cursor);
    cursor->engine = engine;
    cursor->mode = mode;
    cursor->account = account;
    return cursor;
}

enum store_error engine_cursor_seek(struct engine_cursor *cursor, struct view key, struct view *key_r,
                                    struct view *value_r)
{
    if (cursor->open)
        range_seek(&cursor->range, cursor->account, key);
    else if (!range_open(&cursor->range, &cursor->engine->index, cursor->mode, NULL, cursor->account, key, VIEW_EMPTY))
        return STORE_LIMIT;
    cursor->open = true;
    return range_row(&cursor->range, key_r, value_r);
}

enum store_error engine_cursor_next(struct engine_cursor *cursor, struct view *key_r, struct view *value_r)
{
    if (!cursor->open || !rocksdb_iter_valid(cursor->range.iterator))
        return STORE_NOT_FOUND;
    rocksdb_iter_next(cursor->range.iterator);
    return range_row(&cursor->range, key_r, value_r);
}

void engine_cursor_free(struct engine_cursor **cursor)
{
    if (*cursor && (*cursor)->open)
        range_close(&(*cursor)->range);
    free(*cursor);
    *cursor = NULL;
}

/* ---- what it says of itself ---- */

void engine_status(struct engine *engine, struct engine_status *status_r)
{
    uint64_t octets = atomic_load(&engine->volumes.octets), dead = atomic_load(&engine->dead_octets);
    *status_r = (struct engine_status){
        .volumes = atomic_load(&engine->volumes.count),
        .volume_octets = octets,
        .live_octets = octets > dead ? octets - dead : 0,
        .index_octets = index_octets(&engine->index),
        .batches = atomic_load(&engine->batches),
        .mutations = atomic_load(&engine->mutations),
        .syncs = atomic_load(&engine->syncs),
        .sync_us = atomic_load(&engine->sync_us),
        .free_octets = engine_free_octets(engine),
        .read_only = atomic_load(&engine->read_only),
    };
    pthread_mutex_lock(&engine->reason_lock);
    memcpy(status_r->reason, engine->reason, sizeof status_r->reason);
    pthread_mutex_unlock(&engine->reason_lock);
}
