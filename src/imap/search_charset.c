/*
 * imap/search_charset.c: the texts of a search into UTF-8 (RFC 3501 6.4.4, CHARSET).
 *
 * Does     asks parse, which knows the charsets, one text at a time; mail itself holds no converter. US-ASCII is read
 *          as UTF-8.
 * Waits    for parse.
 * Tested   tests/e2e/test_search.py
 */
#include "imap/search.h"

bool search_charset_parse(struct arguments *a, struct search_charset *c)
{
    struct view name;
    if (!arguments_astring(a, &name))
        return false;
    if (!view_equal_string_nocase(name, "UTF-8") && !view_equal_string_nocase(name, "US-ASCII"))
        c->name = name.size ? name : VIEW_LITERAL("?");
    return true;
}

/* The texts that a client wrote, one after the other; null behind the last. */
static struct view *text_at(struct search_program *p, size_t at)
{
    struct search_key *key = at < p->count ? &p->keys[at] : NULL;
    static struct view none;
    if (key)
        return key->op == SEARCH_ADDRESS || key->op == SEARCH_ANNOTATION ? &key->text : &none;
    return at - p->count < p->match_count ? &p->matches[at - p->count].needle : NULL;
}

static void on_answer(struct parse_request *request)
{
    struct search_charset *c =
        (struct search_charset *)(void *)((char *)request - offsetof(struct search_charset, request));
    struct session *session = c->imap->session;
    c->answered = true;
    session_reply(session);
    session_release(session);
}

static void ask(struct search_charset *c, struct view text)
{
    struct session *session = c->imap->session;
    buffer_free(&c->request.answer);
    c->request = (struct parse_request){
        .kind = PARSE_CONVERT, .octets = text, .keys = c->name, .loop = session->loop, .done = on_answer};
    c->asking = true;
    c->answered = false;
    session_hold(session);
    parser_submit(session->parser, &c->request);
}

/* The first text is none of the client's: it asks whether there is such a charset. False: *known_r or *error_r says
 * why. */
static bool take_answer(struct search_charset *c, bool *known_r, enum store_error *error_r)
{
    c->asking = false;
    if (c->request.result != PARSE_OK) {
        *error_r = STORE_BUSY;
        return false;
    }
    *known_r = c->request.known;
    if (!c->request.known)
        return false;
    struct view *text = c->probed ? text_at(c->program, c->at++) : NULL;
    if (text)
        *text = arena_view(&c->imap->session->command_arena, buffer_view(&c->request.answer));
    c->probed = true;
    return true;
}

enum step_result search_charset_step(struct search_charset *c, struct step_context *context, bool *known_r,
                                     enum store_error *error_r)
{
    struct view *text = NULL;
    *known_r = true;
    *error_r = STORE_OK;
    if (!c->name.size)
        return STEP_DONE;
    if (c->asking && c->answered && !take_answer(c, known_r, error_r))
        return STEP_DONE;
    if (!c->asking) {
        while (c->probed && (text = text_at(c->program, c->at)) && !text->size)
            c->at++;
        if (c->probed && !text)
            return STEP_DONE;
        ask(c, c->probed ? *text : VIEW_LITERAL("a"));
    }
    context->wait = WAIT_REPLY;
    return STEP_WAIT;
}

void search_charset_free(struct search_charset *c)
{
    buffer_free(&c->request.answer);
}
