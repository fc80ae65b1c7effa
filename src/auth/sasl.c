/*
 * auth/sasl.c: see sasl.h.
 */
#include "auth/sasl.h"

#include <sodium.h>

struct sasl_mechanism {
    const char *name;
    enum sasl_result (*step)(struct sasl *sasl, struct view octets);
    const char *first_challenge; /* when there is no initial response; null: there must be one */
};

/* A name or password that is too long can't be anybody's: refused like a wrong one, not called bad syntax. */
static bool keep(char *place, size_t place_size, size_t *size_r, struct view v)
{
    if (v.size >= place_size)
        return false;
    view_copy(place, v);
    place[v.size] = 0;
    *size_r = v.size;
    return true;
}

static enum sasl_result keep_both(struct sasl *sasl, struct view name, struct view password)
{
    if (name.size == 0 || view_find(password, 0, 0) != SIZE_MAX)
        return SASL_SYNTAX;
    if (!keep(sasl->name, sizeof(sasl->name), &sasl->name_size, name) ||
        !keep(sasl->password, sizeof(sasl->password), &sasl->password_size, password))
        return SASL_REFUSED;
    return SASL_CREDENTIALS;
}

/* RFC 4616 2: [authzid] NUL authcid NUL passwd. Acting for somebody else is nobody's right yet. */
static enum sasl_result step_plain(struct sasl *sasl, struct view octets)
{
    size_t first = view_find(octets, 0, 0);
    size_t second = first == SIZE_MAX ? SIZE_MAX : view_find(octets, 0, first + 1);
    if (second == SIZE_MAX)
        return SASL_SYNTAX;
    struct view as = view_slice(octets, 0, first);
    struct view name = view_slice(octets, first + 1, second - first - 1);
    enum sasl_result result = keep_both(sasl, name, view_skip(octets, second + 1));
    if (result == SASL_CREDENTIALS && as.size > 0 && !view_equal_nocase(as, name))
        return SASL_REFUSED;
    return result;
}

/* Never standardised: "Username:", then "Password:". An initial response is the name. */
static enum sasl_result step_login(struct sasl *sasl, struct view octets)
{
    if (sasl->step == 0) {
        if (octets.size == 0 || view_find(octets, 0, 0) != SIZE_MAX)
            return SASL_SYNTAX;
        if (!keep(sasl->name, sizeof(sasl->name), &sasl->name_size, octets))
            return SASL_REFUSED;
        sasl->step = 1;
        sasl->challenge = VIEW_LITERAL("Password:");
        return SASL_MORE;
    }
    return keep_both(sasl, view_of(sasl->name, sasl->name_size), octets);
}

static enum sasl_result step_command(struct sasl *sasl, struct view octets)
{
    size_t end = view_find(octets, 0, 0);
    if (end == SIZE_MAX)
        return SASL_SYNTAX;
    return keep_both(sasl, view_slice(octets, 0, end), view_skip(octets, end + 1));
}

/* name NUL timestamp NUL digest: what gate makes of the command and of its own greeting. */
static enum sasl_result step_apop(struct sasl *sasl, struct view octets)
{
    size_t first = view_find(octets, 0, 0);
    size_t second = first == SIZE_MAX ? SIZE_MAX : view_find(octets, 0, first + 1);
    if (second == SIZE_MAX || second == first + 1)
        return SASL_SYNTAX;
    if (!keep(sasl->timestamp, sizeof(sasl->timestamp), &sasl->timestamp_size,
              view_slice(octets, first + 1, second - first - 1)))
        return SASL_SYNTAX;
    return keep_both(sasl, view_slice(octets, 0, first), view_skip(octets, second + 1));
}

static const struct sasl_mechanism mechanisms[] = {
    {"PLAIN", step_plain, ""},
    {"LOGIN", step_login, "Username:"},
    {"LOGIN-COMMAND", step_command, NULL},
    {"APOP", step_apop, NULL},
};

bool sasl_start(struct sasl *sasl, struct view mechanism)
{
    memset(sasl, 0, sizeof(*sasl));
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++)
        if (view_equal_string_nocase(mechanism, mechanisms[i].name))
            sasl->mechanism = &mechanisms[i];
    return sasl->mechanism != NULL;
}

enum sasl_result sasl_step(struct sasl *sasl, const struct view *octets)
{
    if (octets == NULL) {
        if (sasl->mechanism->first_challenge == NULL)
            return SASL_SYNTAX;
        sasl->challenge = view_of_string(sasl->mechanism->first_challenge);
        return SASL_MORE;
    }
    if (octets->size > LIMIT_SASL_OCTETS)
        return SASL_SYNTAX;
    return sasl->mechanism->step(sasl, *octets);
}

void sasl_wipe(struct sasl *sasl)
{
    sodium_memzero(sasl->password, sizeof(sasl->password));
    sasl->password_size = 0;
}

const char *sasl_name(const struct sasl *sasl)
{
    return sasl->mechanism == NULL ? "none" : sasl->mechanism->name;
}
