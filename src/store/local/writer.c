/*
 * store/local/writer.c: the one thread that changes the store.
 *
 * Does     takes mutations of all threads, serves accounts in turn, collects what is there into a batch (messages,
 *          write sets, trailer), appends it with one write and one fdatasync, gives it to the index, then tells the
 *          watchers and every done. Nothing is answered that is not on disk and visible.
 * Owns     the log's end, the overlay, the batch under construction.
 * Called   engine_mutate on any thread; all else on the writer's.
 * Waits    for the disk: an append, one sync a batch; a cold read of a mutation.
 * Fails    an append that fails is cut off again and refuses only that batch's changes (I8); a sync that fails makes
 *          the store read-only until restart: what the kernel dropped can't be known.
 * Tested   tests/unit/store_engine.c, tests/crash/store_crash.c
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/nowslot.h"
#include "store/local/local.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

struct engine_probe *engine_probe;

enum { BATCH_PLACE = 8 << 20, APPLY_RETRY_MS = 200 };

/* ---- what waits ---- */

void engine_mutate(struct engine *engine, struct mutation *mutation)
{
    struct writer *w = &engine->writer;
    mutation->task.next = NULL;
    pthread_mutex_lock(&w->lock);
    *w->incoming_end = mutation;
    w->incoming_end = (struct mutation **)&mutation->task.next;
    bool wake = w->sleeping;
    w->sleeping = false;
    pthread_mutex_unlock(&w->lock);
    if (wake)
        pthread_cond_signal(&w->wake);
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool over;
};

static void wake_waiter(struct mutation *mutation)
{
    struct waiter *waiter = mutation->waiter;
    pthread_mutex_lock(&waiter->lock);
    waiter->over = true;
    pthread_cond_signal(&waiter->wake);
    pthread_mutex_unlock(&waiter->lock);
}

enum store_error engine_mutate_wait(struct engine *engine, struct mutation *mutation)
{
    struct waiter waiter = {.over = false};
    pthread_mutex_init(&waiter.lock, NULL);
    pthread_cond_init(&waiter.wake, NULL);
    mutation->waiter = &waiter;
    mutation->done = wake_waiter;
    mutation->loop = NULL;
    engine_mutate(engine, mutation);
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.over)
        pthread_cond_wait(&waiter.wake, &waiter.lock);
    pthread_mutex_unlock(&waiter.lock);
    pthread_cond_destroy(&waiter.wake);
    pthread_mutex_destroy(&waiter.lock);
    mutation->waiter = NULL;
    return mutation->result;
}

static struct account_queue **queue_place(struct writer *w, uint64_t account)
{
    struct account_queue **place = &w->hash[account % QUEUE_HASH];
    while (*place && (*place)->account != account)
        place = &(*place)->hash_next;
    return place;
}

/* Behind what its account has waiting; an account that had nothing goes behind the other accounts. */
static void queue_add(struct writer *w, struct mutation *mutation)
{
    struct account_queue **place = queue_place(w, mutation->account), *queue = *place;
    mutation->task.next = NULL;
    if (!queue) {
        queue = *place = NEW(struct account_queue);
        queue->account = mutation->account;
        queue->last = &queue->first;
        *w->turn_end = queue;
        w->turn_end = &queue->turn_next;
    }
    *queue->last = mutation;
    queue->last = (struct mutation **)&mutation->task.next;
}

/* The next mutation of the account whose turn it is; null if there is none. */
static struct mutation *queue_take(struct writer *w)
{
    struct account_queue *queue = w->turn;
    if (!queue)
        return NULL;
    struct mutation *mutation = queue->first;
    w->turn = queue->turn_next;
    if (!w->turn)
        w->turn_end = &w->turn;
    queue->turn_next = NULL;
    queue->first = (struct mutation *)mutation->task.next;
    if (queue->first) {
        *w->turn_end = queue;
        w->turn_end = &queue->turn_next;
    } else {
        struct account_queue **place = queue_place(w, queue->account);
        *place = queue->hash_next;
        free(queue);
    }
    return mutation;
}

/* Moves what came in to the queues. wait: until there is something. False: stopping, and nothing is left. */
static bool take_incoming(struct writer *w, bool wait)
{
    pthread_mutex_lock(&w->lock);
    while (wait && !w->incoming && !w->stopping) {
        w->sleeping = true;
        pthread_cond_wait(&w->wake, &w->lock);
    }
    w->sleeping = false;
    struct mutation *mutation = w->incoming;
    w->incoming = NULL;
    w->incoming_end = &w->incoming;
    bool stopping = w->stopping;
    pthread_mutex_unlock(&w->lock);
    while (mutation) {
        struct mutation *next = (struct mutation *)mutation->task.next;
        queue_add(w, mutation);
        mutation = next;
    }
    return w->turn || !stopping;
}

/* ---- answers ---- */

static void run_done(struct task *task)
{
    struct mutation *mutation = (struct mutation *)((char *)task - offsetof(struct mutation, task));
    mutation->done(mutation);
}

static void answer(struct engine *engine, struct mutation *mutation, enum store_error result)
{
    mutation->result = result;
    atomic_fetch_add_explicit(&engine->mutations, 1, memory_order_relaxed);
    if (!mutation->loop) {
        mutation->done(mutation);
        return;
    }
    mutation->task.run = run_done;
    mutation->task.next = NULL;
    loop_post(mutation->loop, &mutation->task);
}

static void refuse_all(struct engine *engine, enum store_error result)
{
    struct writer *w = &engine->writer;
    take_incoming(w, false);
    for (struct mutation *mutation; (mutation = queue_take(w));)
        answer(engine, mutation, result);
}

/* ---- the batch ---- */

uint64_t writer_add_record(struct writer *w, struct record *record, const uint64_t *accounts, struct view payload)
{
    size_t mark = buffer_size(&w->log), account_octets = record_accounts_octets(record);
    uint64_t offset = w->offset + mark;
    size_t size = RECORD_HEADER + account_octets + payload.size;
    unsigned char *p = (unsigned char *)buffer_reserve(&w->log, size);
    if (!p)
        return offset; /* the buffer has overflowed; commit sees it */
    for (uint32_t i = 0; i < record->account_count; i++)
        put_le(p + RECORD_HEADER + (size_t)i * 8, 8, accounts[i]);
    if (payload.size)
        view_copy(p + RECORD_HEADER + account_octets, payload);
    record->octets = (uint32_t)size;
    record->batch = w->batch + 1;
    record->body_checksum = record_checksum(p + RECORD_HEADER, size - RECORD_HEADER, w->volume, offset + RECORD_HEADER);
    record_encode(record, w->volume, offset, p);
    buffer_commit(&w->log, size);
    w->records++;
    w->chain = record_chain(w->chain, record->header_checksum);
    return offset;
}

static void batch_reset(struct writer *w)
{
    buffer_clear(&w->log);
    rocksdb_writebatch_wi_clear(w->overlay);
    arena_reset(&w->arena);
    w->records = 0;
    w->chain = 0;
    w->touched_count = 0;
    w->placed_count = 0;
    w->ran_count = 0;
}

/* After a failed append: the blobs of this batch have no place. */
static void batch_forget(struct writer *w)
{
    for (size_t i = 0; i < w->placed_count; i++) {
        w->placed[i]->placed = false;
        blob_unref(&w->placed[i]);
    }
    w->placed_count = 0;
}

static bool batch_has_room(const struct writer *w)
{
    return w->ran_count < BATCH_MUTATIONS && buffer_size(&w->log) < BATCH_OCTETS && w->arena.used < BATCH_ARENA_ENOUGH;
}

/* Room for a whole batch in the volume, or a new one. */
static enum store_error make_place(struct engine *engine)
{
    struct writer *w = &engine->writer;
    uint64_t limit = engine->options.volume_octets;
    uint64_t spare = limit / 4 < BATCH_PLACE ? limit / 4 : BATCH_PLACE;
    if (w->fd >= 0 && w->offset + spare <= limit)
        return STORE_OK;
    int fd = -1;
    enum store_error error = volumes_create(&engine->volumes, w->volume + 1, w->batch + 1, &fd);
    if (error)
        return error;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = fd;
    w->volume++;
    w->offset = VOLUME_HEADER;
    return STORE_OK;
}

static enum store_error run_one(struct engine *engine, struct mutation *mutation)
{
    struct writer *w = &engine->writer;
    nowslot_set(mutation->account, 0, "write");
    struct txn_mark mark = txn_begin(engine, mutation);
    enum store_error result = mutation->run(&w->txn, mutation);
    if (result == STORE_OK || result == STORE_MORE)
        txn_keep(&w->txn);
    else
        txn_drop(&w->txn, &mark);
    return result;
}

/* Takes and runs what is there, a slice of each; results stand in the mutations, nobody is told yet. */
static void collect(struct engine *engine)
{
    struct writer *w = &engine->writer;
    struct mutation *mutation;
    while (batch_has_room(w) && (mutation = queue_take(w))) {
        enum store_error result = run_one(engine, mutation);
        w->more[w->ran_count] = result == STORE_MORE;
        mutation->result = result;
        w->ran[w->ran_count++] = mutation;
        if (!w->turn)
            take_incoming(w, false);
    }
    nowslot_set(0, 0, "");
}

static void add_trailer(struct writer *w)
{
    unsigned char payload[TRAILER_PAYLOAD];
    struct trailer trailer = {.count = w->records, .start = w->offset, .batch = w->batch + 1, .chain = w->chain};
    trailer_encode(&trailer, payload);
    struct record record = {.kind = RECORD_TRAILER, .unpacked = TRAILER_PAYLOAD};
    writer_add_record(w, &record, NULL, view_of(payload, sizeof payload));
}

static bool probe_fails(_Atomic uint32_t *count)
{
    if (atomic_load(count) == 0)
        return false;
    atomic_fetch_sub(count, 1);
    errno = atomic_load(&engine_probe->fail_errno);
    return true;
}

static enum store_error append(struct engine *engine)
{
    struct writer *w = &engine->writer;
    struct view octets = buffer_view(&w->log);
    enum store_error error;
    if (w->log.overflow)
        error = STORE_LIMIT;
    else if (engine_probe && probe_fails(&engine_probe->fail_append))
        error = volume_write_error(errno);
    else
        error = volume_write(w->fd, octets.data, octets.size, w->offset);
    if (!error)
        return STORE_OK;
    log_event(LOG_ERROR, "store.append", "volume=%u offset=%llu error=%s", w->volume, (unsigned long long)w->offset,
              store_error_text(error));
    /* What was written of it is no batch without its trailer; cut it all the same. */
    if (ftruncate(w->fd, (off_t)w->offset) < 0)
        log_event(LOG_WARN, "store.cut", "volume=%u errno=%d", w->volume, errno);
    return error;
}

static enum store_error sync_log(struct engine *engine)
{
    struct writer *w = &engine->writer;
    if (engine_probe && atomic_load(&engine_probe->no_sync))
        return STORE_OK;
    uint64_t before = clock_monotonic_us();
    bool failed = engine_probe && probe_fails(&engine_probe->fail_sync);
    failed = failed || fdatasync(w->fd) < 0;
    atomic_fetch_add_explicit(&engine->syncs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&engine->sync_us, clock_monotonic_us() - before, memory_order_relaxed);
    if (!failed) {
        if (engine_probe)
            atomic_store(&engine_probe->synced, (uint64_t)w->volume << 40 | (w->offset + buffer_size(&w->log)));
        return STORE_OK;
    }
    char reason[64];
    snprintf(reason, sizeof reason, "the log could not be synced, errno %d", errno);
    engine_stop_writing(engine, reason);
    if (ftruncate(w->fd, (off_t)w->offset) < 0)
        log_event(LOG_ERROR, "store.cut", "volume=%u errno=%d", w->volume, errno);
    return STORE_READ_ONLY;
}

/* The log holds the batch; the index must have it before anybody is answered. A full disk may stop it for a while:
 * until it goes on, everything new is refused. */
static void apply(struct engine *engine, const struct position *end)
{
    struct writer *w = &engine->writer;
    for (;;) {
        enum store_error error = index_write_overlay(&engine->index, w->overlay, end);
        if (!error)
            return;
        pthread_mutex_lock(&w->lock);
        bool stopping = w->stopping;
        pthread_mutex_unlock(&w->lock);
        if (stopping || error == STORE_CORRUPT) {
            engine_stop_writing(engine, "the index refuses a batch that the log holds");
            return;
        }
        refuse_all(engine, STORE_FULL);
        usleep(APPLY_RETRY_MS * 1000);
    }
}

static void flush_in_time(struct engine *engine, uint64_t logged)
{
    struct writer *w = &engine->writer;
    w->unflushed += logged;
    if (w->unflushed < engine->options.flush_octets)
        return;
    w->unflushed = 0;
    index_flush(&engine->index, false);
}

/* Log, sync, index. On an error nothing of the batch has happened. */
static enum store_error commit(struct engine *engine)
{
    struct writer *w = &engine->writer;
    if (w->records == 0)
        return STORE_OK;
    add_trailer(w);
    enum store_error error = append(engine);
    if (!error)
        error = sync_log(engine);
    if (error) {
        batch_forget(w);
        return error;
    }
    size_t logged = buffer_size(&w->log);
    struct position end = {.volume = w->volume, .offset = w->offset + logged, .batch = w->batch + 1};
    apply(engine, &end);
    w->offset = end.offset;
    w->batch = end.batch;
    atomic_fetch_add_explicit(&engine->volumes.octets, logged, memory_order_relaxed);
    atomic_fetch_add_explicit(&engine->batches, 1, memory_order_relaxed);
    for (size_t i = 0; i < w->placed_count; i++) {
        blob_hold(w->placed[i]);
        blob_unref(&w->placed[i]);
    }
    flush_in_time(engine, logged);
    return STORE_OK;
}

/* ---- after the batch ---- */

static void tell_touched(struct engine *engine)
{
    struct writer *w = &engine->writer;
    for (size_t i = 0; engine->touched && i < w->touched_count; i++)
        engine->touched(engine->touched_ctx, &w->touched[i]);
}

static void answer_batch(struct engine *engine)
{
    struct writer *w = &engine->writer;
    tell_touched(engine);
    for (size_t i = 0; i < w->ran_count; i++) {
        if (w->more[i])
            queue_add(w, w->ran[i]);
        else
            answer(engine, w->ran[i], w->ran[i]->result);
    }
}

/* Each alone in a batch of its own; one that is between two slices can't be run again for the slice that was lost. */
static void retry_alone(struct engine *engine, enum store_error error)
{
    struct writer *w = &engine->writer;
    struct mutation *ran[BATCH_MUTATIONS];
    bool more[BATCH_MUTATIONS];
    size_t count = w->ran_count;
    memcpy(ran, w->ran, count * sizeof *ran);
    memcpy(more, w->more, count * sizeof *more);
    for (size_t i = 0; i < count; i++) {
        bool failed = ran[i]->result != STORE_OK && !more[i];
        bool again = !more[i] && !failed && error != STORE_READ_ONLY && !atomic_load(&engine->read_only);
        if (!again) {
            answer(engine, ran[i], failed ? ran[i]->result : error);
            continue;
        }
        batch_reset(w);
        enum store_error result = run_one(engine, ran[i]);
        w->ran[w->ran_count] = ran[i];
        w->more[w->ran_count++] = result == STORE_MORE;
        ran[i]->result = result;
        enum store_error committed = commit(engine);
        if (!committed)
            answer_batch(engine);
        else
            answer(engine, ran[i], committed);
    }
    nowslot_set(0, 0, "");
}

static void one_batch(struct engine *engine)
{
    struct writer *w = &engine->writer;
    if (atomic_load(&engine->read_only)) {
        refuse_all(engine, STORE_READ_ONLY);
        return;
    }
    enum store_error error = make_place(engine);
    if (error) {
        refuse_all(engine, error);
        return;
    }
    batch_reset(w);
    w->free_octets = engine_free_octets(engine);
    collect(engine);
    error = commit(engine);
    if (!error)
        answer_batch(engine);
    else
        retry_alone(engine, error);
    batch_reset(w);
}

static void *writer_main(void *ctx)
{
    struct engine *engine = ctx;
    struct writer *w = &engine->writer;
    while (take_incoming(w, !w->turn))
        if (w->turn)
            one_batch(engine);
    return NULL;
}

/* ---- starting and stopping ---- */

enum store_error writer_start(struct engine *engine, const struct position *end)
{
    struct writer *w = &engine->writer;
    w->volume = end->volume;
    w->offset = end->offset;
    w->batch = end->batch;
    w->fd = end->volume && end->offset ? volumes_open_for_append(&engine->volumes, end->volume) : -1;
    if (end->volume && end->offset && w->fd < 0)
        return STORE_IO;
    w->overlay = rocksdb_writebatch_wi_create(0, 1);
    w->incoming_end = &w->incoming;
    w->turn_end = &w->turn;
    buffer_init(&w->log, 0);
    buffer_init(&w->txn.operations, ENGINE_WRITE_OCTETS + 64);
    arena_init(&w->arena, BATCH_ARENA);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->wake, NULL);
    if (pthread_create(&w->thread, NULL, writer_main, engine) != 0)
        return STORE_IO;
    w->started = true;
    return STORE_OK;
}

void writer_stop(struct engine *engine)
{
    struct writer *w = &engine->writer;
    if (w->started) {
        pthread_mutex_lock(&w->lock);
        w->stopping = true;
        pthread_cond_signal(&w->wake);
        pthread_mutex_unlock(&w->lock);
        pthread_join(w->thread, NULL);
    }
    if (w->overlay) {
        rocksdb_writebatch_wi_destroy(w->overlay);
        pthread_mutex_destroy(&w->lock);
        pthread_cond_destroy(&w->wake);
    }
    if (w->fd >= 0 && w->overlay)
        close(w->fd);
    buffer_free(&w->log);
    buffer_free(&w->txn.operations);
    arena_free(&w->arena);
    free(w->touched);
    free(w->placed);
}
