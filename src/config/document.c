/* config/document.c: the sample file and the settings section of the man page, from the table. */
#include "config/configuration.h"

static struct view group_of(const char *name)
{
    struct view v = view_of_string(name);
    size_t dot = view_find(v, '.', 0);
    return dot == SIZE_MAX ? VIEW_EMPTY : view_slice(v, 0, dot);
}

static void print_default(const struct setting *s, FILE *out)
{
    if (s->type == SETTING_BOOL || s->type == SETTING_NUMBER) {
        fputs(s->fallback, out);
    } else if (s->type == SETTING_ADDRESS) {
        fprintf(out, "[\"%s\"]", s->fallback);
    } else {
        fprintf(out, "\"%s\"", s->fallback);
    }
}

/* Help in comment lines of at most 100 columns. */
static void print_comment(const char *indent, const char *help, FILE *out)
{
    size_t left = strlen(help);
    while (left) {
        size_t size = left;
        if (size > 96) {
            for (size = 96; size > 0 && help[size] != ' '; size--)
                ;
            size = size ? size : 96;
        }
        fprintf(out, "%s# %.*s\n", indent, (int)size, help);
        help += size;
        left -= size;
        while (left && *help == ' ') {
            help++;
            left--;
        }
    }
}

static void print_sample_setting(const struct setting *s, bool grouped, FILE *out)
{
    const char *indent = grouped ? "    " : "";
    struct buffer kind;
    struct view group = group_of(s->name);
    buffer_init(&kind, 1024);
    setting_describe(s, &kind);
    print_comment(indent, s->help, out);
    fprintf(out, "%s# %.*s%s\n", indent, VIEW_PRINTF(buffer_view(&kind)),
            s->change == CHANGE_RELOAD ? "" : "; a change needs a restart");
    fprintf(out, "%s# %s = ", indent, s->name + (group.size ? group.size + 1 : 0));
    print_default(s, out);
    fputs(";\n", out);
    buffer_free(&kind);
}

void configuration_sample(FILE *out)
{
    struct view open = VIEW_EMPTY;
    fputs(
        "# Waxwing's configuration; see waxwing.conf(5). Every setting is here, at its default: take away the '#' to\n"
        "# change one. `waxwing config check` tells every mistake at once. @include \"file\" works too.\n",
        out);
    for (size_t i = 0; i < settings_table_count; i++) {
        struct view group = group_of(settings_table[i].name);
        if (!view_equal(group, open)) {
            fputs(open.size ? "};\n\n" : "\n", out);
            if (group.size)
                fprintf(out, "%.*s: {\n", VIEW_PRINTF(group));
            open = group;
        } else {
            fputc('\n', out);
        }
        print_sample_setting(&settings_table[i], group.size > 0, out);
    }
    fputs(open.size ? "};\n" : "", out);
}

void configuration_man(FILE *out)
{
    fputs(".Bl -tag -width 4n\n", out);
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct setting *s = &settings_table[i];
        struct buffer kind;
        buffer_init(&kind, 1024);
        setting_describe(s, &kind);
        fprintf(out, ".It Ic %s\n%s\nGive %.*s.\nThe default is\n.Ql ", s->name, s->help,
                VIEW_PRINTF(buffer_view(&kind)));
        print_default(s, out);
        fprintf(out, " .\n%s", s->change == CHANGE_RELOAD ? "A reload is enough.\n" : "A change needs a restart.\n");
        buffer_free(&kind);
    }
    fputs(".El\n", out);
}
