/*
 * net/loop.h: one thread's event loop: descriptors, timers, tasks from other threads.
 *
 * Does     wraps libevent's core (event_base and timers only).
 * Owns     its watches and timers until they are freed.
 * Called   on the loop's own thread, but for loop_post and loop_stop, which any thread may call.
 * Tested   tests/unit/net_loop.c
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct watch;
struct timer;

/* Embedded by the caller in what it posts; must live until run is called. One post at a time. */
struct task {
    struct task *next;
    void (*run)(struct task *task);
};

struct loop *loop_new(void);
void loop_free(struct loop **loop);
/* Runs until loop_stop. */
void loop_run(struct loop *loop);
/* One turn: waits at most timeout_ms (-1: until something happens). For tests and for the CLI. */
void loop_turn(struct loop *loop, int timeout_ms);
void loop_stop(struct loop *loop);
/* Runs task->run on the loop's thread, after what was posted before it. Any thread. */
void loop_post(struct loop *loop, struct task *task);
/* True on the thread that runs this loop. */
bool loop_is_mine(const struct loop *loop);

enum { WATCH_READ = 1, WATCH_WRITE = 2 };
/* fires(ctx, what) when the descriptor is ready; level-triggered. Starts with nothing wanted. Does not own the
 * descriptor. */
struct watch *watch_new(struct loop *loop, int fd, void (*fires)(void *ctx, unsigned what), void *ctx);
void watch_want(struct watch *watch, unsigned what);
void watch_free(struct watch **watch);

struct timer *timer_new(struct loop *loop, void (*fires)(void *ctx), void *ctx);
/* Once, after delay_ms; setting it again moves it. */
void timer_set(struct timer *timer, uint64_t delay_ms);
void timer_stop(struct timer *timer);
void timer_free(struct timer **timer);

#endif
