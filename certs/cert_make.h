/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates and requests for a key that signs elsewhere: what is to be signed is encoded here, signed by the caller's
 * function, and checked with the public key. */
#ifndef CERT_MAKE_H
#define CERT_MAKE_H

#include <stdint.h>

#include "cert_key.h"
#include "cert_words.h"

/* A signature by the private half of the key; @in as struct tok_mech says. */
typedef cr_status cert_sign_fn(void *arg, const struct tok_mech *mech, struct cr_bytes in, unsigned char *out,
                               size_t size, size_t *n, struct cr_err *err);

struct cert_make {
    const struct tok_key *key; /* public numbers */
    const X509_NAME *subject;
    GENERAL_NAMES *san;      /* or NULL */
    EXTENDED_KEY_USAGE *eku; /* or NULL */
    cert_sign_fn *sign;
    void *sign_arg;
    bool unchecked; /* the signature need not be right: a sample, to ask whether policy would take the certificate */
};

/* A self-signed certificate of no CA, valid from @from to @until (seconds); SHA-256 or the curve's own hash. Replaces *der. */
cr_status cert_make_self_signed(const struct cert_make *what, int64_t from, int64_t until, struct cr_buf *der,
                                struct cr_err *err);
/* A PKCS#10 request (RFC 2986) with the wanted extensions. Replaces *der. */
cr_status cert_make_request(const struct cert_make *what, struct cr_buf *der, struct cr_err *err);

#endif
