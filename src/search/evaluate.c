/*
 * search/evaluate.c: does a message fit a search, as far as is known? See search/program.h.
 *
 * Does     runs the program over three answers (no, yes, unknown), so that a message is only read as deep as it takes:
 *          its row, then its email record, then its text.
 * Tested   tests/unit/search_program.c
 */
#include "search/program.h"

static int64_t day_of(int64_t utc_s, int zone_minutes)
{
    int64_t local = utc_s + (int64_t)zone_minutes * 60;
    return local / 86400 - (local < 0 && local % 86400 != 0);
}

static enum truth truth(bool value)
{
    return value ? TRUTH_YES : TRUTH_NO;
}

static bool has_keyword(const struct message_row *row, int64_t number)
{
    return number >= 0 && ((row->keywords.bits[number / 64] >> (number % 64)) & 1);
}

static bool address_has(const struct digest *d, uint8_t field, struct view needle)
{
    const struct view fields[] = {[FIELD_FROM] = d->search_from,
                                  [FIELD_TO] = d->search_to,
                                  [FIELD_CC] = d->search_cc,
                                  [FIELD_BCC] = d->search_bcc,
                                  [FIELD_SUBJECT] = d->search_subject};
    struct view where = fields[field];
    return view_contains(where, needle);
}

/* first is the BEFORE of its family; ON and SINCE follow it. */
static bool day_fits(int64_t day, const struct search_key *key, enum search_op first)
{
    if (key->op == first + 1)
        return day == key->number;
    return key->op == first ? day < key->number : day >= key->number;
}

/* RFC 3501 6.4.4: the Date header, whatever its zone; without one no message was sent on any day. */
static bool sent_fits(const struct digest *d, const struct search_key *key)
{
    return (d->flags & DIGEST_HAS_DATE) &&
           day_fits(day_of(d->sent_utc_s, d->sent_zone_minutes), key, SEARCH_SENTBEFORE);
}

static bool row_fits(const struct search_key *key, const struct message_row *row)
{
    switch (key->op) {
    case SEARCH_ALL:
        return true;
    case SEARCH_FLAGS:
        return (row->flags & key->mask) == key->want;
    case SEARCH_KEYWORD:
        return has_keyword(row, key->number);
    case SEARCH_BEFORE:
    case SEARCH_ON:
    case SEARCH_SINCE:
        return day_fits(day_of(row->internal_utc_s, row->internal_zone_minutes), key, SEARCH_BEFORE);
    case SEARCH_SAVED_BEFORE:
    case SEARCH_SAVED_ON:
    case SEARCH_SAVED_SINCE:
        return day_fits(day_of(row->saved_utc_s, 0), key, SEARCH_SAVED_BEFORE);
    case SEARCH_OLDER:
        return row->internal_utc_s <= key->number;
    case SEARCH_YOUNGER:
        return row->internal_utc_s >= key->number;
    case SEARCH_LARGER:
        return row->size_octets > (uint64_t)key->number;
    case SEARCH_SMALLER:
        return row->size_octets < (uint64_t)key->number;
    case SEARCH_SET:
        return uidset_has(key->set, row->uid);
    case SEARCH_ANNOTATION:
        return key->set && uidset_has(key->set, row->uid);
    case SEARCH_MODSEQ:
        return row->modseq >= (uint64_t)key->number;
    case SEARCH_EMAIL:
        return row->email == (uint64_t)key->number;
    default:
        return false;
    }
}

static bool email_fits(const struct search_key *key, const struct email *email)
{
    if (key->op == SEARCH_THREAD)
        return email->thread == (uint64_t)key->number;
    if (key->op == SEARCH_ADDRESS)
        return address_has(&email->digest, key->field, key->text);
    return sent_fits(&email->digest, key);
}

static enum truth leaf(const struct search_key *key, const struct message_row *row, const struct email *email,
                       const char *bits)
{
    if (key->op < SEARCH_THREAD)
        return truth(row_fits(key, row));
    if (key->op < SEARCH_MATCH)
        return email ? truth(email_fits(key, email)) : TRUTH_UNKNOWN;
    return bits ? truth(bits[key->number] != 0) : TRUTH_UNKNOWN;
}

static enum truth both(enum truth a, enum truth b)
{
    if (a == TRUTH_NO || b == TRUTH_NO)
        return TRUTH_NO;
    return a == TRUTH_YES && b == TRUTH_YES ? TRUTH_YES : TRUTH_UNKNOWN;
}

static enum truth negate(enum truth a)
{
    return a == TRUTH_UNKNOWN ? TRUTH_UNKNOWN : truth(a == TRUTH_NO);
}

enum truth search_evaluate(const struct search_program *program, const struct message_row *row,
                           const struct email *email, const char *bits)
{
    enum truth *stack = program->stack;
    size_t top = 0;
    for (size_t i = 0; i < program->count; i++) {
        const struct search_key *key = &program->keys[i];
        if (key->op == SEARCH_NOT) {
            stack[top - 1] = negate(stack[top - 1]);
        } else if (key->op == SEARCH_AND) {
            top--;
            stack[top - 1] = both(stack[top - 1], stack[top]);
        } else if (key->op == SEARCH_OR) {
            top--;
            stack[top - 1] = negate(both(negate(stack[top - 1]), negate(stack[top])));
        } else {
            stack[top++] = leaf(key, row, email, bits);
        }
    }
    return stack[0];
}

uint8_t search_relevancy(const struct search_program *program, const struct message_row *row, const struct email *email,
                         const char *bits)
{
    size_t texts = 0, whole = 0;
    for (size_t i = 0; i < program->count; i++) {
        const struct search_key *key = &program->keys[i];
        if (!key->phrase)
            continue;
        texts++;
        whole += leaf(key, row, email, bits) == TRUTH_YES;
    }
    return texts ? (uint8_t)(1 + 99 * whole / texts) : 100;
}
