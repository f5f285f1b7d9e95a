/* SPDX-License-Identifier: Apache-2.0 */
/* Private to certs/: everything a PKCS#12, PEM or DER file holds, in the order it stands there. */
#ifndef CERT_PILE_H
#define CERT_PILE_H

#include <openssl/x509.h>
#include <stdint.h>

#include "cert_bundle.h"

#define CERT_PILE_CERTS 16
#define CERT_PILE_KEYS  16
#define CERT_PILE_PASS  1024 /* bytes of a passphrase */

struct cert_pile {
    OSSL_LIB_CTX *ctx; /* with the default and, for PKCS#12, the legacy provider; owns the keys' implementations */
    OSSL_PROVIDER *base, *legacy;
    STACK_OF(X509) * certs;
    EVP_PKEY *keys[CERT_PILE_KEYS];
    size_t nkeys;
    uint64_t iterations; /* of key derivation, asked for so far (cert_kdf.h) */
    char *friendly_name;
};

/* The caller's storage, zeroed; clear it also after a failure. */
cr_status cert_pile_read(struct cr_bytes file, cert_pass_fn *pass, void *pass_arg, struct cert_pile *pile,
                         struct cr_err *err);
void cert_pile_clear(struct cert_pile *pile);
/* Forgets keys, certificates and name. */
void cert_pile_empty(struct cert_pile *pile);

/* cert_pile_pem.c. Blocks in any order, other text between them. */
cr_status cert_pile_pem(struct cr_bytes file, cert_pass_fn *pass, void *pass_arg, struct cert_pile *pile,
                        struct cr_err *err);
/* cert_pile_p12.c. CR_E_PIN when no passphrase opens it. */
cr_status cert_pile_p12(struct cr_bytes file, cert_pass_fn *pass, void *pass_arg, struct cert_pile *pile,
                        struct cr_err *err);
bool cert_is_p12(struct cr_bytes file);
cr_status cert_pile_add_key(struct cert_pile *pile, EVP_PKEY *key, struct cr_err *err); /* takes @key */
cr_status cert_pile_add_cert(struct cert_pile *pile, X509 *cert,
                             struct cr_err *err); /* takes @cert; a second copy is dropped */

#endif
