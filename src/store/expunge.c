/*
 * store/expunge.c: messages leave a mailbox, in slices; they stay retained (store/retention.c).
 *
 * Each message is removed or not, never half (RFC 9051 6.4.3 asks no more). A slice takes one modseq.
 * Called   inside mutation.run, on the writer thread; returns STORE_MORE until all is done.
 * Tested   tests/unit/store_model.c
 */
#include "store/annotation.h"
#include "store/private.h"

enum { MESSAGES_A_SLICE = 1024 }; /* two keys each */

struct slice {
    struct head head;
    struct uidset *gone;
    unsigned count;
    struct retaining retaining;
    struct annotating annotating;
    struct history history;
};

static enum store_error remove_from_chunk(struct txn *txn, struct slice *s, struct chunk *chunk,
                                          const struct uidset *uids, const struct expunge *expunge)
{
    uint32_t base = chunk->block * CHUNK_ROWS + 1;
    bool any = false;
    for (uint64_t left = chunk->present; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        const struct message_row *row = &chunk->rows[i];
        if ((uids && !uidset_has(uids, base + i)) || (expunge->only_deleted && !(row->flags & FLAG_DELETED)))
            continue;
        enum store_error err = retain(txn, &s->retaining, s->head.id, row);
        if (!err)
            err = annotations_retain(txn, &s->annotating, s->head.id, row->uid);
        if (err)
            return err;
        head_count(&s->head, row, -1, true);
        uidset_add(s->gone, base + i);
        history_add(&s->history, base + i, row->email);
        chunk->present &= ~(1ull << i);
        s->count++;
        any = true;
    }
    return any ? txn_put_chunk(txn, s->head.id, chunk) : STORE_OK;
}

static enum store_error remove_slice(struct txn *txn, struct slice *s, const struct uidset *uids,
                                     struct expunge *expunge)
{
    struct chunk chunk;
    uint32_t next = expunge->progress.next_uid ? expunge->progress.next_uid : 1;
    while (s->count < MESSAGES_A_SLICE) {
        uint32_t uid = uids ? uidset_next(uids, next) : next;
        if (!uid || uid >= s->head.mailbox.uidnext)
            return STORE_OK;
        enum store_error err = txn_first_chunk(txn, s->head.id, chunk_block(uid), &chunk);
        if (err == STORE_NOT_FOUND)
            return STORE_OK;
        if (!err && chunk.block > chunk_block(uid) && uids) {
            next = chunk.block * CHUNK_ROWS + 1;
            if (!uidset_next(uids, next))
                return STORE_OK;
            if (chunk_block(uidset_next(uids, next)) != chunk.block)
                continue;
        }
        if (!err)
            err = remove_from_chunk(txn, s, &chunk, uids, expunge);
        if (err)
            return err;
        next = (chunk.block + 1) * CHUNK_ROWS + 1;
    }
    expunge->progress.next_uid = next;
    return STORE_MORE;
}

static enum store_error put_history(struct txn *txn, const struct slice *s, enum removal_how how,
                                    const struct expunge *expunge, uint64_t modseq)
{
    struct history_entry entry = {.action = how == REMOVED_ALONE ? HISTORY_EXPUNGED : HISTORY_GONE_WITH_MAILBOX,
                                  .modseq = modseq,
                                  .who = expunge->why,
                                  .mailbox = s->head.id};
    return history_put(txn, &entry, &s->history);
}

enum store_error messages_remove(struct txn *txn, uint32_t mailbox, const struct uidset *uids, enum removal_how how,
                                 struct expunge *expunge)
{
    struct slice s = {.gone = uidset_new()};
    struct progress before = expunge->progress;
    enum store_error err = head_begin(txn, mailbox, &s.head), result = STORE_OK;
    if (!err)
        err = txn_check_lease(txn, mailbox);
    if (!err)
        err = retaining_begin(txn, &expunge->why, how, &s.retaining);
    if (!err)
        err = annotating_begin(txn, &s.annotating);
    if (!err) {
        result = remove_slice(txn, &s, uids, expunge);
        if (result != STORE_OK && result != STORE_MORE)
            err = result;
    }
    if (!err && s.count) {
        uint64_t modseq = head_modseq(&s.head);
        err = txn_put_change(txn, mailbox, modseq, CHANGE_VANISHED, s.gone);
        if (!err)
            err = head_put(txn, &s.head);
        if (!err)
            err = retaining_end(txn, &s.retaining, s.gone);
        if (!err)
            err = annotating_end(txn, &s.annotating);
        if (!err)
            err = put_history(txn, &s, how, expunge, modseq);
        if (!err)
            expunge->modseq = modseq;
    }
    if (err)
        expunge->progress = before;
    else if (expunge->gone)
        uidset_add_set(expunge->gone, s.gone);
    uidset_unref(&s.gone);
    buffer_free(&s.history.messages);
    return err ? err : result;
}

enum store_error message_expunge(struct txn *txn, uint32_t mailbox, const struct uidset *uids, struct expunge *expunge)
{
    return messages_remove(txn, mailbox, uids, REMOVED_ALONE, expunge);
}
