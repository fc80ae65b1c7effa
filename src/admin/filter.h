/*
 * admin/filter.h: which removals a person means: since when, by which protocol, of which mailbox, which UIDs.
 *
 * Does     reads --since, --from, --mailbox and --uid of the verbs undelete and log; names protocols. The *_read
 *          functions of texts are pure.
 * Called   on control threads of mail.
 * Tested   tests/unit/admin_filter.c, tests/e2e/test_undelete.py
 */
#ifndef ADMIN_FILTER_H
#define ADMIN_FILTER_H

#include "admin/serving.h"
#include "store/retention.h"

/* A date "2026-11-24", a time "2026-11-24T10:30" (with seconds, or a blank for the T), both UTC; or how long ago:
 * "90s", "30m", "12h", "3d". */
bool filter_time_read(struct view text, int64_t now_utc_s, int64_t *utc_s_r);
/* "pop", "pop3", "imap", "jmap", "admin", in any case. */
bool filter_by_read(struct view word, uint8_t *by_r);
/* "" for none. */
const char *filter_by_name(uint8_t by);
/* "3:7,9": adds them. */
bool filter_uids_read(struct view text, struct uidset *uids);

struct filter {
    int64_t since_utc_s; /* 0: whenever */
    uint8_t by;          /* 0: whoever */
    struct view mailbox; /* canonical, in the arena; empty: any */
    struct uidset *uids; /* null: all */
};
/* EX_OK, or what was said on stderr. filter_free in any case. */
int filter_read(struct serving *serving, struct arena *arena, struct filter *filter_r);
void filter_free(struct filter *filter);

#endif
