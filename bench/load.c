/*
 * bench/load.c: the load generator of script/bench: the same octets to any server, timed from outside.
 *
 * Does     LMTP deliveries on many connections, IMAP commands and appends, POP3 retrieval, idle sessions and how soon
 *          they hear of a delivery; reads every message back and compares it with what was sent. One thread, poll.
 *
 * Called   as waxwing-load MODE name=value...; prints one line of name=value results. Exit 1 with a reason when the
 *          server says anything but success.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *option_host = "127.0.0.1", *option_socket, *option_user = "user%d", *option_password = "secret",
                  *option_mailbox = "INBOX", *option_command = "NOOP", *option_tls = "0";
static long option_port = 10024, option_connections = 1, option_messages = 1000, option_size = 8192, option_users = 1,
            option_repeat = 1, option_pipeline, option_multi = 1, option_lmtp_port;

static _Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
static _Noreturn void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "waxwing-load: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Writes the user with that number into out: the option's "%d", replaced. */
static void user_name(char *out, size_t size, long number)
{
    const char *at = strstr(option_user, "%d");
    if (at)
        snprintf(out, size, "%.*s%ld%s", (int)(at - option_user), option_user, number, at + 2);
    else
        snprintf(out, size, "%s", option_user);
}

static int dial(void)
{
    int fd;
    if (option_socket) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        if (strlen(option_socket) >= sizeof address.sun_path)
            fail("the socket's path is too long");
        memcpy(address.sun_path, option_socket, strlen(option_socket));
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
            fail("%s: %s", option_socket, strerror(errno));
        return fd;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)option_port)};
    inet_pton(AF_INET, option_host, &address.sin_addr);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address))
        fail("port %ld: %s", option_port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t done = write(fd, data, size);
        if (done <= 0)
            fail("write: %s", strerror(errno));
        data += done;
        size -= (size_t)done;
    }
}

/* Blocking line reader over a large buffer. */
struct reader {
    int fd;
    SSL *ssl; /* null: plain */
    char data[1 << 18];
    size_t start, end;
    uint64_t octets;
};

static struct reader *reader_open(void)
{
    static SSL_CTX *context;
    struct reader *r = calloc(1, sizeof *r);
    if (!r)
        fail("no memory");
    r->fd = dial();
    if (option_tls[0] != '1')
        return r;
    if (!context)
        context = SSL_CTX_new(TLS_client_method());
    r->ssl = SSL_new(context);
    if (!r->ssl || SSL_set_fd(r->ssl, r->fd) != 1 || SSL_connect(r->ssl) != 1)
        fail("TLS handshake failed");
    return r;
}

static void reader_say(struct reader *r, const char *data, size_t size)
{
    if (!r->ssl)
        write_all(r->fd, data, size);
    else if (SSL_write(r->ssl, data, (int)size) <= 0)
        fail("TLS write failed");
}

static bool reader_fill(struct reader *r)
{
    if (r->start == r->end)
        r->start = r->end = 0;
    if (r->end == sizeof r->data) {
        memmove(r->data, r->data + r->start, r->end - r->start);
        r->end -= r->start;
        r->start = 0;
    }
    size_t room = sizeof r->data - r->end;
    ssize_t got = r->ssl ? SSL_read(r->ssl, r->data + r->end, (int)room) : read(r->fd, r->data + r->end, room);
    if (got <= 0)
        return false;
    r->end += (size_t)got;
    r->octets += (uint64_t)got;
    return true;
}

/* A line without its end, terminated in place. Of a line longer than half the buffer only the end is given. */
static char *reader_line(struct reader *r)
{
    for (;;) {
        char *end = memchr(r->data + r->start, '\n', r->end - r->start);
        if (end) {
            char *line = r->data + r->start;
            *end = 0;
            if (end > line && end[-1] == '\r')
                end[-1] = 0;
            r->start = (size_t)(end - r->data) + 1;
            return line;
        }
        if (r->end - r->start > sizeof r->data / 2)
            r->start = r->end;
        if (!reader_fill(r))
            fail("the server closed the connection");
    }
}

static void reader_skip(struct reader *r, uint64_t count)
{
    while (count) {
        if (r->start == r->end && !reader_fill(r))
            fail("the server closed the connection");
        uint64_t part = r->end - r->start < count ? r->end - r->start : count;
        r->start += (size_t)part;
        count -= part;
    }
}

/* Two words of hexadecimal digits, then English, so that it compresses as text does. Returns the size. */
static size_t make_line(char *out, uint64_t *seed)
{
    static const char *words[] = {"the ", "mail ",  "server ", "keeps ", "what ",  "it ", "is ",   "given ",
                                  "and ", "gives ", "back ",   "every ", "octet ", "as ", "once ", "was "};
    size_t at = 0;
    while (at < 66) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        if (at < 16) {
            for (unsigned shift = 32; shift < 64; shift += 4)
                out[at++] = "0123456789abcdef"[*seed >> shift & 15];
            out[at++] = ' ';
            continue;
        }
        const char *word = words[*seed >> 33 & 15];
        size_t size = strlen(word);
        memcpy(out + at, word, size);
        at += size;
    }
    memcpy(out + at, "\r\n", 2);
    return at + 2;
}

/* About `size` octets of plain mail; no line begins with a dot. Of one number the body is always the same. Of three
 * messages that follow each other the second and third answer the first; the dates are those of one day, in no order.
 */
static char *make_message(size_t size, long number, size_t *size_r)
{
    char *text = malloc(size + 1024);
    if (!text)
        fail("no memory");
    long second = number * 7919 % 86400;
    size_t at = (size_t)snprintf(
        text, size + 1024,
        "From: sender@example.org\r\nTo: you@example.org\r\nSubject: message %08ld\r\n"
        "Date: Tue, 24 Nov 2026 %02ld:%02ld:%02ld +0000\r\nMessage-ID: <%08ld.%08d@bench.example.org>\r\n"
        "References: <%08ld.%08d@bench.example.org>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
        number, second / 3600, second / 60 % 60, second % 60, number, (int)getpid(), number - number % 3,
        (int)getpid());
    uint64_t seed = (uint64_t)number * 0x9e3779b97f4a7c15u + 1;
    while (at + 80 < size)
        at += make_line(text + at, &seed);
    memcpy(text + at, "end\r\n", 5);
    *size_r = at + 5;
    return text;
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* ---- LMTP ---- */

struct delivery {
    int fd;
    int replies_due; /* answers still to come in this phase */
    bool data_sent;
    char line[1024];
    size_t line_size;
    long number;
    double started;
};

static void delivery_begin(struct delivery *d, long number)
{
    char text[512], user[128];
    user_name(user, sizeof user, number % option_users + 1);
    int size = snprintf(text, sizeof text, "MAIL FROM:<sender@example.org>\r\nRCPT TO:<%s>\r\nDATA\r\n", user);
    d->number = number;
    d->started = now_s();
    d->data_sent = false;
    d->replies_due = 3;
    write_all(d->fd, text, (size_t)size);
}

static void delivery_send_body(struct delivery *d)
{
    size_t size;
    char *text = make_message((size_t)option_size, d->number, &size);
    memcpy(text + size, ".\r\n", 3);
    write_all(d->fd, text, size + 3);
    free(text);
    d->data_sent = true;
    d->replies_due = 1;
}

/* Reads what is there; true when the phase's last answer came. */
static bool delivery_answer(struct delivery *d)
{
    char data[4096];
    ssize_t got = read(d->fd, data, sizeof data);
    if (got <= 0)
        fail("LMTP: the server closed the connection");
    for (ssize_t i = 0; i < got; i++) {
        if (data[i] != '\n') {
            if (d->line_size < sizeof d->line - 1)
                d->line[d->line_size++] = data[i];
            continue;
        }
        d->line[d->line_size] = 0;
        if (d->line_size >= 4 && d->line[3] != '-') {
            if (d->line[0] != '2' && d->line[0] != '3')
                fail("LMTP: %s", d->line);
            d->replies_due--;
        }
        d->line_size = 0;
    }
    return d->replies_due <= 0;
}

static void delivery_open(struct delivery *d)
{
    d->fd = dial();
    d->replies_due = 1;
    while (!delivery_answer(d)) {
    }
    write_all(d->fd, "LHLO bench\r\n", 12);
    d->replies_due = 1;
    while (!delivery_answer(d)) {
    }
}

static void mode_lmtp(void)
{
    long count = option_connections, begun = 0, done = 0;
    struct delivery *all = calloc((size_t)count, sizeof *all);
    struct pollfd *polls = calloc((size_t)count, sizeof *polls);
    double *latency = calloc((size_t)option_messages, sizeof *latency);
    if (!all || !polls || !latency)
        fail("no memory");
    for (long i = 0; i < count; i++) {
        delivery_open(&all[i]);
        polls[i] = (struct pollfd){all[i].fd, POLLIN, 0};
    }
    double started = now_s();
    for (long i = 0; i < count && begun < option_messages; i++)
        delivery_begin(&all[i], begun++);
    while (done < option_messages) {
        if (poll(polls, (nfds_t)count, 60000) <= 0)
            fail("LMTP: no answer for a minute");
        for (long i = 0; i < count; i++) {
            if (!(polls[i].revents & (POLLIN | POLLHUP)) || !delivery_answer(&all[i]))
                continue;
            if (!all[i].data_sent) {
                delivery_send_body(&all[i]);
                continue;
            }
            latency[done++] = now_s() - all[i].started;
            if (begun < option_messages)
                delivery_begin(&all[i], begun++);
            else
                polls[i].fd = -1;
        }
    }
    double took = now_s() - started;
    qsort(latency, (size_t)done, sizeof *latency, compare_double);
    printf("deliveries=%ld seconds=%.3f rate=%.1f p50_ms=%.2f p99_ms=%.2f worst_ms=%.2f\n", done, took,
           (double)done / took, latency[done / 2] * 1e3, latency[done * 99 / 100] * 1e3, latency[done - 1] * 1e3);
}

/* ---- IMAP ---- */

/* What came while commands ran: what the figures are checked against. */
struct tally {
    uint64_t fetches, literal_octets, size_octets, exists;
};

static void tally_line(struct tally *tally, const char *line)
{
    char *word;
    if (line[0] != '*' || line[1] != ' ')
        return;
    uint64_t number = strtoull(line + 2, &word, 10);
    if (strncmp(word, " EXISTS", 7) == 0)
        tally->exists = number;
    if (strncmp(word, " FETCH ", 7) != 0)
        return;
    tally->fetches++;
    if (strncmp(word + 7, "(RFC822.SIZE ", 13) == 0)
        tally->size_octets += strtoull(word + 20, NULL, 10);
}

/* The octets of the literal that the line announces at its end. */
static bool literal_size(const char *line, uint64_t *size_r)
{
    size_t length = strlen(line);
    const char *brace = length && line[length - 1] == '}' ? strrchr(line, '{') : NULL;
    *size_r = brace ? strtoull(brace + 1, NULL, 10) : 0;
    return brace;
}

static void imap_command(struct reader *r, const char *text, struct tally *tally)
{
    char whole[4096];
    uint64_t octets;
    int size = snprintf(whole, sizeof whole, "x %s\r\n", text);
    reader_say(r, whole, (size_t)size);
    for (;;) {
        char *line = reader_line(r);
        if (line[0] == 'x' && line[1] == ' ') {
            if (strncmp(line + 2, "OK", 2) != 0)
                fail("%s: %s", text, line);
            return;
        }
        tally_line(tally, line);
        if (literal_size(line, &octets)) {
            tally->literal_octets += octets;
            reader_skip(r, octets);
        }
    }
}

static struct reader *imap_login(long number)
{
    struct reader *r = reader_open();
    char text[512], user[128];
    struct tally ignored = {0};
    reader_line(r);
    user_name(user, sizeof user, number);
    snprintf(text, sizeof text, "LOGIN %s %s", user, option_password);
    imap_command(r, text, &ignored);
    return r;
}

static void mode_imap(void)
{
    struct reader *r = imap_login(1);
    char text[512];
    struct tally tally = {0};
    if (strncmp(option_command, "SELECT", 6) != 0 && strncmp(option_command, "STATUS", 6) != 0) {
        snprintf(text, sizeof text, "SELECT \"%s\"", option_mailbox);
        imap_command(r, text, &tally);
    }
    uint64_t before = r->octets;
    double *each = calloc((size_t)option_repeat, sizeof *each), started = now_s();
    if (!each)
        fail("no memory");
    for (long i = 0; i < option_repeat; i++) {
        double at = now_s();
        imap_command(r, option_command, &tally);
        each[i] = now_s() - at;
    }
    double took = now_s() - started;
    qsort(each, (size_t)option_repeat, sizeof *each, compare_double);
    printf("seconds=%.6f each_ms=%.4f exists=%llu fetches=%llu fetch_rate=%.1f octets=%llu mb_s=%.2f literals=%llu "
           "sizes=%llu\n",
           took, each[option_repeat / 2] * 1e3, (unsigned long long)tally.exists, (unsigned long long)tally.fetches,
           (double)tally.fetches / took, (unsigned long long)(r->octets - before),
           (double)(r->octets - before) / took / 1e6, (unsigned long long)tally.literal_octets,
           (unsigned long long)tally.size_octets);
}

static void read_exact(struct reader *r, char *out, uint64_t size)
{
    while (size) {
        if (r->start == r->end && !reader_fill(r))
            fail("the server closed the connection");
        size_t part = r->end - r->start < size ? r->end - r->start : (size_t)size;
        memcpy(out, r->data + r->start, part);
        r->start += part;
        out += part;
        size -= part;
    }
}

/* The body must be the one that make_message made for the number in the subject. */
static void verify_message(const char *message, uint64_t size)
{
    const char *subject = memmem(message, size, "\r\nSubject: message ", 19),
               *body = memmem(message, size, "\r\n\r\n", 4);
    if (!subject || !body)
        fail("verify: a message that was never sent");
    size_t made_size, body_size = (size_t)(message + size - body);
    char *made = make_message((size_t)option_size, strtol(subject + 19, NULL, 10), &made_size);
    const char *made_body = memmem(made, made_size, "\r\n\r\n", 4);
    if (body_size != (size_t)(made + made_size - made_body) || memcmp(body, made_body, body_size) != 0)
        fail("verify: a message came back changed");
    free(made);
}

/* Every message of the mailbox, octet for octet. */
static void mode_verify(void)
{
    static char message[1 << 20];
    struct reader *r = imap_login(1);
    char text[512];
    uint64_t octets, verified = 0;
    struct tally ignored = {0};
    snprintf(text, sizeof text, "SELECT \"%s\"", option_mailbox);
    imap_command(r, text, &ignored);
    reader_say(r, "x FETCH 1:* (BODY.PEEK[])\r\n", 27);
    for (char *line = reader_line(r); strncmp(line, "x ", 2) != 0; line = reader_line(r)) {
        if (!literal_size(line, &octets))
            continue;
        if (octets > sizeof message)
            fail("verify: a message larger than any sent");
        read_exact(r, message, octets);
        verify_message(message, octets);
        verified++;
    }
    printf("verified=%llu\n", (unsigned long long)verified);
}

/* `count` messages in one command: more than one is MULTIAPPEND (RFC 3502). */
static void append_some(struct reader *r, long first, long count)
{
    char head[256];
    int n = snprintf(head, sizeof head, "x APPEND \"%s\"", option_mailbox);
    reader_say(r, head, (size_t)n);
    for (long i = 0; i < count; i++) {
        size_t size;
        char *text = make_message((size_t)option_size, first + i, &size);
        n = snprintf(head, sizeof head, " {%zu+}\r\n", size);
        reader_say(r, head, (size_t)n);
        reader_say(r, text, size);
        free(text);
    }
    reader_say(r, "\r\n", 2);
    char *line = reader_line(r);
    while (line[0] != 'x')
        line = reader_line(r);
    if (strncmp(line, "x OK", 4) != 0)
        fail("APPEND: %s", line);
}

static void mode_append(void)
{
    struct reader *r = imap_login(1);
    double started = now_s();
    for (long i = 0; i < option_messages; i += option_multi)
        append_some(r, i, option_messages - i < option_multi ? option_messages - i : option_multi);
    double took = now_s() - started;
    printf("appends=%ld seconds=%.3f rate=%.1f\n", option_messages, took, (double)option_messages / took);
}

/* ---- POP3 ---- */

static char *pop3_line(struct reader *r)
{
    char *line = reader_line(r);
    if (strncmp(line, "+OK", 3) != 0)
        fail("POP3: %s", line);
    return line;
}

/* Returns the octets of the lines between the answer and the dot. */
static uint64_t pop3_multi(struct reader *r)
{
    uint64_t octets = 0;
    pop3_line(r);
    for (char *line = reader_line(r); strcmp(line, ".") != 0; line = reader_line(r))
        octets += (uint64_t)(r->data + r->start - line);
    return octets;
}

static char *pop3_say(struct reader *r, const char *verb, const char *argument)
{
    char text[512];
    int n = snprintf(text, sizeof text, "%s%s%s\r\n", verb, argument[0] ? " " : "", argument);
    reader_say(r, text, (size_t)n);
    return pop3_line(r);
}

static void mode_pop3(void)
{
    char text[512], user[128];
    double started = now_s();
    struct reader *r = reader_open();
    pop3_line(r);
    user_name(user, sizeof user, 1);
    pop3_say(r, "USER", user);
    pop3_say(r, "PASS", option_password);
    char *after;
    long count = strtol(pop3_say(r, "STAT", "") + 4, &after, 10);
    uint64_t stat_octets = strtoull(after, NULL, 10), body_octets = 0;
    double stat = now_s() - started;
    reader_say(r, "UIDL\r\n", 6);
    pop3_multi(r);
    double login = now_s() - started;
    uint64_t before = r->octets;
    long window = option_pipeline ? option_pipeline : 1, sent = 0;
    if (option_messages < count)
        count = option_messages;
    started = now_s();
    for (long got = 0; got < count; got++) {
        while (sent < count && sent - got < window) {
            int n = snprintf(text, sizeof text, "RETR %ld\r\n", ++sent);
            reader_say(r, text, (size_t)n);
        }
        body_octets += pop3_multi(r);
    }
    double took = now_s() - started;
    printf("messages=%ld stat_ms=%.2f login_ms=%.2f retr_seconds=%.3f retr_mb_s=%.2f retr_rate=%.1f stat_octets=%llu "
           "body_octets=%llu\n",
           count, stat * 1e3, login * 1e3, took, (double)(r->octets - before) / took / 1e6, (double)count / took,
           (unsigned long long)stat_octets, (unsigned long long)body_octets);
}

/* ---- idle sessions ---- */

/* The connection stays open when its reader is gone: the session idles. */
static void idle_one(long number)
{
    char text[512];
    struct tally ignored = {0};
    struct reader *r = imap_login(number);
    snprintf(text, sizeof text, "SELECT %s", option_mailbox);
    imap_command(r, text, &ignored);
    reader_say(r, "x IDLE\r\n", 8);
    reader_line(r);
    free(r);
}

static void mode_idle(void)
{
    for (long i = 0; i < option_connections; i++)
        idle_one(i % option_users + 1);
    printf("ready=%ld\n", option_connections);
    fflush(stdout);
    while (getchar() != EOF) {
    }
}

/* ---- how soon an idle session hears ---- */

static bool has_exists(struct reader *r)
{
    if (!reader_fill(r))
        fail("IDLE: the server closed the connection");
    bool found = false;
    while (memchr(r->data + r->start, '\n', r->end - r->start))
        found |= strstr(reader_line(r), " EXISTS") != NULL;
    return found;
}

/* One delivery: ms from its 250 to the EXISTS that the other connection hears; below 0 if that came first. */
static double hear_one(struct delivery *d, struct reader *r, long number)
{
    double answered = 0, heard = 0;
    delivery_begin(d, number);
    while (!delivery_answer(d)) {
    }
    delivery_send_body(d);
    while (answered == 0 || heard == 0) {
        struct pollfd polls[2] = {{answered == 0 ? d->fd : -1, POLLIN, 0}, {r->fd, POLLIN, 0}};
        if (poll(polls, 2, 60000) <= 0)
            fail("IDLE: nothing heard for a minute");
        double now = now_s();
        if (polls[0].revents && delivery_answer(d))
            answered = now;
        if (polls[1].revents && has_exists(r) && heard == 0)
            heard = now;
    }
    return (heard - answered) * 1e3;
}

static void mode_hear(void)
{
    struct reader *r = imap_login(1);
    struct delivery d = {0};
    struct tally ignored = {0};
    char text[512];
    double *all = calloc((size_t)option_messages, sizeof *all);
    if (!all)
        fail("no memory");
    snprintf(text, sizeof text, "SELECT \"%s\"", option_mailbox);
    imap_command(r, text, &ignored);
    reader_say(r, "x IDLE\r\n", 8);
    reader_line(r);
    option_port = option_lmtp_port;
    delivery_open(&d);
    for (long i = 0; i < option_messages; i++)
        all[i] = hear_one(&d, r, i);
    qsort(all, (size_t)option_messages, sizeof *all, compare_double);
    printf("deliveries=%ld p50_ms=%.3f p90_ms=%.3f worst_ms=%.3f\n", option_messages, all[option_messages / 2],
           all[option_messages * 9 / 10], all[option_messages - 1]);
}

/* ---- the command line ---- */

static const struct {
    const char *name;
    const char **text;
    long *number;
} options[] = {
    {"host", &option_host, NULL},
    {"socket", &option_socket, NULL},
    {"user", &option_user, NULL},
    {"password", &option_password, NULL},
    {"mailbox", &option_mailbox, NULL},
    {"command", &option_command, NULL},
    {"tls", &option_tls, NULL},
    {"port", NULL, &option_port},
    {"lmtp_port", NULL, &option_lmtp_port},
    {"connections", NULL, &option_connections},
    {"messages", NULL, &option_messages},
    {"size", NULL, &option_size},
    {"users", NULL, &option_users},
    {"repeat", NULL, &option_repeat},
    {"pipeline", NULL, &option_pipeline},
    {"multi", NULL, &option_multi},
};

static const struct {
    const char *name;
    void (*run)(void);
} modes[] = {{"lmtp", mode_lmtp},     {"imap", mode_imap}, {"verify", mode_verify}, {"hear", mode_hear},
             {"append", mode_append}, {"pop3", mode_pop3}, {"idle", mode_idle}};

static void read_option(const char *argument)
{
    const char *equals = strchr(argument, '=');
    for (size_t i = 0; equals && i < sizeof options / sizeof *options; i++) {
        size_t length = (size_t)(equals - argument);
        if (strncmp(argument, options[i].name, length) != 0 || options[i].name[length])
            continue;
        if (options[i].text)
            *options[i].text = equals + 1;
        else
            *options[i].number = strtol(equals + 1, NULL, 10);
        return;
    }
    fail("unknown option '%s'", argument);
}

int main(int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        read_option(argv[i]);
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run();
            return 0;
        }
    }
    fail("usage: waxwing-load lmtp|imap|verify|append|pop3|idle|hear [name=value]...");
}
