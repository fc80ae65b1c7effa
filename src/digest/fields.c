/* digest/fields.c: see digest/fields.h. */
#include "digest/fields.h"
#include "base/limits.h"
#include "digest/transfer.h"

enum { PACKED_HEADER = 3 };

/*
 * What Thunderbird, mutt, Apple Mail, K-9, Roundcube and mbsync list mailboxes by. A name's place is on disk: new ones
 * come last, and with a new version of the digest, for what was written before says nothing of them.
 */
static const struct view names[] = {
    VIEW_LITERAL("from"),
    VIEW_LITERAL("to"),
    VIEW_LITERAL("cc"),
    VIEW_LITERAL("bcc"),
    VIEW_LITERAL("subject"),
    VIEW_LITERAL("date"),
    VIEW_LITERAL("message-id"),
    VIEW_LITERAL("in-reply-to"),
    VIEW_LITERAL("references"),
    VIEW_LITERAL("reply-to"),
    VIEW_LITERAL("sender"),
    VIEW_LITERAL("content-type"),
    VIEW_LITERAL("content-transfer-encoding"),
    VIEW_LITERAL("content-description"),
    VIEW_LITERAL("content-disposition"),
    VIEW_LITERAL("mime-version"),
    VIEW_LITERAL("priority"),
    VIEW_LITERAL("x-priority"),
    VIEW_LITERAL("importance"),
    VIEW_LITERAL("newsgroups"),
    VIEW_LITERAL("lines"),
    VIEW_LITERAL("list-id"),
    VIEW_LITERAL("list-post"),
    VIEW_LITERAL("list-subscribe"),
    VIEW_LITERAL("list-unsubscribe"),
    VIEW_LITERAL("mail-followup-to"),
    VIEW_LITERAL("mail-reply-to"),
    VIEW_LITERAL("disposition-notification-to"),
    VIEW_LITERAL("return-path"),
    VIEW_LITERAL("delivered-to"),
    VIEW_LITERAL("x-original-to"),
    VIEW_LITERAL("x-label"),
    VIEW_LITERAL("x-mailer"),
    VIEW_LITERAL("user-agent"),
    VIEW_LITERAL("x-tuid"),
    VIEW_LITERAL("x-k9mail-identity"),
    VIEW_LITERAL("x-draft-info"),
    VIEW_LITERAL("x-uniform-type-identifier"),
    VIEW_LITERAL("x-universally-unique-identifier"),
    VIEW_LITERAL("x-spam-flag"),
    VIEW_LITERAL("auto-submitted"),
    VIEW_LITERAL("precedence"),
};
enum { NAMES = sizeof names / sizeof *names };
_Static_assert(NAMES <= 64, "a set of names is one number");

static size_t number_of(struct view name)
{
    for (size_t i = 0; i < NAMES; i++)
        if (name.size == names[i].size && view_equal_nocase(name, names[i]))
            return i;
    return NAMES;
}

uint64_t fields_bit(struct view name)
{
    size_t number = number_of(name);
    return number < NAMES ? UINT64_C(1) << number : 0;
}

bool fields_add(struct buffer *packed, struct view name, struct view field)
{
    size_t number = number_of(name);
    if (number == NAMES)
        return true;
    if (field.size > LIMIT_KEPT_FIELDS || buffer_size(packed) + PACKED_HEADER + field.size > LIMIT_KEPT_FIELDS)
        return false;
    buffer_append_char(packed, (char)number);
    buffer_append_char(packed, (char)(field.size & 0xff));
    buffer_append_char(packed, (char)(field.size >> 8));
    buffer_append_view(packed, field);
    return true;
}

/* The next field, and which it is. False at the end, and where the octets don't go on as they should. */
static bool next(struct view packed, size_t *at, unsigned *number_r, struct view *field_r)
{
    if (*at > packed.size || packed.size - *at < PACKED_HEADER)
        return false;
    const unsigned char *p = (const unsigned char *)packed.data + *at;
    size_t size = (size_t)p[1] | (size_t)p[2] << 8;
    if (p[0] >= NAMES || size > packed.size - *at - PACKED_HEADER)
        return false;
    *number_r = p[0];
    *field_r = view_of(p + PACKED_HEADER, size);
    *at += PACKED_HEADER + size;
    return true;
}

/* One whole field, and that is its name. */
static bool is_field(struct view octets, struct view wanted)
{
    struct view field, name, value;
    size_t at = 0;
    return header_next(octets, &at, &field, &name, &value) && at == octets.size && view_equal_nocase(name, wanted);
}

bool fields_good(struct view packed)
{
    unsigned number;
    struct view field;
    size_t at = 0;
    if (packed.size > LIMIT_KEPT_FIELDS)
        return false;
    while (next(packed, &at, &number, &field))
        if (!is_field(field, names[number]))
            return false;
    return at == packed.size;
}

size_t fields_size(struct view packed, uint64_t set)
{
    unsigned number;
    struct view field;
    size_t at = 0, size = 0;
    while (next(packed, &at, &number, &field))
        if (set >> number & 1)
            size += field.size;
    return size;
}

void fields_choose(struct view packed, uint64_t set, struct buffer *out)
{
    unsigned number;
    struct view field;
    size_t at = 0;
    while (next(packed, &at, &number, &field))
        if (set >> number & 1)
            buffer_append_view(out, field);
}
