/*
 * pop3/lock.c: one POP3 session a maildrop (RFC 1939 4, "exclusive-access lock"), and the delay between two logins
 * (RFC 2449 6.5).
 *
 * Does     a process-wide set of maildrops. mail is one process, so this is the whole lock; it frees itself with the
 *          session, for whatever reason that ends. Where there is a delay, a maildrop that was opened stays in the set
 *          until it is over.
 * Called   on any loop's thread.
 * Tested   tests/unit/pop3_commands.c
 */
#include "base/clock.h"
#include "base/memory.h"
#include "pop3/private.h"

#include <pthread.h>

enum { LOCK_BUCKETS = 512 };

struct held {
    struct held *next;
    uint64_t account, login_ms;
    bool locked;
    size_t size;
    char maildrop[];
};
static struct held *buckets[LOCK_BUCKETS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static bool is_over(const struct held *held, uint64_t now_ms)
{
    return !held->locked && now_ms - held->login_ms >= (uint64_t)pop3_login_delay_s() * 1000;
}

/* The place of the maildrop, or the chain's end; those that are over are freed on the way. */
static struct held **place_of(uint64_t account, struct view maildrop)
{
    uint64_t now_ms = clock_monotonic_ms();
    struct held **at = &buckets[account % LOCK_BUCKETS];
    while (*at) {
        struct held *held = *at;
        if (is_over(held, now_ms)) {
            *at = held->next;
            free(held);
        } else if (held->account == account && view_equal(view_of(held->maildrop, held->size), maildrop)) {
            break;
        } else {
            at = &held->next;
        }
    }
    return at;
}

static enum pop3_lock state_of(const struct held *held)
{
    return !held ? POP3_FREE : held->locked ? POP3_IN_USE : POP3_TOO_SOON;
}

bool pop3_lock(uint64_t account, struct view maildrop)
{
    pthread_mutex_lock(&mutex);
    struct held **at = place_of(account, maildrop);
    bool free_now = *at == NULL;
    if (free_now) {
        struct held *held = memory_new(sizeof(*held) + maildrop.size);
        *held =
            (struct held){.account = account, .login_ms = clock_monotonic_ms(), .locked = true, .size = maildrop.size};
        view_copy(held->maildrop, maildrop);
        *at = held;
    }
    pthread_mutex_unlock(&mutex);
    return free_now;
}

void pop3_unlock(uint64_t account, struct view maildrop, bool opened)
{
    pthread_mutex_lock(&mutex);
    struct held **at = place_of(account, maildrop);
    struct held *held = *at;
    if (held) {
        held->locked = false;
        if (!opened || is_over(held, clock_monotonic_ms())) {
            *at = held->next;
            free(held);
        }
    }
    pthread_mutex_unlock(&mutex);
}

enum pop3_lock pop3_lock_state(uint64_t account, struct view maildrop)
{
    struct arena arena;
    struct pop3_maildrop drop;
    arena_init(&arena, LIMIT_COMMAND_MEMORY);
    pop3_maildrop_read(&arena, maildrop, &drop);
    pthread_mutex_lock(&mutex);
    enum pop3_lock state = state_of(*place_of(account, drop.folder));
    pthread_mutex_unlock(&mutex);
    arena_free(&arena);
    return state;
}
