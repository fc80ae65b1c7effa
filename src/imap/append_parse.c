/*
 * imap/append_parse.c: the text of APPEND between its literals (RFC 3501 6.3.11; RFC 3502; RFC 3516 4.4; RFC 4469 5;
 * RFC 5257 4.7).
 *
 *   *([SP flags] [SP date] [SP "ANNOTATION" SP annotations] SP (literal / literal8 / utf8 / "CATENATE" SP "(" part *(SP
 * part) ")")) utf8 = "UTF8" SP "(" literal8 ")" (RFC 6855 4), which may be a part too
 *
 * Limits   LIMIT_APPEND_MESSAGES, APPEND_ACTIONS in one stretch of text.
 * Tested   tests/e2e/test_cap_multiappend.py, test_cap_catenate.py
 */
#include "imap/append.h"

/* ---- literals ---- */

bool append_literal_at_end(struct view text, struct view *text_r, uint64_t *octets_r, bool *waits_r, bool *literal8_r)
{
    struct literal literal;
    if (!literal_at_end(text, &literal))
        return false;
    *octets_r = literal.octets;
    *waits_r = literal.waits;
    *text_r = view_slice(text, 0, literal.start);
    *literal8_r = text_r->size && text_r->data[text_r->size - 1] == '~'; /* RFC 3516 7 */
    text_r->size -= *literal8_r;
    return true;
}

static bool wants_url(struct view text)
{
    return text.size >= 5 && (text.data[text.size - 5] == ' ' || text.data[text.size - 5] == '(') &&
           view_equal_string_nocase(view_skip(text, text.size - 4), "URL ");
}

/* Where text goes on behind a quoted string or a literal at its beginning. */
static struct view pass_string(struct view text)
{
    size_t at = 1;
    if (text.data[0] == '"') {
        while (at < text.size && text.data[at] != '"')
            at += text.data[at] == '\\' ? 2 : 1;
        return view_skip(text, at + 1);
    }
    struct literal literal;
    size_t line = view_find(text, '\n', 0);
    if (line == SIZE_MAX || line < 2 || !literal_at_end(view_slice(text, 0, line - 1), &literal))
        return VIEW_EMPTY;
    text = view_skip(text, line + 1);
    return literal.octets < text.size ? view_skip(text, (size_t)literal.octets) : VIEW_EMPTY;
}

/* Is the text within the parentheses of ANNOTATION (RFC 5257 4.7)? */
static bool is_in_annotations(struct view text)
{
    static const struct view word = VIEW_LITERAL(" ANNOTATION (");
    size_t depth = 0;
    bool inside = false;
    while (text.size) {
        char c = text.data[0];
        if (c == '"' || c == '{') {
            text = pass_string(text);
            continue;
        }
        inside = depth ? inside : view_starts_with_nocase(text, word);
        size_t taken = inside && !depth ? word.size : 1;
        depth += (inside && !depth) || c == '(';
        depth -= c == ')' && depth;
        text = view_skip(text, taken);
    }
    return inside && depth;
}

bool append_text_goes_on(struct view text)
{
    return wants_url(text) || is_in_annotations(text);
}

/* ---- actions ---- */

static bool fail(struct append *append, const struct arguments *a, const char *problem)
{
    append->problem = a && a->problem ? a->problem : problem;
    return false;
}

static bool add(struct append *append, enum append_kind kind, struct view url)
{
    if (append->action_count == APPEND_ACTIONS)
        return fail(append, NULL, "Too many parts");
    append->actions[append->action_count++] =
        (struct append_action){kind, append->message_count ? append->messages[append->message_count - 1] : NULL, url};
    return true;
}

static bool take_annotations(struct append *append, struct arguments *a, struct append_message *m)
{
    static const struct view word = VIEW_LITERAL("ANNOTATION ");
    if (!view_starts_with_nocase(view_of(a->at, (size_t)(a->end - a->at)), word))
        return true;
    a->at += word.size;
    if (!annotation_take_list(a, append->person, &m->annotations) || !arguments_space(a))
        return false;
    append->annotated = true;
    append->annotation_too_big = append->annotation_too_big || m->annotations.too_big;
    enum store_error error = annotation_judge(&m->annotations, append->place.rights);
    append->error = append->error ? append->error : error;
    return true;
}

static bool begin_message(struct append *append, struct arguments *a)
{
    struct append_message *m = ARENA_NEW(a->arena, struct append_message);
    if (append->message_count == LIMIT_APPEND_MESSAGES || (append->replaces && append->message_count))
        return fail(append, NULL, append->replaces ? "One message replaces one" : "Too many messages");
    if (append->limit && append->message_count == append->limit) {
        append->too_many = true;
        return false;
    }
    if (arguments_peek(a) == '(' && (!arguments_flags(a, false, &m->flags) || !arguments_space(a)))
        return fail(append, a, "The flags are malformed");
    if (arguments_peek(a) == '"') {
        m->has_date = true;
        if (!arguments_date_time(a, &m->utc_s, &m->zone_minutes) || !arguments_space(a))
            return fail(append, a, "The date is malformed");
    }
    if (!take_annotations(append, a, m))
        return fail(append, a, "The annotations are malformed");
    append->messages[append->message_count++] = m;
    return add(append, APPEND_MESSAGE, VIEW_EMPTY);
}

/* ---- the text ---- */

/* "UTF8 (" and a literal8, which is text all the same. */
static bool begin_utf8(struct append *append, const struct arguments *a, bool literal)
{
    if (a->at != a->end || !literal || !append->literal8)
        return fail(append, NULL, "UTF8 wants a literal8 in parentheses");
    append->literal8 = false;
    append->in_utf8 = true;
    return add(append, APPEND_OCTETS, VIEW_EMPTY);
}

static bool end_utf8(struct append *append, struct arguments *a)
{
    append->in_utf8 = false;
    if (!arguments_take(a, ')'))
        return fail(append, NULL, "The parentheses of UTF8 don't end");
    return append->in_list || add(append, APPEND_MESSAGE_END, VIEW_EMPTY);
}

/* What follows a message: nothing, or another. *more_r: there is more text. */
static bool take_message(struct append *append, struct arguments *a, bool literal, bool *more_r)
{
    struct view word;
    *more_r = false;
    if (a->at == a->end && !literal)
        return append->message_count ? add(append, APPEND_END, VIEW_EMPTY) : fail(append, NULL, "A message is missing");
    if (!arguments_space(a))
        return fail(append, a, append->problem);
    if (!begin_message(append, a))
        return false;
    if (a->at == a->end && literal)
        return add(append, APPEND_OCTETS, VIEW_EMPTY) && add(append, APPEND_MESSAGE_END, VIEW_EMPTY);
    if (!arguments_atom(a, &word) || !arguments_space(a) || !arguments_take(a, '('))
        return fail(append, NULL, "A literal, UTF8 or CATENATE is expected");
    if (view_equal_string_nocase(word, "UTF8"))
        return begin_utf8(append, a, literal);
    if (!view_equal_string_nocase(word, "CATENATE"))
        return fail(append, NULL, "A literal, UTF8 or CATENATE is expected");
    append->in_list = *more_r = true;
    append->after_part = false;
    return true;
}

static bool take_part(struct append *append, struct arguments *a, bool literal, bool *more_r)
{
    struct view word, url;
    *more_r = true;
    if (append->after_part && arguments_take(a, ')')) {
        append->in_list = false;
        return add(append, APPEND_MESSAGE_END, VIEW_EMPTY);
    }
    if ((append->after_part && !arguments_space(a)) || !arguments_atom(a, &word) || !arguments_space(a))
        return fail(append, a, "A part of CATENATE is expected");
    append->after_part = true;
    if (view_equal_string_nocase(word, "URL"))
        return arguments_astring(a, &url) ? add(append, APPEND_URL, url) : fail(append, a, "A URL is expected");
    if (view_equal_string_nocase(word, "UTF8") && arguments_take(a, '(')) {
        *more_r = false;
        return begin_utf8(append, a, literal);
    }
    if (!view_equal_string_nocase(word, "TEXT") || a->at != a->end || !literal)
        return fail(append, NULL, "A part of CATENATE is TEXT and a literal, or a URL");
    *more_r = false;
    return add(append, APPEND_OCTETS, VIEW_EMPTY);
}

bool append_parse_text(struct append *append, struct arena *arena, struct view text, bool literal)
{
    struct arguments a = {.at = text.data, .end = text.data + text.size, .arena = arena};
    bool good, more = true;
    append->action_count = append->action_at = 0;
    if (append->in_utf8 && !end_utf8(append, &a))
        return false;
    do
        good = append->in_list ? take_part(append, &a, literal, &more) : take_message(append, &a, literal, &more);
    while (good && more);
    return good;
}
