/*
 * admin/mbox.h: messages of an mbox file (mboxo, mboxrd), and how to write one (mboxrd).
 *
 * Does     finds From_ lines behind an empty line, takes ">From " back, reads and removes what mail programs keep in
 *          the header about flags (Status, X-Status, X-Keywords, X-UID, X-IMAP, X-IMAPbase, Content-Length). Pure
 *          functions over octets.
 * Tested   tests/unit/admin_mbox.c, fuzz/mbox.c
 */
#ifndef ADMIN_MBOX_H
#define ADMIN_MBOX_H

#include "base/buffer.h"
#include "store/store.h"

struct mbox_message {
    struct view octets; /* as in the file, without the From_ line and the empty line behind */
    int64_t date_utc_s; /* of the From_ line; 0: none */
};
/* Views into `file`. *at begins at 0; false at the end. */
bool mbox_next(struct view file, size_t *at, struct mbox_message *message_r);

enum { MBOX_KEYWORDS = 32 };
struct mbox_facts {
    uint8_t flags;
    uint32_t uid;                        /* X-UID; 0: none */
    uint32_t uidvalidity;                /* X-IMAP, X-IMAPbase; 0: none */
    bool is_internal;                    /* the folder's own data, not a message */
    struct view keywords[MBOX_KEYWORDS]; /* views into message.octets */
    size_t keyword_count;
};
/* The message itself is appended to out. */
void mbox_unpack(const struct mbox_message *message, struct buffer *out, struct mbox_facts *facts_r);

/* Appends one message: From_ line, flags as header fields, mboxrd quoting, LF. */
void mbox_pack(struct view message, int64_t date_utc_s, const struct mbox_facts *facts, struct buffer *out);

#endif
