/*
 * imap/resync.h: what a client that comes back must hear: VANISHED, and which messages can have changed (RFC 7162).
 *
 * Called   by select.c, fetch.c and sync.c.
 */
#ifndef IMAP_RESYNC_H
#define IMAP_RESYNC_H

#include "imap/private.h"

/* SELECT's (QRESYNC (uidvalidity modseq [known-uids [(numbers uids)]])) (RFC 7162 3.2.5). */
struct resync {
    bool wanted, has_known, has_match;
    uint64_t uidvalidity, modseq;
    struct ranges known, numbers, uids;
};
/* Behind the word QRESYNC. */
bool resync_parse(struct imap *imap, struct arguments *a, struct resync *resync);
/* The mailbox is open: SELECT goes on as a FETCH of what changed (RFC 7162 3.2.5.1), and answers as `code` and `text`
 * say. */
void resync_begin(struct imap *imap, const struct resync *resync, const char *code, const char *text);

/*
 * The messages of `set` whose modseq may be above `since`: those in the change log, and those that came since. A
 * modseq goes up with the UID where the log says nothing, so the latter are found by halving, not by a walk.
 * *vanished_r is what was expunged since. Both are the caller's to unref.
 */
enum store_error resync_candidates(struct imap *imap, const struct reader *reader, uint64_t since,
                                   const struct uidset *set, struct uidset **candidates_r, struct uidset **vanished_r);

/* "* VANISHED ..." in lines of bounded length, from *at on; true when all of the set was told. */
bool resync_tell_vanished(struct imap *imap, struct step_context *context, const struct uidset *set, bool earlier,
                          uint32_t *at, enum step_result *result_r);

#endif
