/* SPDX-License-Identifier: Apache-2.0 */
/* Checks in software what a token signed (cert_key.h). */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "cert_err.h"
#include "cert_key.h"

static const EVP_MD *hash_md(enum tok_hash hash)
{
    switch (hash) {
    case TOK_SHA1:
        return EVP_sha1();
    case TOK_SHA224:
        return EVP_sha224();
    case TOK_SHA256:
        return EVP_sha256();
    case TOK_SHA384:
        return EVP_sha384();
    case TOK_SHA512:
        return EVP_sha512();
    }
    return NULL;
}

static int set_padding(EVP_PKEY_CTX *ctx, const struct tok_mech *mech)
{
    switch (mech->op) {
    case TOK_SIGN_RSA_PKCS1:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING);
    case TOK_SIGN_RSA_RAW:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING);
    case TOK_SIGN_RSA_PSS:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_signature_md(ctx, hash_md(mech->hash)) == 1 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, hash_md(mech->mgf)) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)mech->salt_len) == 1;
    default:
        return 1;
    }
}

/* Without a digest set, PKCS#1 recovers the DigestInfo itself and raw the whole block: both are compared byte by byte. */
static int verify_rsa(EVP_PKEY_CTX *ctx, const struct tok_mech *mech, struct cr_bytes msg, struct cr_bytes sig)
{
    unsigned char got[2048];
    size_t n = sizeof got;

    if (mech->op == TOK_SIGN_RSA_PSS)
        return EVP_PKEY_verify_init(ctx) == 1 && set_padding(ctx, mech) == 1 &&
               EVP_PKEY_verify(ctx, sig.p, sig.n, msg.p, msg.n) == 1;
    return sig.n <= sizeof got && EVP_PKEY_verify_recover_init(ctx) == 1 && set_padding(ctx, mech) == 1 &&
           EVP_PKEY_verify_recover(ctx, got, &n, sig.p, sig.n) == 1 && cr_bytes_equal(cr_bytes(got, n), msg);
}

static int verify_ecdsa(EVP_PKEY_CTX *ctx, struct cr_bytes msg, struct cr_bytes sig)
{
    unsigned char der[160];
    size_t n = 0;

    return !cr_failed(cert_ecdsa_to_der(sig, der, sizeof der, &n, NULL)) && EVP_PKEY_verify_init(ctx) == 1 &&
           EVP_PKEY_verify(ctx, der, n, msg.p, msg.n) == 1;
}

static int verify_eddsa(const struct cert_probe *probe, struct cr_bytes msg, struct cr_bytes sig)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int good = md != NULL && EVP_DigestVerifyInit_ex(md, NULL, NULL, probe->ctx, CERT_PROPQ, probe->pkey, NULL) == 1 &&
               EVP_DigestVerify(md, sig.p, sig.n, msg.p, msg.n) == 1;

    EVP_MD_CTX_free(md);
    return good;
}

cr_status cert_verify_probe_in(void *arg, const struct tok_mech *mech, struct cr_bytes msg, struct cr_bytes sig,
                               struct cr_err *err)
{
    const struct cert_probe *probe = arg;
    EVP_PKEY_CTX *ctx = NULL;
    int good;

    (void)ERR_set_mark();
    if (mech->op == TOK_SIGN_EDDSA) {
        good = verify_eddsa(probe, msg, sig);
    } else {
        ctx = EVP_PKEY_CTX_new_from_pkey(probe->ctx, probe->pkey, CERT_PROPQ);
        good =
            ctx != NULL && (mech->op == TOK_SIGN_ECDSA ? verify_ecdsa(ctx, msg, sig) : verify_rsa(ctx, mech, msg, sig));
    }
    EVP_PKEY_CTX_free(ctx);
    (void)ERR_pop_to_mark();
    return good == 1 ? cr_ok() : cr_fail(err, CR_E_INVALID, "the signature does not verify with the certificate's key");
}

cr_status cert_verify_probe(void *arg, const struct tok_mech *mech, struct cr_bytes msg, struct cr_bytes sig,
                            struct cr_err *err)
{
    struct cert_probe probe = {NULL, arg};

    return cert_verify_probe_in(&probe, mech, msg, sig, err);
}
