/*
 * store/watch.c: sessions hear of changes: the writer names touched mailboxes, each loop tells its own watchers.
 *
 * Owns     one row a loop: its watchers (that loop's thread alone), and a queue of touched mailboxes (locked),
 *          coalesced by mailbox; one post a batch.
 * Called   the listener on the writer thread; store_watch and store_unwatch on the watcher's loop.
 * Tested   tests/e2e/test_imap.py
 */
#include "base/memory.h"
#include "store/private.h"

enum { WATCH_LOOPS = 64, WATCH_BUCKETS = 1024 };

struct watch_loop {
    struct watch_table *table;
    struct loop *loop;
    struct watcher *buckets[WATCH_BUCKETS]; /* by account: a delivery asks only its own */
    struct watcher *following;              /* of the one that is told now: it may go meanwhile */
    pthread_mutex_t lock;
    struct touch *touches; /* waiting to be told */
    size_t count, room;
    bool posted;
    struct task task;
};

struct watch_table {
    struct watch_loop loops[WATCH_LOOPS];
    atomic_size_t count;
};

static struct watcher **bucket_of(struct watch_loop *row, uint64_t account)
{
    return &row->buckets[account % WATCH_BUCKETS];
}

static void tell(struct task *task)
{
    struct watch_loop *row = (struct watch_loop *)(void *)((char *)task - offsetof(struct watch_loop, task));
    pthread_mutex_lock(&row->lock);
    struct touch *touches = row->touches;
    size_t count = row->count;
    row->touches = NULL;
    row->count = row->room = 0;
    row->posted = false;
    pthread_mutex_unlock(&row->lock);
    for (size_t i = 0; i < count; i++) {
        for (struct watcher *w = *bucket_of(row, touches[i].account); w; w = row->following) {
            row->following = w->next;
            if (w->account == touches[i].account)
                w->changed(w, &touches[i]);
        }
    }
    free(touches);
}

/* Only the modseq tells them apart. */
static bool is_same(const struct touch *a, const struct touch *b)
{
    return a->account == b->account && a->mailbox == b->mailbox && a->origin == b->origin && a->metadata == b->metadata;
}

static void add_touch(struct watch_loop *row, const struct touch *touch)
{
    pthread_mutex_lock(&row->lock);
    if (row->count == row->room) {
        row->room = row->room ? row->room * 2 : 16;
        row->touches = memory_resize(row->touches, row->room * sizeof *row->touches);
    }
    struct touch *end = row->touches + row->count;
    if (row->count && is_same(&end[-1], touch)) {
        end[-1].modseq = touch->modseq;
    } else {
        *end = *touch;
        row->count++;
    }
    if (!row->posted) {
        row->posted = true;
        loop_post(row->loop, &row->task);
    }
    pthread_mutex_unlock(&row->lock);
}

static void touched(void *ctx, const struct touch *touch)
{
    struct watch_table *table = ctx;
    size_t count = atomic_load(&table->count);
    for (size_t i = 0; i < count; i++)
        add_touch(&table->loops[i], touch);
}

struct watch_table *watch_table_new(struct engine *engine)
{
    struct watch_table *table = NEW(struct watch_table);
    engine_on_touched(engine, touched, table);
    return table;
}

void watch_table_free(struct watch_table **table)
{
    struct watch_table *old = *table;
    *table = NULL;
    for (size_t i = 0; old && i < atomic_load(&old->count); i++)
        free(old->loops[i].touches);
    free(old);
}

void store_add_loop(struct store *store, struct loop *loop)
{
    struct watch_table *table = store->watches;
    size_t count = atomic_load(&table->count);
    BUG_IF(count >= WATCH_LOOPS);
    struct watch_loop *row = &table->loops[count];
    row->table = table;
    row->loop = loop;
    row->task.run = tell;
    pthread_mutex_init(&row->lock, NULL);
    atomic_store(&table->count, count + 1);
}

static struct watch_loop *row_of(struct store *store, const struct loop *loop)
{
    for (size_t i = 0; i < atomic_load(&store->watches->count); i++)
        if (store->watches->loops[i].loop == loop)
            return &store->watches->loops[i];
    return NULL;
}

void store_watch(struct store *store, struct watcher *watcher)
{
    struct watch_loop *row = row_of(store, watcher->loop);
    BUG_IF(!row);
    struct watcher **first = bucket_of(row, watcher->account);
    watcher->previous = NULL;
    watcher->next = *first;
    if (*first)
        (*first)->previous = watcher;
    *first = watcher;
}

void store_unwatch(struct store *store, struct watcher *watcher)
{
    struct watch_loop *row = row_of(store, watcher->loop);
    struct watcher **first = row ? bucket_of(row, watcher->account) : NULL;
    if (!row || (!watcher->previous && *first != watcher))
        return;
    if (row->following == watcher)
        row->following = watcher->next;
    if (watcher->previous)
        watcher->previous->next = watcher->next;
    else
        *first = watcher->next;
    if (watcher->next)
        watcher->next->previous = watcher->previous;
    watcher->next = watcher->previous = NULL;
}
