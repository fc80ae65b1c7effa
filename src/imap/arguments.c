/*
 * imap/arguments.c: what stands behind a command's name, token by token (RFC 3501 9).
 *
 * Called   by the parse functions of all commands. No recursion; what it makes lies in the command's arena.
 * Fails    false, with a sentence in `problem` that becomes BAD.
 * Tested   tests/unit/imap_arguments.c, fuzz/imap_command.c
 */
#include "base/clock.h"
#include "digest/text.h"
#include "imap/private.h"
#include "store/mutf7.h"
#include <stdlib.h>

static bool fail(struct arguments *a, const char *problem)
{
    a->problem = problem;
    return false;
}

/* ---- single octets ---- */

char arguments_peek(const struct arguments *a)
{
    return a->at < a->end ? *a->at : '\0';
}

bool arguments_take(struct arguments *a, char c)
{
    if (a->at >= a->end || *a->at != c)
        return false;
    a->at++;
    return true;
}

bool arguments_end(struct arguments *a)
{
    return a->at == a->end || fail(a, "Too many arguments");
}

bool arguments_space(struct arguments *a)
{
    return arguments_take(a, ' ') || fail(a, "An argument is missing");
}

/* ---- atoms and strings ---- */

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || (unsigned char)c >= 0x7f;
}

static bool is_atom_char(char c)
{
    return !is_control(c) && !memchr("(){ %*\"\\]", c, 9);
}

static bool is_astring_char(char c)
{
    return is_atom_char(c) || c == ']';
}

static bool is_list_char(char c)
{
    return is_astring_char(c) || c == '%' || c == '*';
}

static struct view take_while(struct arguments *a, bool (*wanted)(char c))
{
    const char *start = a->at;
    while (a->at < a->end && wanted(*a->at))
        a->at++;
    return view_of(start, (size_t)(a->at - start));
}

bool arguments_atom(struct arguments *a, struct view *atom_r)
{
    *atom_r = take_while(a, is_atom_char);
    return atom_r->size > 0 || fail(a, "An atom is expected");
}

/* Octets up to the closing quote; what doesn't end is found out by take_quoted. */
static size_t quoted_octets(const struct arguments *a)
{
    const char *p = a->at + 1;
    while (p < a->end && *p != '"')
        p += *p == '\\' && a->end - p > 1 ? 2 : 1;
    return (size_t)(p - a->at);
}

/* Takes no more memory than the string has octets: a command of many strings stays within its arena. */
static bool take_quoted(struct arguments *a, struct view *string_r)
{
    char *out = arena_try(a->arena, quoted_octets(a));
    size_t size = 0;
    if (!out)
        return fail(a, "The command is too long");
    for (const char *p = a->at + 1; p < a->end; p++) {
        if (*p == '"') {
            *string_r = view_of(out, size);
            a->at = p + 1;
            return !a->utf8 || text_valid(*string_r) || fail(a, "A quoted string isn't UTF-8"); /* RFC 6855 3 */
        }
        if (*p == '\\' && (++p == a->end || (*p != '"' && *p != '\\')))
            break;
        if (*p == '\r' || *p == '\n' || *p == '\0')
            break;
        out[size++] = *p;
    }
    return fail(a, "A quoted string doesn't end");
}

/* {n} or {n+}, a line end, n octets: frame.c has seen to it that they are there. */
static bool take_literal(struct arguments *a, bool with_nul, struct view *string_r)
{
    const char *p = memchr(a->at, '}', (size_t)(a->end - a->at));
    uint64_t octets;
    if (!p)
        return fail(a, "A literal is malformed");
    struct view digits = view_of(a->at + 1, (size_t)(p - a->at) - 1);
    if (digits.size && digits.data[digits.size - 1] == '+')
        digits.size--;
    if (!view_parse_u64(digits, UINT32_MAX, &octets))
        return fail(a, "A literal is malformed");
    p++;
    if (p < a->end && *p == '\r')
        p++;
    if (p >= a->end || *p != '\n' || octets > (uint64_t)(a->end - p) - 1)
        return fail(a, "A literal is malformed");
    if (!with_nul && memchr(p + 1, '\0', (size_t)octets))
        return fail(a, "A literal holds NUL");
    *string_r = view_of(p + 1, (size_t)octets);
    a->at = p + 1 + octets;
    return true;
}

bool arguments_string(struct arguments *a, struct view *string_r)
{
    if (arguments_peek(a) == '"')
        return take_quoted(a, string_r);
    if (arguments_peek(a) == '{')
        return take_literal(a, false, string_r);
    return fail(a, "A string is expected");
}

bool arguments_literal8(struct arguments *a, struct view *octets_r)
{
    return arguments_take(a, '~') && arguments_peek(a) == '{' ? take_literal(a, true, octets_r)
                                                              : fail(a, "A literal8 is expected");
}

bool arguments_astring(struct arguments *a, struct view *string_r)
{
    if (arguments_peek(a) == '"' || arguments_peek(a) == '{')
        return arguments_string(a, string_r);
    *string_r = take_while(a, is_astring_char);
    return string_r->size > 0 || fail(a, "A string is expected");
}

bool arguments_list_atom(struct arguments *a, struct view *atom_r)
{
    *atom_r = take_while(a, is_list_char);
    return atom_r->size > 0 || fail(a, "A name or pattern is expected");
}

bool arguments_nstring(struct arguments *a, struct view *string_r, bool *nil_r)
{
    *nil_r = false;
    if (arguments_peek(a) == '"' || arguments_peek(a) == '{')
        return arguments_string(a, string_r);
    *string_r = VIEW_EMPTY;
    *nil_r = view_starts_with_nocase(view_of(a->at, (size_t)(a->end - a->at)), VIEW_LITERAL("NIL"));
    if (!*nil_r)
        return fail(a, "A string or NIL is expected");
    a->at += 3;
    return true;
}

bool arguments_value(struct arguments *a, struct view *octets_r, bool *nil_r)
{
    *nil_r = false;
    return arguments_peek(a) == '~' ? arguments_literal8(a, octets_r) : arguments_nstring(a, octets_r, nil_r);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool arguments_number(struct arguments *a, uint64_t max, uint64_t *number_r)
{
    struct view digits = take_while(a, is_digit);
    return view_parse_u64(digits, max, number_r) || fail(a, "A number is expected");
}

/* ---- mailbox names ---- */

/* As sent to UTF-8. False if it is neither modified UTF-7 nor, where that is allowed, UTF-8. */
static bool decode_name(struct arguments *a, struct view sent, struct view *name_r)
{
    struct buffer utf8;
    *name_r = sent;
    if (a->utf8) /* what isn't UTF-8 has no canonical form, and fits no name */
        return true;
    buffer_init(&utf8, 4 * (size_t)LIMIT_MAILBOX_NAME * LIMIT_MAILBOX_DEPTH);
    bool good = mutf7_decode(sent, &utf8) && !utf8.overflow;
    *name_r = good ? arena_view(a->arena, buffer_view(&utf8)) : sent;
    buffer_free(&utf8);
    return good;
}

bool arguments_mailbox(struct arguments *a, struct view *name_r, bool *valid_r)
{
    struct view sent, utf8;
    if (!arguments_astring(a, &sent))
        return false;
    *name_r = sent;
    *valid_r = decode_name(a, sent, &utf8);
    a->sent = utf8;
    *valid_r = *valid_r && mailbox_name_canonical(a->arena, utf8, name_r) == STORE_OK;
    return true;
}

bool arguments_list_mailbox(struct arguments *a, struct view *pattern_r, bool *encoded_r)
{
    struct view sent;
    if (arguments_peek(a) == '"' || arguments_peek(a) == '{') {
        if (!arguments_string(a, &sent))
            return false;
    } else {
        if (!arguments_list_atom(a, &sent))
            return false;
    }
    *encoded_r = !decode_name(a, sent, pattern_r);
    return true;
}

bool arguments_list_reference(struct arguments *a, struct view *reference_r)
{
    struct view sent;
    if (!arguments_astring(a, &sent))
        return false;
    decode_name(a, sent, reference_r);
    return true;
}

/* ---- flags ---- */

static const struct {
    const char *name;
    uint8_t flag;
} system_flags[] = {{"Seen", FLAG_SEEN},       {"Answered", FLAG_ANSWERED}, {"Flagged", FLAG_FLAGGED},
                    {"Deleted", FLAG_DELETED}, {"Draft", FLAG_DRAFT},       {"Recent", 0}};

static bool take_system_flag(struct arguments *a, struct flag_list *flags)
{
    struct view name;
    if (!arguments_atom(a, &name))
        return false;
    for (size_t i = 0; i < sizeof system_flags / sizeof *system_flags; i++) {
        if (view_equal_string_nocase(name, system_flags[i].name)) {
            flags->flags |= system_flags[i].flag;
            return true;
        }
    }
    return fail(a, "There is no such system flag");
}

static bool take_flag(struct arguments *a, struct flag_list *flags)
{
    if (arguments_take(a, '\\'))
        return take_system_flag(a, flags);
    struct view keyword;
    if (!arguments_atom(a, &keyword))
        return false;
    if (flags->keyword_count == KEYWORD_MAX) {
        a->code = "LIMIT";
        a->too_much = true;
        return fail(a, "Too many keywords");
    }
    if (!flags->keywords)
        flags->keywords = ARENA_ARRAY(a->arena, KEYWORD_MAX, struct view);
    flags->keywords[flags->keyword_count++] = keyword;
    return true;
}

bool arguments_flags(struct arguments *a, bool bare, struct flag_list *flags_r)
{
    *flags_r = (struct flag_list){0};
    bool list = arguments_take(a, '(');
    if (!list && !bare)
        return fail(a, "A list of flags is expected");
    if (list && arguments_take(a, ')'))
        return true;
    do {
        if (!take_flag(a, flags_r))
            return false;
    } while (arguments_take(a, ' '));
    return !list || arguments_take(a, ')') || fail(a, "The list of flags doesn't end");
}

/* ---- dates ---- */

static bool take_digits(struct arguments *a, size_t count, uint64_t *number_r)
{
    struct view digits = view_of(a->at, (size_t)(a->end - a->at));
    if (digits.size < count || !view_parse_u64(view_slice(digits, 0, count), 9999, number_r))
        return fail(a, "The date is malformed");
    a->at += count;
    return true;
}

/* "-Jul-1996", behind the day. */
static bool take_month_and_year(struct arguments *a, struct civil_time *civil)
{
    char month[4] = {0};
    uint64_t year;
    if (a->end - a->at < 9 || a->at[0] != '-' || a->at[4] != '-')
        return fail(a, "The date is malformed");
    memcpy(month, a->at + 1, 3);
    civil->month = (uint8_t)civil_month_number(month);
    a->at += 5;
    if (!civil->month)
        return fail(a, "The date has no such month");
    if (!take_digits(a, 4, &year))
        return false;
    civil->year = (int32_t)year;
    return true;
}

static bool take_time(struct arguments *a, struct civil_time *civil)
{
    uint64_t hour, minute, second;
    bool good = take_digits(a, 2, &hour) && arguments_take(a, ':') && take_digits(a, 2, &minute) &&
                arguments_take(a, ':') && take_digits(a, 2, &second);
    if (!good)
        return fail(a, "The date is malformed");
    civil->hour = (uint8_t)hour;
    civil->minute = (uint8_t)minute;
    civil->second = (uint8_t)second;
    return true;
}

static bool take_zone(struct arguments *a, struct civil_time *civil)
{
    uint64_t hours, minutes;
    bool minus = arguments_peek(a) == '-';
    if (!arguments_take(a, '-') && !arguments_take(a, '+'))
        return fail(a, "The date is malformed");
    if (!take_digits(a, 2, &hours) || !take_digits(a, 2, &minutes))
        return false;
    if (hours > 23 || minutes > 59)
        return fail(a, "The date has no such zone");
    civil->zone_minutes = (int16_t)(hours * 60 + minutes);
    if (minus)
        civil->zone_minutes = (int16_t)-civil->zone_minutes;
    return true;
}

bool arguments_date_time(struct arguments *a, int64_t *utc_s_r, int16_t *zone_minutes_r)
{
    struct civil_time civil = {0};
    uint64_t day;
    if (!arguments_take(a, '"'))
        return fail(a, "A date is expected");
    bool short_day = arguments_take(a, ' ');
    if (!take_digits(a, short_day ? 1 : 2, &day) || !take_month_and_year(a, &civil))
        return false;
    civil.day = (uint8_t)day;
    if (!arguments_take(a, ' ') || !take_time(a, &civil) || !arguments_take(a, ' '))
        return fail(a, "The date is malformed");
    if (!take_zone(a, &civil))
        return false;
    if (!arguments_take(a, '"') || !civil_to_seconds(&civil, utc_s_r))
        return fail(a, "There is no such date");
    *zone_minutes_r = civil.zone_minutes;
    return true;
}

bool arguments_date(struct arguments *a, int64_t *day_r)
{
    struct civil_time civil = {0};
    bool quoted = arguments_take(a, '"');
    struct view day = take_while(a, is_digit);
    uint64_t number;
    int64_t seconds;
    if (!view_parse_u64(day, 31, &number) || day.size > 2)
        return fail(a, "The date is malformed");
    civil.day = (uint8_t)number;
    if (!take_month_and_year(a, &civil))
        return false;
    if ((quoted && !arguments_take(a, '"')) || !civil_to_seconds(&civil, &seconds))
        return fail(a, "There is no such date");
    *day_r = seconds / 86400 - (seconds < 0 && seconds % 86400 != 0);
    return true;
}

/* ---- sequence sets ---- */

/* A number or "*", which is UINT32_MAX here: no message has that number, so the next lower one serves for it. */
static bool take_set_number(struct arguments *a, uint32_t *number_r)
{
    uint64_t number;
    *number_r = UINT32_MAX;
    if (arguments_take(a, '*'))
        return true;
    if (!arguments_number(a, UINT32_MAX, &number))
        return false;
    *number_r = number < UINT32_MAX ? (uint32_t)number : UINT32_MAX - 1;
    return number > 0 || fail(a, "0 is no message number");
}

static size_t most_ranges(const struct arguments *a)
{
    size_t commas = 0;
    for (const char *p = a->at; p < a->end && *p != ' '; p++)
        commas += *p == ',';
    return commas + 1;
}

bool arguments_ranges(struct arguments *a, struct ranges *ranges_r)
{
    struct range *range = arena_try(a->arena, most_ranges(a) * sizeof *range);
    *ranges_r = (struct ranges){range, 0};
    if (!range)
        return fail(a, "The set is too long");
    do {
        if (!take_set_number(a, &range->first))
            return false;
        range->last = range->first;
        if (arguments_take(a, ':') && !take_set_number(a, &range->last))
            return false;
        if (range->first > range->last) {
            uint32_t first = range->last;
            range->last = range->first;
            range->first = first;
        }
        range++;
        ranges_r->count++;
    } while (arguments_take(a, ','));
    return true;
}

static int by_first(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Sorted and merged first: "1:*,1:*,1:*" costs as much as "1:*". */
struct uidset *ranges_to_uids(const struct ranges *ranges, uint32_t star)
{
    struct uidset *set = uidset_new();
    struct range *r = ranges->ranges;
    size_t used = 0;
    /* RFC 3501 6.4.8: "n:*" holds the last message even if n is above it */
    for (size_t i = 0; star && i < ranges->count; i++)
        if (r[i].last == UINT32_MAX && r[i].first > star)
            r[i].first = star;
    if (ranges->count)
        qsort(r, ranges->count, sizeof *r, by_first);
    for (size_t i = 1; i < ranges->count; i++) {
        if (r[i].first <= r[used].last)
            r[used].last = r[i].last > r[used].last ? r[i].last : r[used].last;
        else
            r[++used] = r[i];
    }
    for (size_t i = 0; i <= used && i < ranges->count && r[i].first <= star; i++)
        uidset_add_range(set, r[i].first, r[i].last > star ? star : r[i].last);
    return set;
}

/* From numbers of the client's view to UIDs. False: beyond the last message. */
static bool to_uid(const struct uidset *known, uint32_t *number)
{
    uint32_t count = uidset_count(known);
    if (*number == UINT32_MAX) {
        *number = uidset_max(known);
        return true;
    }
    if (*number > count)
        return false;
    *number = uidset_select(known, *number);
    return true;
}

bool arguments_allow_numbers(struct arguments *a, const struct imap *imap)
{
    if (!(imap->enabled & ENABLED_UIDONLY))
        return true;
    a->code = "UIDREQUIRED";
    return fail(a, "UIDONLY is enabled: message numbers can't be used");
}

bool arguments_sequence_set(struct arguments *a, struct imap *imap, bool uid, struct uidset **set_r)
{
    struct ranges ranges;
    const struct uidset *known = imap->selected.uids;
    if (!uid && !arguments_allow_numbers(a, imap))
        return false;
    if (arguments_take(a, '$')) {
        *set_r = imap->selected.saved ? uidset_copy(imap->selected.saved) : uidset_new();
        uidset_intersect(*set_r, known);
        return true;
    }
    imap->by_number = imap->by_number || !uid;
    if (!arguments_ranges(a, &ranges))
        return false;
    for (size_t i = 0; !uid && i < ranges.count; i++) {
        struct range *r = &ranges.ranges[i];
        if (!to_uid(known, &r->first) || !to_uid(known, &r->last))
            return fail(a, "There is no message of that number");
        if (r->first > r->last) /* "*:4" of three messages */
            *r = (struct range){r->last, r->first};
    }
    *set_r = ranges_to_uids(&ranges, uidset_max(known));
    uidset_intersect(*set_r, known);
    return true;
}

/* ---- partial ranges ---- */

static bool take_position(struct arguments *a, bool from_last, uint32_t *position_r)
{
    uint64_t number;
    if (from_last && !arguments_take(a, '-'))
        return fail(a, "Both ends of a partial range are counted from the same side");
    if (!arguments_number(a, UINT32_MAX, &number))
        return false;
    *position_r = (uint32_t)number;
    return number > 0 || fail(a, "0 is no position");
}

bool arguments_partial(struct arguments *a, struct partial_range *range_r)
{
    struct partial_range r = {.from_last = arguments_peek(a) == '-'};
    if (!take_position(a, r.from_last, &r.first))
        return false;
    if (!arguments_take(a, ':'))
        return fail(a, "A partial range has two ends");
    if (!take_position(a, r.from_last, &r.last))
        return false;
    r.reversed = r.first > r.last;
    if (r.reversed) {
        uint32_t first = r.last;
        r.last = r.first;
        r.first = first;
    }
    *range_r = r;
    return true;
}

bool partial_clip(const struct partial_range *range, uint32_t count, uint32_t *first_r, uint32_t *last_r)
{
    uint32_t last = range->last < count ? range->last : count;
    if (range->first > count)
        return false;
    *first_r = range->from_last ? count - last + 1 : range->first;
    *last_r = range->from_last ? count - range->first + 1 : last;
    return true;
}
