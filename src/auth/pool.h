/*
 * auth/pool.h: a few threads that hash passwords, so that the loop never waits for one.
 *
 * Does     runs work() on a pool thread, then done() on the loop. First come, first served.
 * Owns     its threads. Jobs belong to their makers and live until done.
 * Called   on the loop.
 * Fails    pool_submit returns false when LIMIT_AUTH_JOBS are waiting.
 */
#ifndef AUTH_POOL_H
#define AUTH_POOL_H

#include "net/loop.h"

#include <stddef.h>

struct pool;
struct pool_job {
    struct task task; /* pool's */
    struct pool_job *next;
    void (*work)(struct pool_job *job);
    void (*done)(struct pool_job *job);
};

struct pool *pool_new(struct loop *loop, unsigned threads);
bool pool_submit(struct pool *pool, struct pool_job *job);
/* Waits for what is being worked on; what only waits is handed to done without work. done still comes by the loop. */
void pool_free(struct pool **pool);

#endif
