/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <openssl/core_dispatch.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "prov_algs.h"
#include "prov_encoder.h"

void *prov_encoder_new(void *provctx)
{
    return provctx;
}

void prov_encoder_free(void *vctx)
{
    (void)vctx;
}

int prov_encoder_write(void *vctx, OSSL_CORE_BIO *cbio, const void *vkey,
                       int (*write)(BIO *bio, struct prov_key *key, const struct prov_pub *pub))
{
    struct prov_ctx *ctx = vctx;
    struct prov_key *key = (struct prov_key *)(uintptr_t)vkey;
    struct prov_pub *pub = key != NULL ? prov_key_public(key) : NULL;
    BIO *bio = pub != NULL ? BIO_new_from_core_bio(prov_ctx_inner(ctx), cbio) : NULL;
    int saved = errno, good = bio != NULL && write(bio, key, pub);

    BIO_free(bio);
    prov_pub_unref(&pub);
    errno = saved;
    return good;
}

/* Public keys only: asked for a private one, no encoder of ours steps forward. */
static int public_only(void *provctx, int selection)
{
    (void)provctx;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 && (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0;
}

static int write_der(BIO *bio, struct prov_key *key, const struct prov_pub *pub)
{
    (void)key;
    return i2d_PUBKEY_bio(bio, pub->pkey) == 1;
}

static int write_pem(BIO *bio, struct prov_key *key, const struct prov_pub *pub)
{
    (void)key;
    return PEM_write_bio_PUBKEY(bio, pub->pkey) == 1;
}

static int encode_der(void *vctx, OSSL_CORE_BIO *out, const void *key, const OSSL_PARAM abstract[], int selection,
                      OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    (void)pw;
    (void)pw_arg;
    return abstract == NULL && public_only(NULL, selection) && prov_encoder_write(vctx, out, key, write_der);
}

static int encode_pem(void *vctx, OSSL_CORE_BIO *out, const void *key, const OSSL_PARAM abstract[], int selection,
                      OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    (void)pw;
    (void)pw_arg;
    return abstract == NULL && public_only(NULL, selection) && prov_encoder_write(vctx, out, key, write_pem);
}

const OSSL_DISPATCH prov_encoder_spki_der[] = {
    {OSSL_FUNC_ENCODER_NEWCTX, (void (*)(void))prov_encoder_new},
    {OSSL_FUNC_ENCODER_FREECTX, (void (*)(void))prov_encoder_free},
    {OSSL_FUNC_ENCODER_DOES_SELECTION, (void (*)(void))public_only},
    {OSSL_FUNC_ENCODER_ENCODE, (void (*)(void))encode_der},
    {0, NULL},
};

const OSSL_DISPATCH prov_encoder_spki_pem[] = {
    {OSSL_FUNC_ENCODER_NEWCTX, (void (*)(void))prov_encoder_new},
    {OSSL_FUNC_ENCODER_FREECTX, (void (*)(void))prov_encoder_free},
    {OSSL_FUNC_ENCODER_DOES_SELECTION, (void (*)(void))public_only},
    {OSSL_FUNC_ENCODER_ENCODE, (void (*)(void))encode_pem},
    {0, NULL},
};
