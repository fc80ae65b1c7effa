/*
 * ipc/words.c: see words.h.
 */
#include "ipc/words.h"
#include "base/memory.h"

#include <stdlib.h>

bool words_take(struct words *words, struct view arguments)
{
    *words = (struct words){0};
    if (arguments.size == 0 || arguments.data[arguments.size - 1] != 0)
        return false;
    words->memory = memory_copy(arguments.data, arguments.size);
    for (size_t at = 0; at < arguments.size; at += strlen(words->memory + at) + 1) {
        if (words->count == WORDS_MAX)
            return false;
        words->words[words->count++] = words->memory + at;
    }
    return true;
}

void words_free(struct words *words)
{
    free(words->memory);
    *words = (struct words){0};
}

const char *words_verb(const struct words *words)
{
    return words->words[0];
}

const char *words_argument(const struct words *words, size_t n)
{
    bool options = true;
    for (size_t i = 1; i < words->count; i++) {
        if (options && strcmp(words->words[i], "--") == 0) {
            options = false;
            continue;
        }
        if (options && strncmp(words->words[i], "--", 2) == 0)
            continue;
        if (n-- == 0)
            return words->words[i];
    }
    return NULL;
}

const char *words_option(const struct words *words, const char *name, size_t n)
{
    size_t size = strlen(name);
    for (size_t i = 1; i < words->count && strcmp(words->words[i], "--") != 0; i++) {
        const char *word = words->words[i];
        if (strncmp(word, "--", 2) != 0 || strncmp(word + 2, name, size) != 0)
            continue;
        if ((word[2 + size] == '=' || word[2 + size] == 0) && n-- == 0)
            return word[2 + size] == '=' ? word + 3 + size : "";
    }
    return NULL;
}
