/*
 * delivery/delivery.h: how a message gets in: stage, parse, mutate. For LMTP, APPEND and import (later Sieve,
 * submission, JMAP, bounces).
 *
 * Does     collects octets (memory to LIMIT_STAGE_MEMORY, then an unlinked spool file), normalises bare LF to CRLF,
 *          asks parse for the digest, makes the blob. Several staged messages may be in flight at once.
 * Owns     staged messages until staged_unref.
 * Called   on loops and admin threads; one owner at a time.
 * Tested   tests/e2e/test_lmtp.py
 */
#ifndef DELIVERY_DELIVERY_H
#define DELIVERY_DELIVERY_H

#include "delivery/parser.h"
#include "store/store.h"

struct staged;

/* spool: a descriptor of the spool folder (opened before the walls), -1: memory only up to the limit. */
struct stager {
    struct store *store;
    int spool_folder;
};

struct staged *staged_new(const struct stager *stager);
/* STORE_LIMIT beyond LIMIT_MESSAGE_OCTETS; STORE_FULL / STORE_IO from the spool file (then the message can only be
 * dropped). */
enum store_error staged_append(struct staged *staged, struct view octets);
/* The same without touching line ends: binary content (RFC 3516), parts of messages that are stored. */
enum store_error staged_append_exact(struct staged *staged, struct view octets);
uint64_t staged_octets(const struct staged *staged);
void staged_unref(struct staged **staged);

/*
 * Ends the message: digest by parse (opaque if parse dies of it twice, alone), blob for these accounts. done on `loop`;
 * after STORE_OK staged_digest and staged_blob are valid until staged_unref. STORE_BUSY: parse is unavailable (try
 * later, 4.3.2).
 */
struct staged_request {
    struct task task;
    struct staged *staged;
    struct parser *parser;
    struct loop *loop;
    const uint64_t *accounts;
    size_t account_count;
    int64_t utc_s; /* when the mail is of: what is old is packed at once */
    void (*done)(struct staged_request *request);
    enum store_error result;
};
void staged_finish(struct staged_request *request);
struct view staged_digest(const struct staged *staged);
struct blob *staged_blob(const struct staged *staged);

#endif
