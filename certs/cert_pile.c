/* SPDX-License-Identifier: Apache-2.0 */
#include "cert_pile.h"

#include <openssl/decoder.h>
#include <openssl/pem.h>
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

    if (sk_X509_num(pile->certs) >= CERT_PILE_CERTS)
        st = cr_fail(err, CR_E_REFUSED, "the file holds more than %d certificates", CERT_PILE_CERTS);
    else if (sk_X509_push(pile->certs, cert) <= 0)
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    if (cr_failed(st))
        X509_free(cert);
    return st;
}

struct pem_pass {
    cert_pass_fn *fn;
    void *arg;
    cr_status st;
    struct cr_err err;
};

/* OpenSSL's passphrase callback: never the terminal, only ours. */
static int pem_pass(char *buf, int size, int writing, void *arg)
{
    struct pem_pass *p = arg;
    struct cr_buf pass = {0};
    int n = -1;

    (void)writing;
    if (p->fn == NULL)
        p->st = cr_fail(&p->err, CR_E_PIN, "the private key is encrypted, and there is no passphrase");
    else
        p->st = p->fn(p->arg, "the private key", &pass, &p->err);
    if (!cr_failed(p->st) && pass.n <= (size_t)size) {
        if (pass.n > 0)
            memcpy(buf, pass.p, pass.n);
        n = (int)pass.n;
    }
    cr_buf_clear(&pass);
    return n;
}

/* A private key block; @der of PKCS#8, encrypted PKCS#8 or a traditional form, as its label says. */
static cr_status add_pem_key(struct cert_pile *pile, const char *pem, size_t len, struct pem_pass *pass,
                             struct cr_err *err)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    EVP_PKEY *key;

    if (bio == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    pass->st = cr_ok();
    key = PEM_read_bio_PrivateKey_ex(bio, NULL, pem_pass, pass, pile->ctx, NULL);
    BIO_free(bio);
    if (key != NULL)
        return cert_pile_add_key(pile, key, err);
    if (cr_failed(pass->st))
        return cr_fail(err, pass->st.code, "%s", cr_err_text(&pass->err));
    if (memmem(pem, len, "ENCRYPTED", 9) != NULL)
        return cr_fail(err, CR_E_PIN, "the passphrase does not open the private key");
    return cert_fail(err, CR_E_INVALID, "a private key in the file cannot be read");
}

static cr_status add_pem_block(struct cert_pile *pile, const char *block, size_t len, const char *label,
                               size_t label_len, struct pem_pass *pass, struct cr_err *err)
{
    BIO *bio;
    X509 *x, *into;

    if (label_len >= 11 && memcmp(label + label_len - 11, "PRIVATE KEY", 11) == 0)
        return add_pem_key(pile, block, len, pass, err);
    if (!(label_len == 11 && memcmp(label, "CERTIFICATE", 11) == 0) &&
        !(label_len == 16 && memcmp(label, "X509 CERTIFICATE", 16) == 0) &&
        !(label_len == 19 && memcmp(label, "TRUSTED CERTIFICATE", 19) == 0))
        return cr_ok(); /* parameters, bag attributes, what else people keep beside */
    bio = BIO_new_mem_buf(block, (int)len);
    into = X509_new_ex(pile->ctx, NULL);
    x = bio != NULL && into != NULL ? PEM_read_bio_X509_AUX(bio, &into, NULL, NULL) : NULL;
    BIO_free(bio);
    if (x == NULL) {
        X509_free(into);
        return cert_fail(err, CR_E_INVALID, "a certificate in the file cannot be read");
    }
    return cert_pile_add_cert(pile, x, err);
}

/* Finds each "-----BEGIN L----- ... -----END L-----" and hands it on whole. */
static cr_status read_pem(struct cr_bytes file, cert_pass_fn *fn, void *arg, struct cert_pile *pile, struct cr_err *err)
{
    static const char begin[] = "-----BEGIN ", dashes[] = "-----", end[] = "-----END ";
    struct pem_pass pass = {.fn = fn, .arg = arg};
    const char *p = (const char *)file.p, *stop = p + file.n;
    cr_status st = cr_ok();

    while (!cr_failed(st)) {
        const char *block = memmem(p, (size_t)(stop - p), begin, sizeof begin - 1), *label, *close, *last;

        if (block == NULL)
            break;
        label = block + sizeof begin - 1;
        close = memmem(label, (size_t)(stop - label), dashes, sizeof dashes - 1);
        last = close != NULL ? memmem(close, (size_t)(stop - close), end, sizeof end - 1) : NULL;
        if (last != NULL)
            last = memmem(last + sizeof end - 1, (size_t)(stop - last) - (sizeof end - 1), dashes, sizeof dashes - 1);
        if (last == NULL)
            return cr_fail(err, CR_E_INVALID, "a PEM block in the file has no end");
        last += sizeof dashes - 1;
        st = add_pem_block(pile, block, (size_t)(last - block), label, (size_t)(close - label), &pass, err);
        p = last;
    }
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
    if (legacy) /* missing: modern files still open, others say what they need */
        pile->legacy = OSSL_PROVIDER_load(pile->ctx, "legacy");
    return cr_ok();
}

cr_status cert_pile_read(struct cr_bytes file, cert_pass_fn *pass, void *pass_arg, struct cert_pile *pile,
                         struct cr_err *err)
{
    X509 *x = NULL;
    cr_status st;

    if (file.n == 0)
        return cr_fail(err, CR_E_INVALID, "the file is empty");
    if (file.n > CERT_BUNDLE_MAX)
        return cr_fail(err, CR_E_INVALID, "the file is larger than %d bytes", CERT_BUNDLE_MAX);
    if (cr_failed(st = open_context(cert_is_p12(file), pile, err)))
        return st;
    if (cert_is_p12(file))
        return cert_pile_p12(file, pass, pass_arg, pile, err);
    if (memmem(file.p, file.n, "-----BEGIN ", 11) != NULL)
        return read_pem(file, pass, pass_arg, pile, err);
    if (file.p[0] != 0x30 || cr_failed(cert_x509_read(pile->ctx, file, &x, NULL)))
        return cr_fail(err, CR_E_INVALID, "neither a PKCS#12 (PFX) nor a PEM file nor a DER certificate");
    return cert_pile_add_cert(pile, x, err);
}

void cert_pile_clear(struct cert_pile *pile)
{
    for (size_t i = 0; i < pile->nkeys; i++)
        EVP_PKEY_free(pile->keys[i]);
    sk_X509_pop_free(pile->certs, X509_free);
    OSSL_PROVIDER_unload(pile->legacy);
    OSSL_PROVIDER_unload(pile->base);
    OSSL_LIB_CTX_free(pile->ctx);
    cr_free_str(&pile->friendly_name);
    *pile = (struct cert_pile){0};
}
