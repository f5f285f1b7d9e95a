/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_module.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cr_file.h"
#include "tok_fork.h"
#include "tok_gate.h"
#include "tok_kit.h"
#include "tok_slot.h"

#define INIT_TRIES 12
#define INIT_MS    1200 /* for what another process may do to SoftHSM's files */
#define PAUSE_MAX  50   /* ms */

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(struct tok_module *) registry; /* entries are added in front and never removed */

struct tok_module *tok_module_first(void)
{
    return atomic_load(&registry);
}

void tok_registry_lock(void)
{
    pthread_mutex_lock(&registry_lock);
}

void tok_registry_unlock(void)
{
    pthread_mutex_unlock(&registry_lock);
}

int64_t tok_clock_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t tok_clock_ms(void)
{
    return tok_clock_us() / 1000;
}

void tok_pause(unsigned tried)
{
    long most = tried < 4 ? 4L << tried : PAUSE_MAX;
    struct timespec now, ts = {0, 0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    ts.tv_nsec = 2000000 + (now.tv_nsec / 64 + (long)getpid() * 7919) % (most - 1) * 1000000;
    nanosleep(&ts, NULL);
}

bool tok_module_wait(struct tok_module *mod, int64_t deadline_ms)
{
    struct timespec ts = {(time_t)(deadline_ms / 1000), (long)(deadline_ms % 1000) * 1000000};
    uint64_t process = tok_gate_process();
    int r;

    mod->waiters++;
    r = pthread_cond_timedwait(&mod->changed, &mod->lock, &ts);
    if (process == tok_gate_process())
        mod->waiters--;
    return r != ETIMEDOUT;
}

void tok_module_wake(struct tok_module *mod)
{
    if (mod->waiters > 0)
        pthread_cond_broadcast(&mod->changed);
}

static bool text_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void entry_free(struct tok_module *mod)
{
    if (mod == NULL)
        return;
    free(mod->path);
    free(mod->init_args);
    free(mod);
}

static cr_status entry_new(const char *path, const char *init_args, struct tok_module **out, struct cr_err *err)
{
    struct tok_module *mod = calloc(1, sizeof(*mod));
    pthread_condattr_t attr;
    cr_status st = cr_ok();

    if (mod == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (cr_failed(st = cr_strdup(path, &mod->path, err)) ||
        cr_failed(st = cr_strdup(init_args, &mod->init_args, err))) {
        entry_free(mod);
        return st;
    }
    pthread_mutex_init(&mod->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&mod->changed, &attr);
    pthread_condattr_destroy(&attr);
    *out = mod;
    return st;
}

static struct tok_module *entry_find(const char *path, const char *init_args)
{
    struct tok_module *mod = tok_module_first();

    while (mod != NULL && !(text_equal(mod->path, path) && text_equal(mod->init_args, init_args)))
        mod = mod->next;
    return mod;
}

cr_status tok_module_get(const char *path, const char *init_args, bool serialize, struct tok_module **out,
                         struct cr_err *err)
{
    struct tok_module *mod;
    char *real = realpath(path, NULL); /* a missing file is reported when it is loaded */
    cr_status st = cr_ok();

    if (init_args != NULL && *init_args == '\0')
        init_args = NULL;
    tok_gate_install();
    tok_registry_lock();
    mod = entry_find(real != NULL ? real : path, init_args);
    if (mod == NULL && !cr_failed(st = entry_new(real != NULL ? real : path, init_args, &mod, err))) {
        mod->next = tok_module_first();
        atomic_store(&registry, mod);
    }
    if (!cr_failed(st)) {
        pthread_mutex_lock(&mod->lock);
        mod->refs++;
        if (!mod->up)
            atomic_store(&mod->serialize, atomic_load(&mod->serialize) || serialize);
        pthread_mutex_unlock(&mod->lock);
        *out = mod;
    }
    tok_registry_unlock();
    free(real);
    return st;
}

/* The one who made busy true finalizes and unloads; a get that comes meanwhile waits in tok_slot_ready and loads anew. */
void tok_module_put(struct tok_module **modp)
{
    struct tok_module *mod = *modp;
    bool last;

    *modp = NULL;
    if (mod == NULL)
        return;
    pthread_mutex_lock(&mod->lock);
    last = --mod->refs == 0 && !mod->busy && mod->p11 != NULL && !mod->stuck && !tok_gate_exiting();
    mod->busy = mod->busy || last;
    pthread_mutex_unlock(&mod->lock);
    if (!last)
        return;
    if (!cr_failed(tok_gate_close(mod, 1000, NULL))) {
        if (mod->up && !cr_failed(tok_gate_enter_owner(mod, 1000, NULL))) {
            mod->p11->C_Finalize(NULL);
            tok_gate_leave(mod);
        }
        tok_kit()->module_release(mod->p11);
        mod->p11 = NULL;
        pthread_mutex_lock(&mod->lock);
        mod->up = mod->broken = false;
        mod->epoch++;
        tok_slots_forget(mod);
        pthread_mutex_unlock(&mod->lock);
        tok_gate_open(mod);
    }
    pthread_mutex_lock(&mod->lock);
    mod->busy = false;
    tok_module_wake(mod);
    pthread_mutex_unlock(&mod->lock);
}

static cr_status file_trusted(struct tok_module *mod, struct cr_err *err)
{
    cr_status st;
    int fd;

    if (strchr(mod->path, '/') == NULL)
        return cr_ok(); /* found by p11-kit in its own directory */
    if ((fd = open(mod->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) < 0)
        return cr_fail_errno(err, CR_E_TOKEN, errno, "PKCS#11 module %s (uid %u)", mod->path, (unsigned)geteuid());
    st = cr_file_trusted(fd, mod->path, err);
    close(fd);
    return st;
}

static cr_status load(struct tok_module *mod, unsigned wait_ms, struct cr_err *err)
{
    const char *why;
    cr_status st = file_trusted(mod, err);

    if (cr_failed(st) || cr_failed(st = tok_kit_load(err)) || cr_failed(st = tok_gate_enter_owner(mod, wait_ms, err)))
        return st;
    mod->p11 = tok_kit()->module_load(mod->path, 0);
    mod->uid = geteuid();
    why = mod->p11 == NULL ? tok_kit()->message() : NULL;
    tok_gate_leave(mod);
    if (mod->p11 == NULL)
        return cr_fail(err, CR_E_TOKEN, "PKCS#11 module %s: %s", mod->path, why != NULL ? why : "cannot be loaded");
    tok_fork_loaded(mod);
    return cr_ok();
}

bool tok_module_outside(const struct tok_module *mod)
{
    return strchr(mod->path, '/') != NULL && access(mod->path, F_OK) != 0 && errno == ENOENT;
}

/* Servers change root and user after the load, and a token in files is then out of reach. */
void tok_module_reach(const struct tok_module *mod, char out[TOK_REACH_MAX])
{
    unsigned uid = (unsigned)geteuid();

    if (tok_module_outside(mod))
        snprintf(out, TOK_REACH_MAX,
                 "uid %u; the module's file is not in this process's root directory (chroot?), nor is the token: %s",
                 uid,
                 atomic_load(&mod->fork_ready) ? "restart the program, which must fork with one thread"
                                               : "set key-copy = always, and ready-after-fork where children sign");
    else if (mod->p11 != NULL && mod->uid != (uid_t)uid)
        snprintf(out, TOK_REACH_MAX,
                 "uid %u; it was loaded by uid %u: let uid %u, or a group it has, use the token's files", uid,
                 (unsigned)mod->uid, uid);
    else
        snprintf(out, TOK_REACH_MAX, "uid %u", uid);
}

/* A serial module gets no locking asked of it, unless it wants that (p11-kit's client does); it is entered by one ticket all
 * the same. */
static CK_RV initialize_once(struct tok_module *mod, CK_FUNCTION_LIST *p11)
{
    CK_C_INITIALIZE_ARGS args = {.flags = mod->serialize ? 0 : CKF_OS_LOCKING_OK, .pReserved = mod->init_args};
    CK_RV rv = p11->C_Initialize(&args);

    if (rv == CKR_CANT_LOCK) {
        args.flags = mod->serialize ? CKF_OS_LOCKING_OK : 0;
        mod->serialize = true;
        rv = p11->C_Initialize(&args);
    }
    return rv;
}

/* Past p11-kit, which counts the users of a module. */
static CK_RV raw_call(struct tok_module *mod, bool up)
{
    CK_FUNCTION_LIST *raw = tok_kit()->module_load(mod->path, P11_KIT_MODULE_UNMANAGED);
    CK_RV rv;

    if (raw == NULL)
        return CKR_GENERAL_ERROR;
    rv = up ? initialize_once(mod, raw) : raw->C_Finalize(NULL);
    tok_kit()->module_release(raw);
    return rv;
}

/* SoftHSM 2.6.1 fails when several processes initialize it at the same moment, and on a busy machine that takes a while. */
static bool once_more(CK_RV rv, unsigned tries, int64_t deadline)
{
    if (rv == CKR_GENERAL_ERROR && tok_clock_ms() < deadline)
        return true;
    return (rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED || rv == CKR_DEVICE_ERROR) && tries < INIT_TRIES;
}

/* The long wait is for the first attempt in a row alone, and not where the token is out of reach: a server that cannot have it
 * waits in each handshake. */
static cr_status initialize(struct tok_module *mod, unsigned wait_ms, struct cr_err *err)
{
    int64_t deadline = tok_clock_ms() + (mod->vain == 0 && !tok_module_outside(mod) ? INIT_MS : 0);
    char reach[TOK_REACH_MAX];
    unsigned tries = 0;
    cr_status st;
    CK_RV rv;

    do {
        if (tries > 0)
            tok_pause(tries - 1);
        if (cr_failed(st = tok_gate_enter_owner(mod, wait_ms, err)))
            return st;
        rv = initialize_once(mod, mod->p11);
        tok_gate_leave(mod);
    } while (once_more(rv, ++tries, deadline));
    if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return cr_ok();
    tok_module_reach(mod, reach);
    return cr_fail(err, CR_E_TOKEN, "%s: C_Initialize: %s (0x%lx), %s", mod->path, tok_ckr_name(rv), rv, reach);
}

/* A module that a forked child found initialized (SoftHSM, by its copied memory) is not finalized by p11-kit, which did not
 * initialize it there: it would keep what it knew of the token at the fork, for ever. Once it is, p11-kit initializes it. That
 * takes their sessions from other users of the module, if there are any: only when a rebuild did not help. */
static void finalize(struct tok_module *mod, unsigned wait_ms)
{
    CK_RV rv;

    if (cr_failed(tok_gate_enter_owner(mod, wait_ms, NULL)))
        return;
    mod->p11->C_Finalize(NULL);
    if (mod->inherited && mod->rebuilt) {
        rv = raw_call(mod, true);
        if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
            (void)raw_call(mod, false);
        mod->inherited = false;
    }
    mod->rebuilt = true;
    tok_gate_leave(mod);
}

/* p11-kit finalizes a module with its last user in the process, and says nothing to the others. Asked of the module itself,
 * once a rebuild has been in vain. */
static bool kept_by_others(struct tok_module *mod, unsigned wait_ms)
{
    CK_RV rv;

    if (mod->vain == 0 || cr_failed(tok_gate_enter_owner(mod, wait_ms, NULL)))
        return false;
    if ((rv = raw_call(mod, true)) == CKR_OK)
        (void)raw_call(mod, false);
    tok_gate_leave(mod);
    return rv == CKR_CRYPTOKI_ALREADY_INITIALIZED;
}

cr_status tok_module_start(struct tok_module *mod, unsigned wait_ms, bool *fresh, struct cr_err *err)
{
    uint64_t process = tok_gate_process();
    bool sound, kept = false;
    cr_status st;

    pthread_mutex_lock(&mod->lock);
    sound = mod->up && !mod->broken;
    pthread_mutex_unlock(&mod->lock);
    if (sound)
        return cr_ok();
    if (cr_failed(st = tok_gate_close(mod, wait_ms, err)))
        return st;
    if (mod->up) {
        finalize(mod, wait_ms);
        kept = kept_by_others(mod, wait_ms);
    }
    if (mod->p11 == NULL)
        st = load(mod, wait_ms, err);
    if (!cr_failed(st))
        st = initialize(mod, wait_ms, err);
    if (process != tok_gate_process())
        return cr_fail(err, CR_E_BUSY, "%s: forked while it was initialized", mod->path);
    pthread_mutex_lock(&mod->lock);
    mod->up = !cr_failed(st);
    mod->broken = false;
    mod->kept = kept;
    mod->epoch++;
    tok_slots_forget(mod);
    pthread_mutex_unlock(&mod->lock);
    tok_gate_open(mod);
    *fresh = true;
    return st;
}
