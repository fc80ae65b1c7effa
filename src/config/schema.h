/*
 * config/schema.h: every setting there is, in one table.
 *
 * Does     names each setting with its type, default, range, whether a reload is enough, which roles receive it, and
 *          one line of help. The reader, `config show`, the sample file and the man page are all made from this table.
 * Owns     static tables only.
 * Called   by everybody, on any thread.
 * Tested   tests/unit/config_schema.c
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include "base/buffer.h"

enum setting_type {
    SETTING_BOOL,
    SETTING_NUMBER,
    SETTING_OCTETS,  /* 10, 10K, 10M, 10G, 10T */
    SETTING_SECONDS, /* 10, 10s, 10m, 10h, 10d */
    SETTING_TEXT,
    SETTING_PATH,
    SETTING_CHOICE,
    SETTING_MODE,   /* permissions in octal, as text: "0660" */
    SETTING_ADDRESS /* a list of address:port */
};

/* Which roles are told. The supervisor knows all. */
enum setting_role {
    FOR_GATE = 1,
    FOR_LMTP = 2,
    FOR_AUTH = 4,
    FOR_MAIL = 8,
    FOR_PARSE = 16,
    FOR_ALL = 31,
    FOR_NONE = 0 /* the supervisor alone */
};

enum setting_change { CHANGE_RELOAD, CHANGE_RESTART };

struct setting {
    const char *name; /* groups nested by dots */
    enum setting_type type;
    const char *fallback; /* as written in a file; lists: separated by blanks */
    uint64_t min, max;    /* numbers, octets, seconds, length of texts */
    const char *choices;  /* SETTING_CHOICE: separated by '|' */
    enum setting_change change;
    unsigned roles;
    const char *help;
};

extern const struct setting settings_table[];
extern const size_t settings_table_count;

/* Null if there is none. */
const struct setting *setting_find(struct view name);
/* The known name that looks most like it, or null if none is near. */
const char *setting_nearest(struct view name);
/*
 * Checks one value as a person wrote it and appends its canonical form: yes or no, plain decimal numbers, texts as they
 * are, addresses separated by one blank. False with the reason in why.
 */
bool setting_canonical(const struct setting *setting, struct view written, struct buffer *value_r, char *why,
                       size_t why_size);
/* What values look like, for people: "true or false", "octets, 1M to 10G", ... */
void setting_describe(const struct setting *s, struct buffer *out);

#endif
