/* SPDX-License-Identifier: Apache-2.0 */
/* The C_ calls with a private key: exactly C_SignInit and C_Sign (or C_DecryptInit and C_Decrypt), with C_Login in between
 * where the key wants that (tok_login.h), into a buffer that is large enough, never a length query. */
#ifndef TOK_CRYPTO_H
#define TOK_CRYPTO_H

#include "tok_session.h"

#define TOK_OUT_MAX 2048 /* RSA up to 16384 bits */

/* @out has room for @size; too little is CR_E_SIZE before any call. */
cr_status tok_crypto_sign(struct tok_session *ses, CK_OBJECT_HANDLE obj, const struct tok_key *pub,
                          const struct tok_mech *mech, struct cr_bytes in, unsigned char *out, size_t size, size_t *n,
                          struct cr_err *err);
cr_status tok_crypto_decrypt(struct tok_session *ses, CK_OBJECT_HANDLE obj, const struct tok_key *pub,
                             const struct tok_mech *mech, struct cr_bytes in, unsigned char *out, size_t size,
                             size_t *n, struct cr_err *err);
/* C_DeriveKey has no Init, so that there is no place for a login of its own: CKA_ALWAYS_AUTHENTICATE is of signing and
 * decrypting. */
cr_status tok_crypto_derive(struct tok_session *ses, CK_OBJECT_HANDLE obj, const struct tok_key *pub,
                            struct cr_bytes point, unsigned char *out, size_t size, size_t *n, struct cr_err *err);

/* Length of a signature; 0 when @pub cannot do @op. */
size_t tok_crypto_size(const struct tok_key *pub, enum tok_op op);

#endif
