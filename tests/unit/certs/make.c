/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "make.h"

EVP_PKEY *make_new_key(const char *kind)
{
    char name[32];
    const char *colon = strchr(kind, ':');
    size_t n = colon != NULL ? (size_t)(colon - kind) : strlen(kind);
    EVP_PKEY_CTX *ctx;
    EVP_PKEY *key = NULL;

    memcpy(name, kind, n);
    name[n] = '\0';
    ctx = EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
    assert_non_null(ctx);
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    if (strncmp(name, "RSA", 3) == 0)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, atoi(colon + 1)), 1);
    else if (colon != NULL)
        assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, colon + 1), 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &key), 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static struct {
    char kind[32];
    EVP_PKEY *key;
} pool[32];

static void pool_free(void)
{
    for (size_t i = 0; i < CR_COUNT(pool); i++)
        EVP_PKEY_free(pool[i].key);
}

EVP_PKEY *make_key(const char *kind)
{
    size_t i;

    for (i = 0; pool[i].key != NULL; i++) {
        if (strcmp(pool[i].kind, kind) == 0)
            return pool[i].key;
    }
    if (i == 0)
        (void)atexit(pool_free);
    assert_true(i + 1 < CR_COUNT(pool));
    (void)strncpy(pool[i].kind, kind, sizeof pool[i].kind - 1);
    /* "RSA:2048#2" is a second key of that kind. */
    char plain[32];
    (void)strcpy(plain, pool[i].kind);
    plain[strcspn(plain, "#")] = '\0';
    return pool[i].key = make_new_key(plain);
}

static void set_name(X509_NAME *name, const char *text)
{
    char *copy = strdup(text), *save = NULL;

    for (char *part = strtok_r(copy, ",", &save); part != NULL; part = strtok_r(NULL, ",", &save)) {
        char *eq = strchr(part, '=');

        *eq = '\0';
        assert_int_equal(
            X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8, (const unsigned char *)eq + 1, -1, -1, 0), 1);
    }
    free(copy);
}

static void add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert_non_null(ext);
    assert_int_equal(X509_add_ext(x, ext, -1), 1);
    X509_EXTENSION_free(ext);
}

X509 *make_x509(const struct make_cert *of)
{
    EVP_PKEY *signer = of->issuer_key != NULL ? of->issuer_key : of->key;
    X509 *x = X509_new();
    BIGNUM *serial = NULL;

    assert_non_null(x);
    assert_int_equal(X509_set_version(x, 2), 1);
    assert_true(BN_hex2bn(&serial, of->serial != NULL ? of->serial : "1") > 0);
    assert_non_null(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x)));
    BN_free(serial);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), 0));
    if (of->not_after != NULL)
        assert_int_equal(ASN1_TIME_set_string(X509_getm_notAfter(x), of->not_after), 1);
    else
        assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 365L * 86400));
    set_name(X509_get_subject_name(x), of->subject);
    set_name(X509_get_issuer_name(x), of->issuer != NULL ? of->issuer : of->subject);
    assert_int_equal(X509_set_pubkey(x, of->key), 1);
    add_extension(x, NID_basic_constraints, of->ca ? "critical,CA:TRUE" : "CA:FALSE");
    if (of->san != NULL)
        add_extension(x, NID_subject_alt_name, of->san);
    assert_true(X509_sign(x, signer, EVP_PKEY_is_a(signer, "ED25519") ? NULL : EVP_sha256()) > 0);
    return x;
}

void make_der(X509 *x, struct cr_buf *out)
{
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);

    assert_true(n > 0);
    assert_int_equal(cr_buf_set(out, der, (size_t)n, NULL).code, CR_OK);
    OPENSSL_free(der);
}

static void take_bio(BIO *bio, struct cr_buf *out)
{
    char *text = NULL;
    long n = BIO_get_mem_data(bio, &text);

    assert_true(n > 0);
    assert_int_equal(cr_buf_append(out, text, (size_t)n, NULL).code, CR_OK);
    BIO_free(bio);
}

void make_pem_key(EVP_PKEY *key, const char *pass, struct cr_buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, pass != NULL ? EVP_aes_128_cbc() : NULL, pass,
                                                   pass != NULL ? (int)strlen(pass) : 0, NULL, NULL),
                     1);
    take_bio(bio, out);
}

void make_pem_cert(X509 *x, struct cr_buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_X509(bio, x), 1);
    take_bio(bio, out);
}

void assert_queue_empty(void)
{
    assert_int_equal(ERR_peek_error(), 0);
}
