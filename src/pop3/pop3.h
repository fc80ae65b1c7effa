/*
 * pop3/pop3.h: POP3 after login (RFC 1939, 2449), an engine for session/session.h.
 *
 * Does     locks the maildrop, takes a snapshot of it (16 octets a message), serves it, and does with what was marked
 *          what the account's policy says, when QUIT is said, not before.
 * Owns     the lock and the snapshot, until the session ends for whatever reason.
 * Called   by process/mail.c, which hands it to session_adopt.
 * Limits   LIMIT_POP3_LINE, LIMIT_POP3_IDLE_MS, LIMIT_POP3_UIDL_FORMATS.
 * Tested   tests/unit/pop3.c, tests/e2e/test_pop3.py, test_pop3_policy.py
 *
 * A login name may say more than the account: "recent:ann" sees the last LIMIT_POP3_RECENT_DAYS days whatever other
 * clients did; "ann#Folder" opens another mailbox. auth takes the name out and gives us the rest as `maildrop`:
 * "recent:#Folder".
 */
#ifndef POP3_POP3_H
#define POP3_POP3_H

#include "session/session.h"

extern const struct protocol_engine pop3_engine;

/* ---- policy ---- */

enum pop3_policy_item { POP3_DELETE, POP3_RETRIEVE, POP3_UIDL, POP3_POLICIES };
enum pop3_delete { POP3_DELETE_REMOVE, POP3_DELETE_TRASH, POP3_DELETE_ARCHIVE, POP3_DELETE_HIDE };
enum pop3_retrieve { POP3_RETRIEVE_NOTHING, POP3_RETRIEVE_SEEN };
/* POP3_UIDL: enum uidl_format (store/uidl.h). */
struct pop3_policy {
    unsigned value[POP3_POLICIES];
};
/* Takes one setting ("pop3.delete", "trash"); false, and nothing changed, if the name or the word is unknown. */
bool pop3_policy_read(struct pop3_policy *policy, struct view name, struct view word);
const char *pop3_policy_name(enum pop3_policy_item item);
/* The administrator's, for accounts that say nothing. Any thread. */
void pop3_defaults_set(const struct pop3_policy *policy, uint32_t login_delay_s);

/* ---- refusals ---- */

/* Why a maildrop can't be had now: the reason when session_adopt returned null. */
enum pop3_lock { POP3_FREE, POP3_IN_USE, POP3_TOO_SOON };
enum pop3_lock pop3_lock_state(uint64_t account, struct view maildrop);

#endif
