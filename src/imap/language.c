/*
 * imap/language.c: LANGUAGE (RFC 5255 3): which language the texts of responses are in; behind a change, what the
 * prefixes of mailboxes are called in it.
 *
 * Before login: front/imap.c. Tested   tests/e2e/test_cap_language.py
 */
#include "language/language.h"
#include "imap/private.h"

bool language_parse(struct imap *imap, struct arguments *a)
{
    struct language_wish *wish = ARENA_NEW(a->arena, struct language_wish);
    struct view range;
    imap->state = wish;
    while (arguments_take(a, ' ')) {
        if (!arguments_astring(a, &range))
            return false;
        if (!language_wish_add(wish, range)) {
            a->problem = "LANGUAGE wants language ranges";
            return false;
        }
    }
    return arguments_end(a);
}

static void change(struct imap *imap, uint8_t language)
{
    uint8_t before = imap->session->language;
    language_write_chosen(imap_output(imap), language);
    imap->session->language = language; /* behind that response (RFC 5255 3.2) */
    if (language != before)
        imap_write_namespaces(imap);
    imap_finish(imap, "OK", NULL, "The language is changed");
}

enum step_result language_step(struct imap *imap, struct step_context *context)
{
    const struct language_wish *wish = imap->state;
    if (!wish->asked) {
        language_write_all(imap_output(imap));
        imap_finish(imap, "OK", NULL, "Those are the languages");
    } else if (!wish->fits) {
        imap_finish(imap, "NO", "CANNOT", "That language isn't spoken here");
    } else {
        change(imap, wish->language);
    }
    return STEP_DONE;
}
