/* config/configuration.c: from a libconfig tree to checked values. */
#include "config/configuration.h"
#include "base/memory.h"
#include <errno.h>
#include <libconfig.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

struct value {
    char *text;    /* canonical */
    char *written; /* as a person would write it, for show; null: the default */
    char *file;    /* null: the default */
    unsigned line;
};

struct configuration {
    struct value *values; /* parallel to settings_table */
};

static size_t setting_index(const char *name)
{
    const struct setting *s = setting_find(view_of_string(name));
    if (!s)
        BUG("no such setting");
    return (size_t)(s - settings_table);
}

/* ---- where the file is ---- */

static bool xdg_path(const char *variable, const char *under_home, const char *name, char *path_r, size_t size)
{
    const char *folder = getenv(variable), *home = getenv("HOME");
    if (folder && folder[0] == '/')
        snprintf(path_r, size, "%s/waxwing%s", folder, name);
    else if (home && home[0] == '/')
        snprintf(path_r, size, "%s/%s/waxwing%s", home, under_home, name);
    else
        return false;
    return true;
}

void configuration_path(const char *given, char *path_r, size_t size, bool *required_r)
{
    const char *named = given ? given : getenv("WAXWING_CONFIG");
    *required_r = named && *named;
    if (*required_r) {
        snprintf(path_r, size, "%s", named);
        return;
    }
    if (geteuid() != 0 && xdg_path("XDG_CONFIG_HOME", ".config", "/waxwing.conf", path_r, size) &&
        access(path_r, R_OK) == 0)
        return;
    snprintf(path_r, size, "/etc/waxwing/waxwing.conf");
}

/* ---- one value ---- */

static void problem(struct buffer *problems, const char *file, unsigned line, const char *key, const char *what)
{
    buffer_printf(problems, "%s:%u: %s: %s\n", file, line, key, what);
}

/* What a person wrote, as text; lists are joined by blanks. False if it is none of that. */
static bool scalar_as_text(const config_setting_t *node, struct buffer *out)
{
    switch (config_setting_type(node)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        buffer_printf(out, "%lld", config_setting_get_int64(node));
        return true;
    case CONFIG_TYPE_BOOL:
        buffer_append_string(out, config_setting_get_bool(node) ? "true" : "false");
        return true;
    case CONFIG_TYPE_STRING:
        buffer_append_string(out, config_setting_get_string(node));
        return true;
    default:
        return false;
    }
}

static bool node_as_text(const config_setting_t *node, struct buffer *out)
{
    if (!config_setting_is_array(node) && !config_setting_is_list(node))
        return scalar_as_text(node, out);
    for (int i = 0; i < config_setting_length(node); i++) {
        if (i)
            buffer_append_char(out, ' ');
        if (!scalar_as_text(config_setting_get_elem(node, (unsigned)i), out))
            return false;
    }
    return true;
}

static char *buffer_as_string(const struct buffer *b)
{
    return memory_copy(buffer_view(b).data, buffer_size(b));
}

static void value_clear(struct value *v)
{
    free(v->text);
    free(v->written);
    free(v->file);
    *v = (struct value){0};
}

static void take_value(struct configuration *c, const config_setting_t *node, const char *key, struct buffer *problems)
{
    const struct setting *s = setting_find(view_of_string(key));
    const char *file = config_setting_source_file(node);
    unsigned line = config_setting_source_line(node);
    struct buffer written, canonical;
    char why[512];
    if (!file)
        file = "?";
    if (!s) {
        const char *near = setting_nearest(view_of_string(key));
        snprintf(why, sizeof why, near ? "no such setting; did you mean %s?" : "no such setting", near);
        problem(problems, file, line, key, why);
        return;
    }
    buffer_init(&written, 65536);
    buffer_init(&canonical, 65536);
    bool list = config_setting_is_array(node) || config_setting_is_list(node);
    if (list && s->type != SETTING_ADDRESS) {
        problem(problems, file, line, key, "one value is wanted, not a list");
    } else if (!node_as_text(node, &written) || written.overflow) {
        problem(problems, file, line, key, "this kind of value can't be used here");
    } else if (!setting_canonical(s, buffer_view(&written), &canonical, why, sizeof why)) {
        problem(problems, file, line, key, why);
    } else {
        struct value *v = &c->values[s - settings_table];
        value_clear(v);
        *v = (struct value){buffer_as_string(&canonical), buffer_as_string(&written), memory_string(file), line};
    }
    buffer_free(&written);
    buffer_free(&canonical);
}

/* ---- the tree ---- */

/* "imap.idle_timeout" of a node. Long names are cut: they are unknown anyway. */
static void node_key(const config_setting_t *node, char *key_r, size_t size)
{
    const config_setting_t *chain[32];
    size_t depth = 0, used = 0;
    for (; node && !config_setting_is_root(node) && depth < 32; node = config_setting_parent(node))
        chain[depth++] = node;
    key_r[0] = 0;
    while (depth-- > 0 && used < size) {
        const char *name = config_setting_name(chain[depth]);
        int n = snprintf(key_r + used, size - used, "%s%s", used ? "." : "", name ? name : "?");
        used += n > 0 ? (size_t)n : 0;
    }
}

static config_setting_t *next_after(config_setting_t *node)
{
    while (node && !config_setting_is_root(node)) {
        config_setting_t *parent = config_setting_parent(node);
        int index = config_setting_index(node);
        if (index + 1 < config_setting_length(parent))
            return config_setting_get_elem(parent, (unsigned)index + 1);
        node = parent;
    }
    return NULL;
}

static void take_tree(struct configuration *c, config_setting_t *root, struct buffer *problems)
{
    char key[256];
    config_setting_t *node = config_setting_length(root) ? config_setting_get_elem(root, 0) : NULL;
    while (node) {
        if (config_setting_is_group(node) && config_setting_length(node) > 0) {
            node = config_setting_get_elem(node, 0);
            continue;
        }
        node_key(node, key, sizeof key);
        if (!config_setting_is_group(node))
            take_value(c, node, key, problems);
        node = next_after(node);
    }
}

/* libconfig tells file and line; the line itself says more than "syntax error". */
static void syntax_problem(const config_t *lib, const char *path, struct buffer *problems)
{
    const char *file = config_error_file(lib) ? config_error_file(lib) : path;
    int wanted = config_error_line(lib);
    char line[256];
    FILE *f = fopen(file, "re");
    int at = 0;
    buffer_printf(problems, "%s:%d: %s\n", file, wanted, config_error_text(lib));
    while (f && at < wanted && fgets(line, sizeof line, f)) {
        if (strchr(line, '\n') == NULL && !feof(f))
            continue;
        if (++at == wanted)
            buffer_printf(problems, "    %s%s", line, strchr(line, '\n') ? "" : "\n");
    }
    if (f)
        fclose(f);
}

static bool read_file(struct configuration *c, const char *path, bool required, struct buffer *problems)
{
    config_t lib;
    FILE *f = fopen(path, "re");
    if (!f) {
        if (errno == ENOENT && !required)
            return true;
        buffer_printf(problems, "%s: can't be read: %s\n", path, strerror(errno));
        return false;
    }
    fclose(f);
    config_init(&lib);
    char *copy = memory_string(path);
    config_set_include_dir(&lib, dirname(copy));
    bool good = config_read_file(&lib, path) == CONFIG_TRUE;
    if (good)
        take_tree(c, config_root_setting(&lib), problems);
    else
        syntax_problem(&lib, path, problems);
    config_destroy(&lib);
    free(copy);
    return good;
}

/* ---- what no single value tells ---- */

static void origin_problem(struct configuration *c, const char *name, const char *what, struct buffer *problems)
{
    const struct value *v = &c->values[setting_index(name)];
    problem(problems, v->file ? v->file : "(default)", v->line, name, what);
}

static void check_secret_file(struct configuration *c, const char *name, bool secret, struct buffer *problems)
{
    const char *path = configuration_text(c, name);
    struct stat st;
    char why[512];
    if (!*path)
        return;
    if (stat(path, &st) < 0) {
        snprintf(why, sizeof why, "%.300s can't be read: %s", path, strerror(errno));
        origin_problem(c, name, why, problems);
    } else if (!S_ISREG(st.st_mode)) {
        origin_problem(c, name, "is not a file", problems);
    } else if (secret && (st.st_mode & S_IROTH)) {
        snprintf(why, sizeof why,
                 "everybody can read %.300s: chmod o-r it, then make a new key if that was so for long", path);
        origin_problem(c, name, why, problems);
    }
}

static void check_together(struct configuration *c, struct buffer *problems)
{
    static const char *const tls_listeners[] = {"listen.imaps", "listen.pop3s"};
    bool certificate = *configuration_text(c, "tls.certificate"), key = *configuration_text(c, "tls.key");
    check_secret_file(c, "tls.certificate", false, problems);
    check_secret_file(c, "tls.key", true, problems);
    if (certificate != key)
        origin_problem(c, certificate ? "tls.certificate" : "tls.key", "tls.certificate and tls.key go together",
                       problems);
    for (size_t i = 0; i < 2; i++)
        if (!certificate && configuration_is_set(c, tls_listeners[i]) && *configuration_text(c, tls_listeners[i]))
            origin_problem(c, tls_listeners[i], "needs tls.certificate and tls.key", problems);
}

/* Defaults that depend on the machine and the person. */
static void fill_in(struct configuration *c)
{
    char text[4096];
    struct value *data = &c->values[setting_index("data")];
    struct value *host = &c->values[setting_index("host_name")];
    if (!*data->text) {
        if (geteuid() == 0 || !xdg_path("XDG_STATE_HOME", ".local/state", "", text, sizeof text))
            snprintf(text, sizeof text, "/var/lib/waxwing");
        free(data->text);
        data->text = memory_string(text);
    }
    if (!*host->text && gethostname(text, 254) == 0) {
        text[254] = 0;
        free(host->text);
        host->text = memory_string(text);
    }
}

struct configuration *configuration_load(const char *path, bool required, struct buffer *problems)
{
    struct configuration *c = NEW(struct configuration);
    size_t before = buffer_size(problems);
    c->values = memory_array(settings_table_count, sizeof *c->values);
    bool read = read_file(c, path, required, problems);
    for (size_t i = 0; i < settings_table_count; i++) {
        struct buffer canonical;
        char why[512];
        if (c->values[i].text)
            continue;
        buffer_init(&canonical, 4096);
        if (!setting_canonical(&settings_table[i], view_of_string(settings_table[i].fallback), &canonical, why,
                               sizeof why))
            BUG("a default is out of its own range");
        c->values[i].text = buffer_as_string(&canonical);
        buffer_free(&canonical);
    }
    fill_in(c);
    if (read)
        check_together(c, problems);
    if (buffer_size(problems) > before)
        configuration_free(&c);
    return c;
}

void configuration_free(struct configuration **configuration)
{
    struct configuration *c = *configuration;
    if (!c)
        return;
    for (size_t i = 0; i < settings_table_count; i++)
        value_clear(&c->values[i]);
    free(c->values);
    free(c);
    *configuration = NULL;
}

/* ---- asking ---- */

const char *configuration_text(const struct configuration *c, const char *name)
{
    return c->values[setting_index(name)].text;
}

uint64_t configuration_u64(const struct configuration *c, const char *name)
{
    uint64_t value = 0;
    if (!view_parse_u64(view_of_string(configuration_text(c, name)), UINT64_MAX, &value))
        BUG("not a number");
    return value;
}

bool configuration_bool(const struct configuration *c, const char *name)
{
    return strcmp(configuration_text(c, name), "yes") == 0;
}

bool configuration_is_set(const struct configuration *c, const char *name)
{
    return c->values[setting_index(name)].file != NULL;
}

bool configuration_set_data(struct configuration *c, const char *path)
{
    struct value *v = &c->values[setting_index("data")];
    if (path[0] != '/')
        return false;
    value_clear(v);
    *v = (struct value){memory_string(path), memory_string(path), memory_string("--data"), 0};
    return true;
}

void configuration_for(const struct configuration *c, unsigned roles, struct buffer *text_r)
{
    for (size_t i = 0; i < settings_table_count; i++)
        if (settings_table[i].roles & roles)
            buffer_printf(text_r, "%s=%s\n", settings_table[i].name, c->values[i].text);
}

void configuration_restart_needed(const struct configuration *before, const struct configuration *after,
                                  struct buffer *names_r)
{
    for (size_t i = 0; i < settings_table_count; i++)
        if (settings_table[i].change == CHANGE_RESTART && strcmp(before->values[i].text, after->values[i].text) != 0)
            buffer_printf(names_r, "%s%s", buffer_size(names_r) ? " " : "", settings_table[i].name);
}

/* ---- showing ---- */

static bool is_bare(const struct setting *s, const char *written)
{
    uint64_t number;
    return s->type == SETTING_BOOL ||
           (s->type == SETTING_NUMBER && view_parse_u64(view_of_string(written), INT32_MAX, &number));
}

/* A value as it can stand in a file. */
static void print_value(const struct setting *s, const char *written, FILE *out)
{
    if (is_bare(s, written)) {
        fputs(written, out);
        return;
    }
    if (s->type == SETTING_NUMBER) {
        fprintf(out, "%sL", written);
        return;
    }
    fputs(s->type == SETTING_ADDRESS ? "[\"" : "\"", out);
    for (; *written; written++) {
        if (*written == ' ' && s->type == SETTING_ADDRESS)
            fputs("\", \"", out);
        else if (*written == '"' || *written == '\\')
            fprintf(out, "\\%c", *written);
        else
            fputc(*written, out);
    }
    fputs(s->type == SETTING_ADDRESS ? "\"]" : "\"", out);
}

void configuration_show(const struct configuration *c, bool all, bool origin, FILE *out)
{
    for (size_t i = 0; i < settings_table_count; i++) {
        const struct setting *s = &settings_table[i];
        const struct value *v = &c->values[i];
        if (!all && !v->file)
            continue;
        fprintf(out, "%s = ", s->name);
        print_value(s,
                    v->written                                           ? v->written
                    : s->type == SETTING_PATH || s->type == SETTING_TEXT ? v->text
                                                                         : s->fallback,
                    out);
        if (origin && v->file && v->line)
            fprintf(out, "\t# %s:%u", v->file, v->line);
        else if (origin)
            fprintf(out, "\t# %s", v->file ? v->file : "default");
        fputc('\n', out);
    }
}

int configuration_check(const char *path, bool required, FILE *out, FILE *err)
{
    struct buffer problems;
    buffer_init(&problems, 1 << 20);
    struct configuration *c = configuration_load(path, required, &problems);
    if (c)
        fprintf(out, "%s: good\n", path);
    else
        fprintf(err, "%.*s", VIEW_PRINTF(buffer_view(&problems)));
    int code = c ? 0 : 78; /* EX_CONFIG */
    configuration_free(&c);
    buffer_free(&problems);
    return code;
}
