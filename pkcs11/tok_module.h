/* SPDX-License-Identifier: Apache-2.0 */
/* PKCS#11 modules of this process: a static registry keyed by real path and init string, reference-counted by their
 * users; entries stay for ever, so they may be walked without a lock. Epoch and rebuild belong to the module.
 *
 * mod->lock guards everything marked so, here and in the module's token slots; it is never held across a C_ call, a
 * callback or I/O, and never two of them at once (the atfork handlers excepted). The registry's own lock comes first. */
#ifndef TOK_MODULE_H
#define TOK_MODULE_H

#include <sys/types.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "tok_ckr.h"

struct tok_slot;

struct tok_module {
    struct tok_module *next; /* set once, before it is published */
    char *path, *init_args;  /* set once */

    /* The gate (tok_gate.h). */
    atomic_uint inflight;
    atomic_bool closed;    /* for a rebuild; only the busy owner passes */
    atomic_bool serialize; /* one call at a time, by the ticket */

    atomic_bool fork_ready; /* somebody's token of it is to be ready after a fork */

    pthread_mutex_t lock;
    pthread_cond_t changed; /* monotonic; anything below changed */
    unsigned waiters;       /* on changed */
    unsigned refs;
    struct tok_slot *slots;
    bool ticket_taken; /* by the one who may call, if serialize */
    bool busy;         /* somebody loads, initializes, logs in: one at a time */
    bool up;           /* C_Initialize succeeded in this process */
    bool broken;       /* up, but to be rebuilt before it is used again */
    bool drained;      /* nobody was inside when the fork in progress began; the atfork handlers' */
    unsigned vain;     /* attempts to get a slot ready that failed, in a row */
    bool kept;         /* our C_Finalize did not finalize it */
    bool inherited;    /* up in the process that this one was forked from, and not finalized since */
    bool rebuilt;      /* since the fork, by p11-kit */
    bool stuck;        /* forked while a call was in it: of no use in this process */
    uint64_t epoch;    /* grows at each C_Initialize and in a forked child */
    uint64_t stamp;    /* the last one a slot got */

    /* Written by the busy owner alone, read when up. */
    CK_FUNCTION_LIST *p11; /* p11-kit's managed list; NULL until loaded */
    uid_t uid;             /* that loaded it */
};

/* Takes a reference on the entry, which is made if need be. Loads nothing. */
cr_status tok_module_get(const char *path, const char *init_args, bool serialize, struct tok_module **out,
                         struct cr_err *err);
/* The last one finalizes and releases the module, unless the process is exiting. */
void tok_module_put(struct tok_module **mod);

/* For the busy owner, no lock held: loads the file if need be, initializes, or rebuilds when broken (closes the gate,
 * drains it, C_Finalize, C_Initialize, reopens). Sets *fresh when C_Initialize was called. */
cr_status tok_module_start(struct tok_module *mod, unsigned wait_ms, bool *fresh, struct cr_err *err);

/* Has this process another root directory than the one the module was loaded from? Asked by its file's name. */
bool tok_module_outside(const struct tok_module *mod);

#define TOK_REACH_MAX 192

/* The end of a sentence about a token that cannot be reached: the uid, and what changed since the module was loaded. */
void tok_module_reach(const struct tok_module *mod, char out[TOK_REACH_MAX]);

/* First entry of the registry, and so on by ->next. */
struct tok_module *tok_module_first(void);
void tok_registry_lock(void);
void tok_registry_unlock(void);

/* Monotonic microseconds, and milliseconds: a deadline for tok_module_wait. */
int64_t tok_clock_us(void);
int64_t tok_clock_ms(void);
/* Sleeps before another try, after @tried in vain: 2 ms and more, at most 50, different in processes that start together.
 * No lock may be held. */
void tok_pause(unsigned tried);
/* Waits for a change, mod->lock held. False when @deadline_ms is over. */
bool tok_module_wait(struct tok_module *mod, int64_t deadline_ms);
/* Wakes waiters, if any; mod->lock held. */
void tok_module_wake(struct tok_module *mod);

#endif
