/* SPDX-License-Identifier: Apache-2.0 */
/* EMSA-PSS (RFC 8017 section 9.1.1) and its parameters, for tokens that make raw RSA only. */
#ifndef PROV_PSS_H
#define PROV_PSS_H

#include <openssl/types.h>

#include "prov_sig.h"

/* The hash as the token layer names it; false when it has no name for it. */
bool prov_hash_of(const EVP_MD *md, enum tok_hash *out);
/* The salt length in bytes for the bound key; CR_E_INVALID when it does not fit. */
cr_status prov_pss_salt_len(const struct prov_sig *sig, unsigned *out, struct cr_err *err);
/* The encoded message, as long as the modulus, into @em (@k bytes). */
cr_status prov_pss_encode(struct prov_sig *sig, struct cr_bytes digest, unsigned salt_len, unsigned char *em, size_t k,
                          struct cr_err *err);
/* RSASSA-PSS-params (RFC 4055 section 3.1) into @out. */
bool prov_pss_algorithm(struct prov_sig *sig, X509_ALGOR *out);

#endif
