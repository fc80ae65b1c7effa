/*
 * store/annotation_carry.c: what becomes of a message's annotations when it is copied, moved, expunged, taken back or
 * purged.
 *
 * Does     finds the next message that has any with one scan, so that messages without cost nothing each.
 * Called   by the files of store/ that do that to messages, inside mutation.run.
 * Tested   tests/unit/store_annotation.c
 */
#include "store/annotation_private.h"

/* Of ENGINE_WRITE_KEYS and ENGINE_WRITE_OCTETS: the largest message's rows, deleted and put, fit still. */
enum { KEYS_ENOUGH = 2500, OCTETS_ENOUGH = 2 << 20 };

bool annotating_is_full(struct txn *txn, const struct annotating *a)
{
    return txn_keys(txn) > KEYS_ENOUGH || a->octets > OCTETS_ENOUGH;
}

enum store_error annotation_put(struct txn *txn, struct annotating *a, const struct key *key,
                                const struct annotation *annotation)
{
    struct buffer row = {0};
    annotation_row_write(annotation, &row);
    a->octets += buffer_size(&row);
    return txn_put_row(txn, key, &row);
}

/* ---- who has any ---- */

static bool take_uid(void *ctx, struct view key, struct view value)
{
    uint32_t mailbox, *uid = ctx;
    uint64_t owner;
    if (!annotation_key_read(key, &mailbox, uid, &owner))
        *uid = 0;
    return false;
}

/* Most messages have none: where nothing is known of this one, the next that has some is looked for. */
static enum store_error has_any(struct txn *txn, struct annotating *a, uint32_t mailbox, uint32_t uid, bool *has_r)
{
    *has_r = false;
    if (!a->total.rows && !a->total.kept_rows)
        return STORE_OK;
    if (a->mailbox != mailbox || uid < a->none_from || uid > a->next_uid) {
        struct key first = annotations_key(mailbox, uid), all = key_1('a', mailbox), end = key_after(&all);
        uint32_t next = UINT32_MAX;
        enum store_error err = txn_scan(txn, key_view(&first), key_view(&end), take_uid, &next, NULL);
        if (err || !next)
            return err ? err : STORE_CORRUPT;
        a->mailbox = mailbox;
        a->none_from = uid;
        a->next_uid = next;
    }
    *has_r = uid == a->next_uid;
    return STORE_OK;
}

/* RFC 5257 4.6: what is shared, and what is the copier's own. */
static bool comes_along(const struct annotation_carry *carry, const struct annotation *row)
{
    if (row->removed)
        return false;
    if (row->owner == ANNOTATION_SHARED)
        return carry->shared;
    return carry->everybodys || row->owner == carry->person;
}

/* ---- weighing ---- */

static void add_to(struct txn *txn, struct annotation_total *sum, const struct annotation *row)
{
    sum->octets += annotation_weight(row);
    sum->others += annotation_is_others(txn, row) ? annotation_weight(row) : 0;
    sum->rows++;
}

struct weighing {
    struct txn *txn;
    const struct annotation_carry *carry; /* null: all */
    struct annotation_total *sum;
    bool bad;
};

static bool weigh_row(void *ctx, struct view key, struct view value)
{
    struct weighing *w = ctx;
    uint32_t mailbox, uid;
    uint64_t owner = 0;
    struct annotation row = {.removed = true};
    w->bad = !annotation_key_read(key, &mailbox, &uid, &owner) || !annotation_row_read(value, &row);
    row.owner = owner;
    if (!w->bad && (!w->carry || comes_along(w->carry, &row)))
        add_to(w->txn, w->sum, &row);
    return !w->bad;
}

static enum store_error weigh(struct txn *txn, struct annotating *a, uint32_t mailbox, uint32_t uid,
                              const struct annotation_carry *carry, struct annotation_total *sum)
{
    struct key first = annotations_key(mailbox, uid), end = key_after(&first);
    struct weighing w = {.txn = txn, .carry = carry, .sum = sum};
    bool has;
    enum store_error err = has_any(txn, a, mailbox, uid, &has);
    if (!err && has)
        err = txn_scan(txn, key_view(&first), key_view(&end), weigh_row, &w, NULL);
    return err ? err : w.bad ? STORE_CORRUPT : STORE_OK;
}

enum store_error annotations_weigh(struct txn *txn, struct annotating *a, const struct annotation_carry *carry,
                                   struct annotation_total *sum)
{
    return weigh(txn, a, carry->mailbox, carry->uid, carry, sum);
}

static void count(struct annotating *a, const struct annotation_total *more)
{
    a->total.octets += more->octets;
    a->total.others += more->others;
    a->total.rows += more->rows;
    a->dirty = true;
}

static void uncount(struct annotating *a, const struct annotation_total *less, bool kept)
{
    a->total.octets -= kept ? 0 : less->octets;
    a->total.others -= kept ? 0 : less->others;
    a->total.rows -= kept ? 0 : less->rows;
    a->total.kept -= kept ? less->octets : 0;
    a->total.kept_rows -= kept ? less->rows : 0;
    a->dirty = true;
}

/* ---- a message goes ---- */

enum store_error annotations_retain(struct txn *txn, struct annotating *a, uint32_t mailbox, uint32_t uid)
{
    struct annotation_total sum = {0};
    enum store_error err = weigh(txn, a, mailbox, uid, NULL, &sum);
    if (err || !sum.rows)
        return err;
    uncount(a, &sum, false);
    a->total.kept += sum.octets;
    a->total.kept_rows += sum.rows;
    return STORE_OK;
}

static enum store_error delete_rows(struct txn *txn, struct annotating *a, uint32_t mailbox, uint32_t uid,
                                    const struct message_annotations *m, bool kept)
{
    struct annotation_total sum = {0};
    enum store_error err = STORE_OK;
    for (size_t i = 0; !err && i < m->count; i++) {
        const struct annotation *row = &m->rows[i].annotation;
        struct key key = annotation_key(mailbox, uid, row->owner, row->entry);
        err = txn_delete(txn, key_view(&key));
        add_to(txn, &sum, row);
    }
    uncount(a, &sum, kept);
    return err;
}

enum store_error annotations_forget(struct txn *txn, struct annotating *a, uint32_t mailbox, uint32_t uid, bool kept)
{
    struct message_annotations m;
    bool has;
    enum store_error err = has_any(txn, a, mailbox, uid, &has);
    if (err || !has)
        return err;
    err = annotations_load(txn, a, mailbox, uid, false, &m);
    return err ? err : delete_rows(txn, a, mailbox, uid, &m, kept);
}

/* ---- a message has a copy ---- */

static enum store_error put_copies(struct txn *txn, struct annotating *a, const struct annotation_carry *carry,
                                   const struct message_annotations *m)
{
    struct annotation_total sum = {0};
    enum store_error err = STORE_OK;
    for (size_t i = 0; !err && i < m->count; i++) {
        struct annotation row = m->rows[i].annotation;
        if (!comes_along(carry, &row))
            continue;
        struct key key = annotation_key(carry->to_mailbox, carry->to_uid, row.owner, row.entry);
        row.modseq = carry->modseq;
        err = annotation_put(txn, a, &key, &row);
        add_to(txn, &sum, &row);
    }
    count(a, &sum);
    return err;
}

enum store_error annotations_carry(struct txn *txn, struct annotating *a, const struct annotation_carry *carry)
{
    struct message_annotations m;
    bool has;
    enum store_error err = has_any(txn, a, carry->mailbox, carry->uid, &has);
    if (err || !has)
        return err;
    err = annotations_load(txn, a, carry->mailbox, carry->uid, true, &m);
    if (!err)
        err = put_copies(txn, a, carry, &m);
    if (!err && carry->moves)
        err = delete_rows(txn, a, carry->mailbox, carry->uid, &m, carry->kept);
    return err;
}
