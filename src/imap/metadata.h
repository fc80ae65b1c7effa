/*
 * imap/metadata.h: which entries of METADATA a client wants, and telling them: for GETMETADATA, and for LIST (RFC
 * 9590).
 *
 * Called   by metadata.c and list.c.
 */
#ifndef IMAP_METADATA_H
#define IMAP_METADATA_H

#include "imap/private.h"

struct metadata_wanted {
    uint32_t depth; /* 0, 1 or UINT32_MAX */
    bool has_max;
    uint64_t max_octets;
    struct view *names;
    size_t count;
};
/* One name of an entry, in small letters. */
bool metadata_take_name(struct arguments *a, struct view *name_r);
/* "MAXSIZE 1024 DEPTH 1)", behind its parenthesis. */
bool metadata_take_options(struct arguments *a, struct metadata_wanted *wanted);
/* "/shared/comment" or "(/shared/comment /private/comment)". */
bool metadata_take_entries(struct arguments *a, struct metadata_wanted *wanted);
/* A METADATA response, if there is anything to say. mailbox 0: of the account. *longest: raised to the longest left
 * out. */
enum store_error metadata_respond(struct imap *imap, const struct reader *reader, const struct metadata_wanted *wanted,
                                  struct view name, uint32_t mailbox, uint64_t *longest);

#endif
