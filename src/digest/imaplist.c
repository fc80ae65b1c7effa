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
