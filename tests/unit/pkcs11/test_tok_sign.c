/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static struct fixture f;

static const char *const all_keys[] = {"RSA:2048", "RSA:3072", "RSA:4096", "EC:P-256",
                                       "EC:P-384", "EC:P-521", "ED25519"};

static struct tok_object *object(EVP_PKEY *pkey)
{
    struct tok_object *obj = NULL;
    struct tok_key pub = {0};
    struct cr_err err = {0};
    char *location = NULL;
    cr_status st;

    fixture_import(&f, pkey, &location);
    fixture_numbers(pkey, &pub);
    st = fixture_find(&f, location, &pub, pkey, &obj, &err);
    if (cr_failed(st))
        print_message("%s\n", err.text);
    assert_int_equal(st.code, CR_OK);
    tok_key_clear(&pub);
    free(location);
    return obj;
}

static void signs(struct tok_object *obj, EVP_PKEY *pkey, const struct tok_mech *mech, size_t nin)
{
    unsigned char in[512] = {0}, sig[1024];
    struct cr_err err = {0};
    size_t n = 0;
    cr_status st;

    for (size_t i = 1; i < nin; i++)
        in[i] = (unsigned char)(i * 7);
    st = f.signer->ops->sign(obj, mech, cr_bytes(in, nin), sig, sizeof(sig), &n, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(st.code, CR_OK);
    assert_int_equal(fixture_verify(pkey, mech, cr_bytes(in, nin), cr_bytes(sig, n), NULL).code, CR_OK);
}

static void each_key_type_signs_what_openssl_verifies(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(all_keys); i++) {
        EVP_PKEY *pkey = fixture_key(all_keys[i]);
        struct tok_object *obj = object(pkey);
        struct tok_mech mech = {.op = i < 3 ? TOK_SIGN_RSA_PKCS1 : i < 6 ? TOK_SIGN_ECDSA : TOK_SIGN_EDDSA};
        signs(obj, pkey, &mech, 32);
        signs(obj, pkey, &mech, i < 6 ? 20 : 500);
        if (i < 3) {
            mech.op = TOK_SIGN_RSA_RAW;
            signs(obj, pkey, &mech, (size_t)EVP_PKEY_get_size(pkey));
        }
        f.signer->ops->object_unref(&obj);
    }
}

static void a_long_digest_is_cut_to_the_order(void **state)
{
    struct tok_object *obj = object(fixture_key("EC:P-256"));
    struct tok_mech mech = {.op = TOK_SIGN_ECDSA};

    (void)state;
    signs(obj, fixture_key("EC:P-256"), &mech, 64);
    f.signer->ops->object_unref(&obj);
}

static void pss_signs_with_each_digest(void **state)
{
    static const struct {
        enum tok_hash hash;
        size_t n;
    } rows[] = {{TOK_SHA1, 20}, {TOK_SHA224, 28}, {TOK_SHA256, 32}, {TOK_SHA384, 48}, {TOK_SHA512, 64}};
    struct tok_object *obj = object(fixture_key("RSA:2048"));

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct tok_mech mech = {TOK_SIGN_RSA_PSS, rows[i].hash, rows[i].hash, (unsigned)rows[i].n, {0}};
        signs(obj, fixture_key("RSA:2048"), &mech, rows[i].n);
        mech.salt_len = 0;
        signs(obj, fixture_key("RSA:2048"), &mech, rows[i].n);
    }
    f.signer->ops->object_unref(&obj);
}

static size_t encrypt(EVP_PKEY *pkey, int pad, const EVP_MD *md, const char *text, unsigned char *out)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
    size_t n = 512;

    assert_true(EVP_PKEY_encrypt_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, pad) > 0);
    if (md != NULL)
        assert_true(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) > 0);
    assert_true(EVP_PKEY_encrypt(ctx, out, &n, (const unsigned char *)text, strlen(text)) > 0);
    EVP_PKEY_CTX_free(ctx);
    return n;
}

static void rsa_decrypts(void **state)
{
    EVP_PKEY *pkey = fixture_key("RSA:2048");
    struct tok_object *obj = object(pkey);
    unsigned char in[512], out[512];
    struct tok_mech mech = {.op = TOK_DECRYPT_RSA_PKCS1};
    struct cr_err err = {0};
    size_t n, got = 0;

    (void)state;
    n = encrypt(pkey, RSA_PKCS1_PADDING, NULL, "hello", in);
    assert_int_equal(f.signer->ops->decrypt(obj, &mech, cr_bytes(in, n), out, sizeof(out), &got, &err).code, CR_OK);
    assert_true(got == 5 && memcmp(out, "hello", 5) == 0);
    got = 99;
    assert_int_equal(f.signer->ops->decrypt(obj, &mech, cr_bytes(in, n), out, 4, &got, &err).code, CR_E_SIZE);
    assert_int_equal(got, 99);

    mech = (struct tok_mech){.op = TOK_DECRYPT_RSA_OAEP, .hash = TOK_SHA1, .mgf = TOK_SHA1};
    n = encrypt(pkey, RSA_PKCS1_OAEP_PADDING, EVP_sha1(), "hello", in);
    assert_int_equal(f.signer->ops->decrypt(obj, &mech, cr_bytes(in, n), out, sizeof(out), &got, &err).code, CR_OK);
    assert_true(got == 5 && memcmp(out, "hello", 5) == 0);

    mech = (struct tok_mech){.op = TOK_DECRYPT_RSA_OAEP, .hash = TOK_SHA256, .mgf = TOK_SHA256};
    n = encrypt(pkey, RSA_PKCS1_OAEP_PADDING, EVP_sha256(), "hello", in);
    assert_int_equal(f.signer->ops->decrypt(obj, &mech, cr_bytes(in, n), out, sizeof(out), &got, &err).code,
                     CR_E_UNSUPPORTED);
    mech.op = TOK_DECRYPT_RSA_RAW;
    assert_int_equal(f.signer->ops->decrypt(obj, &mech, cr_bytes(in, n), out, sizeof(out), &got, &err).code, CR_OK);
    assert_int_equal(got, 256);
    in[0] ^= 1; /* by OAEP: PKCS#1 may answer anything since OpenSSL 3.2 (implicit rejection) */
    mech = (struct tok_mech){.op = TOK_DECRYPT_RSA_OAEP, .hash = TOK_SHA1, .mgf = TOK_SHA1};
    assert_int_not_equal(f.signer->ops->decrypt(obj, &mech, cr_bytes(in, n), out, sizeof(out), &got, &err).code, CR_OK);
    mech = (struct tok_mech){.op = TOK_SIGN_RSA_PKCS1};
    signs(obj, pkey, &mech, 32); /* a failed operation leaves no session behind that would refuse this */
    f.signer->ops->object_unref(&obj);
}

static void ecdh_derives_what_openssl_derives(void **state)
{
    static const char *const curves[] = {"EC:P-256", "EC:P-384", "EC:P-521"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        EVP_PKEY *pkey = fixture_key(curves[i]), *peer = fixture_key_fresh(curves[i]);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(peer, NULL);
        struct tok_object *obj = object(pkey);
        unsigned char want[66], got[66], point[200];
        size_t nwant = sizeof(want), ngot = 0, npoint = 0;
        assert_true(EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, pkey) > 0);
        assert_true(EVP_PKEY_derive(ctx, want, &nwant) > 0);
        EVP_PKEY_get_octet_string_param(peer, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &npoint);
        assert_int_equal(f.signer->ops->derive(obj, cr_bytes(point, npoint), got, sizeof(got), &ngot, NULL).code,
                         CR_OK);
        assert_int_equal(ngot, nwant);
        assert_memory_equal(got, want, nwant);
        assert_int_equal(f.signer->ops->derive(obj, cr_bytes(point, npoint - 1), got, sizeof(got), &ngot, NULL).code,
                         CR_E_INVALID);
        f.signer->ops->object_unref(&obj);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(peer);
    }
}

static void a_small_buffer_is_never_written_past(void **state)
{
    struct tok_object *obj = object(fixture_key("RSA:2048"));
    struct tok_mech mech = {.op = TOK_SIGN_RSA_PKCS1};
    unsigned char sig[257];
    size_t n = 0;

    (void)state;
    memset(sig, 0xaa, sizeof(sig));
    assert_int_equal(f.signer->ops->sign(obj, &mech, cr_bytes("x", 1), sig, 255, &n, NULL).code, CR_E_SIZE);
    assert_int_equal(sig[0], 0xaa);
    assert_int_equal(f.signer->ops->sign(obj, &mech, cr_bytes("x", 1), sig, 256, &n, NULL).code, CR_OK);
    assert_int_equal(n, 256);
    assert_int_equal(sig[256], 0xaa);
    f.signer->ops->object_unref(&obj);
}

static void an_operation_of_another_key_type_is_refused(void **state)
{
    struct tok_object *obj = object(fixture_key("RSA:2048"));
    struct tok_mech mech = {.op = TOK_SIGN_ECDSA};
    unsigned char out[512];
    size_t n = 0;

    (void)state;
    assert_int_equal(f.signer->ops->sign(obj, &mech, cr_bytes("x", 1), out, 512, &n, NULL).code, CR_E_UNSUPPORTED);
    mech.op = TOK_DECRYPT_RSA_RAW;
    assert_int_equal(f.signer->ops->sign(obj, &mech, cr_bytes("x", 1), out, 512, &n, NULL).code, CR_E_UNSUPPORTED);
    mech.op = TOK_SIGN_RSA_RAW;
    assert_int_equal(f.signer->ops->decrypt(obj, &mech, cr_bytes("x", 1), out, 512, &n, NULL).code, CR_E_UNSUPPORTED);
    f.signer->ops->object_unref(&obj);
}

static int setup(void **state)
{
    (void)state;
    fixture_make(&f);
    fixture_open(&f, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    fixture_remove(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_type_signs_what_openssl_verifies),
        cmocka_unit_test(a_long_digest_is_cut_to_the_order),
        cmocka_unit_test(pss_signs_with_each_digest),
        cmocka_unit_test(rsa_decrypts),
        cmocka_unit_test(ecdh_derives_what_openssl_derives),
        cmocka_unit_test(a_small_buffer_is_never_written_past),
        cmocka_unit_test(an_operation_of_another_key_type_is_refused),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
