/*
 * auth/recipients.c: RCPT of LMTP: whose address it is, and does mail take a message for that account?
 *
 * Called   by auth.c with what LMTP gates say, on auth's loop.
 * Fails    a store that doesn't answer is 451: the MTA tries again.
 * Tested   tests/unit/auth_flow.c, tests/e2e/test_lmtp.py
 */
#include "auth/inside.h"
#include "base/memory.h"

struct recipient {
    struct asking asking;
    struct link *link; /* null: that gate is gone */
    uint64_t id, account;
    uint64_t ticket_high, ticket_low;
    char user[NAME_SIZE], detail[NAME_SIZE];
};

static void recipient_refuse(struct link *link, uint64_t id, uint16_t code, const char *enhanced, const char *text)
{
    struct ipc_rcpt_no no = {.code = code, .enhanced = view_of_string(enhanced), .text = view_of_string(text)};
    channel_send(link->channel, IPC_RCPT_NO, id, &no, -1);
}

static void recipient_answered(struct asking *asking, const struct message *answer)
{
    struct recipient *recipient = (struct recipient *)(void *)((char *)asking - offsetof(struct recipient, asking));
    struct link *link = recipient->link;
    if (link == NULL) {
        free(recipient);
        return;
    }
    if (answer != NULL && answer->type == IPC_TAKES_YES) {
        struct ipc_rcpt_ok ok = {.account = recipient->account,
                                 .ticket_high = recipient->ticket_high,
                                 .ticket_low = recipient->ticket_low,
                                 .user = view_of_string(recipient->user),
                                 .detail = view_of_string(recipient->detail)};
        channel_send(link->channel, IPC_RCPT_OK, recipient->id, &ok, -1);
    } else if (answer != NULL && answer->type == IPC_TAKES_NO) {
        const struct ipc_takes_no *takes = answer->body;
        struct ipc_rcpt_no no = {.code = takes->code, .enhanced = takes->enhanced, .text = takes->text};
        channel_send(link->channel, IPC_RCPT_NO, recipient->id, &no, -1);
    } else {
        recipient_refuse(link, recipient->id, 451, "4.3.0", "the mail store is not available, try again later");
    }
    free(recipient);
}

/* Unquoted by gate. What can't be an address here is unknown, not temporary: the MTA must be able to bounce it. */
static void lmtp_rcpt(struct link *link, uint64_t id, const struct ipc_rcpt *rcpt)
{
    struct auth *auth = link->auth;
    char address[NAME_SIZE];
    struct user user;
    struct view detail = VIEW_EMPTY;
    enum users_result found = USERS_NONE;
    if (name_canonical(rcpt->address, address))
        found = users_find_address(auth->users, address, auth->separator, &user, &detail);
    if (found == USERS_NONE) {
        bool temporary = auth->unknown_is_temporary;
        recipient_refuse(link, id, temporary ? 450 : 550, temporary ? "4.1.1" : "5.1.1", "no such user here");
        return;
    }
    if (found != USERS_OK || user.account == 0 || auth->draining) {
        recipient_refuse(link, id, 451, "4.3.0", "try again later");
        return;
    }
    struct recipient *recipient = NEW(struct recipient);
    recipient->asking.answered = recipient_answered;
    recipient->link = link;
    recipient->id = id;
    recipient->account = user.account;
    snprintf(recipient->user, sizeof(recipient->user), "%s", user.name);
    snprintf(recipient->detail, sizeof(recipient->detail), "%.*s", VIEW_PRINTF(detail));
    auth_random_ticket(&recipient->ticket_high, &recipient->ticket_low);
    struct ipc_takes takes = {.account = user.account,
                              .ticket_high = recipient->ticket_high,
                              .ticket_low = recipient->ticket_low,
                              .session = rcpt->session,
                              .size_octets = rcpt->size_octets,
                              .user = view_of_string(recipient->user),
                              .detail = view_of_string(recipient->detail),
                              .address = rcpt->address};
    if (!auth_ask_mail(auth, IPC_TAKES, &takes, &recipient->asking)) {
        free(recipient);
        recipient_refuse(link, id, 451, "4.3.0", "the mail store is not available, try again later");
    }
}

void recipient_message(void *ctx, struct channel *channel, struct message *message)
{
    if (message->type == IPC_RCPT)
        lmtp_rcpt(ctx, message->id, message->body);
}

void recipients_forget(struct link *link)
{
    for (struct asking *asking = link->auth->askings; asking != NULL; asking = asking->next)
        if (asking->answered == recipient_answered) {
            struct recipient *recipient =
                (struct recipient *)(void *)((char *)asking - offsetof(struct recipient, asking));
            if (recipient->link == link)
                recipient->link = NULL;
        }
}
