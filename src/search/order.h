/*
 * search/order.h: messages in the order that SORT asks for (RFC 5256 3, RFC 5957).
 *
 * Does     makes of each message one string of octets that memcmp puts into order: numbers big-endian, texts ended by a
 *          zero, all of a REVERSE criterion turned round. Ties go by UID, which is the mailbox's order.
 * Owns     the keys, from the purse.
 * Called   by a command's step; order_sort on a pool thread, for it goes through without a stop.
 * Limits   LIMIT_SORT_CRITERIA, LIMIT_SEARCH_MEMORY.
 * Tested   tests/unit/search_order.c
 */
#ifndef SEARCH_ORDER_H
#define SEARCH_ORDER_H

#include "base/limits.h"
#include "search/purse.h"
#include "store/store.h"

enum order_by {
    ORDER_ARRIVAL,
    ORDER_SIZE,
    ORDER_RELEVANCY,  /* RFC 6203 6: the highest first */
    ORDER_ANNOTATION, /* RFC 5257 4.9 */
    /* from here on the email record is needed */
    ORDER_DATE,
    ORDER_CC,
    ORDER_FROM,
    ORDER_SUBJECT,
    ORDER_TO,
    ORDER_DISPLAYFROM,
    ORDER_DISPLAYTO
};
/* Values that the messages of a mailbox have beside their rows: taken in by ascending UID before the first key. */
struct order_values {
    struct order_value *rows;
    size_t count, room;
    struct buffer octets;
    struct purse purse;
};
/* Cut to LIMIT_SORT_KEY. False: there is no memory for it. */
bool order_values_add(struct order_values *values, uint32_t uid, struct view value);
/* Empty if there is none. */
struct view order_values_find(const struct order_values *values, uint32_t uid);
void order_values_free(struct order_values *values);

struct order_criterion {
    enum order_by by;
    bool reverse;
    /* of an annotation */
    struct view entry;
    bool shared;
    struct order_values values;
};
struct order_program {
    struct order_criterion criteria[LIMIT_SORT_CRITERIA];
    size_t count;
};
bool order_needs_email(const struct order_program *program);

/* RFC 5256 2.2: the Date header, else INTERNALDATE. */
int64_t order_sent_date(const struct message_row *row, const struct email *email);
/* Appends the key. email may be null if the program doesn't need it. */
void order_write_key(const struct order_program *program, const struct message_row *row, const struct email *email,
                     uint8_t relevancy, struct buffer *out);

struct order_item;
struct order {
    struct order_item *items;
    size_t count, room;
    struct buffer keys; /* those of more than eight octets */
    struct purse purse;
};
/* False: there is no memory for it. */
bool order_add(struct order *order, struct view key, uint32_t uid);
/* Another order's message, with its key. */
bool order_add_from(struct order *order, const struct order *from, size_t at);
void order_sort(struct order *order);
uint32_t order_uid(const struct order *order, size_t at);
/* As order_sort compares: below 0: a's message comes first. */
int order_compare(const struct order *a, size_t at_a, const struct order *b, size_t at_b);
size_t order_octets(const struct order *order);
void order_free(struct order *order);

#endif
