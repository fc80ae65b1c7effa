/*
 * message/envelope.h: ENVELOPE as IMAP sends it (RFC 9051 7.5.2, RFC 3501 7.4.2).
 *
 * Called   by summary.c and, for messages inside messages, by bodystructure.c.
 * Tested   tests/unit/message_envelope.c
 */
#ifndef MESSAGE_ENVELOPE_H
#define MESSAGE_ENVELOPE_H

#include "message/address.h"
#include "message/forms.h"
#include "message/structure.h"

/* part: a message's. Without kept fields (no memory) all is NIL. */
void envelope_write(struct form *form, struct arena *arena, const struct mime_part *part, struct buffer *out);
/* The addresses of a field, all its pieces. Returns how many. */
size_t envelope_addresses(struct arena *arena, const struct mime_part *part, enum kept_field field,
                          struct address **list_r);
/* The first piece, false if there is none. */
bool envelope_field(const struct mime_part *part, enum kept_field field, struct view *value_r);

#endif
