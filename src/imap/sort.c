/*
 * imap/sort.c: SORT and its extended form (RFC 5256 3, RFC 5267 3, RFC 5957, RFC 5257 4.9).
 *
 * Does     finds as SEARCH does, keeps a key of each message (search/order.h), sorts, tells.
 * Waits    on the pool for the sorting, so that no loop stands still.
 * Limits   LIMIT_SORT_CRITERIA, LIMIT_SEARCH_MEMORY.
 * Tested   tests/e2e/test_cap_sort.py
 */
#include "imap/annotation.h"
#include "imap/context.h"
#include "search/ranking.h"

enum {
    SORTED_HERE = 256,   /* so few need no other thread, and aren't worth keeping */
    CHOSEN_HERE = 20000, /* likewise, of which the places are known */
    FEW = 16             /* times fewer than a ranking has: sorted by themselves */
};

struct sort {
    struct searching searching;
    struct order_program program;
    struct order order;
    struct buffer key_octets;
    char name_octets[RANKING_NAME_OCTETS];
    struct view name;        /* of the ranking; empty: none is wanted */
    struct ranking *ranking; /* what is known from before; null: nothing */
    bool begun, found, sorted;
    enum search_write_phase phase;
    uint32_t at, end; /* places in the order, of what is being told */
    struct search_ranges_writer writer;
};

/* ---- arguments ---- */

static const struct {
    const char *name;
    enum order_by by;
} criteria[] = {{"ANNOTATION", ORDER_ANNOTATION},
                {"ARRIVAL", ORDER_ARRIVAL},
                {"CC", ORDER_CC},
                {"DATE", ORDER_DATE},
                {"DISPLAYFROM", ORDER_DISPLAYFROM},
                {"DISPLAYTO", ORDER_DISPLAYTO},
                {"FROM", ORDER_FROM},
                {"RELEVANCY", ORDER_RELEVANCY},
                {"SIZE", ORDER_SIZE},
                {"SUBJECT", ORDER_SUBJECT},
                {"TO", ORDER_TO}};

static bool fail(struct arguments *a, const char *problem)
{
    a->problem = problem;
    return false;
}

/* RFC 5257 4.9: one entry, one side of its value. */
static bool take_annotation(struct arguments *a, struct order_criterion *c)
{
    uint8_t attribute;
    if (!arguments_space(a) || !annotation_take_entry(a, &c->entry) || !arguments_space(a) ||
        !annotation_take_attribute(a, &attribute))
        return false;
    c->shared = attribute == (ATTRIBUTE_VALUE | ATTRIBUTE_SHARED);
    return c->shared || attribute == (ATTRIBUTE_VALUE | ATTRIBUTE_PRIV) ||
           fail(a, "What can be sorted by is value.priv and value.shared");
}

static bool take_criterion(struct arguments *a, struct sort *s)
{
    struct order_criterion c = {0};
    struct view word;
    if (!arguments_atom(a, &word))
        return false;
    if (view_equal_string_nocase(word, "REVERSE")) {
        c.reverse = true;
        if (!arguments_space(a) || !arguments_atom(a, &word))
            return false;
    }
    if (s->program.count == LIMIT_SORT_CRITERIA)
        return fail(a, "Too many criteria of SORT");
    for (size_t i = 0; i < sizeof criteria / sizeof *criteria; i++) {
        if (!view_equal_string_nocase(word, criteria[i].name))
            continue;
        c.by = criteria[i].by;
        if (c.by == ORDER_ANNOTATION && !take_annotation(a, &c))
            return false;
        s->program.criteria[s->program.count++] = c;
        return true;
    }
    return fail(a, "Unknown criterion of SORT");
}

static bool take_criteria(struct arguments *a, struct sort *s)
{
    if (!arguments_take(a, '('))
        return fail(a, "A list of criteria is expected");
    do {
        if (!take_criterion(a, s))
            return false;
    } while (arguments_take(a, ' '));
    return arguments_take(a, ')') || fail(a, "The list of criteria doesn't end");
}

static bool sorts_by(const struct order_program *program, enum order_by by)
{
    for (size_t i = 0; i < program->count; i++)
        if (program->criteria[i].by == by)
            return true;
    return false;
}

/* RFC 5256 3: texts are compared as SEARCH compares them. */
static bool annotated(struct search_walk *walk, uint32_t uid, const struct annotation *annotation, struct view folded)
{
    struct sort *s = walk->ctx;
    for (size_t i = 0; i < s->program.count; i++) {
        struct order_criterion *c = &s->program.criteria[i];
        if (c->by == ORDER_ANNOTATION && c->shared == (annotation->owner == ANNOTATION_SHARED) &&
            view_equal(c->entry, annotation->entry) && !order_values_add(&c->values, uid, folded))
            return false;
    }
    return true;
}

static bool found_one(struct searching *searching, const struct message_row *row, const struct email *email,
                      const char *bits)
{
    struct sort *s = (struct sort *)(void *)searching;
    bool scored = email && searching->program.uses_fuzzy;
    if (search_walk_knows(&searching->walk, row->uid))
        return true;
    buffer_clear(&s->key_octets);
    order_write_key(&s->program, row, email, scored ? search_relevancy(&searching->program, row, email, bits) : 1,
                    &s->key_octets);
    return order_add(&s->order, buffer_view(&s->key_octets), row->uid);
}

bool sort_parse(struct imap *imap, struct arguments *a)
{
    struct sort *s = ARENA_NEW(a->arena, struct sort);
    imap->state = s;
    s->searching.found_one = found_one;
    s->searching.whole = true;
    if (!arguments_space(a) || !search_return_parse(a, &s->searching.options) || !take_criteria(a, s) ||
        !arguments_space(a) || !search_charset_parse(a, &s->searching.charset) || !arguments_space(a) ||
        !searching_parse(&s->searching, imap, a))
        return false;
    bool relevancy = sorts_by(&s->program, ORDER_RELEVANCY);
    s->searching.walk.annotated = sorts_by(&s->program, ORDER_ANNOTATION) ? annotated : NULL;
    if (relevancy && !s->searching.program.uses_fuzzy) /* RFC 6203 6 */
        return fail(a, "RELEVANCY wants a FUZZY key");
    s->searching.walk.wants_email = relevancy || order_needs_email(&s->program);
    return true;
}

void sort_drop(struct imap *imap)
{
    struct sort *s = imap->state;
    if (!s)
        return;
    searching_free(&s->searching);
    for (size_t i = 0; i < s->program.count; i++)
        order_values_free(&s->program.criteria[i].values);
    order_free(&s->order);
    kept_unref((struct kept *)s->ranking);
    buffer_free(&s->key_octets);
}

/* ---- telling ---- */

/* As numbers in a row, or as ranges, which are never turned round (RFC 5267 3.2). True: up to s->end all is told. */
static bool write_stretch(struct imap *imap, struct sort *s, bool ranges, struct step_context *context,
                          enum step_result *result_r)
{
    struct buffer *out = imap_output(imap);
    while (s->at < s->end) {
        uint32_t number = search_told_number(imap, order_uid(&s->order, s->at++));
        if (ranges) {
            search_ranges_put(&s->writer, number, number, out);
        } else {
            buffer_append_char(out, ' ');
            buffer_append_u64(out, number);
        }
        if (!(s->at % 64) && imap_slice_over(imap, context, result_r))
            return false;
    }
    search_ranges_end(&s->writer, out);
    return true;
}

static enum step_result write_plain(struct imap *imap, struct sort *s, struct step_context *context)
{
    struct buffer *out = imap_output(imap);
    enum step_result result;
    if (s->phase == WRITE_HEAD) {
        buffer_append_string(out, "* SORT");
        s->end = (uint32_t)s->order.count;
        s->phase = WRITE_ALL;
    }
    if (!write_stretch(imap, s, false, context, &result))
        return result;
    search_write_modseq(&s->searching, false, out); /* RFC 7162 3.1.6 */
    buffer_append_string(out, "\r\n");
    return STEP_DONE;
}

static void write_head(struct imap *imap, struct sort *s, struct buffer *out)
{
    unsigned wanted = s->searching.options.wanted;
    uint32_t count = (uint32_t)s->order.count;
    search_write_correlator(imap, out, imap->tag, imap->uid, NULL);
    if ((wanted & RETURN_MIN) && count)
        buffer_printf(out, " MIN %u", search_told_number(imap, order_uid(&s->order, 0)));
    if ((wanted & RETURN_MAX) && count)
        buffer_printf(out, " MAX %u", search_told_number(imap, order_uid(&s->order, count - 1)));
    if (wanted & RETURN_COUNT)
        buffer_printf(out, " COUNT %u", count);
    if ((wanted & RETURN_ALL) && count) {
        buffer_append_string(out, " ALL ");
        s->end = count;
    }
}

/* Places first to last of the order, from 0, last not included. */
static bool partial_places(const struct sort *s, uint32_t *first_r, uint32_t *last_r)
{
    bool any = (s->searching.options.wanted & RETURN_PARTIAL) &&
               partial_clip(&s->searching.options.partial, (uint32_t)s->order.count, first_r, last_r);
    if (any)
        --*first_r;
    return any;
}

static void begin_partial(struct sort *s, struct buffer *out)
{
    if (!(s->searching.options.wanted & RETURN_PARTIAL))
        return;
    search_write_partial_range(&s->searching.options.partial, out);
    s->writer = (struct search_ranges_writer){0};
    if (!partial_places(s, &s->at, &s->end)) {
        buffer_append_string(out, "NIL");
        s->at = s->end;
    }
}

static enum step_result write_extended(struct imap *imap, struct sort *s, struct step_context *context)
{
    struct buffer *out = imap_output(imap);
    enum step_result result;
    if (s->phase == WRITE_HEAD) {
        write_head(imap, s, out);
        s->phase = WRITE_ALL;
    }
    if (!write_stretch(imap, s, true, context, &result))
        return result;
    if (s->phase == WRITE_ALL) {
        begin_partial(s, out);
        s->phase = WRITE_PARTIAL;
        if (!write_stretch(imap, s, true, context, &result))
            return result;
    }
    if (s->searching.options.wanted & RETURN_PARTIAL)
        buffer_append_char(out, ')');
    search_write_relevancy(&s->searching, &s->order, out);
    search_write_modseq(&s->searching, true, out);
    buffer_append_string(out, "\r\n");
    return STEP_DONE;
}

/* ---- the command ---- */

_Static_assert((size_t)RANKING_NAME_OCTETS <= (size_t)SEARCHING_NAME_OCTETS, "the longest program has a key");

static void keep(struct sort *s)
{
    uint32_t first, last, count = (uint32_t)s->order.count;
    if (!searching_counts_returned(&s->searching))
        return;
    struct uidset *partial = uidset_new();
    if (partial_places(s, &first, &last))
        for (uint32_t i = first; i < last; i++)
            uidset_add(partial, order_uid(&s->order, i));
    searching_returned(&s->searching, count ? order_uid(&s->order, 0) : 0, count ? order_uid(&s->order, count - 1) : 0,
                       partial);
    uidset_unref(&partial);
}

static void begin(struct sort *s)
{
    s->begun = true;
    if (!ranking_lasts(&s->program) || (s->searching.options.wanted & RETURN_RELEVANCY)) /* all records are read */
        return;
    s->name = ranking_name(&s->program, s->name_octets);
    s->ranking = (struct ranking *)searching_take(&s->searching, s->name);
    s->searching.walk.known = s->ranking ? s->ranking->uids : NULL;
}

/* The ranking with what is new, for this SORT and the next. False: there is none, or no memory for it. */
static bool renew(struct imap *imap, struct sort *s)
{
    struct ranking *made = ranking_make(s->ranking, &s->order, imap->selected.uids, imap->selected.next_uid);
    if (!made)
        return false;
    searching_put(&s->searching, s->name, &made->kept);
    s->searching.walk.known = NULL; /* the walk is over */
    kept_unref((struct kept *)s->ranking);
    s->ranking = made;
    return true;
}

static bool takes_long(const struct sort *s)
{
    return s->order.count > SORTED_HERE || (s->ranking && s->ranking->order.count > CHOSEN_HERE);
}

/* All that was found, in order: what is new has keys, the place of the rest is known. False: there is no memory. */
static bool arrange(struct imap *imap, struct sort *s)
{
    const struct uidset *found = s->searching.found;
    size_t count = uidset_count(found);
    bool few = s->ranking && count < s->ranking->order.count / FEW;
    order_sort(&s->order);
    if (!s->ranking) {
        if (s->name.size && count > SORTED_HERE && count >= uidset_count(imap->selected.uids) / 2)
            renew(imap, s);
        return true;
    }
    if (few || (s->order.count && !renew(imap, s))) {
        bool good = ranking_copy(s->ranking, found, &s->order);
        order_sort(&s->order);
        return good;
    }
    order_free(&s->order);
    return ranking_choose(s->ranking, found, &s->order);
}

enum step_result sort_step(struct imap *imap, struct step_context *context)
{
    struct sort *s = imap->state;
    enum step_result result = STEP_DONE;
    if (!s->begun)
        begin(s);
    if (!s->found) {
        result = searching_step(&s->searching, context, &s->found);
        if (result != STEP_DONE || !s->found)
            return result;
    }
    if (!s->sorted && takes_long(s) && context->mode != READ_BLOCKING)
        return imap_wait_pool(context);
    if (!s->sorted) {
        if (!arrange(imap, s)) {
            searching_fail(&s->searching, STORE_LIMIT);
            return STEP_DONE;
        }
        keep(s);
        if (s->searching.options.wanted & RETURN_UPDATE)
            context_begin(&s->searching, &s->program, &s->order);
        s->sorted = true;
    }
    result = searching_modseq_step(&s->searching, context);
    if (result == STEP_DONE && s->searching.options.wanted != RETURN_SAVE)
        result = s->searching.options.wanted ? write_extended(imap, s, context) : write_plain(imap, s, context);
    if (result == STEP_DONE)
        imap_finish(imap, "OK", NULL, "Sort completed");
    return result;
}
