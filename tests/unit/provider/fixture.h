/* SPDX-License-Identifier: Apache-2.0 */
/* A SoftHSM token, a state directory and an openssl.cnf of the test's own, made by the tools in a scratch directory; and
 * changes to roles written as the tools write them. OPENSSL_CONF names the provider from then on. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "roles/role_change.h"
#include "stores/store.h"

struct fixture {
    char dir[64];
    struct store *store;
};

extern struct fixture fx;

/* cmocka group setup and teardown. Certificates with their keys stand in the roles RsaA, RsaB, EcA, EcB, EdA, EdB, P384,
 * Rsa3 (3072 bits), all of use token. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* The certificate entry that role @name has as current. The caller owns it. */
struct role_cert *fixture_cert(const char *name);
/* Writes the change of @name that @intent says; force, use token and policy are filled in. */
void fixture_change(const char *name, struct role_intent intent);
void fixture_assign(const char *name, struct role_cert *cert);
void fixture_roll(const char *name, struct role_cert *cert, int64_t effective);
void fixture_revoke(const char *name, const char *spki);

/* A library context of its own with the default provider and ours, which reads the file @conf of the lab. */
struct fixture_instance {
    OSSL_LIB_CTX *ctx;
    OSSL_PROVIDER *base, *ours;
};
struct fixture_instance fixture_load(const char *conf);
void fixture_unload(struct fixture_instance *in);

/* The private key or first certificate behind a URI; NULL when loading fails. */
EVP_PKEY *fixture_key(OSSL_LIB_CTX *ctx, const char *uri);
/* A public key in the default provider, from the certificate. */
EVP_PKEY *fixture_public(const struct role_cert *cert);
/* One-shot digest signature with SHA-256 (none for Ed25519); *n in: room, out: length. The kid goes to @kid (128). */
int fixture_sign(EVP_PKEY *key, const void *data, size_t data_n, unsigned char *sig, size_t *n, char *kid);
int fixture_verify(EVP_PKEY *pub, const void *data, size_t data_n, const unsigned char *sig, size_t n);
/* Is @part in the text of the errors on the queue? Clears it. */
bool fixture_error_has(const char *part);
int64_t fixture_now(void);
int64_t fixture_clock_ms(void); /* monotonic */

#endif
