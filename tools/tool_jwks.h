/* SPDX-License-Identifier: Apache-2.0 */
/* The JWK set (RFC 7517) of roles as they stand. Pure but for a warning on stderr. */
#ifndef TOOL_JWKS_H
#define TOOL_JWKS_H

#include "tool_role.h"

/* One entry a public key of current, next and previous of @roles, in that order. x5c, x5t and x5t#S256 are those of the
 * key's newest certificate; kid is that of the slot named first, since that is what signatures carry now. alg is the
 * algorithm tokens are signed with by default (RS256 for RSA). Two keys with one kid: CR_E_REFUSED. A new reference. */
cr_status tool_jwks(const struct tool_role *roles, size_t n, json_t **out, struct cr_err *err);

/* Appends the base64url of a hex digest: what JOSE calls x5t (SHA-1) and x5t#S256 (SHA-256). */
cr_status tool_x5t(const char *hex, struct cr_buf *out, struct cr_err *err);

#endif
