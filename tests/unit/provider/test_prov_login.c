/* SPDX-License-Identifier: Apache-2.0 */
/* Where the provider has its PINs from, and that it still has them after an outage, in a child, and when the environment
 * is gone. */
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <p11-kit/pin.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "tests/mock/mock_count.h"

static const char data[] = "some text that somebody signs";
static char pin[48]; /* the right one */
static struct mock_counts *counts;

/* What is typed, and how often somebody was asked. */
static const char *typed;
static char asked_for[128];
static unsigned asked;

static int type_it(UI *ui, UI_STRING *string)
{
    asked++;
    (void)snprintf(asked_for, sizeof asked_for, "%s", UI_get0_output_string(string));
    return typed == NULL ? -1 : UI_set_result(ui, string, typed) == 0;
}

static UI_METHOD *typist(void)
{
    static UI_METHOD *method;

    if (method == NULL) {
        method = UI_create_method("typist");
        (void)UI_method_set_reader(method, type_it);
    }
    return method;
}

static EVP_PKEY *load(OSSL_LIB_CTX *ctx, const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, ctx, NULL, typist(), NULL, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    if (store == NULL)
        return NULL;
    (void)OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
    while (key == NULL && OSSL_STORE_eof(store) == 0) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info == NULL)
            break;
        key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    (void)OSSL_STORE_close(store);
    return key;
}

/* The lab's configuration with another pin-source, over the mock. */
static struct fixture_instance load_with(const char *source)
{
    char command[512];

    (void)snprintf(command, sizeof command,
                   "sed -e 's|^pin-source = .*|pin-source = %s|' -e 's|^module = .*|module = %s|' %s/lab/certroll.conf "
                   ">%s/lab/login.conf",
                   source, MOCK_MODULE, fx.dir, fx.dir);
    assert_int_equal(system(command), 0);
    asked = 0;
    return fixture_load("login.conf");
}

static unsigned long logins(void)
{
    return atomic_load(&counts->of[MOCK_C_Login].calls);
}

static bool signs(EVP_PKEY *key)
{
    unsigned char sig[512];
    size_t n = sizeof sig;

    return fixture_sign(key, data, sizeof data, sig, &n, NULL) == 1;
}

static bool child_signs(EVP_PKEY *key)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        (void)alarm(120);
        _exit(!signs(key));
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}

/* Everything is done anew, the login too. */
static void outage(void)
{
    mock_fail(counts, MOCK_C_Sign, 0x30 /* CKR_DEVICE_ERROR */, 0, 1);
}

static void what_is_typed_is_asked_once_and_kept(void **state)
{
    struct fixture_instance in = load_with("prompt:");
    EVP_PKEY *key, *second;
    unsigned long before;

    (void)state;
    typed = pin;
    key = load(in.ctx, "certroll://EcA");
    assert_non_null(key);
    assert_int_equal(asked, 1);
    assert_non_null(strstr(asked_for, "PIN of token softhsm"));
    assert_true(signs(key));
    typed = NULL; /* nobody is there any more */
    before = logins();
    outage();
    assert_true(signs(key));
    assert_int_equal(logins(), before + 1);
    assert_true(child_signs(key));
    second = load(in.ctx, "certroll://RsaA");
    assert_non_null(second);
    assert_int_equal(asked, 1);
    EVP_PKEY_free(key);
    EVP_PKEY_free(second);
    fixture_unload(&in);
}

static void what_is_typed_wrong_is_sent_once_and_asked_again(void **state)
{
    struct fixture_instance in = load_with("prompt:");
    unsigned long before = logins();
    EVP_PKEY *key;

    (void)state;
    typed = "00000000";
    assert_null(load(in.ctx, "certroll://EcA"));
    assert_true(fixture_error_has("the PIN from the prompt is wrong"));
    assert_null(load(in.ctx, "certroll://EcA"));
    assert_true(fixture_error_has("the PIN from the prompt is the one the token refused before"));
    assert_int_equal(logins(), before + 1);
    assert_int_equal(asked, 2);
    typed = NULL;
    assert_null(load(in.ctx, "certroll://EcA"));
    assert_true(fixture_error_has("its PIN is to be typed when its key is loaded"));
    typed = "";
    assert_null(load(in.ctx, "certroll://EcA"));
    ERR_clear_error();
    assert_int_equal(logins(), before + 1);
    typed = pin;
    key = load(in.ctx, "certroll://EcA");
    assert_non_null(key);
    assert_true(signs(key));
    EVP_PKEY_free(key);
    fixture_unload(&in);
}

/* The key's location names its token. */
static void the_pin_of_another_token_is_not_asked_for(void **state)
{
    struct fixture_instance in;
    EVP_PKEY *key;

    (void)state;
    assert_int_equal(
        system("cd ${CERTROLL_CONFIG%/*} && sed 's/^tokens = .*/&, other/' certroll.conf >two.conf && printf "
               "'\n[token_other]\nmodule = /usr/lib/softhsm/libsofthsm2.so\n"
               "token = pkcs11:token=other\npin-source = prompt:\n' >>two.conf"),
        0);
    asked = 0;
    typed = NULL;
    in = fixture_load("two.conf");
    key = load(in.ctx, "certroll://EcA");
    assert_non_null(key);
    assert_true(signs(key));
    assert_int_equal(asked, 0);
    EVP_PKEY_free(key);
    fixture_unload(&in);
}

static void nobody_is_asked_where_the_pin_is_in_a_file(void **state)
{
    char path[256];
    struct fixture_instance in;
    EVP_PKEY *key;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/lab/other-pin", fx.dir);
    typed = pin;
    in = load_with(path);
    assert_null(load(in.ctx, "certroll://EcA"));
    assert_true(fixture_error_has(path));
    assert_int_equal(asked, 0);
    (void)snprintf(path, sizeof path, "cp %s/lab/pin %s/lab/other-pin", fx.dir, fx.dir);
    assert_int_equal(system(path), 0);
    key = load(in.ctx, "certroll://EcA");
    assert_non_null(key);
    EVP_PKEY_free(key);
    fixture_unload(&in);
}

static void a_credential_is_read_at_load_and_the_environment_may_go(void **state)
{
    struct fixture_instance in;
    char path[128];
    EVP_PKEY *key;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/lab", fx.dir);
    (void)setenv("CREDENTIALS_DIRECTORY", path, 1);
    in = load_with("credential:pin");
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    key = load(in.ctx, "certroll://EcA");
    assert_non_null(key);
    outage();
    assert_true(signs(key));
    assert_true(child_signs(key));
    EVP_PKEY_free(key);
    fixture_unload(&in);
    in = load_with("credential:pin");
    assert_null(load(in.ctx, "certroll://EcA"));
    assert_true(fixture_error_has("LoadCredential=pin:/"));
    fixture_unload(&in);
}

static P11KitPin *from_program(const char *source, P11KitUri *uri, const char *description, P11KitPinFlags flags,
                               void *arg)
{
    (void)source;
    (void)uri;
    (void)description;
    (void)flags;
    ++*(unsigned *)arg;
    return p11_kit_pin_new_for_string(pin);
}

static void a_program_gives_the_pin_by_its_callback(void **state)
{
    struct fixture_instance in = load_with("p11-kit:this program");
    unsigned given = 0;
    EVP_PKEY *key;

    (void)state;
    assert_null(load(in.ctx, "certroll://EcA"));
    assert_true(fixture_error_has("no p11-kit PIN callback 'this program'"));
    (void)p11_kit_pin_register_callback("this program", from_program, &given, NULL);
    key = load(in.ctx, "certroll://EcA");
    assert_non_null(key);
    assert_int_equal(given, 1);
    assert_int_equal(asked, 0);
    outage();
    assert_true(signs(key));
    assert_int_equal(given, 2);
    assert_true(child_signs(key));
    EVP_PKEY_free(key);
    fixture_unload(&in);
    p11_kit_pin_unregister_callback("this program", from_program, &given);
}

static void a_device_with_its_own_keypad_needs_no_source(void **state)
{
    struct mock_persona *as = &counts->persona;
    struct fixture_instance in;
    EVP_PKEY *key;

    (void)state;
    (void)snprintf(as->pin, sizeof as->pin, "11223344");
    (void)snprintf(as->target_pin, sizeof as->target_pin, "%s", pin);
    atomic_store(&as->pin_asked, 1);
    atomic_store(&as->flags_set, 0x100 /* CKF_PROTECTED_AUTHENTICATION_PATH */);
    in = load_with("/dropped");
    fixture_unload(&in);
    assert_int_equal(system("sed -i '/^pin-source/d' \"${CERTROLL_CONFIG%/*}/login.conf\""), 0);
    in = fixture_load("login.conf");
    typed = pin;
    asked = 0;
    key = load(in.ctx, "certroll://EcA");
    assert_non_null(key);
    assert_true(signs(key));
    assert_true(child_signs(key));
    assert_int_equal(asked, 0);
    EVP_PKEY_free(key);
    fixture_unload(&in);
    atomic_store(&as->flags_set, 0);
    atomic_store(&as->pin_asked, 0);
}

static int setup(void **state)
{
    char path[128];
    FILE *f;

    if (fixture_setup(state) != 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/lab/pin", fx.dir);
    f = fopen(path, "r");
    if (f == NULL || fgets(pin, sizeof pin, f) == NULL || fclose(f) != 0)
        return -1;
    pin[strcspn(pin, "\n")] = '\0';
    (void)snprintf(path, sizeof path, "%s/counts", fx.dir);
    (void)setenv("CERTROLL_MOCK_TARGET", SOFTHSM, 1);
    (void)setenv("CERTROLL_MOCK_COUNTS", path, 1);
    (void)unsetenv("OPENSSL_CONF");
    counts = mock_counts_map(path);
    return counts != NULL ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_typed_is_asked_once_and_kept),
        cmocka_unit_test(what_is_typed_wrong_is_sent_once_and_asked_again),
        cmocka_unit_test(the_pin_of_another_token_is_not_asked_for),
        cmocka_unit_test(nobody_is_asked_where_the_pin_is_in_a_file),
        cmocka_unit_test(a_credential_is_read_at_load_and_the_environment_may_go),
        cmocka_unit_test(a_program_gives_the_pin_by_its_callback),
        cmocka_unit_test(a_device_with_its_own_keypad_needs_no_source),
    };

    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
