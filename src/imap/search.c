/*
 * imap/search.c: SEARCH and its extended form (RFC 3501 6.4.4, RFC 4731, RFC 5182, RFC 9394).
 *
 * Tested   tests/unit/imap_search.c, tests/e2e/test_imap.py, test_search.py, test_cap_*.py
 */
#include "imap/context.h"
#include "imap/messagelimit.h"

struct search {
    struct searching searching;
    struct search_answer answer;
    bool found;
};

bool search_take_charset(struct imap *imap, struct arguments *a, struct search_charset *charset)
{
    struct arguments ahead = *a;
    struct view word;
    if (!arguments_atom(&ahead, &word) || !view_equal_string_nocase(word, "CHARSET"))
        return true;
    a->at = ahead.at;
    if (imap->enabled & ENABLED_UTF8) { /* RFC 6855 3 */
        a->problem = "UTF-8 was enabled: there is no other charset";
        return false;
    }
    return arguments_space(a) && search_charset_parse(a, charset) && arguments_space(a);
}

bool search_parse(struct imap *imap, struct arguments *a)
{
    struct search *s = ARENA_NEW(a->arena, struct search);
    imap->state = s;
    if (!arguments_space(a) || !search_return_parse(a, &s->searching.options) ||
        !search_take_charset(imap, a, &s->searching.charset))
        return false;
    if (!s->searching.options.wanted && (imap->enabled & ENABLED_REV2)) /* RFC 9051 6.4.4 */
        s->searching.options.wanted = RETURN_ALL;
    return searching_parse(&s->searching, imap, a);
}

void search_drop(struct imap *imap)
{
    struct search *s = imap->state;
    if (s)
        searching_free(&s->searching);
}

/* What PARTIAL tells; null: nothing. The caller's to unref. */
static struct uidset *partial_of(const struct searching *s)
{
    uint32_t first, last;
    if (!(s->options.wanted & RETURN_PARTIAL) ||
        !partial_clip(&s->options.partial, uidset_count(s->found), &first, &last))
        return NULL;
    struct uidset *partial = uidset_copy(s->found);
    uint32_t from = uidset_select(s->found, first), to = uidset_select(s->found, last);
    uidset_remove_range(partial, 0, from - 1);
    if (to < UINT32_MAX)
        uidset_remove_range(partial, to + 1, UINT32_MAX);
    return partial;
}

void search_returned(struct searching *s)
{
    if (!searching_counts_returned(s))
        return;
    struct uidset *partial = partial_of(s);
    searching_returned(s, s->min, s->max, partial);
    uidset_unref(&partial);
}

static void keep(struct searching *s)
{
    search_returned(s);
    if (!(s->options.wanted & RETURN_UPDATE))
        return;
    if (s->lowest)
        context_refuse(s->imap, s->imap->tag, "Not all messages were looked at");
    else
        context_begin(s, NULL, NULL);
}

enum step_result search_step(struct imap *imap, struct step_context *context)
{
    struct search *s = imap->state;
    if (!s->found) {
        enum step_result result = searching_step(&s->searching, context, &s->found);
        if (result != STEP_DONE || !s->found)
            return result;
        keep(&s->searching);
    }
    enum step_result result = searching_modseq_step(&s->searching, context);
    if (result == STEP_DONE)
        result = search_write(&s->searching, &s->answer, context);
    if (result == STEP_DONE && s->searching.lowest)
        messagelimit_finish(imap, s->searching.limit, s->searching.lowest);
    else if (result == STEP_DONE)
        imap_finish(imap, "OK", NULL, "Search completed");
    return result;
}
