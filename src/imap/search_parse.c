/*
 * imap/search_parse.c: SEARCH's keys into a postfix program (RFC 3501 6.4.4, RFC 7162 3.1.5, RFC 5032, RFC 8514 4.3,
 * RFC 8474 6, RFC 6203 3, RFC 5466 3.1, RFC 9738 3.2, RFC 5257 4.8).
 *
 * Does     keeps what is open (lists, NOT, OR, FUZZY) on a stack of its own, at most LIMIT_IMAP_NESTING deep. No
 *          recursion.
 * Tested   tests/unit/imap_search.c, fuzz/imap_command.c
 */
#include "base/clock.h"
#include "base/memory.h"
#include "imap/annotation.h"
#include "imap/search.h"
#include <stdlib.h>

enum { FUZZY_WORDS = 8, OBJECT_ID = 255 };

static bool fail(struct arguments *a, const char *problem)
{
    if (!a->problem)
        a->problem = problem;
    return false;
}

static bool fail_limit(struct arguments *a, const char *problem)
{
    if (!a->problem)
        a->code = "LIMIT";
    return fail(a, problem);
}

static bool emit(struct arguments *a, struct search_program *p, struct search_key key)
{
    return search_program_add(p, key) || fail(a, "Too many search keys");
}

/* ---- what is open ---- */

enum open_kind { OPEN_LIST, OPEN_PARENTHESIS, OPEN_NOT, OPEN_FUZZY, OPEN_OR };
struct open {
    enum open_kind kind;
    size_t operands;
};
struct openings {
    struct open rows[LIMIT_IMAP_NESTING + 1];
    size_t count;
    unsigned fuzzy; /* FUZZY that are open */
};

static bool open_one(struct arguments *a, struct openings *o, enum open_kind kind)
{
    if (o->count > LIMIT_IMAP_NESTING)
        return fail_limit(a, "The search is nested too deeply");
    o->rows[o->count++] = (struct open){kind, 0};
    return true;
}

/* An operand is whole: closes what it completes. *more_r: another key must follow. */
static bool complete(struct arguments *a, struct search_program *p, struct openings *o, bool *more_r)
{
    *more_r = true;
    while (o->count) {
        struct open *top = &o->rows[o->count - 1];
        top->operands++;
        if (top->kind == OPEN_NOT) {
            if (!emit(a, p, (struct search_key){.op = SEARCH_NOT}))
                return false;
        } else if (top->kind == OPEN_FUZZY) {
            o->fuzzy--;
        } else if (top->kind == OPEN_OR) {
            if (top->operands == 1)
                return arguments_space(a);
            if (!emit(a, p, (struct search_key){.op = SEARCH_OR}))
                return false;
        } else {
            if (top->operands > 1 && !emit(a, p, (struct search_key){.op = SEARCH_AND}))
                return false;
            if (arguments_take(a, ' '))
                return true;
            if (top->kind == OPEN_LIST)
                break;
            if (!arguments_take(a, ')'))
                return fail(a, "The list of keys doesn't end");
        }
        o->count--;
    }
    *more_r = false;
    return arguments_end(a);
}

/* ---- leaves ---- */

struct reading {
    struct imap *imap;
    struct arguments *a;
    struct search_program *p;
    struct openings *o;
};
struct leaf {
    const char *name;
    bool (*take)(struct reading *r, const struct leaf *leaf);
    enum search_op op;
    uint8_t mask, want;
};

static bool take_plain(struct reading *r, const struct leaf *leaf)
{
    return emit(r->a, r->p, (struct search_key){.op = leaf->op, .mask = leaf->mask, .want = leaf->want});
}

static bool take_date(struct reading *r, const struct leaf *leaf)
{
    struct search_key key = {.op = leaf->op};
    return arguments_space(r->a) && arguments_date(r->a, &key.number) && emit(r->a, r->p, key);
}

static bool take_size(struct reading *r, const struct leaf *leaf)
{
    uint64_t number;
    if (!arguments_space(r->a) || !arguments_number(r->a, UINT32_MAX, &number))
        return false;
    return emit(r->a, r->p, (struct search_key){.op = leaf->op, .number = (int64_t)number});
}

/* RFC 5032 2: so many seconds before now. */
static bool take_interval(struct reading *r, const struct leaf *leaf)
{
    uint64_t seconds;
    if (!arguments_space(r->a) || !arguments_number(r->a, UINT32_MAX, &seconds))
        return false;
    if (!seconds)
        return fail(r->a, "An interval of 0 is none");
    return emit(r->a, r->p, (struct search_key){.op = leaf->op, .number = clock_wall_s() - (int64_t)seconds});
}

/* RFC 8474 6: an id that can't be one of ours is no message's. want: the letter that ours begin with. */
static bool take_object(struct reading *r, const struct leaf *leaf)
{
    struct view id;
    uint64_t number = 0;
    if (!arguments_space(r->a) || !arguments_atom(r->a, &id))
        return false;
    if (id.size > OBJECT_ID)
        return fail(r->a, "The id is too long");
    bool good = id.size >= 2 && id.size <= 17 && id.data[0] == (char)leaf->want && id.data[1] != '0';
    for (size_t i = 1; good && i < id.size; i++) {
        const char *digit = memchr("0123456789abcdef", id.data[i], 16);
        good = digit != NULL;
        number = number << 4 | (good ? (uint64_t)(digit - "0123456789abcdef") : 0);
    }
    return emit(r->a, r->p, (struct search_key){.op = good ? leaf->op : SEARCH_NEVER, .number = (int64_t)number});
}

/* want: 0 for UNKEYWORD. Numbers are looked up when the search begins. */
static bool take_keyword(struct reading *r, const struct leaf *leaf)
{
    struct search_key key = {.op = SEARCH_KEYWORD};
    if (!arguments_space(r->a) || !arguments_atom(r->a, &key.text) || !emit(r->a, r->p, key))
        return false;
    return leaf->want || emit(r->a, r->p, (struct search_key){.op = SEARCH_NOT});
}

/* RFC 5466 3.1, 4: its keys are put there before the search begins. */
static bool take_filter(struct reading *r, const struct leaf *leaf)
{
    struct search_key key = {.op = SEARCH_FILTER, .want = r->o->fuzzy > 0};
    if (!arguments_space(r->a) || !arguments_atom(r->a, &key.text))
        return false;
    if (view_find(key.text, '/', 0) != SIZE_MAX)
        return fail(r->a, "A filter's name has no \"/\"");
    r->p->uses_filters = true;
    r->p->uses_fuzzy = r->p->uses_fuzzy || key.want;
    return emit(r->a, r->p, key);
}

/* ---- texts ---- */

/* Where a text is to be found: a field of the digest, or what parse looks into. */
struct place {
    enum search_op op;
    uint8_t field, where;
    struct view name;
};

static bool add_text(struct reading *r, const struct place *place, struct view text, bool phrase)
{
    struct search_program *p = r->p;
    struct search_key key = {.op = place->op, .field = place->field, .phrase = phrase, .text = text};
    if (place->op == SEARCH_MATCH) {
        if (p->match_count == MATCH_KEYS_MAX)
            return fail(r->a, "Too many texts in one search");
        p->matches[p->match_count] = (struct match_key){.where = place->where, .field = place->name, .needle = text};
        key.text = VIEW_EMPTY;
        key.number = (int64_t)p->match_count++;
    }
    return emit(r->a, p, key);
}

/* The next word of a text; false behind the last. */
static bool next_word(struct view *text, struct view *word_r)
{
    size_t at = 0;
    while (at < text->size && text->data[at] == ' ')
        at++;
    *text = view_skip(*text, at);
    size_t end = view_find(*text, ' ', 0);
    *word_r = view_slice(*text, 0, end);
    *text = view_skip(*text, word_r->size);
    return word_r->size > 0;
}

/* RFC 6203 3: a fuzzy text is found where all its words are, wherever they stand; whole it counts for more. */
static bool add_fuzzy(struct reading *r, const struct place *place, struct view text)
{
    struct view word, rest = text;
    size_t words = 0;
    r->p->uses_fuzzy = true;
    if (!add_text(r, place, text, true))
        return false;
    while (words < FUZZY_WORDS && next_word(&rest, &word)) {
        if (word.size == text.size)
            return true; /* the text is one word */
        if (!add_text(r, place, word, false) || (words++ && !emit(r->a, r->p, (struct search_key){.op = SEARCH_AND})))
            return false;
    }
    return !words || emit(r->a, r->p, (struct search_key){.op = SEARCH_OR});
}

static bool take_string(struct reading *r, const struct place *place)
{
    struct view text;
    if (!arguments_space(r->a) || !arguments_astring(r->a, &text))
        return false;
    if (!text.size && place->where != MATCH_HEADER) /* every message holds the empty text */
        return emit(r->a, r->p, (struct search_key){.op = SEARCH_ALL});
    return r->o->fuzzy && text.size ? add_fuzzy(r, place, text) : add_text(r, place, text, false);
}

static bool take_address(struct reading *r, const struct leaf *leaf)
{
    return take_string(r, &(struct place){.op = SEARCH_ADDRESS, .field = leaf->mask});
}

static bool take_text(struct reading *r, const struct leaf *leaf)
{
    return take_string(r, &(struct place){.op = SEARCH_MATCH, .where = leaf->mask});
}

static bool take_header(struct reading *r, const struct leaf *leaf)
{
    struct place place = {.op = SEARCH_MATCH, .where = MATCH_HEADER};
    return arguments_space(r->a) && arguments_astring(r->a, &place.name) && take_string(r, &place);
}

/* ---- annotations ---- */

/* RFC 5257 4.8. NIL: no such entry has a value, which the RFC leaves open. */
static bool take_annotation(struct reading *r, const struct leaf *leaf)
{
    struct arguments *a = r->a;
    struct search_key key = {.op = SEARCH_ANNOTATION};
    uint8_t attribute;
    bool nil;
    if (!arguments_space(a) || !annotation_take_pattern(a, &key.name) || !arguments_space(a) ||
        !annotation_take_attribute(a, &attribute) || !arguments_space(a) || !arguments_value(a, &key.text, &nil))
        return false;
    if (!(attribute & ATTRIBUTE_VALUE))
        return fail(a, "What can be searched is value, value.priv and value.shared");
    key.mask = (uint8_t)((attribute & ATTRIBUTE_SHARED ? ANNOTATION_OF_ALL : 0) |
                         (attribute & ATTRIBUTE_PRIV ? ANNOTATION_OF_READER : 0));
    return emit(a, r->p, key) && (!nil || emit(a, r->p, (struct search_key){.op = SEARCH_NOT}));
}

/* ---- sets ---- */

static struct search_ranges *keep_ranges(struct arguments *a, const struct ranges *from, bool uid)
{
    struct search_ranges *kept = ARENA_NEW(a->arena, struct search_ranges);
    *kept = (struct search_ranges){ARENA_ARRAY(a->arena, from->count, struct search_range), from->count, uid};
    for (size_t i = 0; i < from->count; i++)
        kept->ranges[i] = (struct search_range){from->ranges[i].first, from->ranges[i].last};
    return kept;
}

/* "*" is the last number; what lies beyond it is left out. */
static bool number_to_uids(const struct uidset *known, struct search_range r, struct range *range_r)
{
    uint32_t count = uidset_count(known);
    uint32_t last = r.last == UINT32_MAX ? count : r.last, first = r.first == UINT32_MAX ? count : r.first;
    if (first > last) { /* "9:*" of three messages */
        uint32_t swap = first;
        first = last;
        last = swap;
    }
    if (first > count || !first)
        return false;
    *range_r = (struct range){uidset_select(known, first), uidset_select(known, last < count ? last : count)};
    return true;
}

struct uidset *search_resolve(const struct search_ranges *ranges, const struct uidset *known)
{
    struct ranges uids = {memory_array(ranges->count + 1, sizeof(struct range)), 0};
    for (size_t i = 0; i < ranges->count; i++) {
        struct search_range r = ranges->ranges[i];
        if (ranges->by_uid)
            uids.ranges[uids.count++] = (struct range){r.first, r.last};
        else if (number_to_uids(known, r, &uids.ranges[uids.count]))
            uids.count++;
    }
    struct uidset *set = ranges_to_uids(&uids, uidset_max(known));
    uidset_intersect(set, known);
    free(uids.ranges);
    return set;
}

static bool take_set(struct reading *r, bool uid)
{
    struct search_key key = {.op = SEARCH_SET};
    struct ranges ranges;
    if (!uid && arguments_peek(r->a) != '$' && !arguments_allow_numbers(r->a, r->imap))
        return false;
    if (!r->imap->selected.open && arguments_take(r->a, '$')) { /* ESEARCH: there is no result that was saved */
        key.set = uidset_new();
        return emit(r->a, r->p, key);
    }
    if (arguments_peek(r->a) == '$') /* RFC 5182 3; it names messages of the selected mailbox alone */
        return arguments_sequence_set(r->a, r->imap, true, &key.set) && emit(r->a, r->p, key);
    r->imap->by_number = r->imap->by_number || !uid;
    if (!arguments_ranges(r->a, &ranges))
        return false;
    key.ranges = keep_ranges(r->a, &ranges, uid);
    key.set = r->imap->selected.open ? search_resolve(key.ranges, r->imap->selected.uids) : uidset_new();
    return emit(r->a, r->p, key);
}

static bool take_uid(struct reading *r, const struct leaf *leaf)
{
    return arguments_space(r->a) && take_set(r, true);
}

/* UIDAFTER n is UID n+1:*, UIDBEFORE n is UID 1:n-1, and either may be empty (RFC 9738 3.2). want: 1 for after. */
static bool take_uids_beside(struct reading *r, const struct leaf *leaf)
{
    struct search_key key = {.op = SEARCH_SET};
    uint64_t uid;
    if (!arguments_space(r->a) || !arguments_number(r->a, UINT32_MAX, &uid))
        return false;
    if (!uid)
        return fail(r->a, "0 is no UID");
    if (leaf->want ? uid >= UINT32_MAX - 1 : uid == 1) /* UINT32_MAX would be "*" */
        return emit(r->a, r->p, (struct search_key){.op = SEARCH_NEVER});
    struct range beside = {leaf->want ? (uint32_t)uid + 1 : 1, leaf->want ? UINT32_MAX - 1 : (uint32_t)uid - 1};
    key.ranges = keep_ranges(r->a, &(struct ranges){&beside, 1}, true);
    key.set = r->imap->selected.open ? search_resolve(key.ranges, r->imap->selected.uids) : uidset_new();
    return emit(r->a, r->p, key);
}

/* MODSEQ ["/flags/..." all] n: entries are looked at as one (RFC 7162 3.1.5 lets a server do that). */
static bool take_modseq(struct reading *r, const struct leaf *leaf)
{
    struct arguments *a = r->a;
    struct view word;
    uint64_t number;
    if (!arguments_space(a))
        return false;
    if (arguments_peek(a) == '"' &&
        (!arguments_string(a, &word) || !arguments_space(a) || !arguments_atom(a, &word) || !arguments_space(a)))
        return false;
    if (!arguments_number(a, INT64_MAX, &number))
        return false;
    r->imap->enabled |= ENABLED_CONDSTORE;
    r->p->uses_modseq = true;
    return emit(a, r->p, (struct search_key){.op = SEARCH_MODSEQ, .number = (int64_t)number});
}

static const struct leaf leaves[] = {
    {"ALL", take_plain, SEARCH_ALL, 0, 0},
    {"ANNOTATION", take_annotation, SEARCH_ANNOTATION, 0, 0},
    {"ANSWERED", take_plain, SEARCH_FLAGS, FLAG_ANSWERED, FLAG_ANSWERED},
    {"BCC", take_address, SEARCH_ADDRESS, FIELD_BCC, 0},
    {"BEFORE", take_date, SEARCH_BEFORE, 0, 0},
    {"BODY", take_text, SEARCH_MATCH, MATCH_BODY, 0},
    {"CC", take_address, SEARCH_ADDRESS, FIELD_CC, 0},
    {"DELETED", take_plain, SEARCH_FLAGS, FLAG_DELETED, FLAG_DELETED},
    {"DRAFT", take_plain, SEARCH_FLAGS, FLAG_DRAFT, FLAG_DRAFT},
    {"EMAILID", take_object, SEARCH_EMAIL, 0, 'E'},
    {"FILTER", take_filter, SEARCH_FILTER, 0, 0},
    {"FLAGGED", take_plain, SEARCH_FLAGS, FLAG_FLAGGED, FLAG_FLAGGED},
    {"FROM", take_address, SEARCH_ADDRESS, FIELD_FROM, 0},
    {"HEADER", take_header, SEARCH_MATCH, 0, 0},
    {"KEYWORD", take_keyword, SEARCH_KEYWORD, 0, 1},
    {"LARGER", take_size, SEARCH_LARGER, 0, 0},
    {"MODSEQ", take_modseq, SEARCH_MODSEQ, 0, 0},
    {"NEW", take_plain, SEARCH_NEVER, 0, 0}, /* no message is \Recent here */
    {"OLD", take_plain, SEARCH_ALL, 0, 0},
    {"OLDER", take_interval, SEARCH_OLDER, 0, 0},
    {"ON", take_date, SEARCH_ON, 0, 0},
    {"RECENT", take_plain, SEARCH_NEVER, 0, 0},
    {"SAVEDATESUPPORTED", take_plain, SEARCH_ALL, 0, 0},
    {"SAVEDBEFORE", take_date, SEARCH_SAVED_BEFORE, 0, 0},
    {"SAVEDON", take_date, SEARCH_SAVED_ON, 0, 0},
    {"SAVEDSINCE", take_date, SEARCH_SAVED_SINCE, 0, 0},
    {"SEEN", take_plain, SEARCH_FLAGS, FLAG_SEEN, FLAG_SEEN},
    {"SENTBEFORE", take_date, SEARCH_SENTBEFORE, 0, 0},
    {"SENTON", take_date, SEARCH_SENTON, 0, 0},
    {"SENTSINCE", take_date, SEARCH_SENTSINCE, 0, 0},
    {"SINCE", take_date, SEARCH_SINCE, 0, 0},
    {"SMALLER", take_size, SEARCH_SMALLER, 0, 0},
    {"SUBJECT", take_address, SEARCH_ADDRESS, FIELD_SUBJECT, 0},
    {"TEXT", take_text, SEARCH_MATCH, MATCH_TEXT, 0},
    {"THREADID", take_object, SEARCH_THREAD, 0, 'T'},
    {"TO", take_address, SEARCH_ADDRESS, FIELD_TO, 0},
    {"UID", take_uid, SEARCH_SET, 0, 0},
    {"UIDAFTER", take_uids_beside, SEARCH_SET, 0, 1},
    {"UIDBEFORE", take_uids_beside, SEARCH_SET, 0, 0},
    {"UNANSWERED", take_plain, SEARCH_FLAGS, FLAG_ANSWERED, 0},
    {"UNDELETED", take_plain, SEARCH_FLAGS, FLAG_DELETED, 0},
    {"UNDRAFT", take_plain, SEARCH_FLAGS, FLAG_DRAFT, 0},
    {"UNFLAGGED", take_plain, SEARCH_FLAGS, FLAG_FLAGGED, 0},
    {"UNKEYWORD", take_keyword, SEARCH_KEYWORD, 0, 0},
    {"UNSEEN", take_plain, SEARCH_FLAGS, FLAG_SEEN, 0},
    {"YOUNGER", take_interval, SEARCH_YOUNGER, 0, 0},
};

/* ---- keys ---- */

static bool is_set_start(char c)
{
    return (c >= '0' && c <= '9') || c == '*' || c == '$';
}

static bool open_word(struct reading *r, enum open_kind kind)
{
    r->o->fuzzy += kind == OPEN_FUZZY;
    return open_one(r->a, r->o, kind) && arguments_space(r->a);
}

/* A key, or the beginning of what holds keys. *whole_r: an operand was emitted. */
static bool take_key(struct reading *r, bool *whole_r)
{
    static const struct {
        const char *name;
        enum open_kind kind;
    } openers[] = {{"NOT", OPEN_NOT}, {"OR", OPEN_OR}, {"FUZZY", OPEN_FUZZY}};
    struct view word;
    *whole_r = false;
    if (arguments_take(r->a, '('))
        return open_one(r->a, r->o, OPEN_PARENTHESIS);
    *whole_r = true;
    if (is_set_start(arguments_peek(r->a)))
        return take_set(r, false);
    if (!arguments_atom(r->a, &word))
        return fail(r->a, "A search key is expected");
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++)
        if (view_equal_string_nocase(word, leaves[i].name))
            return leaves[i].take(r, &leaves[i]);
    *whole_r = false;
    for (size_t i = 0; i < sizeof openers / sizeof *openers; i++)
        if (view_equal_string_nocase(word, openers[i].name))
            return open_word(r, openers[i].kind);
    return fail(r->a, "Unknown search key");
}

static bool parse(struct imap *imap, struct arguments *a, struct search_program *program, bool fuzzy)
{
    struct openings *o = ARENA_NEW(a->arena, struct openings);
    struct reading reading = {imap, a, program, o};
    bool more = true;
    o->fuzzy = fuzzy;
    open_one(a, o, OPEN_LIST);
    while (more) {
        bool whole;
        if (!take_key(&reading, &whole))
            return fail(a, "The search is malformed");
        if (whole && !complete(a, program, o, &more))
            return fail(a, "The search is malformed");
    }
    return true;
}

bool search_parse_keys(struct imap *imap, struct arguments *a, struct search_program *program)
{
    if (!imap->uid && !arguments_allow_numbers(a, imap)) /* the answer would hold numbers */
        return false;
    return parse(imap, a, program, false);
}

bool search_parse_filter(struct imap *imap, struct arguments *a, struct search_program *program, bool fuzzy)
{
    return parse(imap, a, program, fuzzy);
}
