/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_keymgmt.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "prov_legacy.h"
#include "prov_params.h"

static struct prov_key *changeable(const void *vkey)
{
    return (struct prov_key *)(uintptr_t)vkey;
}

void *prov_keymgmt_load(const void *reference, size_t size)
{
    struct prov_key *key, **slot;

    if (reference == NULL || size != sizeof key)
        return NULL;
    slot = (struct prov_key **)(uintptr_t)reference;
    key = *slot;
    *slot = NULL;
    return key;
}

void prov_keymgmt_free(void *vkey)
{
    struct prov_key *key = vkey;

    prov_key_unref(&key);
}

static void *dup_curve(struct prov_key *key)
{
    struct prov_key *copy = NULL;

    if (key->type != TOK_KEY_EC || cr_failed(prov_key_new(key->ctx, key->type, &copy, NULL)))
        return NULL;
    copy->group = key->group != NULL || key->pub == NULL ? key->group : prov_pub_group(key->pub);
    return copy;
}

void *prov_keymgmt_dup(const void *vkey, int selection)
{
    struct prov_key *key = changeable(vkey), *copy = NULL;
    struct cr_err err = {0};

    if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0)
        return dup_curve(key);
    if (cr_failed(prov_key_dup_pinned(key, &copy, &err)))
        (void)prov_raise(&key->ctx->core, &err);
    else if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0)
        copy->priv = false;
    return copy;
}

int prov_keymgmt_has(const void *vkey, int selection)
{
    const struct prov_key *key = vkey;

    if (key == NULL)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && !key->priv)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 && key->pub == NULL)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0 && key->type == TOK_KEY_EC)
        return key->pub != NULL || key->group != NULL;
    return 1;
}

static bool same_curve(const struct prov_key *a, const struct prov_key *b, const struct prov_pub *pa,
                       const struct prov_pub *pb)
{
    const char *ga = pa != NULL ? prov_pub_group(pa) : a->group, *gb = pb != NULL ? prov_pub_group(pb) : b->group;

    return ga != NULL && gb != NULL && strcmp(ga, gb) == 0;
}

int prov_keymgmt_match(const void *va, const void *vb, int selection)
{
    struct prov_key *a = changeable(va), *b = changeable(vb);
    struct prov_pub *pa = prov_key_public(a), *pb = prov_key_public(b);
    int same = a->type == b->type;

    if (same && (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0)
        same = pa != NULL && pb != NULL && tok_key_same_public(&pa->key, &pb->key);
    if (same && (selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0 && a->type == TOK_KEY_EC)
        same = same_curve(a, b, pa, pb);
    prov_pub_unref(&pa);
    prov_pub_unref(&pb);
    return same;
}

/* The numbers were checked when they came in; the private key was proven against them. */
int prov_keymgmt_validate(const void *vkey, int selection, int type)
{
    (void)type;
    return prov_keymgmt_has(vkey, selection);
}

static int set_text(OSSL_PARAM params[], const char *name, const char *value)
{
    OSSL_PARAM *p = OSSL_PARAM_locate(params, name);

    return p == NULL || OSSL_PARAM_set_utf8_string(p, value) == 1;
}

static int set_identity(struct prov_key *key, OSSL_PARAM params[])
{
    struct prov_bound b = {0};
    char kid[128];
    int good;

    if (OSSL_PARAM_locate(params, PROV_PARAM_KID) == NULL && OSSL_PARAM_locate(params, PROV_PARAM_THUMBPRINT) == NULL)
        return 1;
    if (key->role == NULL || cr_failed(prov_key_bind(key, &b, NULL)))
        return 0;
    prov_bound_kid(&b, kid);
    good = set_text(params, PROV_PARAM_KID, kid) && set_text(params, PROV_PARAM_THUMBPRINT, b.cert->thumbprint);
    prov_bound_clear(&b);
    return good;
}

/* Of a bare curve. */
static int curve_params(const struct prov_key *key, OSSL_PARAM params[])
{
    return key->group == NULL || set_text(params, OSSL_PKEY_PARAM_GROUP_NAME, key->group);
}

/* What OpenSSL asks for at each load, or at each signature without a digest's name (Ed25519), and nothing else? A key of
 * ours has a default digest, which the inner provider calls the same, or a mandatory one: none, "". */
static bool asked_often(struct prov_key *key, const struct prov_pub *pub, OSSL_PARAM params[])
{
    bool ed = key->type == TOK_KEY_ED25519;
    bool good = true;

    for (OSSL_PARAM *p = params; p->key != NULL && good; p++) {
        if (strcmp(p->key, OSSL_PKEY_PARAM_BITS) == 0)
            good = OSSL_PARAM_set_int(p, pub->bits) == 1;
        else if (strcmp(p->key, OSSL_PKEY_PARAM_SECURITY_BITS) == 0)
            good = OSSL_PARAM_set_int(p, pub->security_bits) == 1;
        else if (strcmp(p->key, OSSL_PKEY_PARAM_MAX_SIZE) == 0)
            good = OSSL_PARAM_set_size_t(p, prov_key_max_size(key, pub)) == 1;
        else if (strcmp(p->key, OSSL_PKEY_PARAM_DEFAULT_DIGEST) == 0)
            good = ed || OSSL_PARAM_set_utf8_string(p, "SHA256") == 1;
        else if (strcmp(p->key, OSSL_PKEY_PARAM_MANDATORY_DIGEST) == 0)
            good = !ed || OSSL_PARAM_set_utf8_string(p, "") == 1;
        else
            good = strcmp(p->key, "security-category") == 0; /* 3.5; no key of our types has one */
    }
    return good;
}

/* What is the same for each key that a live one can follow to: no reason to look at the role. */
static bool digests_alone(const OSSL_PARAM params[])
{
    while (params->key != NULL && (strcmp(params->key, OSSL_PKEY_PARAM_DEFAULT_DIGEST) == 0 ||
                                   strcmp(params->key, OSSL_PKEY_PARAM_MANDATORY_DIGEST) == 0))
        params++;
    return params->key == NULL;
}

int prov_keymgmt_get_params(void *vkey, OSSL_PARAM params[])
{
    struct prov_key *key = vkey;
    struct prov_pub *pub = digests_alone(params) ? prov_pub_ref(key->pub) : prov_key_public(key);
    OSSL_PARAM *size;
    int good;

    if (pub == NULL)
        return curve_params(key, params);
    if (asked_often(key, pub, params)) {
        prov_pub_unref(&pub);
        return 1;
    }
    (void)ERR_set_mark();
    good = EVP_PKEY_get_params(pub->pkey, params) == 1;
    (void)ERR_pop_to_mark();
    size = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_MAX_SIZE);
    if (good && size != NULL)
        good = OSSL_PARAM_set_size_t(size, prov_key_max_size(key, pub)) == 1;
    prov_pub_unref(&pub);
    if (good && key->type == TOK_KEY_ED25519) /* OpenSSL 3.0 does not say so itself: no digest goes with this key */
        good = set_text(params, OSSL_PKEY_PARAM_MANDATORY_DIGEST, "");
    return good && set_identity(key, params);
}

static int import_curve(struct prov_key *key, const OSSL_PARAM params[])
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
    const char *group = NULL;

    if (p == NULL || OSSL_PARAM_get_utf8_string_ptr(p, &group) != 1)
        return 0;
    key->group = prov_group_name(group);
    return key->group != NULL;
}

/* The same without a private number; the caller frees the array alone. */
static OSSL_PARAM *without_private(const OSSL_PARAM params[])
{
    OSSL_PARAM *copy;
    size_t n = 0, kept = 0;

    while (params[n].key != NULL)
        n++;
    if ((copy = calloc(n + 1, sizeof *copy)) == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(params[i].key, OSSL_PKEY_PARAM_PRIV_KEY) != 0)
            copy[kept++] = params[i];
    }
    copy[kept] = params[n];
    return copy;
}

/* Public keys alone; of the peer in a key agreement, which EVP hands over whole (Node's key pairs), the public half. */
int prov_keymgmt_import(void *vkey, const char *name, int selection, const OSSL_PARAM params[])
{
    struct prov_key *key = vkey;
    EVP_PKEY_CTX *pctx = NULL;
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *copy = NULL;
    int good = 0;

    if (key->pub != NULL || OSSL_PARAM_locate_const(params, PROV_PARAM_KEPT) != NULL ||
        (key->type != TOK_KEY_EC && OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY) != NULL) ||
        OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_D) != NULL)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0)
        return key->type == TOK_KEY_EC && import_curve(key, params);
    (void)ERR_set_mark();
    copy = without_private(params);
    pctx = EVP_PKEY_CTX_new_from_name(prov_ctx_inner(key->ctx), name, NULL);
    if (copy != NULL && pctx != NULL && EVP_PKEY_fromdata_init(pctx) == 1 &&
        EVP_PKEY_fromdata(pctx, &pkey, EVP_PKEY_PUBLIC_KEY, copy) == 1)
        good = !cr_failed(prov_pub_import(pkey, &key->pub, NULL));
    (void)ERR_pop_to_mark();
    free(copy);
    EVP_PKEY_CTX_free(pctx);
    return good;
}

/* With a mark for our own import, in another instance of ours: the public half must not pass for the key there. @pinned is
 * NULL where the key may not sign, for it is revoked. */
static int give_marked(struct prov_key *pinned, OSSL_PARAM *params, OSSL_CALLBACK *cb, void *arg)
{
    char mark[] = "1";
    OSSL_PARAM extra[] = {OSSL_PARAM_construct_utf8_string(PROV_PARAM_KEPT, mark, 0), OSSL_PARAM_construct_end()};
    OSSL_PARAM *merged = OSSL_PARAM_merge(params, extra);
    int good = merged != NULL && (pinned != NULL ? prov_legacy_give(pinned, merged, cb, arg) : cb(merged, arg));

    OPENSSL_free(merged); /* points into both */
    return good;
}

static int export_curve(const struct prov_key *key, int selection, OSSL_CALLBACK *cb, void *arg)
{
    OSSL_PARAM curve[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)key->group, 0),
        OSSL_PARAM_construct_end()};

    return key->group != NULL && (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0 && cb(curve, arg);
}

int prov_keymgmt_export(void *vkey, int selection, OSSL_CALLBACK *cb, void *arg)
{
    struct prov_key *key = vkey, *pinned = NULL;
    struct prov_pub *pub;
    OSSL_PARAM *params = NULL;
    bool whole = (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
    int good = 0;

    if (whole && (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0)
        return 0;
    /* EVP_PKEY_eq, and nothing else, asks for exactly these, and EVP would keep the answer for ever: after a roll the old
     * public key would still be equal. Refused, it has the other key imported here and asks match(). */
    if (key->live && selection == (OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS))
        return 0;
    selection &= ~OSSL_KEYMGMT_SELECT_PRIVATE_KEY;
    if (whole && key->priv)
        cr_ignore(prov_key_dup_pinned(key, &pinned, NULL));
    pub = prov_key_public(pinned != NULL ? pinned : key);
    if (pub == NULL)
        return export_curve(key, selection, cb, arg);
    if (EVP_PKEY_todata(pub->pkey, selection, &params) == 1)
        good = whole && key->priv ? give_marked(pinned, params, cb, arg) : cb(params, arg);
    OSSL_PARAM_free(params);
    prov_pub_unref(&pub);
    prov_key_unref(&pinned);
    return good;
}
