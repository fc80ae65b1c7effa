/*
 * imap/fetch_parse.c: FETCH's arguments into a plan (RFC 3501 6.4.5, 9; RFC 7162 3.1.4; RFC 8474; RFC 8514;
 * RFC 8970; RFC 9394; RFC 5257 4.3).
 *
 * Tested   tests/unit/imap_fetch.c, tests/e2e/test_cap_*.py, fuzz/imap_command.c
 */
#include "base/memory.h"
#include "digest/fields.h"
#include "imap/fetch.h"
#include "imap/messagelimit.h"

static bool fail(struct arguments *a, const char *problem)
{
    a->problem = problem;
    return false;
}

static bool add(struct arguments *a, struct fetch *f, struct fetch_item item)
{
    if (!item.section && !item.annotations && (f->kinds & (1u << item.kind)))
        return true;
    if (f->item_count == FETCH_ITEMS)
        return fail(a, "Too many items of FETCH");
    f->items[f->item_count++] = item;
    f->kinds |= 1u << item.kind;
    f->needs_email =
        f->needs_email || item.kind >= FETCH_FIRST_OF_EMAIL || (item.annotations && item.annotations->of_parts);
    return true;
}

static bool add_item(struct arguments *a, struct fetch *f, enum fetch_kind kind, struct section *section)
{
    return add(a, f, (struct fetch_item){.kind = kind, .section = section});
}

void fetch_add_plain(struct fetch *f, enum fetch_kind kind)
{
    struct arguments none = {0};
    add_item(&none, f, kind, NULL);
}

/* ---- sections ---- */

static struct view take_letters(struct arguments *a)
{
    const char *start = a->at;
    while (a->at < a->end && ((*a->at >= 'A' && *a->at <= 'Z') || (*a->at >= 'a' && *a->at <= 'z') ||
                              (*a->at >= '0' && *a->at <= '9') || *a->at == '.'))
        a->at++;
    return view_of(start, (size_t)(a->at - start));
}

/* "1.2.3", and the point behind it if a word follows. */
static bool take_numbers(struct arguments *a, struct section *s)
{
    s->numbers = ARENA_ARRAY(a->arena, LIMIT_IMAP_NESTING, uint32_t);
    while (arguments_peek(a) >= '1' && arguments_peek(a) <= '9') {
        uint64_t number;
        if (s->number_count == LIMIT_IMAP_NESTING)
            return fail(a, "The part is too deep");
        if (!arguments_number(a, UINT32_MAX, &number))
            return false;
        s->numbers[s->number_count++] = (uint32_t)number;
        if (!arguments_take(a, '.'))
            return true;
    }
    return !s->number_count || (arguments_peek(a) != ']' && a->at < a->end) || fail(a, "The part ends with a point");
}

/* Only of the message itself, and only what is asked for by name, is in the digest. */
static void choose_kept(struct section *s)
{
    if (s->kind != SECTION_FIELDS || s->number_count)
        return;
    for (size_t i = 0; i < s->field_count; i++) {
        uint64_t bit = fields_bit(s->fields[i]);
        if (!bit) {
            s->kept = 0;
            return;
        }
        s->kept |= bit;
    }
}

static bool take_fields(struct arguments *a, struct section *s)
{
    enum { FIELDS = 256 };
    if (!arguments_space(a) || !arguments_take(a, '('))
        return fail(a, "A list of header fields is expected");
    s->fields = ARENA_ARRAY(a->arena, FIELDS, struct view);
    do {
        if (s->field_count == FIELDS)
            return fail(a, "Too many header fields");
        if (!arguments_astring(a, &s->fields[s->field_count++]))
            return false;
    } while (arguments_take(a, ' '));
    choose_kept(s);
    return arguments_take(a, ')') || fail(a, "The list of header fields doesn't end");
}

static bool take_section_word(struct arguments *a, struct section *s)
{
    static const struct {
        const char *word;
        enum section_kind kind;
    } words[] = {{"HEADER", SECTION_HEADER},
                 {"HEADER.FIELDS", SECTION_FIELDS},
                 {"HEADER.FIELDS.NOT", SECTION_FIELDS_NOT},
                 {"TEXT", SECTION_TEXT},
                 {"MIME", SECTION_MIME}};
    struct view word = take_letters(a);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!view_equal_string_nocase(word, words[i].word))
            continue;
        s->kind = words[i].kind;
        if (s->kind == SECTION_MIME && !s->number_count)
            return fail(a, "MIME belongs to a part");
        return (s->kind != SECTION_FIELDS && s->kind != SECTION_FIELDS_NOT) || take_fields(a, s);
    }
    return fail(a, "Unknown section");
}

/* "<0.1024>" (RFC 3501 6.4.5). */
static bool take_partial(struct arguments *a, struct section *s)
{
    if (!arguments_take(a, '<'))
        return true;
    s->partial = true;
    if (!arguments_number(a, UINT32_MAX, &s->from) || !arguments_take(a, '.') ||
        !arguments_number(a, UINT32_MAX, &s->count) || s->count == 0 || !arguments_take(a, '>'))
        return fail(a, "The partial is malformed");
    return true;
}

/* As the client wrote it, but for literals and the name of BODY.PEEK. */
static struct view make_label(struct arguments *a, const struct section *s, struct view written)
{
    struct buffer label = {0};
    buffer_append_string(&label, "BODY[");
    if (!s->field_count) {
        buffer_append_view(&label, written);
    } else {
        buffer_append_view(&label, view_slice(written, 0, view_find(written, ' ', 0)));
        for (size_t i = 0; i < s->field_count; i++) {
            buffer_append_string(&label, i ? " " : " (");
            imap_write_astring(&label, s->fields[i]);
        }
        buffer_append_char(&label, ')');
    }
    buffer_append_char(&label, ']');
    if (s->partial)
        buffer_printf(&label, "<%llu>", (unsigned long long)s->from);
    struct view kept = arena_view(a->arena, buffer_view(&label));
    buffer_free(&label);
    return kept;
}

bool fetch_take_section_text(struct arguments *a, struct section *s)
{
    if (!take_numbers(a, s))
        return false;
    return arguments_peek(a) == ']' || (s->number_count && a->at == a->end) || take_section_word(a, s);
}

static bool take_section(struct arguments *a, struct fetch *f, bool peek)
{
    struct section *s = ARENA_NEW(a->arena, struct section);
    const char *start = a->at;
    if (!fetch_take_section_text(a, s))
        return false;
    struct view written = view_of(start, (size_t)(a->at - start));
    if (!arguments_take(a, ']'))
        return fail(a, "The section doesn't end");
    if (!take_partial(a, s))
        return false;
    s->label = make_label(a, s, written);
    f->sets_seen = f->sets_seen || !peek;
    return add_item(a, f, FETCH_SECTION, s);
}

/* "BINARY", "BINARY.PEEK" or "BINARY.SIZE", and its part (RFC 3516 7). */
static bool take_binary(struct arguments *a, struct fetch *f, struct view word)
{
    struct section *s = ARENA_NEW(a->arena, struct section);
    struct buffer label = {0};
    s->binary = true;
    s->size_only = view_equal_string_nocase(word, "BINARY.SIZE");
    const char *start = a->at;
    if (!arguments_take(a, '[') || !take_numbers(a, s) || !arguments_take(a, ']'))
        return fail(a, "BINARY wants the number of a part");
    struct view written = view_of(start, (size_t)(a->at - start));
    if (!s->size_only && !take_partial(a, s))
        return false;
    buffer_append_string(&label, s->size_only ? "BINARY.SIZE" : "BINARY");
    buffer_append_view(&label, written);
    if (s->partial)
        buffer_printf(&label, "<%llu>", (unsigned long long)s->from);
    s->label = arena_view(a->arena, buffer_view(&label));
    buffer_free(&label);
    f->sets_seen = f->sets_seen || view_equal_string_nocase(word, "BINARY");
    return add_item(a, f, FETCH_SECTION, s);
}

/* RFC822 and its like are BODY[...] under an old name. */
static bool add_old_section(struct arguments *a, struct fetch *f, enum section_kind kind, const char *name, bool peek)
{
    struct section *s = ARENA_NEW(a->arena, struct section);
    s->kind = kind;
    s->label = view_of_string(name);
    f->sets_seen = f->sets_seen || !peek;
    return add_item(a, f, FETCH_SECTION, s);
}

/* ---- items ---- */

static const struct {
    const char *name;
    enum fetch_kind kind;
} plain_items[] = {{"FLAGS", FETCH_FLAGS},       {"UID", FETCH_UID},           {"INTERNALDATE", FETCH_INTERNALDATE},
                   {"RFC822.SIZE", FETCH_SIZE},  {"MODSEQ", FETCH_MODSEQ},     {"EMAILID", FETCH_EMAILID},
                   {"SAVEDATE", FETCH_SAVEDATE}, {"ENVELOPE", FETCH_ENVELOPE}, {"BODYSTRUCTURE", FETCH_BODYSTRUCTURE},
                   {"THREADID", FETCH_THREADID}};

/* "PREVIEW" or "PREVIEW (LAZY)": it is made at delivery, so being lazy changes nothing (RFC 8970 4). */
static bool take_preview(struct arguments *a, struct fetch *f)
{
    struct view modifier;
    struct arguments ahead = *a;
    if (arguments_take(&ahead, ' ') && arguments_take(&ahead, '(') && arguments_atom(&ahead, &modifier) &&
        view_equal_string_nocase(modifier, "LAZY") && arguments_take(&ahead, ')'))
        a->at = ahead.at;
    return add_item(a, f, FETCH_PREVIEW, NULL);
}

/* RFC 5257 4.3. */
static bool take_annotation(struct arguments *a, struct fetch *f)
{
    struct annotation_wanted *wanted = ARENA_NEW(a->arena, struct annotation_wanted);
    return arguments_space(a) && annotation_take_wanted(a, wanted) &&
           add(a, f, (struct fetch_item){.kind = FETCH_ANNOTATION, .annotations = wanted});
}

static bool take_item(struct arguments *a, struct fetch *f)
{
    struct view word = take_letters(a);
    for (size_t i = 0; i < sizeof plain_items / sizeof *plain_items; i++)
        if (view_equal_string_nocase(word, plain_items[i].name))
            return add_item(a, f, plain_items[i].kind, NULL);
    bool peek = view_equal_string_nocase(word, "BODY.PEEK");
    if (peek || view_equal_string_nocase(word, "BODY")) {
        if (arguments_take(a, '['))
            return take_section(a, f, peek);
        return peek ? fail(a, "BODY.PEEK wants a section") : add_item(a, f, FETCH_BODY, NULL);
    }
    if (view_equal_string_nocase(word, "RFC822"))
        return add_old_section(a, f, SECTION_WHOLE, "RFC822", false);
    if (view_equal_string_nocase(word, "RFC822.HEADER"))
        return add_old_section(a, f, SECTION_HEADER, "RFC822.HEADER", true);
    if (view_equal_string_nocase(word, "RFC822.TEXT"))
        return add_old_section(a, f, SECTION_TEXT, "RFC822.TEXT", false);
    if (view_equal_string_nocase(word, "BINARY") || view_equal_string_nocase(word, "BINARY.PEEK") ||
        view_equal_string_nocase(word, "BINARY.SIZE"))
        return take_binary(a, f, word);
    if (view_equal_string_nocase(word, "PREVIEW"))
        return take_preview(a, f);
    if (view_equal_string_nocase(word, "ANNOTATION"))
        return take_annotation(a, f);
    return fail(a, "Unknown item of FETCH");
}

static bool take_macro(struct arguments *a, struct fetch *f, bool *found_r)
{
    static const struct {
        const char *name;
        size_t count;
    } macros[] = {{"FAST", 3}, {"ALL", 4}, {"FULL", 5}};
    static const enum fetch_kind kinds[] = {FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_SIZE, FETCH_ENVELOPE, FETCH_BODY};
    struct arguments ahead = *a;
    struct view word = take_letters(&ahead);
    *found_r = false;
    for (size_t m = 0; m < sizeof macros / sizeof *macros; m++) {
        if (!view_equal_string_nocase(word, macros[m].name))
            continue;
        *found_r = true;
        a->at = ahead.at;
        for (size_t i = 0; i < macros[m].count; i++)
            if (!add_item(a, f, kinds[i], NULL))
                return false;
    }
    return true;
}

static bool take_items(struct arguments *a, struct fetch *f)
{
    bool macro;
    if (arguments_take(a, '(')) {
        do {
            if (!take_item(a, f))
                return false;
        } while (arguments_take(a, ' '));
        return arguments_take(a, ')') || fail(a, "The list of items doesn't end");
    }
    if (!take_macro(a, f, &macro))
        return false;
    return macro || take_item(a, f);
}

bool fetch_take_list(struct arguments *a, struct fetch *f)
{
    if (arguments_peek(a) != '(')
        return fail(a, "A list of items is expected");
    bool good = take_items(a, f);
    f->sets_seen = false;
    return good;
}

static bool has_section(const struct fetch *f, const struct section *s)
{
    for (size_t i = 0; i < f->item_count; i++)
        if (f->items[i].section && view_equal(f->items[i].section->label, s->label) &&
            f->items[i].section->count == s->count)
            return true;
    return false;
}

bool fetch_add_items(struct fetch *f, const struct fetch *more)
{
    struct arguments none = {0};
    bool good = true;
    for (size_t i = 0; good && i < more->item_count; i++)
        if (!more->items[i].section || !has_section(f, more->items[i].section))
            good = add(&none, f, more->items[i]);
    return good;
}

/* "CHANGEDSINCE n", "VANISHED" (RFC 7162 3.1.4.1, 3.2.6). */
static bool take_modifier(struct imap *imap, struct arguments *a, struct fetch *f)
{
    struct view word;
    if (!arguments_atom(a, &word))
        return false;
    if (view_equal_string_nocase(word, "CHANGEDSINCE")) {
        f->by_modseq = true;
        return arguments_space(a) && arguments_number(a, INT64_MAX, &f->changed_since) &&
               add_item(a, f, FETCH_MODSEQ, NULL);
    }
    if (view_equal_string_nocase(word, "PARTIAL")) { /* RFC 9394 3.3 */
        if (!imap->uid)
            return fail(a, "PARTIAL belongs to UID FETCH");
        if (f->partial.first)
            return fail(a, "One PARTIAL is enough");
        return arguments_space(a) && arguments_partial(a, &f->partial);
    }
    if (!view_equal_string_nocase(word, "VANISHED"))
        return fail(a, "Unknown modifier of FETCH");
    if (!imap->uid || !(imap->enabled & ENABLED_QRESYNC))
        return fail(a, "VANISHED belongs to UID FETCH, and QRESYNC must be enabled");
    f->vanished = true;
    return true;
}

static bool take_modifiers(struct imap *imap, struct arguments *a, struct fetch *f)
{
    if (!arguments_take(a, ' '))
        return true;
    if (!arguments_take(a, '('))
        return fail(a, "A list of modifiers is expected");
    do {
        if (!take_modifier(imap, a, f))
            return false;
    } while (arguments_take(a, ' '));
    if (f->vanished && !f->by_modseq)
        return fail(a, "VANISHED wants CHANGEDSINCE too");
    return arguments_take(a, ')') || fail(a, "The list of modifiers doesn't end");
}

static bool take_set(struct imap *imap, struct arguments *a, struct fetch *f)
{
    struct arguments ahead = *a; /* read twice: as messages, and as it was written */
    struct ranges ranges;
    if (!arguments_sequence_set(a, imap, imap->uid, &f->set))
        return false;
    if (!imap->uid || !(imap->enabled & ENABLED_QRESYNC))
        return true;
    if (arguments_peek(&ahead) == '$')
        f->named = uidset_copy(f->set);
    else if (arguments_ranges(&ahead, &ranges))
        f->named = ranges_to_uids(&ranges, imap->selected.next_uid - 1);
    return true;
}

/* RFC 9394 3.4: of the set as it was named, whatever CHANGEDSINCE leaves of it then. */
static void clip_set(struct fetch *f)
{
    uint32_t first, last;
    if (!f->partial.first)
        return;
    if (!partial_clip(&f->partial, uidset_count(f->set), &first, &last)) {
        uidset_clear(f->set);
        return;
    }
    uint32_t from = uidset_select(f->set, first), to = uidset_select(f->set, last);
    uidset_remove_range(f->set, 0, from - 1);
    if (to < UINT32_MAX)
        uidset_remove_range(f->set, to + 1, UINT32_MAX);
}

bool fetch_parse(struct imap *imap, struct arguments *a)
{
    struct fetch *f = ARENA_NEW(a->arena, struct fetch);
    imap->state = f;
    f->next_uid = 1;
    f->limit = messagelimit_of_command();
    if (imap->uid && !(imap->enabled & ENABLED_UIDONLY)) /* RFC 9586 3.3: it stands before the items */
        add_item(a, f, FETCH_UID, NULL);
    if (!arguments_space(a) || !take_set(imap, a, f) || !arguments_space(a) || !take_items(a, f) ||
        !take_modifiers(imap, a, f) || !arguments_end(a))
        return false;
    clip_set(f);
    if (f->kinds & (1u << FETCH_MODSEQ))
        imap->enabled |= ENABLED_CONDSTORE; /* RFC 7162 3.1 */
    f->sets_seen = f->sets_seen && !imap->selected.read_only;
    return true;
}

void fetch_free(struct fetch *f)
{
    uidset_unref(&f->set);
    uidset_unref(&f->seen);
    uidset_unref(&f->named);
    uidset_unref(&f->gone);
}

void fetch_drop(struct imap *imap)
{
    if (imap->state)
        fetch_free(imap->state);
}
