/*
 * imap/misc.c: the short commands: CAPABILITY, NOOP, CHECK, LOGOUT, UNAUTHENTICATE, NAMESPACE, ID, ENABLE.
 *
 * Tested   tests/e2e/test_imap.py
 */
#include "base/log.h"
#include "imap/place.h"
#include "language/say.h"
#include "store/mutf7.h"

enum step_result capability_step(struct imap *imap, struct step_context *context)
{
    struct buffer *out = imap_output(imap);
    bool administrator;
    if (quota_is_administrator(imap, context->mode, &administrator) == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    buffer_append_string(out, "* CAPABILITY ");
    imap_write_capabilities(out, administrator);
    buffer_append_string(out, "\r\n");
    imap_finish(imap, "OK", NULL, "Capability completed");
    return STEP_DONE;
}

enum step_result noop_step(struct imap *imap, struct step_context *context)
{
    imap_finish(imap, "OK", NULL, imap->command->name[0] == 'N' ? "Noop completed" : "Check completed");
    return STEP_DONE;
}

enum step_result logout_step(struct imap *imap, struct step_context *context)
{
    imap_untagged(imap, "BYE Logging out");
    imap_finish(imap, "OK", NULL, "Logout completed");
    imap_end_after(imap, true, "logout");
    return STEP_DONE;
}

/* RFC 8437 3: never NO. All that this session knows goes with it; ID is asked for anew. */
enum step_result unauthenticate_step(struct imap *imap, struct step_context *context)
{
    imap->returns = true;
    imap_finish(imap, "OK", NULL, "Log in as you like");
    return STEP_DONE;
}

/* RFC 5255 3.4: what to show for the prefix, in modified UTF-7 whatever is enabled. */
static void write_translation(struct imap *imap, struct buffer *out, const char *name)
{
    const char *shown = language_text(imap->session->language, name);
    struct buffer prefix = {0}, encoded = {0};
    if (shown == name)
        return;
    buffer_printf(&prefix, "%s/", shown);
    mutf7_encode(buffer_view(&prefix), &encoded);
    buffer_append_string(out, " \"TRANSLATION\" (");
    imap_write_string(out, buffer_view(&encoded));
    buffer_append_char(out, ')');
    buffer_free(&prefix);
    buffer_free(&encoded);
}

static void write_namespace(struct imap *imap, struct buffer *out, const char *name)
{
    buffer_printf(out, " ((\"%s/\" \"/\"", name);
    write_translation(imap, out, name);
    buffer_append_string(out, "))");
}

void imap_write_namespaces(struct imap *imap)
{
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* NAMESPACE ((\"\" \"/\"))");
    write_namespace(imap, out, PLACE_OTHERS);
    if (place_shared_user(&imap->session->command_arena).size > 0)
        write_namespace(imap, out, PLACE_SHARED);
    else
        buffer_append_string(out, " NIL");
    buffer_append_string(out, "\r\n");
}

enum step_result namespace_step(struct imap *imap, struct step_context *context)
{
    imap_write_namespaces(imap);
    imap_finish(imap, "OK", NULL, "Namespace completed");
    return STEP_DONE;
}

/* ---- ID (RFC 2971 3.1) ---- */

enum { ID_FIELDS = 30, ID_TEXT = 1024 };

static void note_client(struct imap *imap, struct view name, struct view value)
{
    struct session *s = imap->session;
    size_t used = strlen(s->client);
    if (view_equal_string_nocase(name, "name"))
        snprintf(s->client, sizeof s->client, "%.*s", VIEW_PRINTF(view_slice(value, 0, 40)));
    else if (view_equal_string_nocase(name, "version") && used)
        snprintf(s->client + used, sizeof s->client - used, " %.*s", VIEW_PRINTF(view_slice(value, 0, 20)));
}

static bool take_field(struct imap *imap, struct arguments *a)
{
    struct view name, value;
    bool nil;
    if (!arguments_string(a, &name) || !arguments_space(a) || !arguments_nstring(a, &value, &nil))
        return false;
    if (name.size > ID_FIELDS || value.size > ID_TEXT) {
        a->problem = "A field of ID is too long";
        return false;
    }
    if (!nil)
        note_client(imap, name, value);
    return true;
}

bool id_parse(struct imap *imap, struct arguments *a)
{
    struct view none;
    bool nil;
    if (!arguments_space(a))
        return false;
    imap->session->client[0] = '\0';
    if (!arguments_take(a, '('))
        return arguments_nstring(a, &none, &nil) && nil && arguments_end(a);
    size_t fields = 0;
    while (!arguments_take(a, ')')) {
        if (fields++ == ID_FIELDS) {
            a->problem = "Too many fields of ID";
            return false;
        }
        if ((fields > 1 && !arguments_space(a)) || !take_field(imap, a))
            return false;
    }
    return arguments_end(a);
}

enum step_result id_step(struct imap *imap, struct step_context *context)
{
    const struct session *s = imap->session;
    char client[256];
    log_event(LOG_INFO, "client", "proto=imap sid=%016llx client=%s", (unsigned long long)s->id,
              log_value(view_of_string(s->client), client, sizeof client));
    imap_untagged(imap, "ID (\"name\" \"Waxwing\" \"version\" \"" WAXWING_VERSION "\")");
    imap_finish(imap, "OK", NULL, "ID completed");
    return STEP_DONE;
}

/* ---- ENABLE (RFC 5161) ---- */

/* What can be enabled, and what comes with it. */
static const struct {
    const char *name;
    uint32_t bit, with;
} enables[] = {{"CONDSTORE", ENABLED_CONDSTORE, 0},
               {"QRESYNC", ENABLED_QRESYNC, ENABLED_CONDSTORE},
               {"IMAP4rev2", ENABLED_REV2, 0},
               {"UTF8=ACCEPT", ENABLED_UTF8, 0},
               {"UIDONLY", ENABLED_UIDONLY, 0}};
enum { ENABLES = sizeof enables / sizeof *enables };

bool enable_parse(struct imap *imap, struct arguments *a)
{
    uint32_t *wanted = arena_new(a->arena, sizeof *wanted);
    struct view word;
    imap->state = wanted;
    do {
        if (!arguments_space(a) || !arguments_atom(a, &word))
            return false;
        for (size_t i = 0; i < ENABLES; i++)
            if (view_equal_string_nocase(word, enables[i].name))
                *wanted |= enables[i].bit;
    } while (arguments_peek(a) == ' ');
    return arguments_end(a);
}

enum step_result enable_step(struct imap *imap, struct step_context *context)
{
    const uint32_t *wanted = imap->state;
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* ENABLED");
    for (size_t i = 0; i < ENABLES; i++) {
        if (!(*wanted & enables[i].bit & ~imap->enabled))
            continue;
        buffer_append_char(out, ' ');
        buffer_append_string(out, enables[i].name);
    }
    buffer_append_string(out, "\r\n");
    for (size_t i = 0; i < ENABLES; i++)
        if (*wanted & enables[i].bit)
            imap->enabled |= enables[i].bit | enables[i].with;
    imap_finish(imap, "OK", NULL, "Enabled");
    return STEP_DONE;
}
