/*
 * store/local/compact.c: mail that has settled leaves the log, mostly dead volumes are emptied; every record checked.
 *
 * Does     asks the schema which messages of a sealed volume live, copies those into packed volumes (large ones into
 *          large volumes), has the schema point to the new places, then makes a checkpoint of the index and unlinks the
 *          old file. The checkpoint is newer than all that was unlinked, so an index that is damaged later can be made
 *          again from it and from the log behind it.
 * Called   on pool and admin threads, one compaction at a time.
 * Waits    for the disk and for the writer.
 * Fails    a volume with damage that may be somebody's message is kept, and the damage named; all else of it is moved,
 *          and the other volumes are compacted. It is looked at again in its week's turn.
 * Tested   tests/unit/store_engine.c, tests/unit/store_model.c
 */
#include "base/clock.h"
#include "base/memory.h"
#include "store/local/local.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Copies are synced, and the schema is told, so many messages at a time; a message may have more accounts. */
enum { MOVES_AT_ONCE = 64, COPIED_AT_ONCE = 4 << 20, HOURS_OF_A_WEEK = 168 };

struct moving {
    struct mutation mutation;
    struct compacting *compacting;
    struct blob *blob;
    struct blob_location from;
};

struct compacting {
    struct engine *engine;
    const struct engine_compaction *schema;
    uint32_t number;
    int fd;
    struct window window;
    uint64_t octets, copied_octets;
    bool settled; /* all that lives is to be packed */
    bool stays;   /* something in it can't be read */
    /* What has been copied, and is about to be pointed to. */
    struct moving *moving;
    size_t count, capacity;
    size_t unsynced;
    pthread_mutex_t lock; /* guards what follows while moves are outstanding: the writer thread counts down */
    pthread_cond_t wake;
    size_t outstanding;
    enum store_error failed;
    size_t damaged; /* messages that may live and can't be moved */
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

/* STORE_CORRUPT: that can't be read. */
static enum store_error find_wanted(struct compacting *c, const struct record *record, uint64_t offset,
                                    struct wanted *wanted)
{
    size_t size = record_accounts_octets(record);
    const char *body = window_get(&c->window, offset + RECORD_HEADER, size);
    wanted->count = 0;
    wanted->from = (struct blob_location){
        .volume = c->number, .offset = offset, .stored_octets = record->octets, .octets = record->unpacked};
    memcpy(wanted->from.id, record->id, 16);
    if (!body)
        return STORE_CORRUPT;
    wanted->accounts = memory_resize(wanted->accounts, size ? size : 1);
    char *copy = memory_copy(body, size);
    for (uint32_t i = 0; i < record->account_count; i++) {
        uint64_t account = get_le(copy + (size_t)i * 8, 8);
        if (c->schema->live(c->schema->ctx, account, &wanted->from))
            wanted->accounts[wanted->count++] = account;
    }
    free(copy);
    return STORE_OK;
}

/* ---- moving ---- */

static enum store_error move_run(struct txn *txn, struct mutation *mutation)
{
    const struct moving *m = (const struct moving *)mutation;
    return m->compacting->schema->moved(txn, &m->from, &m->blob->location);
}

static void move_done(struct mutation *mutation)
{
    const struct moving *m = (const struct moving *)mutation;
    struct compacting *c = m->compacting;
    if (mutation->result == STORE_CORRUPT)
        volume_name_damage(m->from.volume, m->from.offset, "message's record");
    pthread_mutex_lock(&c->lock);
    if (mutation->result == STORE_CORRUPT)
        c->damaged++;
    else if (mutation->result && !c->failed)
        c->failed = mutation->result;
    if (--c->outstanding == 0)
        pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

/* All at once, so that they share the log's syncs. */
static enum store_error point_to_copies(struct compacting *c)
{
    c->outstanding = c->count;
    for (size_t i = 0; i < c->count; i++)
        engine_mutate(c->engine, &c->moving[i].mutation);
    pthread_mutex_lock(&c->lock);
    while (c->outstanding)
        pthread_cond_wait(&c->wake, &c->lock);
    pthread_mutex_unlock(&c->lock);
    return c->failed;
}

static enum store_error finish_moves(struct compacting *c, enum store_error error)
{
    if (!error)
        error = packed_sync(c->engine);
    if (!error && c->count)
        error = point_to_copies(c);
    for (size_t i = 0; i < c->count; i++)
        blob_unref(&c->moving[i].blob);
    c->count = c->unsynced = 0;
    return error;
}

/* Of a body that the scan found good. */
static enum store_error make_copy(struct compacting *c, const struct record *record, const struct wanted *wanted,
                                  struct blob **blob_r)
{
    if (record->kind == RECORD_LARGE)
        return blob_copy_large(c->engine, c->fd, c->number, &wanted->from, record, wanted->accounts, wanted->count,
                               blob_r);
    const char *body = window_get(&c->window, wanted->from.offset + RECORD_HEADER, record_body_octets(record));
    if (!body)
        return STORE_CORRUPT;
    return packed_add(c->engine, record, body, wanted->accounts, wanted->count, blob_r);
}

static void expect_move(struct compacting *c, uint64_t account, struct blob *blob, const struct blob_location *from)
{
    if (c->count == c->capacity) {
        c->capacity = c->capacity ? c->capacity * 2 : MOVES_AT_ONCE;
        c->moving = memory_resize(c->moving, c->capacity * sizeof *c->moving);
    }
    c->moving[c->count++] = (struct moving){
        .mutation = {.account = account, .run = move_run, .done = move_done, .frees_space = true},
        .compacting = c,
        .blob = blob_ref(blob),
        .from = *from,
    };
}

static enum store_error move_one(struct compacting *c, const struct record *record, const struct wanted *wanted)
{
    struct blob *blob = NULL;
    enum store_error error = make_copy(c, record, wanted, &blob);
    if (error)
        return error;
    for (size_t i = 0; i < wanted->count; i++)
        expect_move(c, wanted->accounts[i], blob, &wanted->from);
    c->copied_octets += blob->location.stored_octets;
    c->unsynced += blob->location.stored_octets;
    blob_unref(&blob);
    return c->count >= MOVES_AT_ONCE || c->unsynced >= COPIED_AT_ONCE ? finish_moves(c, STORE_OK) : STORE_OK;
}

/* ---- one volume ---- */

/* Headers of packed and large volumes are written last. What such a volume ends in without any was never pointed to: a
 * crash left it. */
static bool is_unfinished(struct compacting *c, const struct scan *scan, uint64_t offset, const struct record *record)
{
    static const char zeros[RECORD_HEADER];
    uint64_t left = c->octets - offset;
    size_t size = left < RECORD_HEADER ? (size_t)left : RECORD_HEADER;
    if (!(c->number & VOLUME_KIND) || record->kind || scan->at != c->octets)
        return false;
    const char *header = window_get(&c->window, offset, size);
    return header && memcmp(header, zeros, size) == 0;
}

static uint64_t count_live(struct compacting *c)
{
    struct scan scan = {.window = &c->window, .volume = c->number, .at = VOLUME_HEADER};
    struct wanted wanted = {0};
    struct record record;
    const char *body;
    uint64_t offset, live = 0;
    for (enum scan_found found; (found = scan_next(&scan, false, &offset, &record, &body)) != SCAN_END;) {
        bool counts = found == SCAN_RECORD && is_message(&record);
        if (counts && (find_wanted(c, &record, offset, &wanted) || wanted.count))
            live += record.octets;
    }
    free(wanted.accounts);
    return live;
}

/* The volume stays. In a packed or a large one what nobody wants may also be what a crash left of messages that were
 * never pointed to, before others that came to be written: then nothing is wrong. */
static void tell_damage(struct compacting *c, uint64_t offset, const struct record *record, bool wanted)
{
    c->stays = true;
    if ((c->number & VOLUME_KIND) && !wanted)
        return;
    volume_name_damage(c->number, offset, record->kind ? "message" : "stretch");
    c->damaged++;
}

/* What can't be read may be somebody's, also where the damage hides whose. */
static enum store_error move_all(struct compacting *c)
{
    struct scan scan = {.window = &c->window, .volume = c->number, .at = VOLUME_HEADER};
    struct wanted wanted = {0};
    struct record record;
    const char *body;
    uint64_t offset;
    enum store_error error = STORE_OK;
    for (enum scan_found found; !error && (found = scan_next(&scan, true, &offset, &record, &body)) != SCAN_END;) {
        if ((record.kind && !is_message(&record)) || is_unfinished(c, &scan, offset, &record))
            continue;
        bool known = record.kind && !find_wanted(c, &record, offset, &wanted);
        if (found != SCAN_RECORD || !known)
            error = STORE_CORRUPT;
        else if (wanted.count)
            error = move_one(c, &record, &wanted);
        if (error == STORE_CORRUPT) {
            tell_damage(c, offset, &record, known && wanted.count);
            error = STORE_OK;
        }
    }
    free(wanted.accounts);
    return finish_moves(c, error);
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

static bool has_settled(const struct engine *engine, const struct volume_entry *entry)
{
    return !(entry->number & VOLUME_KIND) && engine->options.pack_after_s && engine_settled(engine, entry->written_s);
}

/* A large volume may have been written to, and filled, while it was looked at. */
static bool has_grown(const struct compacting *c)
{
    struct stat st;
    return fstat(c->fd, &st) < 0 || (uint64_t)st.st_size != c->octets;
}

static enum store_error copy_out(struct compacting *c, uint64_t *freed_r)
{
    enum store_error error = move_all(c);
    if (!error && c->damaged)
        error = STORE_CORRUPT;
    if (error || c->stays)
        return error;
    error = make_checkpoint(c->engine);
    if (!error)
        error = volumes_remove(&c->engine->volumes, c->number);
    if (!error && c->octets > c->copied_octets)
        *freed_r += c->octets - c->copied_octets;
    return error;
}

static enum store_error compact_volume(struct compacting *c, uint64_t *freed_r)
{
    enum store_error error = STORE_OK;
    if (!c->settled && (double)count_live(c) >= c->schema->live_share_below * (double)c->octets)
        return STORE_OK;
    if (!blobs_compact(&c->engine->blobs, c->number))
        return STORE_OK; /* somebody is about to point into it: next time */
    if (!has_grown(c))
        error = copy_out(c, freed_r);
    blobs_compact(&c->engine->blobs, 0);
    return error;
}
static enum store_error open_volume(struct compacting *c, struct engine *engine, const struct volume_entry *entry)
{
    c->engine = engine;
    c->number = entry->number;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->wake, NULL);
    c->fd = volumes_open_for_append(&engine->volumes, entry->number);
    struct stat st;
    if (c->fd < 0 || fstat(c->fd, &st) < 0)
        return STORE_IO;
    c->octets = (uint64_t)st.st_size; /* entry's is older */
    window_init_file(&c->window, c->fd, c->octets);
    return STORE_OK;
}

static void close_volume(struct compacting *c)
{
    window_free(&c->window);
    free(c->moving);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wake);
    if (c->fd >= 0)
        close(c->fd);
}

/* To look at a volume costs a read of it and of the index: not each time. */
static bool is_its_turn(uint32_t number)
{
    uint64_t hour = (uint64_t)clock_wall_s() / 3600;
    return number % HOURS_OF_A_WEEK == hour % HOURS_OF_A_WEEK;
}

static enum store_error compact_one(struct engine *engine, const struct engine_compaction *schema,
                                    const struct volume_entry *entry, bool settled, uint64_t *freed_r)
{
    struct compacting c = {.schema = schema, .fd = -1, .settled = settled};
    enum store_error error = open_volume(&c, engine, entry);
    if (!error)
        error = compact_volume(&c, freed_r);
    close_volume(&c);
    if (error == STORE_CORRUPT)
        uidset_add(engine->damaged, entry->number);
    return error;
}

/* Nobody writes to it any more. */
static bool is_sealed(const struct engine *engine, uint32_t number, const struct position *end)
{
    if (!(number & VOLUME_KIND))
        return number < end->volume;
    return !packed_is_written(engine, number); /* large ones being written are refused by blobs_compact */
}

enum store_error engine_compact(struct engine *engine, const struct engine_compaction *schema, uint64_t *freed_r)
{
    struct volume_entry *list = NULL;
    size_t count = 0;
    struct position position;
    *freed_r = 0;
    if (atomic_load(&engine->read_only))
        return STORE_READ_ONLY;
    pthread_mutex_lock(&engine->compact_lock);
    enum store_error error = index_position(&engine->index, &position);
    if (!error)
        error = volumes_list(&engine->volumes, &list, &count);
    if (!error)
        error = packed_begin(engine, list, count);
    bool damaged = false, every = schema->every || engine_free_octets(engine) < 2 * engine->options.reserve_octets;
    for (size_t i = 0; i < count && !error; i++) {
        uint32_t number = list[i].number;
        bool settled = has_settled(engine, &list[i]), due = settled && !uidset_has(engine->damaged, number);
        if (is_sealed(engine, number, &position) && (due || every || is_its_turn(number)))
            error = compact_one(engine, schema, &list[i], settled, freed_r);
        damaged = damaged || error == STORE_CORRUPT;
        error = error == STORE_CORRUPT ? STORE_OK : error;
    }
    free(list);
    pthread_mutex_unlock(&engine->compact_lock);
    return damaged && !error ? STORE_CORRUPT : error;
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
        if (!good && !is_unfinished(c, &scan, offset, &record))
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
        if (!(list[i].number & VOLUME_KIND) && list[i].number > position.volume)
            continue;
        if (list[i].number == position.volume && position.offset < list[i].octets)
            list[i].octets = position.offset; /* what is being appended right now is not finished */
        error = open_volume(&c, engine, &list[i]);
        if (!error && list[i].octets < c.octets) { /* as of the list: what was appended since may not be finished */
            c.octets = list[i].octets;
            window_init_file(&c.window, c.fd, c.octets);
        }
        if (!error)
            check_volume(&c, &checking);
        close_volume(&c);
    }
    free(list);
    if (!error && index_check(&engine->index) == STORE_CORRUPT)
        bad(ctx, "the index holds damaged blocks");
    return error;
}
