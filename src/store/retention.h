/*
 * store/retention.h: what was removed and can be taken back until its day ends.
 *
 * Does     lists retained messages, says in which mailbox they were and who removed them, and puts them back: the same
 *          email (EMAILID) under a new UID with its flags, keywords and INTERNALDATE. No octets are written.
 * Called   reads on any thread; retained_restore inside mutation.run; settings and upkeep on any thread.
 * Tested   tests/unit/store_retention.c, tests/unit/store_model.c, tests/e2e/test_undelete.py
 */
#ifndef STORE_RETENTION_H
#define STORE_RETENTION_H

#include "store/store.h"

enum removal_how { REMOVED_ALONE = 1, REMOVED_WITH_MAILBOX };

/* One message as it was when it left. */
struct retained_row {
    uint32_t mailbox;
    struct message_row message;
    int64_t at_utc_s;
    uint32_t until_day; /* days since 1970: purged once this day is over */
    uint8_t how;        /* enum removal_how */
    bool undated;       /* ours: of a store of before, where the index by day doesn't know the second */
    struct removal why;
};
static inline int64_t retained_until(const struct retained_row *row)
{
    return ((int64_t)row->until_day + 1) * 86400;
}

/* ---- reading ---- */

enum { RETAINED_PAGE = 64 };
struct retained_rows {
    size_t count;
    bool at_end;
    struct retained_row rows[RETAINED_PAGE];
};
/* Those from (mailbox, UID) on, by mailbox, then UID. */
enum store_error retained_rows(const struct reader *reader, uint32_t mailbox, uint32_t uid,
                               struct retained_rows *rows_r);

/* What all of them take: no part of the user's quota. */
struct retained_total {
    uint64_t messages, octets;
};
enum store_error retained_total(const struct reader *reader, struct retained_total *total_r);

/* The whole name of a mailbox, or the one it had when it was deleted; in the arena. STORE_NO_MAILBOX. */
enum store_error retained_path(const struct reader *reader, struct arena *arena, uint32_t mailbox, struct view *path_r);

struct retained_filter {
    int64_t since_utc_s, before_utc_s; /* removed then; 0: no bound */
    uint8_t by;                        /* enum removal_by; 0: whoever */
    const struct uidset *uids;         /* null: all */
};
bool retained_matches(const struct retained_filter *filter, const struct retained_row *row);

/* ---- taking back ---- */

/*
 * Puts back what was removed from a mailbox and matches: into that mailbox, whatever its name is now; if it was
 * deleted, into one of its name, made if need be. \Deleted is left off: else the next EXPUNGE took it again. In slices
 * (STORE_MORE: call again); each message is retained or restored, never both; a repetition finds nothing left to do.
 * STORE_OVER_QUOTA, STORE_BUSY: what came before stays restored.
 */
struct restore {
    struct retained_filter filter;
    struct removal why;        /* who takes it back */
    uint64_t messages, octets; /* written: how many so far */
    uint32_t mailbox;          /* written: where they are */
    uint64_t modseq;           /* written */
    struct progress progress;
    uint32_t end_uid;             /* ours: what is removed from now on stays removed */
    struct retained_total before; /* ours: what the slices before this one restored */
};
enum store_error retained_restore(struct txn *txn, uint32_t mailbox, struct restore *restore);

/* ---- the administrator's limit ---- */

/* The most that an account's retained messages may take; what goes first goes before its day then. 0: no limit. */
void store_set_retention_limit(struct store *store, uint64_t octets);

#endif
