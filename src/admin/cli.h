/*
 * admin/cli.h: what the files of the command line share.
 *
 * cli.c (the table of verbs, help, dispatch), control.c (the connection, and the quiet server when none runs), show.c
 * (records as table or JSON), import.c and export.c (files on this side), settings.c (config and limits).
 * Called   on the only thread of a command.
 */
#ifndef ADMIN_CLI_H
#define ADMIN_CLI_H

#include "admin/wire.h"
#include "config/configuration.h"

enum { CLI_WORDS = 32, CLI_VALUES = 16 };

struct cli {
    char config_path[4096];
    bool config_required;
    struct configuration *config;
    const struct cli_verb *verb;
    const char *words[CLI_WORDS]; /* arguments that are no options */
    size_t word_count;
    const char *options[CLI_WORDS]; /* "--name" or "--name=value", for the server */
    size_t option_count;
    bool json, terminal, yes, quiet;
    pid_t quiet_server; /* 0: a server runs by itself */
    const char *self;   /* argv[0] */
};

struct cli_verb {
    const char *name;      /* "mailbox list" */
    const char *arguments; /* "USER NAME" */
    const char *options;   /* "--mailbox=NAME --all": what it takes, for parsing and help */
    const char *help;
    size_t least, most; /* arguments */
    int (*run)(struct cli *cli);
};

__attribute__((format(printf, 2, 3))) int cli_fail(int code, const char *format, ...);
/* The value of --name=value, "" for --name, or null. */
const char *cli_option(const struct cli *cli, const char *name);

/* ---- control.c ---- */

enum server_part { PART_AUTH, PART_MAIL };
/* Connects, starting a quiet server if none runs. False: told why. */
bool control_connect(struct cli *cli, enum server_part part, struct wire *wire_r);
/* Sends RUN with the verb's name and `words` (each as it is). */
bool control_run(struct cli *cli, struct wire *wire, const char *verb, const char *const *words, size_t count);
/* Reads until EXIT: streams 1 and 2 are printed, records given to `record` (null: collected and shown). */
int control_finish(struct cli *cli, struct wire *wire, void (*record)(void *ctx, struct view octets), void *ctx);
/* connect, run, finish, with `input` (may be empty) as the verb's input. */
int control_do(struct cli *cli, enum server_part part, const char *verb, const char *const *words, size_t count,
               struct view input);
/* The account's number of a user; 0: told why. */
uint64_t control_account(struct cli *cli, const char *user);
/* Ends the quiet server, if there is one. */
void control_end(struct cli *cli);

/* ---- show.c ---- */

void show_records(const struct cli *cli, struct view records, FILE *out);
/* The value of a column in the first row; false if there is none. */
bool record_value(struct view records, const char *column, struct buffer *value);

/* ---- the verbs that have files of their own ---- */

int import_maildir(struct cli *cli);
int import_mbox(struct cli *cli);
int export_maildir(struct cli *cli);
int config_check(struct cli *cli);
int config_show(struct cli *cli);
int config_sample(struct cli *cli);
int config_man(struct cli *cli);
int show_limits(struct cli *cli);

#endif
