/* SPDX-License-Identifier: Apache-2.0 */
/* The DER of a public key, written from its numbers: one key has one SubjectPublicKeyInfo here, whatever point form or
 * parameters a certificate chose, so that hashes of it compare keys. Private to certs/. */
#ifndef CERT_SPKI_H
#define CERT_SPKI_H

#include "pkcs11/tok_key.h"

/* The content of the subjectPublicKey BIT STRING: RSAPublicKey (RFC 8017 A.1.1), the uncompressed point (RFC 5480 2.2), or
 * the 32 bytes of RFC 8410. Replaced in @out. */
cr_status cert_spki_bits(const struct tok_key *key, struct cr_buf *out, struct cr_err *err);
/* SubjectPublicKeyInfo (RFC 5280 4.1.2.7), replaced in @out. */
cr_status cert_spki_der(const struct tok_key *key, struct cr_buf *out, struct cr_err *err);

#endif
