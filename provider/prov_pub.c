/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_pub.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <stdlib.h>
#include <string.h>

#include "certs/cert_facts.h"
#include "certs/cert_key.h"
#include "prov_lock.h"
#include "prov_token.h"

struct prov_found {
    struct prov_found *next;
    struct role_cert *cert; /* whose locations it was found by */
    struct tok_object *obj;
};

struct prov_pub *prov_pub_ref(struct prov_pub *pub)
{
    if (pub != NULL)
        __atomic_add_fetch(&pub->refs, 1, __ATOMIC_RELAXED);
    return pub;
}

static void found_free(const struct tok_signer_ops *ops, struct prov_found *found)
{
    if (found == NULL)
        return;
    if (found->obj != NULL)
        ops->object_unref(&found->obj);
    role_cert_unref(&found->cert);
    free(found);
}

void prov_pub_unref(struct prov_pub **ppub)
{
    struct prov_pub *pub = *ppub;

    *ppub = NULL;
    if (pub == NULL || __atomic_sub_fetch(&pub->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    for (struct prov_found *f = pub->found, *next; f != NULL; f = next) {
        next = f->next;
        found_free(pub->ops, f);
    }
    tok_key_clear(&pub->key);
    EVP_PKEY_free(pub->pkey);
    free(pub);
}

void prov_pubs_free(struct prov_ctx *ctx)
{
    struct prov_pub *pub;

    while ((pub = ctx->pubs) != NULL) {
        ctx->pubs = pub->next;
        prov_pub_unref(&pub);
    }
}

static struct prov_pub *cached(const struct prov_ctx *ctx, const char *spki)
{
    struct prov_pub *pub;

    prov_lock();
    pub = ctx->pubs;
    while (pub != NULL && strcmp(pub->spki, spki) != 0)
        pub = pub->next;
    prov_pub_ref(pub);
    prov_unlock();
    return pub;
}

static void take_pkey(struct prov_pub *pub, EVP_PKEY *pkey)
{
    pub->pkey = pkey;
    pub->bits = EVP_PKEY_get_bits(pkey);
    pub->security_bits = EVP_PKEY_get_security_bits(pkey);
}

static cr_status parse(struct prov_ctx *ctx, const struct role_cert *cert, struct prov_pub **out, struct cr_err *err)
{
    struct prov_pub *pub = calloc(1, sizeof *pub);
    OSSL_LIB_CTX *inner = prov_ctx_inner(ctx);
    struct cert_facts facts = {0};
    EVP_PKEY *pkey = NULL;
    cr_status st;

    if (pub == NULL || inner == NULL) {
        free(pub);
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    pub->refs = 1;
    pub->ops = ctx->signer->ops;
    if (cr_failed(st = cert_facts_read(inner, cr_buf_bytes(&cert->leaf), &facts, err)))
        goto out;
    pub->key = facts.key;
    facts.key = (struct tok_key){0};
    memcpy(pub->spki, facts.spki, sizeof pub->spki);
    if (strcmp(facts.spki, cert->spki) != 0)
        st = cr_fail(err, CR_E_INVALID, "the record's key hash is not the certificate's (%.16s)", cert->thumbprint);
    else if (!cr_failed(st = cert_key_to_pkey(inner, &pub->key, &pkey, err)))
        take_pkey(pub, pkey);
    pub->probe = (struct cert_probe){inner, pub->pkey};
out:
    cert_facts_clear(&facts);
    if (cr_failed(st))
        prov_pub_unref(&pub);
    else
        *out = pub;
    return st;
}

cr_status prov_pub_get(struct prov_ctx *ctx, const struct role_cert *cert, struct prov_pub **out, struct cr_err *err)
{
    struct prov_pub *pub = cached(ctx, cert->spki);
    cr_status st;

    if (pub == NULL) {
        if (cr_failed(st = parse(ctx, cert, &pub, err)))
            return st;
        /* Two threads at first sight: a second entry of the same key does no harm, the newest answers. */
        prov_lock();
        pub->next = ctx->pubs;
        ctx->pubs = prov_pub_ref(pub);
        prov_unlock();
    }
    *out = pub;
    return cr_ok();
}

cr_status prov_pub_import(EVP_PKEY *pkey, struct prov_pub **out, struct cr_err *err)
{
    struct prov_pub *pub = calloc(1, sizeof *pub);
    cr_status st;

    if (pub == NULL) {
        EVP_PKEY_free(pkey);
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    pub->refs = 1;
    take_pkey(pub, pkey);
    if (cr_failed(st = cert_key_from_pkey(pkey, &pub->key, err)))
        prov_pub_unref(&pub);
    else
        *out = pub;
    return st;
}

static bool same_locations(const struct role_cert *a, const struct role_cert *b)
{
    bool same = a->nlocations == b->nlocations;

    for (size_t i = 0; a != b && same && i < a->nlocations; i++)
        same = strcmp(a->locations[i], b->locations[i]) == 0;
    return same;
}

struct tok_object *prov_pub_known(struct prov_pub *pub, const struct role_cert *cert)
{
    struct tok_object *obj = NULL;

    prov_lock();
    for (struct prov_found *f = pub->found; f != NULL && obj == NULL; f = f->next) {
        if (same_locations(f->cert, cert))
            obj = pub->ops->object_ref(f->obj);
    }
    prov_unlock();
    return obj;
}

/* Replaces what stood for these locations. Without memory the key is simply looked for again. */
static void remember(struct prov_pub *pub, struct role_cert *cert, struct tok_object *obj)
{
    struct prov_found *fresh = calloc(1, sizeof *fresh), **at, *gone = NULL;

    if (fresh == NULL)
        return;
    fresh->cert = role_cert_ref(cert);
    fresh->obj = pub->ops->object_ref(obj);
    prov_lock();
    for (at = &pub->found; *at != NULL && !same_locations((*at)->cert, cert); at = &(*at)->next)
        continue;
    gone = *at;
    fresh->next = gone != NULL ? gone->next : NULL;
    *at = fresh;
    prov_unlock();
    found_free(pub->ops, gone);
}

void prov_pub_forget(struct prov_pub *pub, const struct tok_object *obj)
{
    struct prov_found **at, *gone = NULL;

    prov_lock();
    for (at = &pub->found; *at != NULL && (*at)->obj != obj; at = &(*at)->next)
        continue;
    if (*at != NULL) {
        gone = *at;
        *at = gone->next;
    }
    prov_unlock();
    found_free(pub->ops, gone);
}

cr_status prov_pub_find(struct prov_ctx *ctx, struct prov_pub *pub, struct role_cert *cert, struct tok_object **out,
                        struct cr_err *err)
{
    cr_status st;

    if (cert->nlocations == 0)
        return cr_fail(err, CR_E_NOT_FOUND, "the certificate %.16s names no private key", cert->thumbprint);
    st = prov_token_find(ctx, cert, &pub->key, &pub->probe, out, err);
    if (!cr_failed(st))
        remember(pub, cert, *out);
    return st;
}

static unsigned lack_bit(const struct tok_mech *mech)
{
    unsigned first = mech->op == TOK_SIGN_RSA_PSS ? 0 : mech->op == TOK_DECRYPT_RSA_OAEP ? 8 : 16; /* 16: raw */

    return 1u << (first + (unsigned)mech->hash);
}

bool prov_pub_lacks(const struct prov_pub *pub, const struct tok_mech *mech)
{
    return (__atomic_load_n(&pub->lacks, __ATOMIC_RELAXED) & lack_bit(mech)) != 0;
}

void prov_pub_mark_lack(struct prov_pub *pub, const struct tok_mech *mech)
{
    (void)__atomic_fetch_or(&pub->lacks, lack_bit(mech), __ATOMIC_RELAXED);
}

bool prov_pub_same_kind(const struct prov_pub *a, const struct prov_pub *b)
{
    return a->key.type == b->key.type && (a->key.type != TOK_KEY_EC || cr_bytes_equal(cr_buf_bytes(&a->key.ec_params),
                                                                                      cr_buf_bytes(&b->key.ec_params)));
}

const char *prov_group_name(const char *name)
{
    static const struct {
        const char *group;
        int nid;
    } known[] = {{"prime256v1", NID_X9_62_prime256v1}, {"secp384r1", NID_secp384r1}, {"secp521r1", NID_secp521r1}};
    int nid = OBJ_sn2nid(name);

    if (nid == NID_undef)
        nid = EC_curve_nist2nid(name);
    for (size_t i = 0; i < CR_COUNT(known); i++) {
        if (known[i].nid == nid)
            return known[i].group;
    }
    return NULL;
}

const char *prov_pub_group(const struct prov_pub *pub)
{
    char name[64];

    if (pub->key.type != TOK_KEY_EC || EVP_PKEY_get_group_name(pub->pkey, name, sizeof name, NULL) != 1)
        return NULL;
    return prov_group_name(name);
}

size_t prov_pub_size(const struct prov_pub *pub)
{
    size_t number, body;

    switch (pub->key.type) {
    case TOK_KEY_RSA:
        return (pub->key.bits + 7) / 8;
    case TOK_KEY_ED25519:
        return 64;
    case TOK_KEY_EC: /* SEQUENCE of two INTEGERs, a zero byte in front where the top bit can be set */
        number = 2 + pub->key.bits / 8 + 1;
        body = 2 * number;
        return body + (body < 128 ? 2 : 3);
    }
    return 0;
}
