/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys in software: numbers <-> EVP_PKEY, verification of what a token signed, JWK members. */
#ifndef CERT_KEY_H
#define CERT_KEY_H

#include <openssl/types.h>

#include "pkcs11/tok_signer.h"

/* Numbers (with private parts when present) out of an EVP_PKEY. CR_E_UNSUPPORTED for other kinds. */
cr_status cert_key_from_pkey(const EVP_PKEY *pkey, struct tok_key *out, struct cr_err *err);
/* The CKA_ID of the public numbers: SHA-1 of the subjectPublicKey bits, as RFC 5280 4.2.1.2 method 1 and most tools have
 * it. */
cr_status cert_key_set_id(struct tok_key *key, struct cr_err *err);
/* A public EVP_PKEY in @ctx from numbers; the caller owns *out (EVP_PKEY_free). */
cr_status cert_key_to_pkey(OSSL_LIB_CTX *ctx, const struct tok_key *key, EVP_PKEY **out, struct cr_err *err);
/* The public key of a DER certificate; the caller owns *out. */
cr_status cert_pkey_of(OSSL_LIB_CTX *ctx, struct cr_bytes cert_der, EVP_PKEY **out, struct cr_err *err);
/* SubjectPublicKeyInfo DER of @key, replaced in @out. */
cr_status cert_key_spki(OSSL_LIB_CTX *ctx, const struct tok_key *key, struct cr_buf *out, struct cr_err *err);
/* "rsa:2048", "ec:P-256", "ed25519" for a public key's numbers; @out has room for 32. */
void cert_key_text(const struct tok_key *key, char out[32]);

/* A tok_verify_fn; @arg is an EVP_PKEY (public, of a software provider). For the default library context: tools. */
cr_status cert_verify_probe(void *arg, const struct tok_mech *mech, struct cr_bytes msg, struct cr_bytes sig,
                            struct cr_err *err);

/* The same for a private context: @arg is a struct cert_probe. EVP would fetch from the default context otherwise. */
struct cert_probe {
    OSSL_LIB_CTX *ctx;
    EVP_PKEY *pkey;
};
cr_status cert_verify_probe_in(void *arg, const struct tok_mech *mech, struct cr_bytes msg, struct cr_bytes sig,
                               struct cr_err *err);

/* r||s -> DER ECDSA-Sig-Value (RFC 3279 2.2.3) and back; @field_len bytes each. *n in: room, out: length. */
cr_status cert_ecdsa_to_der(struct cr_bytes rs, unsigned char *out, size_t size, size_t *n, struct cr_err *err);
cr_status cert_ecdsa_from_der(struct cr_bytes der, size_t field_len, struct cr_buf *out, struct cr_err *err);

/* The members of a public JWK (RFC 7518 6.2, 6.3, RFC 8037 2), base64url where the RFC says so; NULL where it has none. */
struct cert_jwk {
    const char *kty, *crv; /* static */
    const char *alg;       /* RS256, ES256, ES384, ES512, EdDSA: the default; static */
    char *n, *e, *x, *y;   /* owned */
};
cr_status cert_jwk_members(const struct tok_key *key, struct cert_jwk *out, struct cr_err *err);
void cert_jwk_clear(struct cert_jwk *jwk);
/* The public numbers of a JWK: kty, crv, n, e, x, y as they stand in one; alg is not looked at. CR_E_INVALID for what is
 * missing or no base64url, CR_E_UNSUPPORTED for another kind of key. Clear @out with tok_key_clear. */
cr_status cert_jwk_key(const struct cert_jwk *jwk, struct tok_key *out, struct cr_err *err);
/* RFC 7638, SHA-256, base64url: 43 characters. */
cr_status cert_jwk_thumbprint(const struct tok_key *key, char out[44], struct cr_err *err);

#endif
