/*
 * front/pop3.c: POP3 before login (RFC 1939 4 "AUTHORIZATION", 2449, 2595, 3206, 5034): greeting, CAPA, STLS, USER,
 * PASS, APOP, AUTH, QUIT.
 *
 * Does     reads command lines; mail writes the +OK of a login, after it has locked the maildrop.
 * Limits   LIMIT_LOGIN_LINE, LIMIT_LOGIN_BAD_COMMANDS, LIMIT_LOGIN_FAILURES, LIMIT_LOGIN_TIME_MS.
 * Tested   tests/unit/front_pop3.c, fuzz/front_pop3.c, tests/e2e/test_pop3.py
 */
#include "base/limits.h"
#include "base/memory.h"
#include "base/random.h"
#include "digest/transfer.h"
#include "front/line.h"
#include "front/private.h"
#include "ipc/pop3_words.h"
#include "language/say.h"

struct pop3 {
    char user[LIMIT_USER_OCTETS + 1];         /* from USER, "" if none */
    bool sasl;                                /* the next line answers a challenge */
    bool utf8;                                /* UTF8 was said (RFC 6856) */
    char timestamp[LIMIT_APOP_TIMESTAMP + 1]; /* of the greeting, "" if APOP isn't offered */
};

static void error_line(struct client *client, const char *text)
{
    struct buffer *out = stream_output(client->stream);
    buffer_append_string(out, "-ERR ");
    language_say(out, client->language, text);
    buffer_append_string(out, "\r\n");
}

static void bad(struct client *client, const char *text)
{
    error_line(client, text);
    client_count_bad(client);
}

/* RFC 1939 7: a msg-id that is never the same. */
static void make_timestamp(const struct client *client, char timestamp_r[LIMIT_APOP_TIMESTAMP + 1])
{
    snprintf(timestamp_r, LIMIT_APOP_TIMESTAMP + 1, "<%016llx%016llx@%.64s>", (unsigned long long)random_u64(),
             (unsigned long long)random_u64(), client->front->settings.host_name);
}

static void pop3_greet(struct client *client)
{
    struct pop3 *pop3 = client->state;
    if (client->front->settings.pop3_apop) {
        make_timestamp(client, pop3->timestamp);
        stream_printf(client->stream, "+OK Waxwing ready %s\r\n", pop3->timestamp);
    } else {
        client_say(client, "+OK Waxwing ready\r\n"); /* no "<...>": that would offer APOP */
    }
    stream_flush(client->stream);
}

static void pop3_goodbye(struct client *client, enum goodbye why)
{
    static const char *const words[] = {
        [GOODBYE_FULL] = "-ERR [SYS/TEMP] Too many connections, try again later\r\n",
        [GOODBYE_PEER] = "-ERR [SYS/TEMP] Too many connections from your address\r\n",
        [GOODBYE_TIMEOUT] = "", /* RFC 1939 3: closed without a word */
        [GOODBYE_DRAIN] = "-ERR [SYS/TEMP] The server is restarting\r\n",
        [GOODBYE_TOO_LONG] = "-ERR Line too long\r\n",
        [GOODBYE_TOO_MANY] = "-ERR Too many errors\r\n",
    };
    client_say(client, words[why]);
}

static void pop3_failed(struct client *client, enum login_failure why)
{
    static const char *const words[] = {
        [LOGIN_FAILED] = "[AUTH] Wrong user name or password",
        [LOGIN_TEMPORARY] = "[SYS/TEMP] Login is not possible now, try again",
        [LOGIN_BAD_MECHANISM] = "Mechanism not offered",
        [LOGIN_SYNTAX] = "[AUTH] Not a message of this mechanism",
        [LOGIN_CANCELLED] = "Cancelled",
        [LOGIN_LIMIT] = "[LOGIN-DELAY] Too many sessions or attempts, try again later",
        [LOGIN_IN_USE] = "[IN-USE] Another session has this maildrop",
    };
    struct pop3 *pop3 = client->state;
    pop3->sasl = false;
    error_line(client, words[why]);
}

static void pop3_challenge(struct client *client, struct view octets)
{
    struct pop3 *pop3 = client->state;
    pop3->sasl = true;
    client_say(client, "+ ");
    base64_encode(octets, stream_output(client->stream));
    client_say(client, "\r\n");
    stream_flush(client->stream);
}

static void pop3_secured(struct client *client)
{
    struct pop3 *pop3 = client->state;
    pop3->user[0] = '\0';
    pop3->sasl = pop3->utf8 = false; /* the greeting's timestamp stands */
}

static void pop3_release(struct client *client)
{
}

/* ---- commands ---- */

static void pop3_capa(struct client *client, struct view rest)
{
    client_say(client, POP3_CAPABILITIES);
    stream_printf(client->stream, "LOGIN-DELAY %u\r\n", client->front->settings.pop3_delay_s);
    if (client_may_login(client)) {
        client_say(client, "USER\r\nSASL");
        login_write_mechanisms(stream_output(client->stream), "");
        client_say(client, "\r\n");
    }
    if (client_may_start_tls(client))
        client_say(client, "STLS\r\n");
    client_say(client, POP3_CAPABILITIES_END);
}

static void pop3_lang(struct client *client, struct view rest)
{
    language_answer_lang(stream_output(client->stream), view_trim(rest), &client->language);
}

static void pop3_utf8(struct client *client, struct view rest)
{
    struct pop3 *pop3 = client->state;
    pop3->utf8 = true;
    client_say(client, "+OK UTF-8 from here on\r\n");
}

static void pop3_stls(struct client *client, struct view rest)
{
    if (((struct pop3 *)client->state)->utf8) {
        bad(client, "STLS comes before UTF8"); /* RFC 6856 2.1 */
        return;
    }
    if (!client_may_start_tls(client)) {
        bad(client, client->tls ? "TLS is active already" : "TLS is not available");
        return;
    }
    client_say(client, "+OK Begin TLS\r\n");
    client_start_tls(client);
}

static bool may_login(struct client *client)
{
    if (!client_may_login(client))
        error_line(client, "[AUTH] Use STLS first");
    return client_may_login(client);
}

static void pop3_user(struct client *client, struct view rest)
{
    struct pop3 *pop3 = client->state;
    if (!may_login(client))
        return;
    if (rest.size == 0 || !text_is_clean(rest)) {
        bad(client, "USER needs a name");
        return;
    }
    if (rest.size > LIMIT_USER_OCTETS) {
        bad(client, "[AUTH] Wrong user name or password");
        return;
    }
    view_copy(pop3->user, rest);
    pop3->user[rest.size] = '\0';
    client_say(client, "+OK\r\n"); /* the same for any name */
}

/* What mail is told of the modes chosen here. */
static struct view tag_of(const struct client *client)
{
    return ((const struct pop3 *)client->state)->utf8 ? VIEW_LITERAL(POP3_TAG_UTF8) : VIEW_EMPTY;
}

/* The password is all that follows the first space, spaces included (RFC 1939 7). */
static void pop3_pass(struct client *client, struct view rest)
{
    struct pop3 *pop3 = client->state;
    if (!may_login(client))
        return;
    if (pop3->user[0] == '\0') {
        bad(client, "USER first");
        return;
    }
    if (rest.size > LIMIT_PASSWORD_OCTETS || !text_is_clean(rest)) {
        pop3->user[0] = '\0';
        bad(client, "[AUTH] Wrong user name or password");
        return;
    }
    char initial[LIMIT_USER_OCTETS + 1 + LIMIT_PASSWORD_OCTETS];
    size_t user_size = strlen(pop3->user);
    memcpy(initial, pop3->user, user_size + 1);
    view_copy(initial + user_size + 1, rest);
    struct view octets = view_of(initial, user_size + 1 + rest.size);
    pop3->user[0] = '\0';
    login_begin(client, "LOGIN-COMMAND", tag_of(client), &octets);
    explicit_bzero(initial, sizeof(initial));
}

/* A timestamp that was digested once is used up: nobody says the same again. */
static void pop3_apop(struct client *client, struct view rest)
{
    struct pop3 *pop3 = client->state;
    struct view name = word_take(&rest);
    if (!may_login(client))
        return;
    if (pop3->timestamp[0] == '\0') {
        bad(client, "APOP is not offered, or was tried before");
        return;
    }
    if (name.size == 0 || name.size > LIMIT_USER_OCTETS || rest.size != 32 || !text_is_clean(name)) {
        bad(client, "APOP needs a name and a digest of 32 hexadecimal digits");
        return;
    }
    struct buffer initial;
    buffer_init(&initial, LIMIT_SASL_OCTETS);
    buffer_append_view(&initial, name);
    buffer_append_char(&initial, '\0');
    buffer_append_string(&initial, pop3->timestamp);
    buffer_append_char(&initial, '\0');
    buffer_append_view(&initial, rest);
    struct view octets = buffer_view(&initial);
    pop3->timestamp[0] = '\0';
    login_begin(client, "APOP", tag_of(client), &octets);
    buffer_free(&initial);
}

/* "AUTH" alone lists, as before RFC 1734: old Outlooks ask so (ecosystem 3.2). */
static void list_mechanisms(struct client *client)
{
    client_say(client, "+OK\r\n");
    struct buffer names;
    buffer_init(&names, 256);
    if (client_may_login(client))
        login_write_mechanisms(&names, "");
    struct view rest = view_skip(buffer_view(&names), 1);
    while (rest.size > 0) {
        struct view name = word_take(&rest);
        stream_printf(client->stream, "%.*s\r\n", VIEW_PRINTF(name));
    }
    buffer_free(&names);
    client_say(client, ".\r\n");
}

static void begin_sasl(struct client *client, struct view name, struct view text)
{
    char mechanism[24];
    snprintf(mechanism, sizeof(mechanism), "%.*s", VIEW_PRINTF(name));
    for (char *c = mechanism; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 32);
    if (text.size == 0) {
        login_begin(client, mechanism, tag_of(client), NULL);
        return;
    }
    struct buffer initial;
    buffer_init(&initial, LIMIT_SASL_OCTETS);
    if (base64_decode_strict(text, &initial) && !initial.overflow) {
        struct view octets = buffer_view(&initial);
        login_begin(client, mechanism, tag_of(client), &octets);
    } else {
        bad(client, "The initial response is not base64");
    }
    buffer_free(&initial);
}

static void pop3_auth(struct client *client, struct view rest)
{
    rest = view_trim(rest);
    if (rest.size == 0) {
        list_mechanisms(client);
        return;
    }
    struct view name = word_take(&rest);
    if (!may_login(client))
        return;
    if (!login_mechanism_known(name))
        bad(client, "Mechanism not offered");
    else
        begin_sasl(client, name, rest);
}

static void sasl_line(struct client *client, struct view line)
{
    struct pop3 *pop3 = client->state;
    pop3->sasl = false;
    struct buffer octets;
    buffer_init(&octets, LIMIT_SASL_OCTETS);
    bool cancelled = view_equal_string(line, "*");
    if (!cancelled && base64_decode_strict(line, &octets) && !octets.overflow) {
        login_step(client, buffer_view(&octets));
    } else {
        login_abort(client);
        login_free(client);
        bad(client, cancelled ? "Cancelled" : "Not base64");
    }
    buffer_free(&octets);
}

static void pop3_quit(struct client *client, struct view rest)
{
    client_say(client, "+OK Bye\r\n");
    client_finish(client);
}

static const struct {
    const char *name;
    void (*run)(struct client *client, struct view rest);
} commands[] = {
    {"CAPA", pop3_capa}, {"STLS", pop3_stls}, {"USER", pop3_user}, {"PASS", pop3_pass}, {"AUTH", pop3_auth},
    {"QUIT", pop3_quit}, {"LANG", pop3_lang}, {"UTF8", pop3_utf8}, {"APOP", pop3_apop},
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
    bad(client, "Unknown command, or log in first");
}

static bool pop3_next(struct client *client)
{
    struct pop3 *pop3 = client->state;
    char copy[LIMIT_LOGIN_LINE];
    struct view input = stream_input(client->stream), line;
    size_t octets = 0;
    if (!line_take(input, &line, &octets) || octets > sizeof(copy)) {
        if (input.size >= sizeof(copy))
            client_bid_goodbye(client, GOODBYE_TOO_LONG);
        return false;
    }
    view_copy(copy, line); /* answering may move the input */
    stream_consume(client->stream, octets);
    line = view_of(copy, line.size);
    if (pop3->sasl)
        sasl_line(client, line);
    else
        run_command(client, line);
    return true;
}

const struct front_protocol front_pop3 = {
    .number = PROTOCOL_POP3,
    .state_size = sizeof(struct pop3),
    .input_max = LIMIT_LOGIN_LINE,
    .logs_in = true,
    .greet = pop3_greet,
    .next = pop3_next,
    .secured = pop3_secured,
    .challenge = pop3_challenge,
    .failed = pop3_failed,
    .goodbye = pop3_goodbye,
    .release = pop3_release,
};
