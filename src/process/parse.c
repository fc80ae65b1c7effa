/*
 * process/parse.c: the role parse: reads what strangers wrote, for mail.
 *
 * The innermost room: no files, no network, little memory; one service a mail's loop, all on one thread.
 */
#include "base/memory.h"
#include "message/service.h"
#include "process/role.h"
#include <unistd.h>

enum { SERVICES = 64 };

static struct service *services[SERVICES];

static bool fault_of(const struct role_process *p)
{
    return settings_bool(&p->settings, "parse.fault", false);
}

static void parse_warm_up(struct role_process *p)
{
    service_warm_up();
}

static bool parse_start(struct role_process *p, char *error, size_t size)
{
    return true;
}

static void parse_settings(struct role_process *p)
{
    for (size_t i = 0; i < SERVICES; i++)
        if (services[i])
            service_set_fault(services[i], fault_of(p));
}

/* mail's end is gone: it will bring another if it wants one. */
static void closed(void *ctx, struct service *service)
{
    for (size_t i = 0; i < SERVICES; i++)
        if (services[i] == service)
            service_free(&services[i]);
}

static void parse_peer(struct role_process *p, enum role role, uint32_t instance, int fd)
{
    if (role != ROLE_MAIL || instance >= SERVICES) {
        close(fd);
        return;
    }
    service_free(&services[instance]);
    services[instance] = service_new(p->loop, fd, fault_of(p), closed, NULL);
}

static void parse_drain(struct role_process *p)
{
    role_done(p); /* mail ends before us; what it asked has been answered */
}

const struct role_entry parse_entry = {.role = ROLE_PARSE,
                                       .warm_up = parse_warm_up,
                                       .start = parse_start,
                                       .settings = parse_settings,
                                       .peer = parse_peer,
                                       .drain = parse_drain};
