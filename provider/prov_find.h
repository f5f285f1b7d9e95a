/* SPDX-License-Identifier: Apache-2.0 */
/* What OSSL_STORE_find asks a loader for, and whether a certificate is that. */
#ifndef PROV_FIND_H
#define PROV_FIND_H

#include <openssl/core.h>
#include <openssl/types.h>

#include "roles/role_record.h"

struct prov_find { /* empty ranges: not asked for */
    struct cr_buf subject, issuer, fingerprint;
    BIGNUM *serial;
    char digest[32];
    char *alias;
};

void prov_find_clear(struct prov_find *find);
/* Takes what it knows out of @params. */
int prov_find_set(struct prov_find *find, const OSSL_PARAM params[]);
/* Is a certificate asked for by subject, issuer or serial number? */
bool prov_find_by_name(const struct prov_find *find);
/* Does the certificate @der match? @cert is the leaf's entry (aliases: role name, kid, thumbprint), @leaf says that @der
 * is the leaf. True when nothing is asked for. */
bool prov_find_match(const struct prov_find *find, OSSL_LIB_CTX *inner, const struct role_record *rec,
                     const struct role_cert *cert, bool leaf, struct cr_bytes der);

#endif
