/*
 * digest/imaplist.h: is this one well-formed IMAP list?
 *
 * Does     walks octets that parse made and mail will copy to clients: balanced parentheses, whole strings, nothing
 *          that could end a response line early (RFC 9051 9: quoted, literal, number, NIL). Accepts any split. Steps
 *          over one item of a list that was found to be one.
 * Called   by digest.c, structure.c.
 */
#ifndef DIGEST_IMAPLIST_H
#define DIGEST_IMAPLIST_H

#include "base/view.h"

enum imaplist_state {
    IMAPLIST_START = 0,
    IMAPLIST_BETWEEN,
    IMAPLIST_QUOTED,
    IMAPLIST_ESCAPE,
    IMAPLIST_COUNT, /* inside {n} */
    IMAPLIST_COUNT_CR,
    IMAPLIST_COUNT_LF,
    IMAPLIST_LITERAL,
    IMAPLIST_END,
    IMAPLIST_BAD
};
struct imaplist {
    enum imaplist_state state;
    bool eight_bit; /* octets above 127 are allowed in strings */
    bool digits;
    uint32_t depth;
    uint64_t literal;
};
void imaplist_feed(struct imaplist *list, struct view octets);
static inline bool imaplist_is_whole(const struct imaplist *list)
{
    return list->state == IMAPLIST_END;
}
/*
 * The item at *at, blanks before it passed over: a string with its quotes, a list with its parentheses, a number or
 * NIL. *at is behind it then. Empty at a closing parenthesis, at the end and where no item begins: nothing is taken.
 */
struct view imaplist_item(struct view list, size_t *at);

#endif
