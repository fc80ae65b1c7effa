/*
 * message/bodystructure.h: BODYSTRUCTURE as IMAP sends it (RFC 9051 7.5.2, RFC 3501 7.4.2).
 *
 * Called   by summary.c. The parts stand in the order in which the list needs them: no recursion.
 * Tested   tests/unit/message_envelope.c
 */
#ifndef MESSAGE_BODYSTRUCTURE_H
#define MESSAGE_BODYSTRUCTURE_H

#include "message/envelope.h"

/* cuts: see struct digest: what BODY leaves out. */
void bodystructure_write(struct form *form, const struct mime *mime, struct arena *arena, struct buffer *out,
                         struct buffer *cuts);

#endif
