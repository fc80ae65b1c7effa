/*
 * store/flags.c: STORE: flags and keywords of many messages, in slices.
 *
 * A slice takes one modseq and leaves one entry in the change log; most commands are one slice. A later slice can't use
 * the first one's modseq: a reader may have been told everything up to a higher one meanwhile. Called   inside
 * mutation.run, on the writer thread; returns STORE_MORE until all is done. Tested   tests/unit/store_model.c
 */
#include "store/private.h"
#include "store/seen.h"

enum { BLOCKS_A_SLICE = 256 };

static bool same_keywords(const struct keywords *a, const struct keywords *b)
{
    return memcmp(a->bits, b->bits, sizeof a->bits) == 0;
}

/* The flags as they would be after the change. True if that is different. */
static bool apply(struct message_row *row, const struct flag_change *change, const struct keywords *keywords)
{
    struct message_row before = *row;
    uint8_t flags = change->flags & FLAG_SYSTEM_ALL & (uint8_t)~change->kept;
    switch (change->action) {
    case FLAGS_REPLACE:
        /* What it is, is no flag of a client's. */
        row->flags = (uint8_t)(flags | (row->flags & (~FLAG_SYSTEM_ALL | change->kept)));
        if (!change->keeps_keywords)
            row->keywords = *keywords;
        break;
    case FLAGS_ADD:
        row->flags |= flags;
        for (unsigned w = 0; w < 4; w++)
            row->keywords.bits[w] |= keywords->bits[w];
        break;
    case FLAGS_REMOVE:
        row->flags &= (uint8_t)~flags;
        for (unsigned w = 0; w < 4; w++)
            row->keywords.bits[w] &= ~keywords->bits[w];
        break;
    }
    return row->flags != before.flags || !same_keywords(&row->keywords, &before.keywords);
}

/* The row of bit i as whoever asks sees it, changed; \Seen then goes back to where it belongs: into the row, or into
 * the word. True if something is different. */
static bool apply_seen(struct message_row *row, unsigned i, uint64_t *seen, const struct flag_change *change,
                       const struct keywords *keywords)
{
    uint8_t owners = row->flags & FLAG_SEEN;
    if (!seen)
        return apply(row, change, keywords);
    row->flags = (uint8_t)((row->flags & ~FLAG_SEEN) | (*seen >> i & 1 ? FLAG_SEEN : 0));
    bool any = apply(row, change, keywords);
    *seen = (*seen & ~((uint64_t)1 << i)) | (row->flags & FLAG_SEEN ? (uint64_t)1 << i : 0);
    row->flags = (uint8_t)((row->flags & ~FLAG_SEEN) | owners);
    return any;
}

/* Most commands name a run of messages: then one look tells of a whole chunk. */
static uint64_t asked_for(const struct chunk *chunk, const struct uidset *uids)
{
    uint32_t base = chunk->block * CHUNK_ROWS + 1, first, last;
    uint64_t bits = 0;
    if (!uidset_run(uids, base, &first, &last))
        return 0;
    if (first <= base && last - base >= CHUNK_ROWS - 1)
        return chunk->present;
    for (uint64_t left = chunk->present; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        bits |= uidset_has(uids, base + i) ? UINT64_C(1) << i : 0;
    }
    return bits;
}

static void add_bits(struct uidset *set, uint32_t base, uint64_t bits)
{
    if (bits == UINT64_MAX) {
        uidset_add_range(set, base, base + CHUNK_ROWS - 1);
        return;
    }
    for (; bits; bits &= bits - 1)
        uidset_add(set, base + (uint32_t)__builtin_ctzll(bits));
}

/* Changes those of one chunk that are asked for. */
static enum store_error change_chunk(struct txn *txn, struct head *head, struct chunk *chunk, const struct uidset *uids,
                                     struct flag_change *change, const struct keywords *keywords,
                                     struct seen_cache *seen, struct uidset *changed, uint64_t *modseq)
{
    uint32_t base = chunk->block * CHUNK_ROWS + 1;
    uint64_t done = 0, *word;
    enum store_error err = seen_cache_word(txn, seen, chunk->block, &word);
    if (err)
        return err;
    for (uint64_t left = asked_for(chunk, uids); left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);
        struct message_row *row = &chunk->rows[i], before = *row;
        if (change->check_modseq && row->modseq > change->unchanged_since) {
            if (change->refused)
                uidset_add(change->refused, base + i);
            continue;
        }
        if (!apply_seen(row, i, word, change, keywords))
            continue;
        if (!*modseq)
            *modseq = head_modseq(head);
        row->modseq = *modseq;
        head_count(head, &before, -1, false);
        head_count(head, row, 1, false);
        done |= UINT64_C(1) << i;
    }
    add_bits(changed, base, done);
    seen->dirty = seen->dirty || (word && done);
    return done ? txn_put_chunk(txn, head->id, chunk) : STORE_OK;
}

static enum store_error change_slice(struct txn *txn, struct head *head, const struct uidset *uids,
                                     struct flag_change *change, const struct keywords *keywords,
                                     struct uidset *changed, uint64_t *modseq)
{
    struct chunk chunk;
    struct seen_cache seen = {.mailbox = head->id, .account = change->seen_by};
    uint32_t next = change->progress.next_uid ? change->progress.next_uid : 1;
    for (unsigned n = 0; n < BLOCKS_A_SLICE; n++) {
        uint32_t uid = uidset_next(uids, next);
        if (!uid || uid >= head->mailbox.uidnext)
            return seen_cache_flush(txn, &seen);
        enum store_error err = txn_first_chunk(txn, head->id, chunk_block(uid), &chunk);
        if (err == STORE_NOT_FOUND)
            return seen_cache_flush(txn, &seen);
        if (!err && chunk.block > chunk_block(uid)) {
            /* Nothing where it is asked: on with the first asked for in or behind that block. */
            next = chunk.block * CHUNK_ROWS + 1;
            continue;
        }
        if (!err)
            err = change_chunk(txn, head, &chunk, uids, change, keywords, &seen, changed, modseq);
        if (err)
            return err;
        next = (chunk.block + 1) * CHUNK_ROWS + 1;
    }
    enum store_error err = seen_cache_flush(txn, &seen);
    if (err || !uidset_next(uids, next))
        return err;
    change->progress.next_uid = next; /* not after the last slice: it may be run again (engine.h) */
    return STORE_MORE;
}

enum store_error message_set_flags(struct txn *txn, uint32_t mailbox, const struct uidset *uids,
                                   struct flag_change *change)
{
    struct head head;
    struct keywords keywords = {{0}};
    struct progress before = change->progress;
    uint64_t modseq = 0;
    struct uidset *changed = uidset_new();
    enum store_error err = head_begin(txn, mailbox, &head), result = STORE_OK;
    if (!err)
        err = txn_check_lease(txn, mailbox);
    if (!err)
        err = keyword_set(txn, change->keywords, change->keeps_keywords ? 0 : change->keyword_count,
                          change->action != FLAGS_REMOVE, &keywords);
    if (!err && change->action != FLAGS_REMOVE)
        err = keyword_mark_used(txn, mailbox, &keywords);
    if (!err) {
        result = change_slice(txn, &head, uids, change, &keywords, changed, &modseq);
        if (result != STORE_OK && result != STORE_MORE)
            err = result;
    }
    if (!err && uidset_count(changed)) {
        err = txn_put_change(txn, mailbox, modseq, CHANGE_FLAGS, changed);
        if (!err)
            err = head_put(txn, &head);
    }
    if (err) {
        change->progress = before;
    } else {
        if (change->changed)
            uidset_add_set(change->changed, changed);
        if (modseq)
            change->modseq = modseq;
    }
    uidset_unref(&changed);
    return err ? err : result;
}
