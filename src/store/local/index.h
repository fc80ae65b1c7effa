/*
 * store/local/index.h: RocksDB as the index over the log: keys and values of all accounts.
 *
 * Does     point reads, bounded iterators, whole batches with the log position in the same batch, flushes, checkpoints.
 *          RocksDB's own log is off: what a crash takes from its memory is replayed from the volumes.
 * Owns     the database, its block cache, its options.
 * Called   on any thread. Errors of RocksDB are texts; index_error makes classes of them and logs what is damage.
 * Waits    for the disk unless the mode is READ_NONBLOCKING (block cache and memory tables only).
 * Tested   tests/unit/store_engine.c
 *
 * A key in RocksDB: the account as 8 octets, big-endian, then the key. Account UINT64_MAX is the engine's own:
 * "position" holds volume (4), 0 (4), offset (8), batch (8): the log before it is in the index.
 */
#ifndef STORE_LOCAL_INDEX_H
#define STORE_LOCAL_INDEX_H

#include "store/engine.h"
#include <rocksdb/c.h>

#define INDEX_OWN   UINT64_MAX
#define INDEX_KEY   1024 /* octets of a key, account not counted */
#define INDEX_BLOCK 16384

struct position {
    uint32_t volume; /* 0: nothing was ever logged */
    uint64_t offset;
    uint64_t batch; /* the last one before it */
};

struct index {
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *blocking, *nonblocking;
    rocksdb_writeoptions_t *write;
};

struct index_key {
    size_t size;
    char octets[8 + INDEX_KEY];
};
/* False if the key is too long. */
bool index_key_make(struct index_key *out, uint64_t account, struct view key);

/* path: the folder of the database. damaged_r: it is there and can't be opened as it is. */
enum store_error index_open(struct index *index, const char *path, size_t cache_octets, bool *damaged_r, char *error,
                            size_t error_size);
void index_close(struct index *index);
/* Frees `message` (may be null: STORE_OK). */
enum store_error index_error(char *message, const char *what);

enum store_error index_get(struct index *index, enum read_mode mode, uint64_t account, struct view key,
                           struct buffer *out);
enum store_error index_position(struct index *index, struct position *position_r);
void position_encode(const struct position *position, char out[24]);
/* Takes the write batch's content and the position in one step; the batch is left as it is. */
enum store_error index_write(struct index *index, rocksdb_writebatch_t *batch, const struct position *position);
enum store_error index_write_overlay(struct index *index, rocksdb_writebatch_wi_t *overlay,
                                     const struct position *position);
/* What is in memory goes to disk; wait false: in the background. */
enum store_error index_flush(struct index *index, bool wait);
/* Hard links to a consistent copy. The folder must not exist. */
enum store_error index_checkpoint(struct index *index, const char *path);
uint64_t index_octets(struct index *index);
/* Reads every block. */
enum store_error index_check(struct index *index);

/* An iterator of one account, bounded. Keys are given without the account. */
struct range {
    rocksdb_iterator_t *iterator;
    rocksdb_readoptions_t *options;
    struct index_key from, to;
};
/* to empty: to the account's end. overlay may be null. */
bool range_open(struct range *range, struct index *index, enum read_mode mode, rocksdb_writebatch_wi_t *overlay,
                uint64_t account, struct view from, struct view to);
void range_seek(struct range *range, uint64_t account, struct view key);
/* STORE_NOT_FOUND at the end. */
enum store_error range_row(struct range *range, struct view *key_r, struct view *value_r);
void range_close(struct range *range);

#endif
