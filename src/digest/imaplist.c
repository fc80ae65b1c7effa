/* digest/imaplist.c: see digest/imaplist.h. */
#include "digest/imaplist.h"

static enum imaplist_state between(struct imaplist *list, unsigned char c)
{
    switch (c) {
    case '(':
        list->depth++;
        return IMAPLIST_BETWEEN;
    case ')':
        return --list->depth ? IMAPLIST_BETWEEN : IMAPLIST_END;
    case '"':
        return IMAPLIST_QUOTED;
    case '{':
        list->literal = 0;
        list->digits = false;
        return IMAPLIST_COUNT;
    default: /* a blank, NIL, a number */
        return c == ' ' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ? IMAPLIST_BETWEEN : IMAPLIST_BAD;
    }
}

static enum imaplist_state in_count(struct imaplist *list, unsigned char c)
{
    if (c == '}')
        return list->digits ? IMAPLIST_COUNT_CR : IMAPLIST_BAD;
    if (c < '0' || c > '9' || list->literal > UINT32_MAX)
        return IMAPLIST_BAD;
    list->literal = list->literal * 10 + (c - '0');
    list->digits = true;
    return IMAPLIST_COUNT;
}

static enum imaplist_state in_quoted(const struct imaplist *list, unsigned char c)
{
    if (c == '"')
        return IMAPLIST_BETWEEN;
    if (c == '\\')
        return IMAPLIST_ESCAPE;
    bool plain = c >= 32 || c == '\t';
    return plain && c != 127 && (c < 128 || list->eight_bit) ? IMAPLIST_QUOTED : IMAPLIST_BAD;
}

static enum imaplist_state step(struct imaplist *list, unsigned char c)
{
    switch (list->state) {
    case IMAPLIST_START:
        list->depth = 1;
        return c == '(' ? IMAPLIST_BETWEEN : IMAPLIST_BAD;
    case IMAPLIST_BETWEEN:
        return between(list, c);
    case IMAPLIST_QUOTED:
        return in_quoted(list, c);
    case IMAPLIST_ESCAPE:
        return c == '"' || c == '\\' ? IMAPLIST_QUOTED : IMAPLIST_BAD;
    case IMAPLIST_COUNT:
        return in_count(list, c);
    case IMAPLIST_COUNT_CR:
        return c == '\r' ? IMAPLIST_COUNT_LF : IMAPLIST_BAD;
    case IMAPLIST_COUNT_LF:
        return c != '\n' ? IMAPLIST_BAD : list->literal ? IMAPLIST_LITERAL : IMAPLIST_BETWEEN;
    case IMAPLIST_LITERAL:
        if (!c || (c >= 128 && !list->eight_bit)) /* RFC 9051 9: CHAR8 has no NUL */
            return IMAPLIST_BAD;
        return --list->literal ? IMAPLIST_LITERAL : IMAPLIST_BETWEEN;
    case IMAPLIST_END: /* something behind the list */
    case IMAPLIST_BAD:
        break;
    }
    return IMAPLIST_BAD;
}

void imaplist_feed(struct imaplist *list, struct view octets)
{
    for (size_t at = 0; at < octets.size && list->state != IMAPLIST_BAD; at++)
        list->state = step(list, (unsigned char)octets.data[at]);
}

/* Behind the string that begins at `at`, or SIZE_MAX: it doesn't end. */
static size_t string_end(struct view list, size_t at)
{
    uint64_t octets;
    if (list.data[at] == '"') {
        for (at++; at < list.size && list.data[at] != '"'; at++)
            at += list.data[at] == '\\';
        return at < list.size ? at + 1 : SIZE_MAX;
    }
    size_t brace = view_find(list, '}', at);
    if (brace == SIZE_MAX || !view_parse_u64(view_slice(list, at + 1, brace - at - 1), list.size, &octets) ||
        list.size - brace < 3 || list.size - brace - 3 < octets)
        return SIZE_MAX;
    return brace + 3 + (size_t)octets;
}

static size_t word_end(struct view list, size_t at)
{
    while (at < list.size &&
           ((list.data[at] >= '0' && list.data[at] <= '9') || (list.data[at] >= 'A' && list.data[at] <= 'Z')))
        at++;
    return at;
}

struct view imaplist_item(struct view list, size_t *at)
{
    while (*at < list.size && list.data[*at] == ' ')
        ++*at;
    size_t start = *at, end = start, depth = 0;
    do {
        if (end >= list.size)
            return VIEW_EMPTY;
        size_t from = end;
        switch (list.data[from]) {
        case '(':
            depth++;
            end++;
            break;
        case ')':
            if (!depth)
                return VIEW_EMPTY;
            depth--;
            end++;
            break;
        case '"':
        case '{':
            end = string_end(list, from);
            break;
        default:
            end = depth && list.data[from] == ' ' ? from + 1 : word_end(list, from);
        }
        if (end == from || end == SIZE_MAX)
            return VIEW_EMPTY;
    } while (depth);
    *at = end;
    return view_slice(list, start, end - start);
}
