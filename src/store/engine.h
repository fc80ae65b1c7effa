/*
 * store/engine.h: the narrow interface that store/local (volumes + RocksDB) and later store/rados implement.
 *
 * Does     keys and values of one account: point reads, short forward scans; write sets made by a function, logged,
 *          synced once a batch, applied whole; blobs (message bytes) appended to volumes. Promises one consistent view
 *          within one call, at most ENGINE_SCAN_MAX keys of one account; nothing across calls (RADOS has no more,
 *          DESIGN 8). Keys sort by memcmp and hold no NUL octet (store/keys.h encodes numbers so). A write set is
 *          applied whole or not at all. done is called only after the batch is on disk and visible to readers.
 * Called   reads on any thread; engine_mutate on any thread; a mutation's run on the writer thread; its done on the
 *          loop it names.
 * Tested   tests/unit/store_engine.c, tests/crash/
 */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "net/loop.h"
#include "store/error.h"

#define ENGINE_SCAN_MAX     1024
#define ENGINE_WRITE_KEYS   4096
#define ENGINE_WRITE_OCTETS ((size_t)4 << 20)
#define ENGINE_BLOB_INLINE  ((size_t)256 << 10) /* longer bodies are staged and synced outside the batch */

struct engine;

struct engine_options {
    const char *path; /* the store's folder; a descriptor-relative open happens before the walls */
    bool create;      /* make it if it is not there */
    bool read_only;
    size_t cache_octets;     /* block cache; 0: by the machine's memory */
    uint32_t pool_threads;   /* for blocking reads, staged bodies, compaction */
    uint64_t volume_octets;  /* a volume is at most this; 0: 1 GiB */
    uint64_t flush_octets;   /* log octets between index flushes; 0: 64 MiB */
    uint64_t reserve_octets; /* I8: new mail is refused below this much free disk; 0: 1 %, at least 512 MiB */
    uint64_t pack_after_s;   /* mail is stored as it is until it is this old; 0: it is packed as it comes */
    int zstd_level;          /* 0: 1 */
};

/* Opens, locks the folder (STORE_BUSY if another process holds it), replays the log. error gets a sentence on failure.
 */
enum store_error engine_open(const struct engine_options *options, struct engine **engine_r, char *error,
                             size_t error_size);
/* Finishes what is queued, flushes, closes. */
void engine_close(struct engine **engine);
/* True if the last start could not replay its whole log, or a restore happened: ids must jump (DESIGN 5 "epoch"). */
uint32_t engine_epoch(const struct engine *engine);

/* ---- reading ---- */

enum read_mode {
    READ_NONBLOCKING, /* memory only: STORE_WOULD_BLOCK if the answer is not there; what loops use */
    READ_BLOCKING,    /* pool and admin threads */
};

/* The value is copied into out (cleared first). STORE_NOT_FOUND if absent. */
enum store_error engine_get(struct engine *engine, enum read_mode mode, uint64_t account, struct view key,
                            struct buffer *out);
/*
 * Calls row for keys from <= key < to, ascending, until it returns false or ENGINE_SCAN_MAX keys were seen. views valid
 * during the call. *more_r (may be null): true if it stopped before the end of the range.
 */
typedef bool engine_row(void *ctx, struct view key, struct view value);
enum store_error engine_scan(struct engine *engine, enum read_mode mode, uint64_t account, struct view from,
                             struct view to, engine_row *row, void *ctx, bool *more_r);
/*
 * A forward cursor over one account, for long scans in slices: seek, then next. It re-reads nothing while rows are
 * contiguous. It must not outlive a step (no snapshot is kept while waiting for anyone).
 */
struct engine_cursor;
struct engine_cursor *engine_cursor_new(struct engine *engine, enum read_mode mode, uint64_t account);
/* First key >= key. STORE_NOT_FOUND at the account's end. Views valid until the next call on the cursor. */
enum store_error engine_cursor_seek(struct engine_cursor *cursor, struct view key, struct view *key_r,
                                    struct view *value_r);
enum store_error engine_cursor_next(struct engine_cursor *cursor, struct view *key_r, struct view *value_r);
void engine_cursor_free(struct engine_cursor **cursor);

/* ---- blobs ---- */

/* Where a blob lies; stored in the email record, moved by compaction with ordinary write sets. 40 octets on disk. */
struct blob_location {
    uint32_t volume;
    uint64_t offset;
    uint32_t stored_octets; /* length of the record */
    uint64_t octets;        /* of the message, unpacked */
    unsigned char id[16];   /* random */
};

/*
 * A message on its way in: made on any thread, and packed there if it has settled, before the writer sees it. Reference
 * counted; its location is decided when the first write set that names it is logged, and is the same for all later ones
 * ("written once").
 */
struct blob;
/* octets are copied or packed now. utc_s: when the mail is of (pack_after_s). accounts: those it is written for. */
struct blob *blob_new(struct engine *engine, struct view octets, int64_t utc_s, const uint64_t *accounts,
                      size_t account_count);
/* For bodies above ENGINE_BLOB_INLINE: reads fd from its start; written to a volume in 256 KiB frames and synced now,
 * on the calling (pool or admin) thread. */
enum store_error blob_new_large(struct engine *engine, int fd, uint64_t octets, const uint64_t *accounts,
                                size_t account_count, struct blob **blob_r);
struct blob *blob_ref(struct blob *blob);
void blob_unref(struct blob **blob);

/*
 * Octets [offset, offset + size) of a blob, appended to out. Whole frames are checked against their checksum:
 * STORE_CORRUPT names rot. READ_NONBLOCKING: STORE_WOULD_BLOCK if the page cache does not hold it.
 */
enum store_error blob_read(struct engine *engine, enum read_mode mode, uint64_t account,
                           const struct blob_location *location, uint64_t offset, size_t size, struct buffer *out);

/* ---- writing ---- */

/* What a mutation reads and writes through: its own changes over the batch so far over the index. Writer thread, during
 * run only. */
struct txn;
uint64_t txn_account(const struct txn *txn);
struct engine *txn_engine(const struct txn *txn);
/* View valid until the next txn call with the same arena reset; in practice: during run. */
enum store_error txn_get(struct txn *txn, struct view key, struct view *value_r);
enum store_error txn_scan(struct txn *txn, struct view from, struct view to, engine_row *row, void *ctx, bool *more_r);
/* STORE_LIMIT beyond ENGINE_WRITE_KEYS or ENGINE_WRITE_OCTETS: return it from run, and the whole write set is dropped.
 */
enum store_error txn_put(struct txn *txn, struct view key, struct view value);
enum store_error txn_delete(struct txn *txn, struct view key);
/* Logs the blob in this batch unless it already has a place. */
enum store_error txn_place_blob(struct txn *txn, struct blob *blob, struct blob_location *location_r);
size_t txn_keys(const struct txn *txn);
struct arena *txn_arena(struct txn *txn); /* lives until the batch ends */

/* What a mutation changed, as the account's watchers (store.h) hear of it after the batch is visible. */
struct touch {
    uint64_t account, modseq;
    uint64_t origin;  /* of the mutation */
    uint32_t mailbox; /* 0: the list of mailboxes, or the account's metadata */
    bool metadata;
};
void txn_touched(struct txn *txn, uint32_t mailbox, uint64_t modseq);
void txn_touched_metadata(struct txn *txn, uint32_t mailbox, uint64_t modseq);

/*
 * One change of one account. Embedded by the caller; must live until done. run may be called more than once for one
 * request (a lost race, a retry after the batch failed for space), and again for each slice when it returns STORE_MORE;
 * no side effects but on its own state. done runs on `loop`, or on the writer thread if loop is null (for threads that
 * wait on a condition).
 */
struct waiter;
struct mutation {
    struct task task; /* engine's */
    uint64_t account;
    enum store_error (*run)(struct txn *txn, struct mutation *mutation);
    void (*done)(struct mutation *mutation);
    struct loop *loop;
    uint64_t origin;         /* the session that makes it: it knows its own changes by it. 0: none */
    enum store_error result; /* set before done */
    struct waiter *waiter;   /* engine_mutate_wait's */
    bool frees_space;        /* expunge and purge may use the reserve (I8) */
};
void engine_mutate(struct engine *engine, struct mutation *mutation);
/* The same, waiting: for the admin threads, the CLI and tests. Never on a loop. */
enum store_error engine_mutate_wait(struct engine *engine, struct mutation *mutation);

/* Work that may block, on a pool thread. task->run is called there. */
void engine_pool(struct engine *engine, struct task *task);

/* Every touched mailbox after each batch, on the writer thread. One listener: store/watch.c. */
void engine_on_touched(struct engine *engine, void (*touched)(void *ctx, const struct touch *touch), void *ctx);

/* ---- upkeep ---- */

struct engine_status {
    uint64_t volumes, volume_octets, live_octets, index_octets, batches, mutations, syncs, sync_us, free_octets;
    bool read_only;
    char reason[128];
};
void engine_status(struct engine *engine, struct engine_status *status_r);
/* Every record of every volume: checksum and framing. Calls bad for each damaged one. */
enum store_error engine_check(struct engine *engine, void (*bad)(void *ctx, const char *what), void *ctx);
/*
 * Compaction: the schema says which blobs live. live() is asked for each message record of a sealed volume, with the
 * accounts it names, on the calling thread; moved() changes the account's location as part of a mutation (writer
 * thread). Implemented by store/compact.c, run by engine in the pool. Copied out are volumes of which less than
 * live_share_below lives, and of the log all that is older than pack_after_s: live mail ends in packed volumes. every:
 * each sealed volume is looked at; else, by the hour, a share of them that has been through them all in a week.
 * STORE_CORRUPT: volumes with damage stay, with what of them couldn't be moved; all else was done.
 */
struct engine_compaction {
    bool (*live)(void *ctx, uint64_t account, const struct blob_location *location);
    enum store_error (*moved)(struct txn *txn, const struct blob_location *from, const struct blob_location *to);
    void *ctx;
    double live_share_below;
    bool every;
};
enum store_error engine_compact(struct engine *engine, const struct engine_compaction *schema, uint64_t *freed_r);

#endif
