/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of the inner library context, fetched once: EVP_MD_fetch by name takes as long as all else that an init does. */
#ifndef PROV_MD_H
#define PROV_MD_H

#include <openssl/types.h>

#include "prov_ctx.h"

/* NULL when there is no such digest, without an error in the queue. The caller owns it (EVP_MD_free). */
EVP_MD *prov_md_get(struct prov_ctx *ctx, const char *name);
void prov_mds_free(struct prov_ctx *ctx);

#endif
