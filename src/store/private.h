/*
 * store/private.h: what the files of store/ share and nobody else sees.
 */
#ifndef STORE_PRIVATE_H
#define STORE_PRIVATE_H

#include "store/keys.h"
#include "store/rows.h"
#include <pthread.h>
#include <stdatomic.h>

struct uid_cache;
struct watch_table;

enum { SHARED_WORDS = 1024 };

struct store {
    struct engine *engine;
    struct uid_cache *uids;
    struct watch_table *watches;
    atomic_uint retention_days, history_days;
    atomic_uint_fast64_t retention_octets; /* the administrator's limit; 0: none */
    atomic_uint_fast64_t annotation_octets;
    /* Identifiers that some ACL names, by hash: see acl.c. */
    atomic_uint_fast64_t shared_with[SHARED_WORDS];
    atomic_bool shared_with_groups;
};

enum { ROOT_ACCOUNT = 0 }; /* the engine's account 0 holds what belongs to no account: the list of accounts */

/* ---- inside mutation.run ---- */

/* Rows of the txn's account. The view of a mailbox's name lives in the txn's arena. */
enum store_error txn_account_row(struct txn *txn, struct account_row *row_r);
enum store_error txn_put_account(struct txn *txn, const struct account_row *row);
enum store_error txn_mailbox_row(struct txn *txn, uint32_t id, struct mailbox_row *row_r);
enum store_error txn_put_mailbox(struct txn *txn, uint32_t id, const struct mailbox_row *row);
/* present is 0 if there is none. */
enum store_error txn_chunk(struct txn *txn, uint32_t mailbox, uint32_t block, struct chunk *chunk_r);
/* Deletes the chunk when nothing is in it. */
enum store_error txn_put_chunk(struct txn *txn, uint32_t mailbox, const struct chunk *chunk);
/* The first block >= from that has a chunk; STORE_NOT_FOUND. */
enum store_error txn_next_block(struct txn *txn, uint32_t mailbox, uint32_t from, uint32_t *block_r);
/* The first chunk with a block >= from: where there is one at `from`, without a scan. STORE_NOT_FOUND. */
enum store_error txn_first_chunk(struct txn *txn, uint32_t mailbox, uint32_t from, struct chunk *chunk_r);
enum store_error txn_put_change(struct txn *txn, uint32_t mailbox, uint64_t modseq, enum change_kind kind,
                                const struct uidset *uids);
/* STORE_BUSY if another command's COPY holds a lease on the mailbox. */
enum store_error txn_check_lease(struct txn *txn, uint32_t mailbox);

/* Both rows that nearly every change touches; modseq is new and already in both. */
struct head {
    struct account_row account;
    struct mailbox_row mailbox;
    uint32_t id;
};
enum store_error head_begin(struct txn *txn, uint32_t mailbox, struct head *head_r);
/* Takes the next modseq of the account for this mailbox. */
uint64_t head_modseq(struct head *head);
enum store_error head_put(struct txn *txn, const struct head *head);
/* Adds (sign 1) or takes away (sign -1) a message from the counters of the mailbox and, if it counts, of the account.
 */
void head_count(struct head *head, const struct message_row *row, int sign, bool account_too);

/* A small write into a put: begins with an empty buffer and ends in txn_put. */
enum store_error txn_put_row(struct txn *txn, const struct key *key, struct buffer *row);

/* All rows whose keys begin so. STORE_MORE: there may be more, for the next slice. */
enum store_error txn_drop_rows(struct txn *txn, const struct key *first);

/* retention.c: messages that leave for retention in one slice; the total is read and written once. */
struct retaining {
    struct retained_row row; /* what all of them share */
    struct retained_total total;
};
enum store_error retaining_begin(struct txn *txn, const struct removal *why, enum removal_how how,
                                 struct retaining *retaining_r);
enum store_error retain(struct txn *txn, struct retaining *retaining, uint32_t mailbox, const struct message_row *row);
/* uids: those that were retained, all of the mailbox of the last one. */
enum store_error retaining_end(struct txn *txn, struct retaining *retaining, const struct uidset *uids);
/* Its place among the days: by the second, so that of one day too the oldest comes first. */
struct key retained_day_key(const struct retained_row *row);
/* The row and its place among the days; not its email. */
enum store_error retained_forget(struct txn *txn, const struct retained_row *row, struct retained_total *total);
enum store_error txn_retained_total(struct txn *txn, struct retained_total *total_r);
enum store_error txn_put_retained_total(struct txn *txn, const struct retained_total *total);
/* retained.c: is anything of this mailbox retained? */
enum store_error txn_has_retained(struct txn *txn, uint32_t mailbox, bool *has_r);
/* A mailbox's row goes: its name is kept while messages of it are retained; and goes with the last of them. */
enum store_error lost_mailbox_keep(struct txn *txn, uint32_t mailbox);
enum store_error lost_mailbox_settle(struct txn *txn, uint32_t mailbox);
/* history.c: the messages of one entry, by ascending UID; then the entry. path may be left to it. */
struct history {
    struct buffer messages;
    uint32_t uid;
    uint64_t email;
};
void history_add(struct history *history, uint32_t uid, uint64_t email);
/* history null: about a mailbox alone. */
enum store_error history_put(struct txn *txn, struct history_entry *entry, const struct history *history);
/* expunge.c: message_expunge, and what mailbox_delete does to the messages. */
enum store_error messages_remove(struct txn *txn, uint32_t mailbox, const struct uidset *uids, enum removal_how how,
                                 struct expunge *expunge);
/* mailbox.c: the id of a whole name; STORE_NO_MAILBOX. */
enum store_error txn_mailbox_find(struct txn *txn, struct view path, uint32_t *id_r);
/* path.c: names of levels, the last one first, into a whole name. */
struct view path_join(struct arena *arena, const struct view *levels, size_t count);
enum store_error txn_mailbox_path(struct txn *txn, uint32_t id, struct view *path_r);
/* message.c: would these octets, as one message more, pass the quota? */
bool account_over_quota(const struct account_row *account, uint64_t octets);
enum store_error email_release(struct txn *txn, struct account_row *account, uint64_t email);
enum store_error email_share(struct txn *txn, uint64_t email);
/* compact.c: the row that tells which email lies at a place. */
enum store_error place_put(struct txn *txn, const struct blob_location *location, uint64_t email);
enum store_error place_delete(struct txn *txn, const struct blob_location *location);
enum store_error thread_assign(struct txn *txn, const struct digest *digest, uint64_t email, uint64_t *thread_r);
enum store_error thread_forget(struct txn *txn, uint64_t thread, uint64_t email);
enum store_error keyword_mark_used(struct txn *txn, uint32_t mailbox, const struct keywords *keywords);
enum store_error keyword_set(struct txn *txn, const struct view *wanted, size_t count, bool create,
                             struct keywords *set_r);

/* acl.c: a new mailbox begins with its parent's; one that goes has none. */
enum store_error acl_inherit(struct txn *txn, uint32_t parent, uint32_t child);
enum store_error acl_drop(struct txn *txn, uint32_t mailbox);
enum store_error acl_open(struct store *store);

/* All metadata of a mailbox that goes; readers' first, in slices (STORE_MORE). */
enum store_error metadata_drop_readers(struct txn *txn, uint32_t mailbox);
enum store_error metadata_drop(struct txn *txn, uint32_t mailbox);

struct store *store_of(struct engine *engine);

/* ---- caches and watching ---- */

struct uid_cache *uid_cache_new(void);
void uid_cache_free(struct uid_cache **cache);
struct watch_table *watch_table_new(struct engine *engine);
void watch_table_free(struct watch_table **table);

#endif
