/*
 * store/check.c: recounts everything (I1 to I8) and says what is wrong.
 *
 * Does     walks the rows of an account in slices, counts what the rows should say, and compares. An account that
 *          changes meanwhile is counted again, a few times, before anything is said of it.
 * Called   on admin threads.
 * Fails    what can't be read is a problem of its own, and the walk goes on.
 * Tested   tests/unit/store_model.c, tests/crash/
 */
#include "base/limits.h"
#include "base/memory.h"
#include "base/table.h"
#include "store/acl.h"
#include "store/annotation.h"
#include "store/private.h"
#include "store/seen.h"

enum { TRIES = 5, TEXT = 200 };

struct mailbox_count {
    uint32_t id;
    struct mailbox_row row;
    uint64_t messages, unseen, deleted, octets, modseq;
    uint32_t uid;
    bool leased;
};

struct check {
    struct store *store;
    uint64_t account;
    bool blobs;
    struct account_row row;
    struct mailbox_count *mailboxes;
    size_t mailbox_count;
    struct table uses; /* email: how many messages (or retained ones) show it */
    uint64_t emails, octets, messages, metadata_octets, days, history;
    struct retained_total retained, retained_stored;
    struct annotation_total annotations, annotations_stored;
    struct {
        uint32_t mailbox, block;
        uint64_t present;
        bool known;
    } chunk;                /* of the annotation before */
    bool retained_known;    /* row I is there */
    struct table lost;      /* deleted mailboxes whose name is kept: 1, or 2 once a message of it is seen */
    struct buffer problems; /* sentences with a zero behind each */
    uint64_t problem_count;
    enum store_error err;
};

__attribute__((format(printf, 2, 3))) static void problem(struct check *c, const char *format, ...)
{
    char text[TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_printf(&c->problems, "account %llu: %s", (unsigned long long)c->account, text);
    buffer_append_char(&c->problems, '\0');
    c->problem_count++;
}

/* ---- walking ---- */

/* Every row of a kind, in slices. each's views live during the call. */
static void walk(struct check *c, char kind, void (*each)(struct check *c, struct view rest, struct view value))
{
    struct engine_cursor *cursor = engine_cursor_new(c->store->engine, READ_BLOCKING, c->account);
    struct key first = key_kind(kind);
    struct view key, value;
    enum store_error err = engine_cursor_seek(cursor, key_view(&first), &key, &value);
    while (!err && key.size && key.data[0] == kind) {
        each(c, view_skip(key, 1), value);
        err = engine_cursor_next(cursor, &key, &value);
    }
    engine_cursor_free(&cursor);
    if (err && err != STORE_NOT_FOUND)
        c->err = err;
}

static struct mailbox_count *find_mailbox(struct check *c, uint32_t id)
{
    for (size_t i = 0; i < c->mailbox_count; i++)
        if (c->mailboxes[i].id == id)
            return &c->mailboxes[i];
    return NULL;
}

static void add_use(struct check *c, uint64_t email)
{
    table_put(&c->uses, email, (void *)((uintptr_t)table_get(&c->uses, email) + 1));
}

static void take_mailbox(struct check *c, struct view rest, struct view value)
{
    uint32_t id;
    struct mailbox_row row;
    if (!key_read_u32(&rest, &id) || !mailbox_row_read(value, &row)) {
        problem(c, "a mailbox's row is damaged");
        return;
    }
    row.name = VIEW_EMPTY;
    c->mailboxes = memory_resize(c->mailboxes, (c->mailbox_count + 1) * sizeof *c->mailboxes);
    c->mailboxes[c->mailbox_count++] = (struct mailbox_count){.id = id, .row = row};
}

static void take_lease(struct check *c, struct view rest, struct view value)
{
    uint32_t id;
    struct mailbox_count *m = key_read_u32(&rest, &id) ? find_mailbox(c, id) : NULL;
    if (m)
        m->leased = value.size > 0;
}

static void take_metadata(struct check *c, struct view rest, struct view value)
{
    uint32_t id;
    if (!key_read_u32(&rest, &id) || (id && !find_mailbox(c, id)))
        problem(c, "metadata of a mailbox that is not there");
    c->metadata_octets += value.size;
}

static void take_readers_metadata(struct check *c, struct view rest, struct view value)
{
    uint32_t id;
    uint64_t account;
    bool good = key_read_u32(&rest, &id) && find_mailbox(c, id) && key_read_u64(&rest, &account) && account &&
                account != c->account;
    row_read_view(&value, &good);
    if (!good)
        problem(c, "a reader's metadata is damaged, or of a mailbox that is not there");
}

static void take_acl(struct check *c, struct view rest, struct view value)
{
    uint32_t id;
    struct arena arena;
    struct acl acl;
    arena_init(&arena, LIMIT_ACL_ENTRIES * sizeof(struct acl_entry) + 4096);
    if (!key_read_u32(&rest, &id) || !find_mailbox(c, id) || !acl_row_read(value, &arena, &acl))
        problem(c, "an access control list is damaged, or of a mailbox that is not there");
    arena_free(&arena);
}

static void take_seen(struct check *c, struct view rest, struct view value)
{
    uint32_t id, page;
    uint64_t account;
    struct seen_page seen;
    if (!key_read_u32(&rest, &id) || !find_mailbox(c, id) || !key_read_u64(&rest, &account) || !account ||
        account == c->account || !key_read_u32(&rest, &page) || !seen_page_read(value, &seen))
        problem(c, "what a reader has seen is damaged, or of a mailbox that is not there");
}

static void take_metadata_total(struct check *c, struct view rest, struct view value)
{
    bool good = true;
    uint64_t octets = row_read_u64(&value, &good);
    if (!good || octets != c->metadata_octets)
        problem(c, "octets of metadata are %llu, counted %llu", (unsigned long long)octets,
                (unsigned long long)c->metadata_octets);
}

/* A chunk's messages, as long as they are asked for one after the other. */
static bool is_there(struct check *c, uint32_t mailbox, uint32_t uid)
{
    struct key key = key_2('C', mailbox, chunk_block(uid));
    struct buffer value = {0};
    uint64_t modseq;
    if (!c->chunk.known || c->chunk.mailbox != mailbox || c->chunk.block != chunk_block(uid)) {
        enum store_error err = engine_get(c->store->engine, READ_BLOCKING, c->account, key_view(&key), &value);
        if (err || !chunk_read_head(buffer_view(&value), &c->chunk.present, &modseq))
            c->chunk.present = 0;
        c->chunk.mailbox = mailbox;
        c->chunk.block = chunk_block(uid);
        c->chunk.known = true;
        buffer_free(&value);
    }
    return c->chunk.present >> chunk_bit(uid) & 1;
}

static bool is_retained(struct check *c, uint32_t mailbox, uint32_t uid)
{
    struct key key = key_2('R', mailbox, uid);
    struct buffer value = {0};
    enum store_error err = engine_get(c->store->engine, READ_BLOCKING, c->account, key_view(&key), &value);
    buffer_free(&value);
    return !err;
}

static void take_annotation(struct check *c, struct view rest, struct view value)
{
    uint32_t mailbox, uid;
    uint64_t owner;
    struct annotation row;
    struct annotation_total *t = &c->annotations;
    struct view key = view_of(rest.data - 1, rest.size + 1);
    if (!annotation_key_read(key, &mailbox, &uid, &owner) || !uid || !annotation_row_read(value, &row)) {
        problem(c, "an annotation's row is damaged");
        return;
    }
    row.owner = owner;
    if (is_there(c, mailbox, uid)) {
        t->rows++;
        t->octets += annotation_weight(&row);
        t->others += row.owner && row.owner != c->account ? annotation_weight(&row) : 0;
    } else if (is_retained(c, mailbox, uid)) {
        t->kept_rows++;
        t->kept += annotation_weight(&row);
    } else {
        problem(c, "mailbox %u: an annotation of message %u, which is not there", mailbox, uid);
    }
}

static void take_annotation_total(struct check *c, struct view rest, struct view value)
{
    if (!annotation_total_read(value, &c->annotations_stored))
        problem(c, "the row of the total of annotations is damaged");
}

static void count_row(struct check *c, struct mailbox_count *m, const struct message_row *row)
{
    m->messages++;
    m->unseen += !(row->flags & FLAG_SEEN);
    m->deleted += (row->flags & FLAG_DELETED) != 0;
    m->octets += row->size_octets;
    m->uid = row->uid > m->uid ? row->uid : m->uid;
    m->modseq = row->modseq > m->modseq ? row->modseq : m->modseq;
    add_use(c, row->email);
}

static void take_chunk(struct check *c, struct view rest, struct view value)
{
    uint32_t id, block;
    static _Thread_local struct chunk chunk;
    if (!key_read_u32(&rest, &id) || !key_read_u32(&rest, &block) || !chunk_read(block, value, &chunk)) {
        problem(c, "a chunk of messages is damaged");
        return;
    }
    struct mailbox_count *m = find_mailbox(c, id);
    if (!m) {
        problem(c, "messages of a mailbox that is not there: %u", id);
        return;
    }
    for (uint64_t left = chunk.present; left; left &= left - 1) {
        const struct message_row *row = &chunk.rows[__builtin_ctzll(left)];
        if (row->uid >= m->row.uidnext && m->leased)
            add_use(c, row->email); /* a COPY under way: counted when it is published */
        else
            count_row(c, m, row);
    }
}

static void take_lost(struct check *c, struct view rest, struct view value)
{
    uint32_t id;
    struct lost_mailbox lost;
    if (!key_read_u32(&rest, &id) || !lost_mailbox_read(value, &lost))
        problem(c, "a deleted mailbox's row is damaged");
    else if (find_mailbox(c, id))
        problem(c, "mailbox %u is there, and is kept as a deleted one", id);
    else
        table_put(&c->lost, id, (void *)(uintptr_t)1);
}

static bool has_day(struct check *c, const struct retained_row *row)
{
    struct key key = retained_day_key(row);
    struct buffer value = {0};
    enum store_error err = engine_get(c->store->engine, READ_BLOCKING, c->account, key_view(&key), &value);
    buffer_free(&value);
    return !err;
}

static void take_retained(struct check *c, struct view rest, struct view value)
{
    uint32_t mailbox, uid;
    struct retained_row row;
    if (!key_read_u32(&rest, &mailbox) || !key_read_u32(&rest, &uid) || !retained_read(value, mailbox, uid, &row)) {
        problem(c, "a retained message's row is damaged");
        return;
    }
    add_use(c, row.message.email);
    c->retained.messages++;
    c->retained.octets += row.message.size_octets;
    if (!has_day(c, &row))
        problem(c, "mailbox %u: retained message %u has no day", mailbox, uid);
    if (table_get(&c->lost, mailbox))
        table_put(&c->lost, mailbox, (void *)(uintptr_t)2);
    else if (!find_mailbox(c, mailbox))
        problem(c, "mailbox %u: a message is retained, and nobody knows its name", mailbox);
}

static void take_day(struct check *c, struct view rest, struct view value)
{
    c->days++;
}

static void take_retained_total(struct check *c, struct view rest, struct view value)
{
    c->retained_known = true;
    if (!retained_total_read(value, &c->retained_stored))
        problem(c, "the row of what is retained is damaged");
}

static void take_history(struct check *c, struct view rest, struct view value)
{
    struct history_entry entry;
    c->history++;
    if (!history_read(value, &entry))
        problem(c, "an entry of the history is damaged");
}

/* ---- emails ---- */

static void check_uses(struct check *c, uint64_t number)
{
    struct key key = key_begin('V');
    key_u64(&key, number);
    struct buffer value = {0};
    bool good = true;
    uint64_t uses = 1;
    enum store_error err = engine_get(c->store->engine, READ_BLOCKING, c->account, key_view(&key), &value);
    struct view rest = buffer_view(&value);
    if (!err)
        uses = row_read_u64(&rest, &good);
    buffer_free(&value);
    uint64_t counted = (uintptr_t)table_remove(&c->uses, number);
    if (!good || counted != uses)
        problem(c, "email E%llx counts %llu uses and has %llu", (unsigned long long)number, (unsigned long long)uses,
                (unsigned long long)counted);
}

static void check_place(struct check *c, uint64_t number, const struct blob_location *location)
{
    struct key key = key_place(location->volume, location->offset);
    struct buffer value = {0};
    bool good = true;
    enum store_error err = engine_get(c->store->engine, READ_BLOCKING, c->account, key_view(&key), &value);
    struct view rest = buffer_view(&value);
    if (err || row_read_u64(&rest, &good) != number || !good)
        problem(c, "email E%llx: its place doesn't name it", (unsigned long long)number);
    buffer_free(&value);
}

static void check_blob(struct check *c, uint64_t number, const struct blob_location *location)
{
    struct buffer octets = {0};
    enum store_error err = blob_read(c->store->engine, READ_BLOCKING, c->account, location, 0,
                                     c->blobs ? (size_t)location->octets : 1, &octets);
    if (err)
        problem(c, "email E%llx: its octets can't be read: %s", (unsigned long long)number, store_error_text(err));
    buffer_free(&octets);
}

static void take_email(struct check *c, struct view rest, struct view value)
{
    uint64_t number;
    struct email_row row;
    struct digest digest;
    if (!key_read_u64(&rest, &number) || !email_row_read(value, &row) || !digest_open(row.digest, &digest)) {
        problem(c, "an email's record is damaged");
        return;
    }
    c->emails++;
    if (number > c->row.next_email)
        problem(c, "email E%llx was never given out", (unsigned long long)number);
    if (digest.size_octets != row.blob.octets)
        problem(c, "email E%llx: its size and its octets' differ", (unsigned long long)number);
    check_uses(c, number);
    check_place(c, number, &row.blob);
    check_blob(c, number, &row.blob);
}

/* ---- comparing ---- */

static void compare(struct check *c, uint32_t mailbox, const char *what, uint64_t stored, uint64_t counted)
{
    if (stored == counted)
        return;
    if (mailbox)
        problem(c, "mailbox %u: %s is %llu, counted %llu", mailbox, what, (unsigned long long)stored,
                (unsigned long long)counted);
    else
        problem(c, "%s is %llu, counted %llu", what, (unsigned long long)stored, (unsigned long long)counted);
}

static void compare_mailbox(struct check *c, const struct mailbox_count *m)
{
    compare(c, m->id, "messages", m->row.messages, m->messages);
    compare(c, m->id, "unseen", m->row.unseen, m->unseen);
    compare(c, m->id, "deleted", m->row.deleted, m->deleted);
    compare(c, m->id, "octets", m->row.octets, m->octets);
    if (m->uid >= m->row.uidnext)
        problem(c, "mailbox %u: UID %u is not below UIDNEXT %u", m->id, m->uid, m->row.uidnext);
    if (m->modseq > m->row.highestmodseq)
        problem(c, "mailbox %u: a message's modseq is above HIGHESTMODSEQ", m->id);
    if (m->row.highestmodseq > c->row.modseq)
        problem(c, "mailbox %u: HIGHESTMODSEQ is above the account's", m->id);
    if (m->row.parent && !find_mailbox(c, m->row.parent))
        problem(c, "mailbox %u: its parent %u is not there", m->id, m->row.parent);
    c->messages += m->messages;
    c->octets += m->octets;
}

static enum store_error read_account(struct check *c, struct account_row *row_r)
{
    struct key key = key_kind('A');
    struct buffer value = {0};
    enum store_error err = engine_get(c->store->engine, READ_BLOCKING, c->account, key_view(&key), &value);
    if (!err && !account_row_read(buffer_view(&value), row_r))
        err = STORE_CORRUPT;
    buffer_free(&value);
    return err;
}

static void count_retained(struct check *c)
{
    walk(c, 'Q', take_lost);
    walk(c, 'R', take_retained);
    walk(c, 'D', take_day);
    walk(c, 'I', take_retained_total);
    compare(c, 0, "the number of days of retained messages", c->days, c->retained.messages);
    if (c->retained_known) {
        compare(c, 0, "the number of retained messages", c->retained_stored.messages, c->retained.messages);
        compare(c, 0, "octets of retained messages", c->retained_stored.octets, c->retained.octets);
    }
    size_t at = 0, unused = 0;
    for (void *seen; (seen = table_next(&c->lost, &at));)
        unused += (uintptr_t)seen == 1;
    if (unused)
        problem(c, "%zu deleted mailboxes are kept, and nothing of them is", unused);
}

/* What a purge changes, which takes no modseq. */
struct purgeable {
    struct retained_total retained;
    uint64_t history;
};

static struct purgeable read_purgeable(struct check *c)
{
    struct reader reader = {c->store, c->account, READ_BLOCKING};
    struct purgeable now = {.history = 0};
    enum store_error err = retained_total(&reader, &now.retained);
    if (!err)
        err = history_count(&reader, &now.history);
    if (err)
        problem(c, "its counters of what was removed can't be read: %s", store_error_text(err));
    return now;
}

static void count_annotations(struct check *c)
{
    const struct annotation_total *stored = &c->annotations_stored, *counted = &c->annotations;
    walk(c, 'a', take_annotation);
    walk(c, 'b', take_annotation_total);
    compare(c, 0, "octets of annotations", stored->octets, counted->octets);
    compare(c, 0, "octets of readers' annotations", stored->others, counted->others);
    compare(c, 0, "the number of annotations", stored->rows, counted->rows);
    compare(c, 0, "octets of annotations of retained messages", stored->kept, counted->kept);
    compare(c, 0, "the number of annotations of retained messages", stored->kept_rows, counted->kept_rows);
}

static void count_all(struct check *c)
{
    walk(c, 'M', take_mailbox);
    walk(c, 'P', take_lease);
    walk(c, 'C', take_chunk);
    walk(c, 'Z', take_acl);
    walk(c, 's', take_seen);
    count_annotations(c);
    walk(c, 'G', take_metadata);
    walk(c, 'g', take_readers_metadata);
    walk(c, 'J', take_metadata_total);
    count_retained(c);
    walk(c, 'Y', take_history);
    walk(c, 'E', take_email);
    if (table_count(&c->uses))
        problem(c, "%zu emails are shown by messages and are not there", table_count(&c->uses));
    for (size_t i = 0; i < c->mailbox_count; i++)
        compare_mailbox(c, &c->mailboxes[i]);
    compare(c, 0, "the number of messages", c->row.messages, c->messages);
    compare(c, 0, "octets", c->row.octets, c->octets);
    compare(c, 0, "the number of emails", c->row.emails, c->emails);
    compare(c, 0, "the number of mailboxes", c->row.mailboxes, c->mailbox_count);
}

static void forget(struct check *c)
{
    free(c->mailboxes);
    table_free(&c->uses);
    table_free(&c->lost);
    buffer_free(&c->problems);
}

/* True if nothing changed while it was counted. */
static bool try_account(struct check *c)
{
    struct account_row row = {0};
    c->err = read_account(c, &c->row);
    if (c->err) {
        problem(c, "its row can't be read: %s", store_error_text(c->err));
        return true;
    }
    struct purgeable before = read_purgeable(c);
    count_all(c);
    struct purgeable after = read_purgeable(c);
    compare(c, 0, "the number of entries in the history", before.history, c->history);
    if (read_account(c, &row) != STORE_OK)
        return true;
    return row.modseq == c->row.modseq && before.retained.messages == after.retained.messages &&
           before.history == after.history;
}

/* ---- all of them ---- */

struct check_all {
    struct store *store;
    bool blobs;
    void (*problem)(void *ctx, const char *what);
    void *ctx;
    uint64_t problems;
    enum store_error err;
};

static bool check_account(void *ctx, uint64_t account)
{
    struct check_all *all = ctx;
    for (unsigned i = 0; i < TRIES; i++) {
        struct check c = {.store = all->store, .account = account, .blobs = all->blobs};
        bool still = try_account(&c);
        if (c.err && c.err != STORE_NOT_FOUND)
            all->err = c.err;
        if (still || !c.problem_count || i + 1 == TRIES) {
            struct view rest = buffer_view(&c.problems);
            for (; rest.size; rest = view_skip(rest, strlen(rest.data) + 1))
                all->problem(all->ctx, rest.data);
            all->problems += c.problem_count;
            i = TRIES;
        }
        forget(&c);
    }
    return true;
}

enum store_error store_check(struct store *store, uint64_t account, bool blobs,
                             void (*tell)(void *ctx, const char *what), void *ctx, uint64_t *problems_r)
{
    struct check_all all = {.store = store, .blobs = blobs, .problem = tell, .ctx = ctx};
    enum store_error err = STORE_OK;
    if (account)
        check_account(&all, account);
    else
        err = account_each(store, 1, check_account, &all);
    *problems_r = all.problems;
    return err ? err : all.err;
}
