/* process/role.c: one page, one order (style: "a role starts on one page"). */
#include "process/role.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/nowslot.h"
#include "process/title.h"
#include "process/walls.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum { EXIT_PARENT_GONE = 75, EXIT_CANT_START = 70 };

/* What came before START, in its order. Texts are copied. */
struct role_pending {
    struct role_pending *next;
    enum ipc_type type;
    int fd;
    struct ipc_peer peer;
    struct ipc_listen listener;
    struct ipc_certificate certificate;
    struct ipc_quarantine quarantine;
    char *text[2];
};

static enum log_level level_of(const struct settings *settings)
{
    static const struct {
        const char *name;
        enum log_level level;
    } levels[] = {{"error", LOG_ERROR}, {"warn", LOG_WARN}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (settings_is(settings, "log.level", levels[i].name))
            return levels[i].level;
    return LOG_INFO;
}

void role_fatal(struct role_process *p, const char *reason)
{
    struct ipc_fatal fatal = {view_slice(view_of_string(reason), 0, 200)};
    channel_send(p->supervisor, IPC_FATAL, 0, &fatal, -1);
    channel_flush(p->supervisor);
    _exit(EXIT_CANT_START);
}

void role_done(struct role_process *p)
{
    struct ipc_empty none = {0};
    channel_send(p->supervisor, IPC_DONE, 0, &none, -1);
    channel_flush(p->supervisor);
    _exit(0);
}

void role_kill_parse(struct role_process *p, uint32_t instance)
{
    struct ipc_kill_parse kill_it = {instance};
    channel_send(p->supervisor, IPC_KILL_PARSE, 0, &kill_it, -1);
}

/* ---- what the supervisor says ---- */

static struct view copied(char **copy_r, struct view v)
{
    *copy_r = memory_copy(v.data, v.size);
    return view_of(*copy_r, v.size);
}

static void keep(struct role_process *p, struct message *m)
{
    struct role_pending *k = NEW(struct role_pending);
    k->type = m->type;
    k->fd = m->fd;
    m->fd = -1;
    if (m->type == IPC_PEER) {
        k->peer = *(const struct ipc_peer *)m->body;
    } else if (m->type == IPC_LISTEN) {
        k->listener = *(const struct ipc_listen *)m->body;
        k->listener.name = copied(&k->text[0], k->listener.name);
    } else if (m->type == IPC_CERTIFICATE) {
        k->certificate = *(const struct ipc_certificate *)m->body;
        k->certificate.certificate_pem = copied(&k->text[0], k->certificate.certificate_pem);
        k->certificate.key_pem = copied(&k->text[1], k->certificate.key_pem);
    } else if (m->type == IPC_QUARANTINE) {
        k->quarantine = *(const struct ipc_quarantine *)m->body;
    }
    *p->pending_end = k;
    p->pending_end = &k->next;
}

/* A certificate after the listeners would leave a moment without TLS. */
static void hand_over(struct role_process *p, struct role_pending *k)
{
    const struct role_entry *e = p->entry;
    if (k->type == IPC_PEER && e->peer)
        e->peer(p, (enum role)k->peer.role, k->peer.instance, k->fd);
    else if (k->type == IPC_LISTEN && e->listen)
        e->listen(p, &k->listener, k->fd);
    else if (k->type == IPC_CERTIFICATE && e->certificate)
        e->certificate(p, &k->certificate);
    else if (k->type == IPC_QUARANTINE && e->quarantine)
        e->quarantine(p, k->quarantine.account, k->quarantine.seconds);
    else if (k->fd >= 0)
        close(k->fd);
    for (size_t i = 0; i < 2; i++)
        if (k->text[i])
            explicit_bzero(k->text[i], strlen(k->text[i]));
    free(k->text[0]);
    free(k->text[1]);
    free(k);
}

static void hand_over_all(struct role_process *p)
{
    struct role_pending *k = p->pending;
    p->pending = NULL;
    p->pending_end = &p->pending;
    while (k) {
        struct role_pending *next = k->next;
        hand_over(p, k);
        k = next;
    }
}

static void use_nowslots(int fd)
{
    void *page = mmap(NULL, NOWSLOT_COUNT * sizeof(struct nowslot), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        nowslot_use(page);
}

static void take_settings(struct role_process *p, const struct ipc_settings *settings)
{
    if (!settings_set(&p->settings, settings->text))
        return;
    log_open(ROLE_LOG_FD, role_name(p->entry->role), level_of(&p->settings));
    if (p->started && p->entry->settings)
        p->entry->settings(p);
}

/* ---- start ---- */

static void warm_up(struct role_process *p)
{
    tzset();
    mallopt(M_ARENA_MAX, 4);
    if (p->entry->warm_up)
        p->entry->warm_up(p);
}

const char *role_folder(const struct role_process *p, const char *name, char *path_r, size_t size)
{
    snprintf(path_r, size, "%s/%s", walls_in_chroot() ? "" : settings_text(&p->settings, "process.root", ""), name);
    return path_r;
}

static void raise_walls(struct role_process *p)
{
    char error[512] = "";
    struct walls w = {.role = p->entry->role,
                      .uid = (uid_t)settings_u64(&p->settings, "process.uid", 65534),
                      .gid = (gid_t)settings_u64(&p->settings, "process.gid", 65534),
                      .root = settings_text(&p->settings, "process.root", "/nonexistent")};
    memcpy(w.folders, p->entry->folders, sizeof w.folders);
    if (!walls_profile_from_name(settings_text(&p->settings, "process.profile", ""), &w.profile))
        role_fatal(p, "no profile");
    if (!walls_raise(&w, p->walls, sizeof p->walls, error, sizeof error))
        role_fatal(p, error);
}

static void start(struct role_process *p)
{
    char error[512] = "";
    struct ipc_ready ready = {IPC_VERSION, VIEW_EMPTY};
    if (p->started)
        return;
    warm_up(p);
    raise_walls(p);
    if (p->entry->start && !p->entry->start(p, error, sizeof error))
        role_fatal(p, error);
    p->started = true;
    hand_over_all(p);
    ready.walls = view_of_string(p->walls);
    channel_send(p->supervisor, IPC_READY, 0, &ready, -1);
}

static void on_message(void *ctx, struct channel *channel, struct message *m)
{
    struct role_process *p = ctx;
    switch (m->type) {
    case IPC_SETTINGS:
        take_settings(p, m->body);
        break;
    case IPC_NOWSLOT:
        use_nowslots(m->fd);
        break;
    case IPC_START:
        start(p);
        break;
    case IPC_DRAIN:
        if (p->started && p->entry->drain)
            p->entry->drain(p);
        else
            role_done(p);
        break;
    default:
        keep(p, m);
        if (p->started)
            hand_over_all(p);
        break;
    }
}

static void on_closed(void *ctx, struct channel *channel, const char *reason)
{
    _exit(EXIT_PARENT_GONE);
}

static const struct channel_user supervisor_user = {on_message, on_closed, NULL};

int role_main(const struct role_entry *const *entries, int argc, char **argv)
{
    static struct role_process p;
    char title[64];
    uint64_t instance = 0;
    for (; *entries && argc == 3; entries++)
        if (strcmp(role_name((*entries)->role), argv[1]) == 0)
            p.entry = *entries;
    if (!p.entry || !view_parse_u64(view_of_string(argv[2]), UINT16_MAX, &instance) ||
        fcntl(ROLE_CHANNEL_FD, F_GETFD) < 0) {
        fprintf(stderr, "waxwing: roles are started by `waxwing serve` only\n");
        return 64;
    }
    p.instance = (uint32_t)instance;
    p.pending_end = &p.pending;
    snprintf(p.name, sizeof p.name, "%s %u", argv[1], p.instance);
    snprintf(title, sizeof title, "waxwing: %s", p.name);
    fcntl(ROLE_CHANNEL_FD, F_SETFD, FD_CLOEXEC);
    log_open(ROLE_LOG_FD, argv[1], LOG_INFO);
    title_set(title); /* argv is overwritten from here on */
    p.loop = loop_new();
    p.supervisor = channel_new(p.loop, ROLE_CHANNEL_FD, p.entry->role, ROLE_SUPERVISOR, &supervisor_user, &p);
    loop_run(p.loop);
    return 0;
}
