/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of signature by a token, verified by the default provider; contexts, sizes, parameters. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

static const char data[] = "some text that somebody signs";

struct row {
    const char *role, *md;
    int pad, salt;
    const char *mgf;
};

static void set_row(EVP_PKEY_CTX *ctx, const struct row *row)
{
    if (row->pad != 0)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, row->pad), 1);
    if (row->pad == RSA_PKCS1_PSS_PADDING)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, row->salt), 1);
    if (row->mgf != NULL)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, row->mgf, NULL), 1);
}

/* Signs by the token, verifies in software. */
static void sign_row(const struct row *row)
{
    struct role_cert *cert = fixture_cert(row->role);
    EVP_PKEY *pub = fixture_public(cert), *key;
    EVP_MD_CTX *s = EVP_MD_CTX_new(), *v = EVP_MD_CTX_new();
    EVP_PKEY_CTX *sp = NULL, *vp = NULL;
    unsigned char sig[512];
    char uri[64];
    size_t n = sizeof sig, exact = 0;

    (void)snprintf(uri, sizeof uri, "certroll://%s", row->role);
    key = fixture_key(NULL, uri);
    assert_non_null(key);
    assert_int_equal(EVP_DigestSignInit_ex(s, &sp, row->md, NULL, NULL, key, NULL), 1);
    assert_int_equal(EVP_DigestVerifyInit_ex(v, &vp, row->md, NULL, NULL, pub, NULL), 1);
    set_row(sp, row);
    set_row(vp, row);
    assert_int_equal(EVP_DigestSign(s, NULL, &exact, (const unsigned char *)data, sizeof data), 1);
    if (EVP_DigestSign(s, sig, &n, (const unsigned char *)data, sizeof data) != 1) {
        ERR_print_errors_fp(stderr);
        fail_msg("%s %s does not sign", row->role, row->md);
    }
    assert_true(n <= exact);
    if (EVP_DigestVerify(v, sig, n, (const unsigned char *)data, sizeof data) != 1)
        fail_msg("%s %s does not verify", row->role, row->md);
    EVP_MD_CTX_free(s);
    EVP_MD_CTX_free(v);
    EVP_PKEY_free(key);
    EVP_PKEY_free(pub);
    role_cert_unref(&cert);
}

static void signatures_verify_in_software(void **state)
{
    static const struct row rows[] = {
        {"RsaA", "SHA256", RSA_PKCS1_PADDING, 0, NULL},
        {"RsaA", "SHA1", RSA_PKCS1_PADDING, 0, NULL},
        {"RsaA", "SHA3-256", RSA_PKCS1_PADDING, 0, NULL},
        {"RsaA", "MD5-SHA1", RSA_PKCS1_PADDING, 0, NULL},
        {"Rsa3", "SHA512", RSA_PKCS1_PADDING, 0, NULL},
        {"RsaA", "SHA256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST, NULL},
        {"RsaA", "SHA384", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_MAX, NULL},
        {"RsaA", "SHA512", RSA_PKCS1_PSS_PADDING, 0, NULL},
        {"RsaA", "SHA256", RSA_PKCS1_PSS_PADDING, 20, "SHA1"},
        {"RsaA", "SHA3-256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_DIGEST, NULL},
        {"Rsa3", "SHA512-256", RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_AUTO, NULL},
        {"EcA", "SHA256", 0, 0, NULL},
        {"EcA", "SHA512", 0, 0, NULL},
        {"P384", "SHA384", 0, 0, NULL},
        {"P384", "SHA1", 0, 0, NULL},
        {"EdA", NULL, 0, 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++)
        sign_row(&rows[i]);
}

static void streaming_with_a_copied_context_gives_two_signatures(void **state)
{
    EVP_PKEY *key = fixture_key(NULL, "certroll://EcA");
    struct role_cert *cert = fixture_cert("EcA");
    EVP_PKEY *pub = fixture_public(cert);
    EVP_MD_CTX *a = EVP_MD_CTX_new(), *b = EVP_MD_CTX_new();
    unsigned char sig[128];
    size_t n = sizeof sig;

    (void)state;
    assert_int_equal(EVP_DigestSignInit(a, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSignUpdate(a, "one ", 4), 1);
    assert_int_equal(EVP_MD_CTX_copy_ex(b, a), 1);
    assert_int_equal(EVP_DigestSignUpdate(a, "two", 3), 1);
    assert_int_equal(EVP_DigestSignUpdate(b, "three", 5), 1);
    assert_int_equal(EVP_DigestSignFinal(a, sig, &n), 1);
    assert_true(fixture_verify(pub, "one two", 7, sig, n));
    n = sizeof sig;
    assert_int_equal(EVP_DigestSignFinal(b, sig, &n), 1);
    assert_true(fixture_verify(pub, "one three", 9, sig, n));
    EVP_MD_CTX_free(a);
    EVP_MD_CTX_free(b);
    EVP_PKEY_free(key);
    EVP_PKEY_free(pub);
    role_cert_unref(&cert);
}

static void a_small_buffer_is_refused_and_never_written(void **state)
{
    static const char *const uris[] = {"certroll://RsaA", "certroll://EcA", "certroll://EdA"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(uris); i++) {
        EVP_PKEY *key = fixture_key(NULL, uris[i]);
        unsigned char sig[512], same[512];
        size_t n = 40;

        memset(sig, 0xa5, sizeof sig);
        memset(same, 0xa5, sizeof same);
        assert_false(fixture_sign(key, data, sizeof data, sig, &n, NULL));
        assert_memory_equal(sig, same, sizeof sig);
        ERR_clear_error();
        EVP_PKEY_free(key);
    }
}

static void plain_sign_and_raw_rsa_work(void **state)
{
    EVP_PKEY *key = fixture_key(NULL, "certroll://RsaA");
    struct role_cert *cert = fixture_cert("RsaA");
    EVP_PKEY *pub = fixture_public(cert);
    EVP_PKEY_CTX *s = EVP_PKEY_CTX_new(key, NULL), *v = EVP_PKEY_CTX_new(pub, NULL);
    unsigned char block[256] = {0}, sig[256], back[256];
    size_t n = sizeof sig, len = sizeof back;

    (void)state;
    block[255] = 2;
    block[1] = 7;
    assert_int_equal(EVP_PKEY_sign_init(s), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(s, RSA_NO_PADDING), 1);
    assert_int_equal(EVP_PKEY_sign(s, sig, &n, block, sizeof block), 1);
    assert_int_equal(EVP_PKEY_verify_recover_init(v), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(v, RSA_NO_PADDING), 1);
    assert_int_equal(EVP_PKEY_verify_recover(v, back, &len, sig, n), 1);
    assert_memory_equal(back, block, sizeof block);
    assert_true(EVP_PKEY_sign_init(s) == 1 && EVP_PKEY_CTX_set_signature_md(s, EVP_sha256()) == 1);
    n = sizeof sig;
    assert_int_not_equal(EVP_PKEY_sign(s, sig, &n, block, 31), 1); /* not a SHA-256 */
    assert_int_equal(EVP_PKEY_sign(s, sig, &n, block, 32), 1);
    ERR_clear_error();
    EVP_PKEY_CTX_free(s);
    EVP_PKEY_CTX_free(v);
    EVP_PKEY_free(key);
    EVP_PKEY_free(pub);
    role_cert_unref(&cert);
}

/* By the key itself: an ordinary one does so, and Node's publicDecrypt takes it. */
static void what_was_signed_is_recovered(void **state)
{
    struct role_cert *a = fixture_cert("RsaA"), *b = fixture_cert("RsaB");
    EVP_PKEY *key, *stranger = fixture_key(NULL, "certroll://Rsa3");
    EVP_PKEY_CTX *ctx, *other = EVP_PKEY_CTX_new(stranger, NULL);
    unsigned char digest[32] = "thirty-two bytes to be recovered", sig[512], back[512];
    size_t n = sizeof sig, len = 31;

    (void)state;
    fixture_assign("Recover", a);
    key = fixture_key(NULL, "certroll://Recover");
    ctx = EVP_PKEY_CTX_new(key, NULL);
    assert_true(EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1);
    assert_int_equal(EVP_PKEY_sign(ctx, sig, &n, digest, sizeof digest), 1);
    fixture_assign("Recover", b); /* the key is the previous one's now */
    assert_true(EVP_PKEY_verify_recover_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1);
    assert_int_not_equal(EVP_PKEY_verify_recover(ctx, back, &len, sig, n), 1); /* no room */
    assert_int_equal(EVP_PKEY_verify_recover(ctx, NULL, &len, sig, n), 1);
    assert_true(len >= sizeof digest && len <= sizeof back);
    assert_int_equal(EVP_PKEY_verify_recover(ctx, back, &len, sig, n), 1);
    assert_int_equal(len, sizeof digest);
    assert_memory_equal(back, digest, sizeof digest);
    assert_int_equal(EVP_PKEY_verify_recover_init(other), 1);
    len = sizeof back;
    assert_int_not_equal(EVP_PKEY_verify_recover(other, back, &len, sig, n), 1);
    ERR_clear_error();
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_CTX_free(other);
    EVP_PKEY_free(key);
    EVP_PKEY_free(stranger);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void the_context_says_kid_and_thumbprint(void **state)
{
    struct role_cert *cert = fixture_cert("RsaA");
    EVP_PKEY *key = fixture_key(NULL, "certroll://RsaA");
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    char kid[128] = "", thumb[65] = "", key_kid[128] = "";
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string("certroll-kid", kid, sizeof kid),
                           OSSL_PARAM_utf8_string("certroll-thumbprint", thumb, sizeof thumb), OSSL_PARAM_END};

    (void)state;
    assert_int_equal(EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_PKEY_CTX_get_params(pctx, params), 1);
    assert_string_equal(kid, cert->jkt);
    assert_string_equal(thumb, cert->thumbprint);
    assert_int_equal(EVP_PKEY_get_utf8_string_param(key, "certroll-kid", key_kid, sizeof key_kid, NULL), 1);
    assert_string_equal(key_kid, cert->jkt);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    role_cert_unref(&cert);
}

static void a_key_answers_what_applications_ask(void **state)
{
    EVP_PKEY *rsa = fixture_key(NULL, "certroll://RsaA"), *ec = fixture_key(NULL, "certroll://EcA");
    struct role_cert *cert = fixture_cert("EcA");
    EVP_PKEY *pub = fixture_public(cert);
    EVP_PKEY *ed = fixture_key(NULL, "certroll://EdA");
    BIGNUM *ours = NULL, *theirs = NULL, *d = NULL;
    char group[32], md[32], digest[8] = "x";
    unsigned char point[32];
    OSSL_PARAM mixed[] = {OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
                          OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, digest, sizeof digest),
                          OSSL_PARAM_END};

    (void)state;
    assert_int_equal(EVP_PKEY_get_bits(rsa), 2048);
    assert_int_equal(EVP_PKEY_get_security_bits(rsa), 112);
    assert_int_equal(EVP_PKEY_get_size(rsa), 512); /* a live key may grow to 4096 bits */
    assert_int_equal(EVP_PKEY_get_default_digest_name(rsa, md, sizeof md), 1);
    assert_string_equal(md, "SHA256");
    assert_int_equal(EVP_PKEY_get_default_digest_name(ec, md, sizeof md), 1);
    assert_string_equal(md, "SHA256");
    assert_int_equal(EVP_PKEY_get_default_digest_name(ed, md, sizeof md), 2); /* mandatory: none */
    assert_string_equal(md, "UNDEF");
    assert_int_equal(EVP_PKEY_get_params(ed, mixed), 1); /* what needs more than the numbers */
    assert_int_equal(mixed[0].return_size, 32);
    assert_int_equal(OSSL_PARAM_modified(&mixed[1]), 1);
    assert_string_equal(mixed[1].data, "");
    assert_int_equal(EVP_PKEY_get_group_name(ec, group, sizeof group, NULL), 1);
    assert_string_equal(group, "prime256v1");
    assert_int_equal(EVP_PKEY_get_bn_param(ec, OSSL_PKEY_PARAM_EC_ORDER, &ours), 1);
    assert_int_equal(EVP_PKEY_get_bn_param(pub, OSSL_PKEY_PARAM_EC_ORDER, &theirs), 1);
    assert_int_equal(BN_cmp(ours, theirs), 0);
    assert_int_not_equal(EVP_PKEY_get_bn_param(rsa, OSSL_PKEY_PARAM_RSA_D, &d), 1);
    assert_int_equal(EVP_PKEY_eq(ec, pub), 1);
    assert_int_equal(EVP_PKEY_eq(pub, ec), 1);
    ERR_clear_error();
    BN_free(ours);
    BN_free(theirs);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(ed);
    EVP_PKEY_free(pub);
    role_cert_unref(&cert);
}

static void the_private_key_cannot_be_written(void **state)
{
    static const char *const uris[] = {"certroll://RsaA", "certroll://EcA", "certroll://EdA"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(uris); i++) {
        EVP_PKEY *key = fixture_key(NULL, uris[i]);
        unsigned char *der = NULL;
        BIO *out = BIO_new(BIO_s_mem());

        assert_int_not_equal(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
        assert_true(fixture_error_has("the private key stays in its token"));
        assert_int_not_equal(PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_256_cbc(), "x", 1, NULL, NULL), 1);
        assert_true(fixture_error_has("the private key stays in its token"));
        assert_null(EVP_PKEY2PKCS8(key));
        assert_true(fixture_error_has("the private key stays in its token"));
        assert_int_equal(BIO_pending(out), 0);
        assert_int_not_equal(PEM_write_bio_PrivateKey_traditional(out, key, NULL, NULL, 0, NULL, NULL), 1);
        assert_true(i2d_PrivateKey(key, &der) <= 0);
        assert_int_equal(PEM_write_bio_PUBKEY(out, key), 1);
        ERR_clear_error();
        OPENSSL_free(der);
        BIO_free(out);
        EVP_PKEY_free(key);
    }
}

static void verification_says_which_slot_matched(void **state)
{
    struct role_cert *a = fixture_cert("EcA"), *b = fixture_cert("EcB");
    EVP_PKEY *old, *key, *stranger = fixture_key(NULL, "certroll://P384");
    unsigned char sig[160];
    size_t n = sizeof sig;
    char matched[16] = "";
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string("certroll-matched", matched, sizeof matched), OSSL_PARAM_END};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;

    (void)state;
    fixture_assign("Verify", a);
    old = fixture_key(NULL, "certroll://Verify;bind=pinned");
    assert_true(fixture_sign(old, data, sizeof data, sig, &n, NULL));
    fixture_assign("Verify", b);
    key = fixture_key(NULL, "certroll://Verify");
    assert_int_equal(EVP_DigestVerifyInit(ctx, &pctx, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestVerify(ctx, sig, n, (const unsigned char *)data, sizeof data), 1);
    assert_int_equal(EVP_PKEY_CTX_get_params(pctx, params), 1);
    assert_string_equal(matched, "previous");
    assert_false(fixture_verify(stranger, data, sizeof data, sig, n));
    fixture_revoke("Verify", a->spki);
    assert_false(fixture_verify(key, data, sizeof data, sig, n));
    ERR_clear_error();
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(old);
    EVP_PKEY_free(key);
    EVP_PKEY_free(stranger);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_verify_in_software),
        cmocka_unit_test(streaming_with_a_copied_context_gives_two_signatures),
        cmocka_unit_test(a_small_buffer_is_refused_and_never_written),
        cmocka_unit_test(plain_sign_and_raw_rsa_work),
        cmocka_unit_test(what_was_signed_is_recovered),
        cmocka_unit_test(the_context_says_kid_and_thumbprint),
        cmocka_unit_test(a_key_answers_what_applications_ask),
        cmocka_unit_test(the_private_key_cannot_be_written),
        cmocka_unit_test(verification_says_which_slot_matched),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
