/* SPDX-License-Identifier: Apache-2.0 */
/* JWTs (RFC 7519, RFC 7515 compact form) as an issuer writes them and a verifier reads them. No key is used here but public
 * ones, in software. */
#ifndef TOOL_JWT_H
#define TOOL_JWT_H

#include <jansson.h>
#include <stdint.h>

#include "roles/role_record.h"

#define TOOL_JWT_CLAIMS_MAX (64 * 1024)
#define TOOL_JWT_MAX        (128 * 1024)
#define TOOL_JWT_LIFETIME   300 /* seconds, unless the claims say */

/* RFC 7518 section 3.1, RFC 8037. */
struct tool_jwt_alg {
    const char *name, *key; /* "RS256"; what role_cert.key is, or begins with up to ':' */
    const char *digest;     /* NULL: the algorithm's own */
    bool pss;               /* salt as long as the digest */
    size_t field;           /* ECDSA: bytes of r and of s */
};

/* The algorithm called @name, or for NULL the one that a key of kind @key signs with by default. CR_E_USAGE for a name we do
 * not have, CR_E_REFUSED for one that is not of such a key. */
cr_status tool_jwt_alg(const char *key, const char *name, const struct tool_jwt_alg **out, struct cr_err *err);

/* The claims in @text (strict JSON: one object, no duplicate member), empty text: iss @role and a sub. Adds iat @now, exp and
 * a random jti where they are missing; iat, nbf and exp must be numbers, jti, iss and sub text. A new reference. */
cr_status tool_jwt_claims(struct cr_bytes text, const char *role, int64_t now, json_t **out, struct cr_err *err);

/* "HEADER.CLAIMS", what is signed; replaces @out. The header has alg, typ, kid, and x5t and x5t#S256 of @cert. */
cr_status tool_jwt_input(const struct tool_jwt_alg *alg, const char *kid, const struct role_cert *cert,
                         const json_t *claims, struct cr_buf *out, struct cr_err *err);
/* Appends ".SIGNATURE"; ECDSA's comes as DER and becomes r and s. */
cr_status tool_jwt_append(const struct tool_jwt_alg *alg, struct cr_bytes sig, struct cr_buf *token,
                          struct cr_err *err);

/* A token read and verified. */
struct tool_jwt {
    json_t *header, *claims;
    const json_t *jwk; /* borrowed from the set */
};
/* Verifies @token as a verifier does that trusts @set (RFC 7517): the key is the one of its kid, alg must be one of ours and
 * of that kind of key. Times are not looked at. CR_E_INVALID otherwise. Clear @out with tool_jwt_clear. */
cr_status tool_jwt_verify(struct cr_bytes token, const json_t *set, struct tool_jwt *out, struct cr_err *err);
void tool_jwt_clear(struct tool_jwt *jwt);

#endif
