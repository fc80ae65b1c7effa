/*
 * config/settings.h: the settings that a role was told, by name.
 *
 * Does     keeps the "name=value" lines of IPC_SETTINGS and gives typed values.
 * Owns     its copy of the text. Replaced whole at a reload.
 * Called   on the role's main thread; reading from any thread while nobody replaces it.
 * Fails    a name that is not there gives the fallback: the supervisor checked every value already.
 * Tested   tests/unit/config_settings.c
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "base/view.h"

struct settings {
    char *text; /* the lines, each ended by zero, '=' replaced by zero */
    size_t size;
};

/* Copies. False if a line isn't "name=value"; then nothing changed. */
bool settings_set(struct settings *settings, struct view text);
void settings_free(struct settings *settings);
const char *settings_text(const struct settings *settings, const char *name, const char *fallback);
uint64_t settings_u64(const struct settings *settings, const char *name, uint64_t fallback);
bool settings_bool(const struct settings *settings, const char *name, bool fallback);
bool settings_is(const struct settings *settings, const char *name, const char *value);

#endif
