/* SPDX-License-Identifier: Apache-2.0 */
/* RSA's encryption paddings (RFC 8017 section 7), taken off what the token decrypted raw. Neither time nor memory access
 * tells what was wrong with a padding; that it was wrong is the answer, except for TLS's premaster secret. */
#ifndef PROV_CIPHER_PAD_H
#define PROV_CIPHER_PAD_H

#include <openssl/types.h>

#include "common/cr_bytes.h"

#define PROV_PREMASTER 48

struct prov_premaster {
    unsigned client, negotiated; /* versions; negotiated 0: only the client's will do */
    unsigned char random[PROV_PREMASTER];
};

/* @raw, from which a token may have cut leading zeros, at the end of the @k bytes of @em; all zeros if it is longer. */
void prov_pad_align(struct cr_bytes raw, unsigned char *em, size_t k);
/* EME-PKCS1-v1_5 and EME-OAEP of an @em as long as the modulus. @out has room for as many bytes; CR_E_INVALID, the
 * same sentence for all that can be wrong with the message. */
cr_status prov_pad_pkcs1(struct cr_bytes em, unsigned char *out, size_t *n, struct cr_err *err);
cr_status prov_pad_oaep(struct cr_bytes em, const EVP_MD *md, const EVP_MD *mgf, struct cr_bytes label,
                        unsigned char *out, size_t *n, struct cr_err *err);
/* RFC 5246 section 7.4.7.1: the premaster secret in @em, or @pre->random if the padding, the length or the version is not
 * right; nobody learns which. */
void prov_pad_premaster(struct cr_bytes em, const struct prov_premaster *pre, unsigned char out[PROV_PREMASTER]);
/* The same for what a token took the padding off, into @secret; @n is what it said, 0 when it failed. */
void prov_pad_premaster_plain(const unsigned char secret[PROV_PREMASTER], size_t n, const struct prov_premaster *pre,
                              unsigned char out[PROV_PREMASTER]);

#endif
