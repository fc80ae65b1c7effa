/*
 * tests/crash/store_crash.c: kills a process that writes to a store, again and again, and looks at what is left.
 *
 * Usage: store-crash CYCLES [SEED]. Each cycle a child opens the store and lets four threads add, flag, expunge and
 * restore, while a fifth moves live mail into packed volumes; what was acknowledged stands in memory shared with the
 * parent. The parent kills it at a random moment. In every second cycle it then plays a power cut: what the log and the
 * packed volume held behind their last sync is cut at a random place or filled with noise. Then the store must open,
 * hold everything acknowledged, and pass its check. --no-sync is the negative control: replies without a sync must be
 * caught.
 */
#include "base/clock.h"
#include "digest/digest.h"
#include "store/local/local.h"
#include "store/retention.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WRITERS = 4, KEPT = 400 };
enum doing { NOTHING, ADD, FLAG, EXPUNGE, RESTORE };

struct kept {
    uint32_t uid, number;
    uint8_t flags;
};
/* One writer's messages, as acknowledged, and the change that may or may not have happened. */
struct ledger {
    uint64_t account;
    uint32_t mailbox, next_number;
    struct kept kept[KEPT], gone; /* gone: the last one expunged */
    uint32_t count;
    enum doing pending;
    uint32_t at;
    uint8_t flags;
    uint64_t acknowledged;
};
struct shared {
    struct engine_probe probe;
    struct ledger ledgers[WRITERS];
    uint64_t freed; /* by compaction */
    bool control;   /* without compaction: its checkpoints would sync what the control must lose */
};

static struct shared *shared;
static char folder[] = "/tmp/waxwing-crash-XXXXXX";
static uint64_t seed = 1;

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

_Noreturn static void stop(const char *what)
{
    fprintf(stderr, "store-crash: %s (seed %llu, folder %s)\n", what, (unsigned long long)seed, folder);
    exit(1);
}

static struct store *open_store(bool create)
{
    struct store *store;
    char error[256];
    struct engine_options options = {.path = folder,
                                     .create = create,
                                     .volume_octets = 1 << 20,
                                     .flush_octets = 1 << 19,
                                     .reserve_octets = 1,
                                     .pool_threads = 1,
                                     .pack_after_s = 7 * 86400};
    if (store_open(&options, &store, error, sizeof error))
        stop(error);
    return store;
}

/* ---- what the child does ---- */

struct change {
    struct mutation mutation;
    struct ledger *ledger;
    struct blob *blob;
    struct buffer digest;
    struct uidset *uids;
    struct added added;
    struct flag_change flags;
    struct expunge expunge;
    struct restore restore;
};

static struct change *change_of(struct mutation *mutation)
{
    return (struct change *)mutation;
}

static enum store_error run_add(struct txn *txn, struct mutation *mutation)
{
    struct change *c = change_of(mutation);
    struct new_message message = {.blob = c->blob, .digest = buffer_view(&c->digest)};
    return message_add(txn, c->ledger->mailbox, &message, &c->added);
}

static enum store_error run_flag(struct txn *txn, struct mutation *mutation)
{
    struct change *c = change_of(mutation);
    return message_set_flags(txn, c->ledger->mailbox, c->uids, &c->flags);
}

static enum store_error run_expunge(struct txn *txn, struct mutation *mutation)
{
    struct change *c = change_of(mutation);
    return message_expunge(txn, c->ledger->mailbox, c->uids, &c->expunge);
}

static enum store_error run_restore(struct txn *txn, struct mutation *mutation)
{
    struct change *c = change_of(mutation);
    return retained_restore(txn, c->ledger->mailbox, &c->restore);
}

static void text_of(uint32_t number, struct buffer *out)
{
    buffer_printf(out, "Subject: %u\r\n\r\n", number);
    for (uint32_t i = 0; i < number % 97; i++)
        buffer_printf(out, "%u: %x %x\r\n", i, number * 2654435761u, i * number);
}

static void add(struct store *store, struct ledger *l)
{
    struct change c = {.mutation = {.account = l->account, .run = run_add}, .ledger = l};
    struct buffer text = {0};
    uint32_t number = l->next_number++;
    text_of(number, &text);
    digest_write_opaque(buffer_view(&text), "crash", &c.digest);
    c.blob = blob_new(store_engine(store), buffer_view(&text), number % 2 ? clock_wall_s() : 0, &l->account, 1);
    l->at = number;
    l->pending = ADD;
    if (engine_mutate_wait(store_engine(store), &c.mutation))
        stop("a message was refused");
    l->kept[l->count] = (struct kept){.uid = c.added.uid, .number = number};
    l->count++;
    l->pending = NOTHING;
    blob_unref(&c.blob);
    buffer_free(&c.digest);
    buffer_free(&text);
}

/* What was expunged last comes back, under the newest UID and without \Deleted. */
static void take_back(struct store *store, struct ledger *l)
{
    struct change c = {.mutation = {.account = l->account, .run = run_restore}, .ledger = l, .uids = uidset_new()};
    struct reader reader = {store, l->account, READ_BLOCKING};
    struct mailbox mailbox;
    uidset_add(c.uids, l->gone.uid);
    c.restore.filter.uids = c.uids;
    l->gone.flags &= (uint8_t)~FLAG_DELETED;
    l->pending = RESTORE;
    if (engine_mutate_wait(store_engine(store), &c.mutation) || c.restore.messages != 1)
        stop("a retained message was not restored");
    if (mailbox_read(&reader, NULL, l->mailbox, &mailbox))
        stop("the mailbox can't be read");
    l->kept[l->count] = l->gone;
    l->kept[l->count].uid = mailbox.uidnext - 1;
    l->count++;
    l->pending = NOTHING;
    uidset_unref(&c.uids);
}

static void change_one(struct store *store, struct ledger *l, uint64_t *random)
{
    struct change c = {.mutation = {.account = l->account}, .ledger = l, .uids = uidset_new()};
    bool expunge = next_random(random) % 2;
    l->at = (uint32_t)(next_random(random) % l->count);
    l->flags = (uint8_t)(next_random(random) & FLAG_SYSTEM_ALL);
    uidset_add(c.uids, l->kept[l->at].uid);
    c.flags = (struct flag_change){.action = FLAGS_REPLACE, .flags = l->flags};
    c.mutation.run = expunge ? run_expunge : run_flag;
    l->pending = expunge ? EXPUNGE : FLAG;
    if (engine_mutate_wait(store_engine(store), &c.mutation))
        stop("a change was refused");
    if (expunge) {
        l->gone = l->kept[l->at];
        l->kept[l->at] = l->kept[l->count - 1];
        l->count--;
    } else {
        l->kept[l->at].flags = l->flags;
    }
    l->pending = NOTHING;
    uidset_unref(&c.uids);
    if (expunge && next_random(random) % 2)
        take_back(store, l);
}

struct worker {
    struct store *store;
    struct ledger *ledger;
    uint64_t random;
};

static void *work(void *ctx)
{
    struct worker *w = ctx;
    for (;;) {
        if (w->ledger->count < 20 || (w->ledger->count < KEPT && next_random(&w->random) % 3))
            add(w->store, w->ledger);
        else
            change_one(w->store, w->ledger, &w->random);
        w->ledger->acknowledged++;
    }
    return NULL;
}

static void *compact(void *ctx)
{
    uint64_t freed;
    for (;;) {
        if (store_compact(ctx, 0.97, true, &freed))
            stop("compaction failed");
        shared->freed += freed;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return NULL;
}

_Noreturn static void child(uint64_t random)
{
    struct worker workers[WRITERS];
    pthread_t threads[WRITERS], compacting;
    engine_probe = &shared->probe;
    struct store *store = open_store(false);
    for (size_t i = 0; i < WRITERS; i++) {
        workers[i] = (struct worker){store, &shared->ledgers[i], random + i * 77 + 1};
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    if (!shared->control)
        pthread_create(&compacting, NULL, compact, store);
    pthread_join(threads[0], NULL);
    _exit(1);
}

/* ---- what the parent looks at ---- */

/* The change that was under way: in the store or not, but then the ledger must say which from now on. */
static bool take_pending(struct ledger *l, const struct message_row *row, struct kept *kept)
{
    if (l->pending == FLAG && kept == &l->kept[l->at] && row->flags == l->flags) {
        kept->flags = l->flags;
        return true;
    }
    return false;
}

static void check_text(struct store *store, struct ledger *l, const struct message_row *row, uint32_t number)
{
    struct reader reader = {store, l->account, READ_BLOCKING};
    struct email_cursor *cursor = email_cursor_new(&reader);
    struct email email;
    struct buffer got = {0}, wanted = {0};
    text_of(number, &wanted);
    if (email_cursor_read(cursor, row->email, &email) ||
        email_octets(&reader, &email, 0, email.digest.size_octets, &got) ||
        !view_equal(buffer_view(&got), buffer_view(&wanted)))
        stop("a message's octets are not what was acknowledged");
    buffer_free(&got);
    buffer_free(&wanted);
    email_cursor_free(&cursor);
}

static bool take_row(struct store *store, struct ledger *l, const struct message_row *row, bool *found)
{
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->kept[i].uid != row->uid)
            continue;
        if (row->flags != l->kept[i].flags && !take_pending(l, row, &l->kept[i]))
            stop("a message's flags are not what was acknowledged");
        check_text(store, l, row, l->kept[i].number);
        found[i] = true;
        return true;
    }
    if ((l->pending != ADD && l->pending != RESTORE) || l->count == KEPT)
        stop("a message that nobody added, or that was expunged");
    uint32_t number = l->pending == ADD ? l->at : l->gone.number;
    check_text(store, l, row, number);
    if (l->pending == RESTORE && row->flags != l->gone.flags)
        stop("a restored message's flags are not those it had");
    found[l->count] = true;
    l->kept[l->count++] = (struct kept){.uid = row->uid, .number = number, .flags = row->flags};
    l->pending = NOTHING;
    return true;
}

static void check_ledger(struct store *store, struct ledger *l)
{
    static struct message_rows rows;
    bool found[KEPT + 1] = {false};
    uint32_t from = 1;
    struct reader reader = {store, l->account, READ_BLOCKING};
    do {
        if (message_rows(&reader, l->mailbox, from, &rows))
            stop("the mailbox can't be read");
        for (size_t i = 0; i < rows.count; i++) {
            take_row(store, l, &rows.rows[i], found);
            from = rows.rows[i].uid + 1;
        }
    } while (!rows.at_end);
    for (uint32_t i = 0; i < l->count; i++) {
        if (found[i])
            continue;
        if (l->pending != EXPUNGE || i != l->at)
            stop("an acknowledged message is gone");
        l->kept[i] = l->kept[l->count - 1];
        found[i] = found[l->count - 1];
        l->count--;
        l->pending = NOTHING;
        i--;
    }
    l->pending = NOTHING;
}

static void say_problem(void *ctx, const char *what)
{
    fprintf(stderr, "store-crash: check: %s\n", what);
}

static void check_all(void)
{
    uint64_t problems = 0;
    engine_probe = &shared->probe;
    struct store *store = open_store(false);
    for (size_t i = 0; i < WRITERS; i++)
        check_ledger(store, &shared->ledgers[i]);
    if (store_check(store, 0, true, say_problem, NULL, &problems) || problems)
        stop("the check finds problems");
    store_close(&store);
}

/* Behind the last sync nothing is promised: cut it, or fill it with noise. Octets that nobody wrote don't come of it.
 */
static void cut_volume(uint64_t *random, uint64_t synced, const char *suffix)
{
    uint64_t offset = synced & ((UINT64_C(1) << 40) - 1);
    char name[96];
    snprintf(name, sizeof name, "%s/volumes/%08u%s", folder, (unsigned)(synced >> 40), suffix);
    int fd = open(name, O_RDWR);
    if (!synced || fd < 0)
        return;
    off_t end = lseek(fd, 0, SEEK_END);
    uint64_t behind = end > (off_t)offset ? (uint64_t)end - offset : 0;
    if (behind && next_random(random) % 2) {
        if (ftruncate(fd, (off_t)(offset + next_random(random) % behind)) < 0)
            stop("the volume can't be cut");
    } else if (behind) {
        char noise[64];
        size_t size = behind < sizeof noise ? (size_t)behind : sizeof noise;
        memset(noise, (int)next_random(random), size);
        uint64_t place = offset + next_random(random) % (behind - size + 1);
        if (pwrite(fd, noise, size, (off_t)place) != (ssize_t)size)
            stop("the volume can't be written");
    }
    close(fd);
}

static void cut_power(uint64_t *random)
{
    cut_volume(random, atomic_load(&shared->probe.synced), ".vol");
    cut_volume(random, atomic_load(&shared->probe.packed_synced), ".pak");
}

static void cycle(uint64_t *random, bool power)
{
    pid_t pid = fork();
    if (pid == 0)
        child(next_random(random));
    struct timespec pause = {0, (long)(5000000 + next_random(random) % 120000000)};
    nanosleep(&pause, NULL);
    kill(pid, SIGKILL);
    int status;
    if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
        stop("the child ended by itself");
    if (power)
        cut_power(random);
}

/* A fresh process opens it: no cache and no thread of an earlier cycle. */
static bool verify(void)
{
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        check_all();
        _exit(0);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* ---- beginning and end ---- */

static enum store_error run_create(struct txn *txn, struct mutation *mutation)
{
    struct mailbox made;
    struct change *c = change_of(mutation);
    enum store_error error = mailbox_create(txn, VIEW_LITERAL("Box"), 0, &made);
    c->ledger->mailbox = made.id;
    return error;
}

static void set_up(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct store *store = open_store(true);
        for (size_t i = 0; i < WRITERS; i++) {
            struct ledger *l = &shared->ledgers[i];
            if (account_create(store, 0, &l->account))
                stop("no account");
            struct change c = {.mutation = {.account = l->account, .run = run_create}, .ledger = l};
            if (engine_mutate_wait(store_engine(store), &c.mutation))
                stop("no mailbox");
        }
        store_close(&store);
        _exit(0);
    }
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        exit(1);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

int main(int argc, char **argv)
{
    bool no_sync = argc > 3 && strcmp(argv[3], "--no-sync") == 0;
    unsigned long cycles = argc > 1 ? strtoul(argv[1], NULL, 10) : 20;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, acknowledged = 0;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || !mkdtemp(folder))
        stop(strerror(errno));
    shared->control = no_sync;
    set_up();
    for (unsigned long i = 0; i < cycles; i++) {
        atomic_store(&shared->probe.no_sync, no_sync && i > 0); /* once synced, so that there is a place to cut at */
        cycle(&random, no_sync || i % 2);
        if (!verify()) {
            fprintf(stderr, "store-crash: cycle %lu failed\n", i + 1);
            return 1;
        }
    }
    for (size_t i = 0; i < WRITERS; i++)
        acknowledged += shared->ledgers[i].acknowledged;
    if (cycles && acknowledged < cycles)
        stop("nearly nothing was written: this tested nothing");
    if (cycles >= 20 && !no_sync && !shared->freed)
        stop("nothing was moved out of the log: that was not tested");
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    printf("%lu crashes, %llu changes acknowledged, none lost, %llu octets given back\n", cycles,
           (unsigned long long)acknowledged, (unsigned long long)shared->freed);
    return 0;
}
