/*
 * language/catalogue.h: the tables that language/say.c looks into, one a language, in strcmp's order of the English.
 */
#ifndef LANGUAGE_CATALOGUE_H
#define LANGUAGE_CATALOGUE_H

#include <stddef.h>

struct catalogue_entry {
    const char *english, *text;
};
struct catalogue {
    const struct catalogue_entry *entries;
    size_t count;
};
extern const struct catalogue catalogue_german;

#endif
