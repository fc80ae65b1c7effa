/*
 * front/imap.c: IMAP before login (RFC 9051 6.1, 6.2; RFC 3501): greeting, CAPABILITY, ID, STARTTLS, LOGIN,
 * AUTHENTICATE, LOGOUT; LANGUAGE (RFC 5255 3).
 *
 * Does     reads command lines with their literals, within LIMIT_LOGIN_LINE in all; everything that needs an account is
 *          answered BAD. Mail writes the tagged OK of a login, not we.
 * Limits   LIMIT_LOGIN_LINE, LIMIT_LOGIN_BAD_COMMANDS, LIMIT_LOGIN_FAILURES, LIMIT_LOGIN_TIME_MS.
 * Tested   tests/unit/front_imap.c, fuzz/front_imap.c, tests/e2e/test_hostile_login.py
 */
#include "base/limits.h"
#include "base/memory.h"
#include "digest/transfer.h"
#include "front/line.h"
#include "front/private.h"
#include "language/say.h"

enum { IMAP_TAG_OCTETS = 64, LITERALS = 1 /* its place among the capabilities */ };

struct imap {
    struct buffer command; /* a command with literals: its lines and literals so far */
    size_t literal_left;
    bool sasl; /* the next line answers a challenge */
};

/* ---- answers ---- */

static void tagged(struct client *client, struct view tag, const char *text)
{
    struct buffer *out = stream_output(client->stream);
    buffer_append_view(out, tag);
    buffer_append_char(out, ' ');
    language_say(out, client->language, text);
    buffer_append_string(out, "\r\n");
}

static void bad(struct client *client, struct view tag, const char *text)
{
    struct buffer *out = stream_output(client->stream);
    buffer_append_view(out, tag.size ? tag : VIEW_LITERAL("*"));
    buffer_append_string(out, " BAD ");
    language_say(out, client->language, text);
    buffer_append_string(out, "\r\n");
    client_count_bad(client);
}

static void write_capabilities(struct client *client)
{
    static const char *const words[] = {"IMAP4rev2", "LITERAL+", "SASL-IR", "ID", "ENABLE", "IDLE", "LANGUAGE"};
    struct buffer *out = stream_output(client->stream);
    struct view hidden = view_of_string(client->front->settings.imap_hidden);
    bool minus = client->front->settings.imap_literal_minus; /* RFC 7888 5: never both */
    buffer_append_string(out, "CAPABILITY IMAP4rev1");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (view_has_word(hidden, view_of_string(words[i])))
            continue;
        buffer_append_char(out, ' ');
        buffer_append_string(out, i == LITERALS && minus ? "LITERAL-" : words[i]);
    }
    if (client_may_start_tls(client))
        buffer_append_string(out, " STARTTLS");
    if (client_may_login(client))
        login_write_mechanisms(out, "AUTH=");
    else
        buffer_append_string(out, " LOGINDISABLED");
}

static void imap_greet(struct client *client)
{
    client_say(client, "* OK [");
    write_capabilities(client);
    client_say(client, "] Waxwing ready\r\n");
    stream_flush(client->stream);
}

static void imap_goodbye(struct client *client, enum goodbye why)
{
    static const char *const words[] = {
        [GOODBYE_FULL] = "* BYE [LIMIT] Too many connections, try again later\r\n",
        [GOODBYE_PEER] = "* BYE [LIMIT] Too many connections from your address\r\n",
        [GOODBYE_TIMEOUT] = "* BYE Login takes too long\r\n",
        [GOODBYE_DRAIN] = "* BYE [UNAVAILABLE] The server is restarting\r\n",
        [GOODBYE_TOO_LONG] = "* BYE Line too long\r\n",
        [GOODBYE_TOO_MANY] = "* BYE Too many errors\r\n",
    };
    client_say(client, words[why]);
}

static void imap_failed(struct client *client, enum login_failure why)
{
    static const char *const words[] = {
        [LOGIN_FAILED] = "NO [AUTHENTICATIONFAILED] Wrong user name or password",
        [LOGIN_TEMPORARY] = "NO [UNAVAILABLE] Login is not possible now, try again",
        [LOGIN_BAD_MECHANISM] = "NO Mechanism not offered",
        [LOGIN_SYNTAX] = "BAD Not a message of this mechanism",
        [LOGIN_CANCELLED] = "BAD Cancelled",
        [LOGIN_LIMIT] = "NO [LIMIT] Too many sessions or attempts, try again later",
        [LOGIN_IN_USE] = "NO [INUSE] In use",
    };
    struct imap *imap = client->state;
    imap->sasl = false;
    tagged(client, view_of_string(login_tag(client)), words[why]);
}

static void imap_challenge(struct client *client, struct view octets)
{
    struct imap *imap = client->state;
    imap->sasl = true;
    client_say(client, "+ ");
    base64_encode(octets, stream_output(client->stream));
    client_say(client, "\r\n");
    stream_flush(client->stream);
}

static void imap_secured(struct client *client)
{
    struct imap *imap = client->state;
    buffer_free(&imap->command);
    *imap = (struct imap){0};
}

static void imap_release(struct client *client)
{
    struct imap *imap = client->state;
    buffer_free(&imap->command);
}

/* ---- arguments ---- */

/* ATOM-CHAR or "]" (RFC 9051 9, astring). */
static bool is_astring_octet(char c)
{
    return c > 0x20 && c < 0x7F && !strchr("(){%*\"\\", c);
}

static bool take_quoted(struct view *rest, struct buffer *out)
{
    for (size_t i = 1; i < rest->size; i++) {
        char c = rest->data[i];
        if (c == '"') {
            *rest = view_skip(*rest, i + 1);
            return true;
        }
        if (c == '\\' && (++i >= rest->size || (rest->data[i] != '"' && rest->data[i] != '\\')))
            return false;
        if (c == '\r' || c == '\n' || c == '\0')
            return false;
        buffer_append_char(out, rest->data[i]);
    }
    return false;
}

/* "{n}" or "{n+}" CRLF and n octets, which line reading has put together. */
static bool take_literal(struct view *rest, struct buffer *out)
{
    size_t end = view_find(*rest, '}', 0);
    if (end == SIZE_MAX || end < 2)
        return false;
    struct view number = view_slice(*rest, 1, end - 1);
    if (number.data[number.size - 1] == '+')
        number.size--;
    uint64_t octets;
    if (!view_parse_u64(number, LIMIT_LOGIN_LINE, &octets) || rest->size < end + 3 + octets)
        return false;
    struct view text = view_slice(*rest, end + 3, (size_t)octets);
    buffer_append_view(out, text);
    *rest = view_skip(*rest, end + 3 + (size_t)octets);
    return view_find(text, '\0', 0) == SIZE_MAX;
}

static bool take_astring(struct view *rest, struct buffer *out)
{
    if (rest->size == 0)
        return false;
    if (rest->data[0] == '"')
        return take_quoted(rest, out);
    if (rest->data[0] == '{')
        return take_literal(rest, out);
    size_t end = 0;
    while (end < rest->size && is_astring_octet(rest->data[end]))
        end++;
    buffer_append(out, rest->data, end);
    *rest = view_skip(*rest, end);
    return end > 0;
}

/* ---- commands ---- */

static void imap_capability(struct client *client, struct view tag, struct view rest)
{
    client_say(client, "* ");
    write_capabilities(client);
    client_say(client, "\r\n");
    tagged(client, tag, "OK Capability completed");
}

static void imap_noop(struct client *client, struct view tag, struct view rest)
{
    tagged(client, tag, "OK Noop completed");
}

static void imap_logout(struct client *client, struct view tag, struct view rest)
{
    client_say(client, "* BYE Logging out\r\n");
    tagged(client, tag, "OK Logout completed");
    client_finish(client);
}

/* RFC 2971: what the client says of itself is not looked at here; what we say is the name, not the version. */
static void imap_id(struct client *client, struct view tag, struct view rest)
{
    if (rest.size == 0) {
        bad(client, tag, "ID needs a list or NIL");
        return;
    }
    client_say(client, "* ID (\"name\" \"Waxwing\")\r\n");
    tagged(client, tag, "OK ID completed");
}

/* False: the ranges are malformed. */
static bool take_ranges(struct view rest, struct language_wish *wish)
{
    bool good = true;
    while (rest.size && good) {
        struct buffer range = {0};
        good = take_astring(&rest, &range) && language_wish_add(wish, buffer_view(&range));
        buffer_free(&range);
        if (rest.size && good) {
            good = rest.data[0] == ' ' && rest.size > 1;
            rest = view_skip(rest, 1);
        }
    }
    return good;
}

/* NAMESPACE isn't told before login: whose it would be isn't known. */
static void imap_language(struct client *client, struct view tag, struct view rest)
{
    struct buffer *out = stream_output(client->stream);
    struct language_wish wish = {.asked = false};
    if (!take_ranges(rest, &wish)) {
        bad(client, tag, "LANGUAGE wants language ranges");
    } else if (!wish.asked) {
        language_write_all(out);
        tagged(client, tag, "OK Those are the languages");
    } else if (!wish.fits) {
        tagged(client, tag, "NO [CANNOT] That language isn't spoken here");
    } else {
        client->language = wish.language;
        language_write_chosen(out, wish.language);
        tagged(client, tag, "OK The language is changed");
    }
}

static void imap_starttls(struct client *client, struct view tag, struct view rest)
{
    if (client->tls) {
        bad(client, tag, "TLS is active already");
    } else if (!client_may_start_tls(client)) {
        bad(client, tag, "TLS is not available");
    } else {
        tagged(client, tag, "OK Begin TLS negotiation now");
        client_start_tls(client);
    }
}

static bool may_login(struct client *client, struct view tag)
{
    if (client_may_login(client))
        return true;
    tagged(client, tag, "NO [PRIVACYREQUIRED] Use TLS first");
    return false;
}

static void imap_login(struct client *client, struct view tag, struct view rest)
{
    if (!may_login(client, tag))
        return;
    struct buffer initial;
    buffer_init(&initial, 2 * (size_t)LIMIT_LOGIN_LINE);
    bool good = take_astring(&rest, &initial);
    size_t name_size = buffer_size(&initial);
    good = good && rest.size > 1 && rest.data[0] == ' ';
    rest = view_skip(rest, 1);
    buffer_append_char(&initial, '\0');
    good = good && take_astring(&rest, &initial) && rest.size == 0;
    size_t password_size = buffer_size(&initial) - name_size - 1;
    if (!good) {
        bad(client, tag, "LOGIN needs a user name and a password");
    } else if (name_size > LIMIT_USER_OCTETS || password_size > LIMIT_PASSWORD_OCTETS) {
        tagged(client, tag, "NO [AUTHENTICATIONFAILED] Wrong user name or password");
        client_count_bad(client);
    } else {
        struct view octets = buffer_view(&initial);
        login_begin(client, "LOGIN-COMMAND", tag, &octets);
    }
    if (initial.memory)
        explicit_bzero(initial.memory, initial.capacity);
    buffer_free(&initial);
}

/* Base64 of a SASL message; false if it is none. */
static bool decode_message(struct view text, struct buffer *out)
{
    buffer_init(out, LIMIT_SASL_OCTETS);
    return base64_decode_strict(text, out) && !out->overflow;
}

static void imap_authenticate(struct client *client, struct view tag, struct view rest)
{
    struct view name = word_take(&rest);
    if (name.size == 0) {
        bad(client, tag, "AUTHENTICATE needs a mechanism");
        return;
    }
    if (!may_login(client, tag))
        return;
    if (!login_mechanism_known(name)) {
        tagged(client, tag, "NO [CANNOT] Mechanism not offered");
        client_count_bad(client);
        return;
    }
    char mechanism[24];
    snprintf(mechanism, sizeof(mechanism), "%.*s", VIEW_PRINTF(name));
    for (char *c = mechanism; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 32);
    if (rest.size == 0) {
        login_begin(client, mechanism, tag, NULL);
        return;
    }
    struct buffer initial;
    if (decode_message(rest, &initial)) {
        struct view octets = buffer_view(&initial);
        login_begin(client, mechanism, tag, &octets);
    } else {
        bad(client, tag, "The initial response is not base64");
    }
    buffer_free(&initial);
}

static void sasl_line(struct client *client, struct view line)
{
    struct imap *imap = client->state;
    imap->sasl = false;
    struct buffer octets;
    bool cancelled = view_equal_string(line, "*");
    if (!cancelled && decode_message(line, &octets)) {
        login_step(client, buffer_view(&octets));
    } else {
        login_abort(client);
        bad(client, view_of_string(login_tag(client)), cancelled ? "Cancelled" : "Not base64");
        login_free(client);
    }
    if (!cancelled)
        buffer_free(&octets);
}

static const struct imap_command {
    const char *name;
    void (*run)(struct client *client, struct view tag, struct view rest);
} commands[] = {
    {"CAPABILITY", imap_capability}, {"NOOP", imap_noop},
    {"LOGOUT", imap_logout},         {"ID", imap_id},
    {"LOGIN", imap_login},           {"AUTHENTICATE", imap_authenticate},
    {"STARTTLS", imap_starttls},     {"LANGUAGE", imap_language},
};

static const struct imap_command *find_command(struct view name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (view_equal_string_nocase(name, commands[i].name))
            return &commands[i];
    return NULL;
}

/* tag of RFC 9051 9: ASTRING-CHAR but "+". */
static bool tag_is_valid(struct view tag)
{
    if (tag.size == 0 || tag.size > IMAP_TAG_OCTETS)
        return false;
    for (size_t i = 0; i < tag.size; i++)
        if (!is_astring_octet(tag.data[i]) || tag.data[i] == '+')
            return false;
    return true;
}

/* rest is the command behind its tag and name; null when it is answered already. */
static const struct imap_command *begin_command(struct client *client, struct view line, struct view *tag_r,
                                                struct view *rest_r)
{
    *tag_r = word_take(&line);
    if (!tag_is_valid(*tag_r)) {
        bad(client, VIEW_EMPTY, "Not a tag");
        return NULL;
    }
    const struct imap_command *command = find_command(word_take(&line));
    if (!command)
        bad(client, *tag_r, "Unknown command, or log in first");
    *rest_r = line;
    return command;
}

static void run_command(struct client *client, struct view text)
{
    struct view tag, rest;
    const struct imap_command *command = begin_command(client, text, &tag, &rest);
    if (command)
        command->run(client, tag, rest);
}

/* ---- lines and literals ---- */

/* "{n}" or "{n+}" at the end of a line. *octets_r is LIMIT_LOGIN_LINE + 1 for any n beyond what we take. */
static bool literal_at_end(struct view line, size_t *octets_r, bool *wait_r)
{
    if (line.size < 3 || line.data[line.size - 1] != '}')
        return false;
    size_t end = line.size - 1;
    *wait_r = line.data[end - 1] != '+';
    if (!*wait_r)
        end--;
    size_t start = end;
    while (start > 0 && line.data[start - 1] >= '0' && line.data[start - 1] <= '9')
        start--;
    if (start == end || start == 0 || line.data[start - 1] != '{')
        return false;
    uint64_t octets;
    if (!view_parse_u64(view_slice(line, start, end - start), LIMIT_LOGIN_LINE, &octets))
        octets = LIMIT_LOGIN_LINE + 1;
    *octets_r = (size_t)octets;
    return true;
}

/* The literal is refused: without "+" the client does not send it; with "{n+}" it comes, and must not run as commands.
 */
static void refuse_literal(struct client *client, struct view first_line, bool waits)
{
    struct view rest, tag;
    buffer_free(&((struct imap *)client->state)->command);
    if (!waits) {
        client_bid_goodbye(client, GOODBYE_TOO_LONG);
        return;
    }
    if (begin_command(client, first_line, &tag, &rest))
        bad(client, tag, "[TOOBIG] Literal too long");
}

static void begin_literal(struct client *client, struct view line, size_t octets, bool waits)
{
    struct imap *imap = client->state;
    bool first = buffer_size(&imap->command) == 0;
    size_t held = buffer_size(&imap->command) + line.size + 2;
    struct view tag, rest, name_rest = line;
    (void)word_take(&name_rest);
    bool known = !first || find_command(word_take(&name_rest)) != NULL;
    bool allowed = waits || octets <= LIMIT_IMAP_LITERAL_MINUS || !client->front->settings.imap_literal_minus;
    if (!known || !allowed || held + octets > LIMIT_LOGIN_LINE) {
        char copy[IMAP_TAG_OCTETS + 16];
        struct view head = first ? line : buffer_view(&imap->command);
        head = view_slice(head, 0, sizeof(copy));
        view_copy(copy, head); /* the buffer it lies in is given up */
        refuse_literal(client, view_of(copy, head.size), waits);
        return;
    }
    if (first) {
        if (!begin_command(client, line, &tag, &rest)) {
            if (!waits) /* the literal comes all the same, and must not run as commands */
                client_bid_goodbye(client, GOODBYE_TOO_LONG);
            return;
        }
        buffer_init(&imap->command, 2 * (size_t)LIMIT_LOGIN_LINE);
    }
    buffer_append_view(&imap->command, line);
    buffer_append_string(&imap->command, "\r\n");
    imap->literal_left = octets;
    if (waits)
        client_say(client, "+ OK\r\n");
}

static bool take_literal_octets(struct client *client)
{
    struct imap *imap = client->state;
    struct view octets = view_slice(stream_input(client->stream), 0, imap->literal_left);
    buffer_append_view(&imap->command, octets);
    imap->literal_left -= octets.size;
    stream_consume(client->stream, octets.size);
    return imap->literal_left == 0;
}

static void take_line(struct client *client, struct view line)
{
    struct imap *imap = client->state;
    size_t octets;
    bool waits;
    if (imap->sasl) {
        sasl_line(client, line);
    } else if (literal_at_end(line, &octets, &waits)) {
        begin_literal(client, line, octets, waits);
    } else if (buffer_size(&imap->command) > 0) {
        struct buffer whole = imap->command;
        imap->command = (struct buffer){0};
        buffer_append_view(&whole, line);
        run_command(client, buffer_view(&whole));
        explicit_bzero(whole.memory, whole.capacity);
        buffer_free(&whole);
    } else {
        run_command(client, line);
    }
}

static bool imap_next(struct client *client)
{
    struct imap *imap = client->state;
    if (imap->literal_left > 0 && !take_literal_octets(client))
        return false;
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
    take_line(client, view_of(copy, line.size));
    return true;
}

const struct front_protocol front_imap = {
    .number = PROTOCOL_IMAP,
    .state_size = sizeof(struct imap),
    .input_max = LIMIT_LOGIN_LINE,
    .logs_in = true,
    .greet = imap_greet,
    .next = imap_next,
    .secured = imap_secured,
    .challenge = imap_challenge,
    .failed = imap_failed,
    .goodbye = imap_goodbye,
    .release = imap_release,
};
