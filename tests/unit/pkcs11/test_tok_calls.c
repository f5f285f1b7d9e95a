/* SPDX-License-Identifier: Apache-2.0 */
/* Through the counting module: how many calls, and what happens when one fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "tests/mock/mock_count.h"
#include "pkcs11/tok_module.h"

static struct fixture f;
static struct mock_counts *counts;
static char *location;
static struct tok_key pub;
static EVP_PKEY *pkey;
static unsigned pins_asked;
static const char *pin_now = FIXTURE_PIN;

static cr_status pin(void *arg, const char *token_name, bool retry, struct cr_buf *out, struct cr_err *err)
{
    (void)arg;
    (void)token_name;
    (void)retry;
    pins_asked++;
    return cr_buf_set(out, pin_now, strlen(pin_now), err);
}

static struct tok_object *find(void)
{
    struct tok_object *obj = NULL;
    struct cr_err err = {0};
    cr_status st = fixture_find(&f, location, &pub, pkey, &obj, &err);

    assert_string_equal(err.text, "");
    assert_int_equal(st.code, CR_OK);
    return obj;
}

static unsigned long calls(enum mock_function of)
{
    return atomic_load(&counts->of[of].calls);
}

/* The last of them perhaps no further than to its delay. */
static void calls_wait(enum mock_function of, unsigned long n)
{
    for (int ms = 0; calls(of) < n; ms++) {
        if (ms == 60000)
            fail_msg("%s: %lu calls instead of %lu", counts->of[of].label, calls(of), n);
        usleep(1000);
    }
}

static void break_call(enum mock_function of, CK_RV rv, unsigned long times)
{
    atomic_store(&counts->of[of].fail_rv, rv);
    atomic_store(&counts->of[of].fail_left, times);
}

static void sign_ok(struct tok_object *obj)
{
    struct cr_err err = {0};
    cr_status st = fixture_sign_verify(&f, obj, pkey, &err);

    assert_string_equal(err.text, "");
    assert_int_equal(st.code, CR_OK);
}

static void a_signature_is_two_calls_and_a_warm_find_none(void **state)
{
    struct tok_object *obj = find(), *again;
    unsigned long before, inits, signs;

    (void)state;
    sign_ok(obj);
    before = mock_counts_total(counts);
    again = find();
    assert_int_equal(mock_counts_total(counts), before);
    inits = calls(MOCK_C_SignInit);
    signs = calls(MOCK_C_Sign);
    for (int i = 0; i < 100; i++)
        sign_ok(again);
    assert_int_equal(mock_counts_total(counts), before + 200);
    assert_int_equal(calls(MOCK_C_SignInit), inits + 100);
    assert_int_equal(calls(MOCK_C_Sign), signs + 100);
    f.signer->ops->object_unref(&obj);
    f.signer->ops->object_unref(&again);
}

static const struct {
    enum mock_function of;
    CK_RV rv;
    bool rebuilds;
} repaired[] = {
    {MOCK_C_SignInit, CKR_OBJECT_HANDLE_INVALID, false},
    {MOCK_C_SignInit, CKR_KEY_HANDLE_INVALID, false},
    {MOCK_C_SignInit, CKR_KEY_TYPE_INCONSISTENT, false},
    {MOCK_C_SignInit, CKR_SESSION_HANDLE_INVALID, false},
    {MOCK_C_Sign, CKR_SESSION_CLOSED, false},
    {MOCK_C_Sign, CKR_USER_NOT_LOGGED_IN, false},
    {MOCK_C_SignInit, CKR_DEVICE_ERROR, true},
    {MOCK_C_Sign, CKR_DEVICE_ERROR, true},
    {MOCK_C_Sign, CKR_DEVICE_REMOVED, true},
    {MOCK_C_Sign, CKR_TOKEN_NOT_PRESENT, true},
    {MOCK_C_SignInit, CKR_CRYPTOKI_NOT_INITIALIZED, true},
    {MOCK_C_Sign, CKR_GENERAL_ERROR, true},
};

static void what_can_be_repaired_is_and_the_signature_succeeds(void **state)
{
    struct tok_object *obj = find();

    (void)state;
    for (size_t i = 0; i < CR_COUNT(repaired); i++) {
        unsigned long inits = calls(MOCK_C_Initialize), before;
        break_call(repaired[i].of, repaired[i].rv, 1);
        sign_ok(obj);
        assert_int_equal(calls(MOCK_C_Initialize) - inits, repaired[i].rebuilds ? 1 : 0);
        before = mock_counts_total(counts);
        sign_ok(obj);
        assert_int_equal(mock_counts_total(counts), before + 2);
    }
    f.signer->ops->object_unref(&obj);
}

static void what_stays_broken_is_a_clear_error_and_heals(void **state)
{
    struct tok_object *obj = find();
    struct cr_err err = {0};

    (void)state;
    break_call(MOCK_C_Sign, CKR_DEVICE_ERROR, 5);
    assert_int_equal(fixture_sign_verify(&f, obj, pkey, &err).code, CR_E_TOKEN);
    assert_non_null(strstr(err.text, "token unit: C_Sign: CKR_DEVICE_ERROR"));
    break_call(MOCK_C_Sign, CKR_OK, 0);
    sign_ok(obj);
    break_call(MOCK_C_Sign, CKR_FUNCTION_FAILED, 1);
    assert_int_equal(fixture_sign_verify(&f, obj, pkey, &err).code, CR_E_TOKEN);
    assert_non_null(strstr(err.text, "CKR_FUNCTION_FAILED"));
    sign_ok(obj);
    f.signer->ops->object_unref(&obj);
}

/* Each call on the way from nothing to a signature fails once: an error or a good signature, and the next one is good. */
static void each_call_that_fails_once_leaves_nothing_stuck(void **state)
{
    static const enum mock_function of[] = {
        MOCK_C_Initialize,
        MOCK_C_GetSlotList,
        MOCK_C_GetTokenInfo,
        MOCK_C_OpenSession,
        MOCK_C_Login,
        MOCK_C_FindObjectsInit,
        MOCK_C_FindObjects,
        MOCK_C_FindObjectsFinal,
        MOCK_C_GetAttributeValue,
        MOCK_C_SignInit,
        MOCK_C_Sign,
        MOCK_C_CloseSession,
        MOCK_C_Finalize,
    };
    static const CK_RV rvs[] = {CKR_DEVICE_ERROR,           CKR_GENERAL_ERROR,  CKR_HOST_MEMORY,
                                CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_REMOVED, CKR_FUNCTION_FAILED,
                                CKR_VENDOR_DEFINED | 7};
    struct tok_object *obj = find();

    (void)state;
    for (size_t i = 0; i < CR_COUNT(of); i++) {
        for (size_t j = 0; j < CR_COUNT(rvs); j++) {
            struct cr_err err = {0};
            break_call(MOCK_C_Sign, CKR_DEVICE_ERROR, of[i] == MOCK_C_Sign ? 0 : 1); /* everything is done anew */
            break_call(of[i], rvs[j], 1);
            if (cr_failed(fixture_sign_verify(&f, obj, pkey, &err)))
                assert_true(strlen(err.text) > 10);
            break_call(MOCK_C_Sign, CKR_OK, 0);
            break_call(of[i], CKR_OK, 0);
            sign_ok(obj);
        }
    }
    f.signer->ops->object_unref(&obj);
}

static void a_wrong_pin_is_sent_once(void **state)
{
    struct tok_object *obj = find();
    struct cr_err err = {0};
    unsigned long logins;

    (void)state;
    pin_now = "00000000";
    break_call(MOCK_C_Sign, CKR_DEVICE_ERROR, 1);
    logins = calls(MOCK_C_Login);
    pins_asked = 0;
    assert_int_equal(fixture_sign_verify(&f, obj, pkey, &err).code, CR_E_PIN);
    assert_int_equal(calls(MOCK_C_Login), logins + 1);
    assert_int_equal(pins_asked, 2);
    for (int i = 0; i < 20; i++)
        assert_int_equal(fixture_sign_verify(&f, obj, pkey, &err).code, CR_E_PIN);
    assert_int_equal(calls(MOCK_C_Login), logins + 1);
    assert_null(strstr(err.text, "00000000"));
    pin_now = FIXTURE_PIN;
    sign_ok(obj);
    f.signer->ops->object_unref(&obj);
}

/* Signs although the call fails four times in the rebuild, which begins no try later than 1200 ms after its first: one that
 * a busy machine draws out so far proves nothing, and is done once more. */
static void gets_over(struct tok_object *obj, enum mock_function of, CK_RV rv)
{
    struct cr_err err = {0};
    int64_t began;
    cr_status st;

    for (int tries = 0; tries < 20; tries++) {
        began = tok_clock_ms();
        break_call(MOCK_C_Sign, CKR_DEVICE_ERROR, 1); /* everything is done anew */
        break_call(of, rv, 4);
        st = fixture_sign_verify(&f, obj, pkey, &err);
        if (!cr_failed(st) || tok_clock_ms() - began < 1000)
            break;
    }
    if (cr_failed(st))
        fail_msg("%s", err.text);
    assert_int_equal(atomic_load(&counts->of[of].fail_left), 0);
}

/* Another process at work on the token's files: what SoftHSM says meanwhile. */
static void what_passes_is_waited_for(void **state)
{
    static const struct {
        enum mock_function of;
        CK_RV rv;
    } passing[] = {{MOCK_C_GetSlotList, CKR_TOKEN_NOT_PRESENT},
                   {MOCK_C_GetTokenInfo, CKR_TOKEN_NOT_RECOGNIZED},
                   {MOCK_C_OpenSession, CKR_SLOT_ID_INVALID},
                   {MOCK_C_Login, CKR_GENERAL_ERROR},
                   {MOCK_C_Login, CKR_USER_PIN_NOT_INITIALIZED}};
    struct tok_object *obj = find();

    (void)state;
    for (size_t i = 0; i < CR_COUNT(passing); i++)
        gets_over(obj, passing[i].of, passing[i].rv);
    f.signer->ops->object_unref(&obj);
}

static void what_does_not_pass_is_given_up_soon(void **state)
{
    struct tok_object *obj = find();
    struct cr_err err = {0};
    int64_t began;

    (void)state;
    break_call(MOCK_C_Sign, CKR_DEVICE_ERROR, 1);
    break_call(MOCK_C_GetTokenInfo, CKR_TOKEN_NOT_RECOGNIZED, 1000000);
    began = tok_clock_ms();
    assert_int_equal(fixture_sign_verify(&f, obj, pkey, &err).code, CR_E_TOKEN);
    assert_non_null(strstr(err.text, "has no initialized token"));
    assert_true(tok_clock_ms() - began < 60000);
    break_call(MOCK_C_GetTokenInfo, CKR_OK, 0);
    sign_ok(obj);
    f.signer->ops->object_unref(&obj);
}

/* As another user of the module in this process. */
static void log_out(void)
{
    void *so = dlopen(MOCK_MODULE, RTLD_NOW | RTLD_NOLOAD);
    CK_RV (*list_get)(CK_FUNCTION_LIST **) = NULL;
    CK_FUNCTION_LIST *p11 = NULL;
    CK_SLOT_ID ids[8];
    CK_ULONG n = CR_COUNT(ids);
    CK_SESSION_HANDLE session = 0;

    assert_non_null(so);
    *(void **)&list_get = dlsym(so, "C_GetFunctionList");
    assert_non_null(list_get);
    assert_int_equal(list_get(&p11), CKR_OK);
    assert_int_equal(p11->C_GetSlotList(CK_TRUE, ids, &n), CKR_OK);
    for (CK_ULONG i = 0; i < n; i++) {
        CK_TOKEN_INFO info;
        assert_int_equal(p11->C_GetTokenInfo(ids[i], &info), CKR_OK);
        if (!(info.flags & CKF_TOKEN_INITIALIZED))
            continue;
        assert_int_equal(p11->C_OpenSession(ids[i], CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
        assert_int_equal(p11->C_Logout(session), CKR_OK);
        assert_int_equal(p11->C_CloseSession(session), CKR_OK);
    }
    dlclose(so);
}

static void after_anothers_logout_keys_are_found_and_not_doubled(void **state)
{
    EVP_PKEY *other = fixture_key("EC:P-384");
    struct tok_key key = {0};
    struct tok_import what = {.key = &key, .label = "again"};
    struct tok_object *obj = NULL;
    struct cr_err err = {0};
    char *where = NULL, *again = NULL;
    bool created = true;
    unsigned long logins;

    (void)state;
    fixture_import(&f, other, &where);
    fixture_numbers(other, &key);
    log_out();
    assert_int_equal(tok_import(f.loc, 0, &what, &again, &created, &err).code, CR_OK);
    assert_false(created);
    log_out();
    assert_int_equal(fixture_find(&f, where, &key, other, &obj, &err).code, CR_OK);
    f.signer->ops->object_unref(&obj);
    logins = calls(MOCK_C_Login);
    assert_int_equal(fixture_find(&f, "pkcs11:id=%01%02;type=private", &key, other, &obj, &err).code, CR_E_NOT_FOUND);
    assert_int_equal(calls(MOCK_C_Login), logins); /* what is not there is no reason to log in */
    free(where);
    free(again);
    tok_key_clear(&key);
}

/* A text that does not decrypt must cost as many calls as one that does, whatever the token calls it. */
static void a_refused_text_makes_no_further_call(void **state)
{
    static const CK_RV rvs[] = {CKR_OK,
                                CKR_GENERAL_ERROR,
                                CKR_FUNCTION_FAILED,
                                CKR_ENCRYPTED_DATA_INVALID,
                                CKR_ENCRYPTED_DATA_LEN_RANGE,
                                CKR_VENDOR_DEFINED | 3};
    EVP_PKEY *rsa = fixture_key("RSA:2048");
    struct tok_mech mech = {.op = TOK_DECRYPT_RSA_PKCS1}, raw = {.op = TOK_DECRYPT_RSA_RAW};
    struct tok_object *obj = NULL;
    struct tok_key key = {0};
    unsigned char in[256] = {1}, out[256];
    size_t n = 0;
    struct cr_err err = {0};
    char *where = NULL;

    (void)state;
    fixture_import(&f, rsa, &where);
    fixture_numbers(rsa, &key);
    assert_int_equal(fixture_find(&f, where, &key, rsa, &obj, &err).code, CR_OK);
    for (size_t i = 0; i < CR_COUNT(rvs); i++) {
        unsigned long before = mock_counts_total(counts);
        break_call(MOCK_C_Decrypt, rvs[i], rvs[i] != CKR_OK);
        if (rvs[i] != CKR_OK)
            assert_int_equal(f.signer->ops->decrypt(obj, &mech, cr_bytes(in, 256), out, 256, &n, &err).code,
                             CR_E_INVALID);
        else
            assert_int_equal(f.signer->ops->decrypt(obj, &raw, cr_bytes(in, 256), out, 256, &n, &err).code, CR_OK);
        assert_int_equal(mock_counts_total(counts), before + 2);
        if (rvs[i] != CKR_OK) /* the one failed by the mock is active in SoftHSM: found out, and repaired */
            assert_int_equal(f.signer->ops->decrypt(obj, &raw, cr_bytes(in, 256), out, 256, &n, &err).code, CR_OK);
    }
    f.signer->ops->object_unref(&obj);
    free(where);
    tok_key_clear(&key);
}

struct worker {
    struct tok_object *obj;
    int bad;
};

static void *work(void *arg)
{
    struct worker *w = arg;

    for (int i = 0; i < 40; i++)
        w->bad += cr_failed(fixture_sign_verify(&f, w->obj, pkey, NULL));
    return NULL;
}

static void what_was_found_is_ready_until_a_rebuild_or_a_fork(void **state)
{
    struct tok_object *obj = find();
    unsigned long before = mock_counts_total(counts);
    int status = 0;
    pid_t pid;

    (void)state;
    assert_true(f.signer->ops->ready(obj));
    assert_int_equal(mock_counts_total(counts), before);
    pid = fork();
    if (pid == 0)
        _exit(f.signer->ops->ready(obj) ? 1 : 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(f.signer->ops->ready(obj));
    break_call(MOCK_C_SignInit, CKR_KEY_HANDLE_INVALID, 1); /* found and proven anew */
    sign_ok(obj);
    assert_true(f.signer->ops->ready(obj));
    f.signer->ops->object_unref(&obj);
}

static void the_pool_never_exceeds_its_bound(void **state)
{
    struct tok_object *obj = find();
    struct worker w[8];
    pthread_t t[8];
    unsigned long opened, asked;

    (void)state;
    sign_ok(obj);
    opened = calls(MOCK_C_OpenSession);
    asked = calls(MOCK_C_GetSessionInfo);
    for (int i = 0; i < 8; i++) {
        w[i] = (struct worker){obj, 0};
        assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(w[i].bad, 0);
    }
    assert_true(calls(MOCK_C_OpenSession) - opened <= 1); /* max_sessions is 2, one was open */
    assert_int_equal(calls(MOCK_C_GetSessionInfo), asked);
    f.signer->ops->object_unref(&obj);
}

/* The flags cannot be read back: what was created goes again. */
static void an_import_that_fails_half_way_leaves_nothing(void **state)
{
    EVP_PKEY *fresh = fixture_key_fresh("EC:P-256");
    struct tok_key key = {0};
    struct tok_import what = {.key = &key, .label = "half"};
    struct cr_err err = {0};
    char *where = NULL;
    bool created = false;
    unsigned long made = calls(MOCK_C_CreateObject);

    (void)state;
    fixture_numbers(fresh, &key);
    break_call(MOCK_C_GetAttributeValue, CKR_FUNCTION_FAILED, 1);
    assert_int_equal(tok_import(f.loc, 0, &what, &where, &created, &err).code, CR_E_TOKEN);
    assert_null(where);
    assert_int_equal(calls(MOCK_C_CreateObject), made + 1);
    assert_int_equal(tok_remove(f.loc, 0, cr_buf_bytes(&key.id), cr_bytes(NULL, 0), &err).code, CR_E_NOT_FOUND);
    tok_key_clear(&key);
    EVP_PKEY_free(fresh);
}

static void reopen(unsigned wait_ms)
{
    struct tok_conf conf = {.module = MOCK_MODULE, .pin = pin, .max_sessions = 2, .wait_ms = wait_ms};

    fixture_close(&f);
    fixture_open(&f, &conf);
}

static void a_waiter_times_out_with_a_clear_error(void **state)
{
    struct tok_object *obj;
    struct worker w[2];
    struct cr_err err = {0};
    unsigned long signs;
    pthread_t t[2];
    cr_status st;

    (void)state;
    reopen(1000);
    obj = find();
    sign_ok(obj);
    atomic_store(&counts->of[MOCK_C_Sign].delay_us, 60000000);
    break_call(MOCK_C_Sign, CKR_FUNCTION_FAILED, 1000); /* so that each thread ends soon */
    signs = calls(MOCK_C_Sign);
    for (int i = 0; i < 2; i++) {
        w[i] = (struct worker){obj, 0};
        assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
    }
    calls_wait(MOCK_C_Sign, signs + 2); /* both sessions are in use */
    st = fixture_sign_verify(&f, obj, pkey, &err);
    atomic_store(&counts->of[MOCK_C_Sign].delay_us, 0);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    break_call(MOCK_C_Sign, CKR_OK, 0);
    assert_int_equal(st.code, CR_E_BUSY);
    assert_non_null(strstr(err.text, "sessions"));
    sign_ok(obj);
    f.signer->ops->object_unref(&obj);
    reopen(60000);
}

static void *sign_once(void *arg)
{
    struct worker *w = arg;

    w->bad = cr_failed(fixture_sign_verify(&f, w->obj, pkey, NULL));
    return NULL;
}

/* The fork goes on after 100 ms; the child, where the module may be locked for ever, says so and does not try. */
static void a_child_forked_while_a_call_is_stuck_refuses_the_module(void **state)
{
    struct tok_object *obj = find();
    struct worker w = {obj, 1};
    struct cr_err err = {0};
    unsigned long signs;
    int status = 0;
    pthread_t t;
    pid_t pid;

    (void)state;
    sign_ok(obj);
    atomic_store(&counts->of[MOCK_C_Sign].delay_us, 60000000);
    signs = calls(MOCK_C_Sign);
    assert_int_equal(pthread_create(&t, NULL, sign_once, &w), 0);
    calls_wait(MOCK_C_Sign, signs + 1);
    if ((pid = fork()) == 0) {
        alarm(60);
        _exit(fixture_sign_verify(&f, obj, pkey, &err).code == CR_E_TOKEN && strstr(err.text, "stuck") ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    atomic_store(&counts->of[MOCK_C_Sign].delay_us, 0);
    pthread_join(t, NULL);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(w.bad, 0); /* the parent's stuck call ended well */
    sign_ok(obj);
    f.signer->ops->object_unref(&obj);
}

static int setup(void **state)
{
    struct tok_conf conf = {.module = MOCK_MODULE, .pin = pin, .max_sessions = 2, .wait_ms = 60000};
    char file[128];

    (void)state;
    fixture_make(&f);
    snprintf(file, sizeof(file), "%s/counts", f.dir);
    setenv("CERTROLL_MOCK_TARGET", FIXTURE_MODULE, 1);
    setenv("CERTROLL_MOCK_COUNTS", file, 1);
    counts = mock_counts_map(file);
    fixture_open(&f, &conf);
    pkey = fixture_key("EC:P-256");
    fixture_import(&f, pkey, &location);
    fixture_numbers(pkey, &pub);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(location);
    tok_key_clear(&pub);
    fixture_close(&f);
    fixture_remove(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_two_calls_and_a_warm_find_none),
        cmocka_unit_test(what_was_found_is_ready_until_a_rebuild_or_a_fork),
        cmocka_unit_test(the_pool_never_exceeds_its_bound),
        cmocka_unit_test(what_can_be_repaired_is_and_the_signature_succeeds),
        cmocka_unit_test(what_stays_broken_is_a_clear_error_and_heals),
        cmocka_unit_test(each_call_that_fails_once_leaves_nothing_stuck),
        cmocka_unit_test(a_wrong_pin_is_sent_once),
        cmocka_unit_test(what_passes_is_waited_for),
        cmocka_unit_test(what_does_not_pass_is_given_up_soon),
        cmocka_unit_test(after_anothers_logout_keys_are_found_and_not_doubled),
        cmocka_unit_test(a_refused_text_makes_no_further_call),
        cmocka_unit_test(an_import_that_fails_half_way_leaves_nothing),
        cmocka_unit_test(a_waiter_times_out_with_a_clear_error),
        cmocka_unit_test(a_child_forked_while_a_call_is_stuck_refuses_the_module),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
