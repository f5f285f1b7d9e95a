/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_job.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "tok_module.h"

enum state { RUNNING, IN_HOST, DONE, ABANDONED };

struct job {
    struct tok_job_work work;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* monotonic */
    enum state state;
    bool renew; /* the caller's time begins anew */
    cr_status st;
    struct cr_err err;
};

static _Thread_local struct job *current; /* the job this thread runs */
static atomic_bool used;

static void job_free(struct job *job)
{
    job->work.drop(job->work.arg);
    pthread_cond_destroy(&job->changed);
    pthread_mutex_destroy(&job->lock);
    free(job);
}

static struct job *job_new(const struct tok_job_work *work)
{
    struct job *job = calloc(1, sizeof(*job));
    pthread_condattr_t attr;

    if (job == NULL)
        return NULL;
    job->work = *work;
    pthread_mutex_init(&job->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&job->changed, &attr);
    pthread_condattr_destroy(&attr);
    return job;
}

static void *job_main(void *arg)
{
    struct job *job = arg;
    struct cr_err err = {0};
    bool abandoned;
    cr_status st;

    current = job;
    st = job->work.fn(job->work.arg, &err);
    current = NULL;
    pthread_mutex_lock(&job->lock);
    abandoned = job->state == ABANDONED;
    job->state = DONE;
    job->st = st;
    job->err = err;
    pthread_cond_broadcast(&job->changed);
    pthread_mutex_unlock(&job->lock);
    if (abandoned)
        job_free(job);
    return NULL;
}

/* No signal of the host is handled by a thread it does not know. */
static int job_start(struct job *job)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    int failed;

    atomic_store_explicit(&used, true, memory_order_relaxed);
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)pthread_sigmask(SIG_BLOCK, &all, &before);
    failed = pthread_create(&thread, &attr, job_main, job);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return failed;
}

static struct timespec deadline(unsigned timeout_ms)
{
    int64_t ms = tok_clock_ms() + timeout_ms;

    return (struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
}

/* True when it is done; else it is abandoned, and no longer the caller's. */
static bool job_wait(struct job *job, unsigned timeout_ms)
{
    struct timespec until = deadline(timeout_ms);
    bool in_time = true, done;

    pthread_mutex_lock(&job->lock);
    while (job->state != DONE && (in_time || job->state == IN_HOST)) {
        if (in_time)
            in_time = pthread_cond_timedwait(&job->changed, &job->lock, &until) != ETIMEDOUT;
        else
            pthread_cond_wait(&job->changed, &job->lock);
        if (job->renew) {
            until = deadline(timeout_ms);
            in_time = true;
            job->renew = false;
        }
    }
    done = job->state == DONE;
    if (!done)
        job->state = ABANDONED;
    pthread_mutex_unlock(&job->lock);
    return done;
}

bool tok_job_used(void)
{
    return atomic_load_explicit(&used, memory_order_relaxed);
}

cr_status tok_job_run(const struct tok_job_work *work, unsigned timeout_ms, const char *what, struct cr_err *err)
{
    struct job *job = job_new(work);
    cr_status st;
    int failed;

    if (job == NULL) {
        work->drop(work->arg);
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    if ((failed = job_start(job)) != 0) {
        job_free(job);
        return cr_fail_errno(err, CR_E_BUSY, failed, "%s: no thread for a timed call", what);
    }
    if (!job_wait(job, timeout_ms))
        return cr_fail(err, CR_E_BUSY, "%s: no answer within %u ms (op-timeout)", what, timeout_ms);
    st = job->st;
    if (cr_failed(st))
        st = cr_fail(err, st.code, "%s", job->err.text);
    work->take(work->arg, work->to);
    job_free(job);
    return st;
}

cr_status tok_job_host_begin(struct cr_err *err)
{
    struct job *job = current;
    bool gone;

    if (job == NULL)
        return cr_ok();
    pthread_mutex_lock(&job->lock);
    gone = job->state == ABANDONED;
    if (!gone)
        job->state = IN_HOST;
    pthread_mutex_unlock(&job->lock);
    return gone ? cr_fail(err, CR_E_BUSY, "the caller has gone") : cr_ok();
}

void tok_job_host_end(void)
{
    struct job *job = current;

    if (job == NULL)
        return;
    pthread_mutex_lock(&job->lock);
    job->state = RUNNING;
    job->renew = true;
    pthread_cond_broadcast(&job->changed);
    pthread_mutex_unlock(&job->lock);
}
