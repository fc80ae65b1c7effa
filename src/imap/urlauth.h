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
    uint64_t account; /* whose the mailbox is */
    uint32_t mailbox;
};
/* STEP_DONE: *error_r is STORE_OK if it is; if it is any other it isn't, and nobody is told why. Else what the step
 * returns, and the next step asks again. */
enum step_result urlauth_check(struct imap *imap, struct view text, struct step_context *context,
                               struct urlauth_grant *grant_r, enum store_error *error_r);

#endif
