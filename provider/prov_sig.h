/* SPDX-License-Identifier: Apache-2.0 */
/* What the signature algorithms share: a context bound at init to one certificate and key, the digest made in software,
 * the token asked once at the end; verification in software against every key of the role that may have signed. */
#ifndef PROV_SIG_H
#define PROV_SIG_H

#include <openssl/core.h>
#include <openssl/types.h>

#include "prov_key.h"

struct prov_sig;

struct prov_sig_alg {
    enum tok_key_type type;
    /* The token's signature of the digest (of the message, for Ed25519). */
    cr_status (*sign)(struct prov_sig *sig, struct cr_bytes tbs, unsigned char *out, size_t size, size_t *n,
                      struct cr_err *err);
    bool (*verify)(struct prov_sig *sig, const struct prov_pub *pub, struct cr_bytes tbs, struct cr_bytes signature);
    /* What was signed, out of the signature (RSA alone, else NULL); *n is the room in @out, then the length. */
    bool (*recover)(struct prov_sig *sig, const struct prov_pub *pub, struct cr_bytes signature, unsigned char *out,
                    size_t *n);
    bool (*algorithm)(struct prov_sig *sig, X509_ALGOR *out); /* for certificates and CMS */
};

struct prov_sig {
    struct prov_ctx *ctx;
    const struct prov_sig_alg *alg;
    struct prov_key *key;
    struct prov_bound bound;
    EVP_MD *md;
    EVP_MD_CTX *mdctx;
    const char *matched; /* static */
    int pad, saltlen;    /* RSA */
    EVP_MD *mgf;         /* RSA-PSS; NULL: the digest */
};

struct prov_sig *prov_sig_new(void *provctx, const struct prov_sig_alg *alg);
void prov_sig_free(void *vsig);
void *prov_sig_dup(void *vsig);
/* @vkey NULL: the key stays, and is bound anew. */
int prov_sig_init(struct prov_sig *sig, void *vkey);

/* Dispatch functions of RSA and ECDSA. */
int prov_sig_plain_init(void *vsig, void *vkey, const OSSL_PARAM params[]);
int prov_sig_sign(void *vsig, unsigned char *out, size_t *n, size_t size, const unsigned char *tbs, size_t tbs_n);
int prov_sig_verify(void *vsig, const unsigned char *signature, size_t n, const unsigned char *tbs, size_t tbs_n);
int prov_sig_recover(void *vsig, unsigned char *out, size_t *n, size_t size, const unsigned char *signature,
                     size_t signature_n);
int prov_sig_digest_init(void *vsig, const char *md, void *vkey, const OSSL_PARAM params[]);
int prov_sig_update(void *vsig, const unsigned char *data, size_t n);
int prov_sig_sign_final(void *vsig, unsigned char *out, size_t *n, size_t size);
int prov_sig_verify_final(void *vsig, const unsigned char *signature, size_t n);
int prov_sig_digest_sign(void *vsig, unsigned char *out, size_t *n, size_t size, const unsigned char *data,
                         size_t data_n);
int prov_sig_digest_verify(void *vsig, const unsigned char *signature, size_t n, const unsigned char *data,
                           size_t data_n);

/* Parameters that all have: algorithm-id, digest, digest-size, certroll-kid, -thumbprint, -matched. */
int prov_sig_get(void *vsig, OSSL_PARAM params[]);
int prov_sig_set(void *vsig, const OSSL_PARAM params[]);
const OSSL_PARAM *prov_sig_gettable(void *vsig, void *provctx);
const OSSL_PARAM *prov_sig_settable(void *vsig, void *provctx);
/* Fetches @name from the inner context into *md, replacing it. */
int prov_sig_fetch(struct prov_sig *sig, const char *name, EVP_MD **md);
/* Raises one sentence; 0. */
int prov_sig_refuse(struct prov_sig *sig, enum cr_code code, const char *sentence);

#endif
