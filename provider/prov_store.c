/* SPDX-License-Identifier: Apache-2.0 */
/* The loader of certroll: URIs: the leaf certificate, its chain, then the key. Certificates alone never contact a token;
 * loading the key does, so that a server is ready before it gives up its rights. */
#include <errno.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <openssl/store.h>
#include <stdlib.h>
#include <string.h>

#include "prov_algs.h"
#include "prov_find.h"
#include "prov_key.h"

struct loader {
    struct prov_ctx *ctx;
    struct role_uri uri;
    struct prov_key *key; /* leaf, chain and public key */
    struct prov_snap *snap;
    struct prov_find find;
    int expect; /* an OSSL_STORE_INFO_ type, or 0 */
    size_t at;  /* 0: leaf, 1...nchain: chain, then the key, then the end */
};

static void loader_free(struct loader *ld)
{
    prov_key_unref(&ld->key);
    prov_snap_unref(&ld->snap);
    prov_find_clear(&ld->find);
    free(ld);
}

static cr_status open_role(struct prov_ctx *ctx, const char *text, struct loader **out, struct cr_err *err)
{
    struct loader *ld = calloc(1, sizeof *ld);
    cr_status st;

    if (ld == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    ld->ctx = ctx;
    if (cr_failed(st = role_uri_parse(text, strnlen(text, ROLE_URI_MAX + 1), &ld->uri, err)) ||
        cr_failed(st = prov_key_open(ctx, &ld->uri, true, &ld->key, &ld->snap, err))) {
        loader_free(ld);
        return st;
    }
    *out = ld;
    return st;
}

static void *open_uri(void *provctx, const char *text)
{
    struct prov_ctx *ctx = provctx;
    struct loader *ld = NULL;
    struct cr_err err = {0};
    int saved = errno;

    if (cr_failed(open_role(ctx, text, &ld, &err)))
        (void)prov_raise(&ctx->core, &err);
    errno = saved;
    return ld;
}

static const OSSL_PARAM *settable(void *provctx)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
        OSSL_PARAM_octet_string(OSSL_STORE_PARAM_SUBJECT, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_STORE_PARAM_ISSUER, NULL, 0),
        OSSL_PARAM_BN(OSSL_STORE_PARAM_SERIAL, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_STORE_PARAM_FINGERPRINT, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_ALIAS, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_PROPERTIES, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return known;
}

static int set_params(void *vld, const OSSL_PARAM params[])
{
    struct loader *ld = vld;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);

    if (p != NULL && OSSL_PARAM_get_int(p, &ld->expect) != 1)
        return 0;
    if (p == params && params[1].key == NULL) /* as OSSL_STORE_expect asks */
        return 1;
    return prov_find_set(&ld->find, params);
}

static const struct cr_buf *cert_at(const struct loader *ld, size_t at)
{
    return at == 0 ? &ld->key->cert->leaf : &ld->key->cert->chain[at - 1];
}

/* Is item @at wanted? An expectation that we cannot serve is OpenSSL's to filter. */
static bool wanted(const struct loader *ld, size_t at)
{
    const struct role_cert *cert = ld->key->cert;
    bool is_key = at > cert->nchain;
    OSSL_LIB_CTX *inner = prov_ctx_inner(ld->ctx);

    if (is_key ? ld->uri.object == ROLE_OBJECT_CERT : ld->uri.object == ROLE_OBJECT_KEY)
        return false;
    if (is_key && ld->expect == OSSL_STORE_INFO_CERT)
        return false;
    if (!is_key && (ld->expect == OSSL_STORE_INFO_PKEY || ld->expect == OSSL_STORE_INFO_PUBKEY))
        return false;
    /* The key answers to what its certificate is called; but who looks for a certificate by its names, as a trust store
     * does (X509_LOOKUP_store fails on anything else), is not given one unasked. */
    if (is_key && ld->expect == 0 && prov_find_by_name(&ld->find))
        return false;
    if (is_key)
        at = 0;
    return prov_find_match(&ld->find, inner, ld->snap->rec, cert, at == 0, cr_buf_bytes(cert_at(ld, at)));
}

static size_t end_of(const struct loader *ld)
{
    return ld->key->cert->nchain + 2;
}

static void skip_unwanted(struct loader *ld)
{
    while (ld->at < end_of(ld) && !wanted(ld, ld->at))
        ld->at++;
}

static int give_cert(struct loader *ld, const struct cr_buf *der, OSSL_CALLBACK *cb, void *arg)
{
    int type = OSSL_OBJECT_CERT;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der->p, der->n),
        OSSL_PARAM_construct_end(),
    };

    (void)ld;
    return cb(params, arg);
}

static int give_key(struct loader *ld, OSSL_CALLBACK *cb, void *arg, OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    struct cr_err err = {0};

    if (ld->expect == OSSL_STORE_INFO_PUBKEY)
        ld->key->priv = false; /* verifies by the role, needs no token */
    else if (cr_failed(prov_key_contact(ld->key, ld->snap, pw, pw_arg, &err)))
        return prov_raise(&ld->ctx->core, &err);
    return prov_key_give(prov_key_ref(ld->key), cb, arg);
}

static int load(void *vld, OSSL_CALLBACK *cb, void *arg, OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    struct loader *ld = vld;
    int saved = errno, good;
    size_t at;

    skip_unwanted(ld);
    at = ld->at;
    if (at >= end_of(ld))
        return 0;
    ld->at++;
    good = at <= ld->key->cert->nchain ? give_cert(ld, cert_at(ld, at), cb, arg) : give_key(ld, cb, arg, pw, pw_arg);
    errno = saved;
    return good;
}

static int at_end(void *vld)
{
    struct loader *ld = vld;

    skip_unwanted(ld);
    return ld->at >= end_of(ld);
}

static int close_uri(void *vld)
{
    if (vld != NULL)
        loader_free(vld);
    return 1;
}

/* Exporting would make a copy of the key in another provider: there is none to make. */
static int export_object(void *vld, const void *ref, size_t size, OSSL_CALLBACK *cb, void *arg)
{
    (void)vld;
    (void)ref;
    (void)size;
    (void)cb;
    (void)arg;
    return 0;
}

const OSSL_DISPATCH prov_store[] = {
    {OSSL_FUNC_STORE_OPEN, (void (*)(void))open_uri},
    {OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, (void (*)(void))settable},
    {OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))set_params},
    {OSSL_FUNC_STORE_LOAD, (void (*)(void))load},
    {OSSL_FUNC_STORE_EOF, (void (*)(void))at_end},
    {OSSL_FUNC_STORE_CLOSE, (void (*)(void))close_uri},
    {OSSL_FUNC_STORE_EXPORT_OBJECT, (void (*)(void))export_object},
    {0, NULL},
};
