/*
 * auth/inside.h: what the files of auth share, and nobody else sees.
 */
#ifndef AUTH_INSIDE_H
#define AUTH_INSIDE_H

#include "auth/auth.h"
#include "auth/cache.h"
#include "auth/hash.h"
#include "auth/names.h"
#include "auth/pool.h"
#include "auth/sasl.h"
#include "auth/throttle.h"
#include "auth/users.h"
#include "base/buffer.h"
#include "ipc/channel.h"

/* A channel to a gate, an LMTP gate, or mail. */
struct link {
    struct link *next;
    struct auth *auth;
    struct channel *channel;
    enum role role;
    uint32_t instance;
    size_t exchanges;
};

/* A question to mail. Its answer, its deadline or the end of the channel calls answered, once. */
struct asking {
    struct asking *next;
    uint64_t id, deadline_ms;
    /* answer null: none came. */
    void (*answered)(struct asking *asking, const struct message *answer);
};

enum { AUTH_EXCHANGE_BUCKETS = 4096 };
struct control;
struct exchange;
struct auth {
    struct loop *loop;
    struct users *users;
    struct pool *pool;
    struct throttle *throttle;
    struct cache *cache;
    struct link *links;
    struct asking *askings;
    struct exchange **exchanges; /* AUTH_EXCHANGE_BUCKETS chains by link and id */
    size_t exchange_count;
    struct control *controls;
    size_t control_count;
    size_t passwords; /* jobs in the pool */
    struct watch *listener;
    int listening_fd;
    struct timer *tick;
    char dummy_hash[HASH_TEXT_MAX];
    char separator;
    uint64_t default_quota;
    bool draining, unknown_is_temporary;
    uint64_t drain_until_ms;
    void (*drained)(void *ctx);
    void *drained_ctx;
};

/* ---- auth.c ---- */

/* Null: mail isn't there. */
struct link *auth_mail_link(const struct auth *auth);
/* Sends a question to mail; false (and answered is not called) if mail isn't there. */
bool auth_ask_mail(struct auth *auth, enum ipc_type type, const void *body, struct asking *asking);
/* Without an answer. */
void auth_tell_mail(struct auth *auth, enum ipc_type type, const void *body);
/* Forgets a question: answered is not called any more. */
void auth_unask(struct auth *auth, struct asking *asking);
void auth_random_ticket(uint64_t *high_r, uint64_t *low_r);

/* ---- accounts.c ---- */

/*
 * Asks mail for the account of a new user, and writes it down when it comes, whether or not anybody still waits.
 * told(ctx, account): 0 if it failed. Null if mail isn't there.
 */
struct completion;
struct completion *auth_complete_user(struct auth *auth, const struct user *user,
                                      void (*told)(void *ctx, uint64_t account), void *ctx);
void auth_forget_told(struct completion *completion);
/* The account of a removed user is mail's to destroy; asked again at each start until mail confirms it. */
void auth_tell_gone(struct auth *auth, uint64_t account);
/* Whatever is unfinished of both kinds. */
void auth_complete_all(struct auth *auth);

/* ---- exchange.c, recipients.c: what a link of theirs says, and when it is gone ---- */

void exchange_message(void *ctx, struct channel *channel, struct message *message);
void exchanges_drop(struct link *link);
void recipient_message(void *ctx, struct channel *channel, struct message *message);
void recipients_forget(struct link *link);

/* ---- facts.c ---- */

void auth_answer_facts(struct auth *auth, struct channel *mail, uint64_t id, const struct ipc_facts *facts);
/* A name came or went, or a group: what mail was told before no longer holds. */
void auth_facts_changed(struct auth *auth);

/* ---- passwords.c ---- */

/* A password to check or to hash, on a pool thread. */
struct password_job {
    struct pool_job job;
    struct auth *auth;
    char name[NAME_SIZE];
    char hash[HASH_TEXT_MAX];
    char password[LIMIT_PASSWORD_OCTETS];
    size_t password_size;
    bool make;        /* only make new_hash */
    bool dummy;       /* nobody has that name: the result is HASH_WRONG whatever the check says */
    uint64_t version; /* of the password in `hash` */
    enum hash_result result;
    bool made; /* new_hash holds one */
    char new_hash[HASH_TEXT_MAX];
    void (*done)(struct password_job *job); /* then the job is freed */
    void *owner;                            /* null: who asked is gone */
};
/* False: too many are waiting; the job is freed. */
bool auth_submit(struct auth *auth, struct password_job *job);
struct password_job *auth_job(struct auth *auth, const char *name, struct view password);

/* ---- control.c ---- */

void control_open(struct auth *auth, int fd);
void control_close_all(struct auth *auth);
void control_tick(struct auth *auth, uint64_t now_ms);
bool control_is_busy(const struct auth *auth);

#endif
