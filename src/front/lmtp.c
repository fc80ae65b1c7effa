/*
 * front/lmtp.c: LMTP (RFC 2033) with PIPELINING, ENHANCEDSTATUSCODES, 8BITMIME, SIZE, SMTPUTF8 and CHUNKING: commands
 * and recipients. The message itself is in front/lmtp_data.c.
 *
 * Does     the whole dialogue. Recipients are asked of auth one at a time; octets go to mail as they come.
 * Limits   LIMIT_LMTP_LINE, LIMIT_LMTP_RECIPIENTS, LIMIT_LMTP_IDLE_MS, LIMIT_LMTP_CREDIT, LIMIT_MESSAGE_OCTETS.
 * Tested   tests/unit/front_lmtp.c, fuzz/front_lmtp.c, tests/e2e/test_lmtp.py
 */
#include "front/lmtp.h"

#include "base/limits.h"
#include "base/memory.h"

enum { LMTP_BAD_COMMANDS = 50 };

void lmtp_reply(struct client *client, const char *text)
{
    stream_printf(client->stream, "%s\r\n", text);
}

static void bad(struct client *client, const char *text)
{
    lmtp_reply(client, text);
    if (++client->bad_commands >= LMTP_BAD_COMMANDS)
        client_bid_goodbye(client, GOODBYE_TOO_MANY);
}

void lmtp_reset(struct client *client)
{
    struct lmtp *lmtp = client->state;
    if (lmtp->begun && front_mail(client->front, client->mail_instance)) {
        struct ipc_empty nothing = {0};
        channel_send(front_mail(client->front, client->mail_instance), IPC_MAIL_ABORT, client->id, &nothing, -1);
    }
    buffer_free(&lmtp->tickets);
    buffer_free(&lmtp->octets);
    lmtp->has_sender = lmtp->begun = lmtp->discarding = lmtp->chunked = false;
    lmtp->recipients = 0;
    lmtp->received = lmtp->declared = 0;
    lmtp->unacknowledged = 0;
    lmtp->dots = (struct dot_reader){0};
    lmtp->refusal[0] = '\0';
}

/* ---- commands ---- */

static void lmtp_greet(struct client *client)
{
    stream_printf(client->stream, "220 %s LMTP Waxwing\r\n", client->front->settings.host_name);
    stream_flush(client->stream);
}

static void lmtp_goodbye(struct client *client, enum goodbye why)
{
    static const char *const words[] = {
        [GOODBYE_FULL] = "421 4.3.2 %s Too many connections\r\n",
        [GOODBYE_PEER] = "421 4.3.2 %s Too many connections\r\n",
        [GOODBYE_TIMEOUT] = "421 4.4.2 %s Nothing came for too long\r\n",
        [GOODBYE_DRAIN] = "421 4.3.2 %s The server is restarting\r\n",
        [GOODBYE_TOO_LONG] = "421 4.5.2 %s Line too long\r\n",
        [GOODBYE_TOO_MANY] = "421 4.7.0 %s Too many errors\r\n",
    };
    struct buffer *out = stream_output(client->stream);
    const char *text = words[why], *host = strstr(text, "%s");
    buffer_append(out, text, (size_t)(host - text));
    buffer_append_string(out, client->front->settings.host_name);
    buffer_append_string(out, host + 2);
}

static void lmtp_lhlo(struct client *client, struct view rest)
{
    struct lmtp *lmtp = client->state;
    rest = view_trim(rest);
    if (rest.size == 0 || rest.size >= sizeof(lmtp->helo) || !text_is_clean(rest)) {
        bad(client, "501 5.5.4 LHLO needs your name");
        return;
    }
    lmtp_reset(client);
    view_copy(lmtp->helo, rest);
    lmtp->helo[rest.size] = '\0';
    lmtp->greeted = true;
    stream_printf(client->stream,
                  "250-%s\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
                  "250-CHUNKING\r\n250 SIZE %llu\r\n",
                  client->front->settings.host_name, (unsigned long long)client->front->settings.message_octets);
}

static void lmtp_hello(struct client *client, struct view rest)
{
    bad(client, "500 5.5.1 This is LMTP: say LHLO"); /* RFC 2033 4.1 */
}

/* One "KEYWORD[=VALUE]" of MAIL. Null if it is fine, else the reply. */
static const char *mail_parameter(struct client *client, struct view word)
{
    struct lmtp *lmtp = client->state;
    size_t equal = view_find(word, '=', 0);
    struct view name = view_slice(word, 0, equal);
    struct view value = equal == SIZE_MAX ? VIEW_EMPTY : view_skip(word, equal + 1);
    if (view_equal_string_nocase(name, "SIZE")) {
        if (!view_parse_u64(value, INT64_MAX, &lmtp->declared))
            return "501 5.5.4 SIZE needs a number";
        if (lmtp->declared > client->front->settings.message_octets)
            return "552 5.3.4 Message too big";
        return NULL;
    }
    if (view_equal_string_nocase(name, "BODY")) {
        lmtp->body_8bit = view_equal_string_nocase(value, "8BITMIME");
        return lmtp->body_8bit || view_equal_string_nocase(value, "7BIT") ? NULL : "501 5.5.4 BODY not known";
    }
    if (view_equal_string_nocase(word, "SMTPUTF8")) {
        lmtp->smtputf8 = true;
        return NULL;
    }
    return "555 5.5.4 Parameter not known";
}

static const char *mail_parameters(struct client *client, struct view rest)
{
    struct lmtp *lmtp = client->state;
    lmtp->declared = 0;
    lmtp->body_8bit = lmtp->smtputf8 = false;
    while (rest.size > 0) {
        if (rest.data[0] != ' ')
            return "501 5.5.4 A space belongs here";
        rest = view_skip(rest, 1);
        struct view word = word_take(&rest);
        if (rest.size > 0)
            rest = (struct view){rest.data - 1, rest.size + 1}; /* the space it took stands for the next word */
        const char *problem = word.size ? mail_parameter(client, word) : NULL;
        if (problem)
            return problem;
    }
    return NULL;
}

static const char *path_problem(struct client *client, enum path_result result, bool sender)
{
    struct lmtp *lmtp = client->state;
    switch (result) {
    case PATH_TOO_LONG:
        return sender ? "501 5.1.7 Address too long" : "501 5.1.3 Address too long";
    case PATH_SYNTAX:
        return sender ? "501 5.1.7 Not an address" : "501 5.1.3 Not an address";
    case PATH_8BIT:
        return lmtp->smtputf8 ? NULL : "553 5.6.7 SMTPUTF8 is needed for this address";
    case PATH_OK:
        break;
    }
    return NULL;
}

static bool take_keyword(struct view *rest, const char *keyword)
{
    if (!view_starts_with_nocase(*rest, view_of_string(keyword)))
        return false;
    *rest = view_skip(*rest, strlen(keyword));
    return true;
}

static void lmtp_mail(struct client *client, struct view rest)
{
    struct lmtp *lmtp = client->state;
    if (!lmtp->greeted) {
        bad(client, "503 5.5.1 LHLO first");
        return;
    }
    if (lmtp->has_sender) {
        bad(client, "503 5.5.1 A transaction is under way");
        return;
    }
    lmtp_reset(client);
    enum path_result path = take_keyword(&rest, "FROM:") ? path_take(&rest, lmtp->sender) : PATH_SYNTAX;
    const char *problem = path == PATH_OK || path == PATH_8BIT ? mail_parameters(client, rest) : NULL;
    if (!problem)
        problem = path_problem(client, path, true);
    if (!problem && front_any_mail(client->front) == UINT32_MAX)
        problem = "451 4.3.0 The mail store is not available";
    if (problem) {
        bad(client, problem);
        return;
    }
    lmtp->has_sender = true;
    lmtp_reply(client, "250 2.1.0 OK");
}

static void lmtp_rcpt(struct client *client, struct view rest)
{
    struct lmtp *lmtp = client->state;
    char address[PATH_OCTETS];
    if (!lmtp->has_sender || lmtp->chunked) {
        bad(client, "503 5.5.1 MAIL first");
        return;
    }
    if (lmtp->recipients >= LIMIT_LMTP_RECIPIENTS) {
        lmtp_reply(client, "452 4.5.3 Too many recipients");
        return;
    }
    enum path_result path = take_keyword(&rest, "TO:") ? path_take(&rest, address) : PATH_SYNTAX;
    const char *problem = path_problem(client, path, false);
    if (!problem && address[0] == '\0')
        problem = "501 5.1.3 Not an address";
    if (!problem && view_trim(rest).size > 0)
        problem = "555 5.5.4 Parameter not known";
    if (!problem && !front_auth(client->front))
        problem = "451 4.3.0 Recipients can't be looked up now";
    if (problem) {
        lmtp_reply(client, problem);
        return;
    }
    struct ipc_rcpt rcpt = {.session = client->id, .size_octets = lmtp->declared, .address = view_of_string(address)};
    client->phase = CLIENT_WAITING;
    channel_send(front_auth(client->front), IPC_RCPT, exchange_open(client), &rcpt, -1);
}

static void put_u64(struct buffer *out, uint64_t value)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        buffer_append_char(out, (char)(unsigned char)(value >> shift));
}

static void rcpt_answer(struct client *client, const struct message *message)
{
    struct lmtp *lmtp = client->state;
    exchange_close(client);
    if (message->type == IPC_RCPT_OK) {
        const struct ipc_rcpt_ok *ok = message->body;
        if (lmtp->recipients == 0)
            buffer_init(&lmtp->tickets, (size_t)LIMIT_LMTP_RECIPIENTS * 16);
        put_u64(&lmtp->tickets, ok->ticket_high);
        put_u64(&lmtp->tickets, ok->ticket_low);
        lmtp->recipients++;
        lmtp_reply(client, "250 2.1.5 OK");
    } else {
        const struct ipc_rcpt_no *no = message->body;
        stream_printf(client->stream, "%u %.*s %.*s\r\n", (unsigned)no->code, VIEW_PRINTF(no->enhanced),
                      VIEW_PRINTF(no->text));
    }
    client_resume(client);
}

static void lmtp_rset(struct client *client, struct view rest)
{
    lmtp_reset(client);
    lmtp_reply(client, "250 2.0.0 OK");
}

static void lmtp_noop(struct client *client, struct view rest)
{
    lmtp_reply(client, "250 2.0.0 OK");
}

static void lmtp_vrfy(struct client *client, struct view rest)
{
    lmtp_reply(client, "252 2.1.5 Send some mail, I'll try");
}

static void lmtp_help(struct client *client, struct view rest)
{
    lmtp_reply(client, "214 2.0.0 LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT");
}

static void lmtp_quit(struct client *client, struct view rest)
{
    lmtp_reset(client);
    lmtp_reply(client, "221 2.0.0 Bye");
    client_finish(client);
}

static const struct {
    const char *name;
    void (*run)(struct client *client, struct view rest);
} commands[] = {
    {"LHLO", lmtp_lhlo}, {"MAIL", lmtp_mail}, {"RCPT", lmtp_rcpt},  {"DATA", lmtp_data},
    {"BDAT", lmtp_bdat}, {"RSET", lmtp_rset}, {"NOOP", lmtp_noop},  {"VRFY", lmtp_vrfy},
    {"HELP", lmtp_help}, {"QUIT", lmtp_quit}, {"HELO", lmtp_hello}, {"EHLO", lmtp_hello},
};

static void run_command(struct client *client, struct view line)
{
    struct view name = word_take(&line);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (view_equal_string_nocase(name, commands[i].name)) {
            commands[i].run(client, line);
            return;
        }
    }
    bad(client, "500 5.5.2 Command not known");
}

/* A command line beyond LIMIT_LMTP_LINE is answered once and skipped to its end. */
static bool skip_line(struct client *client)
{
    struct lmtp *lmtp = client->state;
    struct view input = stream_input(client->stream);
    size_t end = view_find(input, '\n', 0);
    stream_consume(client->stream, end == SIZE_MAX ? input.size : end + 1);
    lmtp->skipping = end == SIZE_MAX;
    return !lmtp->skipping;
}

static bool next_command(struct client *client)
{
    struct lmtp *lmtp = client->state;
    char copy[LIMIT_LMTP_LINE];
    struct view input = stream_input(client->stream), line;
    size_t octets = 0;
    if (lmtp->skipping)
        return skip_line(client);
    bool whole = line_take(input, &line, &octets);
    if ((whole && octets > sizeof(copy)) || (!whole && input.size >= sizeof(copy))) {
        lmtp->skipping = true;
        bad(client, "500 5.5.2 Line too long");
        return true;
    }
    if (!whole)
        return false;
    view_copy(copy, line); /* answering may move the input */
    stream_consume(client->stream, octets);
    run_command(client, view_of(copy, line.size));
    return true;
}

static bool lmtp_next(struct client *client)
{
    struct lmtp *lmtp = client->state;
    if (stream_input(client->stream).size == 0 || stream_is_full(client->stream))
        return false;
    lmtp->unconfirmed = false; /* the peer goes on: it has seen the replies */
    switch (lmtp->mode) {
    case LMTP_DATA:
        return lmtp_next_data(client);
    case LMTP_CHUNK:
        return lmtp_next_chunk(client);
    case LMTP_COMMAND:
        break;
    }
    return next_command(client);
}

static void lmtp_answer(struct client *client, const struct message *message)
{
    switch (message->type) {
    case IPC_RCPT_OK:
    case IPC_RCPT_NO:
        if (client->phase == CLIENT_WAITING)
            rcpt_answer(client, message);
        break;
    default:
        lmtp_data_answer(client, message);
        break;
    }
}

static void lmtp_lost(struct client *client, enum role role)
{
    if (role == ROLE_MAIL) {
        lmtp_data_lost(client);
    } else if (client->phase == CLIENT_WAITING && client->exchange) {
        exchange_close(client);
        lmtp_reply(client, "451 4.3.0 Recipients can't be looked up now");
        client_resume(client);
    }
}

static void lmtp_gone(struct client *client)
{
    struct lmtp *lmtp = client->state;
    struct channel *mail = front_mail(client->front, client->mail_instance);
    if (mail && (lmtp->unconfirmed || lmtp->ended)) {
        struct ipc_reply_lost lost = {.session = client->id};
        channel_send(mail, IPC_REPLY_LOST, client->id, &lost, -1);
        lmtp->begun = false;
    }
    lmtp_reset(client);
}

static void lmtp_release(struct client *client)
{
    struct lmtp *lmtp = client->state;
    buffer_free(&lmtp->tickets);
    buffer_free(&lmtp->octets);
}

const struct front_protocol front_lmtp = {
    .number = PROTOCOL_LMTP,
    .state_size = sizeof(struct lmtp),
    .input_max = LIMIT_STREAM_INPUT,
    .greet = lmtp_greet,
    .next = lmtp_next,
    .goodbye = lmtp_goodbye,
    .answer = lmtp_answer,
    .lost = lmtp_lost,
    .gone = lmtp_gone,
    .release = lmtp_release,
};
