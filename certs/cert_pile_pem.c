/* SPDX-License-Identifier: Apache-2.0 */
/* PEM (RFC 7468 and OpenSSL's older forms), block by block, so that order and what stands between do not matter. */
#include <openssl/pem.h>
#include <string.h>

#include "cert_err.h"
#include "cert_kdf.h"
#include "cert_pile.h"

/* The host is asked once, however often OpenSSL asks. */
struct pem_pass {
    cert_pass_fn *fn;
    void *arg;
    bool asked;
    cr_status st;
    struct cr_err err;
    struct cr_buf text;
};

static void ask(struct pem_pass *p)
{
    p->asked = true;
    if (p->fn == NULL)
        p->st = cr_fail(&p->err, CR_E_PIN, "the private key is encrypted, and there is no passphrase");
    else
        p->st = p->fn(p->arg, "the private key", &p->text, &p->err);
    if (!cr_failed(p->st) && p->text.n > CERT_PILE_PASS)
        p->st = cr_fail(&p->err, CR_E_PIN, "the passphrase is longer than %d bytes", CERT_PILE_PASS);
}

/* OpenSSL's passphrase callback: never the terminal, only ours. */
static int pass_callback(char *buf, int size, int writing, void *arg)
{
    struct pem_pass *p = arg;

    (void)writing;
    if (!p->asked)
        ask(p);
    if (cr_failed(p->st) || p->text.n > (size_t)size)
        return -1;
    if (p->text.n > 0)
        memcpy(buf, p->text.p, p->text.n);
    return (int)p->text.n;
}

/* What the PKCS#8 encryption of @block asks for, before anything is derived. */
static cr_status check_kdf(struct cr_bytes block, struct cert_pile *pile, struct cr_err *err)
{
    BIO *bio = BIO_new_mem_buf(block.p, (int)block.n);
    const X509_ALGOR *alg = NULL;
    X509_SIG *sig = bio != NULL ? PEM_read_bio_PKCS8(bio, NULL, NULL, NULL) : NULL;
    cr_status st;

    if (sig == NULL) {
        st = cert_fail(err, CR_E_INVALID, "an encrypted private key in the file cannot be read");
    } else {
        X509_SIG_get0(sig, &alg, NULL);
        st = cert_kdf_add(alg, &pile->iterations, err);
    }
    X509_SIG_free(sig);
    BIO_free(bio);
    return st;
}

static cr_status add_key(struct cert_pile *pile, struct cr_bytes block, struct pem_pass *pass, struct cr_err *err)
{
    const bool encrypted = memmem(block.p, block.n, "ENCRYPTED", 9) != NULL;
    BIO *bio = BIO_new_mem_buf(block.p, (int)block.n);
    EVP_PKEY *key;

    if (bio == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    key = PEM_read_bio_PrivateKey_ex(bio, NULL, pass_callback, pass, pile->ctx, NULL);
    BIO_free(bio);
    if (key != NULL)
        return cert_pile_add_key(pile, key, err);
    if (encrypted && cr_failed(pass->st))
        return cr_fail(err, pass->st.code, "%s", cr_err_text(&pass->err));
    if (encrypted)
        return cr_fail(err, CR_E_PIN, "the passphrase does not open the private key");
    return cert_fail(err, CR_E_INVALID, "a private key in the file cannot be read");
}

static cr_status add_cert(struct cert_pile *pile, struct cr_bytes block, struct cr_err *err)
{
    BIO *bio = BIO_new_mem_buf(block.p, (int)block.n);
    X509 *into = X509_new_ex(pile->ctx, NULL), *x = NULL;

    if (bio != NULL && into != NULL)
        x = PEM_read_bio_X509_AUX(bio, &into, NULL, NULL); /* on failure frees and nulls */
    BIO_free(bio);
    if (x != NULL)
        return cert_pile_add_cert(pile, x, err);
    X509_free(into);
    return cert_fail(err, CR_E_INVALID, "a certificate in the file cannot be read");
}

static cr_status add_block(struct cert_pile *pile, struct cr_bytes block, struct cr_bytes label, struct pem_pass *pass,
                           struct cr_err *err)
{
    static const char *const certificates[] = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"};
    static const char tail[] = "PRIVATE KEY";
    const size_t n = sizeof tail - 1;
    cr_status st = cr_ok();

    if (label.n >= n && memcmp(label.p + label.n - n, tail, n) == 0) {
        if (cr_bytes_equal(label, cr_bytes_str("ENCRYPTED PRIVATE KEY")))
            st = check_kdf(block, pile, err);
        return cr_failed(st) ? st : add_key(pile, block, pass, err);
    }
    for (size_t i = 0; i < CR_COUNT(certificates); i++) {
        if (cr_bytes_equal(label, cr_bytes_str(certificates[i])))
            return add_cert(pile, block, err);
    }
    return cr_ok(); /* parameters, bag attributes, what else people keep beside */
}

/* Cuts the next "-----BEGIN L----- ... -----END L-----" off @rest; false when there is none. An unended one has an empty
 * @block. */
static bool next_block(struct cr_bytes *rest, struct cr_bytes *block, struct cr_bytes *label)
{
    static const char begin[] = "-----BEGIN ", dashes[] = "-----", end[] = "-----END ";
    const unsigned char *p = memmem(rest->p, rest->n, begin, sizeof begin - 1), *stop = rest->p + rest->n, *close,
                        *last;

    if (p == NULL)
        return false;
    label->p = p + sizeof begin - 1;
    close = memmem(label->p, (size_t)(stop - label->p), dashes, sizeof dashes - 1);
    last = close != NULL ? memmem(close, (size_t)(stop - close), end, sizeof end - 1) : NULL;
    if (last != NULL)
        last = memmem(last + sizeof end - 1, (size_t)(stop - last) - (sizeof end - 1), dashes, sizeof dashes - 1);
    if (last == NULL) {
        *block = *label = *rest = cr_bytes(stop, 0);
        return true;
    }
    label->n = (size_t)(close - label->p);
    last += sizeof dashes - 1;
    *block = cr_bytes(p, (size_t)(last - p));
    *rest = cr_bytes(last, (size_t)(stop - last));
    return true;
}

cr_status cert_pile_pem(struct cr_bytes file, cert_pass_fn *fn, void *arg, struct cert_pile *pile, struct cr_err *err)
{
    struct pem_pass pass = {.fn = fn, .arg = arg};
    struct cr_bytes block, label;
    cr_status st = cr_ok();

    while (!cr_failed(st) && next_block(&file, &block, &label)) {
        if (block.n == 0)
            st = cr_fail(err, CR_E_INVALID, "a PEM block in the file has no end");
        else
            st = add_block(pile, block, label, &pass, err);
    }
    cr_buf_clear(&pass.text);
    return st;
}
