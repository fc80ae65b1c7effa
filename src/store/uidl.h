/*
 * store/uidl.h: how POP3's UIDLs look where import kept none, and since which message.
 *
 * Does     a UIDL once shown must never change (RFC 1939 7), but the setting "pop3.uidl" may: each maildrop keeps in a
 *          settings row "1 uw 500 dovecot", the first UID of each format.
 * Called   by pop3/ and by the export, on any thread.
 * Limits   LIMIT_POP3_UIDL_FORMATS.
 * Tested   tests/unit/store_settings.c, tests/e2e/test_pop3_policy.py
 */
#ifndef STORE_UIDL_H
#define STORE_UIDL_H

#include "base/limits.h"
#include "store/store.h"

/* UIDVALIDITY and UID as %08Xv%08Xu, %08Xu%08Xv, UID%u-%v, %v.%u. */
enum uidl_format { UIDL_UW, UIDL_DOVECOT, UIDL_COURIER, UIDL_CYRUS };

/* From the message with this UID on, UIDLs look so. */
struct uidl_range {
    uint32_t from_uid;
    uint8_t format;
};
struct uidl_ranges {
    uint32_t mailbox, uidvalidity;
    size_t count;
    struct uidl_range rows[LIMIT_POP3_UIDL_FORMATS];
};

/* "uw", "dovecot", "courier", "cyrus". */
bool uidl_format_read(struct view word, unsigned *format_r);

/* Those of a mailbox; count 0 if POP3 never showed it. */
enum store_error uidl_ranges_load(const struct reader *reader, const struct mailbox *mailbox,
                                  struct uidl_ranges *ranges_r);
enum store_error uidl_ranges_put(struct txn *txn, const struct uidl_ranges *ranges);
/* From the next message on as `format` says. True if that is a change: to be written before a UIDL is shown. */
bool uidl_ranges_extend(struct uidl_ranges *ranges, unsigned format, uint32_t uidnext);
/* At `out`, at most UIDL_OWN_OCTETS; how long. */
enum { UIDL_OWN_OCTETS = 40 };
size_t uidl_write(const struct uidl_ranges *ranges, uint32_t uid, char *out);
size_t uidl_put_decimal(char *out, uint64_t value);

/* The settings row's text, and back: as far as it is good. */
void uidl_ranges_write(const struct uidl_ranges *ranges, struct buffer *out);
void uidl_ranges_read(struct uidl_ranges *ranges, struct view text);

#endif
