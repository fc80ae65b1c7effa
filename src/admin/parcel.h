/*
 * admin/parcel.h: mail on its way between the CLI's side and mail's side of import and export.
 *
 * Does     one parcel a frame (CONTROL_INPUT, CONTROL_OUTPUT stream 3): a mailbox, a message's facts, a piece of its
 *          octets, its end, a subscription. Encodes and decodes, as if the other side were hostile.
 * Tested   tests/unit/admin_parcel.c
 */
#ifndef ADMIN_PARCEL_H
#define ADMIN_PARCEL_H

#include "base/buffer.h"
#include "store/store.h"

enum { PARCEL_PIECE = 262144, PARCEL_KEYWORDS = KEYWORD_MAX };
enum parcel_kind {
    PARCEL_MAILBOX = 'M',
    PARCEL_MESSAGE = 'H',
    PARCEL_OCTETS = 'D',
    PARCEL_END = 'E',
    PARCEL_SUBSCRIBED = 'S',
};

struct parcel {
    enum parcel_kind kind;
    struct view name;              /* MAILBOX, SUBSCRIBED: a whole mailbox name, UTF-8 */
    uint32_t uidvalidity, uidnext; /* MAILBOX; 0: not known */
    uint32_t special_use, mailbox_flags;
    uint32_t uid; /* MESSAGE; 0: not known */
    uint8_t flags;
    int64_t date_utc_s;
    int16_t zone_minutes;
    uint64_t octet_count;
    struct view uidl;
    struct view keywords[PARCEL_KEYWORDS];
    size_t keyword_count;
    struct view octets; /* OCTETS */
};

void parcel_write(const struct parcel *parcel, struct buffer *out);
/* Views point into `octets`. */
bool parcel_read(struct view octets, struct parcel *parcel_r);

#endif
