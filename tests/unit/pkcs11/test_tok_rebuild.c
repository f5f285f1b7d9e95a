/* SPDX-License-Identifier: Apache-2.0 */
/* A module that stays down: rebuilds are spaced, their callers share the result, and the first one after it is back works.
 * One that another library keeps initialized cannot be rebuilt, and the error says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mocked.h"
#include "pkcs11/tok_module.h"

static atomic_bool stop;
static atomic_uint unclear, made;
static char unclear_text[512]; /* the first one */

static void *work(void *obj)
{
    while (!atomic_load(&stop)) {
        struct cr_err err = {0};
        if (!cr_failed(fixture_sign_verify(&mocked.f, obj, mocked.pkey, &err)))
            atomic_fetch_add(&made, 1);
        else if (strstr(err.text, "C_GetSlotList: CKR_DEVICE_ERROR") == NULL && atomic_fetch_add(&unclear, 1) == 0)
            snprintf(unclear_text, sizeof(unclear_text), "%s", err.text);
    }
    return NULL;
}

static struct tok_object *found(void)
{
    struct tok_object *obj = NULL;
    struct cr_err err = {0};

    if (cr_failed(mocked_find(&obj, &err)))
        fail_msg("%s", err.text);
    return obj;
}

static void go_down(void)
{
    mock_fail(mocked.counts, MOCK_C_SignInit, CKR_DEVICE_ERROR, 0, 1);
    mock_fail(mocked.counts, MOCK_C_GetSlotList, CKR_DEVICE_ERROR, 0, 1000000);
}

static void rebuilds_are_spaced_and_the_first_after_it_is_back_works(void **state)
{
    struct timespec second = {1, 0};
    struct tok_object *obj;
    unsigned long before;
    int64_t began, took;
    pthread_t t[8];

    (void)state;
    mocked.conf.wait_ms = 20000; /* who waits does so for a result, also on a busy machine */
    mocked_open();
    obj = found();
    go_down();
    /* Else one thread opens another session while the first is in doubt still, and signs. */
    assert_true(cr_failed(fixture_sign_verify(&mocked.f, obj, mocked.pkey, NULL)));
    before = mocked_calls(MOCK_C_Initialize);
    began = tok_clock_ms();
    for (size_t i = 0; i < CR_COUNT(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, work, obj), 0);
    nanosleep(&second, NULL);
    atomic_store(&stop, true);
    for (size_t i = 0; i < CR_COUNT(t); i++)
        pthread_join(t[i], NULL);
    took = tok_clock_ms() - began;
    assert_int_equal(atomic_load(&made), 0);
    assert_string_equal(unclear_text, "");
    /* 10, 20, 40, 80, 160, 250, 250 ms and so on between them; each initializes once or twice. A busy machine takes longer. */
    assert_true((int64_t)(mocked_calls(MOCK_C_Initialize) - before) <= 2 * (8 + took / 250));
    mocked_heal();
    assert_int_equal(fixture_sign_verify(&mocked.f, obj, mocked.pkey, NULL).code, CR_OK);
    mocked.f.signer->ops->object_unref(&obj);
}

static void a_module_that_another_library_keeps_initialized_is_named(void **state)
{
    struct tok_object *obj;
    CK_FUNCTION_LIST *other;
    struct cr_err err = {0};

    (void)state;
    mocked_open();
    obj = found();
    assert_non_null(other = p11_kit_module_load(MOCK_MODULE, 0));
    assert_int_equal(p11_kit_module_initialize(other), CKR_OK);
    go_down();
    for (int i = 0; i < 3; i++)
        assert_int_equal(fixture_sign_verify(&mocked.f, obj, mocked.pkey, &err).code, CR_E_TOKEN);
    assert_non_null(strstr(err.text, "another library in this process keeps"));
    assert_non_null(strstr(err.text, "C_GetSlotList: CKR_DEVICE_ERROR"));
    assert_int_equal(p11_kit_module_finalize(other), CKR_OK);
    p11_kit_module_release(other);
    for (int i = 0; i < 2; i++)
        assert_int_equal(fixture_sign_verify(&mocked.f, obj, mocked.pkey, &err).code, CR_E_TOKEN);
    assert_null(strstr(err.text, "another library"));
    mocked_heal();
    assert_int_equal(fixture_sign_verify(&mocked.f, obj, mocked.pkey, NULL).code, CR_OK);
    mocked.f.signer->ops->object_unref(&obj);
}

/* A device error in a signature, and no token to be seen by what p11-kit does then: the module itself is finalized and
 * initialized, and the signature made. 0, or where it went wrong. */
static int rebuilt(struct tok_object *obj)
{
    unsigned long finalized, initialized;
    struct cr_err err = {0};
    int64_t began, took = 1000;
    cr_status st = cr_ok();

    /* No try is begun later than 1200 ms after the first: a busy machine may need more than one rebuild. */
    for (int tries = 0; tries < 20 && (tries == 0 || (cr_failed(st) && took >= 1000)); tries++) {
        began = tok_clock_ms();
        finalized = mocked_calls(MOCK_C_Finalize);
        initialized = mocked_calls(MOCK_C_Initialize);
        mock_fail(mocked.counts, MOCK_C_SignInit, CKR_DEVICE_ERROR, 0, 1);
        mock_fail(mocked.counts, MOCK_C_GetTokenInfo, CKR_GENERAL_ERROR, 0, 1);
        st = fixture_sign_verify(&mocked.f, obj, mocked.pkey, &err);
        took = tok_clock_ms() - began;
    }
    if (cr_failed(st)) {
        dprintf(2, "child: %s\n", err.text);
        return 2;
    }
    return mocked_calls(MOCK_C_Finalize) == finalized || mocked_calls(MOCK_C_Initialize) == initialized ? 3 : 0;
}

/* SoftHSM says to the child that it is initialized already, and p11-kit does not finalize what it did not initialize. */
static void a_forked_child_rebuilds_the_module_itself(void **state)
{
    struct tok_object *obj;
    int status = 0, bad;
    pid_t pid;

    (void)state;
    mocked_open();
    obj = found();
    assert_int_equal(fixture_sign_verify(&mocked.f, obj, mocked.pkey, NULL).code, CR_OK);
    if ((pid = fork()) == 0) {
        if (cr_failed(fixture_sign_verify(&mocked.f, obj, mocked.pkey, NULL)))
            _exit(5);
        for (int i = 0; i < 3; i++)
            if ((bad = rebuilt(obj)) != 0)
                _exit(bad);
        if ((pid = fork()) == 0)
            _exit(cr_failed(fixture_sign_verify(&mocked.f, obj, mocked.pkey, NULL)) ? 7 : rebuilt(obj));
        _exit(waitpid(pid, &status, 0) != pid ? 6 : WEXITSTATUS(status));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(rebuilt(obj), 0); /* the parent's */
    mocked.f.signer->ops->object_unref(&obj);
}

/* While it is down, C_Initialize fails, too; in a child as in any process the first signature after it is back works. */
static void a_forked_child_recovers_from_an_outage(void **state)
{
    struct tok_object *obj;
    int status = 0;
    pid_t pid;

    (void)state;
    mocked_open();
    obj = found();
    assert_int_equal(fixture_sign_verify(&mocked.f, obj, mocked.pkey, NULL).code, CR_OK);
    if ((pid = fork()) == 0) {
        if (cr_failed(fixture_sign_verify(&mocked.f, obj, mocked.pkey, NULL)))
            _exit(2);
        go_down();
        mock_fail(mocked.counts, MOCK_C_Initialize, CKR_DEVICE_ERROR, 0, 1000000);
        for (int i = 0; i < 2; i++)
            if (!cr_failed(fixture_sign_verify(&mocked.f, obj, mocked.pkey, NULL)))
                _exit(3);
        mocked_heal();
        _exit(cr_failed(fixture_sign_verify(&mocked.f, obj, mocked.pkey, NULL)) ? 4 : 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    mocked.f.signer->ops->object_unref(&obj);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rebuilds_are_spaced_and_the_first_after_it_is_back_works),
        cmocka_unit_test(a_module_that_another_library_keeps_initialized_is_named),
        cmocka_unit_test(a_forked_child_rebuilds_the_module_itself),
        cmocka_unit_test(a_forked_child_recovers_from_an_outage),
    };

    return cmocka_run_group_tests(tests, mocked_setup, mocked_teardown);
}
