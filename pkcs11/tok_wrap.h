/* SPDX-License-Identifier: Apache-2.0 */
/* Getting an extractable private key out of a token. */
#ifndef TOK_WRAP_H
#define TOK_WRAP_H

#include "tok_local.h"

#define TOK_KEK 32 /* bytes of an AES-256 key */

/* The private key with CKA_ID @id, as PKCS#8 wrapped under @kek (TOK_KEK bytes, which become a session object for the time
 * of the call) by AES key wrap with padding (RFC 5649; some tokens pad as PKCS#7 and wrap by RFC 3394). Replaces *out.
 * CR_E_REFUSED when the key is not extractable, CR_E_UNSUPPORTED when the token cannot wrap it, CR_E_NOT_FOUND,
 * CR_E_AMBIGUOUS. */
cr_status tok_wrap(struct tok_local *loc, size_t token, struct cr_bytes id, struct cr_bytes kek, struct cr_buf *out,
                   struct cr_err *err);

#endif
