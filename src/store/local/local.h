/*
 * store/local/local.h: the local engine's parts and who owns which.
 *
 * Owns     struct engine: the folder, the index, the volumes, the writer, the pool.
 * Called   inside store/local only; store/engine.h is what others see.
 *
 * The folder: "version" (format and id of this store), "epoch", "lock", "volumes/", "index/", and, once compaction has
 * unlinked a volume, "checkpoint/": a copy by hard links of the index that is newer than all that was unlinked.
 */
#ifndef STORE_LOCAL_LOCAL_H
#define STORE_LOCAL_LOCAL_H

#include "base/arena.h"
#include "base/uidset.h"
#include "store/local/index.h"
#include "store/local/volume.h"
#include <pthread.h>
#include <stdatomic.h>

enum {
    STORE_FORMAT = 3, /* 2: packed volumes, version 2 of the digest; 3: annotations; all before is read still */
    BATCH_MUTATIONS = 256,
    BATCH_OCTETS = 4 << 20,
    BATCH_ARENA = 256 << 20,
    BATCH_ARENA_ENOUGH = 16 << 20,
    QUEUE_HASH = 1024
};
#define VOLUME_OCTETS_DEFAULT  ((uint64_t)1 << 30)
#define FLUSH_OCTETS_DEFAULT   ((uint64_t)64 << 20)
#define RESERVE_OCTETS_DEFAULT ((uint64_t)512 << 20)

/* ---- blobs ---- */

struct blob {
    atomic_uint references;
    struct engine *engine;
    uint64_t octets;
    uint8_t flags;
    uint32_t dictionary;
    unsigned char id[16];
    uint64_t *accounts;
    size_t account_count;
    char *stored;
    size_t stored_octets;
    /* Writer thread; before that whoever makes a large one. */
    bool placed;
    struct blob_location location;
    /* While somebody holds a placed blob its volume is not compacted: a write set that names it may still come. */
    bool held;
    struct blob *held_next, **held_place;
};

struct large_volume {
    struct large_volume *next;
    uint32_t number;
    int fd;
    uint64_t end;
    bool busy;
};

struct blobs {
    pthread_mutex_t lock;
    struct blob *held;
    struct large_volume *large; /* open for writing */
    uint32_t next_large;
    uint32_t compacting; /* the volume being copied out */
};
void blobs_init(struct blobs *blobs);
void blobs_free(struct blobs *blobs);
void blob_hold(struct blob *blob);
/* Marks the volume as being compacted, unless a held blob lies in it. 0 ends it. */
bool blobs_compact(struct blobs *blobs, uint32_t volume);
/* Writes frames that are packed already (compaction). */
enum store_error blob_copy_large(struct engine *engine, int from_fd, uint32_t from_volume,
                                 const struct blob_location *from, const struct record *record,
                                 const uint64_t *accounts, size_t account_count, struct blob **blob_r);
/* One that has its place, held. */
struct blob *blob_at(struct engine *engine, const struct blob_location *location, const uint64_t *accounts,
                     size_t account_count);
/* The packed form, valid until this thread's next call; empty if that would be no smaller. */
struct view blob_pack(struct engine *engine, struct view octets);
/* Mail of that time is packed. */
bool engine_settled(const struct engine *engine, int64_t utc_s);
/* Finds the end of the newest large volume, cuts what a crash left. */
enum store_error blobs_open(struct engine *engine, const struct volume_entry *list, size_t count);

/* ---- packed volumes ---- */

struct packed_header {
    struct record record;
    uint64_t offset;
};
/* The one that is being written: compaction's, under compact_lock. */
struct packed_writer {
    bool known; /* the next two are set */
    uint32_t number;
    uint64_t end;
    int fd;               /* -1: none is open */
    struct buffer octets; /* not written yet, to stand before end */
    struct packed_header *headers;
    size_t header_count, header_capacity;
};
void packed_init(struct packed_writer *packed);
void packed_free(struct packed_writer *packed);
/* Before the first packed_add of a compaction, with the volumes that there are: finds the one to go on with. */
enum store_error packed_begin(struct engine *engine, const struct volume_entry *list, size_t count);
bool packed_is_written(const struct engine *engine, uint32_t number);
/* A copy of a message's record, packed, for these accounts. Not on disk before packed_sync. */
enum store_error packed_add(struct engine *engine, const struct record *from, const char *body,
                            const uint64_t *accounts, size_t account_count, struct blob **blob_r);
enum store_error packed_sync(struct engine *engine);

/* ---- the writer ---- */

struct account_queue {
    uint64_t account;
    struct mutation *first, **last;
    struct account_queue *hash_next, *turn_next;
};

struct txn {
    struct engine *engine;
    struct mutation *mutation;
    struct buffer operations; /* this run's, as they are logged */
    size_t keys;
    bool saved; /* the overlay has a save point of this run */
    struct index_key key;
};

struct writer {
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards the next four */
    pthread_cond_t wake;
    struct mutation *incoming, **incoming_end;
    bool sleeping, stopping;

    /* The writer thread's own. */
    struct account_queue *hash[QUEUE_HASH];
    struct account_queue *turn, **turn_end; /* accounts in turn, first is next */
    int fd;
    uint32_t volume;
    uint64_t offset, batch;
    uint64_t unflushed; /* log octets since the last flush */

    /* The batch being made. */
    struct buffer log;
    uint32_t records;
    uint64_t chain;
    rocksdb_writebatch_wi_t *overlay;
    struct arena arena;
    struct txn txn;
    struct touch *touched;
    size_t touched_count, touched_capacity;
    struct blob **placed;
    size_t placed_count, placed_capacity;
    struct mutation *ran[BATCH_MUTATIONS];
    bool more[BATCH_MUTATIONS]; /* that one returned STORE_MORE */
    size_t ran_count;
    uint64_t free_octets;
};
enum store_error writer_start(struct engine *engine, const struct position *end);
void writer_stop(struct engine *engine);

/* txn.c: one run's beginning and its two ends. */
struct txn_mark {
    size_t log, touched, placed;
    uint32_t records;
    uint64_t chain;
};
struct txn_mark txn_begin(struct engine *engine, struct mutation *mutation);
void txn_keep(struct txn *txn);
void txn_drop(struct txn *txn, const struct txn_mark *mark);
/* Appends a record to the batch; its place is decided here. body: accounts and payload in two stretches. */
uint64_t writer_add_record(struct writer *writer, struct record *record, const uint64_t *accounts, struct view payload);

/* ---- the pool ---- */

struct task_pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct task *first, **last;
    pthread_t *threads;
    uint32_t count;
    bool stopping;
};
void task_pool_start(struct task_pool *pool, uint32_t threads);
void task_pool_stop(struct task_pool *pool);
void task_pool_add(struct task_pool *pool, struct task *task);

/* ---- the engine ---- */

struct engine {
    struct engine_options options;
    char *path;
    uint64_t serial; /* of this process, for caches a thread keeps */
    int folder_fd, lock_fd;
    uint32_t epoch;
    bool epoch_raised;
    unsigned char store_id[16];
    struct index index;
    struct volumes volumes;
    struct blobs blobs;
    struct packed_writer packed;
    struct writer writer;
    struct task_pool pool;
    pthread_mutex_t compact_lock;
    struct uidset *damaged; /* volumes that compaction couldn't empty, by number; under compact_lock */
    atomic_bool read_only;
    pthread_mutex_t reason_lock;
    char reason[128];
    void (*touched)(void *ctx, const struct touch *touch);
    void *touched_ctx;
    _Atomic uint64_t batches, mutations, syncs, sync_us, dead_octets;
};

/* folder.c. */
enum store_error engine_open_folder(struct engine *engine, char *error, size_t error_size);
void engine_close_folder(struct engine *engine);

/* For the log's end: read-only until restart, and why. */
void engine_stop_writing(struct engine *engine, const char *reason);
uint64_t engine_free_octets(struct engine *engine);
/* One more than the last, durable before it returns. */
enum store_error engine_raise_epoch(struct engine *engine);
/* name in the store's folder: a whole file, replaced at once and synced. */
enum store_error engine_write_file(struct engine *engine, const char *name, const char *text);
/* A folder and what lies in it, one level. Missing: fine. */
enum store_error engine_remove_folder(struct engine *engine, const char *name);

/* replay.c: brings the index up to the log's end, cuts a torn tail. *lost_r: the log could not be replayed whole. */
enum store_error replay_log(struct engine *engine, const struct volume_entry *list, size_t count,
                            struct position *end_r, bool *lost_r, char *error, size_t error_size);
/* One volume from `position`, into the index; for replay_log and the fuzzer. last: it is the newest. */
struct replay {
    struct index *index; /* null: decode only */
    rocksdb_writebatch_t *pending;
    size_t pending_octets;
    struct position end; /* behind the last batch that counts */
    uint64_t damaged;    /* records named */
    uint64_t batches;
};
enum store_error replay_volume(struct replay *replay, struct window *window, uint32_t volume, uint64_t from, bool last);

/* ---- what crash tests watch and break (tests/crash/) ---- */

struct engine_probe {
    _Atomic uint64_t synced;                 /* volume << 40 | offset: what a power cut leaves at least */
    _Atomic uint64_t packed_synced;          /* likewise, of the packed volume */
    _Atomic uint32_t no_sync;                /* negative control: replies without a sync */
    _Atomic uint32_t fail_append, fail_sync; /* that many next ones fail: 1 ENOSPC, see fail_errno */
    _Atomic int fail_errno;
};
extern struct engine_probe *engine_probe; /* null but in tests */

#endif
