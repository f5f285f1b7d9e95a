/* SPDX-License-Identifier: Apache-2.0 */
/* A key as plain numbers: what certs/ makes of a certificate or a PFX, and what pkcs11/ puts on a token or looks for.
 * Big-endian without leading zeros unless said otherwise. No PKCS#11 and no OpenSSL type appears here. */
#ifndef TOK_KEY_H
#define TOK_KEY_H

#include "common/cr_bytes.h"

enum tok_key_type { TOK_KEY_RSA, TOK_KEY_EC, TOK_KEY_ED25519 };

struct tok_key {
    enum tok_key_type type;
    unsigned bits;           /* RSA modulus, EC field, 256 for Ed25519 */
    struct cr_buf n, e;      /* RSA */
    struct cr_buf ec_params; /* EC: DER of the named curve's OID */
    struct cr_buf point;     /* EC: uncompressed 04||x||y; Ed25519: the 32 bytes of RFC 8032 */
    struct cr_buf id;        /* CKA_ID: SHA-1 of the subjectPublicKey bits (RFC 5280 4.2.1.2 method 1) */
    bool has_private;
    struct cr_buf d, p, q, dp, dq, qi; /* RSA: all; EC: d padded to the field; Ed25519: d is the 32-byte seed */
};

void tok_key_clear(struct tok_key *key); /* wipes; NULL is fine */
/* Into cleared storage; on failure the caller clears it. */
cr_status tok_key_copy_public(const struct tok_key *from, struct tok_key *to, struct cr_err *err);
/* Same public key? */
bool tok_key_same_public(const struct tok_key *a, const struct tok_key *b);

#endif
