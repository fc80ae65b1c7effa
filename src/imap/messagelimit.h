/*
 * imap/messagelimit.h: how many messages one command works on, if the administrator limits it (RFC 9738).
 *
 * Does     MESSAGELIMIT=n: FETCH, STORE, SEARCH, MOVE and UID EXPUNGE work on the n messages with the highest UIDs of
 *          those that they name, and their tagged OK says which was the lowest; COPY, APPEND, SORT and THREAD of more
 *          are refused. SAVELIMIT=n: COPY and APPEND alone. EXPUNGE and CLOSE know no limit, nor does ESEARCH.
 * Called   by those commands, on the session's loop or its pool thread.
 * Tested   tests/e2e/test_cap_messagelimit.py, test_cap_savelimit.py
 */
#ifndef IMAP_MESSAGELIMIT_H
#define IMAP_MESSAGELIMIT_H

#include "imap/private.h"

/* 0: there is none. */
uint32_t messagelimit_of_command(void);
/* Of COPY and APPEND, under either capability. */
uint32_t messagelimit_of_saving(void);
/* The words of CAPABILITY: " MESSAGELIMIT=1000", or nothing. */
void messagelimit_write_capability(struct buffer *out);

/* Leaves the `limit` highest UIDs of *set. The lowest of them, if any had to go; else 0, and nothing changed. */
uint32_t messagelimit_clip(struct uidset **set, uint32_t limit);
/* The tagged OK of a command that went down to `lowest` alone. */
void messagelimit_finish(struct imap *imap, uint32_t limit, uint32_t lowest);
/* The same, untagged: the tagged response has another code (RFC 9738 3.1). */
void messagelimit_tell(struct imap *imap, uint32_t limit, uint32_t lowest);
/* The tagged NO of a command that does all or nothing. lowest 0: it has no UIDs. */
void messagelimit_refuse(struct imap *imap, uint32_t limit, uint32_t lowest);

#endif
