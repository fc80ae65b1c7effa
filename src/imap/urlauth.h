/*
 * imap/urlauth.h: is this URL one that was signed here, for this user, and still good (RFC 4467)?
 *
 * Called   by urlfetch.c, on the session's loop or its pool thread.
 */
#ifndef IMAP_URLAUTH_H
#define IMAP_URLAUTH_H

#include "imap/url.h"

/* Where a valid URL points. */
struct urlauth_grant {
    struct imap_url url;
    uint64_t account;
    uint32_t mailbox;
};
/* STORE_OK: it is. STORE_WOULD_BLOCK: ask again in the pool. Any other: it isn't, and nobody is told why. */
enum store_error urlauth_check(struct imap *imap, struct view text, struct step_context *context,
                               struct urlauth_grant *grant_r);

#endif
