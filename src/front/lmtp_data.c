/*
 * front/lmtp_data.c: the message of an LMTP transaction: DATA and BDAT, octets to mail under credit, one reply a
 * recipient.
 *
 * Does     MAIL_BEGIN goes out with the first DATA or BDAT, when all recipients are known; 354 does not wait for its
 *          answer. Once a message is refused (too big, bare CR or LF, mail says no) its rest is read and thrown away,
 *          and each recipient gets that reply at the end: nothing in it is ever taken for a command.
 * Limits   LIMIT_LMTP_CREDIT, LIMIT_MESSAGE_OCTETS; a frame is at most FRAME_OCTETS.
 * Tested   tests/unit/front_lmtp.c (end-of-data matrix), fuzz/front_lmtp.c
 */
#include "base/limits.h"
#include "base/memory.h"
#include "front/lmtp.h"

enum { FRAME_OCTETS = 32768 };

static struct channel *mail_of(struct client *client)
{
    return front_mail(client->front, client->mail_instance);
}

/* From here on the message is only read past. The first reason stays. */
static void refuse(struct client *client, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void refuse(struct client *client, const char *format, ...)
{
    struct lmtp *lmtp = client->state;
    if (lmtp->discarding)
        return;
    lmtp->discarding = true;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(lmtp->refusal, sizeof(lmtp->refusal), format, arguments);
    va_end(arguments);
    if (lmtp->begun && mail_of(client)) {
        struct ipc_empty nothing = {0};
        channel_send(mail_of(client), IPC_MAIL_ABORT, client->id, &nothing, -1);
    }
    lmtp->begun = false;
}

static void begin(struct client *client)
{
    struct lmtp *lmtp = client->state;
    uint32_t instance = front_any_mail(client->front);
    if (instance == UINT32_MAX) {
        refuse(client, "451 4.3.0 The mail store is not available");
        return;
    }
    client->mail_instance = instance;
    struct ipc_mail_begin begin = {.session = client->id,
                                   .size_octets = lmtp->declared,
                                   .body_8bit = lmtp->body_8bit,
                                   .smtputf8 = lmtp->smtputf8,
                                   .sender = view_of_string(lmtp->sender),
                                   .peer = view_of_string(client->peer),
                                   .helo = view_of_string(lmtp->helo)};
    lmtp->begun = true;
    channel_send(mail_of(client), IPC_MAIL_BEGIN, client->id, &begin, -1);
}

/* Hands what `octets` holds to mail, unless the message was refused. */
static void send_octets(struct client *client)
{
    struct lmtp *lmtp = client->state;
    size_t size = buffer_size(&lmtp->octets);
    lmtp->received += size;
    if (lmtp->received > client->front->settings.message_octets)
        refuse(client, "552 5.3.4 Message too big");
    if (size > 0 && !lmtp->discarding && mail_of(client)) {
        struct ipc_mail_data data = {.octets = buffer_view(&lmtp->octets)};
        channel_send(mail_of(client), IPC_MAIL_DATA, client->id, &data, -1);
        lmtp->unacknowledged += (uint32_t)size;
    }
    buffer_clear(&lmtp->octets);
}

/* The transaction is over: reading goes on with the next command. */
static void finish(struct client *client)
{
    struct lmtp *lmtp = client->state;
    lmtp->begun = lmtp->ended = false;
    lmtp->mode = LMTP_COMMAND;
    lmtp->unconfirmed = true;
    lmtp_reset(client);
    if (client->front->draining)
        client_bid_goodbye(client, GOODBYE_DRAIN);
}

static void reply_to_each(struct client *client, const char *text)
{
    struct lmtp *lmtp = client->state;
    for (uint32_t i = 0; i < lmtp->recipients; i++)
        lmtp_reply(client, text);
}

static void end_of_message(struct client *client)
{
    struct lmtp *lmtp = client->state;
    if (lmtp->dots.bare)
        refuse(client, "554 5.6.11 A CR or LF stands alone in the message");
    if (lmtp->discarding) {
        reply_to_each(client, lmtp->refusal);
        finish(client);
        lmtp->unconfirmed = false; /* nothing was stored */
        return;
    }
    struct ipc_mail_end end = {.recipients = buffer_view(&lmtp->tickets)};
    lmtp->begun = false;
    lmtp->ended = true;
    client->phase = CLIENT_WAITING;
    channel_send(mail_of(client), IPC_MAIL_END, client->id, &end, -1);
}

/* ---- DATA ---- */

void lmtp_data(struct client *client, struct view rest)
{
    struct lmtp *lmtp = client->state;
    if (!lmtp->has_sender || lmtp->chunked) {
        lmtp_reply(client, "503 5.5.1 MAIL and RCPT first");
        return;
    }
    if (lmtp->recipients == 0) {
        lmtp_reply(client, "503 5.5.1 No valid recipients"); /* RFC 2033 4.2 */
        return;
    }
    begin(client);
    if (lmtp->discarding) {
        lmtp_reply(client, lmtp->refusal);
        lmtp_reset(client);
        return;
    }
    buffer_init(&lmtp->octets, (size_t)FRAME_OCTETS * 2);
    lmtp->mode = LMTP_DATA;
    lmtp_reply(client, "354 Go on, end with a line of one dot");
}

bool lmtp_next_data(struct client *client)
{
    struct lmtp *lmtp = client->state;
    if (lmtp->unacknowledged >= LIMIT_LMTP_CREDIT && !lmtp->discarding)
        return false; /* CREDIT wakes us */
    bool ended;
    struct view input = view_slice(stream_input(client->stream), 0, FRAME_OCTETS);
    size_t used = dot_read(&lmtp->dots, input, &lmtp->octets, &ended);
    stream_consume(client->stream, used);
    if (lmtp->dots.bare)
        refuse(client, "554 5.6.11 A CR or LF stands alone in the message");
    send_octets(client);
    if (ended)
        end_of_message(client);
    return true;
}

/* ---- BDAT (RFC 3030 2) ---- */

void lmtp_bdat(struct client *client, struct view rest)
{
    struct lmtp *lmtp = client->state;
    struct view number = word_take(&rest);
    uint64_t octets;
    if (!view_parse_u64(number, INT64_MAX, &octets) || (rest.size > 0 && !view_equal_string_nocase(rest, "LAST"))) {
        lmtp_reply(client, "501 5.5.4 BDAT needs a number, and LAST or nothing");
        client_bid_goodbye(client, GOODBYE_TOO_MANY); /* where the chunk ends is not known */
        return;
    }
    lmtp->chunk_left = lmtp->chunk_octets = octets;
    lmtp->chunk_last = rest.size > 0;
    lmtp->mode = LMTP_CHUNK;
    if (!lmtp->chunked) {
        buffer_init(&lmtp->octets, (size_t)FRAME_OCTETS * 2);
        lmtp->chunked = true;
        if (!lmtp->has_sender)
            refuse(client, "503 5.5.1 MAIL and RCPT first");
        else if (lmtp->recipients == 0)
            refuse(client, "503 5.5.1 No valid recipients");
        else
            begin(client);
    }
    if (octets == 0)
        (void)lmtp_next_chunk(client); /* "BDAT 0 LAST": no octets will call it */
}

/* All octets of the chunk are here: RFC 3030 wants a reply to each, RFC 2033 4.3 one a recipient to the last. */
static void end_of_chunk(struct client *client)
{
    struct lmtp *lmtp = client->state;
    lmtp->mode = LMTP_COMMAND;
    if (lmtp->chunk_last && lmtp->recipients > 0) {
        end_of_message(client);
    } else if (lmtp->discarding) {
        lmtp_reply(client, lmtp->refusal);
        if (lmtp->chunk_last)
            lmtp_reset(client);
    } else {
        stream_printf(client->stream, "250 2.0.0 %llu octets received\r\n", (unsigned long long)lmtp->chunk_octets);
    }
}

bool lmtp_next_chunk(struct client *client)
{
    struct lmtp *lmtp = client->state;
    if (lmtp->unacknowledged >= LIMIT_LMTP_CREDIT && !lmtp->discarding)
        return false;
    size_t most = lmtp->chunk_left < FRAME_OCTETS ? (size_t)lmtp->chunk_left : FRAME_OCTETS;
    struct view input = view_slice(stream_input(client->stream), 0, most);
    buffer_append_view(&lmtp->octets, input);
    stream_consume(client->stream, input.size);
    lmtp->chunk_left -= input.size;
    send_octets(client);
    if (lmtp->chunk_left == 0)
        end_of_chunk(client);
    return true;
}

/* ---- answers ---- */

/* "250 2.0.0 text\n" a recipient. */
static void write_replies(struct client *client, struct view replies)
{
    struct lmtp *lmtp = client->state;
    for (uint32_t i = 0; i < lmtp->recipients; i++) {
        struct view line;
        size_t octets;
        if (line_take(replies, &line, &octets)) {
            stream_printf(client->stream, "%.*s\r\n", VIEW_PRINTF(line));
            replies = view_skip(replies, octets);
        } else {
            lmtp_reply(client, "451 4.3.0 The mail store is not available");
        }
    }
}

void lmtp_data_answer(struct client *client, const struct message *message)
{
    struct lmtp *lmtp = client->state;
    if (message->type == IPC_MAIL_DONE && lmtp->ended) {
        write_replies(client, ((const struct ipc_mail_done *)message->body)->replies);
        finish(client);
        client_resume(client);
        return;
    }
    if (!lmtp->begun)
        return; /* of a transaction that was aborted */
    if (message->type == IPC_MAIL_NO) {
        const struct ipc_mail_no *no = message->body;
        refuse(client, "%u %.*s %.*s", (unsigned)no->code, VIEW_PRINTF(no->enhanced), VIEW_PRINTF(no->text));
    } else if (message->type == IPC_MAIL_CREDIT) {
        uint32_t octets = ((const struct ipc_mail_credit *)message->body)->octets;
        lmtp->unacknowledged -= octets < lmtp->unacknowledged ? octets : lmtp->unacknowledged;
    } else {
        return;
    }
    if (client->phase == CLIENT_TALKING)
        client_run(client);
}

void lmtp_data_lost(struct client *client)
{
    struct lmtp *lmtp = client->state;
    if (lmtp->ended && client->phase == CLIENT_WAITING) {
        /* it may have been stored: the peer tries again, and mail recognises it if it can (DESIGN 5, I2) */
        reply_to_each(client, "451 4.3.0 The mail store went away");
        finish(client);
        client_resume(client);
    } else if (lmtp->begun) {
        lmtp->begun = false;
        refuse(client, "451 4.3.0 The mail store went away");
        if (client->phase == CLIENT_TALKING)
            client_run(client);
    }
}
