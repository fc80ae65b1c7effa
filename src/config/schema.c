/* config/schema.c: the table of settings, and what a value of each type looks like. */
#include "config/schema.h"
#include "base/limits.h"
#include <arpa/inet.h>
#include <inttypes.h>

#define KIB                 ((uint64_t)1 << 10)
#define MIB                 ((uint64_t)1 << 20)
#define GIB                 ((uint64_t)1 << 30)
#define TIB                 ((uint64_t)1 << 40)
#define PATH_LONGEST        4000
#define SOCKET_PATH_LONGEST 107 /* sockaddr_un */

const struct setting settings_table[] = {
    {"data", SETTING_PATH, "", 0, PATH_LONGEST, NULL, CHANGE_RESTART, FOR_NONE,
     "The folder that holds everything: store, auth, spool, run. Empty: /var/lib/waxwing, or $XDG_STATE_HOME/waxwing "
     "without root."},
    {"host_name", SETTING_TEXT, "", 0, 253, NULL, CHANGE_RESTART, FOR_GATE | FOR_LMTP | FOR_AUTH | FOR_MAIL,
     "The name that greetings and trace lines show. Empty: the machine's name."},
    {"log.level", SETTING_CHOICE, "info", 0, 0, "error|warn|info|debug", CHANGE_RESTART, FOR_ALL,
     "The least important lines that are logged."},
    {"language", SETTING_CHOICE, "en", 0, 0, "en|de", CHANGE_RELOAD, FOR_GATE | FOR_MAIL,
     "The language that a mail program gets if it asks for the server's own (LANGUAGE default, LANG *). One that asks "
     "for none is answered in English (RFC 5255 3.1)."},

    {"listen.imap", SETTING_ADDRESS, "*:143", 0, 0, NULL, CHANGE_RESTART, FOR_NONE,
     "Where IMAP listens (with STARTTLS)."},
    {"listen.imaps", SETTING_ADDRESS, "*:993", 0, 0, NULL, CHANGE_RESTART, FOR_NONE,
     "Where IMAP over TLS listens. Left out without a certificate."},
    {"listen.pop3", SETTING_ADDRESS, "*:110", 0, 0, NULL, CHANGE_RESTART, FOR_NONE, "Where POP3 listens (with STLS)."},
    {"listen.pop3s", SETTING_ADDRESS, "*:995", 0, 0, NULL, CHANGE_RESTART, FOR_NONE,
     "Where POP3 over TLS listens. Left out without a certificate."},
    {"listen.lmtp", SETTING_ADDRESS, "127.0.0.1:24", 0, 0, NULL, CHANGE_RESTART, FOR_NONE,
     "Where LMTP listens. Whoever reaches it can deliver: loopback or a private network only."},

    {"tls.certificate", SETTING_PATH, "", 0, PATH_LONGEST, NULL, CHANGE_RELOAD, FOR_NONE,
     "The certificate chain (PEM), the server's own first."},
    {"tls.key", SETTING_PATH, "", 0, PATH_LONGEST, NULL, CHANGE_RELOAD, FOR_NONE,
     "The private key (PEM). Refused if others can read it."},

    {"login.plain_from_loopback", SETTING_BOOL, "false", 0, 0, NULL, CHANGE_RESTART, FOR_GATE,
     "Take passwords without TLS from clients on this machine. From elsewhere TLS comes first, always."},
    {"login.timeout", SETTING_SECONDS, "60s", 5, 3600, NULL, CHANGE_RELOAD, FOR_GATE, "From connect to login."},
    {"auth.threads", SETTING_NUMBER, "3", 1, 4, NULL, CHANGE_RESTART, FOR_AUTH, "Threads that check passwords."},
    {"auth.throttle_loopback", SETTING_BOOL, "false", 0, 0, NULL, CHANGE_RELOAD, FOR_AUTH,
     "Count wrong passwords from this machine by address too (a webmail beside us is one address)."},
    {"auth.failure_delay", SETTING_SECONDS, "2s", 0, 60, NULL, CHANGE_RELOAD, FOR_AUTH | FOR_GATE,
     "A wrong password is answered this much later."},

    {"imap.idle_timeout", SETTING_SECONDS, "30m", 60, 86400, NULL, CHANGE_RELOAD, FOR_MAIL,
     "A client that says nothing is logged out (at least 30 minutes by RFC 9051 5.4)."},
    {"imap.keepalive", SETTING_SECONDS, "2m", 1, 1740, NULL, CHANGE_RELOAD, FOR_MAIL,
     "Between the words that a silent server says in IDLE, so that no router on the way forgets the connection."},
    {"imap.progress", SETTING_SECONDS, "10s", 1, 600, NULL, CHANGE_RELOAD, FOR_MAIL,
     "A SEARCH, SORT or THREAD that takes longer says how far it is, this often (RFC 9585)."},
    {"imap.shared_user", SETTING_TEXT, "", 0, 255, NULL, CHANGE_RELOAD, FOR_MAIL,
     "The user whose mailboxes stand under \"Shared/\" for those who have rights in them. Empty: there is no such "
     "namespace."},
    {"imap.literals", SETTING_CHOICE, "plus", 0, 0, "plus|minus", CHANGE_RELOAD, FOR_MAIL | FOR_GATE,
     "plus: a client sends literals of any size without asking first (LITERAL+). minus: up to 4096 octets (LITERAL-); "
     "a larger one is refused (RFC 7888)."},
    {"imap.message_limit", SETTING_NUMBER, "0", 0, UINT32_MAX, NULL, CHANGE_RELOAD, FOR_MAIL,
     "How many messages one command works on (MESSAGELIMIT of RFC 9738, which wants at least 1000): FETCH, STORE, "
     "SEARCH, MOVE and UID EXPUNGE take the newest of them and say so, COPY, APPEND, SORT and THREAD of more are "
     "refused. 0: no limit."},
    {"imap.save_limit", SETTING_NUMBER, "0", 0, UINT32_MAX, NULL, CHANGE_RELOAD, FOR_MAIL,
     "The same for COPY and APPEND alone (SAVELIMIT), where imap.message_limit is 0. 0: no limit."},
    {"imap.hide_capabilities", SETTING_TEXT, "", 0, 1000, NULL, CHANGE_RELOAD, FOR_MAIL | FOR_GATE,
     "Words that CAPABILITY leaves out, with blanks between (\"COMPRESS=DEFLATE IDLE\"), for clients that misuse them. "
     "What they stand for still works."},
    {"pop3.idle_timeout", SETTING_SECONDS, "10m", 10, 86400, NULL, CHANGE_RELOAD, FOR_MAIL,
     "The same for POP3 (at least 10 minutes by RFC 1939 3)."},
    {"pop3.delete", SETTING_CHOICE, "remove", 0, 0, "remove|trash|archive|hide", CHANGE_RELOAD, FOR_MAIL,
     "What becomes of mail that a POP3 client deletes: removed for all, moved to Trash or Archive, or hidden from POP3 "
     "alone. An account may say otherwise (waxwing user set)."},
    {"pop3.retrieve", SETTING_CHOICE, "nothing", 0, 0, "nothing|seen", CHANGE_RELOAD, FOR_MAIL,
     "seen: what a POP3 client retrieved is marked read when it quits. An account may say otherwise."},
    {"pop3.uidl", SETTING_CHOICE, "uw", 0, 0, "uw|dovecot|courier|cyrus", CHANGE_RELOAD, FOR_MAIL,
     "How the UIDLs of new messages look: as UW imapd, Dovecot (%08Xu%08Xv), Courier or Cyrus make them, for clients "
     "that "
     "come from there. UIDLs already shown never change. An account may say otherwise."},
    {"pop3.apop", SETTING_BOOL, "false", 0, 0, NULL, CHANGE_RELOAD, FOR_GATE,
     "Offer APOP (RFC 1939 7) to users who have a secret for it (waxwing user apop). Weak: it needs a secret that is "
     "stored readable, and MD5."},
    {"pop3.login_delay", SETTING_SECONDS, "0", 0, 86400, NULL, CHANGE_RELOAD, FOR_MAIL | FOR_GATE,
     "A maildrop can be opened again only this long after it was opened last (LOGIN-DELAY of RFC 2449)."},

    {"lmtp.socket", SETTING_PATH, "", 0, SOCKET_PATH_LONGEST, NULL, CHANGE_RESTART, FOR_NONE,
     "LMTP on a unix socket too, for an MTA on this machine."},
    {"lmtp.socket_mode", SETTING_MODE, "0660", 0, 0777, NULL, CHANGE_RESTART, FOR_NONE, "Its permissions."},
    {"lmtp.socket_user", SETTING_TEXT, "", 0, 64, NULL, CHANGE_RESTART, FOR_NONE,
     "Its owner (\"postfix\"). Empty: who starts Waxwing."},
    {"lmtp.socket_group", SETTING_TEXT, "", 0, 64, NULL, CHANGE_RESTART, FOR_NONE, "Its group."},
    {"lmtp.idle_timeout", SETTING_SECONDS, "5m", 10, 86400, NULL, CHANGE_RELOAD, FOR_LMTP,
     "Between commands (RFC 5321 4.5.3.2.7)."},
    {"lmtp.subaddress_separator", SETTING_TEXT, "+", 0, 1, NULL, CHANGE_RELOAD, FOR_AUTH | FOR_MAIL,
     "ann+lists@ goes to ann, folder lists. Empty: no such thing."},
    {"lmtp.over_quota", SETTING_CHOICE, "temporary", 0, 0, "temporary|permanent", CHANGE_RELOAD, FOR_MAIL,
     "How mail for a full account is refused: 452 4.2.2 (the MTA keeps trying) or 552 5.2.2."},
    {"lmtp.unknown_user", SETTING_CHOICE, "permanent", 0, 0, "temporary|permanent", CHANGE_RELOAD, FOR_AUTH,
     "How mail for nobody is refused: 450 4.1.1 or 550 5.1.1."},
    {"message.max", SETTING_OCTETS, "150M", 64 * KIB, LIMIT_MESSAGE_OCTETS, NULL, CHANGE_RELOAD,
     FOR_LMTP | FOR_MAIL | FOR_GATE, "The largest message taken."},
    {"quota.default", SETTING_OCTETS, "0", 0, 1024 * TIB, NULL, CHANGE_RELOAD, FOR_AUTH | FOR_MAIL,
     "The quota of new accounts. 0: none."},
    {"quota.annotations", SETTING_OCTETS, "4M", 64 * KIB, GIB, NULL, CHANGE_RELOAD, FOR_MAIL,
     "What the annotations of one account's messages may take (RFC 5257), beside its quota. Readers of its mailboxes "
     "may use half of it for private ones."},
    {"retention.days", SETTING_NUMBER, "14", 0, 3650, NULL, CHANGE_RELOAD, FOR_MAIL,
     "How long expunged messages can be taken back."},
    {"retention.log_days", SETTING_NUMBER, "90", 1, 3650, NULL, CHANGE_RELOAD, FOR_MAIL,
     "How long it is known who removed, moved or took back what (waxwing log)."},
    {"retention.limit", SETTING_OCTETS, "0", 0, 1024 * TIB, NULL, CHANGE_RELOAD, FOR_MAIL,
     "What one account's removed messages may take, beside its quota; what would go first goes before its day then. 0: "
     "no limit."},

    {"sessions.per_account", SETTING_NUMBER, "100", 1, 100000, NULL, CHANGE_RELOAD, FOR_MAIL,
     "Sessions of one account at once."},
    {"sessions.per_account_address", SETTING_NUMBER, "50", 1, 100000, NULL, CHANGE_RELOAD, FOR_MAIL,
     "Sessions of one account from one address at once."},

    {"store.cache", SETTING_OCTETS, "0", 0, 1024 * GIB, NULL, CHANGE_RESTART, FOR_MAIL,
     "Memory for the index, taken as it is needed. 0: an eighth of the machine's, at least 64M, at most 512M."},
    {"store.reserve", SETTING_OCTETS, "0", 0, 1024 * TIB, NULL, CHANGE_RESTART, FOR_MAIL,
     "New mail is refused below this much free disk. 0: 1 %, at least 512M."},
    {"store.pack_after", SETTING_SECONDS, "7d", 0, UINT64_C(3650) * 86400, NULL, CHANGE_RESTART, FOR_MAIL,
     "Mail is stored as it is, to be read fast, until it is this old; then it is packed. 0: it is packed as it comes."},
    {"store.zstd_level", SETTING_NUMBER, "1", 1, 19, NULL, CHANGE_RESTART, FOR_MAIL, "How hard messages are packed."},

    {"control.socket", SETTING_PATH, "", 0, SOCKET_PATH_LONGEST - 5, NULL, CHANGE_RESTART, FOR_NONE,
     "Where the command line reaches a running server; auth's has .auth behind it. Empty: run/control in the data "
     "folder."},
    {"control.group", SETTING_TEXT, "", 0, 64, NULL, CHANGE_RESTART, FOR_NONE,
     "The group that may use it, beside who starts Waxwing."},
    {"gate.instances", SETTING_NUMBER, "2", 1, 32, NULL, CHANGE_RESTART, FOR_NONE, "Processes that face clients."},
    {"gate.sessions", SETTING_NUMBER, "4000", 1, 9750, NULL, CHANGE_RESTART, FOR_GATE | FOR_LMTP,
     "Connections of each."},
    {"mail.loops", SETTING_NUMBER, "0", 0, 32, NULL, CHANGE_RESTART, FOR_MAIL,
     "Event loops of the mail process. 0: one a core."},
    {"mail.fault_keyword", SETTING_TEXT, "", 0, 64, NULL, CHANGE_RESTART, FOR_MAIL,
     "For tests: storing this keyword crashes mail."},
    {"parse.fault", SETTING_BOOL, "false", 0, 0, NULL, CHANGE_RESTART, FOR_PARSE,
     "For tests: a message with X-Waxwing-Fault: crash, hang, stall or bloat makes parse do so."},
    {"parse.instances", SETTING_NUMBER, "2", 1, 32, NULL, CHANGE_RESTART, FOR_NONE, "Processes that decode messages."},
    {"process.walls", SETTING_CHOICE, "auto", 0, 0, "auto|full|user|off", CHANGE_RESTART, FOR_NONE,
     "full: own user ids, chroot and all (root). user: what can be had without root. off: for debugging only."},
    {"process.uid_base", SETTING_NUMBER, "60900", 1000, 4000000000, NULL, CHANGE_RESTART, FOR_NONE,
     "Started as root, a role whose user (waxwing-gate, ...) doesn't exist runs under this number plus its own."},
};
const size_t settings_table_count = sizeof settings_table / sizeof settings_table[0];

const struct setting *setting_find(struct view name)
{
    for (size_t i = 0; i < settings_table_count; i++)
        if (view_equal_string(name, settings_table[i].name))
            return &settings_table[i];
    return NULL;
}

/* Edits (insert, delete, replace) from a to b; names longer than the table are far from everything. */
enum { NAME_LONGEST = 64 };
static size_t edit_distance(struct view a, struct view b)
{
    size_t row[NAME_LONGEST + 1];
    if (a.size > NAME_LONGEST || b.size > NAME_LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b.size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t best = diagonal + (a.data[i - 1] != b.data[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.size];
}

static struct view last_part(struct view name)
{
    for (size_t i = name.size; i > 0; i--)
        if (name.data[i - 1] == '.')
            return view_skip(name, i);
    return name;
}

const char *setting_nearest(struct view name)
{
    size_t best = SIZE_MAX;
    const char *found = NULL;
    for (size_t i = 0; i < settings_table_count; i++) {
        struct view known = view_of_string(settings_table[i].name);
        size_t distance = edit_distance(name, known);
        /* The right word in the wrong group is near too. */
        if (view_equal(last_part(name), last_part(known)) && distance > 2)
            distance = 2;
        if (distance < best) {
            best = distance;
            found = settings_table[i].name;
        }
    }
    return best <= 2 || best <= name.size / 3 ? found : NULL;
}

/* ---- values ---- */

struct unit {
    char letter;
    uint64_t factor;
};
static const struct unit octet_units[] = {{'K', KIB}, {'M', MIB}, {'G', GIB}, {'T', TIB}, {0, 0}};
static const struct unit second_units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {0, 0}};

static bool parse_with_unit(struct view v, const struct unit *units, uint64_t *value_r)
{
    uint64_t factor = 1;
    if (v.size > 0 && (v.data[v.size - 1] < '0' || v.data[v.size - 1] > '9')) {
        for (factor = 0; units->letter; units++)
            if (units->letter == v.data[v.size - 1])
                factor = units->factor;
        v = view_slice(v, 0, v.size - 1);
    }
    return factor && view_parse_u64(v, UINT64_MAX / factor, value_r) &&
           !__builtin_mul_overflow(*value_r, factor, value_r);
}

static void append_with_unit(uint64_t value, const struct unit *units, struct buffer *out)
{
    const struct unit *fits = NULL;
    for (; units->letter; units++)
        if (value && value % units->factor == 0 && units->factor > 1)
            fits = units;
    buffer_append_u64(out, fits ? value / fits->factor : value);
    if (fits)
        buffer_append_char(out, fits->letter);
}

static void append_range(const struct setting *s, const struct unit *units, struct buffer *out)
{
    append_with_unit(s->min, units, out);
    buffer_append_string(out, " to ");
    append_with_unit(s->max, units, out);
}

static const struct unit no_units[] = {{0, 0}};

void setting_describe(const struct setting *s, struct buffer *out)
{
    switch (s->type) {
    case SETTING_BOOL:
        buffer_append_string(out, "true or false");
        return;
    case SETTING_NUMBER:
        buffer_append_string(out, "a number, ");
        append_range(s, no_units, out);
        return;
    case SETTING_OCTETS:
        buffer_append_string(out, "octets (K, M, G, T), ");
        append_range(s, octet_units, out);
        return;
    case SETTING_SECONDS:
        buffer_append_string(out, "a time (s, m, h, d), ");
        append_range(s, second_units, out);
        return;
    case SETTING_TEXT:
        buffer_printf(out, "text, at most %" PRIu64 " octets", s->max);
        return;
    case SETTING_PATH:
        buffer_append_string(out, "an absolute path, or empty");
        return;
    case SETTING_MODE:
        buffer_append_string(out, "permissions in octal, as text: \"0660\"");
        return;
    case SETTING_ADDRESS:
        buffer_append_string(out, "a list of addresses with ports: \"127.0.0.1:143\", \"[::1]:143\", \"*:143\"");
        return;
    case SETTING_CHOICE:
        for (const char *c = s->choices; *c; c++)
            if (*c == '|')
                buffer_append_string(out, " or ");
            else
                buffer_append_char(out, *c);
        return;
    }
}

static bool number_canonical(const struct setting *s, struct view written, const struct unit *units, struct buffer *out)
{
    uint64_t value;
    if (!parse_with_unit(written, units, &value) || value < s->min || value > s->max)
        return false;
    buffer_append_u64(out, value);
    return true;
}

static bool bool_canonical(struct view v, struct buffer *out)
{
    static const struct {
        const char *word, *canonical;
    } words[] = {{"true", "yes"}, {"yes", "yes"}, {"on", "yes"}, {"false", "no"}, {"no", "no"}, {"off", "no"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (view_equal_string_nocase(v, words[i].word)) {
            buffer_append_string(out, words[i].canonical);
            return true;
        }
    return false;
}

static bool choice_canonical(const struct setting *s, struct view v, struct buffer *out)
{
    struct view rest = view_of_string(s->choices);
    for (;;) {
        size_t bar = view_find(rest, '|', 0);
        struct view one = view_slice(rest, 0, bar);
        if (view_equal(one, v)) {
            buffer_append_view(out, v);
            return true;
        }
        if (bar == SIZE_MAX)
            return false;
        rest = view_skip(rest, bar + 1);
    }
}

static bool mode_canonical(const struct setting *s, struct view v, struct buffer *out)
{
    unsigned mode = 0;
    if (v.size == 0 || v.size > 4)
        return false;
    for (size_t i = 0; i < v.size; i++) {
        if (v.data[i] < '0' || v.data[i] > '7')
            return false;
        mode = mode * 8 + (unsigned)(v.data[i] - '0');
    }
    if (mode > s->max)
        return false;
    buffer_append_view(out, v);
    return true;
}

static bool address_is_good(struct view v)
{
    size_t colon = SIZE_MAX;
    uint64_t port;
    char host[64];
    unsigned char octets[16];
    for (size_t i = 0; i < v.size; i++)
        if (v.data[i] == ':')
            colon = i;
    if (colon == SIZE_MAX || !view_parse_u64(view_skip(v, colon + 1), 65535, &port) || port == 0)
        return false;
    struct view name = view_slice(v, 0, colon);
    if (view_equal_string(name, "*"))
        return true;
    bool bracketed = name.size > 2 && name.data[0] == '[' && name.data[name.size - 1] == ']';
    if (bracketed)
        name = view_slice(name, 1, name.size - 2);
    if (name.size >= sizeof host)
        return false;
    view_copy(host, name);
    host[name.size] = 0;
    return inet_pton(bracketed ? AF_INET6 : AF_INET, host, octets) == 1;
}

static bool addresses_canonical(struct view v, struct buffer *out)
{
    bool first = true;
    for (;;) {
        v = view_trim(v);
        if (v.size == 0)
            return true;
        size_t blank = view_find(v, ' ', 0);
        struct view one = view_slice(v, 0, blank);
        if (!address_is_good(one))
            return false;
        if (!first)
            buffer_append_char(out, ' ');
        buffer_append_view(out, one);
        first = false;
        if (blank == SIZE_MAX)
            return true;
        v = view_skip(v, blank);
    }
}

static bool text_canonical(const struct setting *s, struct view v, struct buffer *out)
{
    if (v.size > s->max || (s->type == SETTING_PATH && v.size > 0 && v.data[0] != '/'))
        return false;
    for (size_t i = 0; i < v.size; i++)
        if ((unsigned char)v.data[i] < ' ' || v.data[i] == 127)
            return false;
    buffer_append_view(out, v);
    return true;
}

static bool any_canonical(const struct setting *s, struct view v, struct buffer *out)
{
    switch (s->type) {
    case SETTING_BOOL:
        return bool_canonical(v, out);
    case SETTING_NUMBER:
        return number_canonical(s, v, no_units, out);
    case SETTING_OCTETS:
        return number_canonical(s, v, octet_units, out);
    case SETTING_SECONDS:
        return number_canonical(s, v, second_units, out);
    case SETTING_TEXT:
    case SETTING_PATH:
        return text_canonical(s, v, out);
    case SETTING_CHOICE:
        return choice_canonical(s, v, out);
    case SETTING_MODE:
        return mode_canonical(s, v, out);
    case SETTING_ADDRESS:
        return addresses_canonical(v, out);
    }
    return false;
}

bool setting_canonical(const struct setting *s, struct view written, struct buffer *value_r, char *why, size_t why_size)
{
    size_t before = buffer_size(value_r);
    if (any_canonical(s, written, value_r))
        return true;
    buffer_truncate(value_r, before);
    struct buffer wanted;
    buffer_init(&wanted, 1024);
    setting_describe(s, &wanted);
    snprintf(why, why_size, "\"%.*s\" can't be used: give %.*s", (int)(written.size > 80 ? 80 : written.size),
             written.data, VIEW_PRINTF(buffer_view(&wanted)));
    buffer_free(&wanted);
    return false;
}
