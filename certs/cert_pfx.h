/* SPDX-License-Identifier: Apache-2.0 */
/* A private key on its way from a token into a PKCS#12 file. What is secret wipes itself. */
#ifndef CERT_PFX_H
#define CERT_PFX_H

#include "common/cr_bytes.h"

#define CERT_PFX_ITERATIONS 600000 /* OWASP, of PBKDF2 with SHA-256 */

/* What a token wrapped under the AES-256 key @kek (RFC 5649, or RFC 3394 over PKCS#7 padding) as PKCS#8. Replaces *pkcs8.
 * CR_E_INVALID. */
cr_status cert_unwrap(struct cr_bytes kek, struct cr_bytes wrapped, struct cr_buf *pkcs8, struct cr_err *err);

struct cert_pfx {
    struct cr_bytes pkcs8, leaf; /* DER; they belong together, or CR_E_INVALID */
    const struct cr_buf *chain;
    size_t nchain;
    const char *name; /* friendlyName */
    const char *pass; /* UTF-8 */
};
/* PBES2 with AES-256-CBC and SHA-256, a MAC with SHA-256, CERT_PFX_ITERATIONS each. Replaces *out. */
cr_status cert_pfx_make(const struct cert_pfx *what, struct cr_buf *out, struct cr_err *err);

#endif
