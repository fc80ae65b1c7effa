/*
 * imap/urlfetch.c: URLFETCH (RFC 4467 7), and what it tells of a part beside its octets (RFC 5524).
 *
 * Does     "url" is answered with the octets as they stand. "(url BODYPARTSTRUCTURE BINARY)" with what was asked for,
 *          each in parentheses: the structure of the part, as it is in the same answer; the part without its transfer
 *          encoding, or as it stands (BODY). A section that is no part, a header for one, has the structure of the part
 *          that it belongs to, and no transfer encoding.
 * Fails    a URL that isn't valid, for whatever reason, is NIL: nothing is told about what is there.
 * Limits   LIMIT_IMAP_URLS of one command.
 * Tested   tests/e2e/test_cap_urlauth.py, test_cap_urlauth_binary.py
 */
#include "imap/urlauth.h"

enum url_item { URL_STRUCTURE = 1, URL_BINARY = 2, URL_BODY = 4 };

struct url_wanted {
    struct view text;
    unsigned items; /* enum url_item; 0: the octets alone, as RFC 4467 has them */
};

enum url_phase {
    URL_BEGIN,
    URL_COUNT, /* the lines of a text that will be sent decoded: its structure tells them */
    URL_TELL,
    URL_IN_LITERAL
};

struct urlfetch {
    struct url_wanted urls[LIMIT_IMAP_URLS];
    size_t count, at;
    enum url_phase phase;
    struct urlauth_grant grant; /* of the URL at hand */
    struct url_reading reading; /* without items */
    /* with items: the email and the place in it, as FETCH has them */
    struct fetch fetch;
    struct section section;
    uint64_t email;
    struct buffer counted;
    uint32_t lines;
};

/* ---- arguments ---- */

static bool fail(struct arguments *a, const char *problem)
{
    a->problem = problem;
    return false;
}

static bool take_item(struct arguments *a, struct url_wanted *wanted)
{
    static const struct {
        const char *name;
        enum url_item item;
    } items[] = {{"BODYPARTSTRUCTURE", URL_STRUCTURE}, {"BINARY", URL_BINARY}, {"BODY", URL_BODY}};
    struct view word;
    if (!arguments_atom(a, &word))
        return false;
    for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
        if (!view_equal_string_nocase(word, items[i].name))
            continue;
        if (wanted->items & items[i].item)
            return fail(a, "An item stands there twice"); /* RFC 5524 3.1 */
        wanted->items |= items[i].item;
        bool both = (wanted->items & URL_BINARY) && (wanted->items & URL_BODY);
        return !both || fail(a, "BINARY and BODY don't go together");
    }
    return fail(a, "BODYPARTSTRUCTURE, BINARY or BODY is expected");
}

static bool take_url(struct arguments *a, struct urlfetch *u)
{
    if (u->count == LIMIT_IMAP_URLS)
        return fail(a, "Too many URLs");
    struct url_wanted *wanted = &u->urls[u->count++];
    bool list = arguments_take(a, '(');
    if (!arguments_astring(a, &wanted->text))
        return false;
    while (list && arguments_take(a, ' '))
        if (!take_item(a, wanted))
            return false;
    return !list || arguments_take(a, ')') || fail(a, "The parentheses of a URL don't end");
}

bool urlfetch_parse(struct imap *imap, struct arguments *a)
{
    struct urlfetch *u = ARENA_NEW(a->arena, struct urlfetch);
    imap->state = u;
    do
        if (!arguments_space(a) || !take_url(a, u))
            return false;
    while (arguments_peek(a) == ' ');
    return arguments_end(a);
}

void urlfetch_drop(struct imap *imap)
{
    struct urlfetch *u = imap->state;
    if (!u)
        return;
    url_reading_free(&u->reading);
    buffer_free(&u->counted);
}

/* ---- without items ---- */

static void begin_answer(struct imap *imap, const struct urlfetch *u)
{
    struct buffer *out = imap_output(imap);
    buffer_append_string(out, "* URLFETCH ");
    imap_write_string(out, u->urls[u->at].text);
}

static void end_answer(struct imap *imap, struct urlfetch *u, const char *end)
{
    buffer_append_string(imap_output(imap), end);
    u->phase = URL_BEGIN;
    u->at++;
}

static void write_octets(struct urlfetch *u, struct buffer *octets, struct buffer *out)
{
    struct view first = buffer_view(octets);
    if (u->phase != URL_IN_LITERAL)
        buffer_printf(out, " {%llu}\r\n", first.size + (unsigned long long)u->reading.left);
    for (size_t i = 0; i < first.size; i++) /* as FETCH does: a literal holds no NUL */
        if (!octets->memory[octets->start + i])
            octets->memory[octets->start + i] = (char)(unsigned char)0x80;
    buffer_append_view(out, buffer_view(octets));
}

static enum store_error tell_plain(struct imap *imap, struct urlfetch *u, const struct reader *reader)
{
    struct buffer octets = {0};
    if (u->phase == URL_TELL && !u->reading.open) {
        url_reading_free(&u->reading);
        u->reading = (struct url_reading){.url = u->grant.url};
    }
    enum store_error error = url_read(&u->reading, reader, u->grant.mailbox, &octets);
    if (!error) {
        if (u->phase != URL_IN_LITERAL)
            begin_answer(imap, u);
        write_octets(u, &octets, imap_output(imap));
        u->phase = URL_IN_LITERAL;
        if (!u->reading.left) {
            u->reading.open = false;
            end_answer(imap, u, "\r\n");
        }
    }
    buffer_free(&octets);
    return error;
}

/* ---- with items ---- */

/* RFC 5524 3.2: only a part has a transfer encoding. */
static bool is_decoded(const struct urlfetch *u)
{
    return (u->urls[u->at].items & URL_BINARY) && u->section.kind == SECTION_WHOLE;
}

/* Of the part that the section names, or that it belongs to. */
static enum store_error find_structure(const struct imap *imap, const struct urlfetch *u, struct digest_part *part_r,
                                       struct view *structure_r)
{
    const struct digest *d = &u->fetch.email.digest;
    uint32_t index = digest_find_part(d, u->section.numbers, u->section.number_count);
    if (index == PART_NONE)
        return STORE_NOT_FOUND;
    digest_part_at(d, index, part_r);
    bool utf8 = imap->enabled & ENABLED_ANY_UTF8;
    return digest_part_structure(d, utf8, index, structure_r) ? STORE_OK : STORE_CORRUPT;
}

/* Is the structure that of other octets than those that stand in the message? */
static bool changes_structure(const struct urlfetch *u, const struct digest_part *part)
{
    return is_decoded(u) && u->section.number_count && part->kind == PART_LEAF &&
           (part->encoding == ENCODING_BASE64 || part->encoding == ENCODING_QUOTED_PRINTABLE);
}

/* Once, before anything is told: is everything there, and are there lines to be counted? */
static enum store_error begin_items(struct imap *imap, struct urlfetch *u)
{
    struct section_place place;
    struct digest_part part;
    struct view structure;
    bool tells = u->urls[u->at].items & URL_STRUCTURE;
    if (!section_find(&u->fetch.email.digest, &u->section, &place))
        return STORE_NOT_FOUND;
    u->lines = 0;
    u->phase = URL_TELL;
    if (!tells)
        return STORE_OK;
    enum store_error error = find_structure(imap, u, &part, &structure);
    if (!error && changes_structure(u, &part) && structure_is_text(structure))
        u->phase = URL_COUNT;
    return error;
}

/* The decoded text once, for its lines. A stretch of it. */
static enum store_error count_lines(struct urlfetch *u, const struct reader *reader)
{
    struct section whole = u->section;
    bool begins = !u->fetch.sending.active;
    whole.partial = false;
    enum store_error error = begins ? fetch_binary_begin(&u->fetch, &whole, reader, &u->counted)
                                    : fetch_binary_more(&u->fetch, reader, &u->counted);
    struct view octets = buffer_view(&u->counted);
    size_t at = begins && !error ? view_find(octets, '\n', 0) + 1 : 0; /* behind "{n}" */
    for (; !error && at < octets.size; at++)
        u->lines += octets.data[at] == '\n';
    buffer_clear(&u->counted);
    if (!error && !u->fetch.sending.active)
        u->phase = URL_TELL;
    return error;
}

static enum store_error write_structure(struct imap *imap, const struct urlfetch *u, struct buffer *out)
{
    struct digest_part part;
    struct view structure;
    enum store_error error = find_structure(imap, u, &part, &structure);
    if (error)
        return error;
    buffer_append_string(out, " (BODYPARTSTRUCTURE ");
    if (!changes_structure(u, &part))
        buffer_append_view(out, structure);
    else if (!structure_write_decoded(structure, part.decoded_size, u->lines, out))
        return STORE_CORRUPT;
    buffer_append_char(out, ')');
    return STORE_OK;
}

/* The whole answer, or its beginning: sending.active. Nothing is left of it if it can't be begun. */
static enum store_error tell_items(struct imap *imap, struct urlfetch *u, const struct reader *reader)
{
    unsigned items = u->urls[u->at].items;
    struct buffer *out = imap_output(imap);
    size_t before = buffer_size(out);
    enum store_error error = STORE_OK;
    u->section.label = items & URL_BINARY ? VIEW_LITERAL(" (BINARY") : VIEW_LITERAL(" (BODY");
    begin_answer(imap, u);
    if (items & URL_STRUCTURE)
        error = write_structure(imap, u, out);
    if (!error && is_decoded(u))
        error = fetch_binary_begin(&u->fetch, &u->section, reader, out);
    else if (!error && (items & (URL_BINARY | URL_BODY)))
        error = fetch_body_begin(imap, &u->fetch, &u->section, reader, out);
    if (error) {
        buffer_truncate(out, before);
        return error;
    }
    u->phase = URL_IN_LITERAL;
    if (!u->fetch.sending.active)
        end_answer(imap, u, items == URL_STRUCTURE ? "\r\n" : ")\r\n");
    return STORE_OK;
}

static enum store_error go_on(struct imap *imap, struct urlfetch *u, const struct reader *reader)
{
    struct buffer *out = imap_output(imap);
    enum store_error error =
        u->fetch.sending.binary ? fetch_binary_more(&u->fetch, reader, out) : fetch_body_more(&u->fetch, reader, out);
    if (!error && !u->fetch.sending.active)
        end_answer(imap, u, ")\r\n");
    return error;
}

static enum store_error find_email(struct urlfetch *u, const struct reader *reader)
{
    struct message_row row;
    enum store_error error = url_message(&u->grant.url, reader, u->grant.mailbox, &row);
    u->email = error ? 0 : row.email;
    u->section = u->grant.url.section;
    u->fetch.sending = (struct sending){0};
    return error;
}

static enum store_error tell_extended(struct imap *imap, struct urlfetch *u, const struct reader *reader)
{
    enum store_error error = u->phase == URL_BEGIN ? find_email(u, reader) : STORE_OK;
    if (error)
        return error;
    struct email_cursor *cursor = email_cursor_new(reader);
    error = email_cursor_read(cursor, u->email, &u->fetch.email);
    if (!error && u->phase == URL_BEGIN)
        error = begin_items(imap, u);
    else if (!error && u->phase == URL_COUNT)
        error = count_lines(u, reader);
    else if (!error && u->phase == URL_TELL)
        error = tell_items(imap, u, reader);
    else if (!error)
        error = go_on(imap, u, reader);
    email_cursor_free(&cursor);
    return error;
}

/* ---- steps ---- */

/* One stretch of the URL at hand. STEP_DONE and STORE_OK: told; any error is NIL, if nothing was sent yet. */
static enum step_result tell_stretch(struct imap *imap, struct urlfetch *u, struct step_context *context,
                                     enum store_error *error_r)
{
    const struct url_wanted *wanted = &u->urls[u->at];
    enum store_error error = STORE_OK;
    enum step_result result = STEP_DONE;
    *error_r = STORE_OK;
    if (u->phase == URL_BEGIN)
        result = urlauth_check(imap, wanted->text, context, &u->grant, &error);
    if (result != STEP_DONE)
        return result;
    if (!error) {
        struct reader reader = {imap->session->env->store, u->grant.account, context->mode};
        if (!wanted->items && u->phase == URL_BEGIN) {
            u->phase = URL_TELL;
            u->reading.open = false;
        }
        error = wanted->items ? tell_extended(imap, u, &reader) : tell_plain(imap, u, &reader);
    }
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    *error_r = u->phase == URL_IN_LITERAL ? error : STORE_OK;
    if (error && !*error_r) {
        begin_answer(imap, u);
        end_answer(imap, u, " NIL\r\n");
    }
    return STEP_DONE;
}

enum step_result urlfetch_step(struct imap *imap, struct step_context *context)
{
    struct urlfetch *u = imap->state;
    enum step_result result;
    while (u->at < u->count) {
        enum store_error error;
        result = tell_stretch(imap, u, context, &error);
        if (result != STEP_DONE)
            return result;
        if (error) { /* inside a literal nothing can be taken back */
            imap_finish(imap, "NO", "CORRUPTION", "The message can't be read");
            imap_end_after(imap, false, "message not readable");
            return STEP_DONE;
        }
        if (imap_slice_over(imap, context, &result))
            return result;
    }
    imap_finish(imap, "OK", NULL, "Those are the URLs");
    return STEP_DONE;
}
