/*
 * imap/place.h: where a command works: a mailbox, the account that it is in, and what the user may do there.
 *
 * Three namespaces (RFC 2342): one's own mailboxes; "Other Users/NAME/..." for what other users share; "Shared/..." for
 * the mailboxes of the one account that the administrator set up for sharing (imap.shared_user). An own mailbox of such
 * a name, as an import may bring it, comes first.
 *
 * Whoever may not look a mailbox up is told the same as if it weren't there (RFC 4314 6): every command that takes a
 * name gets its mailbox here, and must say which rights it needs.
 * Called   by every command that takes the name of a mailbox, and by engine.c for the selected one.
 */
#ifndef IMAP_PLACE_H
#define IMAP_PLACE_H

#include "imap/private.h"
#include "store/acl.h"

#define PLACE_OTHERS "Other Users"
#define PLACE_SHARED "Shared"

/* Beside enum right: at least one of those that MYRIGHTS wants (RFC 4314 4). */
enum { RIGHT_ANY = 1 << 16 };

struct place {
    uint64_t account;
    struct mailbox mailbox;
    struct view path; /* its name within that account */
    uint32_t rights;  /* enum right; the owner has all */
};
/*
 * The mailbox of a name as arguments_mailbox gave it (`valid` too), if the user has all rights of `needs`. STEP_DONE:
 * *error_r says whether, and place_r is set if so: STORE_NO_MAILBOX, STORE_NO_RIGHT. Else it is what the step returns,
 * and the next step asks again.
 */
enum step_result place_find(struct imap *imap, struct step_context *context, struct view name, bool valid,
                            uint32_t needs, struct place *place_r, enum store_error *error_r);
/* The same for names that hold messages: one that is only a parent isn't there. */
enum step_result place_find_mailbox(struct imap *imap, struct step_context *context, struct view name, bool valid,
                                    uint32_t needs, struct place *place_r, enum store_error *error_r);
/* Whose eyes a name is seen with. */
struct place_user {
    uint64_t account;
    struct view name;
};
/* As place_find_mailbox, but with the names and rights of somebody else than the session's user: of who signed a URL
 * (RFC 4467 1). The name is a valid one. */
enum step_result place_find_mailbox_of(struct imap *imap, struct step_context *context, const struct place_user *who,
                                       struct view name, uint32_t needs, struct place *place_r,
                                       enum store_error *error_r);
/* Where a mailbox of that name may be made: account and path. Wants "k" of the nearest parent (RFC 4314 4). */
enum step_result place_find_new(struct imap *imap, struct step_context *context, struct view name,
                                struct place *place_r, enum store_error *error_r);
/* Whose mailbox a foreign name is, whatever one may do there, and whether it is there or not: for the administrator
 * alone. STORE_NO_MAILBOX: nobody's. */
enum step_result place_find_account(struct imap *imap, struct step_context *context, struct view name,
                                    struct facts *facts_r, enum store_error *error_r);
/* Is it a name of the other namespaces? */
bool place_is_foreign_name(struct view name);
bool place_is_own(const struct imap *imap, const struct place *place);
bool place_is_selected(const struct imap *imap, const struct place *place);
struct reader place_reader(const struct imap *imap, const struct step_context *context, const struct place *place);
/* Whose mailboxes "Shared/" holds, in the arena; empty: nobody's. */
struct view place_shared_user(struct arena *arena);

/* ---- rights ---- */

/* What the user may do in a mailbox. Waits for auth if the mailbox is shared with groups. */
enum step_result rights_find(struct imap *imap, struct step_context *context, uint64_t account, uint32_t mailbox,
                             uint32_t *rights_r, enum store_error *error_r);
/* What that account may do in a mailbox of `owner`. */
enum step_result rights_find_of(struct imap *imap, struct step_context *context, uint64_t who, uint64_t owner,
                                uint32_t mailbox, uint32_t *rights_r, enum store_error *error_r);
enum store_error rights_judge(uint32_t rights, uint32_t needs);
/* The system flags that these rights let one change. */
uint8_t rights_flags(uint32_t rights);
/* "* MYRIGHTS name rights": acl.c; for LIST too (RFC 8440). */
void acl_write_myrights(struct imap *imap, struct view name, uint32_t rights);
/* What a step does with an answer about users. STEP_DONE: *error_r, STORE_NO_MAILBOX for nobody. */
enum step_result rights_facts(struct step_context *context, enum facts_result result, enum store_error *error_r);

#endif
