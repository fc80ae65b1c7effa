/*
 * imap/search_write.c: what a search found, told in slices: "* SEARCH 2 84 882", "* ESEARCH (TAG "a") UID ALL 2:9"
 * (RFC 3501 7.2.5, RFC 4731 3.1, RFC 4466 2.6.2).
 *
 * Tested   tests/e2e/test_search.py, test_cap_partial.py
 */
#include "imap/search.h"
#include <stdlib.h>

uint32_t search_told_number(void *ctx, uint32_t uid)
{
    struct imap *imap = ctx;
    return imap->uid ? uid : selected_number(imap, uid);
}

/* ---- ranges ---- */

void search_ranges_end(struct search_ranges_writer *w, struct buffer *out)
{
    if (!w->first)
        return;
    if (w->any)
        buffer_append_char(out, ',');
    buffer_append_u64(out, w->first);
    if (w->last != w->first) {
        buffer_append_char(out, ':');
        buffer_append_u64(out, w->last);
    }
    w->any = true;
    w->first = 0;
}

void search_ranges_put(struct search_ranges_writer *w, uint32_t first, uint32_t last, struct buffer *out)
{
    if (w->first && first == w->last + 1) {
        w->last = last;
        return;
    }
    search_ranges_end(w, out);
    w->first = first;
    w->last = last;
}

/* The runs of the found UIDs from answer->next_uid up to `last`. True: all are written. */
static bool write_runs(struct searching *s, struct search_answer *answer, uint32_t last_uid,
                       struct step_context *context, enum step_result *result_r)
{
    struct buffer *out = imap_output(s->imap);
    uint32_t first, last;
    while (answer->next_uid && uidset_run(s->found, answer->next_uid, &first, &last) && first <= last_uid) {
        first = first < answer->next_uid ? answer->next_uid : first;
        last = last > last_uid ? last_uid : last;
        search_ranges_put(&answer->writer, search_told_number(s->imap, first), search_told_number(s->imap, last), out);
        answer->next_uid = last == UINT32_MAX ? 0 : last + 1;
        if (imap_slice_over(s->imap, context, result_r))
            return false;
    }
    search_ranges_end(&answer->writer, out);
    return true;
}

/* ---- the plain form ---- */

void search_write_modseq(const struct searching *s, bool extended, struct buffer *out)
{
    if (s->program.uses_modseq && s->modseq)
        buffer_printf(out, extended ? " MODSEQ %llu" : " (MODSEQ %llu)", (unsigned long long)s->modseq);
}

static enum step_result write_plain(struct searching *s, struct search_answer *answer, struct step_context *context)
{
    struct buffer *out = imap_output(s->imap);
    enum step_result result;
    uint32_t uid;
    if (answer->phase == WRITE_HEAD) {
        buffer_append_string(out, "* SEARCH");
        answer->phase = WRITE_ALL;
        answer->next_uid = 1;
    }
    while (answer->next_uid && (uid = uidset_next(s->found, answer->next_uid))) {
        buffer_append_char(out, ' ');
        buffer_append_u64(out, search_told_number(s->imap, uid));
        answer->next_uid = uid == UINT32_MAX ? 0 : uid + 1;
        if (imap_slice_over(s->imap, context, &result))
            return result;
    }
    search_write_modseq(s, false, out);
    buffer_append_string(out, "\r\n");
    answer->phase = WRITE_OVER;
    return STEP_DONE;
}

/* ---- the extended form ---- */

void search_write_correlator(struct imap *imap, struct buffer *out, struct view tag, bool uid,
                             const struct search_answer *of)
{
    buffer_append_string(out, "* ESEARCH (TAG ");
    imap_write_string(out, tag);
    if (of && of->uidvalidity) {
        buffer_append_string(out, " MAILBOX ");
        imap_write_mailbox(imap, out, of->mailbox);
        buffer_printf(out, " UIDVALIDITY %u", of->uidvalidity);
    }
    buffer_append_string(out, uid ? ") UID" : ")");
}

static int by_uid(const void *a, const void *b)
{
    const struct search_score *x = a, *y = b;
    return x->uid < y->uid ? -1 : x->uid > y->uid;
}

static unsigned score_of(const struct search_score *scores, size_t count, uint32_t uid)
{
    struct search_score wanted = {.uid = uid};
    const struct search_score *score = bsearch(&wanted, scores, count, sizeof *scores, by_uid);
    return score ? score->relevancy : 1;
}

void search_write_relevancy(struct searching *s, const struct order *order, struct buffer *out)
{
    struct search_score *scores = (struct search_score *)(void *)(s->scores.memory + s->scores.start);
    size_t count = buffer_size(&s->scores) / sizeof *scores;
    if (!(s->options.wanted & RETURN_RELEVANCY) || !count)
        return;
    qsort(scores, count, sizeof *scores, by_uid);
    for (size_t i = 0; i < count; i++) {
        unsigned score = order ? score_of(scores, count, order_uid(order, i)) : scores[i].relevancy;
        buffer_printf(out, i ? " %u" : " RELEVANCY (%u", score);
    }
    buffer_append_char(out, ')');
}

/* What stands before the lists. Nothing found: MIN, MAX and ALL are left out (RFC 4731 3.1). */
static void write_head(struct searching *s, struct search_answer *answer, struct buffer *out)
{
    unsigned wanted = s->options.wanted;
    uint32_t count = uidset_count(s->found);
    search_write_correlator(s->imap, out, s->imap->tag, s->imap->uid, answer);
    if ((wanted & RETURN_MIN) && count)
        buffer_printf(out, " MIN %u", search_told_number(s->imap, s->min));
    if ((wanted & RETURN_MAX) && count)
        buffer_printf(out, " MAX %u", search_told_number(s->imap, s->max));
    if (wanted & RETURN_COUNT)
        buffer_printf(out, " COUNT %u", count);
    if ((wanted & RETURN_ALL) && count)
        buffer_append_string(out, " ALL ");
    answer->next_uid = (wanted & RETURN_ALL) && count ? 1 : 0;
}

/* "(PARTIAL (-1:-100 " and which UIDs come. False: none. */
static bool begin_partial(struct searching *s, struct search_answer *answer, uint32_t *last_r)
{
    uint32_t first, last;
    if (!partial_clip(&s->options.partial, uidset_count(s->found), &first, &last))
        return false;
    *last_r = uidset_select(s->found, last);
    if (answer->phase == WRITE_ALL)
        answer->next_uid = uidset_select(s->found, first);
    return true;
}

void search_write_partial_range(const struct partial_range *range, struct buffer *out)
{
    const char *sign = range->from_last ? "-" : "";
    buffer_printf(out, " PARTIAL (%s%u:%s%u ", sign, range->reversed ? range->last : range->first, sign,
                  range->reversed ? range->first : range->last);
}

/* True: it is written whole. */
static bool write_partial(struct searching *s, struct search_answer *answer, struct step_context *context,
                          enum step_result *result_r)
{
    struct buffer *out = imap_output(s->imap);
    uint32_t last = 0;
    if (!(s->options.wanted & RETURN_PARTIAL))
        return true;
    bool any = begin_partial(s, answer, &last);
    if (answer->phase == WRITE_ALL) {
        search_write_partial_range(&s->options.partial, out);
        answer->writer = (struct search_ranges_writer){0};
        answer->phase = WRITE_PARTIAL;
    }
    if (any && !write_runs(s, answer, last, context, result_r))
        return false;
    buffer_append_string(out, any ? ")" : "NIL)");
    return true;
}

static enum step_result write_extended(struct searching *s, struct search_answer *answer, struct step_context *context)
{
    struct buffer *out = imap_output(s->imap);
    enum step_result result;
    if (answer->phase == WRITE_HEAD) {
        write_head(s, answer, out);
        answer->phase = WRITE_ALL;
    }
    if (answer->phase == WRITE_ALL && (s->options.wanted & RETURN_ALL) &&
        !write_runs(s, answer, UINT32_MAX, context, &result))
        return result;
    if (!write_partial(s, answer, context, &result))
        return result;
    search_write_relevancy(s, NULL, out);
    search_write_modseq(s, true, out);
    buffer_append_string(out, "\r\n");
    answer->phase = WRITE_OVER;
    return STEP_DONE;
}

enum step_result search_write(struct searching *s, struct search_answer *answer, struct step_context *context)
{
    if (answer->phase == WRITE_OVER || s->options.wanted == RETURN_SAVE) /* RFC 5182 2.1: then nothing is told */
        return STEP_DONE;
    return s->options.wanted ? write_extended(s, answer, context) : write_plain(s, answer, context);
}
