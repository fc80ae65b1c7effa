/*
 * store/local/pool.c: threads for work that may block: cold reads, large bodies, compaction.
 *
 * Called   engine_pool on any thread; the tasks run on the pool's.
 * Tested   tests/unit/store_engine.c
 */
#include "base/memory.h"
#include "store/local/local.h"

static struct task *take(struct task_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (!pool->first && !pool->stopping)
        pthread_cond_wait(&pool->wake, &pool->lock);
    struct task *task = pool->first;
    if (task) {
        pool->first = task->next;
        if (!pool->first)
            pool->last = &pool->first;
    }
    pthread_mutex_unlock(&pool->lock);
    return task;
}

static void *pool_main(void *ctx)
{
    struct task *task;
    while ((task = take(ctx)))
        task->run(task);
    return NULL;
}

void task_pool_start(struct task_pool *pool, uint32_t threads)
{
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pool->last = &pool->first;
    pool->threads = memory_array(threads, sizeof *pool->threads);
    while (pool->count < threads && pthread_create(&pool->threads[pool->count], NULL, pool_main, pool) == 0)
        pool->count++;
    BUG_IF(threads && !pool->count);
}

/* What is queued still runs. */
void task_pool_stop(struct task_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->count; i++)
        pthread_join(pool->threads[i], NULL);
    free(pool->threads);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
}

void task_pool_add(struct task_pool *pool, struct task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&pool->lock);
    *pool->last = task;
    pool->last = &task->next;
    pthread_mutex_unlock(&pool->lock);
    pthread_cond_signal(&pool->wake);
}

void engine_pool(struct engine *engine, struct task *task)
{
    task_pool_add(&engine->pool, task);
}
