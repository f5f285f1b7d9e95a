/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_lock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

static pthread_mutex_t caches = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t reloaded = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_uint epoch;

void prov_lock(void)
{
    (void)pthread_mutex_lock(&caches);
}

void prov_unlock(void)
{
    (void)pthread_mutex_unlock(&caches);
}

void prov_wait(void)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec++;
    (void)pthread_cond_clockwait(&reloaded, &caches, CLOCK_MONOTONIC, &until);
}

void prov_wake(void)
{
    (void)pthread_cond_broadcast(&reloaded);
}

unsigned prov_fork_epoch(void)
{
    return atomic_load(&epoch);
}

/* The parent's waiting threads do not exist here: a fresh condition variable. */
static void in_child(void)
{
    static const pthread_cond_t fresh = PTHREAD_COND_INITIALIZER;

    reloaded = fresh;
    atomic_fetch_add(&epoch, 1);
    prov_unlock();
}

static void install(void)
{
    (void)pthread_atfork(prov_lock, prov_unlock, in_child);
}

void prov_lock_init(void)
{
    (void)pthread_once(&once, install);
}
