/*
 * imap/url.h: IMAP URLs (RFC 5092) that name a message or a part of one: read into their pieces, and the octets that
 * they name.
 *
 * Called   by append.c (CATENATE), urlauth.c and urlfetch.c, on the session's loop or its pool thread.
 */
#ifndef IMAP_URL_H
#define IMAP_URL_H

#include "imap/fetch.h"

struct imap_url {
    bool absolute;        /* "imap://user@host/...": else relative to this session */
    struct view user;     /* decoded; of an absolute one */
    struct view mailbox;  /* decoded, UTF-8; empty: the selected one */
    uint32_t uidvalidity; /* 0: not said */
    uint32_t uid;
    struct section section; /* with its partial, if there is one */
    /* RFC 4467: ";EXPIRE=" and ";URLAUTH=access:mechanism:token"; empty if not there. The rump ends behind access. */
    bool expires;
    int64_t expires_utc_s;
    struct view access, mechanism, token;
    size_t rump_octets;
};
/* False: it is no such URL. What it makes lies in the arena. */
bool imap_url_parse(struct arena *arena, struct view text, struct imap_url *url_r);
/* The message that it names, in that mailbox. STORE_NO_MAILBOX, STORE_NOT_FOUND, STORE_EXPUNGED. */
enum store_error url_message(const struct imap_url *url, const struct reader *reader, uint32_t mailbox,
                             struct message_row *row_r);

/* The octets that a URL names, on their way: zeroed but for url. */
struct url_reading {
    struct imap_url url;
    bool open;
    uint64_t email;
    uint64_t at, left;    /* of the message's octets */
    struct buffer chosen; /* HEADER.FIELDS: the octets themselves, and at is a place in it */
    bool is_chosen;
};
/*
 * Appends the next stretch to out. reading->left 0 and open: all was read. mailbox: the one that the URL names.
 * STORE_NOT_FOUND, STORE_NO_MAILBOX, STORE_EXPUNGED: it names nothing.
 */
enum store_error url_read(struct url_reading *reading, const struct reader *reader, uint32_t mailbox,
                          struct buffer *out);
void url_reading_free(struct url_reading *reading);

#endif
