/* SPDX-License-Identifier: Apache-2.0 */
/* The named curves we handle (RFC 7518 section 6.2.1.1), in cert_key.c. */
#ifndef CERT_CURVES_H
#define CERT_CURVES_H

#include "pkcs11/tok_key.h"

struct cert_curve {
    int nid;
    unsigned bits;
    size_t bytes;      /* of a coordinate */
    const char *name;  /* P-256 */
    const char *group; /* OpenSSL's group name */
    const char *alg;   /* RFC 7518 section 3.1 */
};

/* NULL when it is none of ours. */
const struct cert_curve *cert_curve_of(const struct tok_key *key);
const struct cert_curve *cert_curve_by_group(const char *group);

#endif
