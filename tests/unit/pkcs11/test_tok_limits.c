/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that allow little: few sessions, one thread, few tries of a PIN. */
#include "mocked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 8

static unsigned long seen(const atomic_ulong *what)
{
    return atomic_load(what);
}

#define SEEN(what)    seen(&mocked.counts->seen.what)
#define AS(what, how) atomic_store(&mocked.counts->persona.what, how)

/* A token of its own manners, not yet spoken to; its PIN is one that was never wrong. */
static void begin(struct tok_conf conf)
{
    static unsigned pins;
    char pin[32];

    mocked_close();
    mocked_heal();
    snprintf(pin, sizeof(pin), "pin %u", ++pins);
    mocked_pin_set(pin, pin);
    mocked.pins_asked = 0;
    mocked.conf.max_sessions = conf.max_sessions;
    mocked.conf.wait_ms = conf.wait_ms > 0 ? conf.wait_ms : 60000;
    mocked.conf.serialize = conf.serialize;
}

struct worker {
    struct tok_object *obj;
    int times, bad;
    struct cr_err last;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct cr_err err = {0};

    for (int i = 0; i < w->times; i++) {
        if (!cr_failed(fixture_sign_verify(&mocked.f, w->obj, mocked.pkey, &err)))
            continue;
        w->last = err;
        w->bad++;
    }
    return NULL;
}

/* All signatures of eight threads come. */
static void many_sign(int times)
{
    struct tok_object *obj = NULL;
    struct worker w[THREADS];
    struct cr_err err = {0};
    pthread_t t[THREADS];

    assert_int_equal(mocked_find(&obj, &err).code, CR_OK);
    for (int i = 0; i < THREADS; i++) {
        w[i] = (struct worker){.obj = obj, .times = times};
        assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < THREADS; i++)
        assert_string_equal(w[i].last.text, "");
    mocked.f.signer->ops->object_unref(&obj);
}

static void a_pool_of_64_learns_that_the_token_allows_two(void **state)
{
    (void)state;
    begin((struct tok_conf){.max_sessions = 64});
    AS(max_sessions, 2);
    atomic_store(&mocked.counts->of[MOCK_C_Sign].delay_us, 2000);
    many_sign(20);
    assert_int_equal(SEEN(most), 2);
    assert_in_range(SEEN(refused_sessions), 1, 3 * THREADS);
    assert_int_equal(SEEN(dirty), 0);
}

static void one_session_is_enough_to_sign(void **state)
{
    (void)state;
    begin((struct tok_conf){.max_sessions = 64});
    AS(max_sessions, 1);
    many_sign(10);
    assert_int_equal(SEEN(most), 1);
    assert_int_equal(SEEN(user_logins), 1);
}

/* Sessions die while others are in use: the login anew waits for one of them. */
static void two_sessions_survive_that_some_die(void **state)
{
    (void)state;
    begin((struct tok_conf){.max_sessions = 64});
    AS(max_sessions, 2);
    atomic_store(&mocked.counts->of[MOCK_C_Sign].delay_us, 1000);
    mocked_sign_ok();
    for (int i = 0; i < 5; i++) {
        mock_fail(mocked.counts, MOCK_C_SignInit, CKR_SESSION_CLOSED, 20, 1);
        many_sign(8);
    }
    assert_int_equal(SEEN(most), 2);
    assert_int_equal(SEEN(dirty), 0);
}

static void a_token_that_starts_anew_may_allow_more(void **state)
{
    (void)state;
    begin((struct tok_conf){.max_sessions = 64});
    AS(max_sessions, 2);
    atomic_store(&mocked.counts->of[MOCK_C_Sign].delay_us, 5000);
    many_sign(5);
    assert_int_equal(SEEN(most), 2);
    AS(max_sessions, 4);
    mock_fail(mocked.counts, MOCK_C_SignInit, CKR_DEVICE_ERROR, 0, 1);
    mocked_sign_ok();
    many_sign(10);
    assert_int_equal(SEEN(most), 4);
}

static void who_waits_in_vain_is_told_of_the_limit(void **state)
{
    struct tok_object *obj = NULL;
    struct worker w[2];
    struct cr_err err = {0};
    unsigned long signs;
    pthread_t t[2];
    cr_status st, then;

    (void)state;
    begin((struct tok_conf){.max_sessions = 64, .wait_ms = 1500});
    AS(max_sessions, 2);
    assert_int_equal(mocked_find(&obj, &err).code, CR_OK);
    atomic_store(&mocked.counts->of[MOCK_C_Sign].delay_us, 60000000);
    signs = mocked_calls(MOCK_C_Sign);
    for (int i = 0; i < 2; i++) {
        w[i] = (struct worker){.obj = obj, .times = 1};
        assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
    }
    mocked_calls_wait(MOCK_C_Sign, signs + 2); /* both sessions are in use */
    st = fixture_sign_verify(&mocked.f, obj, mocked.pkey, &err);
    atomic_store(&mocked.counts->of[MOCK_C_Sign].delay_us, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    then = fixture_sign_verify(&mocked.f, obj, mocked.pkey, NULL);
    mocked.f.signer->ops->object_unref(&obj); /* whatever comes, for the tests behind this one */
    assert_int_equal(st.code, CR_E_BUSY);
    assert_non_null(strstr(err.text, "all 2 sessions"));
    assert_non_null(strstr(err.text, "C_OpenSession gives no more: CKR_SESSION_COUNT"));
    assert_int_equal(w[0].bad + w[1].bad, 0);
    assert_int_equal(then.code, CR_OK);
}

/* Two sessions are the least to write with: one keeps the login. */
static void what_writes_says_that_one_session_is_too_few(void **state)
{
    struct tok_key key = {0};
    struct tok_import what = {.key = &key, .label = "limits"};
    EVP_PKEY *fresh = fixture_key_fresh("EC:P-256");
    struct cr_err err = {0};
    char *where = NULL;
    bool created = false;

    (void)state;
    begin((struct tok_conf){.max_sessions = 64});
    fixture_numbers(fresh, &key);
    AS(max_sessions, 1);
    mocked_sign_ok();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tok_import(mocked.f.loc, 0, &what, &where, &created, &err).code, CR_E_TOKEN);
        assert_non_null(strstr(err.text, "C_OpenSession: CKR_SESSION_COUNT"));
    }
    mocked_sign_ok();
    assert_int_equal(SEEN(user_logins), 1);
    AS(max_sessions, 2);
    assert_int_equal(tok_import(mocked.f.loc, 0, &what, &where, &created, &err).code, CR_OK);
    assert_int_equal(tok_remove(mocked.f.loc, 0, cr_buf_bytes(&key.id), cr_bytes(NULL, 0), &err).code, CR_OK);
    free(where);
    tok_key_clear(&key);
    EVP_PKEY_free(fresh);
}

/* As configured, where the token would allow more. */
static void a_pool_of_one_may_still_write(void **state)
{
    struct tok_key key = {0};
    struct tok_import what = {.key = &key, .label = "limits"};
    EVP_PKEY *fresh = fixture_key_fresh("EC:P-256");
    struct cr_err err = {0};
    char *where = NULL;
    bool created = false;

    (void)state;
    begin((struct tok_conf){.max_sessions = 1});
    fixture_numbers(fresh, &key);
    mocked_sign_ok();
    assert_int_equal(tok_import(mocked.f.loc, 0, &what, &where, &created, &err).code, CR_OK);
    assert_int_equal(tok_remove(mocked.f.loc, 0, cr_buf_bytes(&key.id), cr_bytes(NULL, 0), &err).code, CR_OK);
    assert_int_equal(SEEN(user_logins), 1);
    free(where);
    tok_key_clear(&key);
    EVP_PKEY_free(fresh);
}

/* ---- PINs ---- */

static const struct {
    CK_FLAGS set;
    const char *says;
} refused[] = {{CKF_USER_PIN_LOCKED, "the user PIN is locked"},
               {CKF_USER_PIN_FINAL_TRY, "one try is left before the PIN is locked; not used"},
               {CKF_USER_PIN_LOCKED | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW, "the user PIN is locked"}};

static void a_pin_that_is_locked_or_nearly_so_is_not_sent(void **state)
{
    struct cr_err err = {0};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(refused); i++) {
        begin((struct tok_conf){.max_sessions = 4});
        AS(flags_set, refused[i].set);
        for (int j = 0; j < 5; j++)
            assert_int_equal(mocked_sign(&err).code, CR_E_PIN);
        assert_non_null(strstr(err.text, refused[i].says));
        assert_int_equal(SEEN(user_logins), 0);
        AS(flags_set, 0);
        mocked_sign_ok();
        assert_int_equal(SEEN(user_logins), 1);
    }
}

static void a_low_count_of_tries_is_no_reason_to_wait(void **state)
{
    (void)state;
    begin((struct tok_conf){.max_sessions = 4});
    AS(flags_set, CKF_USER_PIN_COUNT_LOW);
    mocked_sign_ok();
    assert_int_equal(SEEN(user_logins), 1);
}

static void a_protected_path_asks_nobody_here(void **state)
{
    (void)state;
    begin((struct tok_conf){.max_sessions = 4});
    mocked_pin_set("on the device", "nowhere");
    AS(flags_set, CKF_PROTECTED_AUTHENTICATION_PATH);
    mocked_sign_ok();
    assert_int_equal(SEEN(user_logins), 1);
    assert_int_equal(mocked.pins_asked, 0);
}

static void a_token_without_login_is_not_logged_in_to(void **state)
{
    struct cr_err err = {0};

    (void)state;
    begin((struct tok_conf){.max_sessions = 4});
    AS(flags_clear, CKF_LOGIN_REQUIRED);
    assert_int_equal(mocked_sign(&err).code, CR_E_NOT_FOUND); /* SoftHSM hides the key all the same */
    assert_int_equal(SEEN(user_logins), 0);
    assert_int_equal(mocked.pins_asked, 0);
}

static void *fail_to_sign(void *arg)
{
    int *bad = arg;
    struct cr_err err = {0};

    for (int i = 0; i < 10; i++)
        *bad += mocked_sign(&err).code == CR_E_PIN;
    return NULL;
}

static void a_wrong_pin_is_sent_once_by_all_threads_together(void **state)
{
    int bad[THREADS] = {0};
    pthread_t t[THREADS];

    (void)state;
    begin((struct tok_conf){.max_sessions = 4});
    mocked_pin_set("the right one", "the wrong one");
    mocked_open();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, fail_to_sign, &bad[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(bad[i], 10);
    }
    assert_int_equal(SEEN(wrong_pins), 1);
    assert_int_equal(SEEN(user_logins), 1);
    mocked_pin_set("the right one", "the right one");
    mocked_sign_ok();
    assert_int_equal(SEEN(user_logins), 2);
}

static const char *before, *after;

/* The file was read before it changed. */
static cr_status pin_of_two(void *arg, const char *token_name, bool retry, struct cr_buf *pin, struct cr_err *err)
{
    const char *now = retry ? after : before;

    (void)arg;
    (void)token_name;
    mocked.pins_asked++;
    return cr_buf_set(pin, now, strlen(now), err);
}

static void a_source_that_changed_is_asked_once_more(void **state)
{
    (void)state;
    begin((struct tok_conf){.max_sessions = 4});
    before = "old";
    after = "new";
    mocked_pin_set(after, "");
    mocked.conf.pin = pin_of_two;
    mocked_sign_ok();
    assert_int_equal(SEEN(wrong_pins), 1);
    assert_int_equal(SEEN(user_logins), 2);
    assert_int_equal(mocked.pins_asked, 2);
    mocked_close();
    mocked.conf.pin = mocked_pin;
}

/* The last try is not used up by the second of the two. */
static void a_second_pin_is_not_sent_when_one_try_is_left(void **state)
{
    struct cr_err err = {0};

    (void)state;
    begin((struct tok_conf){.max_sessions = 4});
    before = "older";
    after = "newer";
    mocked_pin_set(after, "");
    mocked.conf.pin = pin_of_two;
    AS(final_after, 1);
    assert_int_equal(mocked_sign(&err).code, CR_E_PIN);
    assert_non_null(strstr(err.text, "one try is left"));
    assert_int_equal(SEEN(wrong_pins), 1);
    assert_int_equal(SEEN(user_logins), 1);
    mocked_close();
    mocked.conf.pin = mocked_pin;
}

static void a_key_that_wants_its_own_login_gets_it(void **state)
{
    struct cr_err err = {0};

    (void)state;
    begin((struct tok_conf){.max_sessions = 4});
    AS(always_auth, 1);
    many_sign(5);
    assert_true(SEEN(context_logins) >= THREADS * 5);
    assert_int_equal(SEEN(unauthenticated), 0);
    assert_int_equal(SEEN(wrong_pins), 0);
    mocked_pin_set("changed on the device", "the old one");
    for (int i = 0; i < 10; i++)
        assert_int_equal(mocked_sign(&err).code, CR_E_PIN);
    assert_int_equal(SEEN(wrong_pins), 1);
    mocked_close();
}

/* ---- one call at a time; last, for a module stays what it was found to be ---- */

static void a_module_marked_serial_gets_one_call_at_a_time(void **state)
{
    (void)state;
    begin((struct tok_conf){.max_sessions = 4, .serialize = true});
    atomic_store(&mocked.counts->of[MOCK_C_Sign].delay_us, 500);
    many_sign(20);
    assert_int_equal(SEEN(overlaps), 0);
}

static void a_module_that_cannot_lock_gets_one_call_at_a_time(void **state)
{
    unsigned long initialized;

    (void)state;
    begin((struct tok_conf){.max_sessions = 4});
    initialized = mocked_calls(MOCK_C_Initialize);
    AS(cant_lock, 1);
    atomic_store(&mocked.counts->of[MOCK_C_Sign].delay_us, 500);
    many_sign(20);
    assert_in_range(mocked_calls(MOCK_C_Initialize) - initialized, 1, 2);
    assert_int_equal(SEEN(overlaps), 0);
    for (int i = 0; i < 3; i++) { /* nor while it is started anew */
        mock_fail(mocked.counts, MOCK_C_SignInit, CKR_DEVICE_ERROR, 10, 1);
        many_sign(5);
    }
    assert_int_equal(SEEN(overlaps), 0);
}

static void threads_overlap_where_they_may(void **state)
{
    (void)state;
    begin((struct tok_conf){.max_sessions = 4});
    atomic_store(&mocked.counts->of[MOCK_C_Sign].delay_us, 1000);
    many_sign(10);
    assert_true(SEEN(overlaps) > 0);
    assert_true(SEEN(most) <= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_of_64_learns_that_the_token_allows_two),
        cmocka_unit_test(one_session_is_enough_to_sign),
        cmocka_unit_test(two_sessions_survive_that_some_die),
        cmocka_unit_test(a_token_that_starts_anew_may_allow_more),
        cmocka_unit_test(who_waits_in_vain_is_told_of_the_limit),
        cmocka_unit_test(what_writes_says_that_one_session_is_too_few),
        cmocka_unit_test(a_pool_of_one_may_still_write),
        cmocka_unit_test(a_pin_that_is_locked_or_nearly_so_is_not_sent),
        cmocka_unit_test(a_low_count_of_tries_is_no_reason_to_wait),
        cmocka_unit_test(a_protected_path_asks_nobody_here),
        cmocka_unit_test(a_token_without_login_is_not_logged_in_to),
        cmocka_unit_test(a_wrong_pin_is_sent_once_by_all_threads_together),
        cmocka_unit_test(a_source_that_changed_is_asked_once_more),
        cmocka_unit_test(a_second_pin_is_not_sent_when_one_try_is_left),
        cmocka_unit_test(a_key_that_wants_its_own_login_gets_it),
        cmocka_unit_test(threads_overlap_where_they_may),
        cmocka_unit_test(a_module_that_cannot_lock_gets_one_call_at_a_time),
        cmocka_unit_test(a_module_marked_serial_gets_one_call_at_a_time),
    };

    return cmocka_run_group_tests(tests, mocked_setup, mocked_teardown);
}
