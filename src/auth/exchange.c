/*
 * auth/exchange.c: logins.
 *
 * The life of a login: BEGIN and STEPs feed the mechanism until it yields a name and a password; the throttle says when
 * they may be checked; the cache or a pool thread checks them; a ticket goes to mail; mail's yes goes to gate as
 * AUTH_OK. Every exchange is found by (link, id), ends in exactly one AUTH_OK or AUTH_FAIL unless gate took it back,
 * and touches no other.
 *
 * Called   by auth.c with what gates say, on auth's loop.
 * Limits   LIMIT_AUTH_EXCHANGES a gate.
 * Tested   tests/unit/auth_flow.c
 */
#include "auth/apop.h"
#include "auth/inside.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <sodium.h>

enum exchange_state { TALKING, WAITING_TURN, CHECKING, TICKETING, HOLDING };

struct exchange {
    struct exchange *next; /* of its chain */
    struct link *link;
    uint64_t id, session;
    enum exchange_state state;
    struct sasl sasl;
    uint8_t protocol, tls;
    char peer[64];
    char name[NAME_SIZE];     /* canonical; empty if it can't be a name */
    char maildrop[NAME_SIZE]; /* POP3: what stood around the name */
    struct user user;         /* account 0: nobody */
    bool known;
    struct cache_key key;
    struct throttle_ticket throttle;
    struct timer *timer;
    struct password_job *job;
    struct asking asking;
    bool asking_open;
    uint64_t ticket_high, ticket_low;
    uint8_t fail_reason; /* HOLDING: what to say when the time is over */
    const char *fail_text;
};

/* ---- the end of an exchange ---- */

static struct exchange **exchange_chain(const struct link *link, uint64_t id)
{
    uint64_t mixed = (id + 0x9e3779b9u * (uint64_t)(link->instance + 1)) * 0x9e3779b97f4a7c15u;
    return &link->auth->exchanges[(mixed >> 32) % AUTH_EXCHANGE_BUCKETS];
}

static void exchange_free(struct exchange *exchange)
{
    struct auth *auth = exchange->link->auth;
    throttle_tell(auth->throttle, &exchange->throttle, GUESS_NONE, clock_monotonic_ms());
    if (exchange->job != NULL)
        exchange->job->owner = NULL;
    if (exchange->asking_open) {
        auth_unask(auth, &exchange->asking);
        struct ipc_ticket_drop drop = {exchange->ticket_high, exchange->ticket_low};
        auth_tell_mail(auth, IPC_TICKET_DROP, &drop);
    }
    if (exchange->timer != NULL)
        timer_free(&exchange->timer);
    struct exchange **place = exchange_chain(exchange->link, exchange->id);
    while (*place != exchange)
        place = &(*place)->next;
    *place = exchange->next;
    exchange->link->exchanges--;
    auth->exchange_count--;
    sodium_memzero(exchange, sizeof(*exchange));
    free(exchange);
}

static void log_login(const struct exchange *exchange, bool good, const char *why)
{
    char peer[4 * sizeof(exchange->peer)], user[2 * NAME_SIZE];
    struct view said = view_of(exchange->sasl.name, exchange->sasl.name_size);
    log_value(view_of_string(exchange->peer), peer, sizeof(peer));
    log_value(said, user, sizeof(user));
    if (good)
        log_event(LOG_INFO, "login.ok", "proto=%s rip=%s mech=%s tls=%s sid=%llx account=%llu user=%s",
                  protocol_name(exchange->protocol), peer, sasl_name(&exchange->sasl), exchange->tls ? "yes" : "no",
                  (unsigned long long)exchange->session, (unsigned long long)exchange->user.account, user);
    else
        log_event(LOG_INFO, "login.fail", "proto=%s rip=%s mech=%s reason=%s tls=%s sid=%llx user=%s",
                  protocol_name(exchange->protocol), peer, sasl_name(&exchange->sasl), why,
                  exchange->tls ? "yes" : "no", (unsigned long long)exchange->session, user);
}

static void exchange_fail(struct exchange *exchange, enum auth_fail reason, const char *text)
{
    struct ipc_auth_fail fail = {.reason = (uint8_t)reason, .text = view_of_string(text)};
    channel_send(exchange->link->channel, IPC_AUTH_FAIL, exchange->id, &fail, -1);
    exchange_free(exchange);
}

static void exchange_proceed(struct exchange *exchange);

static void exchange_timer(void *ctx)
{
    struct exchange *exchange = ctx;
    if (exchange->state == HOLDING)
        exchange_fail(exchange, (enum auth_fail)exchange->fail_reason, exchange->fail_text);
    else if (exchange->state == WAITING_TURN)
        exchange_proceed(exchange);
}

static void exchange_set_timer(struct exchange *exchange, uint64_t delay_ms)
{
    if (exchange->timer == NULL)
        exchange->timer = timer_new(exchange->link->auth->loop, exchange_timer, exchange);
    timer_set(exchange->timer, delay_ms);
}

/* One text for every reason that concerns the name or the password: nobody learns which it was. */
static void exchange_wrong(struct exchange *exchange, enum throttle_outcome outcome, const char *why)
{
    struct auth *auth = exchange->link->auth;
    log_login(exchange, false, why);
    uint64_t hold_ms = throttle_tell(auth->throttle, &exchange->throttle, outcome, clock_monotonic_ms());
    exchange->state = HOLDING;
    exchange->fail_reason = AUTH_FAIL_CREDENTIALS;
    exchange->fail_text = "wrong user name or password";
    exchange_set_timer(exchange, hold_ms);
}

static void exchange_unavailable(struct exchange *exchange, const char *why)
{
    log_login(exchange, false, why);
    exchange_fail(exchange, AUTH_FAIL_UNAVAILABLE, "not possible just now, try again later");
}

/* ---- tickets ---- */

static void ticket_refused(struct exchange *exchange, uint8_t reason)
{
    static const struct {
        enum auth_fail fail;
        const char *why, *text;
    } rows[] = {
        [TICKET_NO_ACCOUNT] = {AUTH_FAIL_UNAVAILABLE, "no-account",
                               "this account has no mail here yet, ask your administrator"},
        [TICKET_NO_LIMIT] = {AUTH_FAIL_LIMIT, "limit", "too many sessions of this account"},
        [TICKET_NO_QUARANTINE] = {AUTH_FAIL_UNAVAILABLE, "quarantine", "this account is paused for some minutes"},
        [TICKET_NO_DRAINING] = {AUTH_FAIL_UNAVAILABLE, "draining", "the server is going down, try again later"},
    };
    if (reason >= sizeof(rows) / sizeof(rows[0]) || rows[reason].why == NULL)
        reason = TICKET_NO_DRAINING;
    log_login(exchange, false, rows[reason].why);
    exchange_fail(exchange, rows[reason].fail, rows[reason].text);
}

static void ticket_answered(struct asking *asking, const struct message *answer)
{
    struct exchange *exchange = (struct exchange *)(void *)((char *)asking - offsetof(struct exchange, asking));
    exchange->asking_open = false;
    if (answer != NULL && answer->type == IPC_TICKET_NO) {
        ticket_refused(exchange, ((const struct ipc_ticket_no *)answer->body)->reason);
        return;
    }
    if (answer == NULL || answer->type != IPC_TICKET_OK) {
        exchange_unavailable(exchange, "mail-gone");
        return;
    }
    const struct link *mail = auth_mail_link(exchange->link->auth);
    struct ipc_auth_ok ok = {.ticket_high = exchange->ticket_high,
                             .ticket_low = exchange->ticket_low,
                             .mail_instance = mail == NULL ? 0 : mail->instance,
                             .user = view_of_string(exchange->user.name)};
    log_login(exchange, true, "");
    channel_send(exchange->link->channel, IPC_AUTH_OK, exchange->id, &ok, -1);
    exchange_free(exchange);
}

static void exchange_good(struct exchange *exchange)
{
    struct auth *auth = exchange->link->auth;
    throttle_tell(auth->throttle, &exchange->throttle, GUESS_GOOD, clock_monotonic_ms());
    if (exchange->user.account == 0) {
        exchange_unavailable(exchange, "no-account");
        return;
    }
    auth_random_ticket(&exchange->ticket_high, &exchange->ticket_low);
    struct ipc_ticket ticket = {.ticket_high = exchange->ticket_high,
                                .ticket_low = exchange->ticket_low,
                                .session = exchange->session,
                                .account = exchange->user.account,
                                .credential = exchange->user.version,
                                .protocol = exchange->protocol,
                                .valid_ms = LIMIT_AUTH_ANSWER_MS,
                                .user = view_of_string(exchange->user.name),
                                .peer = view_of_string(exchange->peer),
                                .maildrop = view_of_string(exchange->maildrop)};
    exchange->state = TICKETING;
    exchange->asking.answered = ticket_answered;
    exchange->asking_open = auth_ask_mail(auth, IPC_TICKET, &ticket, &exchange->asking);
    if (!exchange->asking_open)
        exchange_unavailable(exchange, "mail-gone");
}

/* ---- checking ---- */

/* What the check said, against what the database says now: it may have changed meanwhile. */
static void exchange_checked(struct exchange *exchange, enum hash_result result, bool repeated)
{
    struct auth *auth = exchange->link->auth;
    struct user now;
    if (result != HASH_GOOD) {
        exchange_wrong(exchange, repeated ? GUESS_NONE : GUESS_WRONG,
                       !exchange->known         ? "unknown-user"
                       : result == HASH_UNKNOWN ? "unknown-hash"
                                                : "password");
        return;
    }
    enum users_result found = users_find(auth->users, exchange->user.name, &now);
    if (found == USERS_IO) {
        exchange_unavailable(exchange, "database");
        return;
    }
    if (found != USERS_OK || now.version != exchange->user.version) {
        exchange_wrong(exchange, GUESS_NONE, "changed");
        return;
    }
    exchange->user = now;
    if (now.disabled)
        exchange_wrong(exchange, GUESS_WRONG, "disabled");
    else
        exchange_good(exchange);
}

static void exchange_job_done(struct password_job *job)
{
    struct auth *auth = job->auth;
    struct exchange *exchange = job->owner;
    if (job->made)
        users_rehash(auth->users, job->name, job->version, job->new_hash);
    if (exchange == NULL)
        return;
    exchange->job = NULL;
    if (job->result != HASH_UNKNOWN)
        cache_put(auth->cache, exchange->key, exchange->user.account, job->result == HASH_GOOD, clock_monotonic_ms());
    exchange_checked(exchange, job->result, false);
}

/* The one secret that is stored readable, for users who were given one. */
static void exchange_check_apop(struct exchange *exchange)
{
    struct auth *auth = exchange->link->auth;
    const struct sasl *sasl = &exchange->sasl;
    char secret[LIMIT_PASSWORD_OCTETS + 1] = "";
    enum users_result found =
        exchange->known ? users_apop_secret(auth->users, exchange->user.name, secret) : USERS_NONE;
    bool good = found == USERS_OK && apop_fits(view_of(sasl->timestamp, sasl->timestamp_size), view_of_string(secret),
                                               view_of(sasl->password, sasl->password_size));
    sodium_memzero(secret, sizeof(secret));
    sasl_wipe(&exchange->sasl);
    exchange_checked(exchange, good ? HASH_GOOD : HASH_WRONG, false);
}

static void exchange_check(struct exchange *exchange)
{
    struct auth *auth = exchange->link->auth;
    exchange->state = CHECKING;
    if (exchange->sasl.timestamp_size > 0) {
        exchange_check_apop(exchange);
        return;
    }
    struct view password = view_of(exchange->sasl.password, exchange->sasl.password_size);
    enum cache_answer remembered = cache_find(auth->cache, exchange->key, clock_monotonic_ms());
    if (remembered != CACHE_NOTHING) {
        sasl_wipe(&exchange->sasl);
        exchange_checked(exchange, remembered == CACHE_GOOD ? HASH_GOOD : HASH_WRONG, true);
        return;
    }
    struct password_job *job = auth_job(auth, exchange->known ? exchange->user.name : "", password);
    snprintf(job->hash, sizeof(job->hash), "%s", exchange->known ? exchange->user.hash : auth->dummy_hash);
    job->version = exchange->user.version;
    job->dummy = !exchange->known;
    job->done = exchange_job_done;
    job->owner = exchange;
    sasl_wipe(&exchange->sasl);
    if (auth_submit(auth, job))
        exchange->job = job;
    else
        exchange_unavailable(exchange, "busy");
}

/* Asks the throttle whether it is our turn. */
static void exchange_proceed(struct exchange *exchange)
{
    struct auth *auth = exchange->link->auth;
    uint64_t now_ms = clock_monotonic_ms(), at_ms = 0;
    struct view name = exchange->name[0] != 0 ? view_of_string(exchange->name)
                                              : view_of(exchange->sasl.name, exchange->sasl.name_size);
    switch (throttle_ask(auth->throttle, &exchange->throttle, view_of_string(exchange->peer), name, now_ms, &at_ms)) {
    case THROTTLE_GO:
        exchange_check(exchange);
        return;
    case THROTTLE_LATER:
        exchange->state = WAITING_TURN;
        exchange_set_timer(exchange, at_ms > now_ms ? at_ms - now_ms : 1);
        return;
    case THROTTLE_REFUSE:
        log_login(exchange, false, "throttle");
        exchange_fail(exchange, AUTH_FAIL_LIMIT, "too many failed logins, try again later");
        return;
    }
}

/* `ann@example.org` may log in as the user of that name, through an address of hers, or by the local part. */
static enum users_result find_login(struct auth *auth, const char *name, struct user *user_r)
{
    struct view detail;
    enum users_result result = users_find(auth->users, name, user_r);
    if (result == USERS_NONE && strchr(name, '@') != NULL)
        result = users_find_address(auth->users, name, 0, user_r, &detail);
    return result;
}

/* POP3: "recent:ann#Folder" is ann; the rest is kept for mail (pop3/pop3.h). The name alone, out of `said`. */
static struct view take_maildrop(struct exchange *exchange, struct view said)
{
    struct view recent = VIEW_LITERAL("recent:"), name = said;
    bool with_recent = view_starts_with_nocase(said, recent);
    if (with_recent)
        name = view_skip(name, recent.size);
    size_t hash = view_find(name, '#', 0);
    struct view folder = hash == SIZE_MAX ? VIEW_EMPTY : view_skip(name, hash);
    snprintf(exchange->maildrop, sizeof(exchange->maildrop), "%s%.*s", with_recent ? recent.data : "",
             VIEW_PRINTF(folder));
    return view_slice(name, 0, hash);
}

/* The user that `said` names, if there is one, and its canonical name; a user of the whole name comes first. */
static enum users_result name_find(struct exchange *exchange, struct view said)
{
    struct auth *auth = exchange->link->auth;
    enum users_result found = USERS_NONE;
    exchange->maildrop[0] = 0;
    if (name_canonical(said, exchange->name))
        found = find_login(auth, exchange->name, &exchange->user);
    else
        exchange->name[0] = 0;
    if (found != USERS_NONE || exchange->protocol != PROTOCOL_POP3)
        return found;
    struct view name = take_maildrop(exchange, said);
    if (name.size < said.size && name_canonical(name, exchange->name))
        found = find_login(auth, exchange->name, &exchange->user);
    return found;
}

static void exchange_credentials(struct exchange *exchange)
{
    struct auth *auth = exchange->link->auth;
    struct view said = view_of(exchange->sasl.name, exchange->sasl.name_size);
    enum users_result found = name_find(exchange, said);
    if (found == USERS_IO) {
        log_event(LOG_ERROR, "auth.database", "what=%s", users_error(auth->users));
        exchange_unavailable(exchange, "database");
        return;
    }
    exchange->known = found == USERS_OK;
    if (!exchange->known)
        memset(&exchange->user, 0, sizeof(exchange->user));
    const char *name = exchange->known ? exchange->user.name : exchange->name;
    exchange->key = cache_key(auth->cache, exchange->known || name[0] != 0 ? view_of_string(name) : said,
                              exchange->user.version, view_of(exchange->sasl.password, exchange->sasl.password_size));
    if (exchange->known)
        snprintf(exchange->name, sizeof(exchange->name), "%s", exchange->user.name);
    exchange_proceed(exchange);
}

/* ---- gate ---- */

static struct exchange *exchange_find(const struct link *link, uint64_t id)
{
    for (struct exchange *exchange = *exchange_chain(link, id); exchange != NULL; exchange = exchange->next)
        if (exchange->link == link && exchange->id == id)
            return exchange;
    return NULL;
}

static void exchange_step(struct exchange *exchange, const struct view *octets)
{
    struct ipc_auth_more more = {VIEW_EMPTY};
    switch (sasl_step(&exchange->sasl, octets)) {
    case SASL_MORE:
        more.octets = exchange->sasl.challenge;
        channel_send(exchange->link->channel, IPC_AUTH_MORE, exchange->id, &more, -1);
        return;
    case SASL_CREDENTIALS:
        exchange_credentials(exchange);
        return;
    case SASL_REFUSED:
        exchange_wrong(exchange, GUESS_NONE, "refused");
        return;
    case SASL_SYNTAX:
        log_login(exchange, false, "syntax");
        exchange_fail(exchange, AUTH_FAIL_SYNTAX, "not what this mechanism expects");
        return;
    }
}

static void refuse_begin(struct link *link, uint64_t id, enum auth_fail reason, const char *text)
{
    struct ipc_auth_fail fail = {.reason = (uint8_t)reason, .text = view_of_string(text)};
    channel_send(link->channel, IPC_AUTH_FAIL, id, &fail, -1);
}

static void gate_begin(struct link *link, uint64_t id, const struct ipc_auth_begin *begin)
{
    struct auth *auth = link->auth;
    struct exchange *old = exchange_find(link, id);
    if (old != NULL)
        exchange_free(old);
    if (auth->draining) {
        refuse_begin(link, id, AUTH_FAIL_UNAVAILABLE, "the server is going down, try again later");
        return;
    }
    if (link->exchanges >= LIMIT_AUTH_EXCHANGES) {
        refuse_begin(link, id, AUTH_FAIL_LIMIT, "too many logins at once, try again later");
        return;
    }
    struct exchange *exchange = NEW(struct exchange);
    exchange->link = link;
    exchange->id = id;
    exchange->session = begin->session;
    exchange->protocol = begin->protocol;
    exchange->tls = begin->tls;
    struct view peer = view_slice(begin->peer, 0, sizeof(exchange->peer) - 1);
    view_copy(exchange->peer, peer);
    struct exchange **chain = exchange_chain(link, id);
    exchange->next = *chain;
    *chain = exchange;
    link->exchanges++;
    auth->exchange_count++;
    if (!sasl_start(&exchange->sasl, begin->mechanism))
        exchange_fail(exchange, AUTH_FAIL_MECHANISM, "no such mechanism");
    else
        exchange_step(exchange, begin->has_initial ? &begin->initial : NULL);
}

void exchange_message(void *ctx, struct channel *channel, struct message *message)
{
    struct link *link = ctx;
    if (message->type == IPC_AUTH_BEGIN) {
        gate_begin(link, message->id, message->body);
        return;
    }
    struct exchange *exchange = exchange_find(link, message->id);
    if (exchange == NULL)
        return; /* it ended meanwhile */
    if (message->type == IPC_AUTH_ABORT)
        exchange_free(exchange);
    else if (message->type == IPC_AUTH_STEP && exchange->state == TALKING)
        exchange_step(exchange, &((const struct ipc_auth_step *)message->body)->octets);
}

void exchanges_drop(struct link *link)
{
    for (size_t i = 0; i < AUTH_EXCHANGE_BUCKETS && link->exchanges > 0; i++)
        for (struct exchange *exchange = link->auth->exchanges[i], *next; exchange != NULL; exchange = next) {
            next = exchange->next;
            if (exchange->link == link)
                exchange_free(exchange);
        }
}
