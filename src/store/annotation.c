/*
 * store/annotation.c: annotations of messages: rows, reading, and what a STORE of them changes; see annotation.h.
 *
 * What COPY, MOVE, EXPUNGE and their like do with them stands in annotation_carry.c.
 */
#include "store/annotation_private.h"
#include <stdlib.h>
#include <xxhash.h>

enum { ANNOTATION_VERSION = 1, TOTAL_VERSION = 1, WITHOUT_VALUE = 0, WITH_VALUE = 1 };

/* ---- keys and rows ---- */

struct key annotations_key(uint32_t mailbox, uint32_t uid)
{
    return key_2('a', mailbox, uid);
}

static struct key owner_key(uint32_t mailbox, uint32_t uid, uint64_t owner)
{
    struct key key = annotations_key(mailbox, uid);
    key_u64(&key, owner);
    return key;
}

struct key annotation_key(uint32_t mailbox, uint32_t uid, uint64_t owner, struct view entry)
{
    XXH128_hash_t hash = XXH3_128bits(entry.data, entry.size);
    char hex[33];
    snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
    struct key key = owner_key(mailbox, uid, owner);
    key_text(&key, hex);
    return key;
}

bool annotation_key_read(struct view key, uint32_t *mailbox_r, uint32_t *uid_r, uint64_t *owner_r)
{
    struct view rest = view_skip(key, 1);
    return key_read_u32(&rest, mailbox_r) && key_read_u32(&rest, uid_r) && key_read_u64(&rest, owner_r) &&
           rest.size == 32;
}

void annotation_row_write(const struct annotation *a, struct buffer *out)
{
    buffer_append_char(out, ANNOTATION_VERSION);
    row_u64(out, a->removed ? WITHOUT_VALUE : WITH_VALUE);
    row_u64(out, a->modseq);
    row_view(out, a->entry);
    if (!a->removed)
        buffer_append_view(out, a->value);
}

bool annotation_row_read(struct view rest, struct annotation *a)
{
    bool good = rest.size && rest.data[0] == ANNOTATION_VERSION;
    *a = (struct annotation){.value = VIEW_EMPTY};
    if (!good)
        return false;
    rest = view_skip(rest, 1);
    uint64_t state = row_read_u64(&rest, &good);
    a->removed = state == WITHOUT_VALUE;
    a->modseq = row_read_u64(&rest, &good);
    a->entry = row_read_view(&rest, &good);
    a->value = rest;
    return good && state <= WITH_VALUE && (!a->removed || !rest.size);
}

bool annotation_total_read(struct view rest, struct annotation_total *total_r)
{
    bool good = rest.size && rest.data[0] == TOTAL_VERSION;
    *total_r = (struct annotation_total){0};
    if (!good)
        return false;
    rest = view_skip(rest, 1);
    uint64_t *const fields[] = {&total_r->octets, &total_r->others,    &total_r->rows,
                                &total_r->kept,   &total_r->kept_rows, &total_r->limit};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        *fields[i] = row_read_u64(&rest, &good);
    return good && !rest.size;
}

/* ---- reading ---- */

struct reading {
    struct arena *arena;
    struct annotations *to;
    enum store_error err;
};

/* Copies into an arena that may be full. */
static bool keep(struct arena *arena, struct view *text)
{
    char *copy = arena_try(arena, text->size + 1);
    if (!copy)
        return false;
    view_copy(copy, *text);
    *text = view_of(copy, text->size);
    return true;
}

static bool take_annotation(void *ctx, struct view key, struct view value)
{
    struct reading *r = ctx;
    uint32_t mailbox, uid;
    struct annotation *a = &r->to->rows[r->to->count];
    uint64_t owner = 0;
    if (!annotation_key_read(key, &mailbox, &uid, &owner) || !annotation_row_read(value, a))
        r->err = STORE_CORRUPT;
    else if (!keep(r->arena, &a->entry) || !keep(r->arena, &a->value))
        r->err = STORE_LIMIT;
    a->owner = owner;
    r->to->count += !r->err;
    return !r->err && r->to->count < ANNOTATIONS_SEEN;
}

static int by_entry(const void *a, const void *b)
{
    const struct annotation *x = a, *y = b;
    int order = view_compare(x->entry, y->entry);
    return order ? order : x->owner < y->owner ? -1 : x->owner > y->owner;
}

enum store_error annotations_read(const struct reader *reader, struct arena *arena, uint32_t mailbox, uint32_t uid,
                                  uint64_t person, struct annotations *annotations_r)
{
    const uint64_t owners[] = {ANNOTATION_SHARED, person};
    struct reading r = {.arena = arena, .to = annotations_r};
    *annotations_r = (struct annotations){.rows = arena_try(arena, (ANNOTATIONS_SEEN + 1) * sizeof(struct annotation))};
    if (!annotations_r->rows)
        return STORE_LIMIT;
    enum store_error err = STORE_OK;
    for (size_t i = 0; !err && i < sizeof owners / sizeof *owners; i++) {
        struct key first = owner_key(mailbox, uid, owners[i]), end = key_after(&first);
        err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&first), key_view(&end),
                          take_annotation, &r, NULL);
        err = err ? err : r.err;
    }
    if (annotations_r->count)
        qsort(annotations_r->rows, annotations_r->count, sizeof *annotations_r->rows, by_entry);
    return err;
}

struct paging {
    struct annotation_place *place;
    uint64_t person;
    annotation_row *each;
    void *ctx;
    size_t octets;
    bool bad;
};
enum { PAGE_OCTETS = 65536 };

static bool take_of_mailbox(void *ctx, struct view key, struct view value)
{
    struct paging *p = ctx;
    uint32_t mailbox, uid;
    struct annotation a;
    uint64_t owner = 0;
    p->bad = !annotation_key_read(key, &mailbox, &uid, &owner) || !annotation_row_read(value, &a);
    if (p->bad)
        return false;
    a.owner = owner;
    view_copy(p->place->next.data, key);
    p->place->next.size = key.size;
    key_text(&p->place->next, "0"); /* behind this one, and before any other */
    if (!a.removed && (owner == ANNOTATION_SHARED || owner == p->person))
        p->each(p->ctx, uid, &a);
    p->octets += value.size;
    return p->octets < PAGE_OCTETS;
}

enum store_error annotations_each(const struct reader *reader, uint32_t mailbox, uint64_t person,
                                  struct annotation_place *place, annotation_row *each, void *ctx)
{
    struct key all = key_1('a', mailbox), end = key_after(&all);
    struct paging p = {.place = place, .person = person, .each = each, .ctx = ctx};
    bool more = false;
    if (!place->begun)
        place->next = all;
    place->begun = true;
    struct key from = place->next; /* take_of_mailbox moves it */
    enum store_error err = engine_scan(reader->store->engine, reader->mode, reader->account, key_view(&from),
                                       key_view(&end), take_of_mailbox, &p, &more);
    place->at_end = !err && !more;
    return err ? err : p.bad ? STORE_CORRUPT : STORE_OK;
}

enum store_error annotation_total(const struct reader *reader, struct annotation_total *total_r)
{
    struct key key = key_kind('b');
    struct buffer value = {0};
    enum store_error err = engine_get(reader->store->engine, reader->mode, reader->account, key_view(&key), &value);
    if (!err && !annotation_total_read(buffer_view(&value), total_r))
        err = STORE_CORRUPT;
    if (err)
        *total_r = (struct annotation_total){0};
    buffer_free(&value);
    return err == STORE_NOT_FOUND ? STORE_OK : err;
}

void store_set_annotation_limit(struct store *store, uint64_t octets)
{
    atomic_store(&store->annotation_octets, octets);
}

uint64_t annotation_limit(struct store *store, const struct annotation_total *total)
{
    if (total->limit)
        return total->limit;
    return store ? atomic_load(&store->annotation_octets) : ANNOTATION_LIMIT_DEFAULT;
}

/* ---- the total, inside a mutation ---- */

enum store_error annotating_begin(struct txn *txn, struct annotating *a)
{
    struct key key = key_kind('b');
    struct view value;
    *a = (struct annotating){.dirty = false};
    enum store_error err = txn_get(txn, key_view(&key), &value);
    if (err)
        return err == STORE_NOT_FOUND ? STORE_OK : err;
    return annotation_total_read(value, &a->total) ? STORE_OK : STORE_CORRUPT;
}

enum store_error annotating_end(struct txn *txn, struct annotating *a)
{
    const struct annotation_total *t = &a->total;
    const uint64_t fields[] = {t->octets, t->others, t->rows, t->kept, t->kept_rows, t->limit};
    struct key key = key_kind('b');
    struct buffer row = {0};
    if (!a->dirty)
        return STORE_OK;
    a->dirty = false;
    if (!t->rows && !t->kept_rows && !t->limit)
        return txn_delete(txn, key_view(&key));
    buffer_append_char(&row, TOTAL_VERSION);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        row_u64(&row, fields[i]);
    return txn_put_row(txn, &key, &row);
}

enum store_error annotation_put_limit(struct txn *txn, uint64_t octets)
{
    struct annotating a;
    enum store_error err = annotating_begin(txn, &a);
    if (err || a.total.limit == octets)
        return err;
    a.total.limit = octets;
    a.dirty = true;
    return annotating_end(txn, &a);
}

bool annotations_fit(struct txn *txn, const struct annotation_total *total, const struct annotation_total *more)
{
    uint64_t limit = annotation_limit(store_of(txn_engine(txn)), total);
    bool all = !more->octets || (total->octets <= limit && more->octets <= limit - total->octets);
    return all && (!more->others || total->others + more->others <= limit / 2);
}

/* ---- all of a message, inside a mutation ---- */

struct loading {
    struct txn *txn;
    struct message_annotations *to;
    bool values;
    enum store_error err;
};

static bool load_row(void *ctx, struct view key, struct view value)
{
    struct loading *l = ctx;
    struct arena *arena = txn_arena(l->txn);
    uint32_t mailbox, uid;
    uint64_t owner = 0;
    struct changing_annotation *row = &l->to->rows[l->to->count];
    *row = (struct changing_annotation){.was = 0};
    if (!annotation_key_read(key, &mailbox, &uid, &owner) || !annotation_row_read(value, &row->annotation))
        l->err = STORE_CORRUPT;
    else if (!keep(arena, &row->annotation.entry) || (l->values && !keep(arena, &row->annotation.value)))
        l->err = STORE_LIMIT;
    row->annotation.owner = owner;
    l->to->octets += annotation_weight(&row->annotation);
    l->to->count += !l->err;
    return !l->err && l->to->count < LIMIT_ANNOTATION_ROWS;
}

enum store_error annotations_load(struct txn *txn, struct annotating *a, uint32_t mailbox, uint32_t uid, bool values,
                                  struct message_annotations *loaded_r)
{
    struct key first = annotations_key(mailbox, uid), end = key_after(&first);
    struct loading l = {.txn = txn, .to = loaded_r, .values = values};
    if (!a->rows)
        a->rows = arena_try(txn_arena(txn), (LIMIT_ANNOTATION_ROWS + 2 * LIMIT_ANNOTATION_NAMES + 1) *
                                                sizeof(struct changing_annotation));
    *loaded_r = (struct message_annotations){.rows = a->rows};
    if (!loaded_r->rows)
        return STORE_LIMIT;
    enum store_error err = txn_scan(txn, key_view(&first), key_view(&end), load_row, &l, NULL);
    a->octets += values ? loaded_r->octets : 0;
    return err ? err : l.err;
}

/* ---- changing one message ---- */

static struct changing_annotation *find_row(struct message_annotations *m, const struct annotation *like)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->rows[i].annotation.owner == like->owner && view_equal(m->rows[i].annotation.entry, like->entry))
            return &m->rows[i];
    return NULL;
}

/* True if something is different then. */
static bool set_row(struct message_annotations *m, const struct annotation *to, uint64_t modseq)
{
    struct changing_annotation *at = find_row(m, to);
    bool has = at && !at->annotation.removed;
    if (to->removed ? !has : has && view_equal(at->annotation.value, to->value))
        return false;
    if (!at) {
        at = &m->rows[m->count++];
        *at = (struct changing_annotation){.is_new = true};
    } else {
        at->was = at->changed ? at->was : annotation_weight(&at->annotation);
        m->octets -= annotation_weight(&at->annotation);
    }
    at->annotation = *to;
    at->annotation.modseq = modseq;
    if (to->removed)
        at->annotation.value = VIEW_EMPTY;
    m->octets += annotation_weight(&at->annotation);
    at->changed = true;
    return true;
}

/* The names of what was removed longest ago are forgotten first. */
static struct changing_annotation *oldest_removed(struct message_annotations *m, uint64_t owner)
{
    struct changing_annotation *oldest = NULL;
    for (size_t i = 0; i < m->count; i++) {
        struct changing_annotation *row = &m->rows[i];
        if (row->annotation.removed && !row->gone && row->annotation.owner == owner &&
            (!oldest || row->annotation.modseq < oldest->annotation.modseq))
            oldest = row;
    }
    return oldest;
}

/* Those of an owner: with a value, without. */
static void count_rows(const struct message_annotations *m, uint64_t owner, size_t *values, size_t *removed,
                       size_t *all)
{
    *values = *removed = *all = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (m->rows[i].gone)
            continue;
        ++*all;
        if (m->rows[i].annotation.owner == owner)
            ++*(m->rows[i].annotation.removed ? removed : values);
    }
}

static enum store_error judge(struct message_annotations *m, uint64_t owner)
{
    size_t values, removed, all;
    count_rows(m, owner, &values, &removed, &all);
    if (values > LIMIT_ANNOTATIONS || m->octets > LIMIT_ANNOTATION_MESSAGE)
        return STORE_LIMIT;
    while (removed > LIMIT_ANNOTATIONS || all > LIMIT_ANNOTATION_ROWS) {
        struct changing_annotation *oldest = oldest_removed(m, owner);
        if (!oldest)
            return STORE_LIMIT;
        oldest->gone = true;
        removed--;
        all--;
    }
    return STORE_OK;
}

static enum store_error put_row(struct txn *txn, struct annotating *a, uint32_t mailbox, uint32_t uid,
                                const struct changing_annotation *row)
{
    const struct annotation *now = &row->annotation;
    struct key key = annotation_key(mailbox, uid, now->owner, now->entry);
    if (row->gone) {
        a->total.rows -= !row->is_new;
        a->dirty = true;
        return row->is_new ? STORE_OK : txn_delete(txn, key_view(&key));
    }
    return annotation_put(txn, a, &key, now);
}

/* What it adds to the account, or takes away from it. */
static enum store_error count_changes(struct txn *txn, struct annotating *a, const struct message_annotations *m)
{
    struct annotation_total before = a->total;
    for (size_t i = 0; i < m->count; i++) {
        const struct changing_annotation *row = &m->rows[i];
        uint64_t more = row->changed ? annotation_weight(&row->annotation) - row->was : 0;
        a->total.octets += more;
        a->total.others += annotation_is_others(txn, &row->annotation) ? more : 0;
        a->total.rows += row->is_new && !row->gone;
    }
    a->dirty = true;
    struct annotation_total more = {.octets = a->total.octets > before.octets ? a->total.octets - before.octets : 0,
                                    .others = a->total.others > before.others ? a->total.others - before.others : 0};
    return annotations_fit(txn, &before, &more) ? STORE_OK : STORE_OVER_QUOTA;
}

/* All or nothing: nothing is written of what fails. */
static enum store_error annotate(struct txn *txn, struct annotating *a, uint32_t mailbox, uint32_t uid, uint64_t modseq,
                                 const struct annotation *rows, size_t count, bool *changed_r)
{
    struct message_annotations m;
    enum store_error err =
        count > 2 * (size_t)LIMIT_ANNOTATION_NAMES ? STORE_LIMIT : annotations_load(txn, a, mailbox, uid, true, &m);
    *changed_r = false;
    for (size_t i = 0; !err && i < count; i++)
        *changed_r |= set_row(&m, &rows[i], modseq);
    if (err || !*changed_r)
        return err;
    for (size_t i = 0; !err && i < count; i++)
        err = judge(&m, rows[i].owner);
    if (!err)
        err = count_changes(txn, a, &m);
    for (size_t i = 0; !err && i < m.count; i++)
        if (m.rows[i].changed || m.rows[i].gone)
            err = put_row(txn, a, mailbox, uid, &m.rows[i]);
    return err;
}

enum store_error annotations_add(struct txn *txn, struct annotating *a, uint32_t mailbox, uint32_t uid, uint64_t modseq,
                                 const struct annotation *rows, size_t count)
{
    bool changed;
    return count ? annotate(txn, a, mailbox, uid, modseq, rows, count, &changed) : STORE_OK;
}

/* ---- changing many ---- */

enum { BLOCKS_A_SLICE = 256 };

struct slice {
    struct head head;
    struct annotating annotating;
    struct annotation_change *change;
    const struct uidset *uids;
    struct uidset *changed;
    uint64_t modseq; /* 0: not taken yet */
    uint32_t next_uid;
};

/* STORE_MORE: the slice is full, and next_uid is where the next goes on. */
static enum store_error change_chunk(struct txn *txn, struct slice *s, struct chunk *chunk)
{
    uint32_t base = chunk->block * CHUNK_ROWS + 1;
    const struct annotation_change *c = s->change;
    bool dirty = false, changed;
    enum store_error err = STORE_OK;
    s->next_uid = base + CHUNK_ROWS;
    for (uint64_t left = chunk->present; !err && left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        struct message_row *row = &chunk->rows[i];
        if (row->uid < s->change->progress.next_uid || !uidset_has(s->uids, row->uid) ||
            row->uid >= s->head.mailbox.uidnext)
            continue;
        if (c->check_modseq && row->modseq > c->unchanged_since) {
            uidset_add(c->refused, row->uid);
            continue;
        }
        if (annotating_is_full(txn, &s->annotating)) {
            s->next_uid = row->uid;
            err = STORE_MORE;
            break;
        }
        uint64_t modseq = s->modseq ? s->modseq : s->head.account.modseq + 1;
        err = annotate(txn, &s->annotating, s->head.id, row->uid, modseq, c->rows, c->count, &changed);
        if (err || !changed)
            continue;
        if (!s->modseq)
            s->modseq = head_modseq(&s->head);
        row->modseq = s->modseq;
        uidset_add(s->changed, row->uid);
        dirty = true;
    }
    if (err && err != STORE_MORE)
        return err;
    enum store_error put = dirty ? txn_put_chunk(txn, s->head.id, chunk) : STORE_OK;
    return put ? put : err;
}

static enum store_error change_slice(struct txn *txn, struct slice *s)
{
    struct chunk *chunk = arena_new(txn_arena(txn), sizeof *chunk);
    s->next_uid = s->change->progress.next_uid ? s->change->progress.next_uid : 1;
    for (unsigned n = 0; n < BLOCKS_A_SLICE; n++) {
        uint32_t uid = uidset_next(s->uids, s->next_uid);
        if (!uid || uid >= s->head.mailbox.uidnext)
            return STORE_OK;
        enum store_error err = txn_first_chunk(txn, s->head.id, chunk_block(uid), chunk);
        if (err == STORE_NOT_FOUND)
            return STORE_OK;
        if (!err && chunk->block > chunk_block(uid)) {
            s->next_uid = chunk->block * CHUNK_ROWS + 1;
            continue;
        }
        if (!err)
            err = change_chunk(txn, s, chunk);
        if (err)
            return err;
    }
    return uidset_next(s->uids, s->next_uid) ? STORE_MORE : STORE_OK;
}

static enum store_error finish_slice(struct txn *txn, struct slice *s)
{
    if (!s->modseq)
        return STORE_OK;
    enum store_error err = txn_put_change(txn, s->head.id, s->modseq, CHANGE_FLAGS, s->changed);
    if (!err)
        err = annotating_end(txn, &s->annotating);
    return err ? err : head_put(txn, &s->head);
}

enum store_error message_annotate(struct txn *txn, uint32_t mailbox, const struct uidset *uids,
                                  struct annotation_change *change)
{
    struct slice s = {.change = change, .uids = uids, .changed = uidset_new()};
    enum store_error err = head_begin(txn, mailbox, &s.head), result = STORE_OK;
    if (!err)
        err = txn_check_lease(txn, mailbox);
    if (!err)
        err = annotating_begin(txn, &s.annotating);
    if (!err) {
        result = change_slice(txn, &s);
        err = result && result != STORE_MORE ? result : finish_slice(txn, &s);
    }
    if (!err) {
        if (result == STORE_MORE) /* not after the last slice: it may be run again (engine.h) */
            change->progress.next_uid = s.next_uid;
        uidset_add_set(change->changed, s.changed);
        change->modseq = s.modseq ? s.modseq : change->modseq;
    }
    uidset_unref(&s.changed);
    return err ? err : result;
}
