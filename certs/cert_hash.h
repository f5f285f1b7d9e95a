/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-1 and SHA-256 of public bytes without a fetch: identities are computed inside a provider that may be loading, where
 * reaching the default library context would read openssl.cnf and load that very provider again. Private to certs/. */
#ifndef CERT_HASH_H
#define CERT_HASH_H

#include "common/cr_bytes.h"

void cert_sha1(struct cr_bytes in, unsigned char out[20]);
void cert_sha256(struct cr_bytes in, unsigned char out[32]);

#endif
