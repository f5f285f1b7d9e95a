/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 is one-shot and hashed by the token (RFC 8032: no prehash). */
#include <errno.h>
#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include "prov_algs.h"
#include "prov_sig.h"

static cr_status sign(struct prov_sig *sig, struct cr_bytes tbs, unsigned char *out, size_t size, size_t *n,
                      struct cr_err *err)
{
    const struct tok_mech mech = {.op = TOK_SIGN_EDDSA};

    if (size < 64)
        return cr_fail(err, CR_E_SIZE, "the signature has 64 bytes, the buffer %zu", size);
    return prov_key_sign(sig->key, &sig->bound, &mech, tbs, out, size, n, err);
}

static bool verify(struct prov_sig *sig, const struct prov_pub *pub, struct cr_bytes tbs, struct cr_bytes signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL &&
                EVP_DigestVerifyInit_ex(ctx, NULL, NULL, prov_ctx_inner(sig->ctx), NULL, pub->pkey, NULL) == 1 &&
                EVP_DigestVerify(ctx, signature.p, signature.n, tbs.p, tbs.n) == 1;

    EVP_MD_CTX_free(ctx);
    return good;
}

static bool algorithm(struct prov_sig *sig, X509_ALGOR *out)
{
    (void)sig;
    return X509_ALGOR_set0(out, OBJ_nid2obj(NID_ED25519), V_ASN1_UNDEF, NULL) == 1;
}

static const struct prov_sig_alg eddsa = {TOK_KEY_ED25519, sign, verify, NULL, algorithm};

static void *new_ctx(void *provctx, const char *propq)
{
    (void)propq;
    return prov_sig_new(provctx, &eddsa);
}

static int init(void *vsig, const char *md, void *vkey, const OSSL_PARAM params[])
{
    struct prov_sig *sig = vsig;

    (void)params;
    if (md != NULL && md[0] != '\0')
        return prov_sig_refuse(sig, CR_E_USAGE, "Ed25519 takes no digest");
    return prov_sig_init(sig, vkey);
}

static int digest_sign(void *vsig, unsigned char *out, size_t *n, size_t size, const unsigned char *data, size_t data_n)
{
    return prov_sig_sign(vsig, out, n, size, data, data_n);
}

static int digest_verify(void *vsig, const unsigned char *signature, size_t n, const unsigned char *data, size_t data_n)
{
    return prov_sig_verify(vsig, signature, n, data, data_n);
}

const OSSL_DISPATCH prov_sig_eddsa[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))new_ctx},
    {OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))prov_sig_free},
    {OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))prov_sig_dup},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))init},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (void (*)(void))digest_sign},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, (void (*)(void))init},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, (void (*)(void))digest_verify},
    {OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, (void (*)(void))prov_sig_get},
    {OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, (void (*)(void))prov_sig_gettable},
    {0, NULL},
};
