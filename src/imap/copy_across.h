/*
 * imap/copy_across.h: COPY and MOVE from one account to another: the octets are written anew, for the account that they
 * go to.
 *
 * Does     reads, stages and parses each message as APPEND would; adds all in one mutation or none; MOVE then removes
 *          the originals in a second one, so that a crash between the two leaves a message twice and never nowhere.
 * Called   by copy.c, until it returns STEP_DONE.
 * Limits   LIMIT_COPY_ACROSS messages of one command.
 * Tested   tests/e2e/test_acl_copy.py
 */
#ifndef IMAP_COPY_ACROSS_H
#define IMAP_COPY_ACROSS_H

#include "imap/place.h"

struct across;
/* copy's sets are written as message_copy writes them. In the command's arena, and the first member of the command's
 * state points there; across_free when the command ends. */
struct across *across_new(struct imap *imap, const struct uidset *set, const struct place *target, struct copy *copy);
enum step_result across_step(struct across *across, struct step_context *context, enum store_error *error_r);
void across_free(struct across *across);

#endif
