/*
 * ipc/words.h: the words of a CONTROL_RUN: the verb, arguments, options.
 *
 * Owns     a copy of the octets; the words point into it until words_free.
 * Called   by auth/control.c and admin/serve.c, each on its own thread.
 * Fails    with false: the last word isn't ended, or there are more than WORDS_MAX.
 * Tested   tests/unit/ipc_words.c
 */
#ifndef IPC_WORDS_H
#define IPC_WORDS_H

#include "base/view.h"

enum { WORDS_MAX = 64 };

struct words {
    char *memory;
    const char *words[WORDS_MAX]; /* the first is the verb */
    size_t count;
};

/* arguments: each ended by a NUL. On false too, words_free is due. */
bool words_take(struct words *words, struct view arguments);
void words_free(struct words *words);

/* Null before words_take. */
const char *words_verb(const struct words *words);
/* The n-th word behind the verb that is no option; null if there are fewer. Behind "--" nothing is an option. */
const char *words_argument(const struct words *words, size_t n);
/* The value of the n-th "--name=value" ("" for "--name"), or null. */
const char *words_option(const struct words *words, const char *name, size_t n);

#endif
