/* SPDX-License-Identifier: Apache-2.0 */
/* key-copy: session copies of token keys. That they are used where they help is shown with NSS (tests/e2e/test_token.sh). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "mocked.h"

static struct tok_object *found(void)
{
    struct tok_object *obj = NULL;
    struct cr_err err = {0};

    if (cr_failed(mocked_find(&obj, &err)))
        fail_msg("%s", err.text);
    return obj;
}

static void sign_ok(struct tok_object *obj, int times)
{
    struct cr_err err = {0};

    for (int i = 0; i < times; i++)
        if (cr_failed(fixture_sign_verify(&mocked.f, obj, mocked.pkey, &err)))
            fail_msg("%s", err.text);
}

static void open_with(enum tok_key_copy copy, bool share)
{
    mocked_close();
    mocked_heal();
    mocked.conf.key_copy = copy;
    mocked.conf.share = share;
    mocked_open();
}

static void always_copies_once_and_signs_in_two_calls(void **state)
{
    unsigned long copies, total;
    struct tok_object *obj;

    (void)state;
    open_with(TOK_KEY_COPY_ALWAYS, false);
    copies = mocked_calls(MOCK_C_CopyObject);
    obj = found();
    assert_int_equal(mocked_calls(MOCK_C_CopyObject) - copies, 1); /* before the program may change its root */
    total = mock_counts_total(mocked.counts);
    sign_ok(obj, 10);
    assert_int_equal(mock_counts_total(mocked.counts) - total, 20);
    assert_int_equal(mocked_calls(MOCK_C_CopyObject) - copies, 1);
    mocked.f.signer->ops->object_unref(&obj);
    obj = found(); /* the copy is no second match */
    sign_ok(obj, 1);
    assert_int_equal(mocked_calls(MOCK_C_CopyObject) - copies, 1);
    mocked.f.signer->ops->object_unref(&obj);
}

static void a_copy_that_is_gone_is_made_anew(void **state)
{
    unsigned long copies;
    struct tok_object *obj;

    (void)state;
    open_with(TOK_KEY_COPY_ALWAYS, false);
    obj = found();
    sign_ok(obj, 1);
    copies = mocked_calls(MOCK_C_CopyObject);
    mock_fail(mocked.counts, MOCK_C_SignInit, CKR_KEY_HANDLE_INVALID, 0, 1);
    sign_ok(obj, 3);
    assert_int_equal(mocked_calls(MOCK_C_CopyObject) - copies, 1);
    mock_fail(mocked.counts, MOCK_C_Sign, CKR_DEVICE_ERROR, 0, 1);
    sign_ok(obj, 3);
    assert_int_equal(mocked_calls(MOCK_C_CopyObject) - copies, 2);
    mocked.f.signer->ops->object_unref(&obj);
}

static void a_token_that_cannot_copy_signs_with_the_key(void **state)
{
    unsigned long copies;
    struct tok_object *obj;

    (void)state;
    open_with(TOK_KEY_COPY_ALWAYS, false);
    mock_fail(mocked.counts, MOCK_C_CopyObject, CKR_FUNCTION_NOT_SUPPORTED, 0, 1000);
    copies = mocked_calls(MOCK_C_CopyObject);
    obj = found();
    sign_ok(obj, 5);
    assert_int_equal(mocked_calls(MOCK_C_CopyObject) - copies, 1); /* asked once */
    mocked.f.signer->ops->object_unref(&obj);
}

static void never_and_shared_load_do_not_copy(void **state)
{
    static const struct {
        enum tok_key_copy copy;
        bool share;
    } rows[] = {{TOK_KEY_COPY_NEVER, false}, {TOK_KEY_COPY_ALWAYS, true}, {TOK_KEY_COPY_AUTO, true}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        unsigned long copies = mocked_calls(MOCK_C_CopyObject);
        struct tok_object *obj;
        open_with(rows[i].copy, rows[i].share);
        obj = found();
        sign_ok(obj, 5);
        assert_int_equal(mocked_calls(MOCK_C_CopyObject), copies);
        mocked.f.signer->ops->object_unref(&obj);
    }
    mocked_close();
}

/* Each signature takes 4 ms here, whichever key makes it: auto tries a copy, once, and does not keep to it. */
static void auto_tries_on_a_slow_token_alone(void **state)
{
    unsigned long copies;
    struct tok_object *obj;

    (void)state;
    open_with(TOK_KEY_COPY_AUTO, false);
    copies = mocked_calls(MOCK_C_CopyObject);
    atomic_store(&mocked.counts->of[MOCK_C_Sign].delay_us, 4000);
    obj = found();
    sign_ok(obj, 12);
    assert_int_equal(mocked_calls(MOCK_C_CopyObject) - copies, 1);
    mocked.f.signer->ops->object_unref(&obj);
}

static atomic_uint failures;

static void *sign_50(void *obj)
{
    for (int i = 0; i < 50; i++)
        if (cr_failed(fixture_sign_verify(&mocked.f, obj, mocked.pkey, NULL)))
            atomic_fetch_add(&failures, 1);
    return NULL;
}

static void threads_share_one_copy_and_the_bound_holds(void **state)
{
    unsigned long copies = mocked_calls(MOCK_C_CopyObject);
    struct tok_object *obj;
    pthread_t t[8];

    (void)state;
    atomic_store(&failures, 0);
    open_with(TOK_KEY_COPY_ALWAYS, false);
    obj = found();
    for (size_t i = 0; i < CR_COUNT(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, sign_50, obj), 0);
    for (size_t i = 0; i < CR_COUNT(t); i++)
        pthread_join(t[i], NULL);
    assert_int_equal(atomic_load(&failures), 0);
    assert_true(mocked_calls(MOCK_C_CopyObject) - copies <= 1);
    assert_true(atomic_load(&mocked.counts->seen.most) <= mocked.conf.max_sessions);
    mocked.f.signer->ops->object_unref(&obj);
}

static int setup(void **state)
{
    mocked_setup(state);
    mocked.conf.wait_ms = 60000;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(always_copies_once_and_signs_in_two_calls),
        cmocka_unit_test(a_copy_that_is_gone_is_made_anew),
        cmocka_unit_test(a_token_that_cannot_copy_signs_with_the_key),
        cmocka_unit_test(never_and_shared_load_do_not_copy),
        cmocka_unit_test(auto_tries_on_a_slow_token_alone),
        cmocka_unit_test(threads_share_one_copy_and_the_bound_holds),
    };

    return cmocka_run_group_tests(tests, setup, mocked_teardown);
}
