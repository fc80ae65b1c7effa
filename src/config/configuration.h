/*
 * config/configuration.h: the configuration file, read and checked against the schema.
 *
 * Does     reads with libconfig, walks its tree, reports ALL unknown keys and bad values at once as "file:line: key:
 *          what, why"; gives canonical values; prints them, the sample file and the man page.
 * Owns     its values.
 * Called   by the supervisor and by the command line; one thread.
 * Fails    problems are sentences in a buffer, never an exit.
 * Tested   tests/unit/config_file.c
 *
 * The words of libconfig begin with config_, so ours begin with configuration_.
 */
#ifndef CONFIG_CONFIGURATION_H
#define CONFIG_CONFIGURATION_H

#include "config/schema.h"
#include <stdio.h>

struct configuration;

/*
 * The path to read: `given` (from -c), else $WAXWING_CONFIG, else $XDG_CONFIG_HOME/waxwing/waxwing.conf of an ordinary
 * user if that is there, else /etc/waxwing/waxwing.conf. *required_r: somebody asked for this file by name.
 */
void configuration_path(const char *given, char *path_r, size_t size, bool *required_r);

/*
 * Null if there is any problem; problems gets one line each. A file that isn't there is one, unless it isn't required:
 * then everything is at its default.
 */
struct configuration *configuration_load(const char *path, bool required, struct buffer *problems);
void configuration_free(struct configuration **configuration);

/* Canonical values; a name that the schema doesn't have is BUG(). data, host_name and control.socket are filled in. */
const char *configuration_text(const struct configuration *configuration, const char *name);
uint64_t configuration_u64(const struct configuration *configuration, const char *name);
bool configuration_bool(const struct configuration *configuration, const char *name);
/* The file says so, rather than the default. */
bool configuration_is_set(const struct configuration *configuration, const char *name);
/* As --data does: over what the file says. False: not an absolute path. */
bool configuration_set_data(struct configuration *configuration, const char *path);

/* "name=value" lines of what is marked for these roles. */
void configuration_for(const struct configuration *configuration, unsigned roles, struct buffer *text_r);
/* Names whose values differ and need a restart, separated by blanks; empty if none. */
void configuration_restart_needed(const struct configuration *before, const struct configuration *after,
                                  struct buffer *names_r);

/* `config check`: 0, or 78 with the problems on err. */
int configuration_check(const char *path, bool required, FILE *out, FILE *err);
/* `config show`: what differs from the defaults, or all. origin: where each value comes from. */
void configuration_show(const struct configuration *configuration, bool all, bool origin, FILE *out);
/* A file with every setting, commented out, at its default. */
void configuration_sample(FILE *out);
/* The settings section of waxwing.conf(5), in mdoc. */
void configuration_man(FILE *out);

#endif
