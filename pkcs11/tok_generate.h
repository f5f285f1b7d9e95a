/* SPDX-License-Identifier: Apache-2.0 */
/* Making a key pair inside a token: the private half is never anywhere else. */
#ifndef TOK_GENERATE_H
#define TOK_GENERATE_H

#include "tok_local.h"

/* Sets key->id from the public numbers; a host's business, since pkcs11/ has no crypto. */
typedef cr_status tok_id_fn(struct tok_key *key, struct cr_err *err);

struct tok_generate {
    enum tok_key_type type;
    unsigned bits;             /* RSA modulus */
    struct cr_bytes ec_params; /* EC: DER of the named curve's OID */
    size_t point;              /* EC, Ed25519: bytes of the public point */
    const char *label;
    struct cr_bytes interim; /* CKA_ID until the public half is known: random, of no other object */
    tok_id_fn *id;
};

/* C_GenerateKeyPair: token objects, the private one sensitive and not extractable, both with the CKA_ID that @what->id
 * computes. What the token made is read back, and destroyed when it is not as asked for or anything later fails. @pub
 * (cleared storage, the caller clears it) gets the public numbers, *location (caller's, free) the private key's URI.
 * CR_E_UNSUPPORTED when the token cannot make such a key. A process killed meanwhile leaves a key with @what->label. */
cr_status tok_generate(struct tok_local *loc, size_t token, const struct tok_generate *what, struct tok_key *pub,
                       char **location, struct cr_err *err);

#endif
