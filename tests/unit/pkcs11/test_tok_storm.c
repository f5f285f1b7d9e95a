/* SPDX-License-Identifier: Apache-2.0 */
/* Threads sign while calls fail all around them: what comes back is right or an error that names a C_ function, and when
 * the storm is over everybody signs. */
#include "mocked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define THREADS 8
#define ROUNDS  120

static const enum mock_function of[] = {
    MOCK_C_Initialize,        MOCK_C_GetSlotList, MOCK_C_GetTokenInfo,    MOCK_C_OpenSession,
    MOCK_C_CloseSession,      MOCK_C_Login,       MOCK_C_FindObjects,     MOCK_C_FindObjectsFinal,
    MOCK_C_GetAttributeValue, MOCK_C_SignInit,    MOCK_C_FindObjectsInit, MOCK_C_Sign,
};

static const CK_RV rvs[] = {CKR_DEVICE_ERROR,          CKR_SESSION_CLOSED,  CKR_USER_NOT_LOGGED_IN,
                            CKR_OBJECT_HANDLE_INVALID, CKR_FUNCTION_FAILED, CKR_CRYPTOKI_NOT_INITIALIZED,
                            CKR_OPERATION_ACTIVE,      CKR_SESSION_COUNT};

static atomic_bool over;
static atomic_uint good;

struct worker {
    struct tok_object *obj;
    unsigned failed;
    struct cr_err odd; /* an error that tells nothing */
};

static bool tells(const char *text)
{
    return strstr(text, "C_") != NULL || strstr(text, "sessions stayed in use") != NULL ||
           strstr(text, "timed out") != NULL;
}

static void *work(void *arg)
{
    struct worker *w = arg;

    while (!atomic_load(&over)) {
        struct cr_err err = {0};
        if (!cr_failed(fixture_sign_verify(&mocked.f, w->obj, mocked.pkey, &err))) {
            atomic_fetch_add(&good, 1);
            continue;
        }
        w->failed++;
        if (!tells(err.text))
            w->odd = err;
    }
    return NULL;
}

static void storm(unsigned long max_sessions)
{
    struct timespec ts = {0, 5000000};
    struct tok_object *obj = NULL;
    struct worker w[THREADS];
    struct cr_err err = {0};
    pthread_t t[THREADS];

    mocked_close();
    mocked_heal();
    atomic_store(&mocked.counts->persona.max_sessions, max_sessions);
    assert_int_equal(mocked_find(&obj, &err).code, CR_OK);
    atomic_store(&over, false);
    atomic_store(&good, 0);
    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct worker){.obj = obj};
        assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
    }
    for (unsigned i = 0; i < ROUNDS || (atomic_load(&good) == 0 && i < 100 * ROUNDS); i++) {
        /* Each function once for each CKR in so many rounds; the first call that is made next. */
        mock_fail(mocked.counts, of[i % CR_COUNT(of)], rvs[i / CR_COUNT(of) % CR_COUNT(rvs)], 0, 1);
        if (i % 3 == 0) /* and what makes everything begin anew */
            mock_fail(mocked.counts, MOCK_C_SignInit, CKR_DEVICE_ERROR, 0, 1);
        nanosleep(&ts, NULL);
    }
    for (size_t i = 0; i < CR_COUNT(of); i++)
        mock_fail(mocked.counts, of[i], 0, 0, 0);
    atomic_store(&over, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        assert_string_equal(w[i].odd.text, "");
        assert_int_equal(fixture_sign_verify(&mocked.f, obj, mocked.pkey, &err).code, CR_OK);
    }
    assert_true(atomic_load(&good) > 0);
    assert_int_equal(atomic_load(&mocked.counts->seen.dirty), 0);
    assert_true(atomic_load(&mocked.counts->seen.most) <=
                mocked.conf.max_sessions + atomic_load(&mocked.counts->of[MOCK_C_CloseSession].failed));
    mocked.f.signer->ops->object_unref(&obj);
}

static void eight_threads_outlast_a_storm_of_failures(void **state)
{
    (void)state;
    storm(0);
}

static void eight_threads_outlast_it_with_three_sessions(void **state)
{
    (void)state;
    storm(3);
}

/* MOCK_C_CopyObject is not among what fails: a copy that is refused is not missed. */
static void eight_threads_outlast_it_with_copies_of_the_key(void **state)
{
    (void)state;
    mocked_close();
    mocked.conf.key_copy = TOK_KEY_COPY_ALWAYS;
    storm(0);
    mocked_close();
    mocked.conf.key_copy = TOK_KEY_COPY_NEVER;
}

static struct tok_object *other;

static void *other_signs(void *arg)
{
    *(cr_status *)arg = fixture_sign_verify(&mocked.f, other, mocked.pkey, NULL);
    return NULL;
}

/* Called between two uses of a session; meanwhile another thread starts the module anew. */
static cr_status verify_while_others_repair(void *arg, const struct tok_mech *mech, struct cr_bytes msg,
                                            struct cr_bytes sig, struct cr_err *err)
{
    struct tok_object *now = other;
    cr_status st = cr_ok();
    pthread_t t;

    if (now != NULL) {
        mock_fail(mocked.counts, MOCK_C_SignInit, CKR_DEVICE_ERROR, 0, 1);
        assert_int_equal(pthread_create(&t, NULL, other_signs, &st), 0);
        pthread_join(t, NULL);
        assert_int_equal(st.code, CR_OK);
        mocked.f.signer->ops->object_unref(&other);
    }
    return fixture_verify(arg, mech, msg, sig, err);
}

/* Its handles may be another thread's session and another key by then. */
static void a_session_from_before_a_new_start_is_not_used(void **state)
{
    const char *location = mocked.location;
    struct tok_object *obj = NULL;
    struct cr_err err = {0};
    unsigned long inits, opened;

    (void)state;
    mocked_close();
    mocked_heal();
    mocked_open();
    assert_int_equal(
        mocked.f.signer->ops
            ->find(mocked.f.signer, &location, 1, &mocked.pub, verify_while_others_repair, mocked.pkey, &obj, &err)
            .code,
        CR_OK);
    assert_int_equal(mocked_find(&other, &err).code, CR_OK);
    inits = mocked_calls(MOCK_C_SignInit);
    opened = mocked_calls(MOCK_C_OpenSession);
    mock_fail(mocked.counts, MOCK_C_SignInit, CKR_SESSION_CLOSED, 0, 1); /* the key is to be proven anew */
    assert_int_equal(fixture_sign_verify(&mocked.f, obj, mocked.pkey, &err).code, CR_OK);
    assert_null(other);
    /* Failed, proven; the other's that failed, proven, signed; signed: none in the session from before. */
    assert_int_equal(mocked_calls(MOCK_C_SignInit) - inits, 6);
    /* After the failure, the other thread's, after the new start: all others are closed by that. */
    assert_int_equal(mocked_calls(MOCK_C_OpenSession) - opened, 3);
    mocked.f.signer->ops->object_unref(&obj);
}

static int setup(void **state)
{
    (void)state;
    mocked_make();
    mocked.conf.wait_ms = 60000;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mocked_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_from_before_a_new_start_is_not_used),
        cmocka_unit_test(eight_threads_outlast_a_storm_of_failures),
        cmocka_unit_test(eight_threads_outlast_it_with_three_sessions),
        cmocka_unit_test(eight_threads_outlast_it_with_copies_of_the_key),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
