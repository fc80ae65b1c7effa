/*
 * message/summary.h: a message's digest: tree, envelope, structure, texts to search and sort by, preview.
 *
 * Called   by service.c, on parse's only thread.
 * Fails    false only if the digest would be longer than LIMIT_DIGEST_OCTETS: then digest_write_opaque serves.
 * Tested   tests/unit/message_envelope.c, tests/unit/message_summary.c, fuzz/mime.c
 */
#ifndef MESSAGE_SUMMARY_H
#define MESSAGE_SUMMARY_H

#include "base/buffer.h"

struct summary; /* what is kept between two messages */
struct summary *summary_new(void);
void summary_free(struct summary **summary);
bool summary_write(struct summary *summary, struct view message, struct buffer *digest);

#endif
