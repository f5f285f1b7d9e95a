/* SPDX-License-Identifier: Apache-2.0 */
/* What the key management of RSA, EC and Ed25519 share. */
#ifndef PROV_KEYMGMT_H
#define PROV_KEYMGMT_H

#include <openssl/core.h>

#include "prov_key.h"

void *prov_keymgmt_load(const void *reference, size_t size); /* takes the key out of the reference */
void prov_keymgmt_free(void *vkey);
void *prov_keymgmt_dup(const void *vkey, int selection);
int prov_keymgmt_has(const void *vkey, int selection);
int prov_keymgmt_match(const void *va, const void *vb, int selection);
int prov_keymgmt_validate(const void *vkey, int selection, int type);
/* max-size, certroll-kid and certroll-thumbprint are ours, all else is answered by the public key in software. */
int prov_keymgmt_get_params(void *vkey, OSSL_PARAM params[]);
/* Public keys only; @name is the algorithm. */
int prov_keymgmt_import(void *vkey, const char *name, int selection, const OSSL_PARAM params[]);
/* The public half, never a private number. A selection of the private key alone fails; one of the whole key is answered
 * with the public half, because EVP_PKEY_get0_RSA and its like (Node's key details, IEEE P1363 signatures) ask for it.
 * Signing stays here all the same: our signature names are found in this provider only. */
int prov_keymgmt_export(void *vkey, int selection, OSSL_CALLBACK *cb, void *arg);

#endif
