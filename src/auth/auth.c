/*
 * auth/auth.c: links to the other processes, questions to mail, settings, start and end. See auth.h.
 */
#include "auth/inside.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <sodium.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TICK_MS = 250, THREADS_DEFAULT = 3 };

/* ---- questions to mail ---- */

struct link *auth_mail_link(const struct auth *auth)
{
    for (struct link *link = auth->links; link != NULL; link = link->next)
        if (link->role == ROLE_MAIL)
            return link;
    return NULL;
}

bool auth_ask_mail(struct auth *auth, enum ipc_type type, const void *body, struct asking *asking)
{
    struct link *mail = auth_mail_link(auth);
    if (mail == NULL)
        return false;
    asking->id = channel_next_id(mail->channel);
    asking->deadline_ms = clock_monotonic_ms() + LIMIT_AUTH_ANSWER_MS;
    asking->next = auth->askings;
    auth->askings = asking;
    channel_send(mail->channel, type, asking->id, body, -1);
    return true;
}

void auth_tell_mail(struct auth *auth, enum ipc_type type, const void *body)
{
    struct link *mail = auth_mail_link(auth);
    if (mail != NULL)
        channel_send(mail->channel, type, channel_next_id(mail->channel), body, -1);
}

void auth_unask(struct auth *auth, struct asking *asking)
{
    for (struct asking **place = &auth->askings; *place != NULL; place = &(*place)->next)
        if (*place == asking) {
            *place = asking->next;
            return;
        }
}

/* Takes out whatever has its deadline behind it (now_ms), or all. One at a time: answered may change the list. */
static void give_up(struct auth *auth, uint64_t now_ms, bool all)
{
    bool again = true;
    while (again) {
        again = false;
        for (struct asking **place = &auth->askings; *place != NULL; place = &(*place)->next) {
            struct asking *asking = *place;
            if (!all && asking->deadline_ms > now_ms)
                continue;
            *place = asking->next;
            asking->answered(asking, NULL);
            again = true;
            break;
        }
    }
}

static void mail_answered(struct auth *auth, const struct message *message)
{
    for (struct asking **place = &auth->askings; *place != NULL; place = &(*place)->next)
        if ((*place)->id == message->id) {
            struct asking *asking = *place;
            *place = asking->next;
            asking->answered(asking, message);
            return;
        }
    log_event(LOG_DEBUG, "auth.late", "type=%s", ipc_type_name(message->type));
}

void auth_random_ticket(uint64_t *high_r, uint64_t *low_r)
{
    randombytes_buf(high_r, sizeof(*high_r));
    randombytes_buf(low_r, sizeof(*low_r));
}

static void mail_message(void *ctx, struct channel *channel, struct message *message)
{
    struct link *link = ctx;
    if (message->type == IPC_FACTS)
        auth_answer_facts(link->auth, link->channel, message->id, message->body);
    else
        mail_answered(link->auth, message);
}

/* A user without an account, or an account without a user: new ones, and what a crash between the two left behind. */

/* ---- links ---- */

static void link_free(struct link *link)
{
    struct auth *auth = link->auth;
    exchanges_drop(link);
    recipients_forget(link);
    for (struct link **place = &auth->links; *place != NULL; place = &(*place)->next)
        if (*place == link) {
            *place = link->next;
            break;
        }
    if (link->role == ROLE_MAIL)
        give_up(auth, 0, true);
    channel_free(&link->channel);
    free(link);
}

static void link_closed(void *ctx, struct channel *channel, const char *reason)
{
    struct link *link = ctx;
    log_event(LOG_INFO, "auth.link", "role=%s instance=%u reason=%s", role_name(link->role), link->instance, reason);
    link_free(link);
}

static void attach(struct auth *auth, enum role role, uint32_t instance, int fd, const struct channel_user *user)
{
    for (struct link *link = auth->links; link != NULL; link = link->next)
        if (link->role == role && link->instance == instance) {
            link_free(link);
            break;
        }
    struct link *link = NEW(struct link);
    link->auth = auth;
    link->role = role;
    link->instance = instance;
    link->next = auth->links;
    auth->links = link;
    link->channel = channel_new(auth->loop, fd, ROLE_AUTH, role, user, link);
}

void auth_attach_gate(struct auth *auth, uint32_t instance, int fd)
{
    static const struct channel_user user = {exchange_message, link_closed, NULL};
    attach(auth, ROLE_GATE, instance, fd, &user);
}

void auth_attach_lmtp(struct auth *auth, uint32_t instance, int fd)
{
    static const struct channel_user user = {recipient_message, link_closed, NULL};
    attach(auth, ROLE_LMTP, instance, fd, &user);
}

void auth_attach_mail(struct auth *auth, uint32_t instance, int fd)
{
    static const struct channel_user user = {mail_message, link_closed, NULL};
    attach(auth, ROLE_MAIL, instance, fd, &user);
    auth_complete_all(auth);
}

static void control_arrived(void *ctx, unsigned what)
{
    struct auth *auth = ctx;
    int fd = accept4(auth->listening_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (auth->control_count >= LIMIT_AUTH_CONTROL || auth->draining) {
        close(fd);
        return;
    }
    auth_attach_control_connection(auth, fd);
}

void auth_attach_control(struct auth *auth, int listening_fd)
{
    if (auth->listener != NULL) {
        watch_free(&auth->listener);
        close(auth->listening_fd);
    }
    auth->listening_fd = listening_fd;
    auth->listener = watch_new(auth->loop, listening_fd, control_arrived, auth);
    watch_want(auth->listener, WATCH_READ);
}

void auth_attach_control_connection(struct auth *auth, int fd)
{
    control_open(auth, fd);
}

/* ---- start, settings, end ---- */

static void tick(void *ctx)
{
    struct auth *auth = ctx;
    uint64_t now_ms = clock_monotonic_ms();
    give_up(auth, now_ms, false);
    control_tick(auth, now_ms);
    if (auth->draining && auth->drained != NULL &&
        (now_ms >= auth->drain_until_ms ||
         (auth->exchange_count == 0 && auth->askings == NULL && !control_is_busy(auth)))) {
        void (*drained)(void *) = auth->drained;
        auth->drained = NULL;
        drained(auth->drained_ctx); /* may end us */
        return;
    }
    timer_set(auth->tick, auth->draining ? 10 : TICK_MS);
}

/* The value of "name=value\n"; false if it is not there. */
static bool setting(struct view text, const char *name, struct view *value_r)
{
    for (size_t at = 0; at < text.size;) {
        size_t end = view_find(text, '\n', at);
        end = end == SIZE_MAX ? text.size : end;
        struct view line = view_slice(text, at, end - at);
        size_t equals = view_find(line, '=', 0);
        if (equals != SIZE_MAX && view_equal_string(view_slice(line, 0, equals), name)) {
            *value_r = view_skip(line, equals + 1);
            return true;
        }
        at = end + 1;
    }
    return false;
}

void auth_set(struct auth *auth, struct view settings)
{
    struct view value;
    auth->separator = '+';
    auth->default_quota = 0;
    if (setting(settings, "auth.subaddress_separator", &value))
        auth->separator = value.size > 0 ? value.data[0] : 0;
    auth->unknown_is_temporary =
        setting(settings, "auth.unknown_user", &value) && view_equal_string(view_trim(value), "temporary");
    if (setting(settings, "auth.default_quota", &value))
        view_parse_u64(view_trim(value), INT64_MAX, &auth->default_quota);
}

struct auth *auth_open(struct loop *loop, const char *folder, struct view settings, char *error, size_t error_size)
{
    struct view value;
    uint64_t threads = THREADS_DEFAULT;
    if (!hash_warm_up() || !names_warm_up()) {
        snprintf(error, error_size, "can't start auth: libsodium or ICU does not work here");
        return NULL;
    }
    struct auth *auth = NEW(struct auth);
    auth->loop = loop;
    auth->listening_fd = -1;
    auth->exchanges = memory_array(AUTH_EXCHANGE_BUCKETS, sizeof *auth->exchanges);
    auth_set(auth, settings);
    if (setting(settings, "auth.threads", &value))
        view_parse_u64(view_trim(value), 64, &threads);
    bool loopback = setting(settings, "auth.throttle_loopback", &value) && view_equal_string(view_trim(value), "true");
    char nobody[24];
    randombytes_buf(nobody, sizeof(nobody));
    auth->users = users_open(folder, error, error_size);
    if (auth->users == NULL)
        goto fail;
    if (!hash_make(view_of(nobody, sizeof(nobody)), auth->dummy_hash)) {
        snprintf(error, error_size, "can't start auth: not enough memory for a password hash (19 MiB)");
        goto fail;
    }
    auth->throttle = throttle_new(loopback);
    auth->cache = cache_new();
    auth->pool = pool_new(loop, (unsigned)threads);
    if (auth->pool == NULL) {
        snprintf(error, error_size, "can't start auth: no thread could be made");
        goto fail;
    }
    auth->tick = timer_new(loop, tick, auth);
    timer_set(auth->tick, TICK_MS);
    return auth;
fail:
    auth_close(&auth);
    return NULL;
}

void auth_drain(struct auth *auth, void (*done)(void *ctx), void *ctx)
{
    auth->draining = true;
    auth->drained = done;
    auth->drained_ctx = ctx;
    auth->drain_until_ms = clock_monotonic_ms() + LIMIT_AUTH_ANSWER_MS;
    timer_set(auth->tick, 0);
}

void auth_close(struct auth **auth_p)
{
    struct auth *auth = *auth_p;
    if (auth == NULL)
        return;
    control_close_all(auth);
    for (struct link *link = auth->links, *next; link != NULL; link = next) {
        next = link->next;
        link_free(link);
    }
    give_up(auth, 0, true);
    pool_free(&auth->pool);
    while (auth->passwords > 0)
        loop_turn(auth->loop, 0);
    if (auth->listener != NULL) {
        watch_free(&auth->listener);
        close(auth->listening_fd);
    }
    if (auth->tick != NULL)
        timer_free(&auth->tick);
    users_close(&auth->users);
    if (auth->throttle != NULL)
        throttle_free(&auth->throttle);
    if (auth->cache != NULL)
        cache_free(&auth->cache);
    free(auth->exchanges);
    free(auth);
    *auth_p = NULL;
}
