/*
 * base/keep.h: what was costly to find out, kept until there is no more room: shared values that nobody changes.
 *
 * Does     finds values by a short key; the one that was asked for longest ago goes first.
 * Owns     a reference to each value that it holds.
 * Called   on any thread: one lock, held for no longer than a look through the entries.
 * Limits   LIMIT_KEEP_ENTRIES; octets as keep_new is told. A value that takes more isn't kept.
 * Tested   tests/unit/base_keep.c
 */
#ifndef BASE_KEEP_H
#define BASE_KEEP_H

#include "base/view.h"
#include <stdatomic.h>

/* The first member of what is kept. Once it is shared, nothing of it changes but the count. */
struct kept {
    atomic_uint references;
    size_t octets; /* all that it takes */
    void (*free)(struct kept *value);
};
/* With one reference, the maker's. */
void kept_init(struct kept *value, size_t octets, void (*free)(struct kept *value));
/* Null is allowed. */
void kept_unref(struct kept *value);

enum { KEEP_KEY_OCTETS = 64 };

struct keep;
struct keep *keep_new(size_t octets);
void keep_free(struct keep **keep);
/* With a reference for the caller; null: it isn't there. */
struct kept *keep_take(struct keep *keep, struct view key);
/* Takes a reference of its own; what stood under the key goes. A key that is too long isn't kept. */
void keep_put(struct keep *keep, struct view key, struct kept *value);
size_t keep_octets(struct keep *keep);

#endif
