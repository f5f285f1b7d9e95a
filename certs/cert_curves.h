/* SPDX-License-Identifier: Apache-2.0 */
/* The named curves we handle (RFC 5480 section 2.1.1.1, RFC 7518 section 6.2.1.1). Private to certs/. */
#ifndef CERT_CURVES_H
#define CERT_CURVES_H

#include "pkcs11/tok_key.h"

struct cert_curve {
    unsigned bits;
    size_t bytes;        /* of a coordinate */
    const char *name;    /* P-256 */
    const char *group;   /* OpenSSL's group name */
    const char *alg;     /* RFC 7518 section 3.1 */
    struct cr_bytes oid; /* DER, with tag and length */
};

/* NULL when it is none of ours. */
const struct cert_curve *cert_curve_of(const struct tok_key *key);
const struct cert_curve *cert_curve_by_group(const char *group);

#endif
