/*
 * store/annotation.h: annotations of messages (RFC 5257): short texts under names, shared or of one person alone.
 *
 * Does     one row an annotation, in the account that the mailbox is in, keyed by mailbox, UID, whose it is, and a hash
 *          of its name. A change takes a modseq and stands in the log of changes as one of flags does, so CONDSTORE and
 *          QRESYNC hear of it. What is removed leaves a row without a value, so that other sessions can be told its
 *          name; the oldest of those go when there are many. One row counts all of an account. Rows of a message that
 *          is expunged stay where they are while it is retained, and count no longer; restore takes them along, purge
 *          deletes them. The price for whoever has no annotations: one look for that one row where messages are
 *          expunged, moved, copied, restored or purged, a slice; none where they are read or delivered.
 * Called   reads on any thread; message_annotate inside mutation.run.
 * Limits   LIMIT_ANNOTATION_OCTETS, LIMIT_ANNOTATIONS, LIMIT_ANNOTATION_ROWS, LIMIT_ANNOTATION_MESSAGE of a message;
 *          store_set_annotation_limit of an account.
 * Tested   tests/unit/store_annotation.c, tests/e2e/test_cap_annotate_experiment_1.py
 */
#ifndef STORE_ANNOTATION_H
#define STORE_ANNOTATION_H

#include "store/keys.h"
#include "store/store.h"

enum { ANNOTATION_SHARED = 0 }; /* the owner of what is everybody's: no account has that number */
enum { ANNOTATION_LIMIT_DEFAULT = 4 << 20, ANNOTATION_LIMIT_MOST = 1 << 30 };

struct annotation {
    struct view entry, value; /* "/comment"; any octets */
    uint64_t owner;           /* whose it is: an account, or ANNOTATION_SHARED */
    uint64_t modseq;          /* of its last change */
    bool removed;             /* it has no value: to be removed, or was */
};

/* ---- reading ---- */

/*
 * What `person` may see of a message, by name, in the arena; removed ones too. The arena has room for
 * 2 * LIMIT_ANNOTATION_MESSAGE octets, or for what is there: STORE_LIMIT.
 */
struct annotations {
    struct annotation *rows;
    size_t count;
};
enum store_error annotations_read(const struct reader *reader, struct arena *arena, uint32_t mailbox, uint32_t uid,
                                  uint64_t person, struct annotations *annotations_r);

/* All of a mailbox that have values, for `person`, a page a call, by ascending UID; zeroed to begin. */
struct annotation_place {
    struct key next;
    bool begun, at_end;
};
/* Views live during the call. */
typedef void annotation_row(void *ctx, uint32_t uid, const struct annotation *annotation);
enum store_error annotations_each(const struct reader *reader, uint32_t mailbox, uint64_t person,
                                  struct annotation_place *place, annotation_row *each, void *ctx);

struct annotation_total {
    uint64_t octets; /* of names and values: what counts to the limit */
    uint64_t others; /* how many of them are private ones of others than the owner: at most half of the limit */
    uint64_t rows;   /* removed ones too */
    uint64_t kept, kept_rows; /* the same of messages that are retained: no part of octets */
    uint64_t limit;           /* of this account; 0: the store's */
};
/* No rows, and none kept: no other row need be looked for. */
enum store_error annotation_total(const struct reader *reader, struct annotation_total *total_r);
/* What the annotations of one account may take, in octets, where the account has no limit of its own. Any thread. */
void store_set_annotation_limit(struct store *store, uint64_t octets);
/* What holds for an account with this total. */
uint64_t annotation_limit(struct store *store, const struct annotation_total *total);

/* ---- changing (inside mutation.run) ---- */

/* The account's own limit; 0: the store's. At most ANNOTATION_LIMIT_MOST. */
enum store_error annotation_put_limit(struct txn *txn, uint64_t octets);

struct annotation_change {
    const struct annotation *rows; /* entry, value, owner, removed; each of entry and owner once */
    size_t count;
    bool check_modseq; /* UNCHANGEDSINCE (RFC 7162 3.1.3) */
    uint64_t unchanged_since;
    struct uidset *changed; /* written: UIDs on which something is different now */
    struct uidset *refused; /* written: UIDs that failed UNCHANGEDSINCE */
    uint64_t modseq;        /* written: 0 if nothing changed */
    struct progress progress;
};
/*
 * Of all the messages of the set, in slices (STORE_MORE: call again); each message is changed whole or not.
 * STORE_LIMIT: some message would have too many. STORE_OVER_QUOTA: the account would. What came in slices before stays.
 */
enum store_error message_annotate(struct txn *txn, uint32_t mailbox, const struct uidset *uids,
                                  struct annotation_change *change);

/* ---- for the other files of store/ ---- */

/* One mutation's work with annotations. */
struct changing_annotation;
struct annotating {
    struct annotation_total total;
    bool dirty;
    uint64_t octets;                  /* read and written so far */
    struct changing_annotation *rows; /* one message's at a time; in the txn's arena */
    /* between them no message of the mailbox has any */
    uint32_t mailbox, none_from, next_uid;
};
enum store_error annotating_begin(struct txn *txn, struct annotating *a);
enum store_error annotating_end(struct txn *txn, struct annotating *a);
/* The slice should end before the next message: a write set has room for one of the largest, no more. */
bool annotating_is_full(struct txn *txn, const struct annotating *a);

/* A new message's: rows as in struct annotation_change. */
enum store_error annotations_add(struct txn *txn, struct annotating *a, uint32_t mailbox, uint32_t uid, uint64_t modseq,
                                 const struct annotation *rows, size_t count);
/* The message is retained from now on. */
enum store_error annotations_retain(struct txn *txn, struct annotating *a, uint32_t mailbox, uint32_t uid);
/* All of a message that goes for good; `kept`: it was retained. */
enum store_error annotations_forget(struct txn *txn, struct annotating *a, uint32_t mailbox, uint32_t uid, bool kept);

/* From a message to its copy, which has none yet. */
struct annotation_carry {
    uint32_t mailbox, uid, to_mailbox, to_uid;
    uint64_t modseq;
    bool shared, everybodys; /* the shared ones; everybody's private ones */
    uint64_t person;         /* whose private ones; 0: nobody's */
    bool moves, kept;        /* the message goes; it was retained */
};
enum store_error annotations_carry(struct txn *txn, struct annotating *a, const struct annotation_carry *carry);
/* What annotations_carry would add to the total of the account. */
enum store_error annotations_weigh(struct txn *txn, struct annotating *a, const struct annotation_carry *carry,
                                   struct annotation_total *sum);
bool annotations_fit(struct txn *txn, const struct annotation_total *total, const struct annotation_total *more);

/* ---- the rows ---- */

void annotation_row_write(const struct annotation *annotation, struct buffer *out);
/* All but the owner, which stands in the key. */
bool annotation_row_read(struct view octets, struct annotation *annotation_r);
bool annotation_total_read(struct view octets, struct annotation_total *total_r);
bool annotation_key_read(struct view key, uint32_t *mailbox_r, uint32_t *uid_r, uint64_t *owner_r);
/* What one counts: nothing without a value. */
static inline uint64_t annotation_weight(const struct annotation *annotation)
{
    return annotation->removed ? 0 : annotation->entry.size + annotation->value.size;
}

#endif
