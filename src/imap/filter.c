/*
 * imap/filter.c: see imap/filter.h.
 */
#include "imap/filter.h"

static bool fail(struct arguments *a, const char *problem)
{
    a->problem = problem;
    return false;
}

static const struct {
    const char *word;
    enum filter_kind kind;
    bool names;
} kinds[] = {{"SELECTED", FILTER_SELECTED, false},      {"SELECTED-DELAYED", FILTER_SELECTED_DELAYED, false},
             {"INBOXES", FILTER_PERSONAL, false},       {"PERSONAL", FILTER_PERSONAL, false},
             {"SUBSCRIBED", FILTER_SUBSCRIBED, false},  {"SUBTREE", FILTER_SUBTREE, true},
             {"SUBTREE-ONE", FILTER_SUBTREE_ONE, true}, {"MAILBOXES", FILTER_MAILBOXES, true}};

static bool take_name(struct arguments *a, size_t *names, struct filter *filter)
{
    struct view name;
    bool valid;
    if ((*names)++ == LIMIT_FILTER_NAMES)
        return fail(a, "Too many mailboxes are named");
    if (!arguments_mailbox(a, &name, &valid))
        return false;
    if (valid)
        filter->names[filter->count++] = name;
    return true;
}

static bool take_names(struct arguments *a, size_t *names, struct filter *filter)
{
    filter->names = ARENA_ARRAY(a->arena, LIMIT_FILTER_NAMES, struct view);
    if (!arguments_space(a))
        return false;
    if (!arguments_take(a, '('))
        return take_name(a, names, filter);
    do {
        if (!take_name(a, names, filter))
            return false;
    } while (arguments_take(a, ' '));
    return arguments_take(a, ')') || fail(a, "The list of mailboxes doesn't end");
}

bool filter_parse(struct arguments *a, size_t *names, struct filter *filter_r)
{
    struct view word;
    *filter_r = (struct filter){0};
    if (!arguments_atom(a, &word))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!view_equal_string_nocase(word, kinds[i].word))
            continue;
        filter_r->kind = kinds[i].kind;
        return !kinds[i].names || take_names(a, names, filter_r);
    }
    return fail(a, "Unknown kind of mailboxes");
}

static bool is_below(struct view path, struct view parent, bool next_level)
{
    if (path.size <= parent.size || path.data[parent.size] != '/' || !view_starts_with(path, parent))
        return false;
    return !next_level || view_find(path, '/', parent.size + 1) == SIZE_MAX;
}

bool filter_fits(const struct filter *filter, const struct mailbox_entry *entry)
{
    if (filter->kind == FILTER_PERSONAL) /* RFC 2342: what others share is in another namespace */
        return !entry->account;
    if (filter->kind == FILTER_SUBSCRIBED)
        return entry->mailbox.flags & MAILBOX_SUBSCRIBED;
    for (size_t i = 0; i < filter->count; i++) {
        if (view_equal(entry->path, filter->names[i]))
            return true;
        if (filter->kind != FILTER_MAILBOXES &&
            is_below(entry->path, filter->names[i], filter->kind == FILTER_SUBTREE_ONE))
            return true;
    }
    return false;
}
