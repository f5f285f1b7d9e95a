/* SPDX-License-Identifier: Apache-2.0 */
#include "cert_pfx.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <string.h>

#include "cert_err.h"
#include "cert_key.h"
#include "cert_x509.h"

#define SALT 16

/* ---- unwrapping ---- */

/* @out has room for in.n + 16 bytes. */
static bool decipher(const char *name, struct cr_bytes kek, struct cr_bytes in, unsigned char *out, size_t *n)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, CERT_PROPQ);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len = 0, last = 0;
    bool good = false;

    if (cipher != NULL && ctx != NULL && kek.n == (size_t)EVP_CIPHER_get_key_length(cipher)) {
        EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        good = EVP_DecryptInit_ex2(ctx, cipher, kek.p, NULL, NULL) == 1 &&
               EVP_DecryptUpdate(ctx, out, &len, in.p, (int)in.n) == 1 && len > 0 &&
               EVP_DecryptFinal_ex(ctx, out + len, &last) == 1;
    }
    *n = (size_t)len + (size_t)last;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return good;
}

static bool padding_cut(const unsigned char *p, size_t *n)
{
    size_t pad = *n > 0 ? p[*n - 1] : 0;

    if (pad == 0 || pad > 8 || pad >= *n)
        return false;
    for (size_t i = *n - pad; i < *n; i++)
        if (p[i] != pad)
            return false;
    *n -= pad;
    return true;
}

cr_status cert_unwrap(struct cr_bytes kek, struct cr_bytes wrapped, struct cr_buf *pkcs8, struct cr_err *err)
{
    unsigned char *plain;
    size_t n = 0;
    cr_status st;

    if (wrapped.n < 16 || wrapped.n > INT_MAX - 32)
        return cr_fail(err, CR_E_INVALID, "what the token wrapped is too short");
    if ((plain = OPENSSL_zalloc(wrapped.n + 16)) == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    (void)ERR_set_mark();
    if (decipher("AES-256-WRAP-PAD", kek, wrapped, plain, &n) ||
        (decipher("AES-256-WRAP", kek, wrapped, plain, &n) && padding_cut(plain, &n)))
        st = cr_buf_set(pkcs8, plain, n, err);
    else
        st = cr_fail(err, CR_E_INVALID, "what the token wrapped does not unwrap");
    (void)ERR_pop_to_mark();
    OPENSSL_clear_free(plain, wrapped.n + 16);
    return st;
}

/* ---- PKCS#12 ---- */

static cr_status key_read(struct cr_bytes pkcs8, struct cr_bytes leaf, EVP_PKEY **out, struct cr_err *err)
{
    const unsigned char *p = pkcs8.p;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)pkcs8.n);
    EVP_PKEY *pkey = info != NULL ? EVP_PKCS82PKEY_ex(info, NULL, CERT_PROPQ) : NULL, *pub = NULL;
    cr_status st;

    PKCS8_PRIV_KEY_INFO_free(info);
    if (pkey == NULL)
        return cert_fail(err, CR_E_INVALID, "the token's private key does not parse");
    if (cr_failed(st = cert_pkey_of(NULL, leaf, &pub, err)))
        goto out;
    if (EVP_PKEY_eq(pkey, pub) != 1) {
        st = cr_fail(err, CR_E_INVALID, "the token's private key is not the certificate's");
        goto out;
    }
    *out = pkey;
    pkey = NULL;
out:
    EVP_PKEY_free(pkey);
    EVP_PKEY_free(pub);
    return st;
}

static cr_status chain_read(const struct cert_pfx *what, STACK_OF(X509) * out, struct cr_err *err)
{
    cr_status st = cr_ok();

    for (size_t i = 0; i < what->nchain && !cr_failed(st); i++) {
        X509 *x = NULL;
        if (!cr_failed(st = cert_x509_read(NULL, cr_buf_bytes(&what->chain[i]), &x, err)) &&
            sk_X509_push(out, x) <= 0) {
            X509_free(x);
            st = cr_fail(err, CR_E_NOMEM, "out of memory");
        }
    }
    return st;
}

static cr_status p12_make(const struct cert_pfx *what, EVP_PKEY *pkey, X509 *leaf, STACK_OF(X509) * chain,
                          struct cr_buf *out, struct cr_err *err)
{
    /* No property query: OpenSSL 3.0 leaks its copy, and we have neither ciphers nor digests that it could take. */
    PKCS12 *p12 = PKCS12_create_ex(what->pass, what->name, pkey, leaf, chain, NID_aes_256_cbc, NID_aes_256_cbc,
                                   CERT_PFX_ITERATIONS, -1, 0, NULL, NULL);
    unsigned char *der = NULL;
    int n = 0;
    cr_status st;

    if (p12 != NULL && PKCS12_set_mac(p12, what->pass, -1, NULL, SALT, CERT_PFX_ITERATIONS, EVP_sha256()) == 1)
        n = i2d_PKCS12(p12, &der);
    st = n > 0 ? cr_buf_set(out, der, (size_t)n, err)
               : cert_fail(err, CR_E_INTERNAL, "the PKCS#12 file could not be made");
    OPENSSL_free(der);
    PKCS12_free(p12);
    return st;
}

cr_status cert_pfx_make(const struct cert_pfx *what, struct cr_buf *out, struct cr_err *err)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    EVP_PKEY *pkey = NULL;
    X509 *leaf = NULL;
    cr_status st;

    if (chain == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    (void)ERR_set_mark();
    if (!cr_failed(st = key_read(what->pkcs8, what->leaf, &pkey, err)) &&
        !cr_failed(st = cert_x509_read(NULL, what->leaf, &leaf, err)) && !cr_failed(st = chain_read(what, chain, err)))
        st = p12_make(what, pkey, leaf, chain, out, err);
    (void)ERR_pop_to_mark();
    sk_X509_pop_free(chain, X509_free);
    X509_free(leaf);
    EVP_PKEY_free(pkey);
    return st;
}
