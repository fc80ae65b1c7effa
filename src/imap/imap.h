/*
 * imap/imap.h: IMAP after login (RFC 3501, and the extensions that imap/commands.c lists), an engine for
 * session/session.h.
 *
 * Owns     the session's view of its selected mailbox, until the session ends.
 * Called   by process/mail.c, which hands it to session_adopt.
 * Limits   LIMIT_IMAP_*.
 * Tested   tests/unit/imap_*.c, tests/e2e/test_imap.py, fuzz/imap_command.c
 */
#ifndef IMAP_IMAP_H
#define IMAP_IMAP_H

#include "session/session.h"

extern const struct protocol_engine imap_engine;
/* Words that CAPABILITY leaves out from now on, with blanks between. On mail's main thread, while loops read. */
void imap_hide_capabilities(struct view words);

/* "imap.literals": LITERAL- is announced and kept (RFC 7888 5), not LITERAL+. Any thread. */
void imap_set_literal_minus(bool minus);

/* "imap.keepalive": from the next keep-alive on. Any thread. */
void imap_set_keepalive(uint64_t ms);
/* "imap.progress": from the next command on. Any thread. */
void imap_set_progress(uint64_t ms);

/* "imap.message_limit", "imap.save_limit": from the next command on; 0: none. Any thread. */
void imap_set_message_limits(uint32_t command, uint32_t saving);

/* "imap.shared_user": whose mailboxes stand under "Shared/"; empty: nobody's. On mail's main thread, while loops read.
 */
void imap_set_shared_user(struct view name);

#endif
