/*
 * auth/hash.h: password hashes: ours (Argon2id) and those that people bring along.
 *
 * Does     makes {ARGON2ID} hashes; verifies {SCHEME}text of other servers, with .b64 and .hex, through one table.
 * Called   on pool threads: an Argon2id costs about 20 ms and 19 MiB, a foreign one as much as its text asks for.
 * Fails    HASH_UNKNOWN for a scheme or text that can't be understood: then nobody logs in with it.
 * Tested   tests/unit/auth_hash.c (texts made by another server)
 */
#ifndef AUTH_HASH_H
#define AUTH_HASH_H

#include "base/view.h"

enum { HASH_TEXT_MAX = 512 };
enum hash_result { HASH_UNKNOWN, HASH_WRONG, HASH_GOOD };

/* Before the walls: whatever the libraries open or load late. False: no randomness. */
bool hash_warm_up(void);
/* "{ARGON2ID}$argon2id$..."; false if memory is short. */
bool hash_make(struct view password, char out[HASH_TEXT_MAX]);
/* name: the user's, which {DIGEST-MD5} is bound to. */
enum hash_result hash_verify(struct view text, struct view password, struct view name);
/* Not what hash_make would write today: make it anew at the next good login. */
bool hash_is_outdated(struct view text);
/* True if the scheme is one of the table; what `user add --hash` takes. */
bool hash_is_known(struct view text);

#endif
