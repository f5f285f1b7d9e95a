/* SPDX-License-Identifier: Apache-2.0 */
/* Encryption with a role's key, which is software's: programs that have one key for both find both. */
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

#define K 256 /* bytes of a 2048-bit modulus */

struct padding {
    int pad;
    const char *md, *mgf, *label;
};

static EVP_PKEY_CTX *begin(EVP_PKEY *key, const struct padding *how, bool decrypt)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

    assert_int_equal(decrypt ? EVP_PKEY_decrypt_init(ctx) : EVP_PKEY_encrypt_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, how->pad), 1);
    if (how->md != NULL)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, how->md, NULL), 1);
    if (how->mgf != NULL)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, how->mgf, NULL), 1);
    if (how->label != NULL)
        assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_strdup(how->label), (int)strlen(how->label)), 1);
    return ctx;
}

static bool opens(EVP_PKEY *key, const struct padding *how, const unsigned char *box, size_t n, const char *text)
{
    EVP_PKEY_CTX *ctx = begin(key, how, true);
    unsigned char out[K];
    size_t len = sizeof out;
    int good = EVP_PKEY_decrypt(ctx, out, &len, box, n);

    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return good == 1 && len == strlen(text) && memcmp(out, text, len) == 0;
}

static const struct padding paddings[] = {{RSA_PKCS1_PADDING, NULL, NULL, NULL},
                                          {RSA_PKCS1_OAEP_PADDING, NULL, NULL, NULL},
                                          {RSA_PKCS1_OAEP_PADDING, "SHA256", "SHA1", "label"},
                                          {RSA_PKCS1_OAEP_PADDING, "SHA512", NULL, NULL}};

static void what_a_key_encrypts_it_decrypts(void **state)
{
    EVP_PKEY *key = fixture_key(NULL, "certroll://RsaA");
    unsigned char box[K];

    (void)state;
    for (size_t i = 0; i < CR_COUNT(paddings); i++) {
        EVP_PKEY_CTX *ctx = begin(key, &paddings[i], false), *copy = EVP_PKEY_CTX_dup(ctx);
        size_t n = 0;

        assert_int_equal(EVP_PKEY_encrypt(ctx, NULL, &n, (const unsigned char *)"text", 4), 1);
        assert_int_equal(n, K);
        assert_int_equal(EVP_PKEY_encrypt(ctx, box, &n, (const unsigned char *)"text", 4), 1);
        assert_true(opens(key, &paddings[i], box, n, "text"));
        EVP_PKEY_CTX_free(ctx);
        assert_int_equal(EVP_PKEY_encrypt(copy, box, &n, (const unsigned char *)"copy", 4), 1);
        assert_true(opens(key, &paddings[i], box, n, "copy"));
        EVP_PKEY_CTX_free(copy);
    }
    EVP_PKEY_free(key);
}

static void a_small_buffer_is_refused_and_never_written(void **state)
{
    EVP_PKEY *key = fixture_key(NULL, "certroll://RsaA");
    unsigned char box[K], same[K];

    (void)state;
    memset(same, 0xa5, K);
    for (size_t i = 0; i < CR_COUNT(paddings); i++) {
        EVP_PKEY_CTX *ctx = begin(key, &paddings[i], false);
        size_t n = K - 1;

        memset(box, 0xa5, K);
        ERR_clear_error();
        assert_int_not_equal(EVP_PKEY_encrypt(ctx, box, &n, (const unsigned char *)"text", 4), 1);
        assert_true(fixture_error_has("too small"));
        assert_memory_equal(box, same, K);
        EVP_PKEY_CTX_free(ctx);
    }
    EVP_PKEY_free(key);
}

static void a_text_too_long_is_refused(void **state)
{
    EVP_PKEY *key = fixture_key(NULL, "certroll://RsaA");
    unsigned char box[K], text[K] = {0};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(paddings); i++) {
        EVP_PKEY_CTX *ctx = begin(key, &paddings[i], false);
        size_t n = K;

        ERR_clear_error();
        assert_int_not_equal(EVP_PKEY_encrypt(ctx, box, &n, text, K - 10), 1);
        assert_int_not_equal(ERR_peek_error(), 0);
        ERR_clear_error();
        EVP_PKEY_CTX_free(ctx);
    }
    EVP_PKEY_free(key);
}

static void a_live_key_encrypts_for_the_key_of_its_init(void **state)
{
    struct role_cert *a = fixture_cert("RsaA"), *b = fixture_cert("RsaB");
    EVP_PKEY *ka = fixture_key(NULL, "certroll://RsaA"), *kb = fixture_key(NULL, "certroll://RsaB"), *live;
    const struct padding *how = &paddings[1];
    unsigned char box[K];
    EVP_PKEY_CTX *old, *fresh;
    size_t n = K;

    (void)state;
    fixture_assign("Seals", a);
    live = fixture_key(NULL, "certroll://Seals");
    old = begin(live, how, false);
    fixture_assign("Seals", b);
    fresh = begin(live, how, false);
    assert_int_equal(EVP_PKEY_encrypt(old, box, &n, (const unsigned char *)"old", 3), 1);
    assert_true(opens(ka, how, box, n, "old"));
    n = K;
    assert_int_equal(EVP_PKEY_encrypt(fresh, box, &n, (const unsigned char *)"fresh", 5), 1);
    assert_true(opens(kb, how, box, n, "fresh"));
    assert_false(opens(ka, how, box, n, "fresh"));
    EVP_PKEY_CTX_free(old);
    EVP_PKEY_CTX_free(fresh);
    EVP_PKEY_free(live);
    EVP_PKEY_free(ka);
    EVP_PKEY_free(kb);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_key_encrypts_it_decrypts),
        cmocka_unit_test(a_small_buffer_is_refused_and_never_written),
        cmocka_unit_test(a_text_too_long_is_refused),
        cmocka_unit_test(a_live_key_encrypts_for_the_key_of_its_init),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
