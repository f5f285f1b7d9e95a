/* SPDX-License-Identifier: Apache-2.0 */
#include "certs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <openssl/x509.h>

#include <cmocka.h>

#include "tools/tool.h"

EVP_PKEY *test_key(const char *kind)
{
    EVP_PKEY *key = NULL;

    if (!strcmp(kind, "RSA"))
        key = EVP_PKEY_Q_keygen(NULL, NULL, kind, (size_t)2048);
    else if (!strcmp(kind, "ED25519"))
        key = EVP_PKEY_Q_keygen(NULL, NULL, kind);
    else
        key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
    assert_non_null(key);
    return key;
}

static struct cr_buf der_of(EVP_PKEY *key, const char *cn, int64_t not_before)
{
    struct cr_buf der = {0};
    unsigned char *raw = NULL;
    X509 *x = X509_new();
    X509_NAME *name;
    int n;

    assert_non_null(x);
    name = X509_get_subject_name(x);
    assert_true(X509_set_version(x, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(x), 1));
    assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0));
    assert_true(X509_set_issuer_name(x, name) && X509_set_pubkey(x, key));
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x), (time_t)not_before));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(not_before + 365 * 86400)));
    assert_true(X509_sign(x, key, EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256()));
    assert_true((n = i2d_X509(x, &raw)) > 0);
    assert_int_equal(cr_buf_set(&der, raw, (size_t)n, NULL).code, CR_OK);
    OPENSSL_free(raw);
    X509_free(x);
    return der;
}

struct role_cert *test_cert(EVP_PKEY *key, const char *cn, int64_t not_before)
{
    struct cr_buf der = der_of(key, cn, not_before);
    struct role_cert *cert = NULL;

    assert_int_equal(tool_cert_new(cr_buf_bytes(&der), NULL, 0, &cert, NULL).code, CR_OK);
    cr_buf_clear(&der);
    return cert;
}
