/*
 * admin/cli.c: the command line: the table of verbs, their options and help, and what each one sends.
 *
 * Tested   tests/e2e/test_cli.py
 */
#include "admin/cli.h"
#include "admin/admin.h"
#include "base/memory.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <termios.h>
#include <unistd.h>

enum { PASSWORD_OCTETS = 1024 };

int cli_fail(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("waxwing: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return code;
}

const char *cli_option(const struct cli *cli, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < cli->option_count; i++) {
        const char *option = cli->options[i] + 2;
        if (strncmp(option, name, size) == 0 && (!option[size] || option[size] == '='))
            return option[size] ? option + size + 1 : "";
    }
    return NULL;
}

/* ---- passwords: from a prompt or standard input, never from the command line ---- */

static bool read_line(char *line, size_t size)
{
    if (!fgets(line, (int)size, stdin))
        return false;
    size_t end = strcspn(line, "\r\n");
    bool whole = line[end] || end + 1 < size;
    line[end] = '\0';
    return whole;
}

static bool prompt(const char *text, char *line, size_t size)
{
    struct termios before, quiet;
    fputs(text, stderr);
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    bool good = read_line(line, size);
    if (terminal)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    fputc('\n', stderr);
    return good;
}

static bool take_password(char *password, bool twice)
{
    char again[PASSWORD_OCTETS + 2] = "";
    if (!isatty(STDIN_FILENO))
        return read_line(password, PASSWORD_OCTETS + 2) || cli_fail(0, "no password on standard input");
    if (!prompt("Password: ", password, PASSWORD_OCTETS + 2))
        return cli_fail(0, "no password was given");
    if (!twice)
        return true;
    bool same = prompt("Again: ", again, sizeof again) && strcmp(password, again) == 0;
    sodium_memzero(again, sizeof again);
    return same || cli_fail(0, "the passwords differ: nothing was changed");
}

static int with_password(struct cli *cli, const char *verb, bool twice)
{
    char password[PASSWORD_OCTETS + 4] = "";
    int code = EX_NOINPUT;
    if (take_password(password, twice)) {
        size_t size = strlen(password);
        password[size] = '\n';
        password[size + 1] = '\0';
        code = control_do(cli, PART_AUTH, verb, cli->words, cli->word_count, view_of_string(password));
    }
    sodium_memzero(password, sizeof password);
    return code;
}

/* ---- the verbs ---- */

static int do_auth(struct cli *cli)
{
    return control_do(cli, PART_AUTH, cli->verb->name, cli->words, cli->word_count, VIEW_EMPTY);
}

static int user_add(struct cli *cli)
{
    return with_password(cli, "user add", true);
}

static int user_password(struct cli *cli)
{
    return with_password(cli, "user password", true);
}

static int user_apop(struct cli *cli)
{
    if (!cli_option(cli, "remove"))
        return with_password(cli, "user apop", true);
    return control_do(cli, PART_AUTH, "user apop", cli->words, cli->word_count, VIEW_LITERAL("\n"));
}

static int auth_test(struct cli *cli)
{
    return with_password(cli, "auth test", false);
}

static int user_remove(struct cli *cli)
{
    char answer[16] = "";
    if (!cli->yes && !isatty(STDIN_FILENO))
        return cli_fail(EX_USAGE, "user remove deletes all mail of the user: say --yes");
    if (!cli->yes) {
        fprintf(stderr, "Remove %s and all their mail? Type yes: ", cli->words[0]);
        if (!read_line(answer, sizeof answer) || strcmp(answer, "yes") != 0)
            return cli_fail(EX_NOPERM, "nothing was removed");
    }
    return do_auth(cli);
}

/* mail knows accounts by number. */
static int do_account(struct cli *cli)
{
    char account[24];
    const char *words[CLI_WORDS];
    uint64_t number = control_account(cli, cli->words[0]);
    if (!number)
        return EX_NOUSER;
    snprintf(account, sizeof account, "%llu", (unsigned long long)number);
    words[0] = account;
    for (size_t i = 1; i < cli->word_count; i++)
        words[i] = cli->words[i];
    return control_do(cli, PART_MAIL, cli->verb->name, words, cli->word_count, VIEW_EMPTY);
}

static int do_mail(struct cli *cli)
{
    return cli->word_count ? do_account(cli) : control_do(cli, PART_MAIL, cli->verb->name, cli->words, 0, VIEW_EMPTY);
}

/* The quiet server makes what isn't there. */
static int init(struct cli *cli)
{
    int code = control_do(cli, PART_AUTH, "user list", NULL, 0, VIEW_EMPTY);
    struct wire wire;
    if (code == EX_OK && !control_connect(cli, PART_MAIL, &wire))
        return EX_UNAVAILABLE;
    if (code == EX_OK) {
        wire_close(&wire);
        fprintf(stderr, "The store in %s is ready. Next: waxwing user add NAME\n",
                configuration_text(cli->config, "data"));
    }
    return code;
}

static const struct cli_verb verbs[] = {
    {"serve", "", "--data=DIR", "starts the mail server (waxwing serve --help)", 0, 0, NULL},
    {"init", "", "", "makes the data folder and an empty store, if they are not there", 0, 0, init},
    {"user add", "NAME", "--quota=OCTETS", "adds a user; the password comes from a prompt or standard input", 1, 1,
     user_add},
    {"user remove", "NAME", "--yes", "removes a user and all mail of theirs", 1, 1, user_remove},
    {"user list", "", "", "all users", 0, 0, do_auth},
    {"user show", "NAME", "", "what is known of a user", 1, 1, do_auth},
    {"user password", "NAME", "", "sets a new password, and ends the user's sessions", 1, 1, user_password},
    {"user apop", "NAME", "--remove",
     "a secret of its own for APOP (pop3.apop), stored readable, from a prompt or standard input", 1, 1, user_apop},
    {"user disable", "NAME", "", "no login and no mail for the user until enabled", 1, 1, do_auth},
    {"user enable", "NAME", "", "undoes user disable", 1, 1, do_auth},
    {"user address", "NAME", "--add=ADDRESS --remove=ADDRESS", "the addresses that reach a user", 1, 1, do_auth},
    {"user group", "NAME", "--add=GROUP --remove=GROUP",
     "the groups that a user is in; mailboxes can be shared with them", 1, 1, do_auth},
    {"user set", "NAME SETTING=VALUE ...", "",
     "settings of one user alone: pop3.delete, pop3.retrieve, pop3.uidl, imap.administrator; an empty value: the "
     "default again",
     2, 5, do_account},
    {"user settings", "NAME", "", "what was set for one user alone", 1, 1, do_account},
    {"auth test", "NAME", "", "is this the user's password?", 1, 1, auth_test},
    {"mailbox list", "USER", "", "the mailboxes of a user", 1, 1, do_account},
    {"mailbox status", "USER NAME", "", "counters of a mailbox", 1, 2, do_account},
    {"mailbox create", "USER NAME", "", "makes a mailbox", 2, 2, do_account},
    {"mailbox delete", "USER NAME", "--yes", "deletes a mailbox; its messages stay recoverable for a while", 2, 2,
     do_account},
    {"mailbox rename", "USER OLD NEW", "", "renames a mailbox", 3, 3, do_account},
    {"account show", "USER", "", "size, quota and counts of a user's mail", 1, 1, do_account},
    {"account quota", "USER OCTETS", "", "sets the quota; 0: none", 2, 2, do_account},
    {"import maildir", "USER FOLDER", "--mailbox=NAME",
     "a Maildir (Maildir++), with flags, keywords, dates, UIDs and subscriptions", 2, 2, import_maildir},
    {"import mbox", "USER FILE", "--mailbox=NAME", "an mbox file, into INBOX or --mailbox", 2, 2, import_mbox},
    {"export", "USER FOLDER", "--mailbox=NAME", "all mail of a user as a Maildir++ that import reads again", 2, 2,
     export_maildir},
    {"undelete", "USER", "--since=WHEN --from=PROTOCOL --mailbox=NAME --uid=UIDS --restore",
     "what was removed from a user's mail, by whom; --restore takes it back", 1, 1, do_account},
    {"log", "USER", "--since=WHEN --from=PROTOCOL --mailbox=NAME --uid=UIDS",
     "who removed, moved or took back which of a user's messages", 1, 1, do_account},
    {"check", "[USER]", "--blobs", "recounts everything and says what is wrong; --blobs reads every message too", 0, 1,
     do_mail},
    {"compact", "", "--below=PERCENT", "gives back the disk that removed mail takes", 0, 0, do_mail},
    {"purge", "", "--all", "ends the retention of removed mail whose time is over", 0, 0, do_mail},
    {"status", "", "", "what the server and its store are doing", 0, 0, do_mail},
    {"config check", "", "", "is the configuration right? Tells all mistakes at once", 0, 0, config_check},
    {"config show", "", "--all --origin", "the settings that differ from the defaults", 0, 0, config_show},
    {"config sample", "", "", "a configuration file with every setting", 0, 0, config_sample},
    {"config man", "", "", "the settings as a man page", 0, 0, config_man},
    {"limits", "", "", "the table of limits", 0, 0, show_limits},
};
enum { VERBS = sizeof verbs / sizeof *verbs };

/* ---- help ---- */

static void help_row(const struct cli_verb *v)
{
    char left[128];
    snprintf(left, sizeof left, "%s %s", v->name, v->arguments);
    printf("  %-28s %s\n", left, v->help);
    if (*v->options)
        printf("  %-28s   %s\n", "", v->options);
}

static int help_all(void)
{
    puts("usage: waxwing [-c FILE] VERB ...\n");
    for (size_t i = 0; i < VERBS; i++)
        help_row(&verbs[i]);
    puts("\n-c FILE reads that configuration; --json prints tables as JSON; VERB --help says more of a verb.\n"
         "Beside a running server the verbs use its control sockets; without one they start its rooms for a moment.");
    return EX_OK;
}

/* "user" shows all verbs that begin so. */
static bool help_some(const char *word)
{
    bool any = false;
    size_t size = strlen(word);
    for (size_t i = 0; i < VERBS; i++) {
        if (strncmp(verbs[i].name, word, size) != 0 || (verbs[i].name[size] && verbs[i].name[size] != ' '))
            continue;
        if (!any)
            puts("usage: waxwing VERB ...\n");
        help_row(&verbs[i]);
        any = true;
    }
    return any;
}

/* ---- arguments ---- */

static const struct cli_verb *find_verb(int argc, char **argv, int *used_r)
{
    char two[128] = "";
    if (argc > 1)
        snprintf(two, sizeof two, "%.60s %.60s", argv[0], argv[1]);
    for (size_t i = 0; i < VERBS; i++) {
        bool one = strcmp(verbs[i].name, argv[0]) == 0;
        if (!one && strcmp(verbs[i].name, two) != 0)
            continue;
        *used_r = one ? 1 : 2;
        return &verbs[i];
    }
    return NULL;
}

/* Is "--name" one of the verb's options? *wants_value_r from "--name=WHAT". */
static bool knows_option(const struct cli_verb *verb, const char *option, bool *wants_value_r)
{
    size_t size = strcspn(option, "=");
    for (const char *p = verb->options; *p; p += strcspn(p, " "), p += *p == ' ') {
        if (strncmp(p, option, size) == 0 && (p[size] == '=' || p[size] == ' ' || !p[size])) {
            *wants_value_r = p[size] == '=';
            return true;
        }
    }
    return false;
}

static bool take_option(struct cli *cli, int argc, char **argv, int *at)
{
    const char *option = argv[*at];
    bool wants_value = false;
    if (strcmp(option, "--json") == 0)
        return cli->json = true;
    if (!knows_option(cli->verb, option, &wants_value) || cli->option_count == CLI_WORDS)
        return false;
    cli->yes = cli->yes || strcmp(option, "--yes") == 0;
    if (!wants_value || strchr(option, '=')) {
        cli->options[cli->option_count++] = option;
        return true;
    }
    if (*at + 1 >= argc)
        return false;
    size_t size = strlen(option) + strlen(argv[*at + 1]) + 2;
    char *joined = memory_new(size);
    snprintf(joined, size, "%s=%s", option, argv[++*at]);
    cli->options[cli->option_count++] = joined;
    return true;
}

static int usage(const struct cli *cli)
{
    fprintf(stderr, "usage: waxwing %s %s %s\n", cli->verb->name, cli->verb->arguments, cli->verb->options);
    return EX_USAGE;
}

/* -1: go on. */
static int take_arguments(struct cli *cli, int argc, char **argv)
{
    bool options = true;
    for (int i = 0; i < argc; i++) {
        if (options && strcmp(argv[i], "--help") == 0) {
            help_row(cli->verb);
            return EX_OK;
        }
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && strncmp(argv[i], "--", 2) == 0) {
            if (!take_option(cli, argc, argv, &i)) {
                cli_fail(0, "%s can't be used here", argv[i]);
                return usage(cli);
            }
        } else if (cli->word_count < CLI_WORDS) {
            cli->words[cli->word_count++] = argv[i];
        }
    }
    if (cli->word_count >= cli->verb->least && cli->word_count <= cli->verb->most)
        return -1;
    return usage(cli);
}

static bool read_configuration(struct cli *cli)
{
    struct buffer problems = {0};
    cli->config = configuration_load(cli->config_path, cli->config_required, &problems);
    if (!cli->config)
        fprintf(stderr, "%.*s", VIEW_PRINTF(buffer_view(&problems)));
    buffer_free(&problems);
    return cli->config != NULL;
}

static int run(struct cli *cli)
{
    /* These read the file themselves, or no file at all. */
    bool alone = cli->verb->run == config_check || cli->verb->run == config_sample || cli->verb->run == config_man ||
                 cli->verb->run == show_limits;
    if (!alone && !read_configuration(cli))
        return EX_CONFIG;
    int code = cli->verb->run(cli);
    control_end(cli);
    configuration_free(&cli->config);
    fflush(stdout);
    return code;
}

int admin_main(int argc, char **argv)
{
    struct cli cli = {.terminal = isatty(STDOUT_FILENO), .self = argv[0]};
    const char *given = NULL;
    int at = 1, used = 0;
    if (argc > at + 1 && strcmp(argv[at], "-c") == 0) {
        given = argv[at + 1];
        at += 2;
    }
    configuration_path(given, cli.config_path, sizeof cli.config_path, &cli.config_required);
    if (argc <= at || strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "help") == 0) {
        help_all();
        return argc <= at ? EX_USAGE : EX_OK;
    }
    cli.verb = find_verb(argc - at, argv + at, &used);
    if (!cli.verb) {
        bool asked = argc > at + 1 && strcmp(argv[at + 1], "--help") == 0;
        if (asked && help_some(argv[at]))
            return EX_OK;
        return cli_fail(EX_USAGE, "there is no verb \"%s\": waxwing --help shows those there are", argv[at]);
    }
    int code = take_arguments(&cli, argc - at - used, argv + at + used);
    return code >= 0 ? code : run(&cli);
}
