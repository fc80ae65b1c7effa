/*
 * base/wildcard.h: names against patterns with '*' (any octets) and '%' (any octets but '/').
 *
 * Does     one pass over the name for each octet of the pattern, so no pattern takes more than size times size steps.
 * Called   by LIST for mailboxes (RFC 3501 6.3.8), for annotations (RFC 5257 4.3); on any thread.
 * Fails    a pattern of more than WILDCARD_OCTETS fits nothing.
 * Tested   tests/unit/base_wildcard.c
 */
#ifndef BASE_WILDCARD_H
#define BASE_WILDCARD_H

#include "base/view.h"

enum { WILDCARD_OCTETS = 1024 };
bool wildcard_matches(struct view pattern, struct view name);
/* Does the pattern stand for more than one name? */
bool wildcard_is_in(struct view pattern);

#endif
