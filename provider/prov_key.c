/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_key.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "common/cr_log.h"
#include "prov_token.h"

struct prov_key *prov_key_ref(struct prov_key *key)
{
    if (key != NULL)
        __atomic_add_fetch(&key->refs, 1, __ATOMIC_RELAXED);
    return key;
}

void prov_key_unref(struct prov_key **pkey)
{
    struct prov_key *key = *pkey;

    *pkey = NULL;
    if (key == NULL || __atomic_sub_fetch(&key->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    role_cert_unref(&key->cert);
    prov_pub_unref(&key->pub);
    free(key);
}

cr_status prov_key_new(struct prov_ctx *ctx, enum tok_key_type type, struct prov_key **out, struct cr_err *err)
{
    struct prov_key *key = calloc(1, sizeof *key);

    if (key == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    key->refs = 1;
    key->ctx = ctx;
    key->type = type;
    *out = key;
    return cr_ok();
}

static struct role_cert *by_thumbprint(const struct role_view *view, const char *thumbprint)
{
    struct role_cert *const slots[] = {view->current, view->previous, view->next};

    if (strlen(thumbprint) == 64)
        return role_view_find(view, thumbprint);
    for (size_t i = 0; i < CR_COUNT(slots); i++) {
        if (slots[i] != NULL && strcmp(slots[i]->sha1, thumbprint) == 0)
            return slots[i];
    }
    return NULL;
}

static cr_status slot_cert(const struct prov_snap *snap, enum role_slot slot, struct role_cert **out,
                           struct cr_err *err)
{
    *out = role_view_slot(&snap->view, slot);
    if (*out != NULL)
        return cr_ok();
    if (slot == ROLE_CURRENT)
        return role_view_why_empty(snap->rec, &snap->view, err);
    return cr_fail(err, CR_E_EMPTY, "role %s has no %s certificate", snap->rec->name, role_slot_text(slot));
}

static cr_status uri_cert(const struct prov_snap *snap, const struct role_uri *uri, struct role_cert **out,
                          struct cr_err *err)
{
    if (uri->thumbprint[0] == '\0')
        return slot_cert(snap, uri->slot, out, err);
    *out = by_thumbprint(&snap->view, uri->thumbprint);
    if (*out == NULL)
        return cr_fail(err, CR_E_NOT_FOUND, "role %s holds no certificate with the thumbprint %s", snap->rec->name,
                       uri->thumbprint);
    return cr_ok();
}

cr_status prov_key_open(struct prov_ctx *ctx, const struct role_uri *uri, bool priv, struct prov_key **out,
                        struct prov_snap **psnap, struct cr_err *err)
{
    struct prov_snap *snap = NULL;
    struct role_cert *cert = NULL;
    struct prov_role *role = NULL;
    struct prov_key *key = NULL;
    struct prov_pub *pub = NULL;
    cr_status st;

    if (cr_failed(st = prov_token_outside(err)) || cr_failed(st = prov_ctx_usable(ctx, err)) ||
        cr_failed(st = prov_role_open(ctx, uri->role, &role, err)) ||
        cr_failed(st = prov_role_take(ctx, role, &snap, err)) || cr_failed(st = uri_cert(snap, uri, &cert, err)) ||
        cr_failed(st = prov_pub_get(ctx, cert, &pub, err)) ||
        cr_failed(st = prov_key_new(ctx, pub->key.type, &key, err)))
        goto out;
    key->priv = priv;
    key->role = role;
    key->live = (uri->has_bind ? uri->bind : snap->rec->binding) == ROLE_BIND_LIVE && uri->thumbprint[0] == '\0';
    key->slot = uri->slot;
    key->cert = role_cert_ref(cert);
    key->pub = pub;
    pub = NULL;
    key->ceiling = snap->rec->max_rsa_bits > key->pub->key.bits ? snap->rec->max_rsa_bits : key->pub->key.bits;
    *out = key;
    *psnap = snap;
    snap = NULL;
out:
    prov_snap_unref(&snap);
    prov_pub_unref(&pub);
    return st;
}

static void check_next(struct prov_key *key, const struct prov_snap *snap)
{
    struct role_cert *next = snap->view.next;
    struct tok_object *obj = NULL;
    struct prov_pub *pub = NULL;
    struct cr_err why = {0};
    cr_status st = prov_pub_get(key->ctx, next, &pub, &why);

    if (!cr_failed(st))
        st = prov_pub_find(key->ctx, pub, next, &obj, &why);
    if (cr_failed(st))
        cr_log(CR_LOG_WARNING, "role %s: the key of its next certificate cannot be used yet: %s", snap->rec->name,
               why.text);
    if (obj != NULL)
        key->ctx->signer->ops->object_unref(&obj);
    prov_pub_unref(&pub);
}

/* Whoever first sees a next finds and checks its key; a failure is said now, days before it would hurt. */
static void look_at_next(struct prov_key *key, const struct prov_snap *snap)
{
    if (prov_role_first_sight(key->role, snap))
        check_next(key, snap);
}

/* The bound key's object, asking the token if nobody did. */
static cr_status need_object(struct prov_key *key, struct prov_bound *bound, struct cr_err *err)
{
    cr_status st;

    if (!key->priv || bound->cert == NULL) /* not CR_E_UNSUPPORTED: that is the token's word, and remembered */
        return cr_fail(err, CR_E_USAGE, "a public key cannot do this");
    if (bound->obj == NULL)
        bound->obj = prov_pub_known(bound->pub, bound->cert);
    if (bound->obj != NULL)
        return cr_ok();
    st = prov_pub_find(key->ctx, bound->pub, bound->cert, &bound->obj, err);
    return cr_failed(st) ? cr_prefix(err, st, "role %s", prov_role_name(key->role)) : st;
}

/* May a live key go on with @pub? */
static cr_status check_follow(const struct prov_key *key, const struct prov_pub *pub, struct cr_err *err)
{
    const char *role = prov_role_name(key->role);

    if (!prov_pub_same_kind(key->pub, pub))
        return cr_fail(err, CR_E_REFUSED, "role %s has another type of key now: reload the key", role);
    if (pub->key.type == TOK_KEY_RSA && pub->key.bits > key->ceiling)
        return cr_fail(err, CR_E_REFUSED,
                       "role %s has a %u-bit key now, more than the %u bits of loading: reload the key", role,
                       pub->key.bits, key->ceiling);
    return cr_ok();
}

/* To what the role is in b->snap. */
static cr_status bind_snap(struct prov_key *key, struct prov_bound *b, struct cr_err *err)
{
    struct role_cert *cert = key->cert;
    cr_status st;

    if (key->live && cr_failed(st = slot_cert(b->snap, key->slot, &cert, err)))
        return st;
    if (role_record_revoked(b->snap->rec, cert->spki))
        return cr_fail(err, CR_E_REVOKED, "role %s: the key of the certificate %.16s is revoked", b->snap->rec->name,
                       cert->thumbprint);
    if (strcmp(cert->spki, key->cert->spki) == 0)
        b->pub = prov_pub_ref(key->pub);
    else if (cr_failed(st = prov_pub_get(key->ctx, cert, &b->pub, err)) ||
             cr_failed(st = check_follow(key, b->pub, err)))
        return st;
    b->cert = role_cert_ref(cert);
    if (key->priv)
        b->obj = prov_pub_known(b->pub, cert);
    return cr_ok();
}

/* The PINs of all tokens that may hold the key of @cert. */
static cr_status ask_pins(struct prov_ctx *ctx, const struct role_cert *cert, OSSL_PASSPHRASE_CALLBACK *pw,
                          void *pw_arg, struct cr_err *err)
{
    cr_status st = cr_ok();

    for (size_t i = 0; i < ctx->conf->ntokens && !cr_failed(st); i++) {
        bool may = false;

        for (size_t j = 0; ctx->pins[i].kind == CONF_PIN_PROMPT && j < cert->nlocations && !may; j++)
            may = tok_may_hold(ctx->tokens, i, cert->locations[j]);
        if (may)
            st = prov_pin_ask(&ctx->pins[i], pw, pw_arg, err);
    }
    return st;
}

/* As far as is known here. A fork or a lost token voids it. */
static bool still_found(const struct prov_ctx *ctx, struct tok_object *obj)
{
    return obj != NULL && ctx->signer->ops->ready(obj);
}

cr_status prov_key_contact(struct prov_key *key, struct prov_snap *snap, OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg,
                           struct cr_err *err)
{
    struct prov_bound bound = {.snap = prov_snap_ref(snap)};
    cr_status st;

    if (cr_failed(st = bind_snap(key, &bound, err)))
        goto out;
    if (cr_failed(st = ask_pins(key->ctx, bound.cert, pw, pw_arg, err))) {
        st = cr_prefix(err, st, "role %s", prov_role_name(key->role));
        goto out;
    }
    if (bound.snap->view.next != NULL)
        cr_ignore(ask_pins(key->ctx, bound.snap->view.next, pw, pw_arg, NULL));
    if (!still_found(key->ctx, bound.obj)) {
        if (bound.obj != NULL)
            key->ctx->signer->ops->object_unref(&bound.obj);
        st = prov_pub_find(key->ctx, bound.pub, bound.cert, &bound.obj, err);
    }
    if (cr_failed(st))
        st = cr_prefix(err, st, "role %s", prov_role_name(key->role));
    else
        look_at_next(key, bound.snap);
out:
    prov_bound_clear(&bound);
    return st;
}

cr_status prov_key_dup_pinned(struct prov_key *key, struct prov_key **out, struct cr_err *err)
{
    struct prov_bound bound = {0};
    struct prov_key *copy = NULL;
    cr_status st;

    if (cr_failed(st = prov_key_new(key->ctx, key->type, &copy, err)))
        return st;
    if (key->pub != NULL && cr_failed(st = prov_key_bind(key, &bound, err))) {
        prov_key_unref(&copy);
        return st;
    }
    copy->priv = key->priv;
    copy->role = key->role;
    copy->slot = key->slot;
    copy->ceiling = key->ceiling;
    copy->group = key->group;
    copy->cert = role_cert_ref(bound.cert);
    copy->pub = prov_pub_ref(bound.pub);
    prov_bound_clear(&bound);
    *out = copy;
    return st;
}

void prov_bound_clear(struct prov_bound *bound)
{
    if (bound->obj != NULL)
        bound->pub->ops->object_unref(&bound->obj);
    prov_snap_unref(&bound->snap);
    role_cert_unref(&bound->cert);
    prov_pub_unref(&bound->pub);
}

void prov_bound_copy(const struct prov_bound *from, struct prov_bound *to)
{
    to->snap = prov_snap_ref(from->snap);
    to->cert = role_cert_ref(from->cert);
    to->pub = prov_pub_ref(from->pub);
    to->obj = from->obj != NULL ? from->pub->ops->object_ref(from->obj) : NULL;
}

void prov_bound_kid(const struct prov_bound *bound, char out[128])
{
    out[0] = '\0';
    if (bound->snap != NULL)
        role_kid(bound->snap->rec->kid_format, bound->cert, out);
}

static cr_status bind_role(struct prov_key *key, struct prov_bound *b, struct cr_err *err)
{
    cr_status st = prov_role_take(key->ctx, key->role, &b->snap, err);

    return cr_failed(st) ? st : bind_snap(key, b, err);
}

cr_status prov_key_bind(struct prov_key *key, struct prov_bound *out, struct cr_err *err)
{
    struct prov_bound b = {0};
    cr_status st = cr_ok();

    if (key->pub == NULL)
        return cr_fail(err, CR_E_INVALID, "the key is empty");
    if (key->role != NULL)
        st = bind_role(key, &b, err);
    else
        b.pub = prov_pub_ref(key->pub);
    if (cr_failed(st)) {
        prov_bound_clear(&b);
        return st;
    }
    prov_bound_clear(out);
    *out = b;
    return st;
}

static char type_names[][8] = {[TOK_KEY_RSA] = "RSA", [TOK_KEY_EC] = "EC", [TOK_KEY_ED25519] = "ED25519"};

const char *prov_key_type_name(enum tok_key_type type)
{
    return type_names[type];
}

int prov_key_give(struct prov_key *key, OSSL_CALLBACK *cb, void *arg)
{
    struct prov_key *ref = prov_key_ref(key);
    int type = OSSL_OBJECT_PKEY, good;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, type_names[key->type], 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &ref, sizeof ref),
        OSSL_PARAM_construct_end(),
    };

    key->fresh = true; /* nobody else has it yet */
    good = cb(params, arg);
    key->fresh = false;
    prov_key_unref(&ref); /* NULL when it was taken */
    prov_key_unref(&key);
    return good;
}

struct prov_pub *prov_key_public(struct prov_key *key)
{
    struct prov_bound b = {0};
    struct prov_pub *pub;

    if (key->pub == NULL || !key->live || key->fresh || cr_failed(prov_key_bind(key, &b, NULL)))
        return prov_pub_ref(key->pub);
    pub = prov_pub_ref(b.pub);
    prov_bound_clear(&b);
    return pub;
}

size_t prov_key_max_size(struct prov_key *key, const struct prov_pub *now)
{
    if (key->live && key->type == TOK_KEY_RSA)
        return (key->ceiling + 7) / 8;
    return prov_pub_size(now);
}

/* After an operation: a key that is gone is looked for again next time, and a new next is looked at. */
static cr_status done(struct prov_key *key, struct prov_bound *bound, cr_status st, struct cr_err *err)
{
    if (!cr_failed(st)) {
        look_at_next(key, bound->snap);
        return st;
    }
    if (st.code == CR_E_NOT_FOUND || st.code == CR_E_TOKEN)
        prov_pub_forget(bound->pub, bound->obj);
    return cr_prefix(err, st, "role %s", prov_role_name(key->role));
}

cr_status prov_key_sign(struct prov_key *key, struct prov_bound *bound, const struct tok_mech *mech, struct cr_bytes in,
                        unsigned char *out, size_t size, size_t *n, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = need_object(key, bound, err)))
        return st;
    st = prov_token_sign(key->ctx, bound->obj, mech, in, out, size, n, err);
    return done(key, bound, st, err);
}

cr_status prov_key_decrypt(struct prov_key *key, struct prov_bound *bound, const struct tok_mech *mech,
                           struct cr_bytes in, unsigned char *out, size_t size, size_t *n, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = need_object(key, bound, err)))
        return st;
    st = prov_token_decrypt(key->ctx, bound->obj, mech, in, out, size, n, err);
    return done(key, bound, st, err);
}

cr_status prov_key_derive(struct prov_key *key, struct prov_bound *bound, struct cr_bytes peer, unsigned char *out,
                          size_t size, size_t *n, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = need_object(key, bound, err)))
        return st;
    st = prov_token_derive(key->ctx, bound->obj, peer, out, size, n, err);
    return done(key, bound, st, err);
}
