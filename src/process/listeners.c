/* process/listeners.c: every socket that anybody outside connects to. */
#include "base/clock.h"
#include "base/limits.h"
#include "process/supervisor.h"
#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct {
    const char *setting;
    uint8_t protocol;
    bool tls;
    enum role role;
} tcp_listeners[] = {{"listen.imap", PROTOCOL_IMAP, false, ROLE_GATE},
                     {"listen.imaps", PROTOCOL_IMAP, true, ROLE_GATE},
                     {"listen.pop3", PROTOCOL_POP3, false, ROLE_GATE},
                     {"listen.pop3s", PROTOCOL_POP3, true, ROLE_GATE},
                     {"listen.lmtp", PROTOCOL_LMTP, false, ROLE_LMTP}};

static struct listener *add(struct supervisor *sv, int fd, enum role role, const char *name)
{
    if (sv->listener_count == LISTENERS_MAX)
        supervisor_give_up(sv, 78, "more than %d addresses to listen on", LISTENERS_MAX);
    struct listener *l = &sv->listeners[sv->listener_count++];
    *l = (struct listener){.fd = fd, .role = role};
    snprintf(l->name, sizeof l->name, "%s", name);
    return l;
}

static int bind_tcp(const struct sockaddr *address, socklen_t size)
{
    int one = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address->sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, address, size) == 0 && listen(fd, 1024) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* host is "*" or what inet_pton reads; a machine without IPv6 does without. */
static bool bind_one(struct supervisor *sv, size_t row, const char *host, uint16_t port, const char *name, int family)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    void *octets = family == AF_INET ? (void *)&in.sin_addr : (void *)&in6.sin6_addr;
    if (strcmp(host, "*") != 0 && inet_pton(family, host, octets) != 1)
        return false;
    unsigned turns = 0;
    int fd;
    do /* what was killed a moment ago may be ending still */
        fd = family == AF_INET ? bind_tcp((struct sockaddr *)&in, sizeof in)
                               : bind_tcp((struct sockaddr *)&in6, sizeof in6);
    while (fd < 0 && errno == EADDRINUSE && clock_wait_turn(&turns, LIMIT_TAKE_OVER_MS));
    if (fd < 0 && strcmp(host, "*") == 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
        return true;
    if (fd < 0)
        supervisor_give_up(sv, 71, "%s (%s) can't be used: %s", name, tcp_listeners[row].setting, strerror(errno));
    struct listener *l = add(sv, fd, tcp_listeners[row].role, name);
    l->protocol = tcp_listeners[row].protocol;
    l->tls_from_start = tcp_listeners[row].tls;
    return true;
}

static void bind_address(struct supervisor *sv, size_t row, struct view address)
{
    char name[128], host[128];
    uint64_t port = 0;
    size_t colon = address.size;
    while (colon > 0 && address.data[colon - 1] != ':')
        colon--;
    struct view h = view_slice(address, 0, colon ? colon - 1 : 0);
    if (h.size > 2 && h.data[0] == '[')
        h = view_slice(h, 1, h.size - 2);
    snprintf(name, sizeof name, "%.*s", VIEW_PRINTF(address));
    snprintf(host, sizeof host, "%.*s", VIEW_PRINTF(h));
    if (!view_parse_u64(view_skip(address, colon), 65535, &port))
        supervisor_give_up(sv, 78, "%s is no address", name);
    if (strchr(host, ':') == NULL)
        bind_one(sv, row, host, (uint16_t)port, name, AF_INET);
    if (strchr(host, ':') || strcmp(host, "*") == 0)
        bind_one(sv, row, host, (uint16_t)port, name, AF_INET6);
}

static void bind_setting(struct supervisor *sv, size_t row)
{
    struct view rest = view_of_string(configuration_text(sv->config, tcp_listeners[row].setting));
    if (tcp_listeners[row].tls && buffer_size(&sv->certificate) == 0)
        return;
    while (rest.size) {
        size_t blank = view_find(rest, ' ', 0);
        bind_address(sv, row, view_slice(rest, 0, blank));
        rest = blank == SIZE_MAX ? VIEW_EMPTY : view_skip(rest, blank + 1);
    }
}

/* A socket file that nobody listens on is left over; one that somebody listens on is another server. */
static bool is_in_use(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool used = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    if (fd >= 0)
        close(fd);
    return used;
}

static uid_t uid_named(struct supervisor *sv, const char *name)
{
    struct passwd *found = *name ? getpwnam(name) : NULL;
    if (*name && !found)
        supervisor_give_up(sv, 78, "there is no user %s", name);
    return found ? found->pw_uid : (uid_t)-1;
}
static gid_t gid_named(struct supervisor *sv, const char *name)
{
    struct group *found = *name ? getgrnam(name) : NULL;
    if (*name && !found)
        supervisor_give_up(sv, 78, "there is no group %s", name);
    return found ? found->gr_gid : (gid_t)-1;
}

struct unix_rights {
    mode_t mode;
    uid_t uid;
    gid_t gid;
};

static struct listener *bind_unix(struct supervisor *sv, const char *path, struct unix_rights rights, enum role role)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        supervisor_give_up(sv, 78, "%s is too long for a socket (107 octets)", path);
    memcpy(address.sun_path, path, strlen(path));
    unsigned turns = 0;
    bool used;
    while ((used = is_in_use(&address)) && clock_wait_turn(&turns, LIMIT_TAKE_OVER_MS)) {
    }
    if (used)
        supervisor_give_up(sv, 75, "somebody already listens on %s: is a server running?", path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t before = umask(0177);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    umask(before);
    if (bound && (rights.uid != (uid_t)-1 || rights.gid != (gid_t)-1))
        bound = lchown(path, rights.uid, rights.gid) == 0;
    if (!bound || chmod(path, rights.mode) < 0 || listen(fd, 256) < 0)
        supervisor_give_up(sv, 71, "%s can't be used: %s", path, strerror(errno));
    struct listener *l = add(sv, fd, role, path);
    snprintf(l->path, sizeof l->path, "%s", path);
    return l;
}

static void bind_lmtp_socket(struct supervisor *sv)
{
    const char *path = configuration_text(sv->config, "lmtp.socket");
    struct unix_rights rights = {(mode_t)strtoul(configuration_text(sv->config, "lmtp.socket_mode"), NULL, 8),
                                 uid_named(sv, configuration_text(sv->config, "lmtp.socket_user")),
                                 gid_named(sv, configuration_text(sv->config, "lmtp.socket_group"))};
    if (*path)
        bind_unix(sv, path, rights, ROLE_LMTP)->protocol = PROTOCOL_LMTP;
}

static void bind_control(struct supervisor *sv, enum role role, const char *suffix)
{
    char path[4096];
    const char *given = configuration_text(sv->config, "control.socket");
    struct unix_rights rights = {0660, (uid_t)-1, gid_named(sv, configuration_text(sv->config, "control.group"))};
    if (*given)
        snprintf(path, sizeof path, "%s%s", given, suffix);
    else
        snprintf(path, sizeof path, "%s/run/control%s", sv->data, suffix);
    bind_unix(sv, path, rights, role)->control = true;
}

void listeners_bind(struct supervisor *sv)
{
    for (size_t i = 0; i < sizeof tcp_listeners / sizeof tcp_listeners[0] && !sv->control_only; i++)
        bind_setting(sv, i);
    if (!sv->control_only)
        bind_lmtp_socket(sv);
    bind_control(sv, ROLE_MAIL, "");
    bind_control(sv, ROLE_AUTH, ".auth");
}

void listeners_close(struct supervisor *sv)
{
    for (size_t i = 0; i < sv->listener_count; i++) {
        close(sv->listeners[i].fd);
        if (sv->listeners[i].path[0])
            unlink(sv->listeners[i].path);
    }
    sv->listener_count = 0;
}
