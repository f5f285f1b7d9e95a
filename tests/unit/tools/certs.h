/* SPDX-License-Identifier: Apache-2.0 */
/* Self-signed certificates made on the spot, as entries. For tests alone: the keys are thrown away. */
#ifndef TESTS_CERTS_H
#define TESTS_CERTS_H

#include <openssl/evp.h>

#include "roles/role_record.h"

/* "RSA", "P-256", "ED25519"; the caller owns it. Fails the test when it cannot be made. */
EVP_PKEY *test_key(const char *kind);
/* A certificate of @key valid for a year from @not_before; the caller owns it. */
struct role_cert *test_cert(EVP_PKEY *key, const char *cn, int64_t not_before);

#endif
