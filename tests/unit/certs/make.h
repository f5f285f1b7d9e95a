/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, certificates and files made on the spot: no private key stands in the repository. Everything asserts. */
#ifndef MAKE_H
#define MAKE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/cr_bytes.h"

/* "RSA:2048", "RSA-PSS:2048", "EC:P-256", "ED25519"; the same text gives the same key within a run. Do not free. */
EVP_PKEY *make_key(const char *kind);
/* A key of @kind that no other call has. The caller frees. */
EVP_PKEY *make_new_key(const char *kind);

struct make_cert {
    const char *subject;  /* "/CN=x/O=y" without the first slash being special: "CN=x,DC=example,DC=org" in DER order */
    EVP_PKEY *key;        /* the subject's */
    const char *issuer;   /* NULL: self-signed */
    EVP_PKEY *issuer_key; /* NULL: key */
    const char *san;      /* value of subjectAltName, or NULL */
    const char *not_after; /* GeneralizedTime text, or NULL: a year from now */
    const char *serial;    /* hex, or NULL: 1 */
    bool ca;
};
X509 *make_x509(const struct make_cert *of);
void make_der(X509 *x, struct cr_buf *out);
/* Appends. @pass NULL: not encrypted. */
void make_pem_key(EVP_PKEY *key, const char *pass, struct cr_buf *out);
void make_pem_cert(X509 *x, struct cr_buf *out);

/* The OpenSSL error queue is empty, and @err says nothing of @secret. */
void assert_queue_empty(void);

#endif
