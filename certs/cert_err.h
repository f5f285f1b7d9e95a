/* SPDX-License-Identifier: Apache-2.0 */
/* Private to certs/: failures that carry OpenSSL's own reason, and how certs/ reaches OpenSSL. */
#ifndef CERT_ERR_H
#define CERT_ERR_H

#include <openssl/err.h>

#include "common/cr_status.h"

/* cr_fail with " (REASON)" of OpenSSL's newest error, which stays on the queue for the caller's mark to remove. */
cr_status cert_fail(struct cr_err *err, enum cr_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Software implementations only: activated before default, our own provider would be asked for RSA and EC keys. */
#define CERT_PROPQ "provider!=certroll"

#endif
