/*
 * store/annotation_private.h: what annotation.c and annotation_carry.c share.
 */
#ifndef STORE_ANNOTATION_PRIVATE_H
#define STORE_ANNOTATION_PRIVATE_H

#include "base/limits.h"
#include "store/annotation.h"
#include "store/private.h"

/* What one person sees of a message: what is shared and their own, with and without values. */
enum { ANNOTATIONS_SEEN = 4 * LIMIT_ANNOTATIONS };

/* Everybody's of one message. */
struct changing_annotation {
    struct annotation annotation;
    uint64_t was; /* what it counted */
    bool changed, is_new, gone;
};
struct message_annotations {
    struct changing_annotation *rows;
    size_t count;
    uint64_t octets;
};
/* There is room for 2 * LIMIT_ANNOTATION_NAMES more. Without `values` these are no more than their sizes. */
enum store_error annotations_load(struct txn *txn, struct annotating *a, uint32_t mailbox, uint32_t uid, bool values,
                                  struct message_annotations *loaded_r);

struct key annotations_key(uint32_t mailbox, uint32_t uid); /* of all of a message */
struct key annotation_key(uint32_t mailbox, uint32_t uid, uint64_t owner, struct view entry);
/* The row alone: the total is the caller's. */
enum store_error annotation_put(struct txn *txn, struct annotating *a, const struct key *key,
                                const struct annotation *annotation);
static inline bool annotation_is_others(struct txn *txn, const struct annotation *row)
{
    return row->owner != ANNOTATION_SHARED && row->owner != txn_account(txn);
}

#endif
