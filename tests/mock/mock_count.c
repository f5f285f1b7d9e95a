/* SPDX-License-Identifier: Apache-2.0 */
#include "mock_count.h"

#define CRYPTOKI_GNU 1 /* the table of functions uses these names */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "mock_hooks.h"

static struct ck_function_list *target;
static struct ck_function_list behind; /* the target, with the hooks of the personality in it */
static struct mock_counts *counts;
static unsigned long delay_us;

#define SLICE_US 5000

static void sleep_us(unsigned long us)
{
    struct timespec ts = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};

    if (us > 0)
        nanosleep(&ts, NULL);
}

/* As long as it says, which may change meanwhile: a call that looks frozen goes on when a test stores 0. */
static void delay(const atomic_ulong *us)
{
    unsigned long all, slept = 0, slice;

    while ((all = atomic_load(us)) > slept) {
        slice = all - slept < SLICE_US ? all - slept : SLICE_US;
        sleep_us(slice);
        slept += slice;
    }
}

/* One less, if there is one. */
static bool take_one(atomic_ulong *from)
{
    unsigned long left = atomic_load(from);

    while (left > 0 && !atomic_compare_exchange_weak(from, &left, left - 1))
        continue;
    return left > 0;
}

/* True when the call is to fail with *rv. */
static bool before(enum mock_function f, ck_rv_t *rv)
{
    struct mock_entry *e;

    if (counts != NULL && atomic_fetch_add(&counts->seen.running, 1) > 0)
        atomic_fetch_add(&counts->seen.overlaps, 1);
    sleep_us(delay_us);
    if (counts == NULL)
        return false;
    e = &counts->of[f];
    atomic_fetch_add(&e->calls, 1);
    delay(&e->delay_us);
    *rv = atomic_load(&e->fail_rv);
    if (atomic_load(&e->fail_left) == 0 || take_one(&e->fail_skip) || !take_one(&e->fail_left))
        return false;
    atomic_fetch_add(&e->failed, 1);
    return true;
}

static ck_rv_t after(ck_rv_t rv, bool made)
{
    if (counts == NULL)
        return rv;
    if (!made && rv == CKR_OPERATION_ACTIVE)
        atomic_fetch_add(&counts->seen.dirty, 1);
    atomic_fetch_sub(&counts->seen.running, 1);
    return rv;
}

#define MOCK_DEFINE(name, params, args)                                                                                \
    static ck_rv_t mock_##name params                                                                                  \
    {                                                                                                                  \
        ck_rv_t rv;                                                                                                    \
                                                                                                                       \
        return before(MOCK_##name, &rv) ? after(rv, true) : after(behind.name args, false);                            \
    }
MOCK_FUNCTIONS(MOCK_DEFINE)

ck_rv_t __attribute__((visibility("default"))) C_GetFunctionList(struct ck_function_list **list);

#define MOCK_MEMBER(name, params, args) .name = mock_##name,
static struct ck_function_list functions = {MOCK_FUNCTIONS(MOCK_MEMBER).C_GetFunctionList = C_GetFunctionList};

static void target_load(void)
{
    const char *path = getenv("CERTROLL_MOCK_TARGET"), *file = getenv("CERTROLL_MOCK_COUNTS");
    const char *delay = getenv("CERTROLL_MOCK_DELAY_US");
    void *so = path != NULL ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    ck_rv_t (*get)(struct ck_function_list **) = NULL;

    if (so != NULL)
        *(void **)&get = dlsym(so, "C_GetFunctionList");
    if (get == NULL || get(&target) != CKR_OK)
        target = NULL;
    if (file != NULL)
        counts = mock_counts_map(file);
    if (delay != NULL)
        delay_us = strtoul(delay, NULL, 10);
#define MOCK_NAME(name, params, args) strcpy(counts->of[MOCK_##name].label, #name);
    if (counts != NULL) {
        MOCK_FUNCTIONS(MOCK_NAME)
    }
    if (target == NULL)
        return;
    functions.version = target->version;
    behind = *target;
    if (counts != NULL)
        mock_hooks_install(target, &behind, &counts->persona, &counts->seen);
}

ck_rv_t C_GetFunctionList(struct ck_function_list **list)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, target_load);
    *list = &functions;
    return target != NULL ? CKR_OK : CKR_GENERAL_ERROR;
}
