/* SPDX-License-Identifier: Apache-2.0 */
/* Private to certs/: X509 objects from DER, and their names as text. */
#ifndef CERT_X509_H
#define CERT_X509_H

#include <openssl/types.h>
#include <stdint.h>

#include "common/cr_bytes.h"

/* Nothing may stand behind the certificate. The caller owns *out (X509_free). */
cr_status cert_x509_read(OSSL_LIB_CTX *ctx, struct cr_bytes der, X509 **out, struct cr_err *err);
/* RFC 4514 text in UTF-8, control characters escaped; the caller owns *out (free). */
cr_status cert_name_text(const X509_NAME *name, char **out, struct cr_err *err);
/* Seconds since 1970; CR_TIME_NEVER for 99991231235959Z (RFC 5280 section 4.1.2.5). */
cr_status cert_time_of(const ASN1_TIME *t, int64_t *out, struct cr_err *err);

#endif
