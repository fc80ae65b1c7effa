/*
 * store/seen.h: which messages of a shared mailbox each of its readers has seen: \Seen is everybody's own (RFC 4314
 * 5.2 leaves that to the server).
 *
 * Does     the owner's \Seen stands in the messages' rows; every other reader's in pages of 4,096 UIDs, in the owner's
 *          account: so a STORE is one mutation, takes one modseq of the mailbox's, and CONDSTORE, QRESYNC and the
 *          reader's other sessions hear of it as of any other flag. The price: the owner and the other readers are told
 *          the message's flags once more, unchanged.
 * Called   reads on any thread, by way of reader.seen_by (store.h); seen_cache_* inside mutation.run.
 * Limits   a page is at most 515 octets; a mailbox's pages go with it, in slices.
 * Tested   tests/unit/store_seen.c, tests/e2e/test_acl_seen.py
 */
#ifndef STORE_SEEN_H
#define STORE_SEEN_H

#include "store/store.h"

enum { SEEN_WORDS = 64 }; /* a word for each chunk */
struct seen_page {
    uint64_t words[SEEN_WORDS];
};
void seen_page_write(const struct seen_page *page, struct buffer *out);
bool seen_page_read(struct view octets, struct seen_page *page_r);

/* All that reader.seen_by has seen, gone messages too. The caller's to unref. */
enum store_error seen_read(const struct reader *reader, uint32_t mailbox, struct uidset **seen_r);
/* How many of the mailbox's messages reader.seen_by hasn't seen. */
enum store_error seen_count_unseen(const struct reader *reader, uint32_t mailbox, uint32_t *unseen_r);
/* Rows of one chunk as reader.seen_by sees them. */
enum store_error seen_show(const struct reader *reader, uint32_t mailbox, struct message_row *rows, size_t count);

/* ---- inside mutation.run ---- */

/* One page at a time. account 0: the owner, whose \Seen isn't here; then nothing happens. */
struct seen_cache {
    uint32_t mailbox;
    uint64_t account;
    bool loaded, dirty;
    uint32_t page;
    struct seen_page seen;
};
/* The word of a chunk, after seen_cache_flush of what was there before. null in *word_r: the owner's. */
enum store_error seen_cache_word(struct txn *txn, struct seen_cache *cache, uint32_t block, uint64_t **word_r);
enum store_error seen_cache_flush(struct txn *txn, struct seen_cache *cache);
/* Everybody's of a mailbox that goes; STORE_MORE: call again in the next slice. */
enum store_error seen_drop(struct txn *txn, uint32_t mailbox);

#endif
