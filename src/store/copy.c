/*
 * store/copy.c: COPY and MOVE within one account: no octets are written, only rows.
 *
 * MOVE is done a slice at a time: each message is in one place or the other (RFC 6851 3.3). COPY is all or nothing (RFC
 * 9051 6.4.7): one that needs more than a slice takes a lease on the destination, writes chunks above its UIDNEXT that
 * no counter and no reader names yet, and publishes them with the last slice. What a crash left above UIDNEXT is swept
 * when the store opens (copy_sweep). Called   inside mutation.run, on the writer thread; returns STORE_MORE until all
 * is done. Tested   tests/unit/store_model.c
 */
#include "base/clock.h"
#include "base/memory.h"
#include "store/annotation.h"
#include "store/private.h"

enum { MESSAGES_A_SLICE = 500 };

struct slice {
    struct head from, to; /* the account row is kept in `to` */
    struct copy *copy;
    const struct uidset *uids;
    struct chunk target; /* the destination's newest chunk, not yet put */
    bool target_dirty;
    struct keywords keywords; /* of what was placed: used there from now on */
    struct uidset *gone;
    struct history history;
    unsigned count;
    int64_t now_s;
    uint32_t first_staged, last_staged;
    struct annotating annotating;
    struct annotation_total annotations; /* check_quota: of what is to be copied */
    uint32_t stopped; /* the UID before which annotations filled the slice; 0: it isn't full of them */
};

/* ---- the lease: who, first staged UID, next staged UID, counters of what is staged ---- */

struct lease {
    uint64_t token;
    uint32_t first, next;
    uint64_t messages, unseen, deleted, octets;
};

static enum store_error lease_read(struct txn *txn, uint32_t mailbox, struct lease *lease_r)
{
    struct key key = key_1('P', mailbox);
    struct view value;
    enum store_error err = txn_get(txn, key_view(&key), &value);
    *lease_r = (struct lease){0};
    if (err)
        return err == STORE_NOT_FOUND ? STORE_OK : err;
    bool good = true;
    lease_r->token = row_read_u64(&value, &good);
    lease_r->first = row_read_u32(&value, &good);
    lease_r->next = row_read_u32(&value, &good);
    lease_r->messages = row_read_u64(&value, &good);
    lease_r->unseen = row_read_u64(&value, &good);
    lease_r->deleted = row_read_u64(&value, &good);
    lease_r->octets = row_read_u64(&value, &good);
    return good ? STORE_OK : STORE_CORRUPT;
}

static enum store_error lease_write(struct txn *txn, uint32_t mailbox, const struct lease *lease)
{
    struct key key = key_1('P', mailbox);
    struct buffer value = {0};
    const uint64_t fields[] = {lease->token,  lease->first,   lease->next,  lease->messages,
                               lease->unseen, lease->deleted, lease->octets};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        row_u64(&value, fields[i]);
    return txn_put_row(txn, &key, &value);
}

static enum store_error lease_drop(struct txn *txn, uint32_t mailbox)
{
    struct key key = key_1('P', mailbox);
    return txn_delete(txn, key_view(&key));
}

/* ---- rows ---- */

/* As it arrives. */
static struct message_row arriving(const struct slice *s, const struct message_row *row)
{
    struct message_row to = *row;
    to.flags &= (uint8_t)~s->copy->dropped;
    if (s->copy->drops_keywords)
        to.keywords = (struct keywords){{0}};
    return to;
}

static enum store_error flush_target(struct txn *txn, struct slice *s)
{
    if (!s->target_dirty)
        return STORE_OK;
    s->target_dirty = false;
    enum store_error err = txn_put_chunk(txn, s->to.id, &s->target);
    return err ? err : keyword_mark_used(txn, s->to.id, &s->keywords);
}

static struct annotation_carry carry_of(const struct txn *txn, const struct slice *s, const struct message_row *row)
{
    const struct copy *copy = s->copy;
    uint64_t person = copy->annotated_by ? copy->annotated_by : txn_account(txn);
    return (struct annotation_carry){.mailbox = s->from.id,
                                     .uid = row->uid,
                                     .to_mailbox = s->to.id,
                                     .shared = !copy->drops_shared,
                                     .person = copy->drops_private ? 0 : person,
                                     .everybodys = copy->keeps_everybodys,
                                     .moves = copy->move};
}

static enum store_error carry_annotations(struct txn *txn, struct slice *s, const struct message_row *row, uint32_t uid,
                                          uint64_t modseq)
{
    struct annotation_carry carry = carry_of(txn, s, row);
    carry.to_uid = uid;
    carry.modseq = modseq;
    return annotations_carry(txn, &s->annotating, &carry);
}

/* Appends to the destination under the next UID. */
static enum store_error place(struct txn *txn, struct slice *s, const struct message_row *row, uint64_t modseq,
                              uint32_t *next_uid)
{
    uint32_t uid = *next_uid;
    if (uid == UINT32_MAX)
        return STORE_LIMIT;
    enum store_error err = STORE_OK;
    if (!s->target_dirty || s->target.block != chunk_block(uid)) {
        err = flush_target(txn, s);
        if (!err)
            err = txn_chunk(txn, s->to.id, chunk_block(uid), &s->target);
    }
    if (err)
        return err;
    struct message_row *to = &s->target.rows[chunk_bit(uid)];
    *to = *row;
    to->uid = uid;
    to->modseq = modseq;
    to->saved_utc_s = s->now_s;
    s->target.present |= 1ull << chunk_bit(uid);
    for (size_t i = 0; i < 4; i++)
        s->keywords.bits[i] |= row->keywords.bits[i];
    s->target_dirty = true;
    uidset_add(s->copy->from_uids, row->uid);
    buffer_append(s->copy->to_uids, &uid, sizeof uid);
    *next_uid = uid + 1;
    return carry_annotations(txn, s, row, uid, modseq);
}

/* The slice must end before this message, if it isn't the first: INBOX is renamed in one write set. */
static bool is_full(struct txn *txn, struct slice *s, uint32_t uid)
{
    if (s->count && annotating_is_full(txn, &s->annotating))
        s->stopped = uid;
    return s->stopped;
}

/* A slice may begin inside a chunk. */
static bool wanted(const struct slice *s, uint32_t uid)
{
    return uid >= s->copy->progress.next_uid && uid < s->from.mailbox.uidnext && uidset_has(s->uids, uid);
}

/* Walks the source from next_uid, calling each for wanted messages, until the slice is full. */
static enum store_error walk(struct txn *txn, struct slice *s,
                             enum store_error (*each)(struct txn *txn, struct slice *s, struct chunk *chunk))
{
    struct chunk *chunk = arena_new(txn_arena(txn), sizeof *chunk);
    uint32_t next = s->copy->progress.next_uid ? s->copy->progress.next_uid : 1;
    while (s->count < MESSAGES_A_SLICE && !s->stopped) {
        uint32_t uid = uidset_next(s->uids, next);
        if (!uid || uid >= s->from.mailbox.uidnext)
            return STORE_OK;
        enum store_error err = txn_first_chunk(txn, s->from.id, chunk_block(uid), chunk);
        if (err == STORE_NOT_FOUND || (!err && chunk->block > chunk_block(s->from.mailbox.uidnext - 1)))
            return STORE_OK;
        if (!err && chunk->block > chunk_block(uid)) {
            next = chunk->block * CHUNK_ROWS + 1;
            continue;
        }
        if (!err)
            err = each(txn, s, chunk);
        if (err)
            return err;
        next = s->stopped ? s->stopped : (chunk->block + 1) * CHUNK_ROWS + 1;
    }
    if (!uidset_next(s->uids, next))
        return STORE_OK;
    s->copy->progress.next_uid = next; /* not after the last slice: it may be run again (engine.h) */
    return STORE_MORE;
}

/* ---- MOVE ---- */

static enum store_error move_chunk(struct txn *txn, struct slice *s, struct chunk *chunk)
{
    uint32_t base = chunk->block * CHUNK_ROWS + 1;
    uint64_t modseq = s->to.mailbox.highestmodseq, moved = 0;
    for (uint64_t left = chunk->present; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        if (!wanted(s, base + i))
            continue;
        if (is_full(txn, s, base + i))
            break;
        struct message_row row = arriving(s, &chunk->rows[i]);
        enum store_error err = place(txn, s, &row, modseq, &s->to.mailbox.uidnext);
        if (err)
            return err;
        head_count(&s->from, &chunk->rows[i], -1, false);
        head_count(&s->to, &row, 1, false);
        moved |= 1ull << i;
        uidset_add(s->gone, base + i);
        history_add(&s->history, base + i, chunk->rows[i].email);
        s->count++;
    }
    chunk->present &= ~moved;
    return moved ? txn_put_chunk(txn, s->from.id, chunk) : STORE_OK;
}

static enum store_error put_history(struct txn *txn, struct slice *s, uint64_t modseq, uint32_t first_uid)
{
    struct history_entry entry = {.action = HISTORY_MOVED,
                                  .modseq = modseq,
                                  .who = s->copy->why,
                                  .mailbox = s->from.id,
                                  .to_mailbox = s->to.id,
                                  .to_uid = first_uid};
    return history_put(txn, &entry, &s->history);
}

/* Moving within one mailbox: the source's chunks and the destination's are the same; renumber by copy and removal is
 * not wanted by anyone, so it is refused. */
static enum store_error move_slice(struct txn *txn, struct slice *s)
{
    uint64_t modseq = ++s->to.account.modseq;
    uint32_t first_uid = s->to.mailbox.uidnext;
    s->to.mailbox.highestmodseq = s->from.mailbox.highestmodseq = modseq;
    s->gone = uidset_new();
    enum store_error result = walk(txn, s, move_chunk), err = result == STORE_MORE ? STORE_OK : result;
    if (!err)
        err = flush_target(txn, s);
    if (!err && s->count) {
        err = txn_put_change(txn, s->from.id, modseq, CHANGE_VANISHED, s->gone);
        if (!err)
            err = txn_put_mailbox(txn, s->from.id, &s->from.mailbox);
        if (!err)
            err = head_put(txn, &s->to);
        if (!err)
            err = put_history(txn, s, modseq, first_uid);
        if (!err)
            err = annotating_end(txn, &s->annotating);
        if (!err)
            txn_touched(txn, s->from.id, modseq);
    }
    uidset_unref(&s->gone);
    buffer_free(&s->history.messages);
    return err ? err : result;
}

/* ---- COPY ---- */

static enum store_error copy_chunk(struct txn *txn, struct slice *s, struct chunk *chunk)
{
    uint32_t base = chunk->block * CHUNK_ROWS + 1;
    for (uint64_t left = chunk->present; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        if (!wanted(s, base + i))
            continue;
        if (is_full(txn, s, base + i))
            break;
        struct message_row row = arriving(s, &chunk->rows[i]);
        enum store_error err = email_share(txn, row.email);
        if (!err)
            err = place(txn, s, &row, s->to.mailbox.highestmodseq, &s->last_staged);
        if (err)
            return err;
        head_count(&s->to, &row, 1, true);
        s->count++;
    }
    return STORE_OK;
}

static bool quota_passed(const struct account_row *a)
{
    return (a->quota_octets && a->octets > a->quota_octets) || (a->quota_messages && a->messages > a->quota_messages);
}

/* Adds what the lease has counted, and publishes everything staged under the account's next modseq. */
static enum store_error publish(struct txn *txn, struct slice *s, const struct lease *lease)
{
    s->to.mailbox.messages += (uint32_t)lease->messages;
    s->to.mailbox.unseen += (uint32_t)lease->unseen;
    s->to.mailbox.deleted += (uint32_t)lease->deleted;
    s->to.mailbox.octets += lease->octets;
    s->to.account.messages += lease->messages;
    s->to.account.octets += lease->octets;
    s->to.mailbox.uidnext = s->last_staged;
    /* With a lease the first slice has looked: what is staged is not thrown away for what came meanwhile. */
    if (!lease->token && quota_passed(&s->to.account))
        return STORE_OVER_QUOTA;
    enum store_error err = lease->token ? lease_drop(txn, s->to.id) : STORE_OK;
    return err ? err : head_put(txn, &s->to);
}

static enum store_error sum_chunk(struct txn *txn, struct slice *s, struct chunk *chunk)
{
    uint32_t base = chunk->block * CHUNK_ROWS + 1;
    enum store_error err = STORE_OK;
    for (uint64_t left = chunk->present; !err && left; left &= left - 1) {
        const struct message_row *row = &chunk->rows[__builtin_ctzll(left)];
        if (!wanted(s, base + (uint32_t)__builtin_ctzll(left)))
            continue;
        struct annotation_carry carry = carry_of(txn, s, row);
        head_count(&s->to, row, 1, true);
        err = annotations_weigh(txn, &s->annotating, &carry, &s->annotations);
    }
    return err;
}

/* Before the first slice of many: would all of it fit? */
static enum store_error check_quota(struct txn *txn, struct slice *s)
{
    bool limited = s->to.account.quota_octets || s->to.account.quota_messages || s->annotating.total.octets;
    if (s->copy->progress.next_uid || !limited)
        return STORE_OK;
    struct head before = s->to;
    enum store_error err = walk(txn, s, sum_chunk);
    bool passed = quota_passed(&s->to.account) || !annotations_fit(txn, &s->annotating.total, &s->annotations);
    s->to = before;
    s->copy->progress.next_uid = 0;
    return err ? err : passed ? STORE_OVER_QUOTA : STORE_OK;
}

static enum store_error copy_slice(struct txn *txn, struct slice *s)
{
    struct lease lease;
    enum store_error err = lease_read(txn, s->to.id, &lease);
    if (err)
        return err;
    if (lease.token && lease.token != s->copy->progress.modseq)
        return STORE_BUSY;
    err = check_quota(txn, s);
    if (err)
        return err;
    struct head before = s->to;
    s->last_staged = lease.token ? lease.next : s->to.mailbox.uidnext;
    s->first_staged = lease.token ? lease.first : s->last_staged;
    s->to.mailbox.highestmodseq = ++s->to.account.modseq;
    enum store_error result = walk(txn, s, copy_chunk);
    if (result != STORE_OK && result != STORE_MORE)
        return result;
    err = flush_target(txn, s);
    if (!err)
        err = annotating_end(txn, &s->annotating);
    if (err || (result == STORE_OK && !s->count && !lease.token))
        return err;
    if (result == STORE_OK)
        return publish(txn, s, &lease);
    /* Not the last: count what was staged in the lease, and leave the head as it was but for the modseq that is used
     * up. */
    lease.messages += s->to.mailbox.messages - before.mailbox.messages;
    lease.unseen += s->to.mailbox.unseen - before.mailbox.unseen;
    lease.deleted += s->to.mailbox.deleted - before.mailbox.deleted;
    lease.octets += s->to.mailbox.octets - before.mailbox.octets;
    lease.first = s->first_staged;
    lease.next = s->last_staged;
    before.account.modseq = s->to.account.modseq;
    if (!lease.token)
        lease.token = s->copy->progress.modseq = before.account.modseq;
    err = lease_write(txn, s->to.id, &lease);
    if (!err)
        err = txn_put_account(txn, &before.account);
    return err ? err : STORE_MORE;
}

/* What an earlier run of this slice said, whose batch was lost. */
static void forget_lost_run(struct copy *copy)
{
    uint32_t from = copy->progress.next_uid ? copy->progress.next_uid : 1;
    uidset_remove_range(copy->from_uids, from, UINT32_MAX);
    buffer_truncate(copy->to_uids, uidset_count(copy->from_uids) * sizeof(uint32_t));
}

enum store_error message_copy(struct txn *txn, uint32_t from_mailbox, const struct uidset *uids, uint32_t to_mailbox,
                              struct copy *copy)
{
    struct slice *s = arena_new(txn_arena(txn), sizeof *s);
    s->copy = copy;
    s->uids = uids;
    s->now_s = clock_wall_s();
    forget_lost_run(copy);
    struct progress before = copy->progress;
    size_t to_before = buffer_size(copy->to_uids);
    struct uidset *from_before = uidset_copy(copy->from_uids);
    enum store_error err = head_begin(txn, from_mailbox, &s->from);
    if (!err)
        err = head_begin(txn, to_mailbox, &s->to);
    if (!err && (s->to.mailbox.flags & MAILBOX_NOSELECT))
        err = STORE_NO_MAILBOX;
    if (!err)
        err = annotating_begin(txn, &s->annotating);
    if (!err && copy->move)
        err = from_mailbox == to_mailbox ? STORE_FORBIDDEN : txn_check_lease(txn, to_mailbox);
    if (!err)
        err = copy->move ? move_slice(txn, s) : copy_slice(txn, s);
    if (err && err != STORE_MORE) {
        copy->progress = before;
        buffer_truncate(copy->to_uids, to_before);
        uidset_clear(copy->from_uids);
        uidset_add_set(copy->from_uids, from_before);
    }
    copy->to_uidvalidity = s->to.mailbox.uidvalidity;
    uidset_unref(&from_before);
    return err;
}
