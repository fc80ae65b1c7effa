/* store/local/index.c: see store/local/index.h. */
#include "store/local/index.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/local/record.h"
#include <unistd.h>

enum {
    MEMTABLE_OCTETS = 96 << 20,
    MEMTABLES = 4,
    CACHE_LEAST = 64 << 20,
    CACHE_MOST = 512 << 20, /* if nobody said how much */
    CACHE_SHARE = 8,
    BLOOM_BITS = 10,
    TIER_ALL = 0,
    TIER_MEMORY = 1, /* kReadAllTier, kBlockCacheTier */
    LOG_WARNINGS = 2,
    LOG_FILE_OCTETS = 1 << 20
};

static void put_be(char *to, unsigned octets, uint64_t value)
{
    for (unsigned i = octets; i > 0; i--, value >>= 8)
        to[i - 1] = (char)(value & 0xff);
}

bool index_key_make(struct index_key *out, uint64_t account, struct view key)
{
    if (key.size > INDEX_KEY)
        return false;
    put_be(out->octets, 8, account);
    if (key.size)
        view_copy(out->octets + 8, key);
    out->size = 8 + key.size;
    return true;
}

static const struct {
    const char *begins;
    enum store_error error;
} message_classes[] = {
    {"Result incomplete", STORE_WOULD_BLOCK},
    {"Corruption", STORE_CORRUPT},
    {"IO error: No space left", STORE_FULL},
    {"IO error: while appending", STORE_FULL},
};

enum store_error index_error(char *message, const char *what)
{
    if (!message)
        return STORE_OK;
    enum store_error error = strstr(message, "No space left") ? STORE_FULL : STORE_IO;
    for (size_t i = 0; i < sizeof message_classes / sizeof *message_classes; i++)
        if (strncmp(message, message_classes[i].begins, strlen(message_classes[i].begins)) == 0)
            error = message_classes[i].error;
    if (error != STORE_WOULD_BLOCK) {
        char text[256];
        log_event(LOG_ERROR, "store.index", "doing=%s error=%s", what,
                  log_value(view_of_string(message), text, sizeof text));
    }
    rocksdb_free(message);
    return error;
}

/* ---- opening ---- */

static size_t default_cache(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t octets = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / CACHE_SHARE : 0;
    return octets < CACHE_LEAST ? CACHE_LEAST : octets > CACHE_MOST ? CACHE_MOST : (size_t)octets;
}

static rocksdb_options_t *make_options(struct index *index, size_t cache_octets)
{
    rocksdb_options_t *o = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(o, 1);
    rocksdb_options_set_paranoid_checks(o, 1);
    rocksdb_options_set_write_buffer_size(o, MEMTABLE_OCTETS);
    rocksdb_options_set_max_write_buffer_number(o, MEMTABLES);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(o, 1);
    rocksdb_options_set_compression(o, rocksdb_lz4_compression);
    rocksdb_options_set_bottommost_compression(o, rocksdb_zstd_compression);
    rocksdb_options_set_max_background_jobs(o, 2);
    rocksdb_options_set_max_open_files(o, -1); /* tables stay open: a read of a cached block never opens a file */
    rocksdb_options_set_info_log_level(o, LOG_WARNINGS);
    rocksdb_options_set_keep_log_file_num(o, 2);
    rocksdb_options_set_max_log_file_size(o, LOG_FILE_OCTETS);
    rocksdb_options_set_stats_dump_period_sec(o, 0);
    rocksdb_options_set_bytes_per_sync(o, 1 << 20);
    rocksdb_options_set_skip_stats_update_on_db_open(o, 1);

    index->cache = rocksdb_cache_create_lru(cache_octets ? cache_octets : default_cache());
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_size(table, INDEX_BLOCK);
    rocksdb_block_based_options_set_block_cache(table, index->cache);
    rocksdb_block_based_options_set_format_version(table, 5);
    rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
    rocksdb_options_set_block_based_table_factory(o, table);
    rocksdb_block_based_options_destroy(table);
    return o;
}

enum store_error index_open(struct index *index, const char *path, size_t cache_octets, bool *damaged_r, char *error,
                            size_t error_size)
{
    char *message = NULL;
    *damaged_r = false;
    memset(index, 0, sizeof *index);
    index->options = make_options(index, cache_octets);
    index->blocking = rocksdb_readoptions_create();
    index->nonblocking = rocksdb_readoptions_create();
    rocksdb_readoptions_set_read_tier(index->nonblocking, TIER_MEMORY);
    index->write = rocksdb_writeoptions_create();
    rocksdb_writeoptions_disable_WAL(index->write, 1);
    index->db = rocksdb_open(index->options, path, &message);
    if (message && strncmp(message, "Not implemented", 15) == 0) { /* built without these compressions */
        rocksdb_free(message);
        message = NULL;
        rocksdb_options_set_compression(index->options, rocksdb_no_compression);
        rocksdb_options_set_bottommost_compression(index->options, rocksdb_no_compression);
        index->db = rocksdb_open(index->options, path, &message);
    }
    if (index->db)
        return STORE_OK;
    *damaged_r = message && (strncmp(message, "Corruption", 10) == 0 || strstr(message, "No such file"));
    snprintf(error, error_size, "the index can't be opened: %s", message ? message : "for no reason given");
    enum store_error result = index_error(message, "open");
    index_close(index);
    return result ? result : STORE_IO;
}

void index_close(struct index *index)
{
    if (index->db)
        rocksdb_close(index->db);
    if (index->options)
        rocksdb_options_destroy(index->options);
    if (index->cache)
        rocksdb_cache_destroy(index->cache);
    if (index->blocking)
        rocksdb_readoptions_destroy(index->blocking);
    if (index->nonblocking)
        rocksdb_readoptions_destroy(index->nonblocking);
    if (index->write)
        rocksdb_writeoptions_destroy(index->write);
    memset(index, 0, sizeof *index);
}

/* ---- reading ---- */

enum store_error index_get(struct index *index, enum read_mode mode, uint64_t account, struct view key,
                           struct buffer *out)
{
    struct index_key full;
    char *message = NULL;
    size_t size = 0;
    buffer_clear(out);
    if (!index_key_make(&full, account, key))
        return STORE_NOT_FOUND;
    rocksdb_pinnableslice_t *slice = rocksdb_get_pinned(
        index->db, mode == READ_NONBLOCKING ? index->nonblocking : index->blocking, full.octets, full.size, &message);
    if (message) {
        if (slice)
            rocksdb_pinnableslice_destroy(slice);
        return index_error(message, "get");
    }
    if (!slice)
        return STORE_NOT_FOUND;
    const char *value = rocksdb_pinnableslice_value(slice, &size);
    buffer_append(out, value, size);
    rocksdb_pinnableslice_destroy(slice);
    return out->overflow ? STORE_LIMIT : STORE_OK;
}

bool range_open(struct range *range, struct index *index, enum read_mode mode, rocksdb_writebatch_wi_t *overlay,
                uint64_t account, struct view from, struct view to)
{
    memset(range, 0, offsetof(struct range, from));
    uint64_t end = account + 1;
    bool good = index_key_make(&range->from, account, from) &&
                (to.size ? index_key_make(&range->to, account, to) : index_key_make(&range->to, end, VIEW_EMPTY));
    if (!good)
        return false;
    range->options = rocksdb_readoptions_create();
    if (mode == READ_NONBLOCKING)
        rocksdb_readoptions_set_read_tier(range->options, TIER_MEMORY);
    if (end != 0 || to.size)
        rocksdb_readoptions_set_iterate_upper_bound(range->options, range->to.octets, range->to.size);
    range->iterator = rocksdb_create_iterator(index->db, range->options);
    if (overlay)
        range->iterator = rocksdb_writebatch_wi_create_iterator_with_base(overlay, range->iterator);
    rocksdb_iter_seek(range->iterator, range->from.octets, range->from.size);
    return true;
}

void range_seek(struct range *range, uint64_t account, struct view key)
{
    struct index_key full;
    if (!index_key_make(&full, account, view_slice(key, 0, INDEX_KEY)))
        return;
    rocksdb_iter_seek(range->iterator, full.octets, full.size);
}

enum store_error range_row(struct range *range, struct view *key_r, struct view *value_r)
{
    if (!rocksdb_iter_valid(range->iterator)) {
        char *message = NULL;
        rocksdb_iter_get_error(range->iterator, &message);
        return message ? index_error(message, "scan") : STORE_NOT_FOUND;
    }
    struct view key = {0}, value = {0};
    key.data = rocksdb_iter_key(range->iterator, &key.size);
    /* The overlay's half of an iterator knows no upper bound. */
    if (key.size < 8 || view_compare(key, view_of(range->to.octets, range->to.size)) >= 0)
        return STORE_NOT_FOUND;
    value.data = rocksdb_iter_value(range->iterator, &value.size);
    *key_r = view_skip(key, 8);
    *value_r = value;
    return STORE_OK;
}

void range_close(struct range *range)
{
    if (range->iterator)
        rocksdb_iter_destroy(range->iterator);
    if (range->options)
        rocksdb_readoptions_destroy(range->options);
    range->iterator = NULL;
    range->options = NULL;
}

/* ---- the position, writing, upkeep ---- */

static const struct view position_key = VIEW_LITERAL("position");

void position_encode(const struct position *position, char out[24])
{
    put_le(out, 4, position->volume);
    put_le(out + 4, 4, 0);
    put_le(out + 8, 8, position->offset);
    put_le(out + 16, 8, position->batch);
}

enum store_error index_position(struct index *index, struct position *position_r)
{
    struct buffer value;
    buffer_init(&value, 1024);
    memset(position_r, 0, sizeof *position_r);
    enum store_error error = index_get(index, READ_BLOCKING, INDEX_OWN, position_key, &value);
    struct view v = buffer_view(&value);
    if (error == STORE_NOT_FOUND) {
        error = STORE_OK;
    } else if (!error && v.size != 24) {
        error = STORE_CORRUPT;
    } else if (!error) {
        position_r->volume = (uint32_t)get_le(v.data, 4);
        position_r->offset = get_le(v.data + 8, 8);
        position_r->batch = get_le(v.data + 16, 8);
    }
    buffer_free(&value);
    return error;
}

enum store_error index_write(struct index *index, rocksdb_writebatch_t *batch, const struct position *position)
{
    struct index_key key;
    char value[24], *message = NULL;
    BUG_IF(!index_key_make(&key, INDEX_OWN, position_key));
    position_encode(position, value);
    rocksdb_writebatch_put(batch, key.octets, key.size, value, sizeof value);
    rocksdb_write(index->db, index->write, batch, &message);
    return index_error(message, "write");
}

enum store_error index_write_overlay(struct index *index, rocksdb_writebatch_wi_t *overlay,
                                     const struct position *position)
{
    struct index_key key;
    char value[24], *message = NULL;
    BUG_IF(!index_key_make(&key, INDEX_OWN, position_key));
    position_encode(position, value);
    rocksdb_writebatch_wi_put(overlay, key.octets, key.size, value, sizeof value);
    rocksdb_write_writebatch_wi(index->db, index->write, overlay, &message);
    return index_error(message, "write");
}

enum store_error index_flush(struct index *index, bool wait)
{
    char *message = NULL;
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(options, wait);
    rocksdb_flush(index->db, options, &message);
    rocksdb_flushoptions_destroy(options);
    return index_error(message, "flush");
}

enum store_error index_checkpoint(struct index *index, const char *path)
{
    char *message = NULL;
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(index->db, &message);
    if (checkpoint && !message)
        rocksdb_checkpoint_create(checkpoint, path, 0, &message);
    if (checkpoint)
        rocksdb_checkpoint_object_destroy(checkpoint);
    return index_error(message, "checkpoint");
}

uint64_t index_octets(struct index *index)
{
    uint64_t octets = 0;
    if (rocksdb_property_int(index->db, "rocksdb.total-sst-files-size", &octets) != 0)
        return 0;
    return octets;
}

enum store_error index_check(struct index *index)
{
    char *message = NULL;
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(options, 1);
    rocksdb_readoptions_set_fill_cache(options, 0);
    rocksdb_iterator_t *iterator = rocksdb_create_iterator(index->db, options);
    for (rocksdb_iter_seek_to_first(iterator); rocksdb_iter_valid(iterator); rocksdb_iter_next(iterator)) {
    }
    rocksdb_iter_get_error(iterator, &message);
    rocksdb_iter_destroy(iterator);
    rocksdb_readoptions_destroy(options);
    return index_error(message, "check");
}
