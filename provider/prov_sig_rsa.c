/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "prov_algs.h"
#include "prov_pss.h"
#include "prov_sig.h"

#define RSA_BYTES_MAX 2048

static unsigned char *put(unsigned char *p, const unsigned char *from, size_t n)
{
    memcpy(p, from, n);
    return p + n;
}

#define OID_MAX  16
#define INFO_MAX (10 + OID_MAX + EVP_MAX_MD_SIZE)

/* DigestInfo (RFC 8017 section 9.2) of *tbs, made in @info; TLS 1.0's MD5-SHA1 has none and is signed as it is. */
static cr_status digest_info(const EVP_MD *md, unsigned char info[INFO_MAX], struct cr_bytes *tbs, struct cr_err *err)
{
    int nid = EVP_MD_get_type(md);
    const ASN1_OBJECT *oid = nid != NID_undef ? OBJ_nid2obj(nid) : NULL;
    size_t n = oid != NULL ? OBJ_length(oid) : 0, all = n + 8 + tbs->n;
    unsigned char *p = info;

    if (nid == NID_md5_sha1)
        return cr_ok();
    if (n == 0 || n > OID_MAX || tbs->n > EVP_MAX_MD_SIZE)
        return cr_fail(err, CR_E_UNSUPPORTED, "the digest %s has no DigestInfo", EVP_MD_get0_name(md));
    p = put(p, (unsigned char[]){0x30, (unsigned char)all, 0x30, (unsigned char)(n + 4), 6, (unsigned char)n}, 6);
    p = put(p, OBJ_get0_data(oid), n);
    p = put(p, (unsigned char[]){5, 0, 4, (unsigned char)tbs->n}, 4);
    p = put(p, tbs->p, tbs->n);
    *tbs = cr_bytes(info, (size_t)(p - info));
    return cr_ok();
}

static cr_status sign_pkcs1(struct prov_sig *sig, struct cr_bytes tbs, unsigned char *out, size_t size, size_t *n,
                            struct cr_err *err)
{
    const struct tok_mech mech = {.op = TOK_SIGN_RSA_PKCS1};
    unsigned char info[INFO_MAX];
    cr_status st;

    if (sig->md != NULL && cr_failed(st = digest_info(sig->md, info, &tbs, err)))
        return st;
    if (tbs.n + 11 > prov_pub_size(sig->bound.pub))
        return cr_fail(err, CR_E_INVALID, "%zu bytes are too many for a signature by this key", tbs.n);
    return prov_key_sign(sig->key, &sig->bound, &mech, tbs, out, size, n, err);
}

static cr_status sign_raw(struct prov_sig *sig, struct cr_bytes block, unsigned char *out, size_t size, size_t *n,
                          struct cr_err *err)
{
    const struct tok_mech mech = {.op = TOK_SIGN_RSA_RAW};

    if (block.n != prov_pub_size(sig->bound.pub))
        return cr_fail(err, CR_E_INVALID, "without padding the input must be as long as the modulus");
    return prov_key_sign(sig->key, &sig->bound, &mech, block, out, size, n, err);
}

static cr_status sign_pss(struct prov_sig *sig, struct cr_bytes digest, unsigned char *out, size_t size, size_t *n,
                          struct cr_err *err)
{
    struct tok_mech mech = {.op = TOK_SIGN_RSA_PSS};
    unsigned char em[RSA_BYTES_MAX];
    size_t k = prov_pub_size(sig->bound.pub);
    cr_status st;

    if (sig->md == NULL)
        return cr_fail(err, CR_E_USAGE, "PSS needs a digest");
    if (cr_failed(st = prov_pss_salt_len(sig, &mech.salt_len, err)))
        return st;
    /* Two different hashes, legal yet rare, are refused by tokens in ways that cannot be told from an error. */
    if (prov_hash_of(sig->md, &mech.hash) && prov_hash_of(sig->mgf != NULL ? sig->mgf : sig->md, &mech.mgf) &&
        mech.hash == mech.mgf && !prov_pub_lacks(sig->bound.pub, &mech)) {
        st = prov_key_sign(sig->key, &sig->bound, &mech, digest, out, size, n, err);
        if (st.code != CR_E_UNSUPPORTED)
            return st;
        prov_pub_mark_lack(sig->bound.pub, &mech);
    }
    if (k > sizeof em)
        return cr_fail(err, CR_E_UNSUPPORTED, "the key is too long");
    if (!cr_failed(st = prov_pss_encode(sig, digest, mech.salt_len, em, k, err)))
        st = sign_raw(sig, cr_bytes(em, k), out, size, n, err);
    return st;
}

static cr_status sign(struct prov_sig *sig, struct cr_bytes tbs, unsigned char *out, size_t size, size_t *n,
                      struct cr_err *err)
{
    size_t k = prov_pub_size(sig->bound.pub);

    if (size < k)
        return cr_fail(err, CR_E_SIZE, "the signature has %zu bytes, the buffer %zu", k, size);
    switch (sig->pad) {
    case RSA_PKCS1_PADDING:
        return sign_pkcs1(sig, tbs, out, size, n, err);
    case RSA_PKCS1_PSS_PADDING:
        return sign_pss(sig, tbs, out, size, n, err);
    default:
        return sign_raw(sig, tbs, out, size, n, err);
    }
}

static bool verify(struct prov_sig *sig, const struct prov_pub *pub, struct cr_bytes tbs, struct cr_bytes signature)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(prov_ctx_inner(sig->ctx), pub->pkey, NULL);
    bool good = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, sig->pad) == 1 &&
                (sig->md == NULL || EVP_PKEY_CTX_set_signature_md(ctx, sig->md) == 1);

    if (good && sig->pad == RSA_PKCS1_PSS_PADDING)
        good = EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, sig->saltlen == -4 ? RSA_PSS_SALTLEN_AUTO : sig->saltlen) == 1 &&
               (sig->mgf == NULL || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, sig->mgf) == 1);
    good = good && EVP_PKEY_verify(ctx, signature.p, signature.n, tbs.p, tbs.n) == 1;
    EVP_PKEY_CTX_free(ctx);
    return good;
}

/* Of PKCS #1 the digest alone where one was set, else all that was signed. */
static bool recover(struct prov_sig *sig, const struct prov_pub *pub, struct cr_bytes signature, unsigned char *out,
                    size_t *n)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(prov_ctx_inner(sig->ctx), pub->pkey, NULL);
    unsigned char text[RSA_BYTES_MAX]; /* OpenSSL does not look at the room that there is */
    size_t len = sizeof text;
    bool good = ctx != NULL && prov_pub_size(pub) <= sizeof text && EVP_PKEY_verify_recover_init(ctx) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx, sig->pad) == 1 &&
                (sig->md == NULL || EVP_PKEY_CTX_set_signature_md(ctx, sig->md) == 1) &&
                EVP_PKEY_verify_recover(ctx, text, &len, signature.p, signature.n) == 1 && len <= *n;

    EVP_PKEY_CTX_free(ctx);
    if (good) {
        memcpy(out, text, len);
        *n = len;
    }
    return good;
}

static bool algorithm(struct prov_sig *sig, X509_ALGOR *out)
{
    int nid;

    if (sig->pad == RSA_PKCS1_PSS_PADDING)
        return prov_pss_algorithm(sig, out);
    return sig->md != NULL && sig->pad == RSA_PKCS1_PADDING &&
           OBJ_find_sigid_by_algs(&nid, EVP_MD_get_type(sig->md), NID_rsaEncryption) == 1 &&
           X509_ALGOR_set0(out, OBJ_nid2obj(nid), V_ASN1_NULL, NULL) == 1;
}

static const struct prov_sig_alg rsa = {TOK_KEY_RSA, sign, verify, recover, algorithm};

static void *new_ctx(void *provctx, const char *propq)
{
    (void)propq;
    return prov_sig_new(provctx, &rsa);
}

const OSSL_DISPATCH prov_sig_rsa[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))new_ctx},
    {OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))prov_sig_free},
    {OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))prov_sig_dup},
    {OSSL_FUNC_SIGNATURE_SIGN_INIT, (void (*)(void))prov_sig_plain_init},
    {OSSL_FUNC_SIGNATURE_SIGN, (void (*)(void))prov_sig_sign},
    {OSSL_FUNC_SIGNATURE_VERIFY_INIT, (void (*)(void))prov_sig_plain_init},
    {OSSL_FUNC_SIGNATURE_VERIFY, (void (*)(void))prov_sig_verify},
    {OSSL_FUNC_SIGNATURE_VERIFY_RECOVER_INIT, (void (*)(void))prov_sig_plain_init},
    {OSSL_FUNC_SIGNATURE_VERIFY_RECOVER, (void (*)(void))prov_sig_recover},
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
