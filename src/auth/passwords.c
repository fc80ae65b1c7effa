/*
 * auth/passwords.c: a password to check or to hash, on a pool thread: it takes tens of milliseconds on purpose.
 *
 * Called   by exchange.c and control.c, on auth's loop; the answer comes there too.
 * Tested   tests/unit/auth_flow.c
 */
#include "auth/inside.h"
#include "base/memory.h"

#include <sodium.h>

struct password_job *auth_job(struct auth *auth, const char *name, struct view password)
{
    struct password_job *job = NEW(struct password_job);
    job->auth = auth;
    snprintf(job->name, sizeof(job->name), "%s", name);
    password = view_slice(password, 0, sizeof(job->password));
    view_copy(job->password, password);
    job->password_size = password.size;
    return job;
}

static void job_free(struct password_job *job)
{
    sodium_memzero(job, sizeof(*job));
    free(job);
}

/* On a pool thread. A foreign or weaker hash of a right password is made anew while the password is at hand. */
static void job_work(struct pool_job *pool_job)
{
    struct password_job *job = (struct password_job *)(void *)pool_job;
    struct view password = view_of(job->password, job->password_size);
    if (!job->make)
        job->result = hash_verify(view_of_string(job->hash), password, view_of_string(job->name));
    if (job->dummy)
        job->result = HASH_WRONG;
    if (job->make || (job->result == HASH_GOOD && hash_is_outdated(view_of_string(job->hash))))
        job->made = hash_make(password, job->new_hash);
    sodium_memzero(job->password, sizeof(job->password));
}

static void job_done(struct pool_job *pool_job)
{
    struct password_job *job = (struct password_job *)(void *)pool_job;
    job->auth->passwords--;
    job->done(job);
    job_free(job);
}

bool auth_submit(struct auth *auth, struct password_job *job)
{
    job->job.work = job_work;
    job->job.done = job_done;
    if (!pool_submit(auth->pool, &job->job)) {
        job_free(job);
        return false;
    }
    auth->passwords++;
    return true;
}
