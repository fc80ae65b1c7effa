/*
 * session/session.h: what sessions of every protocol after login share: the adopted connection, and resumable commands
 * (DESIGN 6).
 *
 * Does     runs one command at a time, step by step, on the loop or lent to the pool; arms events from what a step
 *          returns; runs the emitter at response boundaries; keeps deadlines; ends the session with END to gate.
 * Owns     the stream, the session arena, the running command's arena.
 * Called   by process/mail.c (session_adopt) and by the protocol engines; on the session's loop, steps also on a pool
 *          thread.
 * Limits   LIMIT_STEP_US, LIMIT_STEP_OCTETS, LIMIT_COMMAND_MEMORY, LIMIT_SESSION_IDLE_MS.
 * Tested   tests/e2e/test_imap.py, tests/e2e/test_processes.py
 *
 * The return value of a step is the only truth: nothing else arms events, and no command touches the stream's
 * callbacks.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "base/arena.h"
#include "delivery/delivery.h"
#include "ipc/messages.h"
#include "net/stream.h"
#include "session/facts.h"
#include "store/store.h"

struct session;

/* What mail gives to every session; lives as long as the process. */
struct mail_env {
    struct store *store;
    struct loop **loops;
    size_t loop_count;
    struct parser **parsers; /* one a loop */
    int spool_folder;
    const char *host_name;
    struct facts_desk *facts;  /* what auth knows of users */
    struct keep *results;      /* of searches, which the next one uses again */
    const char *fault_keyword; /* a STORE of it ends the process: for tests; null or empty: none */
    uint32_t sessions_per_account, sessions_per_account_peer;
    /* Sends END(session, clean) to the gate that brought it. Any thread. */
    void (*ended)(void *ctx, uint64_t session, bool clean);
    /* Instead: the client is to log in anew. The octets are those that it sent and nobody has looked at; fd is given
     * over. On the session's loop. */
    void (*returned)(void *ctx, const struct session *session, struct view pending, int fd);
    void *ended_ctx; /* of both */
};

/* Facts of the hand-over; texts are copied by session_new. */
struct adopted {
    uint64_t session, account, credential;
    uint8_t protocol;
    uint8_t language; /* enum language */
    bool tls;
    bool plain_allowed;
    struct view user, peer, local, tag, tls_version, pending;
    struct view maildrop; /* POP3: what stood around the name (pop3/pop3.h) */
    int fd;
};

enum step_result { STEP_DONE, STEP_AGAIN, STEP_WAIT };
/* What a STEP_WAIT waits for: a set. */
enum wait {
    WAIT_INPUT = 1,  /* more octets in stream_input than `seen` */
    WAIT_OUTPUT = 2, /* output drained */
    WAIT_REPLY = 4,  /* session_reply was called (writer, parse, stage) */
    WAIT_CHANGE = 8, /* the watcher fired */
    WAIT_TIMER = 16, /* timer_ms after now */
    WAIT_POOL = 32,  /* run the next step on a pool thread with READ_BLOCKING */
};
struct step_context {
    enum read_mode mode;  /* what the step must put into its readers */
    unsigned woken_by;    /* enum wait bits that came true */
    unsigned wait;        /* STEP_WAIT: written by the step */
    uint64_t timer_ms;    /* with WAIT_TIMER */
    uint64_t deadline_us; /* monotonic: return STEP_AGAIN when past it, or when the stream is full return WAIT_OUTPUT */
};

/* Why the server ends a session that is well; the protocol says so if it can. */
enum farewell { FAREWELL_IDLE, FAREWELL_REVOKED, FAREWELL_SHUTDOWN };

/* A protocol engine. One static table a protocol. */

struct protocol_engine {
    const char *name;
    /* After adoption: greet (mail writes the tagged OK or +OK). Returns false to refuse: then nothing was written. */
    bool (*start)(struct session *session, const struct adopted *adopted);
    /*
     * No command is running and there is input (or EOF): look for a whole command; begin it with session_begin and
     * return true, or return false when more input is needed. Consumes what it used. A protocol error is answered here.
     */
    bool (*next)(struct session *session);
    /* One step of the running command. */
    enum step_result (*step)(struct session *session, struct step_context *context);
    /* Exactly once for each begun command, whatever happened. */
    void (*drop)(struct session *session);
    /* No command is running, or a response just ended: tell what may be told now (EXISTS, ...). May be null. Same
     * contract as step. */
    enum step_result (*emit)(struct session *session, struct step_context *context);
    /* On the loop, maybe while a step runs in the pool: something changed. True: emit wants to hear of it. May be null:
     * then only a step that waits for WAIT_CHANGE does. */
    bool (*changed)(struct session *session, const struct touch *touch);
    /* The stream is gone or session_end was called: free `engine`. */
    void (*end)(struct session *session, const char *reason);
    /* The server ends it: say BYE if the protocol has such a thing. May be null. */
    void (*farewell)(struct session *session, enum farewell why);
    uint64_t idle_ms;
};

struct session {
    const struct mail_env *env;
    const struct protocol_engine *protocol;
    struct loop *loop;
    struct parser *parser;
    struct stream *stream;
    uint64_t id, account, credential;
    bool tls;
    uint8_t language; /* enum language: what its responses are said in */
    char user[256], peer[48], local[48], tls_version[16];
    char client[64];                       /* from ID */
    struct arena arena;                    /* the session's life */
    struct arena command_arena;            /* reset when a command ends */
    void *engine;                          /* the protocol's own state */
    struct watcher watcher, other_watcher; /* of its own account, and of another's that has its interest */
    uint64_t started_ms;
    struct session_private *private;
};

/* The reader of this session's account in this step's mode. */
static inline struct reader session_reader(const struct session *s, const struct step_context *c)
{
    return (struct reader){s->env->store, s->account, c->mode};
}

/*
 * What the client sent and was not consumed: the octets that came with the hand-over first, then the stream's. Valid
 * until the next call. Only on the loop, or while lent to the pool (then nothing is added).
 */
struct view session_input(struct session *session);
void session_consume(struct session *session, size_t count);
/* True when the client will send no more; what it sent before may still be in session_input. */
bool session_at_eof(const struct session *session);

/* On the account's loop. Null if the engine refused. Takes over adopted->fd. */
struct session *session_adopt(const struct mail_env *env, struct loop *loop, struct parser *parser,
                              const struct protocol_engine *protocol, const struct adopted *adopted);
/* A command begins: step will be called until it returns STEP_DONE. name shows in the now-slot; static text. */
void session_begin(struct session *session, const char *name);
/* WAIT_CHANGE is of this account too, from the end of the step on; 0: of no other any more. Inside a step. */
void session_watch(struct session *session, uint64_t account);
/*
 * WAIT_CHANGE is of these accounts as well, from the end of the step on, in place of those that the last call named.
 * Inside a step. True: some weren't watched yet, so that what was read of them before the step's end may be old.
 */
bool session_watch_more(struct session *session, const uint64_t *accounts, size_t count);
/* An outstanding request was answered: wakes WAIT_REPLY. On the session's loop. */
void session_reply(struct session *session);
/*
 * A request (mutation, parse, stage) keeps the session alive until it is answered even if the client goes: hold before
 * sending, release in done. session_is_gone: the client went meanwhile; drop has not been called yet and will be once
 * all holds are released.
 */
void session_hold(struct session *session);
void session_release(struct session *session);
bool session_is_gone(const struct session *session);
/* Flush and close. clean: a BYE or +OK was said. Safe inside a step: takes effect when it returns. */
void session_end(struct session *session, bool clean, const char *reason);
/* Flush, and give the connection back to gate, which lets the client log in anew (RFC 8437). On the loop. */
void session_return(struct session *session);
/* Ends all sessions of an account (REVOKE), or all (DRAIN; at most rate a second). On each loop's thread, for sessions
 * of that loop. */
void session_end_account(struct loop *loop, uint64_t account, uint64_t credential);
void session_end_all(struct loop *loop);
size_t session_count(const struct loop *loop);

#endif
