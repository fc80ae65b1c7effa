/*
 * digest/match.h: the text searches that mail asks parse to do (SEARCH TEXT, BODY, HEADER): keys as octets.
 *
 * Does     writes and reads the list of keys that an IPC_MATCH carries. Each key asks whether a needle (UTF-8, folded
 *          by parse with i;unicode-casemap) occurs as a substring (RFC 9051 6.4.4) in a part of the decoded message.
 * Tested   tests/unit/digest.c
 */
#ifndef DIGEST_MATCH_H
#define DIGEST_MATCH_H

#include "base/buffer.h"

enum match_where { MATCH_TEXT = 1, MATCH_BODY, MATCH_HEADER };
struct match_key {
    uint8_t where;
    struct view field;  /* MATCH_HEADER: the field's name */
    struct view needle; /* UTF-8, not folded; empty: for MATCH_HEADER, does the field exist */
};
#define MATCH_KEYS_MAX 64
void match_keys_write(const struct match_key *keys, size_t count, struct buffer *out);
bool match_keys_read(struct view octets, struct match_key *keys, size_t max, size_t *count_r);

#endif
