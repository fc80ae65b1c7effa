/*
 * imap/multisearch.c: ESEARCH, a search of many mailboxes (RFC 7377): each as UID SEARCH would search it, one response
 * for each in which something is found.
 *
 * Does     gathers the mailboxes first, each once; then searches one after the other, in slices like any search. A
 *          mailbox that goes meanwhile is left out. "UID ESEARCH", as RFC 7377 2 once writes it, is the same.
 * Owns     the list of mailboxes, until the command ends.
 * Limits   LIMIT_NOTIFY_GROUPS, LIMIT_FILTER_NAMES of a command; there is none to how many mailboxes are searched.
 * Tested   tests/e2e/test_cap_multisearch.py
 */
#include "base/memory.h"
#include "imap/context.h"
#include "imap/filter.h"
#include "imap/list.h"
#include <stdlib.h>

struct target {
    uint64_t account;
    uint32_t mailbox, uidvalidity;
    struct view path;
    bool selected;
};
struct multisearch {
    struct searching searching;
    struct search_answer answer;
    struct filter filters[LIMIT_NOTIFY_GROUPS];
    size_t filter_count;
    /* gathering */
    size_t filter_at, name_at;
    struct mailbox_entry *entries;
    size_t entry_count;
    struct list_foreign foreign;
    struct target *targets;
    size_t count, room;
    struct uidset *own; /* of the session's account: those that are targets */
    /* searching */
    size_t at;
    bool begun, found, kept, updated;
    struct uidset **saved; /* by key: what "$" means in the selected mailbox */
};

static bool fail(struct arguments *a, const char *problem)
{
    a->problem = problem;
    return false;
}

/* ---- arguments ---- */

static bool take_sources(struct arguments *a, struct multisearch *m)
{
    struct arguments ahead = *a;
    struct view word;
    size_t names = 0;
    m->filter_count = 1; /* the selected mailbox */
    if (!arguments_atom(&ahead, &word) || !view_equal_string_nocase(word, "IN"))
        return true;
    a->at = ahead.at;
    m->filter_count = 0;
    if (!arguments_space(a) || !arguments_take(a, '('))
        return fail(a, "A list of mailboxes is expected");
    do {
        if (arguments_peek(a) == '(')
            return fail(a, "Unknown option of IN");
        if (m->filter_count == LIMIT_NOTIFY_GROUPS)
            return fail(a, "Too many kinds of mailboxes");
        if (!filter_parse(a, &names, &m->filters[m->filter_count]))
            return false;
        if (m->filters[m->filter_count++].kind == FILTER_SELECTED_DELAYED)
            return fail(a, "Unknown kind of mailboxes");
    } while (arguments_take(a, ' '));
    if (!arguments_take(a, ')'))
        return fail(a, "The list of mailboxes doesn't end");
    return arguments_space(a);
}

/* RFC 7377 2.2. */
static bool check(const struct imap *imap, struct arguments *a, const struct multisearch *m)
{
    unsigned wanted = m->searching.options.wanted;
    bool any = false, others = false;
    for (size_t i = 0; i < m->filter_count; i++) {
        any = any || m->filters[i].kind == FILTER_SELECTED;
        others = others || m->filters[i].kind != FILTER_SELECTED;
    }
    if ((any || (wanted & RETURN_UPDATE)) && !imap->selected.open)
        return fail(a, "No mailbox is selected");
    return !(wanted & RETURN_SAVE) || !others || fail(a, "SAVE belongs to the selected mailbox alone");
}

bool esearch_parse(struct imap *imap, struct arguments *a)
{
    struct multisearch *m = ARENA_NEW(a->arena, struct multisearch);
    struct search_return_options *options = &m->searching.options;
    imap->state = m;
    imap->uid = true; /* RFC 7377 2.1 */
    if (!arguments_space(a) || !take_sources(a, m) || !search_return_parse(a, options))
        return false;
    options->wanted = options->wanted ? options->wanted : RETURN_ALL;
    return search_take_charset(imap, a, &m->searching.charset) && check(imap, a, m) &&
           searching_parse(&m->searching, imap, a);
}

void esearch_drop(struct imap *imap)
{
    struct multisearch *m = imap->state;
    if (!m)
        return;
    for (size_t i = 0; m->saved && i < m->searching.program.count; i++)
        uidset_unref(&m->saved[i]);
    free(m->saved);
    searching_free(&m->searching);
    free(m->targets);
    uidset_unref(&m->own);
}

/* ---- which mailboxes ---- */

static void add_target(struct imap *imap, struct multisearch *m, uint64_t account, const struct mailbox *mailbox,
                       struct view path)
{
    bool own = account == imap->session->account;
    struct place place = {.account = account, .mailbox = {.id = mailbox->id}};
    if (!m->own)
        m->own = uidset_new();
    if (own && uidset_has(m->own, mailbox->id))
        return;
    for (size_t i = 0; !own && i < m->count; i++)
        if (m->targets[i].account == account && m->targets[i].mailbox == mailbox->id)
            return;
    if (own)
        uidset_add(m->own, mailbox->id);
    if (m->count == m->room) {
        m->room = m->room ? m->room * 2 : 16;
        m->targets = memory_resize(m->targets, m->room * sizeof *m->targets);
    }
    m->targets[m->count++] =
        (struct target){account, mailbox->id, mailbox->uidvalidity, path, place_is_selected(imap, &place)};
}

static enum store_error add_selected(struct imap *imap, struct multisearch *m, struct step_context *context)
{
    const struct selected *s = &imap->selected;
    const struct mailbox mailbox = {.id = s->mailbox, .uidvalidity = s->uidvalidity};
    struct reader reader = selected_reader(imap, context);
    struct view path;
    enum store_error error = STORE_OK;
    if (s->name)
        path = view_of_string(s->name);
    else
        error = mailbox_path(&reader, &imap->session->command_arena, s->mailbox, &path);
    if (!error)
        add_target(imap, m, s->account, &mailbox, path);
    return error;
}

/* Those that may be read; the others are left out, as if they weren't there. */
static enum step_result add_named(struct imap *imap, struct multisearch *m, const struct filter *filter,
                                  struct step_context *context, enum store_error *error_r)
{
    for (; m->name_at < filter->count; m->name_at++) {
        struct view name = filter->names[m->name_at];
        struct place place;
        enum step_result result = place_find_mailbox(imap, context, name, true, RIGHT_READ, &place, error_r);
        if (result != STEP_DONE)
            return result;
        if (!*error_r)
            add_target(imap, m, place.account, &place.mailbox, name);
        else if (*error_r != STORE_NO_MAILBOX && *error_r != STORE_NO_RIGHT)
            return STEP_DONE;
    }
    m->name_at = 0;
    *error_r = STORE_OK;
    return STEP_DONE;
}

/* RFC 7377 2.2: what is shared needs both "l", or it wouldn't be listed, and "r". */
static bool is_searched(const struct filter *filter, const struct mailbox_entry *entry)
{
    bool selectable = entry->exists && !(entry->mailbox.flags & MAILBOX_NOSELECT);
    return selectable && (!entry->account || (entry->rights & RIGHT_READ)) && filter_fits(filter, entry);
}

static enum step_result add_listed(struct imap *imap, struct multisearch *m, const struct filter *filter,
                                   struct step_context *context, enum store_error *error_r)
{
    struct reader reader = session_reader(imap->session, context);
    uint64_t own = imap->session->account;
    *error_r = STORE_OK;
    if (!m->entries)
        *error_r = mailbox_list(&reader, &imap->session->command_arena, &m->entries, &m->entry_count);
    if (*error_r)
        return STEP_DONE;
    enum step_result result = list_add_foreign(imap, context, &m->foreign, &m->entries, &m->entry_count);
    for (size_t i = 0; result == STEP_DONE && i < m->entry_count; i++) {
        const struct mailbox_entry *entry = &m->entries[i];
        if (is_searched(filter, entry))
            add_target(imap, m, entry->account ? entry->account : own, &entry->mailbox, entry->path);
    }
    return result;
}

static enum step_result gather(struct imap *imap, struct multisearch *m, struct step_context *context,
                               enum store_error *error_r)
{
    *error_r = STORE_OK;
    for (; m->filter_at < m->filter_count; m->filter_at++) {
        const struct filter *filter = &m->filters[m->filter_at];
        enum step_result result = STEP_DONE;
        if (filter->kind == FILTER_SELECTED)
            *error_r = add_selected(imap, m, context);
        else if (filter->kind == FILTER_MAILBOXES)
            result = add_named(imap, m, filter, context, error_r);
        else
            result = add_listed(imap, m, filter, context, error_r);
        if (*error_r == STORE_NO_MAILBOX) /* the selected one was deleted */
            *error_r = STORE_OK;
        if (result != STEP_DONE || *error_r)
            return result;
    }
    return STEP_DONE;
}

/* ---- one of them ---- */

/* Sets name other messages in each mailbox; "$" none but in the selected one. */
static void resolve_sets(struct multisearch *m, const struct target *target, const struct uidset *known)
{
    struct search_program *p = &m->searching.program;
    if (!m->saved)
        m->saved = memory_array(p->count + 1, sizeof(struct uidset *));
    for (size_t i = 0; i < p->count; i++) {
        struct search_key *key = &p->keys[i];
        if (key->op != SEARCH_SET)
            continue;
        if (!key->ranges && !m->saved[i])
            m->saved[i] = uidset_ref(key->set);
        uidset_unref(&key->set);
        if (key->ranges)
            key->set = search_resolve(key->ranges, known);
        else
            key->set = target->selected ? uidset_ref(m->saved[i]) : uidset_new();
    }
}

static enum store_error begin_target(struct imap *imap, struct multisearch *m, const struct target *target,
                                     struct step_context *context)
{
    struct searching *s = &m->searching;
    struct place place = {.account = target->account};
    struct reader reader = place_reader(imap, context, &place);
    struct uidset *known;
    uint64_t modseq;
    if (target->selected)
        known = uidset_ref(imap->selected.uids);
    else {
        enum store_error error = mailbox_uids(&reader, target->mailbox, &known, &modseq);
        if (error)
            return error;
    }
    resolve_sets(m, target, known);
    search_walk_reset(&s->walk);
    /* Their numbers are the account's own. */
    s->program.keywords_missing = s->program.keywords_missing || s->walk.account != target->account;
    s->walk.account = target->account;
    s->walk.seen_by = reader.seen_by;
    s->walk.mailbox = target->mailbox;
    s->walk.domain = known;
    uidset_unref(&s->found);
    s->found = uidset_new();
    s->modseq = 0;
    s->min = s->max = 0;
    buffer_clear(&s->scores);
    m->answer = (struct search_answer){.mailbox = target->path, .uidvalidity = target->uidvalidity};
    m->found = m->kept = false;
    m->begun = true;
    return STORE_OK;
}

/* RFC 7377 2.2: UPDATE is of the selected mailbox. */
static void keep(struct multisearch *m, const struct target *target)
{
    struct searching *s = &m->searching;
    m->kept = true;
    search_returned(s); /* SAVE is the selected mailbox's: esearch_parse saw to it */
    if (!target->selected)
        return;
    if (s->options.wanted & RETURN_UPDATE)
        context_begin(s, NULL, NULL);
    m->updated = true;
}

/* STEP_DONE: this one is through, or (*good_r false) the command is finished. */
static enum step_result search_target(struct imap *imap, struct multisearch *m, struct step_context *context,
                                      bool *good_r)
{
    const struct target *target = &m->targets[m->at];
    *good_r = true;
    if (!m->begun) {
        enum store_error error = begin_target(imap, m, target, context);
        if (error == STORE_WOULD_BLOCK)
            return imap_wait_pool(context);
        if (error)
            return STEP_DONE; /* it is gone */
    }
    if (!m->found) {
        enum step_result result = searching_step(&m->searching, context, good_r);
        m->found = *good_r;
        if (result != STEP_DONE || !*good_r)
            return result;
    }
    if (!m->kept)
        keep(m, target);
    enum step_result result = searching_modseq_step(&m->searching, context);
    if (result != STEP_DONE)
        return result;
    return uidset_count(m->searching.found) ? search_write(&m->searching, &m->answer, context) : STEP_DONE;
}

enum step_result esearch_step(struct imap *imap, struct step_context *context)
{
    struct multisearch *m = imap->state;
    enum step_result result;
    bool good;
    result = search_filters_step(&m->searching, context, &good); /* before sets are resolved: theirs too */
    if (result != STEP_DONE || !good)
        return result;
    if (m->filter_at < m->filter_count) {
        enum store_error error;
        result = gather(imap, m, context, &error);
        if (result != STEP_DONE)
            return result;
        if (error == STORE_WOULD_BLOCK)
            return imap_wait_pool(context);
        if (error) {
            imap_finish_error(imap, error);
            return STEP_DONE;
        }
    }
    while (m->at < m->count) {
        result = search_target(imap, m, context, &good);
        if (result != STEP_DONE || !good)
            return result;
        m->begun = false;
        m->at++;
        if (imap_slice_over(imap, context, &result))
            return result;
    }
    if ((m->searching.options.wanted & RETURN_UPDATE) && !m->updated)
        context_refuse(imap, imap->tag, "The selected mailbox isn't among those that were searched");
    imap_finish(imap, "OK", NULL, "Search completed");
    return STEP_DONE;
}
