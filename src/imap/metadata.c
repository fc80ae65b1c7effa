/*
 * imap/metadata.c: GETMETADATA and SETMETADATA (RFC 5464 4.2, 4.3), of mailboxes and, with the name "", of the account.
 *
 * Does     /private and /shared entries alike; but what is shared of the server isn't one user's to set: NOPERM. In a
 *          mailbox of others the /private entries are each reader's own: the owner's aren't shown, nor are theirs shown
 *          to the owner or to another reader.
 * Limits   LIMIT_METADATA_OCTETS a value, LIMIT_METADATA_NAME a name, LIMIT_METADATA_ENTRIES a mailbox and a command.
 * Tested   tests/e2e/test_cap_metadata.py
 */
#include "imap/metadata.h"
#include "imap/place.h"
#include "imap/search.h"

struct metadata {
    struct view name;
    bool valid, server;
    /* GETMETADATA */
    struct metadata_wanted wanted;
    /* SETMETADATA */
    struct metadata_entry *entries;
    size_t count;
    bool too_long, shared, private, no_filter;
    struct place place;
    bool looked;
};

static bool fail(struct arguments *a, const char *problem)
{
    a->problem = problem;
    return false;
}

/* ---- names of entries ---- */

static bool has_bad_octet(struct view name)
{
    for (size_t i = 0; i < name.size; i++) {
        unsigned char c = (unsigned char)name.data[i];
        bool twice = c == '/' && i + 1 < name.size && name.data[i + 1] == '/';
        if (c <= 0x19 || c >= 0x7f || c == '*' || c == '%' || twice)
            return true;
    }
    return false;
}

/* RFC 5464 3.2: "/private/..." or "/shared/...", compared without case: kept in small letters. */
bool metadata_take_name(struct arguments *a, struct view *name_r)
{
    struct view sent;
    if (!arguments_astring(a, &sent))
        return false;
    char *name = arena_string(a->arena, sent);
    for (size_t i = 0; i < sent.size; i++)
        if (name[i] >= 'A' && name[i] <= 'Z')
            name[i] = (char)(name[i] - 'A' + 'a');
    *name_r = view_of(name, sent.size);
    struct view rest = view_skip(*name_r, view_starts_with(*name_r, VIEW_LITERAL("/private")) ? 8 : 7);
    bool good =
        (view_starts_with(*name_r, VIEW_LITERAL("/private")) || view_starts_with(*name_r, VIEW_LITERAL("/shared"))) &&
        (!rest.size || rest.data[0] == '/') && name_r->data[name_r->size - 1] != '/' &&
        name_r->size <= LIMIT_METADATA_NAME && !has_bad_octet(*name_r);
    return good || fail(a, "An entry is /private/... or /shared/...");
}

static bool is_shared(struct view name)
{
    return view_starts_with(name, VIEW_LITERAL("/shared"));
}

/* ---- GETMETADATA ---- */

static bool take_depth(struct arguments *a, struct metadata_wanted *wanted)
{
    struct view word;
    if (!arguments_atom(a, &word))
        return false;
    wanted->depth = view_equal_string_nocase(word, "infinity") ? UINT32_MAX : view_equal_string(word, "1");
    return wanted->depth || view_equal_string(word, "0") || fail(a, "DEPTH is 0, 1 or infinity");
}

bool metadata_take_options(struct arguments *a, struct metadata_wanted *wanted)
{
    struct view word;
    do {
        if (!arguments_atom(a, &word) || !arguments_space(a))
            return false;
        if (view_equal_string_nocase(word, "MAXSIZE")) {
            wanted->has_max = true;
            if (!arguments_number(a, UINT32_MAX, &wanted->max_octets))
                return false;
        } else if (!view_equal_string_nocase(word, "DEPTH")) {
            return fail(a, "Unknown option of GETMETADATA");
        } else if (!take_depth(a, wanted)) {
            return false;
        }
    } while (arguments_take(a, ' '));
    return arguments_take(a, ')') || fail(a, "The list of options doesn't end");
}

/* "(MAXSIZE 1024) ", where a list that begins with "/" or a string is one of entries. */
static bool take_optional_options(struct arguments *a, struct metadata_wanted *wanted)
{
    struct arguments ahead = *a;
    if (!arguments_take(&ahead, '(') || arguments_peek(&ahead) == '/' || arguments_peek(&ahead) == '"' ||
        arguments_peek(&ahead) == '{')
        return true;
    a->at = ahead.at;
    return metadata_take_options(a, wanted) && arguments_space(a);
}

/* Without parentheses (as RFC 5464's examples have it) what isn't a path belongs to somebody else. */
static bool take_separator(struct arguments *a, bool list)
{
    if (!list && !(a->end - a->at > 1 && (a->at[1] == '/' || a->at[1] == '"')))
        return false;
    return arguments_take(a, ' ');
}

bool metadata_take_entries(struct arguments *a, struct metadata_wanted *wanted)
{
    bool list = arguments_take(a, '(');
    wanted->names = ARENA_ARRAY(a->arena, LIMIT_METADATA_ENTRIES, struct view);
    do {
        if (wanted->count == LIMIT_METADATA_ENTRIES)
            return fail(a, "Too many entries");
        if (!metadata_take_name(a, &wanted->names[wanted->count++]))
            return false;
    } while (take_separator(a, list));
    return !list || arguments_take(a, ')') || fail(a, "The list of entries doesn't end");
}

static bool take_mailbox(struct arguments *a, struct metadata *m)
{
    if (!arguments_mailbox(a, &m->name, &m->valid))
        return false;
    m->server = !m->name.size;
    return true;
}

/* RFC 5464 5 puts the options before the mailbox, its examples behind it: both are taken. */
bool getmetadata_parse(struct imap *imap, struct arguments *a)
{
    struct metadata *m = ARENA_NEW(a->arena, struct metadata);
    imap->state = m;
    return arguments_space(a) && take_optional_options(a, &m->wanted) && take_mailbox(a, m) && arguments_space(a) &&
           take_optional_options(a, &m->wanted) && metadata_take_entries(a, &m->wanted) && arguments_end(a);
}

/* Is `name` the wanted one, or below it within the depth? */
static bool is_below(struct view name, struct view wanted, uint32_t depth)
{
    uint32_t levels = 0;
    if (!view_starts_with(name, wanted))
        return false;
    struct view rest = view_skip(name, wanted.size);
    for (size_t i = 0; i < rest.size && levels <= depth; i++)
        levels += rest.data[i] == '/';
    return !rest.size || (rest.data[0] == '/' && levels <= depth);
}

static void write_entry(struct buffer *out, size_t *written, struct view name, const struct metadata_entry *entry)
{
    buffer_append_char(out, (*written)++ ? ' ' : '(');
    imap_write_astring(out, name);
    buffer_append_char(out, ' ');
    if (entry)
        imap_write_octets(out, entry->value);
    else
        buffer_append_string(out, "NIL");
}

static void write_wanted(const struct metadata_wanted *wanted, struct view name, struct metadata_entry *entries,
                         size_t count, uint64_t *longest, size_t *written, struct buffer *out)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        struct metadata_entry *entry = &entries[i];
        if (entry->removed || !is_below(entry->name, name, wanted->depth))
            continue;
        found = entry->removed = true; /* told once, however many of the wanted names it is below */
        if (wanted->has_max && entry->value.size > wanted->max_octets)
            *longest = entry->value.size > *longest ? entry->value.size : *longest;
        else
            write_entry(out, written, entry->name, entry);
    }
    if (!found && !wanted->depth)
        write_entry(out, written, name, NULL);
}

enum store_error metadata_respond(struct imap *imap, const struct reader *reader, const struct metadata_wanted *wanted,
                                  struct view name, uint32_t mailbox, uint64_t *longest)
{
    struct metadata_entry *entries;
    struct buffer list = {0};
    struct arena arena; /* of this mailbox alone: LIST tells of many */
    size_t count, written = 0;
    arena_init(&arena, 2 * (size_t)LIMIT_METADATA_ENTRIES * (LIMIT_METADATA_OCTETS + LIMIT_METADATA_NAME));
    enum store_error error = metadata_read(reader, &arena, mailbox, &entries, &count);
    if (error) {
        arena_free(&arena);
        return error;
    }
    for (size_t i = 0; i < wanted->count; i++)
        write_wanted(wanted, wanted->names[i], entries, count, longest, &written, &list);
    if (written) {
        struct buffer *out = imap_output(imap);
        buffer_append_string(out, "* METADATA ");
        imap_write_mailbox(imap, out, name);
        buffer_append_char(out, ' ');
        buffer_append_view(out, buffer_view(&list));
        buffer_append_string(out, ")\r\n");
    }
    buffer_free(&list);
    arena_free(&arena);
    return STORE_OK;
}

/* ---- SETMETADATA ---- */

static bool take_value(struct imap *imap, struct arguments *a, struct metadata *m, struct metadata_entry *entry)
{
    bool nil = false;
    bool good = arguments_value(a, &entry->value, &nil);
    entry->removed = nil;
    m->too_long = m->too_long || entry->value.size > LIMIT_METADATA_OCTETS;
    m->shared = m->shared || is_shared(entry->name);
    m->private = m->private || !is_shared(entry->name);
    /* RFC 5466 3.2 */
    m->no_filter =
        m->no_filter || (good && m->server && !nil && !search_filter_is_whole(imap, entry->name, entry->value));
    return good;
}

static bool take_pairs(struct imap *imap, struct arguments *a, struct metadata *m)
{
    m->entries = ARENA_ARRAY(a->arena, LIMIT_METADATA_ENTRIES, struct metadata_entry);
    if (!arguments_take(a, '('))
        return fail(a, "A list of entries and values is expected");
    do {
        struct metadata_entry *entry = &m->entries[m->count++];
        if (m->count > LIMIT_METADATA_ENTRIES)
            return fail(a, "Too many entries");
        if (!metadata_take_name(a, &entry->name) || !arguments_space(a) || !take_value(imap, a, m, entry))
            return false;
    } while (arguments_take(a, ' '));
    return arguments_take(a, ')') || fail(a, "The list of entries doesn't end");
}

bool setmetadata_parse(struct imap *imap, struct arguments *a)
{
    struct metadata *m = ARENA_NEW(a->arena, struct metadata);
    imap->state = m;
    return arguments_space(a) && take_mailbox(a, m) && arguments_space(a) && take_pairs(imap, a, m) && arguments_end(a);
}

static enum store_error run_set(struct txn *txn, struct mutation *mutation)
{
    const struct metadata *m = imap_of_mutation(mutation)->state;
    uint64_t by = imap_seen_by(imap_of_mutation(mutation), m->place.account);
    return metadata_set(txn, m->place.mailbox.id, by, m->entries, m->count);
}

/* ---- the steps ---- */

/* STEP_DONE with looked set: the mailbox is known. Else what the step returns. */
static enum step_result look(struct imap *imap, struct metadata *m, uint32_t needs, struct step_context *context)
{
    enum store_error error = STORE_OK;
    enum step_result result = STEP_DONE;
    if (m->server) /* RFC 5464 4: the account's own are those of mailbox 0 */
        m->place = (struct place){.account = imap->session->account};
    else
        result = place_find_mailbox(imap, context, m->name, m->valid, needs, &m->place, &error);
    m->looked = result == STEP_DONE && !error;
    if (result == STEP_DONE && error)
        imap_finish_error(imap, error);
    return result;
}

enum step_result getmetadata_step(struct imap *imap, struct step_context *context)
{
    struct metadata *m = imap->state;
    uint64_t longest = 0;
    enum step_result result = look(imap, m, RIGHT_LOOKUP | RIGHT_READ, context);
    if (result != STEP_DONE || !m->looked)
        return result;
    struct reader reader = place_reader(imap, context, &m->place);
    enum store_error error = metadata_respond(imap, &reader, &m->wanted, m->name, m->place.mailbox.id, &longest);
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (error)
        imap_finish_error(imap, error);
    else if (longest)
        imap_finish_printf(imap, "OK", "[METADATA LONGENTRIES %llu] Some are longer", (unsigned long long)longest);
    else
        imap_finish(imap, "OK", NULL, "Those are the entries");
    return STEP_DONE;
}

enum step_result setmetadata_step(struct imap *imap, struct step_context *context)
{
    struct metadata *m = imap->state;
    if (m->too_long) {
        imap_finish_printf(imap, "NO", "[METADATA MAXSIZE %u] The value is too long", (unsigned)LIMIT_METADATA_OCTETS);
        return STEP_DONE;
    }
    if (m->no_filter) {
        imap_finish(imap, "NO", "CANNOT", "A filter is a whole search");
        return STEP_DONE;
    }
    if (m->server && m->shared) {
        imap_finish(imap, "NO", "NOPERM", "What is shared of the server is the administrator's");
        return STEP_DONE;
    }
    /* RFC 5464 3.3 asks for less: what all see is changed by who may change messages. */
    uint32_t needs = RIGHT_LOOKUP | (m->shared ? RIGHT_WRITE : 0) | (m->private ? RIGHT_READ : 0);
    enum step_result result = m->looked ? STEP_DONE : look(imap, m, needs, context);
    if (result != STEP_DONE || !m->looked)
        return result;
    imap->mutation.account = m->place.account;
    imap->mutation.run = run_set;
    result = imap_mutate(imap, context);
    if (result != STEP_DONE)
        return result;
    if (imap->mutation.result == STORE_LIMIT)
        imap_finish(imap, "NO", "METADATA TOOMANY", "There are too many entries");
    else if (imap->mutation.result)
        imap_finish_error(imap, imap->mutation.result);
    else
        imap_finish(imap, "OK", NULL, "Set");
    return STEP_DONE;
}
