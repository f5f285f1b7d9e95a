/* SPDX-License-Identifier: Apache-2.0 */
/* Public keys, and the private keys found for them: the key cache, by SPKI hash and location, whatever role or slot asks.
 * Cached ones live as long as the provider instance; imported ones belong to their holders. The numbers never change. */
#ifndef PROV_PUB_H
#define PROV_PUB_H

#include "certs/cert_key.h"
#include "prov_ctx.h"
#include "roles/role_record.h"

struct prov_found; /* a private key found at a certificate's locations */

struct prov_pub {
    unsigned refs; /* atomic; the cache holds one */
    struct prov_pub *next;
    char spki[65]; /* "" when imported */
    struct tok_key key;
    EVP_PKEY *pkey;          /* of the inner library context */
    int bits, security_bits; /* as it says */
    struct cert_probe probe; /* both, for proving a private key; outlives the found ones */
    const struct tok_signer_ops *ops;
    struct prov_found *found; /* prov_lock */
    unsigned lacks;           /* atomic: what the token cannot do, lack_bit */
};

/* The public key of @cert, parsed at first sight; never contacts a token. The caller owns *out. */
cr_status prov_pub_get(struct prov_ctx *ctx, const struct role_cert *cert, struct prov_pub **out, struct cr_err *err);
/* Takes @pkey (public, of the inner context), also on failure. */
cr_status prov_pub_import(EVP_PKEY *pkey, struct prov_pub **out, struct cr_err *err);
struct prov_pub *prov_pub_ref(struct prov_pub *pub);
void prov_pub_unref(struct prov_pub **pub);
void prov_pubs_free(struct prov_ctx *ctx);

/* A private key already found by @cert's locations, or NULL. Never contacts a token. The caller
 * owns it. */
struct tok_object *prov_pub_known(struct prov_pub *pub, const struct role_cert *cert);
/* Finds and proves the private key at one of the locations. The caller owns *out. */
cr_status prov_pub_find(struct prov_ctx *ctx, struct prov_pub *pub, struct role_cert *cert, struct tok_object **out,
                        struct cr_err *err);
/* @obj failed: the next user looks again. */
void prov_pub_forget(struct prov_pub *pub, const struct tok_object *obj);

/* Has the token refused this padding before? Then it is done on the host around a raw operation; and raw decryption, if
 * that was refused, is asked for no more. */
bool prov_pub_lacks(const struct prov_pub *pub, const struct tok_mech *mech);
void prov_pub_mark_lack(struct prov_pub *pub, const struct tok_mech *mech);

/* Do both have one type, and one curve? */
bool prov_pub_same_kind(const struct prov_pub *a, const struct prov_pub *b);
/* OpenSSL's name of an EC key's curve, or of the curve called @name; static, NULL when it is none of ours. */
const char *prov_pub_group(const struct prov_pub *pub);
const char *prov_group_name(const char *name);
/* The longest signature of this key. */
size_t prov_pub_size(const struct prov_pub *pub);

#endif
