/*
 * message/address.h: RFC 5322 3.4 address lists, with groups, comments, obsolete and odd forms.
 *
 * Does     reads one unfolded value into a list, as far as LIMIT_ADDRESSES. Texts are raw octets: quotes and comments
 *          gone, encoded words left.
 * Owns     nothing: the list lies in the arena.
 * Called   by envelope.c. Linear, no recursion: comments are counted, not descended into.
 * Fails    never: what is no address is read as the nearest thing that is one; unclosed "<", quotes and comments end
 *          with the value.
 * Tested   tests/unit/message_address.c, fuzz/address_date.c
 */
#ifndef MESSAGE_ADDRESS_H
#define MESSAGE_ADDRESS_H

#include "base/arena.h"
#include "base/buffer.h"

enum address_kind { ADDRESS_MAILBOX, ADDRESS_GROUP, ADDRESS_GROUP_END };
struct address {
    enum address_kind kind;
    bool has_name;      /* group: always, in `local` */
    struct view name;   /* display name, or the comment of old mail ("a@b (Name)") */
    struct view route;  /* "@a,@b" of obs-route, mostly empty */
    struct view local;  /* or the group's name */
    struct view domain; /* empty if there was none */
};
/* Returns the count; the list is null if that is 0. */
size_t address_read(struct arena *arena, struct view value, size_t max, struct address **list_r);

#endif
