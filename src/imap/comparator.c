/*
 * imap/comparator.c: COMPARATOR (RFC 5255 4.7): which collation SEARCH, SORT and THREAD compare by, which is always
 * i;unicode-casemap (RFC 5051): texts are folded by it when a message comes in.
 *
 * Tested   tests/e2e/test_cap_i18nlevel.py
 */
#include "imap/private.h"

enum { PATTERN_OCTETS = 254 }; /* RFC 4790 3.2 */

struct comparator {
    bool asked, fits;
};

static const struct view collation = VIEW_LITERAL("i;unicode-casemap");

/* "*" stands for any octets. Behind each "*" the earliest fit is as good as any later one. */
static bool fits(struct view pattern, struct view name)
{
    size_t star = view_find(pattern, '*', 0);
    if (star == SIZE_MAX)
        return view_equal_nocase(pattern, name);
    if (!view_starts_with_nocase(name, view_slice(pattern, 0, star)))
        return false;
    name = view_skip(name, star);
    for (pattern = view_skip(pattern, star + 1);; pattern = view_skip(pattern, star + 1)) {
        star = view_find(pattern, '*', 0);
        struct view piece = view_slice(pattern, 0, star);
        if (star == SIZE_MAX)
            return name.size >= piece.size && view_equal_nocase(view_skip(name, name.size - piece.size), piece);
        while (name.size && !view_starts_with_nocase(name, piece))
            name = view_skip(name, 1);
        if (!view_starts_with_nocase(name, piece))
            return false;
        name = view_skip(name, piece.size);
    }
}

/* RFC 4790 3.3: "-" turns the order round, which nothing here does. */
static bool is_ours(struct view pattern)
{
    if (view_equal_string_nocase(pattern, "default"))
        return true;
    if (pattern.size && pattern.data[0] == '+')
        pattern = view_skip(pattern, 1);
    return fits(pattern, collation);
}

bool comparator_parse(struct imap *imap, struct arguments *a)
{
    struct comparator *c = ARENA_NEW(a->arena, struct comparator);
    struct view pattern;
    imap->state = c;
    while (arguments_take(a, ' ')) {
        if (!arguments_astring(a, &pattern))
            return false;
        if (!pattern.size || pattern.size > PATTERN_OCTETS) {
            a->problem = "That is no name of a collation";
            return false;
        }
        c->asked = true;
        c->fits = c->fits || is_ours(pattern);
    }
    return arguments_end(a);
}

enum step_result comparator_step(struct imap *imap, struct step_context *context)
{
    const struct comparator *c = imap->state;
    if (c->asked && !c->fits) {
        imap_finish(imap, "NO", "BADCOMPARATOR", "No such collation is here");
        return STEP_DONE;
    }
    imap_untagged(imap, "COMPARATOR %.*s", VIEW_PRINTF(collation));
    imap_finish(imap, "OK", NULL, "Texts are compared by this collation");
    return STEP_DONE;
}
