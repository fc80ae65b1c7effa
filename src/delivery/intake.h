/*
 * delivery/intake.h: mail's side of LMTP: recipients promised, octets staged, one commit and one reply a recipient.
 *
 * Does     answers TAKES (auth asks whether mail takes a message for an account), stages what lmtp sends, adds the
 *          trace lines, has the message parsed once and its bytes written once, then runs one mutation a recipient and
 *          replies in the order of RCPT after the commits.
 * Owns     recipient tickets, transactions under way, the memory of deliveries whose reply was lost (DESIGN 5, I2).
 * Called   by process/mail.c, on one loop's thread: all channels of one desk belong to that loop.
 * Waits    never: reads that would block go to the pool.
 * Fails    each recipient gets a reply of its own; a full disk or a busy parse is 4xx, and nothing is kept.
 * Limits   LIMIT_DELIVERY_PENDING, LIMIT_INTAKE_TICKETS, LIMIT_INTAKE_LOST, LIMIT_LMTP_RECIPIENTS,
 *          LIMIT_MESSAGE_OCTETS.
 * Tested   tests/e2e/test_lmtp.py
 */
#ifndef DELIVERY_INTAKE_H
#define DELIVERY_INTAKE_H

#include "delivery/delivery.h"
#include "ipc/channel.h"

struct intake_desk;
struct intake;

struct intake_env {
    struct store *store;
    struct parser *parser;
    struct loop *loop;
    int spool_folder;
    const char *host_name;
    bool over_quota_is_permanent;                     /* 552 5.2.2 instead of 452 4.2.2 */
    bool (*quarantined)(void *ctx, uint64_t account); /* may be null */
    void *quarantined_ctx;
};

/* One a process. env is copied; its texts are not. */
struct intake_desk *intake_desk_new(const struct intake_env *env);
void intake_desk_set_policy(struct intake_desk *desk, bool over_quota_is_permanent);
/* Messages received whole and not yet answered: DRAIN waits until there are none. */
size_t intake_desk_pending(const struct intake_desk *desk);
void intake_desk_free(struct intake_desk **desk);

/*
 * IPC_TAKES from auth. True: takes it (answer TAKES_YES), the ticket is now good for one message of that LMTP session.
 * False: no_r says why; its views are static.
 */
bool intake_takes(struct intake_desk *desk, const struct ipc_takes *takes, struct ipc_takes_no *no_r);

/* One an lmtp channel. The channel stays its owner's and outlives the intake. */
struct intake *intake_new(struct intake_desk *desk, struct channel *channel);
/* False if the message is none of MAIL_BEGIN, MAIL_DATA, MAIL_END, MAIL_ABORT, REPLY_LOST. */
bool intake_message(struct intake *intake, const struct message *message);
/* The channel ended: what was received whole is still delivered, the rest is dropped. */
void intake_free(struct intake **intake);

#endif
