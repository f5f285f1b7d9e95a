/* SPDX-License-Identifier: Apache-2.0 */
/* A SoftHSM token in a directory of its own, and keys by OpenSSL to put on it. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <openssl/evp.h>

#include "pkcs11/tok_local.h"

#define FIXTURE_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define FIXTURE_PIN    "87654321"

struct fixture {
    char dir[64];
    char conf[96]; /* SOFTHSM2_CONF, set in the environment too */
    struct tok_local *loc;
    struct tok_signer *signer;
};

/* Makes the token "unit"; ends the program with 77 (ctest: skipped) where SoftHSM is not installed, unless CI=true. */
void fixture_make(struct fixture *f);
/* Opens it; @conf may be NULL or override what is not zero in it. */
void fixture_open(struct fixture *f, const struct tok_conf *conf);
void fixture_close(struct fixture *f);
void fixture_remove(struct fixture *f); /* the files */

/* Threads of this process that have not gone yet: one that was joined or detached may be there for a while. */
unsigned fixture_threads(void);
/* Until there are no more than @most; ends the program when that takes a minute. */
void fixture_threads_wait(unsigned most);

/* Gives FIXTURE_PIN. */
tok_pin_fn fixture_pin;
/* A tok_verify_fn; @arg is the EVP_PKEY. */
tok_verify_fn fixture_verify;

/* "RSA:2048", "EC:P-256", "ED25519"; one key a name is made and kept in the program. */
EVP_PKEY *fixture_key(const char *name);
/* A fresh one; the caller frees. */
EVP_PKEY *fixture_key_fresh(const char *name);
/* All numbers; the id is the SHA-1 of the public key bits. Clear it with tok_key_clear. */
void fixture_numbers(EVP_PKEY *pkey, struct tok_key *out);
/* Imports @pkey; *location is the caller's. */
void fixture_import(struct fixture *f, EVP_PKEY *pkey, char **location);
/* The key at @location, proven with @pkey. The caller owns *out. */
cr_status fixture_find(struct fixture *f, const char *location, const struct tok_key *pub, EVP_PKEY *pkey,
                       struct tok_object **out, struct cr_err *err);
/* Signs 32 bytes by the plain mechanism of the key and verifies. */
cr_status fixture_sign_verify(struct fixture *f, struct tok_object *obj, EVP_PKEY *pkey, struct cr_err *err);

#endif
