/*
 * admin/settings.c: the verbs config and limits: what needs no server.
 */
#include "admin/cli.h"
#include "base/limits.h"

#include <stdio.h>
#include <sysexits.h>

int config_check(struct cli *cli)
{
    return configuration_check(cli->config_path, cli->config_required, stdout, stderr);
}

int config_show(struct cli *cli)
{
    bool origin = cli_option(cli, "origin") != NULL;
    configuration_show(cli->config, origin || cli_option(cli, "all") != NULL, origin, stdout);
    return EX_OK;
}

int config_sample(struct cli *cli)
{
    configuration_sample(stdout);
    return EX_OK;
}

int config_man(struct cli *cli)
{
    configuration_man(stdout);
    return EX_OK;
}

/* docs/limits.md is this text. */
int show_limits(struct cli *cli)
{
    static const struct {
        const char *name;
        long long value;
        const char *unit, *why, *seen;
    } rows[] = {
#define ROW(name, value, unit, why, seen) {#name, (value), (unit), (why), (seen)},
        LIMITS(ROW)
#undef ROW
    };
    puts("# Limits\n\nMade by `script/make-docs` from `src/base/limits.h`.\n");
    puts("| limit | value | unit | of what | beyond it |\n|---|---:|---|---|---|");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        printf("| %s | %lld | %s | %s | %s |\n", rows[i].name, rows[i].value, rows[i].unit, rows[i].why, rows[i].seen);
    return EX_OK;
}
