/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_gate.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "tok_fork.h"
#include "tok_local.h"
#include "tok_slot.h"

#define FORK_WAIT_MS   100
#define PIPE_ASK_EVERY 256

static atomic_bool exiting;
static atomic_bool forking;
static atomic_ullong process = 1;
static _Thread_local struct tok_module *inside; /* the module this thread has a call in */
static _Thread_local bool ticketed;             /* and its ticket */

static void nap(long ns)
{
    struct timespec ts = {0, ns};

    nanosleep(&ts, NULL);
}

bool tok_gate_exiting(void)
{
    return atomic_load(&exiting);
}

uint64_t tok_gate_process(void)
{
    return atomic_load(&process);
}

static cr_status may_enter(struct tok_module *mod, struct cr_err *err)
{
    if (tok_gate_exiting())
        return cr_fail(err, CR_E_TOKEN, "%s: the process is exiting", mod->path);
    if (inside != NULL)
        return cr_fail(err, CR_E_TOKEN, "%s: called from inside a PKCS#11 module", mod->path);
    return cr_ok();
}

static bool shut(struct tok_module *mod, bool owner)
{
    return atomic_load(&forking) || (!owner && atomic_load(&mod->closed));
}

/* Counts itself in first and looks at the gate then; whoever closes it does the opposite. */
static bool try_enter(struct tok_module *mod, bool owner)
{
    atomic_fetch_add(&mod->inflight, 1);
    if (!shut(mod, owner)) {
        inside = mod;
        return true;
    }
    atomic_fetch_sub(&mod->inflight, 1);
    return false;
}

static cr_status enter(struct tok_module *mod, bool owner, int64_t deadline, struct cr_err *err)
{
    bool in_time = true;

    while (!try_enter(mod, owner)) {
        if (!in_time)
            return cr_fail(err, CR_E_BUSY, "%s: timed out waiting for the module to be rebuilt", mod->path);
        pthread_mutex_lock(&mod->lock);
        while (in_time && shut(mod, owner))
            in_time = tok_module_wait(mod, deadline);
        pthread_mutex_unlock(&mod->lock);
    }
    return cr_ok();
}

static cr_status ticket_take(struct tok_module *mod, int64_t deadline, struct cr_err *err)
{
    bool in_time = true;

    pthread_mutex_lock(&mod->lock);
    while (in_time && mod->ticket_taken)
        in_time = tok_module_wait(mod, deadline);
    if (in_time)
        mod->ticket_taken = true;
    pthread_mutex_unlock(&mod->lock);
    return in_time ? cr_ok() : cr_fail(err, CR_E_BUSY, "%s: timed out waiting for the module's one ticket", mod->path);
}

static void ticket_give(struct tok_module *mod)
{
    ticketed = false;
    pthread_mutex_lock(&mod->lock);
    mod->ticket_taken = false;
    tok_module_wake(mod);
    pthread_mutex_unlock(&mod->lock);
}

/* A module turns out to be serial (CKR_CANT_LOCK) behind a closed gate: who waited there without a ticket starts over. */
cr_status tok_gate_enter(struct tok_module *mod, unsigned wait_ms, struct cr_err *err)
{
    int64_t deadline;
    bool serial = atomic_load(&mod->serialize);
    cr_status st = may_enter(mod, err);

    if (cr_failed(st))
        return st;
    if (!serial && try_enter(mod, false))
        return cr_ok();
    deadline = tok_clock_ms() + wait_ms;
    if (serial && cr_failed(st = ticket_take(mod, deadline, err)))
        return st;
    ticketed = serial;
    st = enter(mod, false, deadline, err);
    if (cr_failed(st) && serial)
        ticket_give(mod);
    if (!cr_failed(st) && serial != atomic_load(&mod->serialize)) {
        tok_gate_leave(mod);
        return tok_gate_enter(mod, wait_ms, err);
    }
    return st;
}

/* The busy owner holds no ticket: behind a closed gate nobody else calls. */
cr_status tok_gate_enter_owner(struct tok_module *mod, unsigned wait_ms, struct cr_err *err)
{
    cr_status st = may_enter(mod, err);

    return cr_failed(st) ? st : enter(mod, true, tok_clock_ms() + wait_ms, err);
}

void tok_gate_leave(struct tok_module *mod)
{
    inside = NULL;
    atomic_fetch_sub(&mod->inflight, 1);
    if (ticketed)
        ticket_give(mod);
}

cr_status tok_gate_close(struct tok_module *mod, unsigned wait_ms, struct cr_err *err)
{
    int64_t deadline = tok_clock_ms() + wait_ms;

    atomic_store(&mod->closed, true);
    while (atomic_load(&mod->inflight) > 0) {
        if (tok_clock_ms() > deadline) {
            tok_gate_open(mod);
            return cr_fail(err, CR_E_TOKEN, "%s: a call is stuck in the module, it cannot be rebuilt", mod->path);
        }
        nap(100000);
    }
    return cr_ok();
}

void tok_gate_open(struct tok_module *mod)
{
    pthread_mutex_lock(&mod->lock);
    atomic_store(&mod->closed, false);
    tok_module_wake(mod);
    pthread_mutex_unlock(&mod->lock);
}

/* A module may fork itself (p11-kit's remote one starts a server): its own call is not waited for. */
static bool empty(struct tok_module *mod)
{
    return atomic_load(&mod->inflight) <= (inside == mod);
}

static bool all_empty(void)
{
    bool all = true;

    for (struct tok_module *mod = tok_module_first(); mod != NULL; mod = mod->next)
        all = empty(mod) && all;
    return all;
}

/* Seen empty once behind the closed gate, a module is empty: who counts itself in later is turned away. The count alone
 * cannot tell, least of all its copy in the child, where somebody may have been just about to turn. */
static bool all_drained(void)
{
    bool all = true;

    for (struct tok_module *mod = tok_module_first(); mod != NULL; mod = mod->next) {
        mod->drained = mod->drained || empty(mod);
        all = mod->drained && all;
    }
    return all;
}

static void fork_prepare(void)
{
    int64_t deadline = tok_clock_ms() + FORK_WAIT_MS;
    int keep = errno;

    tok_registry_lock();
    for (struct tok_module *mod = tok_module_first(); mod != NULL; mod = mod->next)
        mod->drained = false;
    tok_fork_prepare(inside == NULL && !tok_gate_exiting());
    atomic_store(&forking, true);
    while (!all_drained() && !tok_gate_exiting() && tok_clock_ms() < deadline)
        nap(50000);
    for (struct tok_module *mod = tok_module_first(); mod != NULL; mod = mod->next)
        pthread_mutex_lock(&mod->lock);
    errno = keep;
}

static void fork_parent(void)
{
    atomic_store(&forking, false);
    for (struct tok_module *mod = tok_module_first(); mod != NULL; mod = mod->next) {
        tok_module_wake(mod);
        pthread_mutex_unlock(&mod->lock);
    }
    tok_registry_unlock();
}

/* What other threads held is nobody's now; what this thread is in the middle of stays counted. */
static void child_reset(struct tok_module *mod)
{
    unsigned own = inside == mod;

    mod->stuck = mod->stuck || !mod->drained;
    atomic_store(&mod->inflight, own);
    atomic_store(&mod->closed, false);
    mod->ticket_taken = own && ticketed;
    mod->inherited = mod->inherited || mod->up;
    mod->busy = mod->up = mod->broken = mod->rebuilt = false;
    mod->waiters = 0;
    mod->vain = 0;
    mod->epoch++;
    for (struct tok_slot *slot = mod->slots; slot != NULL; slot = slot->next) {
        slot->forked_stamp = slot->stamp;
        slot->retry_ms = 0;
    }
    tok_slots_forget(mod);
}

static void fork_child(void)
{
    pthread_condattr_t attr;

    atomic_fetch_add(&process, 1);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    for (struct tok_module *mod = tok_module_first(); mod != NULL; mod = mod->next) {
        child_reset(mod);
        pthread_cond_init(&mod->changed, &attr);
        pthread_mutex_unlock(&mod->lock);
    }
    pthread_condattr_destroy(&attr);
    atomic_store(&forking, false);
    tok_registry_unlock();
}

static void install(void)
{
    (void)pthread_atfork(fork_prepare, fork_parent, fork_child);
}

void tok_gate_install(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, install);
}

/* exit() runs while other threads sign: those inside are given a moment, as the module's own statics go next. */
void tok_process_exiting(void)
{
    int64_t deadline = tok_clock_ms() + FORK_WAIT_MS;

    atomic_store(&exiting, true);
    while (!all_empty() && tok_clock_ms() < deadline)
        nap(50000);
}

/* Servers ignore SIGPIPE, and then one call sees so and two are spared. Where it last was not ignored, it is asked again
 * now and then. */
static bool pipe_ignored(void)
{
    static atomic_bool was = true;
    static atomic_uint asked;
    struct sigaction now;
    bool ignored;

    if (!atomic_load_explicit(&was, memory_order_relaxed) &&
        atomic_fetch_add_explicit(&asked, 1, memory_order_relaxed) % PIPE_ASK_EVERY != 0)
        return false;
    ignored = sigaction(SIGPIPE, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == SIG_IGN;
    if (ignored != atomic_load_explicit(&was, memory_order_relaxed))
        atomic_store_explicit(&was, ignored, memory_order_relaxed);
    return ignored;
}

void tok_sigpipe_block(struct tok_sigpipe *s)
{
    sigset_t pipe, before;

    s->masked = false;
    if (pipe_ignored())
        return;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    /* Where the host blocks it already, one that comes is the host's to see. */
    s->masked = pthread_sigmask(SIG_BLOCK, &pipe, &before) == 0 && sigismember(&before, SIGPIPE) == 0;
}

void tok_sigpipe_restore(struct tok_sigpipe *s)
{
    static const struct timespec zero;
    int keep = errno;
    sigset_t pipe;

    if (!s->masked)
        return;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    while (sigtimedwait(&pipe, NULL, &zero) < 0 && errno == EINTR)
        continue;
    (void)pthread_sigmask(SIG_UNBLOCK, &pipe, NULL);
    s->masked = false;
    errno = keep;
}
