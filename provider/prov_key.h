/* SPDX-License-Identifier: Apache-2.0 */
/* The object behind an EVP_PKEY: a role's key, live or pinned; a role's public view; an imported public key; or a bare
 * curve (EC parameters). And what an operation is bound to from its init on: one certificate, one key. */
#ifndef PROV_KEY_H
#define PROV_KEY_H

#include "prov_pub.h"
#include "prov_role.h"
#include "roles/role_uri.h"

struct prov_key {
    unsigned refs; /* atomic */
    struct prov_ctx *ctx;
    enum tok_key_type type;
    bool priv;              /* its private key stands on a token */
    struct prov_role *role; /* NULL: imported */
    bool live;
    enum role_slot slot;    /* that a live key follows */
    struct role_cert *cert; /* as loaded; a pinned key's for ever */
    struct prov_pub *pub;   /* as loaded; NULL for a bare curve */
    const char *group;      /* of a bare curve; static */
    unsigned ceiling;       /* bits that a live RSA key may grow to */
    bool fresh;             /* on its way to OpenSSL, in the call that read the role: not asked again meanwhile */
};

struct prov_bound {
    struct prov_snap *snap; /* NULL: imported */
    struct role_cert *cert; /* NULL: imported */
    struct prov_pub *pub;
    struct tok_object *obj; /* NULL: not found yet */
};

/* Reads the role and picks certificate and public key; never contacts a token. The caller owns *out and *snap, what the
 * role was at that moment. */
cr_status prov_key_open(struct prov_ctx *ctx, const struct role_uri *uri, bool priv, struct prov_key **out,
                        struct prov_snap **snap, struct cr_err *err);
/* Finds and proves the private key that it has in @snap, and that of a scheduled next: what loading a key does. PINs that
 * the configuration wants typed are asked for by @pw first. */
cr_status prov_key_contact(struct prov_key *key, struct prov_snap *snap, OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg,
                           struct cr_err *err);
/* OpenSSL's name of the type. */
const char *prov_key_type_name(enum tok_key_type type);
/* Hands @key, whose reference is taken, to OpenSSL as its loaders and decoders do: cb's answer. */
int prov_key_give(struct prov_key *key, OSSL_CALLBACK *cb, void *arg);
/* An empty one for import. */
cr_status prov_key_new(struct prov_ctx *ctx, enum tok_key_type type, struct prov_key **out, struct cr_err *err);
struct prov_key *prov_key_ref(struct prov_key *key);
void prov_key_unref(struct prov_key **key);
/* A copy that stays with the certificate of this moment. */
cr_status prov_key_dup_pinned(struct prov_key *key, struct prov_key **out, struct cr_err *err);

/* The init of an operation: asks the role again, never the token. *out is replaced on success only. */
cr_status prov_key_bind(struct prov_key *key, struct prov_bound *out, struct cr_err *err);
void prov_bound_clear(struct prov_bound *bound);
/* @to is empty storage. */
void prov_bound_copy(const struct prov_bound *from, struct prov_bound *to);
/* The kid of what is bound; "" for an imported key. @out has room for 128. */
void prov_bound_kid(const struct prov_bound *bound, char out[128]);

/* The public key of this moment, or that of loading if the role cannot say. The caller owns it; NULL for a bare curve. */
struct prov_pub *prov_key_public(struct prov_key *key);
/* The longest signature it may ever make, in bytes. */
size_t prov_key_max_size(struct prov_key *key, const struct prov_pub *now);

/* The private operations of what is bound. */
cr_status prov_key_sign(struct prov_key *key, struct prov_bound *bound, const struct tok_mech *mech, struct cr_bytes in,
                        unsigned char *out, size_t size, size_t *n, struct cr_err *err);
cr_status prov_key_decrypt(struct prov_key *key, struct prov_bound *bound, const struct tok_mech *mech,
                           struct cr_bytes in, unsigned char *out, size_t size, size_t *n, struct cr_err *err);
cr_status prov_key_derive(struct prov_key *key, struct prov_bound *bound, struct cr_bytes peer, unsigned char *out,
                          size_t size, size_t *n, struct cr_err *err);

#endif
