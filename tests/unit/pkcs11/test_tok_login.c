/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that want a login in each operation, and devices at which the PIN is typed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <p11-kit/pin.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "pkcs11/tok_pin.h"
#include "tests/mock/mock_count.h"

/* New ones in each test: what a slot remembers outlives its users. */
static char right[16], other[16], wrong_one[16];

static struct fixture f;
static struct mock_counts *counts;
static struct mock_persona *as;
static struct mock_seen *seen;
static EVP_PKEY *pkey, *rsa;
static char *location, *rsa_location;

/* The source: what it gives, and what when asked again (NULL: the same). */
static const char *pin_first, *pin_again;
static atomic_uint pins_asked;
static bool fork_now;
static pid_t child;
static bool together;

static cr_status pin(void *arg, const char *token_name, bool retry, struct cr_buf *out, struct cr_err *err)
{
    const char *text = retry && pin_again != NULL ? pin_again : pin_first;

    (void)arg;
    (void)token_name;
    if (!together)
        assert_int_equal(atomic_load(&seen->running), 0); /* never inside a call */
    pins_asked++;
    if (fork_now) {
        fork_now = false;
        if ((child = fork()) == 0)
            alarm(120);
    }
    return cr_buf_set(out, text, strlen(text), err);
}

static void token_wants(const char *text)
{
    snprintf(as->pin, sizeof(as->pin), "%s", text);
}

static void source_gives(const char *first, const char *again)
{
    pin_first = first;
    pin_again = again;
}

static unsigned long calls(enum mock_function of)
{
    return atomic_load(&counts->of[of].calls);
}

static struct tok_object *find(EVP_PKEY *key, const char *at)
{
    struct tok_object *obj = NULL;
    struct cr_err err = {0};
    struct tok_key pub;

    fixture_numbers(key, &pub);
    cr_ignore(fixture_find(&f, at, &pub, key, &obj, &err));
    tok_key_clear(&pub);
    assert_string_equal(err.text, "");
    assert_non_null(obj);
    return obj;
}

static void sign_ok(struct tok_object *obj)
{
    struct cr_err err = {0};
    cr_status st = fixture_sign_verify(&f, obj, pkey, &err);

    assert_string_equal(err.text, "");
    assert_int_equal(st.code, CR_OK);
}

static void a_signature_is_three_calls(void **state)
{
    struct tok_object *obj = find(pkey, location);
    unsigned long before, logins;

    (void)state;
    sign_ok(obj);
    before = mock_counts_total(counts);
    logins = atomic_load(&seen->context_logins);
    pins_asked = 0;
    for (int i = 0; i < 20; i++)
        sign_ok(obj);
    assert_int_equal(mock_counts_total(counts), before + 60);
    assert_int_equal(atomic_load(&seen->context_logins), logins + 20);
    assert_int_equal(pins_asked, 20);
    assert_int_equal(atomic_load(&seen->unauthenticated), 0);
    f.signer->ops->object_unref(&obj);
}

static void a_decryption_is_three_calls(void **state)
{
    struct tok_object *obj = find(rsa, rsa_location);
    struct tok_mech mech = {.op = TOK_DECRYPT_RSA_RAW};
    unsigned char in[256] = {1}, out[256];
    unsigned long before = 0, logins = 0;
    struct cr_err err = {0};
    size_t n = 0;

    (void)state;
    for (int i = 0; i < 3; i++) {
        cr_status st = f.signer->ops->decrypt(obj, &mech, cr_bytes(in, 256), out, sizeof(out), &n, &err);
        assert_string_equal(err.text, "");
        assert_int_equal(st.code, CR_OK);
        if (i == 0) {
            before = mock_counts_total(counts);
            logins = atomic_load(&seen->context_logins);
        }
    }
    assert_int_equal(mock_counts_total(counts), before + 6);
    assert_int_equal(atomic_load(&seen->context_logins), logins + 2);
    f.signer->ops->object_unref(&obj);
}

/* The token's PIN was changed while we were logged in, and the source does not know. */
static void a_wrong_pin_is_sent_once_and_its_session_closed(void **state)
{
    struct tok_object *obj = find(pkey, location);
    unsigned long wrong, logins, closed;
    struct cr_err err = {0};

    (void)state;
    sign_ok(obj);
    token_wants(other);
    wrong = atomic_load(&seen->wrong_pins);
    closed = calls(MOCK_C_CloseSession);
    assert_int_equal(fixture_sign_verify(&f, obj, pkey, &err).code, CR_E_PIN);
    assert_string_equal(err.text, "token unit: C_Login: CKR_PIN_INCORRECT: the PIN from the test is wrong");
    assert_int_equal(atomic_load(&seen->wrong_pins), wrong + 1);
    assert_int_equal(calls(MOCK_C_CloseSession), closed + 1);
    logins = calls(MOCK_C_Login);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fixture_sign_verify(&f, obj, pkey, &err).code, CR_E_PIN);
    assert_non_null(strstr(err.text, "refused before; not tried again"));
    assert_null(strstr(err.text, right));
    assert_int_equal(calls(MOCK_C_Login), logins);
    assert_int_equal(atomic_load(&seen->dirty), 0);
    source_gives(other, NULL);
    sign_ok(obj);
    assert_int_equal(atomic_load(&seen->wrong_pins), wrong + 1);
    f.signer->ops->object_unref(&obj);
}

static void a_source_with_another_pin_is_believed_once(void **state)
{
    struct tok_object *obj = find(pkey, location);
    struct cr_err err = {0};
    unsigned long wrong;

    (void)state;
    sign_ok(obj);
    token_wants(other);
    source_gives(right, other);
    wrong = atomic_load(&seen->wrong_pins);
    sign_ok(obj);
    sign_ok(obj);
    assert_int_equal(atomic_load(&seen->wrong_pins), wrong + 1);
    token_wants(right);
    source_gives(other, wrong_one);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fixture_sign_verify(&f, obj, pkey, &err).code, CR_E_PIN);
    assert_int_equal(atomic_load(&seen->wrong_pins), wrong + 3);
    assert_int_equal(atomic_load(&seen->dirty), 0);
    f.signer->ops->object_unref(&obj);
}

struct worker {
    struct tok_object *obj;
    pthread_t thread;
    int good;
};

static void *work(void *arg)
{
    struct worker *w = arg;

    for (int i = 0; i < 5; i++)
        w->good += !cr_failed(fixture_sign_verify(&f, w->obj, pkey, NULL));
    return NULL;
}

static int work_all(struct tok_object *obj)
{
    struct worker w[8];
    int good = 0;

    together = true;
    for (size_t i = 0; i < CR_COUNT(w); i++) {
        w[i] = (struct worker){.obj = obj};
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (size_t i = 0; i < CR_COUNT(w); i++) {
        pthread_join(w[i].thread, NULL);
        good += w[i].good;
    }
    together = false;
    return good;
}

static void threads_that_are_wrong_together_use_up_one_try(void **state)
{
    struct tok_object *obj = find(pkey, location);
    unsigned long wrong = atomic_load(&seen->wrong_pins);

    (void)state;
    assert_int_equal(work_all(obj), 40);
    assert_int_equal(atomic_load(&seen->wrong_pins), wrong);
    assert_int_equal(atomic_load(&seen->unauthenticated), 0);
    token_wants(other);
    atomic_store(&counts->of[MOCK_C_Login].delay_us, 20000);
    assert_int_equal(work_all(obj), 0);
    atomic_store(&counts->of[MOCK_C_Login].delay_us, 0);
    assert_int_equal(atomic_load(&seen->wrong_pins), wrong + 1);
    f.signer->ops->object_unref(&obj);
}

static void a_child_forked_in_the_pin_callback_signs(void **state)
{
    struct tok_object *obj = find(pkey, location);
    struct cr_err err = {0};
    int status = 0;
    cr_status st;

    (void)state;
    sign_ok(obj);
    together = true; /* two processes count what is running */
    fork_now = true;
    st = fixture_sign_verify(&f, obj, pkey, &err);
    if (child == 0)
        _exit(cr_failed(st));
    assert_int_equal(waitpid(child, &status, 0), child);
    together = false;
    assert_int_equal(status, 0);
    assert_string_equal(err.text, "");
    sign_ok(obj);
    f.signer->ops->object_unref(&obj);
}

static void with_one_try_left_another_pin_is_not_tried(void **state)
{
    struct tok_object *obj = find(pkey, location);
    struct cr_err err = {0};
    unsigned long wrong;

    (void)state;
    sign_ok(obj);
    token_wants(other);
    source_gives(right, other);
    atomic_store(&as->flags_set, CKF_USER_PIN_FINAL_TRY);
    wrong = atomic_load(&seen->wrong_pins);
    assert_int_equal(fixture_sign_verify(&f, obj, pkey, &err).code, CR_E_PIN);
    assert_non_null(strstr(err.text, "one try is left"));
    assert_int_equal(atomic_load(&seen->wrong_pins), wrong + 1);
    f.signer->ops->object_unref(&obj);
}

static void what_the_login_says_is_named_and_leaves_nothing(void **state)
{
    static const struct {
        CK_RV rv;
        enum cr_code code;
        const char *text;
    } t[] = {
        {CKR_PIN_LOCKED, CR_E_PIN, "C_Login: CKR_PIN_LOCKED"},
        {CKR_PIN_EXPIRED, CR_E_PIN, "C_Login: CKR_PIN_EXPIRED"},
        {CKR_OPERATION_NOT_INITIALIZED, CR_E_TOKEN, "C_Login: CKR_OPERATION_NOT_INITIALIZED"},
        {CKR_FUNCTION_FAILED, CR_E_TOKEN, "C_Login: CKR_FUNCTION_FAILED"},
    };
    struct tok_object *obj = find(pkey, location);

    (void)state;
    sign_ok(obj);
    for (size_t i = 0; i < CR_COUNT(t); i++) {
        struct cr_err err = {0};
        unsigned long open = atomic_load(&seen->sessions), signs = calls(MOCK_C_Sign);
        mock_fail(counts, MOCK_C_Login, t[i].rv, 0, 2);
        assert_int_equal(fixture_sign_verify(&f, obj, pkey, &err).code, t[i].code);
        assert_non_null(strstr(err.text, t[i].text));
        assert_int_equal(calls(MOCK_C_Sign), signs);
        assert_true(atomic_load(&seen->sessions) < open);
        mock_fail(counts, MOCK_C_Login, 0, 0, 0);
        sign_ok(obj);
    }
    assert_int_equal(atomic_load(&seen->dirty), 0);
    f.signer->ops->object_unref(&obj);
}

static void a_device_error_in_the_login_is_repaired(void **state)
{
    struct tok_object *obj = find(pkey, location);

    (void)state;
    sign_ok(obj);
    mock_fail(counts, MOCK_C_Login, CKR_DEVICE_ERROR, 0, 1);
    sign_ok(obj);
    assert_int_equal(atomic_load(&counts->of[MOCK_C_Login].failed), 1);
    f.signer->ops->object_unref(&obj);
}

/* CKF_PROTECTED_AUTHENTICATION_PATH: the PIN is typed at the device, and nobody is asked here. */
static void a_protected_path_logs_in_without_a_pin(void **state)
{
    struct tok_object *obj;

    (void)state;
    fixture_close(&f);
    atomic_store(&as->always_auth, 0);
    atomic_store(&as->flags_set, CKF_PROTECTED_AUTHENTICATION_PATH);
    fixture_open(&f, &(struct tok_conf){.module = MOCK_MODULE, .pin = pin});
    pins_asked = 0;
    obj = find(pkey, location);
    sign_ok(obj);
    assert_int_equal(pins_asked, 0);
    f.signer->ops->object_unref(&obj);
}

static void a_protected_path_is_for_each_signature_too(void **state)
{
    struct tok_object *obj;
    unsigned long logins, before;

    (void)state;
    atomic_store(&as->flags_set, CKF_PROTECTED_AUTHENTICATION_PATH);
    obj = find(pkey, location);
    sign_ok(obj);
    logins = atomic_load(&seen->context_logins);
    before = mock_counts_total(counts);
    sign_ok(obj);
    assert_int_equal(atomic_load(&seen->context_logins), logins + 1);
    assert_int_equal(mock_counts_total(counts), before + 3);
    assert_int_equal(pins_asked, 0);
    f.signer->ops->object_unref(&obj);
}

static P11KitPin *from_program(const char *source, P11KitUri *uri, const char *description, P11KitPinFlags flags,
                               void *data)
{
    assert_string_equal(source, "unit pins");
    assert_string_equal(description, "unit");
    assert_memory_equal(p11_kit_uri_get_token_info(uri)->label, "unit  ", 6);
    return p11_kit_pin_new_for_string(flags & P11_KIT_PIN_FLAGS_RETRY ? "again" : *(const char **)data);
}

static void a_program_gives_its_pin_by_a_callback(void **state)
{
    const char *answer = "the first", *none = "";
    struct cr_buf got = {0};
    struct cr_err err = {0};

    (void)state;
    assert_int_equal(tok_pin_callback("unit pins", "pkcs11:token=unit", "unit", false, &got, &err).code, CR_E_PIN);
    assert_non_null(strstr(err.text, "no p11-kit PIN callback 'unit pins'"));
    p11_kit_pin_register_callback("unit pins", from_program, &answer, NULL);
    assert_int_equal(tok_pin_callback("unit pins", "pkcs11:token=unit", "unit", false, &got, &err).code, CR_OK);
    assert_true(cr_bytes_equal(cr_buf_bytes(&got), cr_bytes_str("the first")));
    assert_int_equal(tok_pin_callback("unit pins", "pkcs11:token=unit", "unit", true, &got, &err).code, CR_OK);
    assert_true(cr_bytes_equal(cr_buf_bytes(&got), cr_bytes_str("again")));
    answer = none;
    assert_int_equal(tok_pin_callback("unit pins", "pkcs11:token=unit", "unit", false, &got, &err).code, CR_E_PIN);
    p11_kit_pin_unregister_callback("unit pins", from_program, &answer);
    assert_int_equal(tok_pin_callback("unit pins", "pkcs11:token=unit", "unit", false, &got, &err).code, CR_E_PIN);
    cr_buf_clear(&got);
}

static void a_location_that_names_another_token_is_not_on_this(void **state)
{
    static const struct {
        const char *location;
        bool may;
    } t[] = {{"pkcs11:token=unit;id=%01;type=private", true},
             {"pkcs11:id=%01;type=private", true},
             {"pkcs11:serial=77;id=%01;type=private", true},
             {"pkcs11:token=other;id=%01;type=private", false},
             {"pkcs11:token=unit", false},
             {"/etc/pin", false}};
    unsigned long before = mock_counts_total(counts);

    (void)state;
    for (size_t i = 0; i < CR_COUNT(t); i++)
        assert_int_equal(tok_may_hold(f.loc, 0, t[i].location), t[i].may);
    assert_false(tok_may_hold(f.loc, 1, t[0].location));
    assert_int_equal(mock_counts_total(counts), before);
}

static int begin(void **state)
{
    static unsigned nth = 10000000;

    (void)state;
    snprintf(right, sizeof(right), "%u", nth++);
    snprintf(other, sizeof(other), "%u", nth++);
    snprintf(wrong_one, sizeof(wrong_one), "%u", nth++);
    memset(as, 0, sizeof(*as));
    for (int i = 0; i < MOCK_COUNT; i++) {
        mock_fail(counts, (enum mock_function)i, 0, 0, 0);
        atomic_store(&counts->of[i].failed, 0);
    }
    pins_asked = 0;
    atomic_store(&as->pin_asked, 1);
    atomic_store(&as->always_auth, 1);
    snprintf(as->target_pin, sizeof(as->target_pin), FIXTURE_PIN);
    token_wants(right);
    source_gives(right, NULL);
    fixture_open(&f,
                 &(struct tok_conf){
                     .module = MOCK_MODULE, .pin = pin, .pin_from = "the test", .max_sessions = 2, .wait_ms = 60000});
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static int setup(void **state)
{
    char file[128];

    (void)state;
    fixture_make(&f);
    snprintf(file, sizeof(file), "%s/counts", f.dir);
    setenv("CERTROLL_MOCK_TARGET", FIXTURE_MODULE, 1);
    setenv("CERTROLL_MOCK_COUNTS", file, 1);
    counts = mock_counts_map(file);
    assert_non_null(counts);
    as = &counts->persona;
    seen = &counts->seen;
    pkey = fixture_key("EC:P-256");
    rsa = fixture_key("RSA:2048");
    source_gives(FIXTURE_PIN, NULL);
    fixture_open(&f, &(struct tok_conf){.module = MOCK_MODULE, .pin = pin});
    fixture_import(&f, pkey, &location);
    fixture_import(&f, rsa, &rsa_location);
    fixture_close(&f);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(location);
    free(rsa_location);
    fixture_remove(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_signature_is_three_calls, begin, end),
        cmocka_unit_test_setup_teardown(a_decryption_is_three_calls, begin, end),
        cmocka_unit_test_setup_teardown(a_wrong_pin_is_sent_once_and_its_session_closed, begin, end),
        cmocka_unit_test_setup_teardown(a_source_with_another_pin_is_believed_once, begin, end),
        cmocka_unit_test_setup_teardown(threads_that_are_wrong_together_use_up_one_try, begin, end),
        cmocka_unit_test_setup_teardown(a_child_forked_in_the_pin_callback_signs, begin, end),
        cmocka_unit_test_setup_teardown(with_one_try_left_another_pin_is_not_tried, begin, end),
        cmocka_unit_test_setup_teardown(what_the_login_says_is_named_and_leaves_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_device_error_in_the_login_is_repaired, begin, end),
        cmocka_unit_test_setup_teardown(a_program_gives_its_pin_by_a_callback, begin, end),
        cmocka_unit_test_setup_teardown(a_location_that_names_another_token_is_not_on_this, begin, end),
        cmocka_unit_test_setup_teardown(a_protected_path_is_for_each_signature_too, begin, end),
        cmocka_unit_test_setup_teardown(a_protected_path_logs_in_without_a_pin, begin, end),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
