/* SPDX-License-Identifier: Apache-2.0 */
#include "cert_pile.h"

#include <openssl/provider.h>
#include <string.h>

#include "cert_err.h"
#include "cert_x509.h"

cr_status cert_pile_add_key(struct cert_pile *pile, EVP_PKEY *key, struct cr_err *err)
{
    for (size_t i = 0; i < pile->nkeys; i++) {
        if (EVP_PKEY_eq(pile->keys[i], key) == 1) { /* the same key twice is one key */
            EVP_PKEY_free(key);
            return cr_ok();
        }
    }
    if (pile->nkeys == CERT_PILE_KEYS) {
        EVP_PKEY_free(key);
        return cr_fail(err, CR_E_REFUSED, "the file holds more than %d private keys", CERT_PILE_KEYS);
    }
    pile->keys[pile->nkeys++] = key;
    return cr_ok();
}

cr_status cert_pile_add_cert(struct cert_pile *pile, X509 *cert, struct cr_err *err)
{
    cr_status st = cr_ok();

    for (int i = 0; i < sk_X509_num(pile->certs); i++) {
        if (X509_cmp(sk_X509_value(pile->certs, i), cert) == 0) {
            X509_free(cert);
            return st;
        }
    }
    if (sk_X509_num(pile->certs) >= CERT_PILE_CERTS)
        st = cr_fail(err, CR_E_REFUSED, "the file holds more than %d certificates", CERT_PILE_CERTS);
    else if (sk_X509_push(pile->certs, cert) <= 0)
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    if (cr_failed(st))
        X509_free(cert);
    return st;
}

static cr_status open_context(bool legacy, struct cert_pile *pile, struct cr_err *err)
{
    pile->ctx = OSSL_LIB_CTX_new();
    pile->certs = sk_X509_new_null();
    if (pile->ctx == NULL || pile->certs == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    pile->base = OSSL_PROVIDER_load(pile->ctx, "default");
    if (pile->base == NULL)
        return cert_fail(err, CR_E_INTERNAL, "OpenSSL's default provider cannot be loaded");
    if (legacy) /* RC2, DES and what else old exports use; missing: modern files still open, others say what they need */
        pile->legacy = OSSL_PROVIDER_load(pile->ctx, "legacy");
    return cr_ok();
}

cr_status cert_pile_read(struct cr_bytes file, cert_pass_fn *pass, void *pass_arg, struct cert_pile *pile,
                         struct cr_err *err)
{
    X509 *x = NULL;
    cr_status st;
    bool p12;

    if (file.n == 0)
        return cr_fail(err, CR_E_INVALID, "the file is empty");
    if (file.n > CERT_BUNDLE_MAX)
        return cr_fail(err, CR_E_INVALID, "the file is larger than %d bytes", CERT_BUNDLE_MAX);
    p12 = cert_is_p12(file);
    if (cr_failed(st = open_context(p12 || memmem(file.p, file.n, "ENCRYPTED", 9) != NULL, pile, err)))
        return st;
    if (p12)
        return cert_pile_p12(file, pass, pass_arg, pile, err);
    if (memmem(file.p, file.n, "-----BEGIN ", 11) != NULL)
        return cert_pile_pem(file, pass, pass_arg, pile, err);
    if (cr_failed(cert_x509_read(pile->ctx, file, &x, NULL)))
        return cr_fail(err, CR_E_INVALID, "neither a PKCS#12 (PFX) nor a PEM file nor a DER certificate");
    return cert_pile_add_cert(pile, x, err);
}

void cert_pile_empty(struct cert_pile *pile)
{
    for (size_t i = 0; i < pile->nkeys; i++)
        EVP_PKEY_free(pile->keys[i]);
    pile->nkeys = 0;
    while (sk_X509_num(pile->certs) > 0)
        X509_free(sk_X509_pop(pile->certs));
    cr_free_str(&pile->friendly_name);
}

void cert_pile_clear(struct cert_pile *pile)
{
    cert_pile_empty(pile);
    sk_X509_free(pile->certs);
    OSSL_PROVIDER_unload(pile->legacy);
    OSSL_PROVIDER_unload(pile->base);
    OSSL_LIB_CTX_free(pile->ctx);
    *pile = (struct cert_pile){0};
}
