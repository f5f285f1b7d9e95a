/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <string.h>

#include "certs/cert_key.h"
#include "prov_algs.h"
#include "prov_sig.h"

static cr_status sign(struct prov_sig *sig, struct cr_bytes tbs, unsigned char *out, size_t size, size_t *n,
                      struct cr_err *err)
{
    const struct tok_mech mech = {.op = TOK_SIGN_ECDSA};
    unsigned char rs[2 * 66];
    size_t rs_n = 0;
    cr_status st;

    if (size < prov_pub_size(sig->bound.pub))
        return cr_fail(err, CR_E_SIZE, "the signature has up to %zu bytes, the buffer %zu",
                       prov_pub_size(sig->bound.pub), size);
    if (cr_failed(st = prov_key_sign(sig->key, &sig->bound, &mech, tbs, rs, sizeof rs, &rs_n, err)))
        return st;
    return cert_ecdsa_to_der(cr_bytes(rs, rs_n), out, size, n, err);
}

static bool verify(struct prov_sig *sig, const struct prov_pub *pub, struct cr_bytes tbs, struct cr_bytes signature)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(prov_ctx_inner(sig->ctx), pub->pkey, NULL);
    bool good = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
                EVP_PKEY_verify(ctx, signature.p, signature.n, tbs.p, tbs.n) == 1;

    EVP_PKEY_CTX_free(ctx);
    return good;
}

static bool algorithm(struct prov_sig *sig, X509_ALGOR *out)
{
    int nid;

    return sig->md != NULL && OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(sig->md), NID_X9_62_id_ecPublicKey) == 1 &&
           X509_ALGOR_set0(out, OBJ_nid2obj(nid), V_ASN1_UNDEF, NULL) == 1;
}

static const struct prov_sig_alg ecdsa = {TOK_KEY_EC, sign, verify, NULL, algorithm};

static void *new_ctx(void *provctx, const char *propq)
{
    (void)propq;
    return prov_sig_new(provctx, &ecdsa);
}

const OSSL_DISPATCH prov_sig_ecdsa[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))new_ctx},
    {OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))prov_sig_free},
    {OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))prov_sig_dup},
    {OSSL_FUNC_SIGNATURE_SIGN_INIT, (void (*)(void))prov_sig_plain_init},
    {OSSL_FUNC_SIGNATURE_SIGN, (void (*)(void))prov_sig_sign},
    {OSSL_FUNC_SIGNATURE_VERIFY_INIT, (void (*)(void))prov_sig_plain_init},
    {OSSL_FUNC_SIGNATURE_VERIFY, (void (*)(void))prov_sig_verify},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))prov_sig_digest_init},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (void (*)(void))prov_sig_update},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (void (*)(void))prov_sig_sign_final},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (void (*)(void))prov_sig_digest_sign},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, (void (*)(void))prov_sig_digest_init},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, (void (*)(void))prov_sig_update},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, (void (*)(void))prov_sig_verify_final},
    {OSSL_FUNC_SIGNATURE_DIGEST_VERIFY, (void (*)(void))prov_sig_digest_verify},
    {OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, (void (*)(void))prov_sig_get},
    {OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, (void (*)(void))prov_sig_gettable},
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (void (*)(void))prov_sig_set},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (void (*)(void))prov_sig_settable},
    {0, NULL},
};
