/* Whole files: all mistakes at once, includes, what roles are told, what `config show` says. */
#include "config/configuration.h"
#include "config/settings.h"
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/waxwing-config-XXXXXX";

static const char *write_file(const char *name, const char *text)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static const char *problems_of(const char *text)
{
    static char out[4096];
    struct buffer problems;
    buffer_init(&problems, 1 << 16);
    struct configuration *c = configuration_load(write_file("waxwing.conf", text), true, &problems);
    assert_int_equal(c == NULL, buffer_size(&problems) > 0);
    snprintf(out, sizeof out, "%.*s", VIEW_PRINTF(buffer_view(&problems)));
    configuration_free(&c);
    buffer_free(&problems);
    return out;
}

static struct configuration *good(const char *text)
{
    struct buffer problems;
    buffer_init(&problems, 1 << 16);
    struct configuration *c = configuration_load(write_file("waxwing.conf", text), true, &problems);
    if (!c)
        fail_msg("%.*s", VIEW_PRINTF(buffer_view(&problems)));
    buffer_free(&problems);
    return c;
}

static void test_all_mistakes_are_told_at_once_with_file_line_and_nearest_key(void **state)
{
    const char *p = problems_of("imap: {\n    idle_timout = \"30m\";\n};\nretention.days = 3;\n");
    assert_non_null(strstr(p, "syntax error"));
    p = problems_of(
        "imap: {\n    idle_timout = \"30m\";\n};\nretention: { days = \"soon\"; };\nlog: { level = 3; };\nweb = 1;\n");
    assert_non_null(strstr(p, "waxwing.conf:2: imap.idle_timout: no such setting; did you mean imap.idle_timeout?\n"));
    assert_non_null(strstr(p, "waxwing.conf:4: retention.days: \"soon\" can't be used: give a number, 0 to 3650\n"));
    assert_non_null(strstr(p, "waxwing.conf:5: log.level: \"3\" can't be used: give error or warn or info or debug\n"));
    assert_non_null(strstr(p, "waxwing.conf:6: web: no such setting"));
}

static void test_a_list_is_refused_where_one_value_is_wanted(void **state)
{
    assert_non_null(
        strstr(problems_of("host_name = [\"a\", \"b\"];\n"), "waxwing.conf:1: host_name: one value is wanted"));
}

static void test_a_syntax_error_shows_its_line(void **state)
{
    const char *p = problems_of("host_name = \"a\";\nimap: { idle_timeout 30; };\n");
    assert_non_null(strstr(p, "waxwing.conf:2: syntax error"));
    assert_non_null(strstr(p, "    imap: { idle_timeout 30; };"));
}

static void test_a_missing_file_is_a_problem_only_if_it_was_asked_for(void **state)
{
    struct buffer problems;
    buffer_init(&problems, 4096);
    assert_null(configuration_load("/nonexistent/waxwing.conf", true, &problems));
    assert_true(buffer_size(&problems) > 0);
    buffer_clear(&problems);
    struct configuration *c = configuration_load("/nonexistent/waxwing.conf", false, &problems);
    assert_non_null(c);
    assert_int_equal(configuration_u64(c, "retention.days"), 14);
    configuration_free(&c);
    buffer_free(&problems);
}

static void test_an_included_file_is_read_and_named_in_its_mistakes(void **state)
{
    write_file("more.conf", "\nretention: { days = -3; };\n");
    assert_non_null(strstr(problems_of("@include \"more.conf\"\n"), "more.conf:2: retention.days: \"-3\""));
}

static void test_a_key_that_everybody_can_read_is_refused(void **state)
{
    char text[512];
    const char *path = write_file("key.pem", "secret");
    snprintf(text, sizeof text, "tls: { certificate = \"%s\"; key = \"%s\"; };\n", path, path);
    chmod(path, 0644);
    assert_non_null(strstr(problems_of(text), "tls.key: everybody can read"));
    write_file("key.pem", "secret");
    snprintf(text, sizeof text, "tls: { certificate = \"%s/key.pem\"; key = \"%s/key.pem\"; };\n", folder, folder);
    char key[256];
    snprintf(key, sizeof key, "%s/key.pem", folder);
    chmod(key, 0600);
    assert_string_equal(problems_of(text), "");
}

static void test_certificate_and_key_go_together_and_tls_listeners_need_them(void **state)
{
    assert_non_null(strstr(problems_of("listen: { imaps = [\"*:993\"]; };\n"), "listen.imaps: needs tls.certificate"));
}

static void test_a_role_is_told_only_what_is_marked_for_it(void **state)
{
    struct configuration *c = good("store: { cache = \"128M\"; };\nlmtp: { subaddress_separator = \"-\"; };\n");
    struct buffer text;
    struct settings s = {0};
    buffer_init(&text, 1 << 16);
    configuration_for(c, FOR_MAIL, &text);
    assert_true(settings_set(&s, buffer_view(&text)));
    assert_int_equal(settings_u64(&s, "store.cache", 0), 128 << 20);
    assert_null(settings_text(&s, "tls.key", NULL));
    buffer_clear(&text);
    configuration_for(c, FOR_PARSE, &text);
    assert_true(settings_set(&s, buffer_view(&text)));
    assert_null(settings_text(&s, "store.cache", NULL));
    assert_string_equal(settings_text(&s, "log.level", ""), "info");
    settings_free(&s);
    buffer_free(&text);
    configuration_free(&c);
}

static void test_what_needs_a_restart_is_named(void **state)
{
    struct configuration *a = good("retention: { days = 3; };\n");
    struct configuration *b = good("retention: { days = 4; };\nmail: { loops = 3; };\nhost_name = \"other\";\n");
    struct buffer names;
    buffer_init(&names, 4096);
    configuration_restart_needed(a, b, &names);
    assert_true(view_equal_string(buffer_view(&names), "host_name mail.loops"));
    buffer_free(&names);
    configuration_free(&a);
    configuration_free(&b);
}

static char *printed(void (*print)(const void *what, FILE *out), const void *what)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    print(what, f);
    fclose(f);
    return text;
}
static void print_show(const void *c, FILE *out)
{
    configuration_show(c, false, true, out);
}
static void print_all(const void *c, FILE *out)
{
    configuration_show(c, true, false, out);
}
static void print_sample(const void *c, FILE *out)
{
    configuration_sample(out);
}

static void test_show_tells_what_differs_and_where_from(void **state)
{
    struct configuration *c = good("retention: {\n  days = 3;\n};\nlisten: { imap = (\"*:143\", \"[::1]:1143\"); };\n");
    char *text = printed(print_show, c), wanted[1024];
    snprintf(
        wanted, sizeof wanted,
        "listen.imap = [\"*:143\", \"[::1]:1143\"]\t# %s/waxwing.conf:4\nretention.days = 3\t# %s/waxwing.conf:2\n",
        folder, folder);
    assert_string_equal(text, wanted);
    free(text);
    text = printed(print_all, c);
    assert_non_null(strstr(text, "imap.idle_timeout = \"30m\"\n"));
    free(text);
    configuration_free(&c);
}

static void test_the_sample_with_every_comment_taken_away_is_a_good_file_of_defaults(void **state)
{
    char *text = printed(print_sample, NULL), *file = calloc(1, strlen(text) + 1);
    /* A setting's line is "# name = value;": uncomment those alone. Addresses over TLS would need a certificate. */
    for (char *line = text, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        char *hash = line + strspn(line, " ");
        char *equals = memchr(line, '=', (size_t)(end - line));
        if (*hash == '#' && equals && end[-1] == ';' && !memmem(line, (size_t)(end - line), "s = [", 5))
            *hash = ' ';
        memcpy(file + strlen(file), line, (size_t)(end - line) + 1);
    }
    struct configuration *c = good(file);
    assert_int_equal(configuration_u64(c, "gate.sessions"), 4000);
    assert_true(configuration_is_set(c, "gate.sessions"));
    assert_true(configuration_is_set(c, "listen.imap"));
    configuration_free(&c);
    free(text);
    free(file);
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}
static int remove_folder(void **state)
{
    static const char *const names[] = {"waxwing.conf", "more.conf", "key.pem"};
    for (size_t i = 0; i < 3; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_mistakes_are_told_at_once_with_file_line_and_nearest_key),
        cmocka_unit_test(test_a_list_is_refused_where_one_value_is_wanted),
        cmocka_unit_test(test_a_syntax_error_shows_its_line),
        cmocka_unit_test(test_a_missing_file_is_a_problem_only_if_it_was_asked_for),
        cmocka_unit_test(test_an_included_file_is_read_and_named_in_its_mistakes),
        cmocka_unit_test(test_a_key_that_everybody_can_read_is_refused),
        cmocka_unit_test(test_certificate_and_key_go_together_and_tls_listeners_need_them),
        cmocka_unit_test(test_a_role_is_told_only_what_is_marked_for_it),
        cmocka_unit_test(test_what_needs_a_restart_is_named),
        cmocka_unit_test(test_show_tells_what_differs_and_where_from),
        cmocka_unit_test(test_the_sample_with_every_comment_taken_away_is_a_good_file_of_defaults),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
