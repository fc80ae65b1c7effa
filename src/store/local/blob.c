/*
 * store/local/blob.c: message bytes on their way in, and out of volumes again.
 *
 * Does     packs mail that has settled, on the calling thread; writes large bodies in frames of their own; reads
 *          records and frames with one pread each, checks them, unpacks. Each thread keeps its zstd contexts, a scratch
 *          buffer and the last frame it unpacked, so that reading one body piece by piece unpacks each frame once.
 * Called   blob_new, blob_new_large and blob_read on any thread.
 * Waits    blob_new_large for the disk; blob_read unless READ_NONBLOCKING.
 * Fails    STORE_CORRUPT for whatever is not what the location says: named in the log, never a crash (I7).
 * Tested   tests/unit/store_engine.c
 */
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/local/local.h"
#include <errno.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

/*
 * How messages are packed. New mail isn't: most of what is read was written this week, and unpacking costs more than
 * all else that reading does (measured); it is packed once it has settled (store/local/packed.c). The header is read
 * far more often than what is behind it: it gets a frame of its own (zstd unpacks frames that stand one behind the
 * other as one), at a level that leaves literals as they are: a code table for some hundred octets takes longer to read
 * than they do. Base64 is made smaller by nothing but a code table.
 */
enum {
    HEADER_LEAST = 128,
    HEADER_MOST = 65536,
    BEHIND_LEAST = 1024,
    HEADER_LEVEL = -5,
    PLAIN_HEAD_MOST = 512,
    PACKED_LEAST = 64
};

/* ---- what a thread keeps ---- */

struct blob_scratch {
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    char *stored;
    size_t stored_capacity;
    /* The last frame unpacked. */
    char *frame;
    size_t frame_capacity, frame_octets;
    uint64_t engine, account, offset;
    uint32_t volume, number;
    unsigned char id[16];
    bool frame_good;
    /* The last large record's table. */
    unsigned char *table;
    size_t table_capacity;
    struct record table_record;
    uint64_t table_engine, table_account, table_offset;
    uint32_t table_volume;
    bool table_good;
};

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void scratch_free(void *ctx)
{
    struct blob_scratch *s = ctx;
    ZSTD_freeCCtx(s->pack);
    ZSTD_freeDCtx(s->unpack);
    free(s->stored);
    free(s->frame);
    free(s->table);
    free(s);
}

static void scratch_setup(void)
{
    BUG_IF(pthread_key_create(&scratch_key, scratch_free) != 0);
}

static struct blob_scratch *scratch_get(void)
{
    static _Thread_local struct blob_scratch *mine;
    if (mine)
        return mine;
    pthread_once(&scratch_once, scratch_setup);
    mine = NEW(struct blob_scratch);
    mine->pack = ZSTD_createCCtx();
    mine->unpack = ZSTD_createDCtx();
    BUG_IF(!mine->pack || !mine->unpack);
    pthread_setspecific(scratch_key, mine);
    return mine;
}

static char *room(char **memory, size_t *capacity, size_t size)
{
    if (*capacity < size) {
        free(*memory);
        *memory = memory_resize(NULL, size);
        *capacity = size;
    }
    return *memory;
}

/* The packed form into out (`capacity` octets); 0 if that would be no smaller. */
static size_t pack(struct blob_scratch *s, int level, char *out, size_t capacity, const char *data, size_t size)
{
    if (size < PACKED_LEAST)
        return 0;
    size_t packed = ZSTD_compressCCtx(s->pack, out, capacity, data, size, level);
    return ZSTD_isError(packed) || packed >= size ? 0 : packed;
}

/* 0: not worth a frame of its own. */
static size_t header_octets(struct view octets)
{
    const char *end = memmem(octets.data, octets.size < HEADER_MOST ? octets.size : HEADER_MOST, "\r\n\r\n", 4);
    size_t size = end ? (size_t)(end + 4 - octets.data) : 0;
    return size >= HEADER_LEAST && octets.size - size >= BEHIND_LEAST ? size : 0;
}

struct view blob_pack(struct engine *engine, struct view octets)
{
    struct blob_scratch *s = scratch_get();
    int level = engine->options.zstd_level;
    size_t capacity = ZSTD_compressBound(octets.size) + ZSTD_compressBound(0);
    char *out = room(&s->stored, &s->stored_capacity, capacity);
    size_t header = header_octets(octets);
    size_t first = header ? pack(s, HEADER_LEVEL, out, capacity, octets.data, header) : 0;
    size_t second =
        first ? pack(s, level, out + first, capacity - first, octets.data + header, octets.size - header) : 0;
    size_t size = second ? first + second : pack(s, level, out, capacity, octets.data, octets.size);
    return size ? view_of(out, size) : VIEW_EMPTY;
}

bool engine_settled(const struct engine *engine, int64_t utc_s)
{
    uint64_t after = engine->options.pack_after_s;
    return !after || utc_s < clock_wall_s() - (int64_t)after;
}

/* ---- made ---- */

static struct blob *blob_empty(struct engine *engine, uint64_t octets, const uint64_t *accounts, size_t count)
{
    struct blob *blob = NEW(struct blob);
    atomic_init(&blob->references, 1);
    blob->engine = engine;
    blob->octets = octets;
    blob->account_count = count;
    blob->accounts = memory_copy(accounts, count * sizeof *accounts);
    if (getrandom(blob->id, sizeof blob->id, 0) != (ssize_t)sizeof blob->id)
        BUG("no random octets");
    return blob;
}

struct blob *blob_new(struct engine *engine, struct view octets, int64_t utc_s, const uint64_t *accounts,
                      size_t account_count)
{
    struct blob *blob = blob_empty(engine, octets.size, accounts, account_count);
    struct view packed = engine_settled(engine, utc_s) ? blob_pack(engine, octets) : VIEW_EMPTY;
    struct view stored = packed.size ? packed : octets;
    blob->flags = packed.size ? RECORD_PACKED : 0;
    blob->stored_octets = stored.size;
    blob->stored = memory_copy(stored.data, stored.size);
    return blob;
}

struct blob *blob_at(struct engine *engine, const struct blob_location *location, const uint64_t *accounts,
                     size_t account_count)
{
    struct blob *blob = blob_empty(engine, location->octets, accounts, account_count);
    memcpy(blob->id, location->id, 16);
    blob->location = *location;
    blob->placed = true;
    blob_hold(blob);
    return blob;
}

struct blob *blob_ref(struct blob *blob)
{
    atomic_fetch_add_explicit(&blob->references, 1, memory_order_relaxed);
    return blob;
}

static void blob_let_go(struct blob *blob)
{
    struct blobs *blobs = &blob->engine->blobs;
    if (!blob->held)
        return;
    pthread_mutex_lock(&blobs->lock);
    *blob->held_place = blob->held_next;
    if (blob->held_next)
        blob->held_next->held_place = blob->held_place;
    pthread_mutex_unlock(&blobs->lock);
}

void blob_unref(struct blob **blob)
{
    struct blob *old = *blob;
    *blob = NULL;
    if (!old || atomic_fetch_sub_explicit(&old->references, 1, memory_order_acq_rel) != 1)
        return;
    blob_let_go(old);
    free(old->accounts);
    free(old->stored);
    free(old);
}

void blob_hold(struct blob *blob)
{
    struct blobs *blobs = &blob->engine->blobs;
    if (blob->held)
        return;
    pthread_mutex_lock(&blobs->lock);
    blob->held = true;
    blob->held_place = &blobs->held;
    blob->held_next = blobs->held;
    if (blobs->held)
        blobs->held->held_place = &blob->held_next;
    blobs->held = blob;
    pthread_mutex_unlock(&blobs->lock);
}

bool blobs_compact(struct blobs *blobs, uint32_t volume)
{
    bool free_of_held = true;
    pthread_mutex_lock(&blobs->lock);
    for (const struct blob *blob = blobs->held; volume && blob; blob = blob->held_next)
        free_of_held = free_of_held && blob->location.volume != volume;
    for (const struct large_volume *large = blobs->large; volume && large; large = large->next)
        free_of_held = free_of_held && large->number != volume;
    if (free_of_held)
        blobs->compacting = volume;
    pthread_mutex_unlock(&blobs->lock);
    return free_of_held;
}

/* ---- large bodies ---- */

void blobs_init(struct blobs *blobs)
{
    memset(blobs, 0, sizeof *blobs);
    pthread_mutex_init(&blobs->lock, NULL);
    blobs->next_large = VOLUME_LARGE | 1;
}

void blobs_free(struct blobs *blobs)
{
    for (struct large_volume *large = blobs->large, *next; large; large = next) {
        next = large->next;
        close(large->fd);
        free(large);
    }
    for (struct blob *blob = blobs->held; blob; blob = blob->held_next)
        blob->held = false; /* whoever still holds it outlives the engine */
    pthread_mutex_destroy(&blobs->lock);
}

enum store_error blobs_open(struct engine *engine, const struct volume_entry *list, size_t count)
{
    if (!count || !(list[count - 1].number & VOLUME_LARGE))
        return STORE_OK;
    const struct volume_entry *newest = &list[count - 1];
    engine->blobs.next_large = newest->number + 1;
    if (newest->octets >= engine->options.volume_octets)
        return STORE_OK; /* the next body begins another */
    int fd;
    uint64_t end;
    enum store_error error = volumes_go_on(&engine->volumes, newest, !engine->options.read_only, &fd, &end);
    if (error || fd < 0)
        return error;
    engine->blobs.large = NEW(struct large_volume);
    *engine->blobs.large = (struct large_volume){.number = newest->number, .fd = fd, .end = end};
    return STORE_OK;
}

/* A large volume that nobody writes to and that isn't full; made if there is none. */
static enum store_error large_take(struct engine *engine, struct large_volume **large_r)
{
    struct blobs *blobs = &engine->blobs;
    enum store_error error = STORE_OK;
    pthread_mutex_lock(&blobs->lock);
    struct large_volume *large = blobs->large;
    while (large && large->busy)
        large = large->next;
    uint32_t number = large ? 0 : blobs->next_large++;
    if (large)
        large->busy = true;
    pthread_mutex_unlock(&blobs->lock);
    if (!large) {
        int fd;
        error = volumes_create(&engine->volumes, number, 0, &fd);
        if (error)
            return error;
        large = NEW(struct large_volume);
        *large = (struct large_volume){.number = number, .fd = fd, .end = VOLUME_HEADER, .busy = true};
        pthread_mutex_lock(&blobs->lock);
        large->next = blobs->large;
        blobs->large = large;
        pthread_mutex_unlock(&blobs->lock);
    }
    *large_r = large;
    return STORE_OK;
}

/* Full ones are closed: sealed, and free for compaction. */
static void large_give_back(struct engine *engine, struct large_volume *large)
{
    struct blobs *blobs = &engine->blobs;
    pthread_mutex_lock(&blobs->lock);
    large->busy = false;
    if (large->end >= engine->options.volume_octets) {
        struct large_volume **place = &blobs->large;
        while (*place != large)
            place = &(*place)->next;
        *place = large->next;
        close(large->fd);
        free(large);
    }
    pthread_mutex_unlock(&blobs->lock);
}

/* Where the frames of a large record come from: a spool file to be packed, or another record as it is. */
struct frame_source {
    int fd;
    uint64_t octets;
    /* Of a record that is copied. */
    const unsigned char *table;
    uint64_t at;
};

static enum store_error frame_fetch(struct engine *engine, struct frame_source *source, struct blob_scratch *s,
                                    uint32_t number, const char **data_r, uint32_t *row_r)
{
    if (source->table) {
        *row_r = (uint32_t)get_le(source->table + (size_t)number * FRAME_ROW, 4);
        size_t size = *row_r & ~FRAME_PACKED;
        char *p = room(&s->stored, &s->stored_capacity, size);
        enum store_error error = volume_read(source->fd, false, p, size, source->at);
        source->at += size;
        *data_r = p;
        return error;
    }
    uint64_t from = (uint64_t)number * FRAME_OCTETS;
    size_t size = source->octets - from < FRAME_OCTETS ? (size_t)(source->octets - from) : FRAME_OCTETS;
    s->frame_good = false;
    char *plain = room(&s->frame, &s->frame_capacity, FRAME_OCTETS);
    enum store_error error = volume_read(source->fd, false, plain, size, from);
    if (error)
        return error == STORE_CORRUPT ? STORE_IO : error; /* a spool file shorter than was said */
    size_t bound = ZSTD_compressBound(FRAME_OCTETS);
    char *out = room(&s->stored, &s->stored_capacity, bound);
    size_t packed = pack(s, engine->options.zstd_level, out, bound, plain, size);
    *data_r = packed ? out : plain;
    *row_r = packed ? (uint32_t)packed | FRAME_PACKED : (uint32_t)size;
    return STORE_OK;
}

static enum store_error write_frames(struct engine *engine, struct large_volume *large, struct frame_source *source,
                                     struct blob *blob, struct record *record)
{
    struct blob_scratch *s = scratch_get();
    uint32_t frames = large_frames(blob->octets);
    size_t accounts = blob->account_count * 8, body_octets = accounts + 8 + (size_t)frames * FRAME_ROW;
    unsigned char *body = memory_new(body_octets);
    uint64_t start = large->end, at = start + RECORD_HEADER + body_octets;
    enum store_error error = STORE_OK;
    for (size_t i = 0; i < blob->account_count; i++)
        put_le(body + i * 8, 8, blob->accounts[i]);
    put_le(body + accounts, 4, frames);
    for (uint32_t i = 0; i < frames && !error; i++) {
        const char *data;
        uint32_t row;
        error = frame_fetch(engine, source, s, i, &data, &row);
        if (error)
            break;
        size_t size = row & ~FRAME_PACKED;
        unsigned char *entry = body + accounts + 8 + (size_t)i * FRAME_ROW;
        put_le(entry, 4, row);
        put_le(entry + 8, 8, record_checksum(data, size, large->number, at));
        error = volume_write(large->fd, data, size, at);
        at += size;
    }
    if (!error && at - start > UINT32_MAX)
        error = STORE_LIMIT;
    if (!error)
        error = volume_write(large->fd, body, body_octets, start + RECORD_HEADER);
    record->octets = (uint32_t)(at - start);
    record->body_checksum = record_checksum(body, body_octets, large->number, start + RECORD_HEADER);
    free(body);
    return error;
}

/* The header comes last: where it is good, all behind it was synced before. */
static enum store_error seal_large(struct engine *engine, struct large_volume *large, struct record *record)
{
    unsigned char header[RECORD_HEADER];
    if (fdatasync(large->fd) < 0) {
        engine_stop_writing(engine, "a large body could not be synced");
        return STORE_READ_ONLY;
    }
    record_encode(record, large->number, large->end, header);
    enum store_error error = volume_write(large->fd, header, sizeof header, large->end);
    if (error)
        return error;
    if (fdatasync(large->fd) < 0) {
        engine_stop_writing(engine, "a large body could not be synced");
        return STORE_READ_ONLY;
    }
    return STORE_OK;
}

static enum store_error write_large(struct engine *engine, struct frame_source *source, struct blob *blob)
{
    struct large_volume *large;
    enum store_error error = large_take(engine, &large);
    if (error)
        return error;
    struct record record = {
        .kind = RECORD_LARGE, .account_count = (uint32_t)blob->account_count, .unpacked = blob->octets};
    memcpy(record.id, blob->id, 16);
    error = write_frames(engine, large, source, blob, &record);
    if (!error)
        error = seal_large(engine, large, &record);
    if (error && ftruncate(large->fd, (off_t)large->end) < 0)
        log_event(LOG_WARN, "store.cut", "volume=%u errno=%d", large->number, errno);
    if (!error) {
        blob->location = (struct blob_location){
            .volume = large->number, .offset = large->end, .stored_octets = record.octets, .octets = blob->octets};
        memcpy(blob->location.id, blob->id, 16);
        blob->placed = true;
        large->end += record.octets;
        atomic_fetch_add(&engine->volumes.octets, record.octets);
        blob_hold(blob);
    }
    large_give_back(engine, large);
    return error;
}

enum store_error blob_new_large(struct engine *engine, int fd, uint64_t octets, const uint64_t *accounts,
                                size_t account_count, struct blob **blob_r)
{
    *blob_r = NULL;
    if (octets > LIMIT_MESSAGE_OCTETS)
        return STORE_LIMIT;
    if (atomic_load(&engine->read_only))
        return STORE_READ_ONLY;
    if (engine_free_octets(engine) < engine->options.reserve_octets)
        return STORE_FULL;
    struct blob *blob = blob_empty(engine, octets, accounts, account_count);
    struct frame_source source = {.fd = fd, .octets = octets};
    enum store_error error = write_large(engine, &source, blob);
    if (error)
        blob_unref(&blob);
    *blob_r = blob;
    return error;
}

/* ---- reading ---- */

static enum store_error corrupt(const struct blob_location *location, const char *what)
{
    char name[16];
    volume_name(location->volume, name);
    log_event(LOG_ERROR, "store.rot", "volume=%s offset=%llu octets=%u what=%s", name,
              (unsigned long long)location->offset, location->stored_octets, what);
    return STORE_CORRUPT;
}

/* The header is this blob's, and the account one of those it was written for. */
static enum store_error record_fits(uint64_t account, const struct blob_location *location, const struct record *record,
                                    const void *body)
{
    if (record->octets != location->stored_octets || record->unpacked != location->octets ||
        memcmp(record->id, location->id, 16) != 0)
        return corrupt(location, "another record");
    return record_names(record, body, account) ? STORE_OK : corrupt(location, "another account's record");
}

static bool unpack(struct blob_scratch *s, char *out, size_t size, const char *data, size_t stored, bool packed)
{
    if (packed)
        return ZSTD_decompressDCtx(s->unpack, out, size, data, stored) == size;
    if (stored != size)
        return false;
    if (size)
        memcpy(out, data, size);
    return true;
}

/* The first of several frames, if it alone holds the octets before `end`: its octets unpacked, else 0. */
static size_t first_frame(struct view payload, uint64_t end, uint64_t all, size_t *stored_r)
{
    unsigned long long octets =
        ZSTD_getFrameContentSize(payload.data, payload.size); /* errors are the largest numbers */
    size_t stored = octets < all && end <= octets ? ZSTD_findFrameCompressedSize(payload.data, payload.size) : 0;
    if (!stored || ZSTD_isError(stored) || stored >= payload.size)
        return 0;
    *stored_r = stored;
    return (size_t)octets;
}

static bool frame_is_cached(const struct blob_scratch *s, const struct engine *engine, uint64_t account,
                            const struct blob_location *location, uint32_t number)
{
    return s->frame_good && s->engine == engine->serial && s->account == account && s->volume == location->volume &&
           s->offset == location->offset && s->number == number && memcmp(s->id, location->id, 16) == 0;
}

static void frame_cached(struct blob_scratch *s, const struct engine *engine, uint64_t account,
                         const struct blob_location *location, uint32_t number, size_t octets)
{
    s->engine = engine->serial;
    s->account = account;
    s->volume = location->volume;
    s->offset = location->offset;
    s->number = number;
    s->frame_octets = octets;
    memcpy(s->id, location->id, 16);
    s->frame_good = true;
}

/* One record, read and checked; *payload_r in the scratch. */
static enum store_error read_small(struct engine *engine, enum read_mode mode, uint64_t account,
                                   const struct blob_location *location, struct volume *volume, struct record *record_r,
                                   struct view *payload_r)
{
    struct blob_scratch *s = scratch_get();
    char *p = room(&s->stored, &s->stored_capacity, location->stored_octets);
    enum store_error error =
        volume_read(volume->fd, mode == READ_NONBLOCKING, p, location->stored_octets, location->offset);
    if (error == STORE_CORRUPT)
        return corrupt(location, "beyond the volume's end");
    if (error)
        return error;
    if (!record_decode(p, location->stored_octets, location->volume, location->offset, location->stored_octets,
                       record_r) ||
        record_r->kind != RECORD_MESSAGE)
        return corrupt(location, "header");
    const char *body = p + RECORD_HEADER;
    if (!record_body_good(record_r, body, location->volume, location->offset))
        return corrupt(location, "body");
    error = record_fits(account, location, record_r, body);
    size_t skip = RECORD_HEADER + record_accounts_octets(record_r);
    *payload_r = view_of(p + skip, record_r->octets - skip);
    return error;
}

/* The length of what stands before a message that isn't packed, if by its length this may be one: of few accounts. */
static size_t plain_head(const struct blob_location *location)
{
    uint64_t head = location->stored_octets > location->octets ? location->stored_octets - location->octets : 0;
    bool fits = head >= RECORD_HEADER && head <= PLAIN_HEAD_MOST && (head - RECORD_HEADER) % 8 == 0;
    return fits ? (size_t)head : 0;
}

/*
 * All of a message that isn't packed, straight into the output. *done_r false: it is packed after all, or something is
 * wrong with it; nothing was appended, and the long way tells.
 */
static enum store_error read_plain(enum read_mode mode, uint64_t account, const struct blob_location *location,
                                   struct volume *volume, struct buffer *out, bool *done_r)
{
    char head[PLAIN_HEAD_MOST];
    struct record record;
    size_t head_octets = plain_head(location), octets = (size_t)location->octets;
    char *to = head_octets ? buffer_reserve(out, octets) : NULL;
    *done_r = false;
    if (!to)
        return STORE_OK;
    struct iovec parts[] = {{head, head_octets}, {to, octets}};
    enum store_error error = volume_read_parts(volume->fd, mode == READ_NONBLOCKING, parts, 2, location->offset);
    if (error)
        return error == STORE_CORRUPT ? STORE_OK : error;
    struct view accounts = view_of(head + RECORD_HEADER, head_octets - RECORD_HEADER);
    if (!record_decode(head, head_octets, location->volume, location->offset, location->stored_octets, &record) ||
        record.kind != RECORD_MESSAGE || record.flags & RECORD_PACKED ||
        record_accounts_octets(&record) != accounts.size ||
        !record_parts_good(&record, accounts, view_of(to, octets), location->volume, location->offset) ||
        record_fits(account, location, &record, accounts.data))
        return STORE_OK;
    buffer_commit(out, octets);
    *done_r = true;
    return STORE_OK;
}

static enum store_error small_blob(struct engine *engine, enum read_mode mode, uint64_t account,
                                   const struct blob_location *location, struct volume *volume, uint64_t offset,
                                   size_t size, struct buffer *out)
{
    struct blob_scratch *s = scratch_get();
    struct record record;
    struct view payload;
    bool whole = offset == 0 && size == location->octets;
    if (!whole && frame_is_cached(s, engine, account, location, 0) && offset + size <= s->frame_octets) {
        buffer_append(out, s->frame + offset, size);
        return out->overflow ? STORE_LIMIT : STORE_OK;
    }
    bool done = false;
    enum store_error error = whole ? read_plain(mode, account, location, volume, out, &done) : STORE_OK;
    if (error || done)
        return error;
    error = read_small(engine, mode, account, location, volume, &record, &payload);
    if (error)
        return error;
    size_t octets = (size_t)location->octets, stored = payload.size, first = 0;
    if (!whole && record.flags & RECORD_PACKED)
        first = first_frame(payload, offset + size, octets, &stored);
    if (first)
        octets = first;
    if (!whole)
        s->frame_good = false;
    char *to = whole ? buffer_reserve(out, octets) : room(&s->frame, &s->frame_capacity, octets);
    if (!to)
        return STORE_LIMIT;
    if (!unpack(s, to, octets, payload.data, stored, record.flags & RECORD_PACKED))
        return corrupt(location, "packed octets");
    if (whole) {
        buffer_commit(out, octets);
        return STORE_OK;
    }
    frame_cached(s, engine, account, location, 0, octets);
    buffer_append(out, s->frame + offset, size);
    return out->overflow ? STORE_LIMIT : STORE_OK;
}

/* Header, accounts and table of a large record into the scratch. */
static enum store_error read_table(struct engine *engine, enum read_mode mode, uint64_t account,
                                   const struct blob_location *location, struct volume *volume, struct blob_scratch *s)
{
    unsigned char header[RECORD_HEADER];
    bool nonblocking = mode == READ_NONBLOCKING;
    if (s->table_good && s->table_engine == engine->serial && s->table_account == account &&
        s->table_volume == location->volume && s->table_offset == location->offset &&
        memcmp(s->table_record.id, location->id, 16) == 0)
        return STORE_OK;
    s->table_good = false;
    enum store_error error = volume_read(volume->fd, nonblocking, header, sizeof header, location->offset);
    if (error)
        return error == STORE_CORRUPT ? corrupt(location, "beyond the volume's end") : error;
    if (!record_decode(header, sizeof header, location->volume, location->offset, location->stored_octets,
                       &s->table_record) ||
        s->table_record.kind != RECORD_LARGE)
        return corrupt(location, "header");
    size_t size = record_body_octets(&s->table_record);
    if (s->table_capacity < size) {
        free(s->table);
        s->table = memory_resize(NULL, size);
        s->table_capacity = size;
    }
    error = volume_read(volume->fd, nonblocking, s->table, size, location->offset + RECORD_HEADER);
    if (error)
        return error == STORE_CORRUPT ? corrupt(location, "beyond the volume's end") : error;
    if (!record_body_good(&s->table_record, s->table, location->volume, location->offset))
        return corrupt(location, "frame table");
    error = record_fits(account, location, &s->table_record, s->table);
    if (error)
        return error;
    s->table_engine = engine->serial;
    s->table_account = account;
    s->table_volume = location->volume;
    s->table_offset = location->offset;
    s->table_good = true;
    return STORE_OK;
}

static enum store_error read_frame(struct engine *engine, enum read_mode mode, uint64_t account,
                                   const struct blob_location *location, struct volume *volume, struct blob_scratch *s,
                                   uint32_t number)
{
    if (frame_is_cached(s, engine, account, location, number))
        return STORE_OK;
    const unsigned char *table = s->table + record_accounts_octets(&s->table_record) + 8;
    uint64_t at = location->offset + RECORD_HEADER + record_body_octets(&s->table_record);
    for (uint32_t i = 0; i < number; i++)
        at += get_le(table + (size_t)i * FRAME_ROW, 4) & ~FRAME_PACKED;
    const unsigned char *entry = table + (size_t)number * FRAME_ROW;
    uint32_t row = (uint32_t)get_le(entry, 4);
    size_t stored = row & ~FRAME_PACKED;
    uint64_t from = (uint64_t)number * FRAME_OCTETS, left = location->octets - from;
    size_t octets = left < FRAME_OCTETS ? (size_t)left : FRAME_OCTETS;
    if (stored > ZSTD_COMPRESSBOUND(FRAME_OCTETS))
        return corrupt(location, "frame table");
    char *p = room(&s->stored, &s->stored_capacity, stored);
    enum store_error error = volume_read(volume->fd, mode == READ_NONBLOCKING, p, stored, at);
    if (error)
        return error == STORE_CORRUPT ? corrupt(location, "beyond the volume's end") : error;
    if (record_checksum(p, stored, location->volume, at) != get_le(entry + 8, 8))
        return corrupt(location, "frame");
    s->frame_good = false;
    char *to = room(&s->frame, &s->frame_capacity, octets);
    if (!unpack(s, to, octets, p, stored, row & FRAME_PACKED))
        return corrupt(location, "packed octets");
    frame_cached(s, engine, account, location, number, octets);
    return STORE_OK;
}

static enum store_error large_blob(struct engine *engine, enum read_mode mode, uint64_t account,
                                   const struct blob_location *location, struct volume *volume, uint64_t offset,
                                   size_t size, struct buffer *out)
{
    struct blob_scratch *s = scratch_get();
    size_t before = buffer_size(out);
    enum store_error error = read_table(engine, mode, account, location, volume, s);
    while (!error && size) {
        uint32_t number = (uint32_t)(offset / FRAME_OCTETS);
        error = read_frame(engine, mode, account, location, volume, s, number);
        if (error)
            break;
        size_t skip = (size_t)(offset % FRAME_OCTETS), part = s->frame_octets - skip;
        if (part > size)
            part = size;
        buffer_append(out, s->frame + skip, part);
        if (out->overflow)
            error = STORE_LIMIT;
        offset += part;
        size -= part;
    }
    if (error)
        buffer_truncate(out, before);
    return error;
}

enum store_error blob_read(struct engine *engine, enum read_mode mode, uint64_t account,
                           const struct blob_location *location, uint64_t offset, size_t size, struct buffer *out)
{
    struct volume *volume;
    bool large = location->volume & VOLUME_LARGE;
    uint64_t most = LIMIT_MESSAGE_OCTETS + ((uint64_t)64 << 20);
    if (location->octets > most || location->stored_octets > most || location->stored_octets < RECORD_HEADER)
        return corrupt(location, "location");
    if (offset > location->octets)
        offset = location->octets;
    if (size > location->octets - offset)
        size = (size_t)(location->octets - offset);
    enum store_error error = volumes_pin(&engine->volumes, location->volume, &volume);
    if (error)
        return error;
    error = (large ? large_blob : small_blob)(engine, mode, account, location, volume, offset, size, out);
    volumes_unpin(&engine->volumes, volume);
    return error;
}

/* ---- for compaction ---- */

enum store_error blob_copy_large(struct engine *engine, int from_fd, uint32_t from_volume,
                                 const struct blob_location *from, const struct record *record,
                                 const uint64_t *accounts, size_t account_count, struct blob **blob_r)
{
    size_t size = record_body_octets(record);
    unsigned char *body = memory_new(size);
    struct blob *blob = NULL;
    enum store_error error = volume_read(from_fd, false, body, size, from->offset + RECORD_HEADER);
    if (!error && !record_body_good(record, body, from_volume, from->offset))
        error = STORE_CORRUPT;
    if (error)
        goto out;
    blob = blob_empty(engine, record->unpacked, accounts, account_count);
    memcpy(blob->id, record->id, 16);
    struct frame_source source = {.fd = from_fd,
                                  .octets = record->unpacked,
                                  .table = body + record_accounts_octets(record) + 8,
                                  .at = from->offset + RECORD_HEADER + size};
    error = write_large(engine, &source, blob);
out:
    free(body);
    if (error)
        blob_unref(&blob);
    *blob_r = blob;
    return error;
}
