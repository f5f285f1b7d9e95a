/* SPDX-License-Identifier: Apache-2.0 */
/* What reaches the token, counted by a module in front of it: two calls a signature, none for a warm load, the named
 * ones for the first load of a process, none for certificates, none at an init, and none more at a flip that was seen coming. */
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
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
static struct mock_counts *counts;

static unsigned long total(void)
{
    return mock_counts_total(counts);
}

static void sign(EVP_PKEY *key)
{
    unsigned char sig[512];
    size_t n = sizeof sig;

    if (!fixture_sign(key, data, sizeof data, sig, &n, NULL)) {
        ERR_print_errors_fp(stderr);
        fail();
    }
}

/* In a child, which has not seen the token yet: key and certificate of @uri. */
static void load_in_a_process_of_its_own(const char *uri)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(fixture_key(NULL, uri) != NULL ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* The token's slots are listed and each is asked who it is (SoftHSM has an empty one behind the last token); one session,
 * which logs in; the key is searched until the token says that there is no second; one call shows its type, its numbers and
 * whether it wants a login each time. What shows no numbers of its own signs once. */
static void the_first_load_in_a_process_makes_these_calls_alone(void **state)
{
    static const struct {
        enum mock_function of;
        unsigned long each, probed;
    } made[] = {{MOCK_C_Initialize, 1, 0},
                {MOCK_C_GetSlotList, 1, 0},
                {MOCK_C_GetTokenInfo, 2, 0},
                {MOCK_C_OpenSession, 1, 0},
                {MOCK_C_Login, 1, 0},
                {MOCK_C_FindObjectsInit, 1, 0},
                {MOCK_C_FindObjects, 2, 0},
                {MOCK_C_FindObjectsFinal, 1, 0},
                {MOCK_C_GetAttributeValue, 1, 0},
                {MOCK_C_SignInit, 0, 1},
                {MOCK_C_Sign, 0, 1}};
    static const struct {
        const char *uri;
        bool probed;
    } keys[] = {{"certroll://RsaA", false},
                {"certroll://EcA", true},
                {"certroll://EdA", true},
                {"certroll://P384", true},
                {"certroll://RsaA;bind=pinned", false}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(keys); i++) {
        unsigned long before[MOCK_COUNT], all = total(), sum = 0;

        for (int f = 0; f < MOCK_COUNT; f++)
            before[f] = atomic_load(&counts->of[f].calls);
        load_in_a_process_of_its_own(keys[i].uri);
        for (size_t k = 0; k < CR_COUNT(made); k++) {
            unsigned long want = made[k].each + (keys[i].probed ? made[k].probed : 0);

            assert_int_equal(atomic_load(&counts->of[made[k].of].calls) - before[made[k].of], want);
            sum += want;
        }
        assert_int_equal(total() - all, sum);
        assert_int_equal(sum, keys[i].probed ? 13 : 11);
    }
}

static void sign_pss(EVP_PKEY *key)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    unsigned char sig[512];
    size_t n = sizeof sig;

    assert_int_equal(EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST), 1);
    assert_int_equal(EVP_DigestSign(ctx, sig, &n, (const unsigned char *)data, sizeof data), 1);
    EVP_MD_CTX_free(ctx);
}

static void two_calls_a_signature_with_pss(void **state)
{
    static const char *const uris[] = {"certroll://RsaA", "certroll://RsaA;bind=pinned"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(uris); i++) {
        EVP_PKEY *key = fixture_key(NULL, uris[i]);
        unsigned long before;

        assert_non_null(key);
        sign_pss(key);
        before = total();
        for (int k = 0; k < 50; k++)
            sign_pss(key);
        assert_int_equal(total() - before, 100);
        EVP_PKEY_free(key);
    }
}

static void two_calls_a_signature_and_none_for_a_warm_load(void **state)
{
    static const char *const uris[] = {"certroll://RsaA",
                                       "certroll://EcA",
                                       "certroll://EdA",
                                       "certroll://RsaA;bind=pinned",
                                       "certroll://EcA;bind=pinned",
                                       "certroll://EdA;bind=pinned"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(uris); i++) {
        EVP_PKEY *key = fixture_key(NULL, uris[i]), *again;
        unsigned long before;

        assert_non_null(key);
        sign(key);
        before = total();
        for (int k = 0; k < 50; k++)
            sign(key);
        assert_int_equal(total() - before, 100);
        assert_int_equal(atomic_load(&counts->of[MOCK_C_GetAttributeValue].calls) > 0, 1);
        before = total();
        again = fixture_key(NULL, uris[i]);
        assert_non_null(again);
        assert_int_equal(total(), before);
        EVP_PKEY_free(again);
        EVP_PKEY_free(key);
    }
}

static void an_init_without_a_signature_makes_no_call(void **state)
{
    EVP_PKEY *key = fixture_key(NULL, "certroll://EcA");
    unsigned long before = total();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t n = 0;

    (void)state;
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSignUpdate(ctx, data, sizeof data), 1);
    assert_int_equal(EVP_DigestSignFinal(ctx, NULL, &n), 1);
    assert_int_equal(n, 72);
    assert_int_equal(EVP_PKEY_get_bits(key), 256);
    assert_int_equal(total(), before);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
}

static void certificates_and_public_keys_never_contact_the_token(void **state)
{
    unsigned long before = total();
    int types[] = {OSSL_STORE_INFO_CERT, OSSL_STORE_INFO_PUBKEY};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(types); i++) {
        OSSL_STORE_CTX *store = OSSL_STORE_open("certroll://P384", NULL, NULL, NULL, NULL);
        OSSL_STORE_INFO *info;
        int n = 0;

        assert_int_equal(OSSL_STORE_expect(store, types[i]), 1);
        while (!OSSL_STORE_eof(store)) {
            info = OSSL_STORE_load(store);
            assert_non_null(info);
            assert_int_equal(OSSL_STORE_INFO_get_type(info), types[i]);
            OSSL_STORE_INFO_free(info);
            n++;
        }
        assert_int_equal(n, 1);
        (void)OSSL_STORE_close(store);
    }
    assert_int_equal(total(), before);
}

static void a_flip_seen_coming_costs_two_calls_like_any_signature(void **state)
{
    struct role_cert *a = fixture_cert("RsaA"), *b = fixture_cert("RsaB");
    EVP_PKEY *key;
    unsigned long before;
    int64_t flip = fixture_now() + 2;

    (void)state;
    fixture_assign("Coming", a);
    fixture_roll("Coming", b, flip);
    key = fixture_key(NULL, "certroll://Coming");
    sign(key);
    while (fixture_now() < flip)
        usleep(1000);
    before = total();
    sign(key);
    assert_int_equal(total() - before, 2);
    EVP_PKEY_free(key);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static int setup(void **state)
{
    char command[512], path[128];

    if (fixture_setup(state) != 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/counts", fx.dir);
    (void)snprintf(command, sizeof command, "sed -i 's|^module = .*|module = %s|' %s/lab/certroll.conf", MOCK_MODULE,
                   fx.dir);
    (void)setenv("CERTROLL_MOCK_TARGET", SOFTHSM, 1);
    (void)setenv("CERTROLL_MOCK_COUNTS", path, 1);
    counts = mock_counts_map(path);
    return counts != NULL && system(command) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_load_in_a_process_makes_these_calls_alone), /* the first */
        cmocka_unit_test(two_calls_a_signature_and_none_for_a_warm_load),
        cmocka_unit_test(two_calls_a_signature_with_pss),
        cmocka_unit_test(an_init_without_a_signature_makes_no_call),
        cmocka_unit_test(certificates_and_public_keys_never_contact_the_token),
        cmocka_unit_test(a_flip_seen_coming_costs_two_calls_like_any_signature),
    };

    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
