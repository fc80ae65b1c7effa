/*
 * store/restore.c: retained messages go back into their mailbox, in slices.
 *
 * Does     a slice reads rows of one mailbox by UID, finds or makes where they belong, and writes chunks, counters and
 *          the log of changes as a COPY would; the retained row goes in the same write set, so a message is in one
 *          place or the other, and a repetition after a crash takes up what is left.
 * Called   inside mutation.run, on the writer thread; returns STORE_MORE until all is done.
 * Fails    STORE_OVER_QUOTA, STORE_BUSY, STORE_LIMIT: the slices before have happened.
 * Tested   tests/unit/store_retention.c, tests/unit/store_model.c
 */
#include "base/clock.h"
#include "store/annotation.h"
#include "store/private.h"

enum { MESSAGES_A_SLICE = 400 };

struct slice {
    struct restore *restore;
    struct retained_row *rows;
    size_t count;
    uint32_t next_uid; /* behind what was looked at */
    bool more, bad;
    struct head head;
    struct chunk chunk; /* the newest, not yet put; present 0: none */
    struct keywords keywords;
    struct retained_total total;
    struct annotating annotating;
    uint64_t modseq;
    int64_t now_s;
};

/* ---- which ---- */

static bool take_row(void *ctx, struct view key, struct view value)
{
    struct slice *s = ctx;
    struct view rest = view_skip(key, 1);
    uint32_t mailbox, uid;
    struct retained_row *row = &s->rows[s->count];
    s->bad = !key_read_u32(&rest, &mailbox) || !key_read_u32(&rest, &uid) || !retained_read(value, mailbox, uid, row);
    if (s->bad)
        return false;
    s->next_uid = uid + 1;
    s->count += retained_matches(&s->restore->filter, row);
    return s->count < MESSAGES_A_SLICE;
}

static enum store_error collect(struct txn *txn, uint32_t mailbox, struct slice *s)
{
    struct restore *restore = s->restore;
    struct key first = key_2('R', mailbox, restore->progress.next_uid), all = key_1('R', mailbox);
    struct key end = restore->end_uid ? key_2('R', mailbox, restore->end_uid) : key_after(&all);
    s->rows = ARENA_ARRAY(txn_arena(txn), MESSAGES_A_SLICE + 1, struct retained_row);
    s->next_uid = restore->progress.next_uid;
    enum store_error err = txn_scan(txn, key_view(&first), key_view(&end), take_row, s, &s->more);
    return err ? err : s->bad ? STORE_CORRUPT : STORE_OK;
}

/* ---- where to ---- */

struct uses {
    uint32_t taken;
    struct key from;
};

static bool take_use(void *ctx, struct view key, struct view value)
{
    struct uses *uses = ctx;
    struct view rest = view_skip(key, 1);
    struct mailbox_row row;
    uint32_t id;
    if (key_read_u32(&rest, &id))
        uses->from = key_1('M', id + 1);
    if (mailbox_row_read(value, &row))
        uses->taken |= row.special_use;
    return true;
}

/* A special use that another mailbox has by now stays there. */
static enum store_error free_uses(struct txn *txn, uint32_t wanted, uint32_t *uses_r)
{
    struct key all = key_kind('M'), end = key_after(&all);
    struct uses uses = {.from = all};
    enum store_error err = STORE_OK;
    bool more = wanted != 0;
    while (!err && more)
        err = txn_scan(txn, key_view(&uses.from), key_view(&end), take_use, &uses, &more);
    *uses_r = wanted & ~uses.taken;
    return err;
}

static enum store_error read_lost(struct txn *txn, uint32_t mailbox, struct lost_mailbox *lost_r)
{
    struct key key = key_1('Q', mailbox);
    struct view value;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    if (err)
        return err == STORE_NOT_FOUND ? STORE_NO_MAILBOX : err;
    return lost_mailbox_read(value, lost_r) ? STORE_OK : STORE_CORRUPT;
}

static enum store_error make_target(struct txn *txn, const struct lost_mailbox *lost, uint32_t *id_r)
{
    struct mailbox made = {0};
    uint32_t uses;
    enum store_error err = free_uses(txn, lost->special_use, &uses);
    if (!err)
        err = mailbox_create(txn, lost->path, uses, &made);
    if (!err && (lost->flags & MAILBOX_SUBSCRIBED))
        err = mailbox_subscribe(txn, lost->path, true);
    if (!err)
        *id_r = made.id;
    return err;
}

static enum store_error selectable(struct txn *txn, uint32_t id)
{
    struct mailbox_row row;
    enum store_error err = txn_mailbox_row(txn, id, &row);
    return err ? err : row.flags & MAILBOX_NOSELECT ? STORE_NO_MAILBOX : STORE_OK;
}

/* The mailbox itself; else what is of its name; else one of that name is made. */
static enum store_error find_target(struct txn *txn, uint32_t mailbox, uint32_t *id_r)
{
    struct lost_mailbox lost = {.path = VIEW_EMPTY};
    *id_r = mailbox;
    enum store_error err = selectable(txn, mailbox);
    if (err != STORE_NO_MAILBOX)
        return err;
    err = read_lost(txn, mailbox, &lost);
    if (err == STORE_NO_MAILBOX) /* it stayed as a parent */
        err = txn_mailbox_path(txn, mailbox, &lost.path);
    if (!err)
        err = txn_mailbox_find(txn, lost.path, id_r);
    if (!err)
        err = selectable(txn, *id_r);
    return err == STORE_NO_MAILBOX && lost.path.size ? make_target(txn, &lost, id_r) : err;
}

/* ---- putting back ---- */

static enum store_error flush(struct txn *txn, struct slice *s)
{
    return s->chunk.present ? txn_put_chunk(txn, s->head.id, &s->chunk) : STORE_OK;
}

static enum store_error place(struct txn *txn, struct slice *s, const struct message_row *old)
{
    uint32_t uid = s->head.mailbox.uidnext;
    enum store_error err = STORE_OK;
    if (uid == UINT32_MAX)
        return STORE_LIMIT;
    if (!s->chunk.present || s->chunk.block != chunk_block(uid)) {
        err = flush(txn, s);
        if (!err)
            err = txn_chunk(txn, s->head.id, chunk_block(uid), &s->chunk);
    }
    if (err)
        return err;
    struct message_row *row = &s->chunk.rows[chunk_bit(uid)];
    *row = *old;
    row->uid = uid;
    row->flags &= (uint8_t)~FLAG_DELETED;
    row->modseq = s->modseq;
    row->saved_utc_s = s->now_s;
    s->chunk.present |= 1ull << chunk_bit(uid);
    for (unsigned w = 0; w < 4; w++)
        s->keywords.bits[w] |= row->keywords.bits[w];
    head_count(&s->head, row, 1, true);
    s->head.mailbox.uidnext++;
    return STORE_OK;
}

static enum store_error restore_one(struct txn *txn, struct slice *s, const struct retained_row *row)
{
    struct key uidl = key_2('U', row->mailbox, row->message.uid);
    if (account_over_quota(&s->head.account, row->message.size_octets))
        return STORE_OVER_QUOTA;
    struct annotation_carry carry = {.mailbox = row->mailbox,
                                     .uid = row->message.uid,
                                     .to_mailbox = s->head.id,
                                     .to_uid = s->head.mailbox.uidnext,
                                     .modseq = s->modseq,
                                     .shared = true,
                                     .everybodys = true,
                                     .moves = true,
                                     .kept = true};
    enum store_error err = place(txn, s, &row->message);
    if (!err)
        err = annotations_carry(txn, &s->annotating, &carry);
    if (!err)
        err = retained_forget(txn, row, &s->total);
    /* POP3 clients know the old UIDL: they would neither show it nor leave it alone. */
    return err ? err : txn_delete(txn, key_view(&uidl));
}

/* As many as the quota lets in, and annotations leave room for; *done_r of them. STORE_OVER_QUOTA: not even the first.
 */
static enum store_error restore_rows(struct txn *txn, struct slice *s, size_t *done_r)
{
    enum store_error err = STORE_OK;
    bool full = false;
    for (*done_r = 0; !err && !full && *done_r < s->count; *done_r += !err) {
        err = restore_one(txn, s, &s->rows[*done_r]);
        full = annotating_is_full(txn, &s->annotating);
    }
    if ((err == STORE_OVER_QUOTA && *done_r) || (!err && *done_r < s->count)) {
        s->next_uid = s->rows[*done_r].message.uid;
        s->more = true;
        err = STORE_OK;
    }
    return err ? err : flush(txn, s);
}

/* It went from a name to that name, whatever the ids. */
static enum store_error put_history(struct txn *txn, const struct slice *s, uint32_t mailbox, size_t done)
{
    struct history history = {.uid = 0};
    struct history_entry entry = {.action = HISTORY_RESTORED,
                                  .modseq = s->modseq,
                                  .who = s->restore->why,
                                  .mailbox = mailbox,
                                  .to_mailbox = s->head.id,
                                  .to_uid = s->head.mailbox.uidnext - (uint32_t)done};
    for (size_t i = 0; i < done; i++)
        history_add(&history, s->rows[i].message.uid, s->rows[i].message.email);
    enum store_error err = txn_mailbox_path(txn, s->head.id, &entry.path);
    if (!err)
        err = history_put(txn, &entry, &history);
    buffer_free(&history.messages);
    return err;
}

static enum store_error finish(struct txn *txn, struct slice *s, uint32_t mailbox, size_t done)
{
    enum store_error err = keyword_mark_used(txn, s->head.id, &s->keywords);
    if (!err)
        err = head_put(txn, &s->head);
    if (!err)
        err = txn_put_retained_total(txn, &s->total);
    if (!err)
        err = annotating_end(txn, &s->annotating);
    if (!err)
        err = put_history(txn, s, mailbox, done);
    return err ? err : lost_mailbox_settle(txn, mailbox);
}

static enum store_error restore_slice(struct txn *txn, struct slice *s, uint32_t mailbox)
{
    uint32_t target;
    size_t done = 0;
    enum store_error err = find_target(txn, mailbox, &target);
    if (!err)
        err = head_begin(txn, target, &s->head);
    if (!err)
        err = txn_check_lease(txn, target);
    if (!err)
        err = txn_retained_total(txn, &s->total);
    if (!err)
        err = annotating_begin(txn, &s->annotating);
    if (err)
        return err;
    s->modseq = head_modseq(&s->head);
    err = restore_rows(txn, s, &done);
    if (!err)
        err = finish(txn, s, mailbox, done);
    if (err)
        return err;
    for (size_t i = 0; i < done; i++)
        s->restore->octets += s->rows[i].message.size_octets;
    s->restore->messages += done;
    s->restore->mailbox = target;
    s->restore->modseq = s->modseq;
    return STORE_OK;
}

/* Where it ends, so that what a client removes again meanwhile isn't brought back for ever. */
static enum store_error set_end(struct txn *txn, uint32_t mailbox, struct restore *restore)
{
    struct mailbox_row row;
    enum store_error err = txn_mailbox_row(txn, mailbox, &row);
    if (!err)
        restore->end_uid = row.uidnext;
    restore->progress.started = !err || err == STORE_NO_MAILBOX;
    return err == STORE_NO_MAILBOX ? STORE_OK : err;
}

enum store_error retained_restore(struct txn *txn, uint32_t mailbox, struct restore *restore)
{
    struct slice *s = arena_new(txn_arena(txn), sizeof *s);
    s->restore = restore;
    s->now_s = clock_wall_s();
    restore->messages = restore->before.messages;
    restore->octets = restore->before.octets;
    enum store_error err = restore->progress.started ? STORE_OK : set_end(txn, mailbox, restore);
    if (!err)
        err = collect(txn, mailbox, s);
    if (!err && s->count)
        err = restore_slice(txn, s, mailbox);
    if (err || !s->more) /* the last slice may be run again (engine.h): it leaves its place as it was */
        return err;
    restore->progress.next_uid = s->next_uid;
    restore->before = (struct retained_total){restore->messages, restore->octets};
    return STORE_MORE;
}
