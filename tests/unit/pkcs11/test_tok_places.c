/* SPDX-License-Identifier: Apache-2.0 */
/* One key on two tokens: "near", whose module is the mock, and "far", whose module is a copy of SoftHSM (a library of its
 * own to the loader). What near cannot do is done by far within the same operation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <p11-kit/pkcs11.h>

#include "fixture.h"
#include "tests/mock/mock_count.h"

#define NEAR "pkcs11:token=unit"
#define FAR  "pkcs11:token=far"

#define BACKOFF_MS 250      /* a token that failed is left alone so long */
#define FROZEN_US  60000000 /* until a test thaws it */
#define FREEZE_MS  2500     /* op-timeout: what is not frozen has to be done by then, also on a busy machine */

static struct fixture f;
static struct mock_counts *counts;
static char far_module[96];
static EVP_PKEY *pkey;
static struct tok_key pub;
static char *locations[2];

static void open_both(bool share, unsigned op_timeout_ms)
{
    struct tok_conf confs[2] = {
        {.name = "near", .module = MOCK_MODULE, .token_uri = NEAR, .pin = fixture_pin, .wait_ms = 60000},
        {.name = "far", .module = far_module, .token_uri = FAR, .pin = fixture_pin, .wait_ms = 60000},
    };
    struct cr_err err = {0};

    atomic_store(&counts->of[MOCK_C_Sign].delay_us, 0); /* whatever a test left that failed */
    for (size_t i = 0; i < 2; i++) {
        confs[i].share = share;
        confs[i].op_timeout_ms = op_timeout_ms;
    }
    if (cr_failed(tok_local_new(confs, 2, &f.loc, &err)))
        fail_msg("%s", err.text);
    f.signer = tok_local_signer(f.loc);
}

static cr_status find_both(struct tok_object **out, struct cr_err *err)
{
    return f.signer->ops->find(f.signer, (const char *const *)locations, 2, &pub, fixture_verify, pkey, out, err);
}

static struct tok_object *found(void)
{
    struct tok_object *obj = NULL;
    struct cr_err err = {0};

    if (cr_failed(find_both(&obj, &err)))
        fail_msg("%s", err.text);
    return obj;
}

static void sign_ok(struct tok_object *obj)
{
    struct cr_err err = {0};

    if (cr_failed(fixture_sign_verify(&f, obj, pkey, &err)))
        fail_msg("%s", err.text);
}

static unsigned long near_inits(void)
{
    return atomic_load(&counts->of[MOCK_C_SignInit].calls);
}

static void break_near(CK_RV rv)
{
    mock_fail(counts, MOCK_C_SignInit, rv, 0, rv == CKR_OK ? 0 : 100000);
}

static void nap_ms(long ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&ts, NULL);
}

static long ms_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Once near has failed. False when that took so long that its time was over: then it proves nothing. */
static bool left_alone(struct tok_object *obj)
{
    long began = ms_now();
    unsigned long before;

    break_near(CKR_DEVICE_ERROR);
    sign_ok(obj); /* within this one */
    before = near_inits();
    for (int i = 0; i < 5; i++)
        sign_ok(obj);
    if (ms_now() - began >= BACKOFF_MS)
        return false;
    assert_int_equal(near_inits(), before);
    return true;
}

static void used_again(struct tok_object *obj)
{
    unsigned long before = near_inits();

    break_near(CKR_OK);
    for (int i = 0; i < 1200 && near_inits() == before; i++) {
        nap_ms(50);
        sign_ok(obj);
    }
    assert_true(near_inits() > before);
}

static void the_first_location_signs_and_the_second_when_it_fails(void **state)
{
    struct tok_object *obj;
    unsigned long before;
    bool alone = false;

    (void)state;
    open_both(false, 0);
    obj = found();
    before = near_inits();
    sign_ok(obj);
    assert_true(near_inits() > before);
    for (int i = 0; i < 20 && !alone; i++) {
        alone = left_alone(obj);
        used_again(obj);
    }
    assert_true(alone);
    f.signer->ops->object_unref(&obj);
    fixture_close(&f);
}

static void a_token_that_is_down_at_load_does_not_matter(void **state)
{
    struct tok_object *obj;

    (void)state;
    open_both(false, 0);
    mock_fail(counts, MOCK_C_Initialize, CKR_DEVICE_REMOVED, 0, 100000);
    obj = found();
    sign_ok(obj);
    f.signer->ops->object_unref(&obj);
    mock_fail(counts, MOCK_C_Initialize, CKR_OK, 0, 0);
    fixture_close(&f);
}

static void a_key_that_is_gone_from_one_token_is_found_on_the_other(void **state)
{
    char *gone = strdup("pkcs11:token=unit;id=%01%02%03;type=private"), *kept = locations[0];
    struct tok_object *obj;

    (void)state;
    locations[0] = gone;
    open_both(false, 0);
    obj = found();
    sign_ok(obj);
    f.signer->ops->object_unref(&obj);
    fixture_close(&f);
    locations[0] = kept;
    free(gone);
}

static void when_all_fail_the_first_is_said(void **state)
{
    char *near = strdup("pkcs11:token=unit;id=%01%02%03;type=private");
    char *far = strdup("pkcs11:token=far;id=%01%02%03;type=private");
    char *kept[2] = {locations[0], locations[1]};
    struct tok_object *obj = NULL;
    struct cr_err err = {0};

    (void)state;
    locations[0] = near;
    locations[1] = far;
    open_both(false, 0);
    assert_int_equal(find_both(&obj, &err).code, CR_E_NOT_FOUND);
    assert_non_null(strstr(err.text, "token near: no private key"));
    assert_non_null(strstr(err.text, "(and at 1 more location)"));
    assert_null(obj);
    fixture_close(&f);
    memcpy(locations, kept, sizeof(kept));
    free(near);
    free(far);
}

static void what_is_wrong_with_the_call_is_not_tried_elsewhere(void **state)
{
    struct tok_mech mech = {.op = TOK_SIGN_ECDSA};
    unsigned char digest[32] = {1}, sig[8];
    struct tok_object *obj;
    struct cr_err err = {0};
    size_t n = 0;

    (void)state;
    open_both(false, 0);
    obj = found();
    assert_int_equal(f.signer->ops->sign(obj, &mech, cr_bytes(digest, 32), sig, sizeof(sig), &n, &err).code, CR_E_SIZE);
    assert_null(strstr(err.text, "more location"));
    f.signer->ops->object_unref(&obj);
    assert_int_equal(
        f.signer->ops->find(f.signer, (const char *const *)locations, 0, &pub, fixture_verify, pkey, &obj, &err).code,
        CR_E_INVALID);
    fixture_close(&f);
}

static atomic_uint failures;
static pthread_barrier_t all_there;

static void *sign_20(void *obj)
{
    pthread_barrier_wait(&all_there);
    for (int i = 0; i < 20; i++)
        if (cr_failed(fixture_sign_verify(&f, obj, pkey, NULL)))
            atomic_fetch_add(&failures, 1);
    return NULL;
}

static void run_threads(struct tok_object *obj, unsigned n)
{
    pthread_t t[8];

    atomic_store(&failures, 0);
    assert_int_equal(pthread_barrier_init(&all_there, NULL, n), 0);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(pthread_create(&t[i], NULL, sign_20, obj), 0);
    for (unsigned i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    pthread_barrier_destroy(&all_there);
    assert_int_equal(atomic_load(&failures), 0);
}

/* near takes 20 ms a signature, far none: whoever comes while near is busy goes to far. */
static void shared_load_goes_where_fewer_sessions_are_in_use(void **state)
{
    struct tok_object *obj;
    unsigned long alone, shared;

    (void)state;
    open_both(false, 0);
    atomic_store(&counts->of[MOCK_C_Sign].delay_us, 20000);
    obj = found();
    alone = near_inits();
    run_threads(obj, 4);
    alone = near_inits() - alone;
    assert_int_equal(alone, 80); /* not shared: the first location does it all */
    f.signer->ops->object_unref(&obj);
    fixture_close(&f);

    open_both(true, 0);
    atomic_store(&counts->of[MOCK_C_Sign].delay_us, 20000);
    obj = found();
    sign_ok(obj);
    shared = near_inits();
    run_threads(obj, 4);
    shared = near_inits() - shared;
    assert_true(shared > 0 && shared < 60);
    f.signer->ops->object_unref(&obj);
    fixture_close(&f);
    atomic_store(&counts->of[MOCK_C_Sign].delay_us, 0);
}

static void a_frozen_module_is_left_in_time_and_the_other_signs(void **state)
{
    unsigned threads = fixture_threads();
    struct tok_object *obj;
    long begun;

    (void)state;
    open_both(false, FREEZE_MS);
    obj = found();
    sign_ok(obj);
    atomic_store(&counts->of[MOCK_C_Sign].delay_us, FROZEN_US);
    begun = ms_now();
    sign_ok(obj);
    assert_in_range(ms_now() - begun, FREEZE_MS, FROZEN_US / 1000 - 1);
    run_threads(obj, 8);
    f.signer->ops->object_unref(&obj);
    fixture_close(&f); /* with a call still stuck */
    atomic_store(&counts->of[MOCK_C_Sign].delay_us, 0);
    fixture_threads_wait(threads); /* the one that owned it ends */
}

static void without_another_location_a_frozen_module_is_an_error_in_time(void **state)
{
    const char *one = locations[0];
    struct tok_object *obj = NULL;
    struct cr_err err = {0};
    unsigned threads = fixture_threads();
    long begun;

    (void)state;
    open_both(false, FREEZE_MS);
    assert_int_equal(f.signer->ops->find(f.signer, &one, 1, &pub, fixture_verify, pkey, &obj, &err).code, CR_OK);
    sign_ok(obj);
    atomic_store(&counts->of[MOCK_C_Sign].delay_us, FROZEN_US);
    begun = ms_now();
    assert_int_equal(fixture_sign_verify(&f, obj, pkey, &err).code, CR_E_BUSY);
    assert_in_range(ms_now() - begun, FREEZE_MS, FROZEN_US / 1000 - 1);
    assert_non_null(strstr(err.text, "op-timeout"));
    atomic_store(&counts->of[MOCK_C_Sign].delay_us, 0);
    fixture_threads_wait(threads);
    sign_ok(obj); /* it thawed */
    f.signer->ops->object_unref(&obj);
    fixture_close(&f);
}

static void import_at(const char *module, const char *token, char **location)
{
    struct tok_conf conf = {.name = token, .module = module, .token_uri = token, .pin = fixture_pin};

    fixture_open(&f, &conf);
    fixture_import(&f, pkey, location);
    fixture_close(&f);
}

static int setup(void **state)
{
    char command[320], file[96];

    (void)state;
    fixture_make(&f);
    snprintf(far_module, sizeof(far_module), "%s/far.so", f.dir);
    snprintf(command, sizeof(command),
             "cp " FIXTURE_MODULE
             " %s && softhsm2-util --init-token --free --label far --so-pin 12345678 --pin " FIXTURE_PIN " >/dev/null",
             far_module);
    snprintf(file, sizeof(file), "%s/counts", f.dir);
    setenv("CERTROLL_MOCK_TARGET", FIXTURE_MODULE, 1);
    setenv("CERTROLL_MOCK_COUNTS", file, 1);
    if (system(command) != 0 || (counts = mock_counts_map(file)) == NULL)
        return -1;
    pkey = fixture_key("EC:P-256");
    fixture_numbers(pkey, &pub);
    import_at(MOCK_MODULE, NEAR, &locations[0]);
    import_at(far_module, FAR, &locations[1]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(locations[0]);
    free(locations[1]);
    tok_key_clear(&pub);
    fixture_remove(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_location_signs_and_the_second_when_it_fails),
        cmocka_unit_test(a_token_that_is_down_at_load_does_not_matter),
        cmocka_unit_test(a_key_that_is_gone_from_one_token_is_found_on_the_other),
        cmocka_unit_test(when_all_fail_the_first_is_said),
        cmocka_unit_test(what_is_wrong_with_the_call_is_not_tried_elsewhere),
        cmocka_unit_test(shared_load_goes_where_fewer_sessions_are_in_use),
        cmocka_unit_test(a_frozen_module_is_left_in_time_and_the_other_signs),
        cmocka_unit_test(without_another_location_a_frozen_module_is_an_error_in_time),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
