/*
 * imap/search_filter.c: FILTER, a search that the client keeps under a name in its metadata (RFC 5466).
 *
 * Does     where the keys name filters, reads the account's own annotations and puts the filters' keys in their places,
 *          until no FILTER is left. A filter counts as one key, as if it stood in parentheses: "NOT FILTER x" is no
 *          message of x.
 * Called   by searching.c before a search begins; by metadata.c when a filter is kept.
 * Limits   LIMIT_SEARCH_FILTERS of one search, those inside others too: filters that name each other end there.
 * Tested   tests/e2e/test_cap_filters.py
 */
#include "imap/search.h"

static const char *const folders[] = {"/private/filters/values/", "/shared/filters/values/"};

/* ---- looking one up ---- */

/* RFC 5466 3.1: the user's own goes before what is shared. Names of entries are kept in small letters. */
static const struct metadata_entry *find_filter(const struct search_filters *f, struct view name)
{
    for (size_t folder = 0; folder < sizeof folders / sizeof *folders; folder++) {
        struct view prefix = view_of_string(folders[folder]);
        for (size_t i = 0; i < f->count; i++)
            if (view_starts_with(f->entries[i].name, prefix) &&
                view_equal_nocase(view_skip(f->entries[i].name, prefix.size), name))
                return &f->entries[i];
    }
    return NULL;
}

static bool names_filter(struct view entry)
{
    for (size_t folder = 0; folder < sizeof folders / sizeof *folders; folder++)
        if (view_starts_with(entry, view_of_string(folders[folder])))
            return true;
    return false;
}

/* ---- putting it in its place ---- */

enum outcome { PUT, UNDEFINED, MALFORMED };

static enum outcome put_filter(struct searching *s, const struct search_key *key, struct search_program *to)
{
    const struct metadata_entry *filter =
        s->filters.used++ < LIMIT_SEARCH_FILTERS ? find_filter(&s->filters, key->text) : NULL;
    if (!filter)
        return UNDEFINED;
    struct arguments a = {.at = filter->value.data,
                          .end = filter->value.data + filter->value.size,
                          .arena = &s->imap->session->command_arena,
                          .utf8 = true};
    return search_parse_filter(s->imap, &a, to, key->want) ? PUT : MALFORMED;
}

/* A key as it is; the program that it came from no longer has its set. */
static bool put_key(struct search_program *from, struct search_key *key, struct search_program *to)
{
    struct search_key moved = *key;
    key->set = NULL;
    if (key->op == SEARCH_MATCH) {
        if (to->match_count == MATCH_KEYS_MAX) {
            uidset_unref(&moved.set);
            return false;
        }
        to->matches[to->match_count] = from->matches[key->number];
        moved.number = (int64_t)to->match_count++;
    }
    return search_program_add(to, moved);
}

/* One pass: every FILTER that stands there now. *key_r: where it ended. */
static enum outcome pass(struct searching *s, const struct search_key **key_r)
{
    struct search_program to = {.uses_modseq = s->program.uses_modseq, .uses_fuzzy = s->program.uses_fuzzy};
    enum outcome outcome = PUT;
    for (size_t i = 0; i < s->program.count && outcome == PUT; i++) {
        *key_r = &s->program.keys[i];
        if ((*key_r)->op == SEARCH_FILTER)
            outcome = put_filter(s, *key_r, &to);
        else if (!put_key(&s->program, &s->program.keys[i], &to))
            outcome = MALFORMED;
    }
    if (outcome != PUT) {
        search_program_free(&to);
        return outcome;
    }
    search_program_free(&s->program);
    s->program = to;
    return PUT;
}

static enum step_result refuse(struct searching *s, enum outcome outcome, struct view name)
{
    searching_forget_saved(s);
    if (outcome == UNDEFINED)
        imap_finish_printf(s->imap, "NO", "[UNDEFINED-FILTER %.*s] There is no such filter", VIEW_PRINTF(name));
    else
        imap_finish(s->imap, "NO", "CANNOT", "A filter holds no whole search, or too long a one");
    return STEP_DONE;
}

enum step_result search_filters_step(struct searching *s, struct step_context *context, bool *good_r)
{
    struct imap *imap = s->imap;
    const struct search_key *key = NULL;
    *good_r = !s->program.uses_filters;
    if (*good_r)
        return STEP_DONE;
    struct reader reader = session_reader(imap->session, context);
    enum store_error error =
        metadata_read(&reader, &imap->session->command_arena, 0, &s->filters.entries, &s->filters.count);
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (error) {
        searching_fail(s, error);
        return STEP_DONE;
    }
    while (s->program.uses_filters) {
        enum outcome outcome = pass(s, &key);
        if (outcome != PUT)
            return refuse(s, outcome, key ? key->text : VIEW_EMPTY);
    }
    *good_r = true;
    return STEP_DONE;
}

/* ---- keeping one ---- */

bool search_filter_is_whole(struct imap *imap, struct view entry, struct view value)
{
    struct search_program program = {0};
    struct arguments a = {
        .at = value.data, .end = value.data + value.size, .arena = &imap->session->command_arena, .utf8 = true};
    uint32_t enabled = imap->enabled;
    bool by_number = imap->by_number, uid = imap->uid;
    if (!names_filter(entry))
        return true;
    imap->uid = true; /* it is read for its form alone: nothing of the session follows from it */
    imap->enabled &= ~(uint32_t)ENABLED_UIDONLY;
    bool good = search_parse_filter(imap, &a, &program, false);
    search_program_free(&program);
    imap->enabled = enabled;
    imap->by_number = by_number;
    imap->uid = uid;
    return good;
}
