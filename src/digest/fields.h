/*
 * digest/fields.h: the header fields that mail programs ask for when they list messages, kept as they stand in the
 * message, so that HEADER.FIELDS (RFC 9051 6.4.5.1) is answered without reading it.
 *
 * Does     names them; packs fields, checks what is packed, chooses from it. Packed: number of the name (1 octet), size
 *          (2, little-endian), the field with its line ends; in the header's order.
 * Owns     nothing.
 * Called   fields_add by message/, fields_good by digest.c, the rest by imap, on any thread.
 * Limits   LIMIT_KEPT_FIELDS: of a message that has more none are kept.
 * Tested   tests/unit/digest_fields.c, tests/unit/message_summary.c
 */
#ifndef DIGEST_FIELDS_H
#define DIGEST_FIELDS_H

#include "base/buffer.h"

/* The bit of a name in a set of them; 0 if it is none of those that are kept. */
uint64_t fields_bit(struct view name);
/* False if it is too much; what was packed before stays. */
bool fields_add(struct buffer *packed, struct view name, struct view field);
/* True if these octets are what fields_add writes. */
bool fields_good(struct view packed);
/* Octets of the fields whose names are in the set, all together; and they, appended. packed: fields_good was true. */
size_t fields_size(struct view packed, uint64_t set);
void fields_choose(struct view packed, uint64_t set, struct buffer *out);

#endif
