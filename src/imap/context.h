/*
 * imap/context.h: results that last: RETURN (UPDATE) tells what comes and goes (RFC 5267 4.3).
 *
 * Does     keeps the program and the result of a SEARCH or SORT while its mailbox is selected; after each change looks
 *          at the messages that changed, and tells ADDTO and REMOVEFROM.
 * Owns     the list in imap->selected.contexts, each with an arena of its own, from the purse.
 * Called   by search.c and sort.c (a new one), sync.c (what changed), select.c (the mailbox is closed).
 * Limits   LIMIT_IMAP_CONTEXTS a session, LIMIT_CONTEXT_OCTETS of keys, LIMIT_SEARCH_MEMORY.
 * Tested   tests/e2e/test_cap_context.py
 */
#ifndef IMAP_CONTEXT_H
#define IMAP_CONTEXT_H

#include "imap/fetch.h"
#include "imap/search.h"

bool contexts_have_tag(const struct imap *imap, struct view tag);
/* Of a command that just found its result. criteria and order are null for SEARCH. Refused: NO [NOUPDATE]. */
void context_begin(struct searching *s, const struct order_program *criteria, const struct order *order);
/* An untagged NO [NOUPDATE]. */
void context_refuse(struct imap *imap, struct view tag, const char *why);
void contexts_free(struct imap *imap);

/* Before their EXPUNGE: these messages go. */
void contexts_tell_gone(struct imap *imap, const struct uidset *gone);
/* Behind EXISTS and FETCH: these changed, and those from first_new on are new. Until STEP_DONE. */
enum step_result contexts_step(struct imap *imap, struct step_context *context, const struct uidset *changed,
                               uint32_t first_new);
/* Of a message that came: bits of the searches that fit it and want items of it (RFC 5465 7). */
unsigned contexts_wanting(const struct imap *imap, uint32_t uid);
/* The items that those want. */
void contexts_add_items(const struct imap *imap, unsigned wanting, struct fetch *fetch);
/* The sync ends, finished or not. */
void contexts_rest(struct imap *imap);

#endif
