/* SPDX-License-Identifier: Apache-2.0 */
/* What a certificate says, as text and numbers: thumbprints, names, dates, key. */
#ifndef CERT_FACTS_H
#define CERT_FACTS_H

#include <openssl/types.h>
#include <stdint.h>

#include "pkcs11/tok_key.h"

struct cert_facts {
    char thumbprint[65];           /* SHA-256 of the DER, lower-case hex: identity */
    char sha1[41];                 /* SHA-1 of the DER, lower-case hex */
    char spki[65];                 /* SHA-256 of the key's SubjectPublicKeyInfo DER, canonical form */
    char jkt[44];                  /* RFC 7638 thumbprint of the public JWK, SHA-256, base64url */
    char *subject, *issuer;        /* RFC 2253 (RFC 4514) text, UTF-8, controls escaped */
    char *serial;                  /* lower-case hex, no sign, no leading zeros but "00" */
    int64_t not_before, not_after; /* CR_TIME_NEVER for 99991231235959Z (RFC 5280 4.1.2.5) */
    char key_text[32];             /* "rsa:2048", "ec:P-256", "ec:P-384", "ec:P-521", "ed25519" */
    struct tok_key key;            /* public numbers and CKA_ID */
    struct cr_buf subject_der, issuer_der, serial_der; /* for the token's certificate object (serial: DER INTEGER) */
};

/* Parses one DER certificate, nothing behind it. CR_E_INVALID when it is not one, CR_E_UNSUPPORTED for a key we do not
 * handle (naming it). @ctx NULL is the default library context. Clear @out with cert_facts_clear. */
cr_status cert_facts_read(OSSL_LIB_CTX *ctx, struct cr_bytes der, struct cert_facts *out, struct cr_err *err);
void cert_facts_clear(struct cert_facts *facts);

/* The key's identity, facts' spki: one key is one hash, however a certificate encodes it. */
cr_status cert_key_hash(const struct tok_key *key, char out[65], struct cr_err *err);

/* Does a dNSName SAN, a subject CN, or a subject DC sequence contain @domain (itself or a subdomain of it)? */
bool cert_has_domain(OSSL_LIB_CTX *ctx, struct cr_bytes der, const char *domain);

/* Issued and signed by its own key: a root, or a certificate of an admin's own making. */
bool cert_is_self_signed(OSSL_LIB_CTX *ctx, struct cr_bytes der);

#endif
