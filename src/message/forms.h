/*
 * message/forms.h: the two forms that IMAP may be sent: 7-bit, and UTF-8 for clients that take it (RFC 6855).
 *
 * Does     writes one header value as an nstring in either form, and remembers whether the forms differ.
 * Called   by envelope.c and bodystructure.c.
 */
#ifndef MESSAGE_FORMS_H
#define MESSAGE_FORMS_H

#include "base/buffer.h"

struct form {
    bool utf8;
    bool differs;                 /* written: the other form would be another */
    struct buffer unfolded, text; /* scratch */
};
void form_free(struct form *form);

/* NIL if the value isn't there. */
void form_nstring(struct form *form, bool present, struct view value, struct buffer *out);
/* Text that is UTF-8 already. */
void form_string(struct form *form, struct view utf8, struct buffer *out);

#endif
