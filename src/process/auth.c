/* process/auth.c: the role auth: its database, its gates, its control socket. */
#include "auth/auth.h"
#include "base/buffer.h"
#include "process/role.h"
#include <unistd.h>

static struct auth *auth;

/* auth's own names for what the file calls otherwise. */
static void settings_text_of(const struct role_process *p, struct buffer *out)
{
    static const struct {
        const char *file, *auth;
    } names[] = {{"auth.threads", "auth.threads"},
                 {"auth.failure_delay", "auth.failure_delay"},
                 {"lmtp.subaddress_separator", "auth.subaddress_separator"},
                 {"lmtp.unknown_user", "auth.unknown_user"},
                 {"quota.default", "auth.default_quota"},
                 {"host_name", "host_name"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        buffer_printf(out, "%s=%s\n", names[i].auth, settings_text(&p->settings, names[i].file, ""));
    buffer_printf(out, "auth.throttle_loopback=%s\n",
                  settings_bool(&p->settings, "auth.throttle_loopback", false) ? "true" : "false");
}

static bool auth_start(struct role_process *p, char *error, size_t size)
{
    char folder[512];
    struct buffer text;
    buffer_init(&text, 1 << 16);
    settings_text_of(p, &text);
    auth = auth_open(p->loop, role_folder(p, "auth", folder, sizeof folder), buffer_view(&text), error, size);
    buffer_free(&text);
    return auth != NULL;
}

static void auth_settings(struct role_process *p)
{
    struct buffer text;
    buffer_init(&text, 1 << 16);
    settings_text_of(p, &text);
    auth_set(auth, buffer_view(&text));
    buffer_free(&text);
}

static void auth_peer(struct role_process *p, enum role role, uint32_t instance, int fd)
{
    if (role == ROLE_GATE)
        auth_attach_gate(auth, instance, fd);
    else if (role == ROLE_LMTP)
        auth_attach_lmtp(auth, instance, fd);
    else if (role == ROLE_MAIL)
        auth_attach_mail(auth, instance, fd);
    else
        close(fd);
}

static void auth_listen(struct role_process *p, const struct ipc_listen *listener, int fd)
{
    auth_attach_control(auth, fd);
}

static void drained(void *ctx)
{
    role_done(ctx);
}

static void auth_stop(struct role_process *p)
{
    auth_drain(auth, drained, p);
}

const struct role_entry auth_entry = {.role = ROLE_AUTH,
                                      .folders = {"auth"},
                                      .start = auth_start,
                                      .settings = auth_settings,
                                      .peer = auth_peer,
                                      .listen = auth_listen,
                                      .drain = auth_stop};
