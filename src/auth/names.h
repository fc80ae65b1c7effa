/*
 * auth/names.h: user names and addresses in the one form in which they are compared.
 *
 * Does     NFKC_Casefold by ICU (plain ASCII without it), splits addresses, tells what may be a name.
 * Called   on auth's loop.
 * Tested   tests/unit/auth_names.c
 */
#ifndef AUTH_NAMES_H
#define AUTH_NAMES_H

#include "base/limits.h"
#include "base/view.h"

enum { NAME_SIZE = LIMIT_USER_OCTETS + 1 };

/* False: empty, too long, not UTF-8, or with control characters. out is zero-terminated. */
bool name_canonical(struct view name, char out[NAME_SIZE]);
/* Stricter, for new accounts: no white space, none of '"', '<', '>', '(', ')', '\\', '/', ','; at most one '@'; and
 * nothing that means others in an access control list: "anyone", "$...", "-...". */
bool name_is_allowed(const char *canonical);
/* The same for a group, of at most LIMIT_GROUP_OCTETS. */
bool name_is_group(const char *canonical);

struct address {
    struct view local, detail, domain; /* into the canonical text */
};
/* local[separator detail]@domain; without '@' all is local. The last '@' counts. separator 0: no details. */
struct address address_split(struct view canonical, char separator);
/* Before the walls. */
bool names_warm_up(void);

#endif
