/*
 * store/rows.h: the values behind the keys of store/keys.h, packed and read back.
 *
 * Does     each row begins with its version; numbers are varints (seven bits a group, least significant first), signed
 *          ones zigzag. Readers check everything: a row that is short, too long or out of range is STORE_CORRUPT, never
 *          a crash.
 * Called   by store/, on any thread.
 * Tested   tests/unit/store_model.c, fuzz/rows.c
 */
#ifndef STORE_ROWS_H
#define STORE_ROWS_H

#include "store/history.h"
#include "store/retention.h"

/* ---- varints ---- */

void row_u64(struct buffer *out, uint64_t value);
void row_i64(struct buffer *out, int64_t value);
void row_view(struct buffer *out, struct view v);
/* Sticky: after a short or bad number *good is false and all reads give 0. */
uint64_t row_read_u64(struct view *rest, bool *good);
uint32_t row_read_u32(struct view *rest, bool *good);
int64_t row_read_i64(struct view *rest, bool *good);
struct view row_read_view(struct view *rest, bool *good);

/* ---- A: the account ---- */

struct account_row {
    uint64_t modseq, next_email, octets, messages, emails;
    uint64_t quota_octets, quota_messages;
    uint32_t next_mailbox, last_uidvalidity, epoch, mailboxes;
    int64_t created_utc_s;
    uint64_t mailbox_list_modseq; /* the last change of the list of mailboxes */
};
void account_row_write(const struct account_row *row, struct buffer *out);
bool account_row_read(struct view octets, struct account_row *row_r);

/* ---- M: a mailbox ---- */

struct mailbox_row {
    uint32_t parent, uidvalidity, uidnext, messages, unseen, deleted, special_use, flags;
    uint64_t highestmodseq, octets;
    uint64_t floor_modseq; /* changes at or before it are not all told any more */
    uint32_t epoch;
    struct view name; /* in the row's octets */
};
void mailbox_row_write(const struct mailbox_row *row, struct buffer *out);
bool mailbox_row_read(struct view octets, struct mailbox_row *row_r);

/* ---- C: a chunk: the messages whose (UID - 1) / 64 is the same ---- */

enum { CHUNK_KEYWORDS = 256 };
struct chunk {
    uint32_t block;
    uint64_t present; /* bit i: UID block * 64 + 1 + i */
    uint64_t modseq_max;
    struct message_row rows[CHUNK_ROWS]; /* by bit; only those present mean anything */
};
static inline uint32_t chunk_block(uint32_t uid)
{
    return (uid - 1) / CHUNK_ROWS;
}
static inline unsigned chunk_bit(uint32_t uid)
{
    return (uid - 1) % CHUNK_ROWS;
}
void chunk_write(const struct chunk *chunk, struct buffer *out);
/* Fills rows of present messages only. */
bool chunk_read(uint32_t block, struct view octets, struct chunk *chunk_r);
/* The head alone: which messages, and the highest modseq. */
bool chunk_read_head(struct view octets, uint64_t *present_r, uint64_t *modseq_max_r);

/* ---- L: a change ---- */

enum change_kind { CHANGE_FLAGS = 1, CHANGE_VANISHED = 2 };
void change_write(enum change_kind kind, const struct uidset *uids, struct buffer *out);
/* Adds the runs to the set of its kind. */
bool change_read(struct view octets, struct uidset *flags, struct uidset *vanished);

/* ---- R: a retained message ---- */

void retained_write(const struct retained_row *row, struct buffer *out);
bool retained_read(struct view octets, uint32_t mailbox, uint32_t uid, struct retained_row *row_r);

/* ---- I: what all retained messages take ---- */

void retained_total_write(const struct retained_total *total, struct buffer *out);
bool retained_total_read(struct view octets, struct retained_total *total_r);

/* ---- Q: a deleted mailbox of which messages are retained ---- */

struct lost_mailbox {
    struct view path; /* in the row's octets */
    uint32_t special_use, flags;
};
void lost_mailbox_write(const struct lost_mailbox *row, struct buffer *out);
bool lost_mailbox_read(struct view octets, struct lost_mailbox *row_r);

/* ---- Y: who did it; time, modseq and action stand in the key ---- */

void history_write(const struct history_entry *entry, struct buffer *out);
/* Leaves what the key says as it is. */
bool history_read(struct view octets, struct history_entry *entry_r);

/* ---- E: an email ---- */

struct email_row {
    uint64_t thread;
    struct blob_location blob;
    int64_t received_utc_s;
    struct view digest;
};
void email_row_write(const struct email_row *row, struct buffer *out);
bool email_row_read(struct view octets, struct email_row *row_r);

#endif
