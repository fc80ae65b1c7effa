/*
 * process/gate.c: the roles gate and lmtp: front's wiring to the supervisor, auth and mail.
 *
 * Both are the same program; which protocols one serves is decided by the listeners that it is given. Logins and LMTP
 * never share a process.
 */
#include "base/log.h"
#include "base/memory.h"
#include "front/front.h"
#include "language/language.h"
#include "net/tls.h"
#include "process/role.h"
#include <unistd.h>

static struct front *front;

static void apply_language(const struct role_process *p)
{
    language_set_preferred(view_of_string(settings_text(&p->settings, "language", "en")));
}

static struct front_settings settings_of(const struct role_process *p)
{
    struct front_settings s = {.sessions = (uint32_t)settings_u64(&p->settings, "gate.sessions", 0),
                               .login_time_ms = settings_u64(&p->settings, "login.timeout", 0) * 1000,
                               .lmtp_idle_ms = settings_u64(&p->settings, "lmtp.idle_timeout", 0) * 1000,
                               .message_octets = settings_u64(&p->settings, "message.max", 0),
                               .pop3_delay_s = (uint32_t)settings_u64(&p->settings, "pop3.login_delay", 0),
                               .pop3_apop = settings_bool(&p->settings, "pop3.apop", false)};
    snprintf(s.host_name, sizeof s.host_name, "%s", settings_text(&p->settings, "host_name", "localhost"));
    s.imap_literal_minus = strcmp(settings_text(&p->settings, "imap.literals", "plus"), "minus") == 0;
    snprintf(s.imap_hidden, sizeof s.imap_hidden, "%s", settings_text(&p->settings, "imap.hide_capabilities", ""));
    return s;
}

static void gate_warm_up(struct role_process *p)
{
    tls_warm_up();
}

static bool gate_start(struct role_process *p, char *error, size_t size)
{
    struct front_settings s = settings_of(p);
    apply_language(p);
    front = front_open(p->loop, p->entry->role, p->instance, &s);
    return front != NULL;
}

static void gate_settings(struct role_process *p)
{
    struct front_settings s = settings_of(p);
    front_set_settings(front, &s);
    apply_language(p);
}

static void gate_peer(struct role_process *p, enum role role, uint32_t instance, int fd)
{
    if (role == ROLE_AUTH)
        front_set_auth(front, fd);
    else if (role == ROLE_MAIL)
        front_set_mail(front, instance, fd);
    else
        close(fd);
}

static void gate_listen(struct role_process *p, const struct ipc_listen *listener, int fd)
{
    front_listen(front, fd, listener);
}

/* The supervisor has tried it already: a failure here is odd, and TLS stays as it was. */
static void gate_certificate(struct role_process *p, const struct ipc_certificate *certificate)
{
    char error[256] = "", shown[512];
    if (!front_set_certificate(front, certificate, error, sizeof error))
        log_event(LOG_ERROR, "tls.certificate", "reason=%s", log_value(view_of_string(error), shown, sizeof shown));
}

static void drained(void *ctx)
{
    role_done(ctx);
}

static void gate_drain(struct role_process *p)
{
    front_drain(front, drained, p);
}

const struct role_entry gate_entry = {.role = ROLE_GATE,
                                      .warm_up = gate_warm_up,
                                      .start = gate_start,
                                      .settings = gate_settings,
                                      .peer = gate_peer,
                                      .listen = gate_listen,
                                      .certificate = gate_certificate,
                                      .drain = gate_drain};
const struct role_entry lmtp_entry = {.role = ROLE_LMTP,
                                      .warm_up = gate_warm_up,
                                      .start = gate_start,
                                      .settings = gate_settings,
                                      .peer = gate_peer,
                                      .listen = gate_listen,
                                      .certificate = gate_certificate,
                                      .drain = gate_drain};
