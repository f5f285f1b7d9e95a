/* SPDX-License-Identifier: Apache-2.0 */
/* RSA and EC_KEY structures for programs that take one out of an EVP_PKEY (EVP_PKEY_get1_RSA) and sign with that.
 *
 * OpenSSL makes such a structure of what our key management exports, which has no private numbers. While it does, in this
 * thread, the structure gets methods whose private operations come back to us, as structures of engines do. The default
 * method, which a new structure takes, is ours only as long as such an export lasts, and structures that other threads make
 * meanwhile are given their own back. A structure stays with the certificate whose public numbers it has: it is pinned. */
#ifndef PROV_LEGACY_H
#define PROV_LEGACY_H

#include "prov_key.h"

/* Hands @params to @cb, as an export does, with @pinned standing behind each structure made of them in that call. */
int prov_legacy_give(struct prov_key *pinned, const OSSL_PARAM params[], OSSL_CALLBACK *cb, void *arg);
/* The instance is going: structures that programs still hold sign no more. */
void prov_legacy_forget(const struct prov_ctx *ctx);

#endif
