/* SPDX-License-Identifier: Apache-2.0 */
/* Instances of the provider coming and going, side by side and at the same moment. */
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

static const char data[] = "some text that somebody signs";

static int signs_in(OSSL_LIB_CTX *ctx, EVP_PKEY *key, EVP_PKEY *pub)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char sig[512];
    size_t n = sizeof sig;
    int good = EVP_DigestSignInit_ex(md, NULL, "SHA256", ctx, NULL, key, NULL) == 1 &&
               EVP_DigestSign(md, sig, &n, (const unsigned char *)data, sizeof data) == 1 &&
               fixture_verify(pub, data, sizeof data, sig, n);

    EVP_MD_CTX_free(md);
    return good;
}

static void twenty_loads_and_unloads_sign_in_between(void **state)
{
    struct role_cert *r = fixture_cert("RsaA"), *e = fixture_cert("EcA");
    EVP_PKEY *pr = fixture_public(r), *pe = fixture_public(e), *mine = fixture_key(NULL, "certroll://EcA");

    (void)state;
    assert_non_null(mine);
    for (int i = 0; i < 20; i++) {
        struct fixture_instance in = fixture_load("certroll.conf");
        OSSL_PROVIDER *again = OSSL_PROVIDER_load(in.ctx, "certroll");
        EVP_PKEY *key = fixture_key(in.ctx, i % 2 == 0 ? "certroll://RsaA" : "certroll://EcA");

        assert_ptr_equal(again, in.ours);
        assert_true(signs_in(in.ctx, key, i % 2 == 0 ? pr : pe));
        assert_int_equal(OSSL_PROVIDER_unload(again), 1); /* activated twice: once is left */
        assert_int_equal(OSSL_PROVIDER_available(in.ctx, "certroll"), 1);
        assert_true(signs_in(in.ctx, key, i % 2 == 0 ? pr : pe));
        EVP_PKEY_free(key);
        fixture_unload(&in);
        assert_true(signs_in(NULL, mine, pe)); /* the other instance has not noticed */
    }
    assert_int_equal(OSSL_PROVIDER_available(NULL, "certroll"), 1);
    EVP_PKEY_free(mine);
    EVP_PKEY_free(pr);
    EVP_PKEY_free(pe);
    role_cert_unref(&r);
    role_cert_unref(&e);
}

static void a_key_outlives_the_unloading_of_its_provider(void **state)
{
    struct role_cert *e = fixture_cert("EcA");
    EVP_PKEY *pe = fixture_public(e), *key;
    struct fixture_instance in = fixture_load("certroll.conf");

    (void)state;
    key = fixture_key(in.ctx, "certroll://EcA");
    assert_true(signs_in(in.ctx, key, pe));
    (void)OSSL_PROVIDER_unload(in.ours); /* the key holds it */
    assert_int_equal(EVP_PKEY_get_bits(key), 256);
    EVP_PKEY_free(key);
    (void)OSSL_PROVIDER_unload(in.base);
    OSSL_LIB_CTX_free(in.ctx);
    EVP_PKEY_free(pe);
    role_cert_unref(&e);
}

/* Squid does so, from destructors of static objects. */
static void a_key_outlives_openssl_itself(void **state)
{
    int status = 0;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        EVP_PKEY *key = fixture_key(NULL, "certroll://EcA");
        struct role_cert *e = fixture_cert("EcA");
        EVP_PKEY *pe = fixture_public(e);

        if (!signs_in(NULL, key, pe) || fixture_key(NULL, "certroll://NoSuchRole") != NULL)
            _exit(2);
        OPENSSL_cleanup();
        EVP_PKEY_free(key);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Among the first: OpenSSL has 128 numbers for the libraries of a process, and each instance takes one for good. */
static void errors_have_reasons_in_every_instance(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct fixture_instance in = fixture_load("certroll.conf");
        const char *data_text = NULL, *reason = NULL;
        int flags;

        ERR_clear_error();
        assert_null(fixture_key(in.ctx, "certroll://NoSuchRole"));
        for (unsigned long e; (e = ERR_get_error_all(NULL, NULL, NULL, &data_text, &flags)) != 0;) {
            if (ERR_GET_LIB(e) >= ERR_LIB_USER && (reason = ERR_reason_error_string(e)) != NULL) {
                assert_string_equal(ERR_lib_error_string(e), "certroll");
                break;
            }
        }
        assert_non_null(reason);
        assert_string_equal(reason, "not found");
        fixture_unload(&in);
    }
}

enum { THREADS = 4, TIMES = 100, WAIT_MS = 5000 /* of one for another */ };

struct signer {
    OSSL_LIB_CTX *ctx;
    EVP_PKEY *key, *pub;
    unsigned good;
};

static void *sign_many(void *arg)
{
    struct signer *s = arg;

    for (int i = 0; i < TIMES; i++)
        s->good += signs_in(s->ctx, s->key, s->pub) == 1;
    return NULL;
}

/* Two instances, and a third that comes and goes. */
static void two_instances_sign_at_the_same_moment(void **state)
{
    static const char *const uris[THREADS] = {"certroll://RsaA", "certroll://EcA", "certroll://EcA",
                                              "certroll://RsaA;bind=pinned"};
    struct role_cert *r = fixture_cert("RsaA"), *e = fixture_cert("EcA");
    EVP_PKEY *pr = fixture_public(r), *pe = fixture_public(e);
    struct fixture_instance in[2] = {fixture_load("certroll.conf"), fixture_load("certroll.conf")};
    struct signer s[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        s[i] = (struct signer){in[i % 2].ctx, fixture_key(in[i % 2].ctx, uris[i]), i == 1 || i == 2 ? pe : pr, 0};
        assert_non_null(s[i].key);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_many, &s[i]), 0);
    for (int i = 0; i < 5; i++) {
        struct fixture_instance third = fixture_load("certroll.conf");
        EVP_PKEY *key = fixture_key(third.ctx, "certroll://EcA");

        assert_true(signs_in(third.ctx, key, pe));
        EVP_PKEY_free(key);
        fixture_unload(&third);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(s[i].good, TIMES);
        EVP_PKEY_free(s[i].key);
    }
    fixture_unload(&in[0]);
    fixture_unload(&in[1]);
    EVP_PKEY_free(pr);
    EVP_PKEY_free(pe);
    role_cert_unref(&r);
    role_cert_unref(&e);
}

/* Loads, signs and unloads; an error of each kind of trouble on the way, which is logged. */
static bool come_and_go(EVP_PKEY *pub)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *base = NULL, *ours = NULL;
    char folder[256];
    EVP_PKEY *key;
    bool good;

    (void)snprintf(folder, sizeof folder, "%s", CERTROLL_SO);
    *strrchr(folder, '/') = '\0';
    if (OSSL_PROVIDER_set_default_search_path(ctx, folder) == 1) {
        base = OSSL_PROVIDER_load(ctx, "default");
        ours = OSSL_PROVIDER_load(ctx, "certroll");
    }
    key = fixture_key(ctx, "certroll://EcA");
    good = ours != NULL && key != NULL && signs_in(ctx, key, pub) == 1 && fixture_key(ctx, "certroll://Nobody") == NULL;
    EVP_PKEY_free(key);
    (void)OSSL_PROVIDER_unload(ours);
    (void)OSSL_PROVIDER_unload(base);
    OSSL_LIB_CTX_free(ctx);
    return good;
}

/* Once more after a failure by which a wait for the others may have ended: that takes a machine that is very busy. */
static void *come_and_go_often(void *arg)
{
    struct signer *s = arg;

    for (int i = 0; i < 5; i++) {
        int64_t before = fixture_clock_ms();
        bool good = come_and_go(s->pub);

        s->good += good || (fixture_clock_ms() - before >= WAIT_MS && come_and_go(s->pub));
    }
    return NULL;
}

/* First of all, and without the configuration that OpenSSL would read by itself: nothing of ours has been loaded yet. */
static void the_first_loads_happen_at_the_same_moment(void **state)
{
    struct role_cert *e = fixture_cert("EcA");
    EVP_PKEY *pe;
    struct signer s[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    assert_int_equal(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL), 1);
    pe = fixture_public(e);
    assert_int_equal(OSSL_PROVIDER_available(NULL, "certroll"), 0);
    for (int i = 0; i < THREADS; i++) {
        s[i] = (struct signer){NULL, NULL, pe, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go_often, &s[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(s[i].good, 5);
    }
    assert_int_equal(CONF_modules_load_file(NULL, NULL, 0), 1); /* for those that follow */
    EVP_PKEY_free(pe);
    role_cert_unref(&e);
}

static int setup(void **state)
{
    char command[512];

    if (fixture_setup(state) != 0)
        return -1;
    (void)snprintf(command, sizeof command,
                   "sed -i '/^#* *log *=/d; s|^state = .*|&\\nlog = %s/prov.log|' %s/lab/certroll.conf", fx.dir,
                   fx.dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_loads_happen_at_the_same_moment),
        cmocka_unit_test(errors_have_reasons_in_every_instance),
        cmocka_unit_test(twenty_loads_and_unloads_sign_in_between),
        cmocka_unit_test(a_key_outlives_the_unloading_of_its_provider),
        cmocka_unit_test(a_key_outlives_openssl_itself),
        cmocka_unit_test(two_instances_sign_at_the_same_moment),
    };

    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
