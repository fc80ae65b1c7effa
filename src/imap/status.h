/*
 * imap/status.h: the items of STATUS, which LIST can return too (RFC 3501 6.3.10, RFC 5819, RFC 8438).
 *
 * Called   by status.c and list.c.
 */
#ifndef IMAP_STATUS_H
#define IMAP_STATUS_H

#include "imap/private.h"

enum { STATUS_ITEMS_MAX = 16 };

struct status_items {
    uint8_t items[STATUS_ITEMS_MAX]; /* in the order asked for */
    size_t count;
    unsigned seen;
    uint32_t next_uid; /* DELETED-STORAGE: the place in the count, and the sum so far */
    uint64_t deleted_octets;
    bool unseen_known; /* of a mailbox of others: counted for this reader */
    uint32_t unseen;
};
/* "(MESSAGES UNSEEN)". */
bool status_items_parse(struct arguments *a, struct status_items *items);
/* What asking for them enables (RFC 7162 3.1). */
void status_items_enable(struct imap *imap, const struct status_items *items);
/* What is no counter of the mailbox: resumable, call until STEP_DONE. Then *error_r, or status_write may be called. */
enum step_result status_count(struct imap *imap, struct status_items *items, const struct reader *reader,
                              const struct mailbox *mailbox, struct step_context *context, enum store_error *error_r);
/* "* STATUS name (...)": from the mailbox's counters. */
void status_write(struct imap *imap, const struct status_items *items, struct view name, const struct mailbox *mailbox);

#endif
