/* SPDX-License-Identifier: Apache-2.0 */
/* What the encoders share: they write the public key of this moment, never anything private. */
#ifndef PROV_ENCODER_H
#define PROV_ENCODER_H

#include <openssl/bio.h>
#include <openssl/core.h>

#include "prov_key.h"

void *prov_encoder_new(void *provctx);
void prov_encoder_free(void *vctx);
/* Writes with @write to what @cbio is; 0 when there is no public key. */
int prov_encoder_write(void *vctx, OSSL_CORE_BIO *cbio, const void *vkey,
                       int (*write)(BIO *bio, struct prov_key *key, const struct prov_pub *pub));

#endif
