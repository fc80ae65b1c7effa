/*
 * auth/pool.c: see pool.h.
 */
#include "auth/pool.h"
#include "base/limits.h"
#include "base/memory.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS_MAX = 4 };

struct pool {
    struct loop *loop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct pool_job *first, **last;
    size_t waiting;
    bool ending;
    unsigned count;
    pthread_t threads[THREADS_MAX];
};

static void finish(struct task *task)
{
    struct pool_job *job = (struct pool_job *)(void *)((char *)task - offsetof(struct pool_job, task));
    job->done(job);
}

static void *thread_main(void *argument)
{
    struct pool *pool = argument;
    pthread_mutex_lock(&pool->lock);
    while (true) {
        while (pool->first == NULL && !pool->ending)
            pthread_cond_wait(&pool->wake, &pool->lock);
        if (pool->ending)
            break;
        struct pool_job *job = pool->first;
        pool->first = job->next;
        if (pool->first == NULL)
            pool->last = &pool->first;
        pool->waiting--;
        pthread_mutex_unlock(&pool->lock);
        job->work(job);
        job->task.run = finish;
        loop_post(pool->loop, &job->task);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

struct pool *pool_new(struct loop *loop, unsigned threads)
{
    struct pool *pool = NEW(struct pool);
    pool->loop = loop;
    pool->last = &pool->first;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    threads = threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : threads;
    while (pool->count < threads && pthread_create(&pool->threads[pool->count], NULL, thread_main, pool) == 0)
        pool->count++;
    if (pool->count == 0)
        pool_free(&pool);
    return pool;
}

bool pool_submit(struct pool *pool, struct pool_job *job)
{
    pthread_mutex_lock(&pool->lock);
    bool room = pool->waiting < LIMIT_AUTH_JOBS;
    if (room) {
        job->next = NULL;
        *pool->last = job;
        pool->last = &job->next;
        pool->waiting++;
        pthread_cond_signal(&pool->wake);
    }
    pthread_mutex_unlock(&pool->lock);
    return room;
}

void pool_free(struct pool **pool)
{
    if (*pool == NULL)
        return;
    pthread_mutex_lock(&(*pool)->lock);
    (*pool)->ending = true;
    pthread_cond_broadcast(&(*pool)->wake);
    pthread_mutex_unlock(&(*pool)->lock);
    for (unsigned i = 0; i < (*pool)->count; i++)
        pthread_join((*pool)->threads[i], NULL);
    for (struct pool_job *job = (*pool)->first, *next; job != NULL; job = next) {
        next = job->next;
        job->task.run = finish;
        loop_post((*pool)->loop, &job->task);
    }
    pthread_cond_destroy(&(*pool)->wake);
    pthread_mutex_destroy(&(*pool)->lock);
    free(*pool);
    *pool = NULL;
}
