/*
 * process/mail.c: the role mail: the store, its loops, and everybody who comes in by gate, lmtp, auth or the control
 * socket.
 *
 * Channels live on the main loop, which is the first of the account loops too; an account's sessions live on one loop,
 * chosen by its number. What a loop has to say to a channel is posted to the main loop, in the order it was said.
 */
#include "process/mail.h"
#include "base/clock.h"
#include "base/keep.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "delivery/intake.h"
#include "imap/imap.h"
#include "language/language.h"
#include "pop3/pop3.h"
#include "process/mail_tickets.h"
#include "process/role.h"
#include "session/session.h"
#include "store/annotation.h"
#include "store/history.h"
#include "store/retention.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sodium.h>
#include <unistd.h>

/* How often purge and compaction are looked after, and how long DRAIN waits for sessions to take their BYE. */
#define UPKEEP_MS     ((uint64_t)3600 * 1000)
#define DRAIN_MS      ((uint64_t)5000)
#define DRAIN_LOOK_MS ((uint64_t)10)
#define COMPACT_BELOW 0.5
#define GATES_MAX     256

enum { LOOPS_MAX = 32 };

/* A gate, lmtp or auth. */
struct neighbour {
    struct mail *mail;
    struct neighbour *next;
    enum role role;
    uint32_t instance;
    struct channel *channel;
    struct intake *intake; /* lmtp */
};

struct mail {
    struct role_process *process;
    struct mail_env env;
    struct loop *loops[LOOPS_MAX];
    struct parser *parsers[LOOPS_MAX];
    pthread_t threads[LOOPS_MAX];
    struct house house;
    struct intake_desk *desk;
    struct neighbour *neighbours;
    struct timer *upkeep, *drain;
    uint64_t drain_until_ms;
    bool upkeep_runs;
    char host_name[256];
};

static struct mail mail;

/* ---- neighbours ---- */

static struct neighbour *neighbour_of_session(uint64_t session)
{
    for (struct neighbour *n = mail.neighbours; n; n = n->next)
        if (n->role == ROLE_GATE && n->instance == (session & 0x7F))
            return n;
    return NULL;
}

static struct neighbour *neighbour_with(const struct channel *channel)
{
    for (struct neighbour *n = mail.neighbours; n; n = n->next)
        if (n->channel == channel)
            return n;
    return NULL;
}

static void neighbour_free(struct neighbour *n)
{
    struct neighbour **at = &mail.neighbours;
    while (*at && *at != n)
        at = &(*at)->next;
    if (*at)
        *at = n->next;
    if (n->role == ROLE_GATE)
        house_drop_tickets(&mail.house, (int)(n->instance & 0x7F));
    if (n->role == ROLE_AUTH) {
        house_drop_tickets(&mail.house, -1);
        facts_give_up(mail.env.facts);
        facts_gone(mail.env.facts);
    }
    intake_free(&n->intake);
    channel_free(&n->channel);
    free(n);
}

/* ---- adoption ---- */

/* Goes to the account's loop and comes back with the answer. */
struct adoption {
    struct task task;
    struct ticket *ticket;
    struct adopted facts;
    struct loop *loop;
    struct parser *parser;
    bool accepted;
    char *texts[4];
};

static struct loop *loop_of(uint64_t account, size_t *index_r)
{
    *index_r = (size_t)((account * 0x9E3779B97F4A7C15u) >> 32) % mail.env.loop_count;
    return mail.loops[*index_r];
}

/* Copies, with the time-outs of the configuration. Written on the main thread while loops read: a number. */
static struct protocol_engine imap, pop3;

static const struct protocol_engine *engine_of(uint8_t protocol)
{
    return protocol == PROTOCOL_IMAP ? &imap : protocol == PROTOCOL_POP3 ? &pop3 : NULL;
}

static void refuse(struct channel *channel, uint64_t session, uint8_t reason, const char *text)
{
    struct ipc_refused refused = {session, reason, view_of_string(text)};
    channel_send(channel, IPC_REFUSED, session, &refused, -1);
}

static void adoption_free(struct adoption *a)
{
    for (size_t i = 0; i < sizeof a->texts / sizeof a->texts[0]; i++)
        free(a->texts[i]);
    free(a->ticket);
    free(a);
}

static void refuse_adoption(const struct neighbour *gate, const struct adopted *facts)
{
    static const struct {
        uint8_t reason;
        const char *text;
    } rows[] = {[POP3_FREE] = {REFUSED_FAILED, "this account can't be opened now"},
                [POP3_IN_USE] = {REFUSED_IN_USE, "another session holds this maildrop"},
                [POP3_TOO_SOON] = {REFUSED_TOO_SOON, "the last login was not long enough ago"}};
    enum pop3_lock why =
        facts->protocol == PROTOCOL_POP3 ? pop3_lock_state(facts->account, facts->maildrop) : POP3_FREE;
    refuse(gate->channel, facts->session, rows[why].reason, rows[why].text);
}

static void tell_gate(struct task *task)
{
    struct adoption *a = (struct adoption *)task;
    struct neighbour *gate = neighbour_of_session(a->facts.session);
    struct ipc_accepted accepted = {a->facts.session};
    if (!a->accepted)
        house_leave(&mail.house, a->facts.session);
    if (gate && a->accepted)
        channel_send(gate->channel, IPC_ACCEPTED, a->facts.session, &accepted, -1);
    else if (gate)
        refuse_adoption(gate, &a->facts);
    adoption_free(a);
}

static void adopt_on_loop(struct task *task)
{
    struct adoption *a = (struct adoption *)task;
    a->accepted = session_adopt(&mail.env, a->loop, a->parser, engine_of(a->facts.protocol), &a->facts) != NULL;
    a->task.run = tell_gate;
    loop_post(mail.process->loop, &a->task);
}

static struct view kept(char **copy_r, struct view v)
{
    *copy_r = memory_copy(v.data, v.size);
    return view_of(*copy_r, v.size);
}

static void adopt(struct neighbour *gate, struct message *m)
{
    const struct ipc_adopt *wish = m->body;
    struct ticket *ticket = house_redeem(&mail.house, wish, clock_monotonic_ms());
    size_t index;
    if (!ticket || !engine_of(wish->protocol) || (wish->session & 0x7F) != gate->instance) {
        free(ticket);
        refuse(gate->channel, wish->session, mail.house.draining ? TICKET_NO_DRAINING : REFUSED_NO_TICKET,
               "no such ticket");
        return;
    }
    struct adoption *a = NEW(struct adoption);
    a->ticket = ticket;
    a->facts = (struct adopted){.session = wish->session,
                                .account = ticket->account,
                                .credential = ticket->credential,
                                .protocol = wish->protocol,
                                .language = language_of_number(wish->language),
                                .tls = wish->tls != 0,
                                .user = view_of_string(ticket->user),
                                .peer = view_of_string(ticket->peer),
                                .maildrop = view_of_string(ticket->maildrop),
                                .local = kept(&a->texts[0], wish->local),
                                .tag = kept(&a->texts[1], wish->tag),
                                .tls_version = kept(&a->texts[2], wish->tls_version),
                                .pending = kept(&a->texts[3], wish->pending),
                                .fd = m->fd};
    m->fd = -1;
    a->loop = loop_of(ticket->account, &index);
    a->parser = mail.parsers[index];
    a->task.run = adopt_on_loop;
    house_enter(&mail.house, wish->session, ticket->account, ticket->peer);
    loop_post(a->loop, &a->task);
}

/* ---- the end of a session ---- */

struct ending {
    struct task task;
    uint64_t session;
    bool clean;
    /* what goes back to gate; fd -1: nothing */
    int fd;
    uint8_t protocol, tls;
    struct buffer pending;
};

static void tell_end(struct task *task)
{
    struct ending *e = (struct ending *)task;
    struct neighbour *gate = neighbour_of_session(e->session);
    struct ipc_end end = {e->session, e->clean};
    struct ipc_return back = {e->session, e->protocol, e->tls, buffer_view(&e->pending)};
    bool returns = e->fd >= 0 && gate && back.pending.size <= LIMIT_RETURN_OCTETS;
    house_leave(&mail.house, e->session);
    if (returns)
        channel_send(gate->channel, IPC_RETURN, e->session, &back, e->fd);
    else if (gate)
        channel_send(gate->channel, IPC_END, e->session, &end, -1);
    if (!returns && e->fd >= 0)
        close(e->fd);
    buffer_free(&e->pending);
    free(e);
}

static void session_ended(void *ctx, uint64_t session, bool clean)
{
    struct ending *e = NEW(struct ending);
    *e = (struct ending){.task.run = tell_end, .session = session, .clean = clean, .fd = -1};
    loop_post(mail.process->loop, &e->task);
}

static void session_returned(void *ctx, const struct session *session, struct view pending, int fd)
{
    struct ending *e = NEW(struct ending);
    *e = (struct ending){.task.run = tell_end,
                         .session = session->id,
                         .clean = true,
                         .fd = fd,
                         .protocol = PROTOCOL_IMAP,
                         .tls = session->tls};
    buffer_append_view(&e->pending, pending);
    loop_post(mail.process->loop, &e->task);
}

/* Something for every loop, on its own thread. */
struct errand {
    struct task task;
    struct loop *loop;
    uint64_t account, credential;
};

static void end_sessions(struct task *task)
{
    struct errand *e = (struct errand *)task;
    if (e->account)
        session_end_account(e->loop, e->account, e->credential);
    else
        session_end_all(e->loop);
    free(e);
}

static void end_on_all_loops(uint64_t account, uint64_t credential)
{
    for (size_t i = 0; i < mail.env.loop_count; i++) {
        struct errand *e = NEW(struct errand);
        *e = (struct errand){{NULL, end_sessions}, mail.loops[i], account, credential};
        loop_post(mail.loops[i], &e->task);
    }
}

/* ---- from auth ---- */

static void ticket_came(struct neighbour *auth, const struct message *m)
{
    const struct ipc_ticket *t = m->body;
    struct reader reader = {mail.env.store, t->account, READ_NONBLOCKING};
    struct account account;
    struct ipc_empty none = {0};
    /* What isn't in memory is looked at when the session begins. */
    int no = account_read(&reader, &account) == STORE_NOT_FOUND ? TICKET_NO_ACCOUNT
                                                                : house_ticket(&mail.house, t, clock_monotonic_ms());
    struct ipc_ticket_no answer = {(uint8_t)no};
    if (no)
        channel_send(auth->channel, IPC_TICKET_NO, m->id, &answer, -1);
    else
        channel_send(auth->channel, IPC_TICKET_OK, m->id, &none, -1);
}

static void takes_came(struct neighbour *auth, const struct message *m)
{
    struct ipc_empty none = {0};
    struct ipc_takes_no no = {421, VIEW_LITERAL("4.3.2"), VIEW_LITERAL("the server is going down")};
    if (!mail.house.draining && intake_takes(mail.desk, m->body, &no))
        channel_send(auth->channel, IPC_TAKES_YES, m->id, &none, -1);
    else
        channel_send(auth->channel, IPC_TAKES_NO, m->id, &no, -1);
}

static bool ask_facts(void *ctx, uint64_t id, const struct ipc_facts *facts)
{
    for (struct neighbour *n = mail.neighbours; n; n = n->next)
        if (n->role == ROLE_AUTH) {
            channel_send(n->channel, IPC_FACTS, id, facts, -1);
            return true;
        }
    return false;
}

/* Making and deleting accounts waits for the disk: done in the pool. */
struct account_job {
    struct task task;
    struct channel *channel; /* compared only: auth may be another one by then */
    uint64_t id, account, quota_octets;
    bool gone;
    enum store_error result;
};

static void account_job_done(struct task *task)
{
    struct account_job *job = (struct account_job *)task;
    struct neighbour *auth = neighbour_with(job->channel);
    struct ipc_account_is answer = {job->account, job->result != STORE_OK};
    if (job->result != STORE_OK)
        log_event(LOG_ERROR, job->gone ? "account.delete" : "account.create", "account=%" PRIu64 " error=%d",
                  job->account, (int)job->result);
    if (auth && !job->gone)
        channel_send(auth->channel, IPC_ACCOUNT_IS, job->id, &answer, -1);
    free(job);
}

static void account_job_run(struct task *task)
{
    struct account_job *job = (struct account_job *)task;
    job->result = job->gone ? account_delete(mail.env.store, job->account)
                            : account_create(mail.env.store, job->quota_octets, &job->account);
    job->task.run = account_job_done;
    loop_post(mail.process->loop, &job->task);
}

static void account_job_start(struct neighbour *auth, const struct message *m)
{
    struct account_job *job = NEW(struct account_job);
    job->task.run = account_job_run;
    job->channel = auth->channel;
    job->id = m->id;
    job->gone = m->type == IPC_ACCOUNT_GONE;
    if (job->gone) {
        job->account = ((const struct ipc_account_gone *)m->body)->account;
        end_on_all_loops(job->account, 0);
    } else {
        job->quota_octets = ((const struct ipc_account_new *)m->body)->quota_octets;
    }
    engine_pool(store_engine(mail.env.store), &job->task);
}

static void auth_message(struct neighbour *n, struct message *m)
{
    const struct ipc_ticket_drop *drop = m->body;
    const struct ipc_revoke *revoke = m->body;
    switch (m->type) {
    case IPC_TICKET:
        ticket_came(n, m);
        break;
    case IPC_TICKET_DROP:
        house_drop_ticket(&mail.house, drop->ticket_high, drop->ticket_low);
        break;
    case IPC_TAKES:
        takes_came(n, m);
        break;
    case IPC_ACCOUNT_NEW:
    case IPC_ACCOUNT_GONE:
        account_job_start(n, m);
        break;
    case IPC_REVOKE:
        if (revoke->account)
            end_on_all_loops(revoke->account, revoke->credential);
        break;
    case IPC_FACTS_ARE:
        facts_are(mail.env.facts, m->id, m->body);
        break;
    case IPC_FACTS_GONE:
        facts_gone(mail.env.facts);
        break;
    default:
        break;
    }
}

static void on_message(void *ctx, struct channel *channel, struct message *m)
{
    struct neighbour *n = ctx;
    if (n->role == ROLE_AUTH)
        auth_message(n, m);
    else if (n->role == ROLE_LMTP)
        intake_message(n->intake, m);
    else if (m->type == IPC_ADOPT)
        adopt(n, m);
    /* SESSION_GONE: the session sees the end of its own stream. */
}

static void on_closed(void *ctx, struct channel *channel, const char *reason)
{
    struct neighbour *n = ctx;
    log_event(LOG_INFO, "channel.closed", "peer=%s instance=%u", role_name(n->role), n->instance);
    neighbour_free(n);
}

static const struct channel_user neighbour_user = {on_message, on_closed, NULL};

static void mail_peer(struct role_process *p, enum role role, uint32_t instance, int fd)
{
    if (role == ROLE_PARSE) {
        uint32_t loop = instance >> 16;
        if (loop < mail.env.loop_count)
            parser_attach(mail.parsers[loop], instance & 0xFFFF, fd);
        else
            close(fd);
        return;
    }
    for (struct neighbour *old = mail.neighbours; old; old = old->next)
        if (old->role == role && old->instance == instance) {
            neighbour_free(old);
            break;
        }
    struct neighbour *n = NEW(struct neighbour);
    *n = (struct neighbour){.mail = &mail, .next = mail.neighbours, .role = role, .instance = instance};
    n->channel = channel_new(p->loop, fd, ROLE_MAIL, role, &neighbour_user, n);
    if (role == ROLE_LMTP)
        n->intake = intake_new(mail.desk, n->channel);
    mail.neighbours = n;
}

/* ---- parse's deaths ---- */

struct murder {
    struct task task;
    uint32_t instance;
};

static void kill_on_main(struct task *task)
{
    struct murder *m = (struct murder *)task;
    role_kill_parse(mail.process, m->instance);
    free(m);
}

static void kill_parse(void *ctx, uint32_t instance)
{
    struct murder *m = NEW(struct murder);
    m->task.run = kill_on_main;
    m->instance = instance;
    loop_post(mail.process->loop, &m->task);
}

/* ---- upkeep ---- */

static struct task upkeep_task;

static void upkeep_done(struct task *task)
{
    mail.upkeep_runs = false;
}

static void upkeep_run(struct task *task)
{
    uint64_t purged = 0, freed = 0;
    enum store_error purge = store_purge(mail.env.store, clock_wall_s(), &purged);
    enum store_error history = store_purge_history(mail.env.store, clock_wall_s());
    enum store_error compact = store_compact(mail.env.store, COMPACT_BELOW, false, &freed);
    if (purged || freed || purge != STORE_OK || history != STORE_OK || compact != STORE_OK)
        log_event(LOG_INFO, "store.upkeep", "purged=%" PRIu64 " freed=%" PRIu64 " purge=%d history=%d compact=%d",
                  purged, freed, (int)purge, (int)history, (int)compact);
    upkeep_task.run = upkeep_done;
    loop_post(mail.process->loop, &upkeep_task);
}

static void upkeep_fires(void *ctx)
{
    timer_set(mail.upkeep, UPKEEP_MS);
    if (mail.upkeep_runs || mail.house.draining)
        return;
    mail.upkeep_runs = true;
    upkeep_task.run = upkeep_run;
    engine_pool(store_engine(mail.env.store), &upkeep_task);
}

/* ---- start ---- */

static void *loop_thread(void *loop)
{
    loop_run(loop);
    return NULL;
}

static bool start_loops(struct role_process *p, char *error, size_t size)
{
    mail.env.loop_count = (size_t)settings_u64(&p->settings, "mail.loops", 1);
    if (mail.env.loop_count < 1 || mail.env.loop_count > LOOPS_MAX)
        mail.env.loop_count = 1;
    mail.env.loops = mail.loops;
    mail.env.parsers = mail.parsers;
    mail.env.fault_keyword = settings_text(&p->settings, "mail.fault_keyword", "");
    for (size_t i = 0; i < mail.env.loop_count; i++) {
        mail.loops[i] = i ? loop_new() : p->loop;
        mail.parsers[i] = parser_new(mail.loops[i], kill_parse, NULL);
        store_add_loop(mail.env.store, mail.loops[i]);
    }
    for (size_t i = 1; i < mail.env.loop_count; i++)
        if (pthread_create(&mail.threads[i], NULL, loop_thread, mail.loops[i]) != 0) {
            snprintf(error, size, "a loop's thread can't be started");
            return false;
        }
    return true;
}

static bool open_store(struct role_process *p, char *error, size_t size)
{
    char path[512], spool[512];
    struct engine_options options = {.path = role_folder(p, "store", path, sizeof path),
                                     .create = true,
                                     .cache_octets = (size_t)settings_u64(&p->settings, "store.cache", 0),
                                     .pool_threads = 4,
                                     .reserve_octets = settings_u64(&p->settings, "store.reserve", 0),
                                     .pack_after_s =
                                         settings_u64(&p->settings, "store.pack_after", UINT64_C(7) * 86400),
                                     .zstd_level = (int)settings_u64(&p->settings, "store.zstd_level", 1)};
    enum store_error result = store_open(&options, &mail.env.store, error, size);
    if (result != STORE_OK)
        return false;
    mail.env.spool_folder = open(role_folder(p, "spool", spool, sizeof spool), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (mail.env.spool_folder < 0)
        snprintf(error, size, "the spool folder can't be opened: %s", strerror(errno));
    return mail.env.spool_folder >= 0;
}

static void apply_pop3(const struct role_process *p)
{
    struct pop3_policy policy = {{0}};
    for (enum pop3_policy_item i = 0; i < POP3_POLICIES; i++) {
        struct view name = view_of_string(pop3_policy_name(i));
        pop3_policy_read(&policy, name, view_of_string(settings_text(&p->settings, name.data, "")));
    }
    pop3_defaults_set(&policy, (uint32_t)settings_u64(&p->settings, "pop3.login_delay", 0));
}

static void apply_settings(struct role_process *p)
{
    apply_pop3(p);
    language_set_preferred(view_of_string(settings_text(&p->settings, "language", "en")));
    imap_hide_capabilities(view_of_string(settings_text(&p->settings, "imap.hide_capabilities", "")));
    mail.house.per_account = (uint32_t)settings_u64(&p->settings, "sessions.per_account", LIMIT_SESSIONS_ACCOUNT);
    mail.house.per_account_peer =
        (uint32_t)settings_u64(&p->settings, "sessions.per_account_address", LIMIT_SESSIONS_ACCOUNT_PEER);
    mail.env.sessions_per_account = mail.house.per_account;
    mail.env.sessions_per_account_peer = mail.house.per_account_peer;
    __atomic_store_n(&imap.idle_ms, settings_u64(&p->settings, "imap.idle_timeout", 1800) * 1000, __ATOMIC_RELAXED);
    imap_set_progress(settings_u64(&p->settings, "imap.progress", LIMIT_IMAP_PROGRESS_MS / 1000) * 1000);
    imap_set_shared_user(view_of_string(settings_text(&p->settings, "imap.shared_user", "")));
    imap_set_literal_minus(strcmp(settings_text(&p->settings, "imap.literals", "plus"), "minus") == 0);
    imap_set_message_limits((uint32_t)settings_u64(&p->settings, "imap.message_limit", 0),
                            (uint32_t)settings_u64(&p->settings, "imap.save_limit", 0));
    imap_set_keepalive(settings_u64(&p->settings, "imap.keepalive", LIMIT_IMAP_KEEPALIVE_MS / 1000) * 1000);
    __atomic_store_n(&pop3.idle_ms, settings_u64(&p->settings, "pop3.idle_timeout", 600) * 1000, __ATOMIC_RELAXED);
    store_set_retention_days(mail.env.store, (uint32_t)settings_u64(&p->settings, "retention.days", 14));
    store_set_history_days(mail.env.store, (uint32_t)settings_u64(&p->settings, "retention.log_days", 90));
    store_set_retention_limit(mail.env.store, settings_u64(&p->settings, "retention.limit", 0));
    store_set_annotation_limit(mail.env.store,
                               settings_u64(&p->settings, "quota.annotations", ANNOTATION_LIMIT_DEFAULT));
    if (mail.desk)
        intake_desk_set_policy(mail.desk, settings_is(&p->settings, "lmtp.over_quota", "permanent"));
}

static bool is_quarantined(void *ctx, uint64_t account)
{
    return house_is_quarantined(&mail.house, account, clock_monotonic_ms());
}

static void mail_warm_up(struct role_process *p)
{
    if (sodium_init() < 0)
        role_fatal(p, "libsodium can't be used");
}

static bool mail_start(struct role_process *p, char *error, size_t size)
{
    mail.process = p;
    imap = imap_engine;
    pop3 = pop3_engine;
    snprintf(mail.host_name, sizeof mail.host_name, "%s", settings_text(&p->settings, "host_name", "localhost"));
    mail.env.host_name = mail.host_name;
    mail.env.ended = session_ended;
    mail.env.returned = session_returned;
    mail.env.facts = facts_desk_new(p->loop, ask_facts, NULL);
    mail.env.results = keep_new(LIMIT_KEEP_OCTETS);
    if (!open_store(p, error, size) || !start_loops(p, error, size))
        return false;
    struct intake_env intake = {.store = mail.env.store,
                                .parser = mail.parsers[0],
                                .loop = p->loop,
                                .spool_folder = mail.env.spool_folder,
                                .host_name = mail.host_name,
                                .quarantined = is_quarantined};
    mail.desk = intake_desk_new(&intake);
    apply_settings(p);
    mail.upkeep = timer_new(p->loop, upkeep_fires, NULL);
    timer_set(mail.upkeep, UPKEEP_MS / 60);
    return true;
}

static void mail_quarantine(struct role_process *p, uint64_t account, uint32_t seconds)
{
    house_quarantine(&mail.house, account, clock_monotonic_ms() + (uint64_t)seconds * 1000);
}

static void mail_listen(struct role_process *p, const struct ipc_listen *listener, int fd)
{
    if (listener->control)
        mail_control_open(p, &mail.env, fd);
    else
        close(fd);
}

/* ---- the end ---- */

/* The other loops stand still first: then nothing but the writer touches the store. */
static void close_all(struct role_process *p)
{
    for (size_t i = 1; i < mail.env.loop_count; i++) {
        loop_stop(mail.loops[i]);
        pthread_join(mail.threads[i], NULL);
    }
    log_event(LOG_INFO, "store.close", "sessions=%zu", mail.house.live_count);
    facts_desk_free(&mail.env.facts);
    keep_free(&mail.env.results);
    store_close(&mail.env.store);
    role_done(p);
}

static void drain_looks(void *ctx)
{
    bool quiet = mail.house.live_count == 0 && intake_desk_pending(mail.desk) == 0 && !mail.upkeep_runs &&
                 mail_control_running() == 0;
    if (quiet || clock_monotonic_ms() >= mail.drain_until_ms)
        close_all(mail.process);
    timer_set(mail.drain, DRAIN_LOOK_MS);
}

static void mail_drain(struct role_process *p)
{
    if (mail.house.draining)
        return;
    mail.house.draining = true;
    mail_control_close();
    end_on_all_loops(0, 0);
    mail.drain_until_ms = clock_monotonic_ms() + DRAIN_MS;
    mail.drain = timer_new(p->loop, drain_looks, NULL);
    timer_set(mail.drain, DRAIN_LOOK_MS);
}

const struct role_entry mail_entry = {.role = ROLE_MAIL,
                                      .folders = {"store", "spool"},
                                      .warm_up = mail_warm_up,
                                      .start = mail_start,
                                      .settings = apply_settings,
                                      .peer = mail_peer,
                                      .listen = mail_listen,
                                      .quarantine = mail_quarantine,
                                      .drain = mail_drain};
