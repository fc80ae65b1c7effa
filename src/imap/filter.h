/*
 * imap/filter.h: which mailboxes NOTIFY watches and ESEARCH searches: "(subtree (a b) subscribed)" (RFC 5465 6,
 * RFC 7377 2.2).
 *
 * A filter is a rule, not a list: it is asked anew whenever the mailboxes change. "inboxes" are the personal ones: a
 * subaddress can name any of them (RFC 5465 6.3).
 * Called   by notify_parse.c, notify_list.c and multisearch.c.
 * Limits   LIMIT_FILTER_NAMES of one command.
 * Tested   tests/e2e/test_cap_notify.py, test_cap_multisearch.py
 */
#ifndef IMAP_FILTER_H
#define IMAP_FILTER_H

#include "imap/private.h"

enum filter_kind {
    FILTER_SELECTED,
    FILTER_SELECTED_DELAYED,
    FILTER_PERSONAL,
    FILTER_SUBSCRIBED,
    FILTER_SUBTREE,
    FILTER_SUBTREE_ONE, /* RFC 7377 alone */
    FILTER_MAILBOXES
};
struct filter {
    enum filter_kind kind;
    struct view *names; /* canonical; those that can't be a mailbox's are left out */
    size_t count;
};
/* One filter with its names, in the arena. *names: how many the command had so far. */
bool filter_parse(struct arguments *a, size_t *names, struct filter *filter_r);
/* Not for the selected ones. */
bool filter_fits(const struct filter *filter, const struct mailbox_entry *entry);

#endif
