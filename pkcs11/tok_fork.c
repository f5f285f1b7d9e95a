/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_fork.h"

#include <errno.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <time.h>

#include "common/cr_log.h"
#include "tok_job.h"

#define LIMIT_MS 5000 /* for each token, where there is no op-timeout */
#define JOB_ENDS 20   /* times 100 us */

static struct tok_local *listed; /* guarded by the registry's lock */
static atomic_uint handlers;
static unsigned ran; /* these two in the atfork handlers alone */
static bool wanted;

/* A thread has one link in this directory, and a job's that has just ended may still have. */
static bool one_thread(void)
{
    static const struct timespec nap = {0, 100000};
    struct stat tasks;

    for (unsigned tries = tok_job_used() ? JOB_ENDS : 1; tries > 0; tries--) {
        if (__libc_single_threaded || (stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink == 3))
            return true;
        if (tries > 1)
            nanosleep(&nap, NULL);
    }
    return false;
}

void tok_fork_prepare(bool may)
{
    ran = 0;
    wanted = may && listed != NULL && one_thread();
}

static void nothing_taken(void *arg, void *to)
{
    (void)arg;
    (void)to;
}

static void revive(struct tok_local *loc, struct tok_member *m)
{
    unsigned limit = loc->op_timeout_ms > 0 ? loc->op_timeout_ms : LIMIT_MS;
    struct tok_held *held = NULL;
    struct cr_err why = {0};
    cr_status st = tok_held_new(loc, m, &held, &why);

    if (!cr_failed(st))
        st = tok_job_run(&(struct tok_job_work){tok_held_revive, nothing_taken, tok_held_free, held, NULL}, limit,
                         m->name, &why);
    if (cr_failed(st))
        cr_log(CR_LOG_WARNING, "not ready after the fork, left to the first use: %s", why.text);
}

/* Modules have atfork handlers of their own, by which they know that they are in a child (p11-kit's client would go on
 * with its parent's connection): this one runs behind theirs, since each load of a module adds one. */
static void fork_child(void)
{
    int keep = errno;

    if (++ran < atomic_load(&handlers) || !wanted)
        return;
    wanted = false;
    for (struct tok_local *loc = listed; loc != NULL; loc = loc->next)
        for (size_t i = 0; i < loc->n; i++)
            if (loc->members[i].ready_after_fork && loc->members[i].slot->forked_stamp != 0)
                revive(loc, &loc->members[i]);
    errno = keep;
}

static void handler_add(void)
{
    if (pthread_atfork(NULL, NULL, fork_child) == 0)
        atomic_fetch_add(&handlers, 1);
}

void tok_fork_loaded(struct tok_module *mod)
{
    if (atomic_load(&mod->fork_ready))
        handler_add();
}

static bool wants(const struct tok_local *loc)
{
    for (size_t i = 0; i < loc->n; i++)
        if (loc->members[i].ready_after_fork)
            return true;
    return false;
}

/* A module that somebody else loaded already has its handlers, too. */
void tok_fork_list(struct tok_local *loc)
{
    if (!wants(loc))
        return;
    for (size_t i = 0; i < loc->n; i++) {
        struct tok_module *mod = loc->members[i].slot->mod;
        if (!loc->members[i].ready_after_fork)
            continue;
        atomic_store(&mod->fork_ready, true);
    }
    handler_add();
    tok_registry_lock();
    loc->listed = true;
    loc->next = listed;
    listed = loc;
    tok_registry_unlock();
}

void tok_fork_unlist(struct tok_local *loc)
{
    if (!loc->listed)
        return;
    tok_registry_lock();
    for (struct tok_local **p = &listed; *p != NULL; p = &(*p)->next)
        if (*p == loc) {
            *p = loc->next;
            break;
        }
    tok_registry_unlock();
}
