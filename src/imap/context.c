/*
 * imap/context.c: see imap/context.h.
 *
 * A message's keys of SORT never change, so a sorted result is an array of UIDs; where a new one belongs is found by
 * reading the keys of a few others.
 */
#include "imap/context.h"
#include "base/memory.h"
#include "search/ranking.h"
#include <stdlib.h>

struct search_context {
    struct search_context *next;
    struct imap *imap;
    struct arena arena;
    struct view tag;
    bool uid, sorted;
    struct search_program program;
    struct uidset *set;
    struct order_program criteria;
    uint32_t *order; /* of a sorted one: the set in its order */
    size_t count;
    struct purse purse;
    struct fetch *fetch; /* of messages that come; null: none */
    /* while changes are looked at */
    bool looking, looked;
    struct search_walk walk;
    struct uidset *candidates, *fits, *added;
    struct uidset *fresh; /* added, and new */
    uint32_t first_new;
    struct buffer pairs; /* " 3 17 4 18": places and messages */
};

/* ---- the list ---- */

bool contexts_have_tag(const struct imap *imap, struct view tag)
{
    for (const struct search_context *c = imap->selected.contexts; c; c = c->next)
        if (view_equal(c->tag, tag))
            return true;
    return false;
}

static void rest(struct search_context *c)
{
    c->looking = c->looked = false;
    search_walk_free(&c->walk);
    c->walk = (struct search_walk){0};
    uidset_unref(&c->candidates);
    uidset_unref(&c->fits);
    uidset_unref(&c->added);
    uidset_unref(&c->fresh);
    buffer_free(&c->pairs);
}

static void end_context(struct imap *imap, struct search_context *c)
{
    struct search_context **at = &imap->selected.contexts;
    while (*at && *at != c)
        at = &(*at)->next;
    if (*at)
        *at = c->next;
    rest(c);
    search_program_free(&c->program);
    uidset_unref(&c->set);
    free(c->order);
    purse_empty(&c->purse);
    arena_free(&c->arena);
    free(c);
}

void contexts_free(struct imap *imap)
{
    while (imap->selected.contexts)
        end_context(imap, imap->selected.contexts);
}

void contexts_rest(struct imap *imap)
{
    for (struct search_context *c = imap->selected.contexts; c; c = c->next)
        rest(c);
}

/* ---- a new one ---- */

void context_refuse(struct imap *imap, struct view tag, const char *why)
{
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* NO [NOUPDATE ");
    imap_write_string(out, tag);
    buffer_append_string(out, "] ");
    imap_say(imap, why);
    buffer_append_string(out, "\r\n");
}

static size_t contexts_count(const struct imap *imap)
{
    size_t count = 0;
    for (const struct search_context *c = imap->selected.contexts; c; c = c->next)
        count++;
    return count;
}

static bool keep_order(struct search_context *c, const struct order *order)
{
    if (!purse_reach(&c->purse, c->arena.used + (order->count + 1) * sizeof *c->order))
        return false;
    c->order = memory_array(order->count + 1, sizeof *c->order);
    c->count = order->count;
    for (size_t i = 0; i < order->count; i++)
        c->order[i] = order_uid(order, i);
    return true;
}

/* The text was read once already; what is kept of it must outlive the command. */
static bool keep_items(struct search_context *c, struct view items)
{
    struct view text = arena_view(&c->arena, items);
    struct arguments a = {.at = text.data, .end = text.data + text.size, .arena = &c->arena};
    if (!items.size)
        return true;
    c->fetch = ARENA_NEW(&c->arena, struct fetch);
    return fetch_take_list(&a, c->fetch);
}

void context_begin(struct searching *s, const struct order_program *criteria, const struct order *order)
{
    struct imap *imap = s->imap;
    if (contexts_count(imap) >= LIMIT_IMAP_CONTEXTS || (criteria && !ranking_lasts(criteria))) {
        context_refuse(imap, imap->tag, "No more updates can be sent");
        return;
    }
    struct search_context *c = NEW(struct search_context);
    arena_init(&c->arena, LIMIT_COMMAND_MEMORY);
    c->imap = imap;
    c->tag = arena_view(&c->arena, imap->tag);
    c->uid = imap->uid;
    c->sorted = criteria != NULL;
    search_program_copy(&s->program, &c->arena, &c->program);
    c->set = uidset_copy(s->found);
    if (criteria)
        c->criteria = *criteria;
    bool fits = keep_items(c, s->options.items) && c->arena.used <= LIMIT_CONTEXT_OCTETS &&
                purse_reach(&c->purse, c->arena.used);
    if (fits && criteria)
        fits = keep_order(c, order);
    if (fits) {
        c->next = imap->selected.contexts;
        imap->selected.contexts = c;
        return;
    }
    context_refuse(imap, imap->tag, "The search is too large for updates");
    end_context(imap, c);
}

/* ---- telling ---- */

/* UIDONLY may have been enabled since. */
static bool by_uid(const struct search_context *c)
{
    return c->uid || (c->imap->enabled & ENABLED_UIDONLY);
}

static uint32_t told(const struct search_context *c, uint32_t uid)
{
    return by_uid(c) ? uid : selected_number(c->imap, uid);
}

static void begin_answer(struct search_context *c, const char *item, struct buffer *out)
{
    search_write_correlator(c->imap, out, c->tag, by_uid(c), NULL);
    buffer_printf(out, " %s (", item);
}

/* In the mailbox's order the place is 0 (RFC 5267 4.3.3). */
static void tell_set(struct search_context *c, const char *item, const struct uidset *set)
{
    struct buffer *out = imap_output(c->imap);
    struct search_ranges_writer writer = {0};
    uint32_t first, last, from = 1;
    begin_answer(c, item, out);
    buffer_append_string(out, "0 ");
    while (from && uidset_run(set, from, &first, &last)) {
        search_ranges_put(&writer, told(c, first), told(c, last), out);
        from = last == UINT32_MAX ? 0 : last + 1;
    }
    search_ranges_end(&writer, out);
    buffer_append_string(out, ")\r\n");
}

static void note_pair(struct search_context *c, size_t place, uint32_t uid)
{
    buffer_printf(&c->pairs, buffer_size(&c->pairs) ? " %zu %u" : "%zu %u", place, told(c, uid));
}

static void tell_pairs(struct search_context *c, const char *item)
{
    struct buffer *out = imap_output(c->imap);
    if (!buffer_size(&c->pairs))
        return;
    begin_answer(c, item, out);
    buffer_append_view(out, buffer_view(&c->pairs));
    buffer_append_string(out, ")\r\n");
    buffer_clear(&c->pairs);
}

/* Places count what is left behind the pairs before. */
static void remove_sorted(struct search_context *c, const struct uidset *gone)
{
    size_t left = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (uidset_has(gone, c->order[i]))
            note_pair(c, left + 1, c->order[i]);
        else
            c->order[left++] = c->order[i];
    }
    c->count = left;
    tell_pairs(c, "REMOVEFROM");
}

static void tell_removed(struct search_context *c, const struct uidset *gone)
{
    if (!uidset_count(gone))
        return;
    uidset_remove_set(c->set, gone);
    if (c->sorted)
        remove_sorted(c, gone);
    else
        tell_set(c, "REMOVEFROM", gone);
}

void contexts_tell_gone(struct imap *imap, const struct uidset *gone)
{
    for (struct search_context *c = imap->selected.contexts; c; c = c->next) {
        struct uidset *here = uidset_copy(gone);
        uidset_intersect(here, c->set);
        tell_removed(c, here);
        uidset_unref(&here);
    }
}

/* ---- where a message belongs ---- */

/* What can't be read any more sorts first: it is about to go. */
static enum store_error key_of(struct search_context *c, const struct reader *reader, struct email_cursor *cursor,
                               uint32_t uid, struct buffer *key)
{
    struct message_row row;
    struct email email;
    bool expunged;
    buffer_clear(key);
    enum store_error error = message_row(reader, c->imap->selected.mailbox, uid, &row, &expunged);
    if (!error)
        error = email_cursor_read(cursor, row.email, &email);
    if (!error)
        order_write_key(&c->criteria, &row, &email, 1, key);
    return error == STORE_EXPUNGED || error == STORE_NOT_FOUND ? STORE_OK : error;
}

static enum store_error find_place(struct search_context *c, const struct reader *reader, uint32_t uid, size_t *place_r)
{
    struct email_cursor *cursor = email_cursor_new(reader);
    struct buffer key = {0}, other = {0};
    size_t low = 0, high = c->count;
    enum store_error error = key_of(c, reader, cursor, uid, &key);
    while (!error && low < high) {
        size_t middle = low + (high - low) / 2;
        error = key_of(c, reader, cursor, c->order[middle], &other);
        int order = view_compare(buffer_view(&other), buffer_view(&key));
        if (order < 0 || (order == 0 && c->order[middle] < uid))
            low = middle + 1;
        else
            high = middle;
    }
    buffer_free(&key);
    buffer_free(&other);
    email_cursor_free(&cursor);
    *place_r = low;
    return error;
}

static enum store_error add_sorted(struct search_context *c, const struct reader *reader, uint32_t uid)
{
    size_t place;
    enum store_error error = find_place(c, reader, uid, &place);
    if (error)
        return error;
    if (!purse_reach(&c->purse, c->arena.used + (c->count + 1) * sizeof *c->order))
        return STORE_LIMIT;
    c->order = memory_resize(c->order, (c->count + 1) * sizeof *c->order);
    memmove(c->order + place + 1, c->order + place, (c->count - place) * sizeof *c->order);
    c->order[place] = uid;
    c->count++;
    note_pair(c, place + 1, uid);
    return STORE_OK;
}

/* STORE_MORE: the slice is over. */
static enum store_error tell_added(struct search_context *c, struct step_context *context, enum step_result *result_r)
{
    struct reader reader = selected_reader(c->imap, context);
    uint32_t uid;
    if (!c->sorted && uidset_count(c->added))
        tell_set(c, "ADDTO", c->added);
    uidset_add_set(c->set, c->added);
    while (c->sorted && (uid = uidset_next(c->added, 1))) {
        enum store_error error = add_sorted(c, &reader, uid);
        if (error)
            return error;
        uidset_remove(c->added, uid);
        if (imap_slice_over(c->imap, context, result_r))
            return STORE_MORE;
    }
    tell_pairs(c, "ADDTO");
    return STORE_OK;
}

/* ---- looking at what changed ---- */

static bool fits_still(struct search_walk *walk, const struct message_row *row, const struct email *email,
                       const char *bits)
{
    struct search_context *c = walk->ctx;
    uidset_add(c->fits, row->uid);
    return true;
}

static void begin_looking(struct search_context *c, const struct uidset *changed, uint32_t first_new)
{
    const struct selected *s = &c->imap->selected;
    struct uidset *fresh = uidset_copy(s->uids);
    uidset_remove_range(fresh, 0, first_new - 1);
    c->candidates = uidset_copy(changed);
    uidset_intersect(c->candidates, s->uids);
    uidset_add_set(c->candidates, fresh);
    if (s->unsaid) /* told when their EXPUNGE is */
        uidset_remove_set(c->candidates, s->unsaid);
    uidset_unref(&fresh);
    c->fits = uidset_new();
    c->walk = (struct search_walk){.session = c->imap->session,
                                   .program = &c->program,
                                   .program_arena = &c->arena,
                                   .account = s->account,
                                   .seen_by = imap_seen_by(c->imap, s->account),
                                   .mailbox = s->mailbox,
                                   .domain = uidset_ref(c->candidates),
                                   .matched = fits_still,
                                   .ctx = c};
    c->looking = true;
    c->first_new = first_new;
}

/* From what fits now to what came and went. */
static void compare(struct search_context *c)
{
    struct uidset *gone = uidset_copy(c->candidates);
    uidset_remove_set(gone, c->fits);
    uidset_intersect(gone, c->set);
    c->added = uidset_copy(c->fits);
    uidset_remove_set(c->added, c->set);
    c->fresh = uidset_copy(c->added);
    uidset_remove_range(c->fresh, 0, c->first_new - 1);
    tell_removed(c, gone);
    uidset_unref(&gone);
    c->looked = true;
}

static enum step_result context_step(struct search_context *c, struct step_context *context,
                                     const struct uidset *changed, uint32_t first_new, enum store_error *error_r)
{
    enum step_result result = STEP_DONE;
    *error_r = STORE_OK;
    if (!c->looking)
        begin_looking(c, changed, first_new);
    if (!c->looked) {
        result = search_walk_step(&c->walk, context, error_r);
        if (result != STEP_DONE || *error_r)
            return result;
        compare(c);
    }
    if (!c->added) /* this one is through */
        return STEP_DONE;
    enum store_error error = tell_added(c, context, &result);
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (error == STORE_MORE)
        return result;
    *error_r = error;
    uidset_unref(&c->added);
    return STEP_DONE;
}

enum step_result contexts_step(struct imap *imap, struct step_context *context, const struct uidset *changed,
                               uint32_t first_new)
{
    struct search_context *next;
    for (struct search_context *c = imap->selected.contexts; c; c = next) {
        enum store_error error;
        next = c->next;
        enum step_result result = context_step(c, context, changed, first_new, &error);
        if (result != STEP_DONE)
            return result;
        if (!error)
            continue;
        context_refuse(imap, c->tag, "The updates end here");
        end_context(imap, c);
    }
    return STEP_DONE;
}

unsigned contexts_wanting(const struct imap *imap, uint32_t uid)
{
    unsigned bits = 0, bit = 1;
    for (const struct search_context *c = imap->selected.contexts; c; c = c->next, bit <<= 1)
        if (c->fetch && c->fresh && uidset_has(c->fresh, uid))
            bits |= bit;
    return bits;
}

void contexts_add_items(const struct imap *imap, unsigned wanting, struct fetch *fetch)
{
    for (const struct search_context *c = imap->selected.contexts; c && wanting; c = c->next, wanting >>= 1)
        if (wanting & 1)
            fetch_add_items(fetch, c->fetch);
}

/* ---- CANCELUPDATE ---- */

struct cancel {
    struct view *tags;
    size_t count;
};

bool cancelupdate_parse(struct imap *imap, struct arguments *a)
{
    struct cancel *cancel = ARENA_NEW(a->arena, struct cancel);
    cancel->tags = ARENA_ARRAY(a->arena, LIMIT_IMAP_CONTEXTS, struct view);
    imap->state = cancel;
    do {
        if (cancel->count == LIMIT_IMAP_CONTEXTS) {
            a->problem = "There are not so many contexts";
            return false;
        }
        struct view *tag = &cancel->tags[cancel->count++];
        if (!arguments_space(a) || !arguments_string(a, tag))
            return false;
        if (!contexts_have_tag(imap, *tag)) {
            a->problem = "No search of that tag is kept up to date";
            return false;
        }
    } while (arguments_peek(a) == ' ');
    return arguments_end(a);
}

enum step_result cancelupdate_step(struct imap *imap, struct step_context *context)
{
    const struct cancel *cancel = imap->state;
    struct search_context *next;
    for (struct search_context *c = imap->selected.contexts; c; c = next) {
        bool named = false;
        next = c->next;
        for (size_t i = 0; i < cancel->count; i++)
            named = named || view_equal(c->tag, cancel->tags[i]);
        if (named)
            end_context(imap, c);
    }
    imap_finish(imap, "OK", NULL, "No further updates");
    return STEP_DONE;
}
