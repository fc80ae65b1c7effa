/*
 * imap/list.h: a line of LIST, and what others share, for the commands that tell of mailboxes.
 *
 * Called   by list.c, mailboxes.c, select.c, multisearch.c, notify_list.c.
 */
#ifndef IMAP_LIST_H
#define IMAP_LIST_H

#include "imap/place.h"

/* An untagged LIST of one mailbox (RFC 9051 6.3.2 to 6.3.6), with this attribute ("": none) and those of it. `sent` is
 * what the client called it: told as OLDNAME if it is another name (RFC 9051 6.3.9.7). */
void list_write_one(struct imap *imap, const char *attribute, const struct mailbox *mailbox, struct view path,
                    struct view sent);
bool list_is_other_name(struct view path, struct view sent);

/* ---- list_foreign.c: mailboxes that others share with the user ---- */

struct list_foreign {
    struct arena *arena; /* the caller's; null: the command's */
    bool begun, ready;
    bool incomplete;   /* auth is away: some that are shared aren't there */
    struct facts self; /* its groups */
    struct view shared_user;
    uint64_t shared_account;
    uint64_t *owners;
    size_t owner_count, at;
    struct mailbox_entry *entries;
    size_t count;
};
/*
 * Adds them, with parents that are no mailboxes of this user's, to the entries of mailbox_list; what is subscribed to
 * and shared becomes one. STEP_DONE: all there is. What can't be found out isn't listed: LIST doesn't fail for it
 * (RFC 4314 4).
 */
enum step_result list_add_foreign(struct imap *imap, struct step_context *context, struct list_foreign *foreign,
                                  struct mailbox_entry **entries, size_t *count);

#endif
