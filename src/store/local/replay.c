/*
 * store/local/replay.c: the index brought up to the log's end at start, and a torn tail cut off.
 *
 * Does     steps through the volumes behind the index's position, batch by batch; a batch counts if its trailer does:
 *          then its write sets go into the index, with the position, in one step.
 * Called   engine_open, before the writer starts; replay_volume also by the fuzzer.
 * Fails    what is damaged is passed over and named; *lost_r says that some change may be gone, so ids must jump.
 * Tested   tests/unit/store_engine.c, tests/crash/, fuzz/volume.c
 */
#include "base/log.h"
#include "store/local/local.h"
#include <sys/stat.h>
#include <unistd.h>

enum { PENDING_OCTETS = 16 << 20 };

/* ---- one batch ---- */

struct batch {
    uint64_t start, chain;
    uint32_t count;
    bool broken;         /* a header inside it is bad, so its count can't be right */
    bool damaged;        /* a write set in it is bad */
    uint64_t bad_offset; /* of the first message in it that is bad; 0: none */
};

static bool stage_write_set(struct replay *replay, const struct record *record, const char *body)
{
    struct index_key key;
    struct operation operation;
    uint64_t account = get_le(body, 8);
    size_t at = 0;
    struct view set = view_of(body + record_accounts_octets(record), record->octets - RECORD_HEADER - 8);
    while (operation_next(set, &at, &operation)) {
        if (!index_key_make(&key, account, operation.key))
            return false;
        if (!replay->pending)
            continue;
        if (operation.put)
            rocksdb_writebatch_put(replay->pending, key.octets, key.size, operation.value.data, operation.value.size);
        else
            rocksdb_writebatch_delete(replay->pending, key.octets, key.size);
    }
    replay->pending_octets += set.size;
    return at == set.size;
}

static enum store_error write_pending(struct replay *replay)
{
    if (!replay->index || !replay->pending_octets)
        return STORE_OK;
    enum store_error error = index_write(replay->index, replay->pending, &replay->end);
    rocksdb_writebatch_clear(replay->pending);
    replay->pending_octets = 0;
    return error;
}

static void batch_begin(struct replay *replay, struct batch *batch, uint64_t start)
{
    *batch = (struct batch){.start = start};
    if (replay->pending)
        rocksdb_writebatch_set_save_point(replay->pending);
}

static void batch_undo(struct replay *replay)
{
    char *message = NULL;
    if (!replay->pending)
        return;
    rocksdb_writebatch_rollback_to_save_point(replay->pending, &message);
    index_error(message, "replay");
}

static void name_damage(struct replay *replay, uint32_t volume, uint64_t offset, const char *what)
{
    replay->damaged++;
    volume_name_damage(volume, offset, what);
}

static bool trailer_fits(const struct replay *replay, const struct batch *batch, const struct record *record,
                         const char *body, struct trailer *trailer_r)
{
    return trailer_decode(body, record->octets - (size_t)RECORD_HEADER, trailer_r) && !batch->broken &&
           trailer_r->start == batch->start && trailer_r->count == batch->count && trailer_r->chain == batch->chain &&
           trailer_r->batch > replay->end.batch;
}

/*
 * A trailer that is whole. Each batch is synced before the next is written: if anything follows, all of this one was on
 * disk, and what is bad in it has rotted and is named. If nothing follows, it is the batch that the crash tore.
 */
static enum store_error batch_end(struct replay *replay, struct batch *batch, uint32_t volume, uint64_t behind,
                                  const struct record *record, const char *body, bool followed)
{
    struct trailer trailer;
    bool fits = trailer_fits(replay, batch, record, body, &trailer);
    bool whole = fits && !batch->damaged && !batch->bad_offset;
    if (!fits || (!whole && !followed)) {
        batch_undo(replay);
        if (followed)
            name_damage(replay, volume, batch->start, "batch");
        batch_begin(replay, batch, behind);
        return STORE_OK;
    }
    if (batch->bad_offset)
        name_damage(replay, volume, batch->bad_offset, "message");
    if (batch->damaged || trailer.batch != replay->end.batch + 1)
        name_damage(replay, volume, batch->start, "changes before or in this batch are lost");
    replay->end = (struct position){.volume = volume, .offset = behind, .batch = trailer.batch};
    replay->batches++;
    replay->pending_octets++; /* so that the position is written even without operations */
    enum store_error error = replay->pending_octets >= PENDING_OCTETS ? write_pending(replay) : STORE_OK;
    batch_begin(replay, batch, behind);
    return error;
}

static void batch_record(struct replay *replay, struct batch *batch, uint64_t offset, const struct record *record,
                         const char *body, bool good)
{
    batch->count++;
    batch->chain = record_chain(batch->chain, record->header_checksum);
    if (record->kind == RECORD_WRITE_SET)
        batch->damaged = batch->damaged || !good || !stage_write_set(replay, record, body);
    else if (!good && !batch->bad_offset)
        batch->bad_offset = offset;
}

/* ---- one volume ---- */

/* Is there a record behind this place that a writer began later? */
static bool something_follows(const struct scan *scan)
{
    struct scan ahead = *scan;
    struct record record;
    const char *body;
    uint64_t offset;
    for (enum scan_found found; (found = scan_next(&ahead, false, &offset, &record, &body)) != SCAN_END;)
        if (found == SCAN_RECORD)
            return true;
    return false;
}

static enum store_error end_of_batch(struct replay *replay, struct batch *batch, struct scan *scan, uint32_t volume,
                                     const struct record *record, const char *body, bool last)
{
    /* The body's octets move when the window looks ahead. */
    char payload[TRAILER_PAYLOAD];
    memcpy(payload, body, sizeof payload);
    return batch_end(replay, batch, volume, scan->at, record, payload, !last || something_follows(scan));
}

enum store_error replay_volume(struct replay *replay, struct window *window, uint32_t volume, uint64_t from, bool last)
{
    struct scan scan = {.window = window, .volume = volume, .at = from};
    struct batch batch;
    struct record record;
    const char *body;
    uint64_t offset;
    enum store_error error = STORE_OK;
    batch_begin(replay, &batch, from);
    for (enum scan_found found; !error && (found = scan_next(&scan, true, &offset, &record, &body)) != SCAN_END;) {
        if (record.kind == 0 || (record.kind == RECORD_TRAILER && found == SCAN_BAD))
            batch.broken = true;
        else if (record.kind == RECORD_TRAILER)
            error = end_of_batch(replay, &batch, &scan, volume, &record, body, last);
        else
            batch_record(replay, &batch, offset, &record, body, found == SCAN_RECORD);
    }
    batch_undo(replay);
    return error ? error : write_pending(replay);
}

static bool header_good(struct engine *engine, struct window *window, uint32_t number, uint64_t *first_batch_r)
{
    struct volume_header header = {0};
    const char *octets = window_get(window, 0, VOLUME_HEADER);
    bool good = octets && volume_header_decode(octets, VOLUME_HEADER, number, &header) &&
                memcmp(header.store_id, engine->store_id, 16) == 0;
    *first_batch_r = header.first_batch;
    return good;
}

/* What was found is shown to clients from now on, so it must stay: a batch that a killed process wrote and never
 * synced counts, and is synced here. What is torn is cut. */
static enum store_error settle_end(struct engine *engine, int fd, const struct volume_entry *entry,
                                   const struct position *end)
{
    if (entry->octets > end->offset) {
        uint64_t torn = entry->octets - end->offset;
        log_event(LOG_INFO, "store.cut", "volume=%u octets=%llu", entry->number, (unsigned long long)torn);
        if (ftruncate(fd, (off_t)end->offset) < 0)
            return STORE_IO;
        atomic_fetch_sub(&engine->volumes.octets, torn);
    }
    if (fsync(fd) < 0)
        return STORE_IO;
    if (engine_probe)
        atomic_store(&engine_probe->synced, (uint64_t)end->volume << 40 | end->offset);
    return STORE_OK;
}

static enum store_error replay_file(struct engine *engine, struct replay *replay, const struct volume_entry *entry,
                                    uint64_t from, bool last)
{
    struct window window;
    uint64_t first_batch;
    enum store_error error = STORE_OK;
    int fd = volumes_open_for_append(&engine->volumes, entry->number);
    if (fd < 0)
        return STORE_IO;
    window_init_file(&window, fd, entry->octets);
    if (!header_good(engine, &window, entry->number, &first_batch)) {
        if (!last) /* the last one may just have been begun: it is made anew when it is its turn */
            name_damage(replay, entry->number, 0, "header of the volume");
        goto out;
    }
    if (first_batch > replay->end.batch + 1)
        name_damage(replay, entry->number, 0, "changes before this volume are lost");
    if (from > entry->octets) {
        name_damage(replay, entry->number, entry->octets, "the volume is shorter than what was synced");
        from = entry->octets;
    }
    replay->end.volume = entry->number;
    replay->end.offset = from;
    error = replay_volume(replay, &window, entry->number, from, last);
    if (!error && last && !engine->options.read_only)
        error = settle_end(engine, fd, entry, &replay->end);
out:
    window_free(&window);
    close(fd);
    return error;
}

/* ---- the log ---- */

/* A volume the index should go on from is there, and none is missing behind it. */
static bool log_whole(const struct volume_entry *list, size_t count, const struct position *position)
{
    uint32_t wanted = position->volume ? position->volume : 1;
    for (size_t i = 0; i < count && !(list[i].number & VOLUME_KIND); i++) {
        if (list[i].number < wanted)
            continue;
        if (list[i].number != wanted++)
            return false;
    }
    return !position->volume || wanted > position->volume;
}

enum store_error replay_log(struct engine *engine, const struct volume_entry *list, size_t count,
                            struct position *end_r, bool *lost_r, char *error, size_t error_size)
{
    struct replay replay = {.index = &engine->index};
    struct position position;
    enum store_error result = index_position(&engine->index, &position);
    size_t logs = 0;
    while (logs < count && !(list[logs].number & VOLUME_KIND))
        logs++;
    *lost_r = !log_whole(list, count, &position);
    replay.end = position;
    replay.pending = rocksdb_writebatch_create();
    for (size_t i = 0; i < logs && !result; i++) {
        if (list[i].number < position.volume)
            continue;
        uint64_t from = list[i].number == position.volume ? position.offset : VOLUME_HEADER;
        result = replay_file(engine, &replay, &list[i], from, i + 1 == logs);
    }
    rocksdb_writebatch_destroy(replay.pending);
    *lost_r = *lost_r || replay.damaged > 0;
    *end_r = replay.end;
    if (result)
        snprintf(error, error_size, "the log can't be replayed: %s", store_error_text(result));
    else if (replay.batches)
        log_event(LOG_INFO, "store.replay", "batches=%llu damaged=%llu", (unsigned long long)replay.batches,
                  (unsigned long long)replay.damaged);
    return result;
}
