/* SPDX-License-Identifier: Apache-2.0 */
/* The context of RSA decryption and encryption, and its parameters. */
#ifndef PROV_CIPHER_H
#define PROV_CIPHER_H

#include <openssl/core.h>
#include <openssl/types.h>

#include "prov_key.h"

struct prov_cipher {
    struct prov_ctx *ctx;
    struct prov_key *key;
    struct prov_bound bound;
    int pad;
    EVP_MD *md, *mgf; /* OAEP; NULL: SHA-1, and the same as md */
    struct cr_buf label;
    unsigned client_version, negotiated_version; /* TLS */
};

/* Dispatch functions. */
int prov_cipher_set(void *vc, const OSSL_PARAM params[]);
int prov_cipher_get(void *vc, OSSL_PARAM params[]);
const OSSL_PARAM *prov_cipher_settable(void *vc, void *provctx);
const OSSL_PARAM *prov_cipher_gettable(void *vc, void *provctx);
/* Raises one sentence; 0. */
int prov_cipher_refuse(const struct prov_cipher *c, enum cr_code code, const char *sentence);

#endif
