/*
 * imap/search_return.c: the options of RETURN (RFC 4731 3.1, RFC 5182, RFC 5267 4, RFC 6203 4, RFC 9394 3.1).
 *
 * Tested   tests/e2e/test_cap_partial.py, test_cap_searchres.py, test_cap_context.py
 */
#include "imap/context.h"

static bool fail(struct arguments *a, const char *problem)
{
    if (!a->problem)
        a->problem = problem;
    return false;
}

static bool next_word_is(const struct arguments *a, const char *word)
{
    struct view rest = view_of(a->at, (size_t)(a->end - a->at));
    size_t size = strlen(word);
    return rest.size > size && rest.data[size] == ' ' && view_equal_string_nocase(view_slice(rest, 0, size), word);
}

static const struct {
    const char *name;
    unsigned bit;
} names[] = {{"MIN", RETURN_MIN},         {"MAX", RETURN_MAX},       {"COUNT", RETURN_COUNT},
             {"ALL", RETURN_ALL},         {"SAVE", RETURN_SAVE},     {"PARTIAL", RETURN_PARTIAL},
             {"CONTEXT", RETURN_CONTEXT}, {"UPDATE", RETURN_UPDATE}, {"RELEVANCY", RETURN_RELEVANCY}};

/* "UPDATE (UID BODY.PEEK[HEADER])" (RFC 5465 7). */
static bool take_items(struct arguments *a, struct search_return_options *o)
{
    struct arguments ahead = *a;
    struct fetch *fetch;
    if (!arguments_take(&ahead, ' ') || arguments_peek(&ahead) != '(')
        return true;
    const char *start = ahead.at;
    fetch = ARENA_NEW(a->arena, struct fetch);
    a->at = ahead.at;
    if (!fetch_take_list(a, fetch))
        return false;
    o->items = view_of(start, (size_t)(a->at - start));
    return true;
}

static bool take_option(struct arguments *a, struct search_return_options *o)
{
    struct view word;
    if (!arguments_atom(a, &word))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!view_equal_string_nocase(word, names[i].name))
            continue;
        if (names[i].bit == RETURN_PARTIAL && (o->wanted & RETURN_PARTIAL))
            return fail(a, "One PARTIAL is enough"); /* RFC 9394 3.1 */
        o->wanted |= names[i].bit;
        if (names[i].bit == RETURN_UPDATE)
            return take_items(a, o);
        return names[i].bit != RETURN_PARTIAL || (arguments_space(a) && arguments_partial(a, &o->partial));
    }
    return fail(a, "Unknown option of RETURN");
}

static bool take_options(struct arguments *a, struct search_return_options *o)
{
    if (!arguments_space(a) || !arguments_take(a, '('))
        return false;
    if (arguments_take(a, ')')) {
        o->wanted = RETURN_ALL; /* RFC 4731 3.1 */
        return arguments_space(a);
    }
    do {
        if (!take_option(a, o))
            return false;
    } while (arguments_take(a, ' '));
    return arguments_take(a, ')') && arguments_space(a);
}

bool search_return_parse(struct arguments *a, struct search_return_options *options)
{
    *options = (struct search_return_options){0};
    if (!next_word_is(a, "RETURN"))
        return true;
    a->at += 6;
    if (!take_options(a, options))
        return fail(a, "The options of RETURN are malformed");
    if ((options->wanted & RETURN_ALL) && (options->wanted & RETURN_PARTIAL))
        return fail(a, "ALL and PARTIAL don't go together"); /* RFC 9394 3.1 */
    return true;
}

bool search_return_check(const struct imap *imap, struct arguments *a, const struct search_return_options *options,
                         const struct search_program *program)
{
    if ((options->wanted & RETURN_RELEVANCY) && !program->uses_fuzzy)
        return fail(a, "RELEVANCY wants a FUZZY key");                           /* RFC 6203 4 */
    if ((options->wanted & RETURN_UPDATE) && contexts_have_tag(imap, imap->tag)) /* RFC 5267 4.3 */
        return fail(a, "A search of that tag is kept up to date already");
    return true;
}
