/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pkcs11/tok_ckr.h"

static const CK_RV all_rvs[] = {
    CKR_DEVICE_ERROR,
    CKR_DEVICE_REMOVED,
    CKR_DEVICE_MEMORY,
    CKR_TOKEN_NOT_PRESENT,
    CKR_TOKEN_NOT_RECOGNIZED,
    CKR_SLOT_ID_INVALID,
    CKR_SESSION_HANDLE_INVALID,
    CKR_SESSION_CLOSED,
    CKR_SESSION_COUNT,
    CKR_OBJECT_HANDLE_INVALID,
    CKR_KEY_HANDLE_INVALID,
    CKR_USER_NOT_LOGGED_IN,
    CKR_PIN_INCORRECT,
    CKR_PIN_LOCKED,
    CKR_HOST_MEMORY,
    CKR_FUNCTION_FAILED,
    CKR_GENERAL_ERROR,
    CKR_CRYPTOKI_NOT_INITIALIZED,
    CKR_OPERATION_ACTIVE,
    CKR_OPERATION_NOT_INITIALIZED,
    CKR_BUFFER_TOO_SMALL,
    CKR_MECHANISM_INVALID,
    CKR_ARGUMENTS_BAD,
    CKR_FUNCTION_NOT_SUPPORTED,
    CKR_VENDOR_DEFINED | 7,
};

/* One of each kind, where each row writes to a disk. */
static const CK_RV few_rvs[] = {CKR_DEVICE_ERROR,          CKR_SESSION_HANDLE_INVALID,
                                CKR_OBJECT_HANDLE_INVALID, CKR_FUNCTION_FAILED,
                                CKR_HOST_MEMORY,           CKR_USER_NOT_LOGGED_IN};

/* "C_Sign" is not in "C_SignInit". */
static bool names(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = strstr(text, word); p != NULL; p = strstr(p + n, word))
        if (!isalnum((unsigned char)p[n]) && p[n] != '_')
            return true;
    return false;
}

static long ms_since(const struct timespec *from)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - from->tv_sec) * 1000 + (now.tv_nsec - from->tv_nsec) / 1000000;
}

/* A session that a token would not close stays open in it, and a text that it refused may leave an operation active: the
 * token layer found no fault of its own in either. */
static void judge(const struct path *path, enum mock_function of, CK_RV rv, struct cr_err *err, cr_status st, long ms)
{
    const char *function = mocked.counts->of[of].label, *ckr = tok_ckr_name(rv);
    struct mock_seen *seen = &mocked.counts->seen;
    unsigned long bound = mocked.conf.max_sessions + atomic_load(&mocked.counts->of[MOCK_C_CloseSession].failed);
    bool told = !cr_failed(st) || (names(err->text, function) && names(err->text, ckr));

    if (told && ms < 60000 && atomic_load(&seen->most) <= bound)
        return;
    fprintf(stderr, "%s: %s fails with %s: %lu sessions of %lu, %ld ms: %s\n", path->name, function, ckr,
            (unsigned long)atomic_load(&seen->most), bound, ms, err->text);
    fail();
}

/* The fault is gone: the same process signs, and nothing active is left in a session. */
static void judge_after(const struct path *path, enum mock_function of, CK_RV rv)
{
    struct mock_seen *seen = &mocked.counts->seen;
    bool text = of == MOCK_C_Decrypt;
    struct cr_err err = {0};
    cr_status st;

    for (unsigned i = 0; i < mocked.conf.max_sessions; i++) {
        st = mocked_sign(&err);
        if (!cr_failed(st) && (text || atomic_load(&seen->dirty) == 0))
            continue;
        fprintf(stderr, "%s: after %s failed with %s: %lu dirty: %s\n", path->name, mocked.counts->of[of].label,
                tok_ckr_name(rv), (unsigned long)atomic_load(&seen->dirty), err.text);
        fail();
    }
}

/* False when the call that is to fail is not made. */
static bool fault(const struct path *path, enum mock_function of, CK_RV rv, unsigned long skip, unsigned long times)
{
    static unsigned pins;
    struct mock_entry *entry = &mocked.counts->of[of];
    struct cr_err err = {0};
    struct timespec from;
    bool failed;
    char pin[32];
    cr_status st;

    mocked_heal();
    path->prepare();
    mock_fail(mocked.counts, of, rv, skip, times);
    clock_gettime(CLOCK_MONOTONIC, &from);
    st = path->go(&err);
    failed = atomic_load(&entry->failed) > 0;
    judge(path, of, rv, &err, st, ms_since(&from));
    mock_fail(mocked.counts, of, 0, 0, 0);
    if (of == MOCK_C_Login && (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED)) {
        snprintf(pin, sizeof(pin), "pin %u", ++pins); /* the one refused is not tried again */
        mocked_pin_set(pin, pin);
    }
    path->clean();
    judge_after(path, of, rv);
    if (of == MOCK_C_CloseSession)
        mocked_close(); /* p11-kit closes them before C_Finalize */
    return failed;
}

void faults_once(const struct path *path)
{
    const CK_RV *rvs = path->writes ? few_rvs : all_rvs;
    size_t nrvs = path->writes ? CR_COUNT(few_rvs) : CR_COUNT(all_rvs);
    unsigned long calls = path->writes ? 4 : 8;

    for (size_t i = 0; i < path->nof; i++) {
        unsigned long at, rows = 0;
        for (size_t j = 0; j < nrvs; j++)
            for (at = 0; at < calls && fault(path, path->of[i], rvs[j], at, 1); at++)
                rows++;
        assert_true(rows > 0 || path->of[i] == MOCK_C_CloseSession);
    }
}

void faults_for_ever(const struct path *path)
{
    static const CK_RV rvs[] = {CKR_DEVICE_ERROR, CKR_SESSION_HANDLE_INVALID, CKR_HOST_MEMORY, CKR_OPERATION_ACTIVE};
    static const unsigned long times[] = {2, 1000000}; /* the second try, too; all */

    for (size_t i = 0; i < path->nof; i++)
        for (size_t j = 0; j < CR_COUNT(rvs); j++)
            for (size_t k = 0; k < CR_COUNT(times); k++)
                fault(path, path->of[i], rvs[j], 0, times[k]);
}
