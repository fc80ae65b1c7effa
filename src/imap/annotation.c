/* imap/annotation.c: the arguments that name and set annotations: see imap/annotation.h. */
#include "imap/annotation.h"
#include "base/wildcard.h"
#include "imap/fetch.h"

static bool fail(struct arguments *a, const char *problem)
{
    if (!a->problem)
        a->problem = problem;
    return false;
}

/* ---- names ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool annotation_is_of_part(struct view entry)
{
    return entry.size > 1 && entry.data[0] == '/' && is_digit(entry.data[1]);
}

/* Between "/" and the next one or the end. */
static struct view level_at(struct view entry, size_t level)
{
    struct view rest = view_skip(entry, 1);
    for (size_t end; level && (end = view_find(rest, '/', 0)) != SIZE_MAX; level--)
        rest = view_skip(rest, end + 1);
    return level ? VIEW_EMPTY : view_slice(rest, 0, view_find(rest, '/', 0));
}

/* RFC 3501 9, section-part: "1.2.3". Null: only look whether it is one. */
static bool read_part(struct view text, uint32_t *numbers, size_t *count_r)
{
    bool more = true;
    for (*count_r = 0; more; ++*count_r) {
        uint64_t number;
        size_t end = view_find(text, '.', 0);
        more = end != SIZE_MAX;
        struct view digits = view_slice(text, 0, end);
        if (*count_r == LIMIT_IMAP_NESTING || !view_parse_u64(digits, UINT32_MAX, &number) || digits.data[0] == '0')
            return false;
        if (numbers)
            numbers[*count_r] = (uint32_t)number;
        text = view_skip(text, more ? end + 1 : text.size);
    }
    return true;
}

/* RFC 5257 3.2: slashes between levels, none twice and none at the end, no control character. */
static bool is_well_formed(struct view name)
{
    size_t count;
    if (!name.size || name.size > LIMIT_ANNOTATION_ENTRY || name.data[name.size - 1] == '/')
        return false;
    for (size_t i = 0; i < name.size; i++) {
        unsigned char c = (unsigned char)name.data[i];
        if (c < 0x20 || c >= 0x7f || (c == '/' && i + 1 < name.size && name.data[i + 1] == '/'))
            return false;
    }
    struct view part = level_at(name, 0);
    return !annotation_is_of_part(name) || wildcard_is_in(part) || read_part(part, NULL, &count);
}

bool annotation_take_entry(struct arguments *a, struct view *entry_r)
{
    return arguments_astring(a, entry_r) &&
           ((is_well_formed(*entry_r) && entry_r->data[0] == '/' && !wildcard_is_in(*entry_r)) ||
            fail(a, "An entry is /comment, /altsubject, /vendor/..., or the same below the number of a part"));
}

/* list-mailbox: an atom in which wildcards may stand, or a string. */
bool annotation_take_pattern(struct arguments *a, struct view *pattern_r)
{
    bool string = arguments_peek(a) == '"' || arguments_peek(a) == '{';
    if (string ? !arguments_string(a, pattern_r) : !arguments_list_atom(a, pattern_r))
        return false;
    bool good = is_well_formed(*pattern_r) && memchr("/*%", pattern_r->data[0], 3);
    return good || fail(a, "That is no name of an entry");
}

bool annotation_take_attribute(struct arguments *a, uint8_t *attribute_r)
{
    enum { BOTH = ATTRIBUTE_PRIV | ATTRIBUTE_SHARED };
    static const struct {
        const char *name;
        uint8_t attribute;
    } attributes[] = {{"value", ATTRIBUTE_VALUE | BOTH},
                      {"value.priv", ATTRIBUTE_VALUE | ATTRIBUTE_PRIV},
                      {"value.shared", ATTRIBUTE_VALUE | ATTRIBUTE_SHARED},
                      {"size", ATTRIBUTE_SIZE | BOTH},
                      {"size.priv", ATTRIBUTE_SIZE | ATTRIBUTE_PRIV},
                      {"size.shared", ATTRIBUTE_SIZE | ATTRIBUTE_SHARED}};
    struct view name;
    if (!arguments_astring(a, &name))
        return false;
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        if (view_equal_string(name, attributes[i].name)) { /* RFC 5257 3.2: case matters */
            *attribute_r = attributes[i].attribute;
            return true;
        }
    return fail(a, "An attribute is value or size, with .priv or .shared behind it");
}

/* ---- parts ---- */

bool annotation_part_is_there(const struct digest *digest, struct view entry)
{
    uint32_t numbers[LIMIT_IMAP_NESTING];
    struct section section = {.kind = SECTION_WHOLE, .numbers = numbers};
    struct section_place place;
    struct view part = level_at(entry, 0);
    if (!annotation_is_of_part(entry) || wildcard_is_in(part))
        return true;
    return read_part(part, numbers, &section.number_count) && section_find(digest, &section, &place);
}

/* ---- what is to be set ---- */

static bool is_vendors(struct view entry, size_t level)
{
    return view_equal_string(level_at(entry, level), "vendor") && level_at(entry, level + 1).size;
}

/* RFC 5257 3.2.1: flags of a part are set, not set, or not there. */
static bool is_flag_of_part(struct view entry)
{
    static const char *const flags[] = {"seen", "answered", "flagged", "forwarded"};
    if (!view_equal_string(level_at(entry, 1), "flags") || level_at(entry, 3).size)
        return false;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (view_equal_string(level_at(entry, 2), flags[i]))
            return true;
    return false;
}

/* The entries that RFC 5257 3.2.1 names, and vendors'. */
static bool can_be_set(struct view entry)
{
    bool part = annotation_is_of_part(entry);
    struct view name = level_at(entry, part);
    bool last = !level_at(entry, part + 1u).size;
    if (part && is_flag_of_part(entry))
        return true;
    if (is_vendors(entry, part))
        return true;
    return last && (view_equal_string(name, "comment") || (!part && view_equal_string(name, "altsubject")));
}

static struct annotation *find(struct annotation_list *list, struct view entry, uint64_t owner)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->rows[i].owner == owner && view_equal(list->rows[i].entry, entry))
            return &list->rows[i];
    return NULL;
}

static bool take_value(struct arguments *a, uint64_t person, struct view entry, struct annotation_list *list)
{
    uint8_t attribute;
    struct annotation row = {.entry = entry};
    if (!annotation_take_attribute(a, &attribute) || !arguments_space(a) ||
        !arguments_value(a, &row.value, &row.removed))
        return false;
    bool both = (attribute & ATTRIBUTE_PRIV) && (attribute & ATTRIBUTE_SHARED);
    if (!(attribute & ATTRIBUTE_VALUE) || both)
        return fail(a, "What can be set is value.priv and value.shared");
    row.owner = attribute & ATTRIBUTE_PRIV ? person : ANNOTATION_SHARED;
    bool bit = row.removed || view_equal_string(row.value, "0") || view_equal_string(row.value, "1");
    if (annotation_is_of_part(entry) && is_flag_of_part(entry) && !bit)
        return fail(a, "A flag is 1, 0 or NIL");
    list->shared = list->shared || row.owner == ANNOTATION_SHARED;
    list->private = list->private || row.owner != ANNOTATION_SHARED;
    list->too_big = list->too_big || row.value.size > LIMIT_ANNOTATION_OCTETS;
    struct annotation *before = find(list, entry, row.owner); /* the last one holds */
    *(before ? before : &list->rows[list->count++]) = row;
    return true;
}

static bool take_entry_and_values(struct arguments *a, uint64_t person, struct annotation_list *list)
{
    struct view entry;
    if (!annotation_take_entry(a, &entry) || !arguments_space(a))
        return false;
    if (!can_be_set(entry))
        return fail(a, "There is no such entry");
    list->of_parts = list->of_parts || annotation_is_of_part(entry);
    if (!arguments_take(a, '('))
        return fail(a, "A list of attributes and values is expected");
    do
        if (!take_value(a, person, entry, list))
            return false;
    while (arguments_take(a, ' '));
    return arguments_take(a, ')') || fail(a, "The list of attributes doesn't end");
}

bool annotation_take_list(struct arguments *a, uint64_t person, struct annotation_list *list)
{
    size_t entries = 0;
    *list = (struct annotation_list){
        .rows = arena_try(a->arena, (2 * LIMIT_ANNOTATION_NAMES + 1) * sizeof(struct annotation))};
    if (!list->rows)
        return fail(a, "The command is too long");
    if (!arguments_take(a, '('))
        return fail(a, "A list of entries is expected");
    do {
        if (entries++ == LIMIT_ANNOTATION_NAMES)
            return fail(a, "Too many entries");
        if (!take_entry_and_values(a, person, list))
            return false;
    } while (arguments_take(a, ' '));
    return arguments_take(a, ')') || fail(a, "The list of entries doesn't end");
}

/* ---- what is to be fetched ---- */

static bool take_patterns(struct arguments *a, struct annotation_wanted *w)
{
    bool list = arguments_take(a, '(');
    w->entries = ARENA_ARRAY(a->arena, LIMIT_ANNOTATION_NAMES, struct view);
    do {
        struct view *entry = &w->entries[w->entry_count];
        if (w->entry_count++ == LIMIT_ANNOTATION_NAMES)
            return fail(a, "Too many entries");
        if (!annotation_take_pattern(a, entry))
            return false;
        w->of_parts = w->of_parts || annotation_is_of_part(*entry);
    } while (list && arguments_take(a, ' '));
    return !list || arguments_take(a, ')') || fail(a, "The list of entries doesn't end");
}

static bool take_attributes(struct arguments *a, struct annotation_wanted *w)
{
    enum { MOST = 16 };
    bool list = arguments_take(a, '(');
    w->attributes = ARENA_ARRAY(a->arena, MOST, uint8_t);
    do {
        if (w->attribute_count == MOST)
            return fail(a, "Too many attributes");
        if (!annotation_take_attribute(a, &w->attributes[w->attribute_count++]))
            return false;
    } while (list && arguments_take(a, ' '));
    return !list || arguments_take(a, ')') || fail(a, "The list of attributes doesn't end");
}

bool annotation_take_wanted(struct arguments *a, struct annotation_wanted *w)
{
    *w = (struct annotation_wanted){0};
    if (!arguments_take(a, '('))
        return fail(a, "Entries and attributes are expected in parentheses");
    return take_patterns(a, w) && arguments_space(a) && take_attributes(a, w) &&
           (arguments_take(a, ')') || fail(a, "The parentheses of ANNOTATION don't end"));
}
