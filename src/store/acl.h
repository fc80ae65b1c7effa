/*
 * store/acl.h: who else may do what in a mailbox (RFC 4314).
 *
 * Does     one row a mailbox, in its owner's account, which names accounts, groups and "anyone". The owner may do
 *          everything and stands in no row, so whoever shares nothing pays nothing. A rename keeps the row (it hangs on
 *          the mailbox's id), a delete drops it, a new mailbox begins with a copy of its parent's. Beside it, in
 *          account 0, stands whose mailboxes name whom: where LIST looks for what is shared. That list is never too
 *          short, and may be too long.
 * Called   reads on any thread; acl_change and acl_note inside mutation.run.
 * Limits   LIMIT_ACL_ENTRIES of a mailbox, LIMIT_SHARED_ACCOUNTS that share with one.
 * Tested   tests/unit/store_acl.c, tests/e2e/test_cap_acl.py
 */
#ifndef STORE_ACL_H
#define STORE_ACL_H

#include "store/store.h"

/* RFC 4314 2.1. */
enum right {
    RIGHT_LOOKUP = 1,
    RIGHT_READ = 2,
    RIGHT_SEEN = 4,
    RIGHT_WRITE = 8,
    RIGHT_INSERT = 16,
    RIGHT_POST = 32,
    RIGHT_CREATE = 64,
    RIGHT_DELETE_MAILBOX = 128,
    RIGHT_DELETE = 256,
    RIGHT_EXPUNGE = 512,
    RIGHT_ADMINISTER = 1024,
    RIGHT_ANNOTATE = 2048, /* shared annotations of messages: RFC 5257 3.4 */
    RIGHTS_ALL = 4095
};
/* "lrs"; "c" and "d" mean "kx" and "te" (RFC 4314 2.1.1). False: some letter is no right. */
bool rights_read(struct view text, uint32_t *rights_r);
/* With "c" and "d" where any of theirs is there. */
void rights_write(uint32_t rights, struct buffer *out);

enum acl_kind { ACL_ACCOUNT = 1, ACL_GROUP, ACL_ANYONE };
struct acl_entry {
    uint8_t kind;
    bool negative; /* these rights are taken away */
    uint64_t account;
    struct view group;
    uint32_t rights;
};
struct acl {
    struct acl_entry *entries;
    size_t count;
};
/* Count 0: nobody but the owner. */
enum store_error acl_read(const struct reader *reader, struct arena *arena, uint32_t mailbox, struct acl *acl_r);
/* All that is granted, less all that is taken away. groups: those that the account is in. */
uint32_t acl_rights(const struct acl *acl, uint64_t account, const struct view *groups, size_t group_count);
bool acl_has_groups(const struct acl *acl);

enum acl_how { ACL_REPLACE, ACL_ADD, ACL_REMOVE };
/* entry->rights go into the entry of that name; one without rights goes. STORE_LIMIT. */
enum store_error acl_change(struct txn *txn, uint32_t mailbox, const struct acl_entry *entry, enum acl_how how);

/* ---- whose mailboxes name whom: account 0 ---- */

/* In a mutation of ACL_INDEX_ACCOUNT, before acl_change of the owner's: some mailbox of `owner` names the entry. Who
 * watches that account hears when it is the first. */
enum { ACL_INDEX_ACCOUNT = 0 };
enum store_error acl_note(struct txn *txn, const struct acl_entry *entry, uint64_t owner);
/* False without a read: surely nobody shares with this account, or with any group. */
bool acl_may_be_shared_with(struct store *store, uint64_t account);
bool acl_may_be_shared_with_groups(struct store *store);
/* The accounts that may share something, ascending, in the arena. */
enum store_error acl_owners(struct store *store, enum read_mode mode, struct arena *arena, uint64_t account,
                            const struct view *groups, size_t group_count, uint64_t **owners_r, size_t *count_r);

/*
 * The mailboxes of the reader's account that somebody may look up: appended to entries, with their rights and whose
 * they are, but without flags and uses, which are their owner's. At most `room` of them in all.
 */
enum store_error acl_shared(const struct reader *reader, struct arena *arena, uint64_t account,
                            const struct view *groups, size_t group_count, struct mailbox_entry *entries, size_t *count,
                            size_t room);

/* ---- the row ---- */

void acl_row_write(const struct acl *acl, struct buffer *out);
/* Entries in the arena, group names in the row's octets. */
bool acl_row_read(struct view octets, struct arena *arena, struct acl *acl_r);

#endif
