/* SPDX-License-Identifier: Apache-2.0 */
/* What a password-encrypted structure asks of us before it can be checked, read before anything is derived: a file of
 * a few bytes may demand hours. Private to certs/. */
#ifndef CERT_KDF_H
#define CERT_KDF_H

#include <openssl/x509.h>
#include <stdint.h>

#include "common/cr_bytes.h"

#define CERT_KDF_MAX 10000000 /* iterations of a whole file; OpenSSL's default is 2048, Windows' 2000, OWASP's 600000 */

/* Adds what @alg (PKCS#5 PBES1 and PBES2, PKCS#12 PBE) asks for to *sum. CR_E_REFUSED over CERT_KDF_MAX. */
cr_status cert_kdf_add(const X509_ALGOR *alg, uint64_t *sum, struct cr_err *err);
/* The same for a plain count. */
cr_status cert_kdf_add_count(const ASN1_INTEGER *count, uint64_t *sum, struct cr_err *err);

#endif
