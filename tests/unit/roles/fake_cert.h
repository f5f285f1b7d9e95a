/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate entries made of a name, for tests that need no real certificate: the same name gives the same thumbprints,
 * the same key name the same key. */
#ifndef FAKE_CERT_H
#define FAKE_CERT_H

#include "roles/role_record.h"

#define FAKE_FROM  INT64_C(1577836800) /* 2020-01-01 */
#define FAKE_UNTIL INT64_C(4102444800) /* 2100-01-01 */

/* Lower-case hex out of @seed; @out has room for @digits + 1. */
void fake_hex(const char *seed, size_t digits, char *out);
/* The SPKI hash that fake_cert gives the key @key. */
void fake_spki(const char *key, char out[65]);
/* @name names the certificate, @key its key (NULL: as the certificate); "rsa:2048", valid 2020 to 2100, one location.
 * The caller owns the result and may change it. Ends the program without memory. */
struct role_cert *fake_cert(const char *name, const char *key);
/* A SHA-256 stand-in of the right shape: a function of @in. */
cr_status fake_hash(struct cr_bytes in, char out[65], struct cr_err *err);

#endif
