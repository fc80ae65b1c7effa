/*
 * store/history.h: who removed, moved or took back what: the answer to "who deleted my mail?".
 *
 * Does     one entry a command (or a slice of it): when, by which protocol, from where, in which mailbox, which
 *          messages. Subjects are not in it: the email number leads to them while the message is anywhere in the
 *          account, or retained. Kept for retention.log_days, and so long as no newer ones need the room.
 * Called   on any thread; the cursor holds a place and one entry's copy, so it outlives a wait.
 * Limits   LIMIT_HISTORY_NAME, LIMIT_HISTORY_ENTRIES.
 * Tested   tests/unit/store_history.c, fuzz/rows.c, tests/e2e/test_undelete.py
 */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include "store/store.h"

enum history_action {
    HISTORY_EXPUNGED = 1,
    HISTORY_MOVED,
    HISTORY_GONE_WITH_MAILBOX,
    HISTORY_MAILBOX_DELETED,
    HISTORY_MAILBOX_RENAMED,
    HISTORY_RESTORED
};

struct history_entry {
    int64_t at_utc_s;
    uint64_t modseq;
    uint8_t action; /* enum history_action */
    struct removal who;
    uint32_t mailbox, to_mailbox; /* ids; to_mailbox for MOVED and RESTORED, else 0 */
    struct view path, to_path;    /* names at that time, cut; to_path for MOVED and RENAMED */
    uint32_t to_uid;              /* the first UID that they got there, by one each; else 0 */
    struct view messages;         /* packed: history_message */
    uint32_t uid;                 /* history_message's place */
    uint64_t email;
};

struct history_message {
    uint32_t uid, to_uid; /* to_uid 0: nowhere */
    uint64_t email;
};
/* One message after the other, by UID; false at the end. */
bool history_message(struct history_entry *entry, struct history_message *message_r);

/* From a time on, the oldest first. */
struct history_cursor;
struct history_cursor *history_cursor_new(const struct reader *reader, int64_t since_utc_s);
/* STORE_NOT_FOUND at the end. Views live until the next call. */
enum store_error history_cursor_next(struct history_cursor *cursor, struct history_entry *entry_r);
void history_cursor_free(struct history_cursor **cursor);

/* How many entries there are. */
enum store_error history_count(const struct reader *reader, uint64_t *count_r);

/* How long entries are kept; and the end of those that are older. Waits: called hourly by mail. */
void store_set_history_days(struct store *store, uint32_t days);
enum store_error store_purge_history(struct store *store, int64_t now_utc_s);

#endif
