/* net/loop.c: see net/loop.h. */
#include "net/loop.h"
#include "base/memory.h"
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct loop {
    struct event_base *base;
    struct event wake;
    int wake_fd;
    pthread_mutex_t lock; /* guards posted */
    struct task *posted, **posted_end;
    pthread_t thread;
    atomic_bool running, stop;
};

/* The loop that this thread is inside of. */
static _Thread_local struct loop *inside;

struct watch {
    struct event event;
    struct loop *loop;
    int fd;
    unsigned wanted;
    unsigned armed; /* what the kernel watches for: what is wanted, and perhaps WATCH_READ */
    void (*fires)(void *ctx, unsigned what);
    void *ctx;
};

struct timer {
    struct event event;
    void (*fires)(void *ctx);
    void *ctx;
};

/* Runs what was posted until now; what a task posts waits for the next turn, so that descriptors are served in between.
 */
static void run_posted(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct task *task = loop->posted;
    loop->posted = NULL;
    loop->posted_end = &loop->posted;
    pthread_mutex_unlock(&loop->lock);
    while (task) {
        struct task *next = task->next;
        task->run(task);
        task = next;
    }
}

/* Another thread posted: after this turn of descriptors the tasks run (one_turn). */
static void woken(evutil_socket_t fd, short what, void *ctx)
{
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0) {
        /* Spurious: nothing to read. */
    }
}

static bool has_posted(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    bool has = loop->posted != NULL;
    pthread_mutex_unlock(&loop->lock);
    return has;
}

/* Descriptors and timers, then what was posted. Waits only if nothing is posted: what the loop's own thread posts needs
 * no wake then. */
static void one_turn(struct loop *loop, bool wait)
{
    struct loop *outer = inside;
    inside = loop;
    event_base_loop(loop->base, !wait || has_posted(loop) ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE);
    run_posted(loop);
    inside = outer;
}

struct loop *loop_new(void)
{
    struct loop *loop = NEW(struct loop);
    struct event_config *config = event_config_new();
    BUG_IF(!config);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    BUG_IF(!loop->base);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    BUG_IF(loop->wake_fd < 0);
    loop->posted_end = &loop->posted;
    pthread_mutex_init(&loop->lock, NULL);
    loop->thread = pthread_self();
    event_assign(&loop->wake, loop->base, loop->wake_fd, EV_READ | EV_PERSIST, woken, loop);
    event_add(&loop->wake, NULL);
    return loop;
}

void loop_free(struct loop **loop)
{
    struct loop *old = *loop;
    *loop = NULL;
    if (!old)
        return;
    event_del(&old->wake);
    event_base_free(old->base);
    close(old->wake_fd);
    pthread_mutex_destroy(&old->lock);
    free(old);
}

void loop_run(struct loop *loop)
{
    loop->thread = pthread_self();
    atomic_store(&loop->running, true);
    while (!atomic_load(&loop->stop))
        one_turn(loop, true);
    atomic_store(&loop->running, false);
    atomic_store(&loop->stop, false);
}

static void turn_over(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what, (void)ctx;
}

void loop_turn(struct loop *loop, int timeout_ms)
{
    loop->thread = pthread_self();
    if (timeout_ms == 0) {
        one_turn(loop, false);
        return;
    }
    struct event limit;
    if (timeout_ms > 0) {
        struct timeval wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000L};
        event_assign(&limit, loop->base, -1, 0, turn_over, NULL);
        event_add(&limit, &wait);
    }
    one_turn(loop, true);
    if (timeout_ms > 0)
        event_del(&limit);
}

static void wake(struct loop *loop)
{
    uint64_t one = 1;
    if (write(loop->wake_fd, &one, sizeof one) < 0) {
        /* The counter is full: the loop is awake anyway. */
    }
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stop, true);
    wake(loop);
}

void loop_post(struct loop *loop, struct task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&loop->lock);
    bool first = !loop->posted;
    *loop->posted_end = task;
    loop->posted_end = &task->next;
    pthread_mutex_unlock(&loop->lock);
    if (first && inside != loop)
        wake(loop);
}

bool loop_is_mine(const struct loop *loop)
{
    return pthread_equal(loop->thread, pthread_self());
}

static void arm(struct watch *watch, unsigned what);

static void watch_fired(evutil_socket_t fd, short what, void *ctx)
{
    struct watch *watch = ctx;
    unsigned happened = (what & EV_READ ? WATCH_READ : 0u) | (what & EV_WRITE ? WATCH_WRITE : 0u);
    if (happened & watch->wanted)
        watch->fires(watch->ctx, happened & watch->wanted);
    else
        arm(watch, watch->wanted);
}

struct watch *watch_new(struct loop *loop, int fd, void (*fires)(void *ctx, unsigned what), void *ctx)
{
    struct watch *watch = NEW(struct watch);
    watch->loop = loop;
    watch->fd = fd;
    watch->fires = fires;
    watch->ctx = ctx;
    event_assign(&watch->event, loop->base, fd, EV_PERSIST, watch_fired, watch);
    return watch;
}

static void arm(struct watch *watch, unsigned what)
{
    if (watch->armed == what)
        return;
    if (watch->armed)
        event_del(&watch->event);
    watch->armed = what;
    if (!what)
        return;
    short events = (short)((what & WATCH_READ ? EV_READ : 0) | (what & WATCH_WRITE ? EV_WRITE : 0) | EV_PERSIST);
    event_assign(&watch->event, watch->loop->base, watch->fd, events, watch_fired, watch);
    event_add(&watch->event, NULL);
}

/* Whoever stops reading mostly goes on before anything comes: the kernel keeps watching, and is told only if it fires
 * for nobody. A socket is writable nearly always: that is told at once. */
void watch_want(struct watch *watch, unsigned what)
{
    watch->wanted = what;
    arm(watch, what | (watch->armed & WATCH_READ));
}

void watch_free(struct watch **watch)
{
    struct watch *old = *watch;
    *watch = NULL;
    if (!old)
        return;
    if (old->armed)
        event_del(&old->event);
    free(old);
}

static void timer_fired(evutil_socket_t fd, short what, void *ctx)
{
    struct timer *timer = ctx;
    timer->fires(timer->ctx);
}

struct timer *timer_new(struct loop *loop, void (*fires)(void *ctx), void *ctx)
{
    struct timer *timer = NEW(struct timer);
    timer->fires = fires;
    timer->ctx = ctx;
    event_assign(&timer->event, loop->base, -1, 0, timer_fired, timer);
    return timer;
}

void timer_set(struct timer *timer, uint64_t delay_ms)
{
    struct timeval wait = {(time_t)(delay_ms / 1000), (suseconds_t)(delay_ms % 1000 * 1000)};
    event_add(&timer->event, &wait);
}

void timer_stop(struct timer *timer)
{
    event_del(&timer->event);
}

void timer_free(struct timer **timer)
{
    struct timer *old = *timer;
    *timer = NULL;
    if (!old)
        return;
    event_del(&old->event);
    free(old);
}
