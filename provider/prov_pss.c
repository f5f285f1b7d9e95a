/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_pss.h"

#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

bool prov_hash_of(const EVP_MD *md, enum tok_hash *out)
{
    static const struct {
        int nid;
        enum tok_hash hash;
    } known[] = {{NID_sha256, TOK_SHA256},
                 {NID_sha384, TOK_SHA384},
                 {NID_sha512, TOK_SHA512},
                 {NID_sha1, TOK_SHA1},
                 {NID_sha224, TOK_SHA224}};
    int nid = EVP_MD_get_type(md); /* EVP_MD_is_a would look a name up, under a lock */

    for (size_t i = 0; i < CR_COUNT(known); i++) {
        if (known[i].nid == nid) {
            *out = known[i].hash;
            return true;
        }
    }
    return false;
}

cr_status prov_pss_salt_len(const struct prov_sig *sig, unsigned *out, struct cr_err *err)
{
    int hash = EVP_MD_get_size(sig->md), len = sig->saltlen;
    int max = (int)((sig->bound.pub->key.bits - 1 + 7) / 8) - hash - 2;

    if (len == RSA_PSS_SALTLEN_DIGEST)
        len = hash;
    else if (len == RSA_PSS_SALTLEN_AUTO || len == RSA_PSS_SALTLEN_MAX)
        len = max;
    else if (len == -4) /* auto, at most the digest's length */
        len = max < hash ? max : hash;
    if (len < 0 || len > max)
        return cr_fail(err, CR_E_INVALID, "a %u-bit key has no room for this digest and salt",
                       sig->bound.pub->key.bits);
    *out = (unsigned)len;
    return cr_ok();
}

/* MGF1 (RFC 8017 section B.2.1), XORed onto @out. */
static bool mask(const EVP_MD *md, const unsigned char *seed, size_t seed_n, unsigned char *out, size_t n)
{
    unsigned char block[EVP_MAX_MD_SIZE], counter[4] = {0};
    size_t len = (size_t)EVP_MD_get_size(md), done = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL;

    while (good && done < n) {
        good = EVP_DigestInit_ex(ctx, md, NULL) == 1 && EVP_DigestUpdate(ctx, seed, seed_n) == 1 &&
               EVP_DigestUpdate(ctx, counter, sizeof counter) == 1 && EVP_DigestFinal_ex(ctx, block, NULL) == 1;
        for (size_t i = 0; good && i < len && done < n; i++)
            out[done++] ^= block[i];
        if (++counter[3] == 0)
            counter[2]++;
    }
    EVP_MD_CTX_free(ctx);
    return good;
}

/* H = Hash(eight zero bytes || digest || salt) */
static bool hash_m(const EVP_MD *md, struct cr_bytes digest, const unsigned char *salt, size_t n, unsigned char *h)
{
    static const unsigned char zeros[8];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestInit_ex(ctx, md, NULL) == 1 && EVP_DigestUpdate(ctx, zeros, 8) == 1 &&
                EVP_DigestUpdate(ctx, digest.p, digest.n) == 1 && EVP_DigestUpdate(ctx, salt, n) == 1 &&
                EVP_DigestFinal_ex(ctx, h, NULL) == 1;

    EVP_MD_CTX_free(ctx);
    return good;
}

cr_status prov_pss_encode(struct prov_sig *sig, struct cr_bytes digest, unsigned salt_len, unsigned char *em, size_t k,
                          struct cr_err *err)
{
    size_t bits = sig->bound.pub->key.bits - 1, len = (bits + 7) / 8, hash = digest.n, db = len - hash - 1;
    unsigned char *m = em + (k - len), *salt = m + db - salt_len;

    memset(em, 0, k);
    if (len < hash + salt_len + 2)
        return cr_fail(err, CR_E_INVALID, "the key has no room for this digest and salt");
    if (salt_len > 0 && RAND_bytes_ex(prov_ctx_inner(sig->ctx), salt, salt_len, 0) != 1)
        return cr_fail(err, CR_E_INTERNAL, "no random bytes for the salt");
    salt[-1] = 1;
    if (!hash_m(sig->md, digest, salt, salt_len, m + db) ||
        !mask(sig->mgf != NULL ? sig->mgf : sig->md, m + db, hash, m, db))
        return cr_fail(err, CR_E_INTERNAL, "the digest failed");
    m[0] &= (unsigned char)(0xff >> (8 * len - bits));
    m[len - 1] = 0xbc;
    return cr_ok();
}

static X509_ALGOR *digest_algorithm(const EVP_MD *md)
{
    X509_ALGOR *alg = X509_ALGOR_new();

    if (alg != NULL)
        X509_ALGOR_set_md(alg, md);
    return alg;
}

static bool mgf_algorithm(RSA_PSS_PARAMS *pss, const EVP_MD *md)
{
    X509_ALGOR *hash = digest_algorithm(md);
    ASN1_STRING *packed = NULL;

    pss->maskGenAlgorithm = X509_ALGOR_new();
    if (hash == NULL || pss->maskGenAlgorithm == NULL ||
        ASN1_item_pack(hash, ASN1_ITEM_rptr(X509_ALGOR), &packed) == NULL ||
        X509_ALGOR_set0(pss->maskGenAlgorithm, OBJ_nid2obj(NID_mgf1), V_ASN1_SEQUENCE, packed) != 1) {
        ASN1_STRING_free(packed);
        X509_ALGOR_free(hash);
        return false;
    }
    X509_ALGOR_free(hash);
    return true;
}

/* RFC 4055: what has its default value is left out. */
static bool fill(const struct prov_sig *sig, RSA_PSS_PARAMS *pss, unsigned salt_len)
{
    const EVP_MD *mgf = sig->mgf != NULL ? sig->mgf : sig->md;

    if (salt_len != 20) {
        pss->saltLength = ASN1_INTEGER_new();
        if (pss->saltLength == NULL || ASN1_INTEGER_set(pss->saltLength, salt_len) != 1)
            return false;
    }
    if (!EVP_MD_is_a(sig->md, "SHA1")) {
        pss->hashAlgorithm = digest_algorithm(sig->md);
        if (pss->hashAlgorithm == NULL)
            return false;
    }
    return EVP_MD_is_a(mgf, "SHA1") || mgf_algorithm(pss, mgf);
}

bool prov_pss_algorithm(struct prov_sig *sig, X509_ALGOR *out)
{
    RSA_PSS_PARAMS *pss = RSA_PSS_PARAMS_new();
    ASN1_STRING *packed = NULL;
    unsigned salt_len = 0;
    bool good;

    good = pss != NULL && sig->md != NULL && !cr_failed(prov_pss_salt_len(sig, &salt_len, NULL)) &&
           fill(sig, pss, salt_len) && ASN1_item_pack(pss, ASN1_ITEM_rptr(RSA_PSS_PARAMS), &packed) != NULL &&
           X509_ALGOR_set0(out, OBJ_nid2obj(NID_rsassaPss), V_ASN1_SEQUENCE, packed) == 1;
    if (!good)
        ASN1_STRING_free(packed);
    RSA_PSS_PARAMS_free(pss);
    return good;
}
