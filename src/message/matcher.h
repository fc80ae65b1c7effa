/*
 * message/matcher.h: texts looked for in one message (RFC 9051 6.4.4: SEARCH TEXT, BODY, HEADER).
 *
 * Does     substrings of the decoded text, both folded by i;unicode-casemap.
 * Called   by service.c, on parse's only thread.
 * Tested   tests/unit/message_summary.c, fuzz/match.c
 */
#ifndef MESSAGE_MATCHER_H
#define MESSAGE_MATCHER_H

#include "digest/match.h"

/* Appends one octet a key, 1 or 0. */
void matcher_run(struct view message, const struct match_key *keys, size_t count, struct buffer *bits);

#endif
