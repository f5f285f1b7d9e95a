/* SPDX-License-Identifier: Apache-2.0 */
/* ECDH by the token, with the X9.63 key derivation that CMS asks for done on the host. */
#include <errno.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "prov_algs.h"
#include "prov_key.h"

#define SECRET_MAX 66

struct exchange {
    struct prov_ctx *ctx;
    struct prov_key *key;
    struct prov_bound bound;
    struct prov_pub *peer;
    bool kdf; /* X963KDF */
    char md[32];
    size_t kdf_len;
    struct cr_buf ukm;
};

static void *new_ctx(void *provctx)
{
    struct exchange *x = calloc(1, sizeof *x);

    if (x != NULL)
        x->ctx = provctx;
    return x;
}

static void free_ctx(void *vx)
{
    struct exchange *x = vx;

    if (x == NULL)
        return;
    prov_bound_clear(&x->bound);
    prov_key_unref(&x->key);
    prov_pub_unref(&x->peer);
    cr_buf_clear(&x->ukm);
    free(x);
}

static void *dup_ctx(void *vx)
{
    const struct exchange *from = vx;
    struct exchange *to = new_ctx(from->ctx);

    if (to == NULL)
        return NULL;
    to->key = prov_key_ref(from->key);
    prov_bound_copy(&from->bound, &to->bound);
    to->peer = prov_pub_ref(from->peer);
    to->kdf = from->kdf;
    memcpy(to->md, from->md, sizeof to->md);
    to->kdf_len = from->kdf_len;
    if (cr_failed(cr_buf_set(&to->ukm, from->ukm.p, from->ukm.n, NULL))) {
        free_ctx(to);
        return NULL;
    }
    return to;
}

static int refuse(const struct exchange *x, enum cr_code code, const char *sentence)
{
    struct cr_err err = {0};

    cr_ignore(cr_fail(&err, code, "%s", sentence));
    return prov_raise(&x->ctx->core, &err);
}

/* The cofactor of our curves is 1: both modes are the same. */
static int set_params(void *vx, const OSSL_PARAM params[])
{
    struct exchange *x = vx;
    const OSSL_PARAM *p;
    const char *name = NULL;
    char *md = x->md;

    if (params == NULL)
        return 1;
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);
    if (p != NULL) {
        if (OSSL_PARAM_get_utf8_string_ptr(p, &name) != 1)
            return 0;
        if (name[0] != '\0' && strcmp(name, OSSL_KDF_NAME_X963KDF) != 0)
            return refuse(x, CR_E_UNSUPPORTED, "this key derivation is not supported: X963KDF is");
        x->kdf = name[0] != '\0';
    }
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST);
    if (p != NULL && OSSL_PARAM_get_utf8_string(p, &md, sizeof x->md) != 1)
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN);
    if (p != NULL && OSSL_PARAM_get_size_t(p, &x->kdf_len) != 1)
        return 0;
    p = OSSL_PARAM_locate_const(params, OSSL_EXCHANGE_PARAM_KDF_UKM);
    return p == NULL ||
           (p->data_type == OSSL_PARAM_OCTET_STRING && !cr_failed(cr_buf_set(&x->ukm, p->data, p->data_size, NULL)));
}

static int get_params(void *vx, OSSL_PARAM params[])
{
    const struct exchange *x = vx;
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_TYPE);

    if (p != NULL && OSSL_PARAM_set_utf8_string(p, x->kdf ? OSSL_KDF_NAME_X963KDF : "") != 1)
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE);
    if (p != NULL && OSSL_PARAM_set_int(p, 0) != 1)
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_DIGEST);
    if (p != NULL && OSSL_PARAM_set_utf8_string(p, x->md) != 1)
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_OUTLEN);
    if (p != NULL && OSSL_PARAM_set_size_t(p, x->kdf_len) != 1)
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_EXCHANGE_PARAM_KDF_UKM);
    return p == NULL || OSSL_PARAM_set_octet_ptr(p, x->ukm.p, x->ukm.n) == 1;
}

static const OSSL_PARAM *settable(void *vx, void *provctx)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST_PROPS, NULL, 0),
        OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
        OSSL_PARAM_octet_string(OSSL_EXCHANGE_PARAM_KDF_UKM, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)vx;
    (void)provctx;
    return known;
}

static const OSSL_PARAM *gettable(void *vx, void *provctx)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_int(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, NULL),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_DIGEST, NULL, 0),
        OSSL_PARAM_size_t(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, NULL),
        OSSL_PARAM_DEFN(OSSL_EXCHANGE_PARAM_KDF_UKM, OSSL_PARAM_OCTET_PTR, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)vx;
    (void)provctx;
    return known;
}

static int init(void *vx, void *vkey, const OSSL_PARAM params[])
{
    struct exchange *x = vx;
    struct prov_key *key = vkey != NULL ? vkey : x->key;
    struct cr_err err = {0};
    int saved = errno, good = 1;

    if (key == NULL || key->type != TOK_KEY_EC)
        return refuse(x, CR_E_USAGE, "no EC key was given");
    if (cr_failed(prov_key_bind(key, &x->bound, &err))) {
        good = prov_raise(&x->ctx->core, &err);
    } else {
        (void)prov_key_ref(key);
        prov_key_unref(&x->key);
        x->key = key;
        prov_pub_unref(&x->peer);
    }
    errno = saved;
    return good && set_params(x, params);
}

static int set_peer(void *vx, void *vpeer)
{
    struct exchange *x = vx;
    struct prov_pub *pub = vpeer != NULL ? prov_key_public(vpeer) : NULL;

    if (pub == NULL || x->bound.pub == NULL || !prov_pub_same_kind(pub, x->bound.pub)) {
        prov_pub_unref(&pub);
        return refuse(x, CR_E_INVALID, "the peer's key is not on the curve of ours");
    }
    prov_pub_unref(&x->peer);
    x->peer = pub;
    return 1;
}

static int apply_kdf(struct exchange *x, struct cr_bytes secret, unsigned char *out)
{
    EVP_KDF *kdf = EVP_KDF_fetch(prov_ctx_inner(x->ctx), OSSL_KDF_NAME_X963KDF, NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, x->md, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret.p, secret.n),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, x->ukm.p, x->ukm.n),
        OSSL_PARAM_construct_end(),
    };
    int good = ctx != NULL && EVP_KDF_derive(ctx, out, x->kdf_len, params) == 1;

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return good;
}

static int derive(void *vx, unsigned char *out, size_t *n, size_t size)
{
    struct exchange *x = vx;
    unsigned char secret[SECRET_MAX];
    struct cr_err err = {0};
    size_t want, len = 0;
    int saved = errno, good = 1;

    if (x->bound.pub == NULL || x->peer == NULL)
        return refuse(x, CR_E_USAGE, "key or peer's key is missing");
    if (x->kdf && (x->kdf_len == 0 || x->md[0] == '\0'))
        return refuse(x, CR_E_USAGE, "the key derivation needs a digest and a length");
    want = x->kdf ? x->kdf_len : (x->bound.pub->key.bits + 7) / 8;
    if (out == NULL) {
        *n = want;
        return 1;
    }
    if (size < want)
        return refuse(x, CR_E_SIZE, "the buffer is too small for the secret");
    if (cr_failed(
            prov_key_derive(x->key, &x->bound, cr_buf_bytes(&x->peer->key.point), secret, sizeof secret, &len, &err)))
        good = prov_raise(&x->ctx->core, &err);
    else if (x->kdf && !apply_kdf(x, cr_bytes(secret, len), out))
        good = refuse(x, CR_E_INTERNAL, "the key derivation failed");
    else if (!x->kdf && len != want)
        good = refuse(x, CR_E_TOKEN, "the secret has another length than the curve");
    else if (!x->kdf)
        memcpy(out, secret, len);
    if (good)
        *n = want;
    cr_cleanse(secret, sizeof secret);
    errno = saved;
    return good;
}

const OSSL_DISPATCH prov_exch_ecdh[] = {
    {OSSL_FUNC_KEYEXCH_NEWCTX, (void (*)(void))new_ctx},
    {OSSL_FUNC_KEYEXCH_FREECTX, (void (*)(void))free_ctx},
    {OSSL_FUNC_KEYEXCH_DUPCTX, (void (*)(void))dup_ctx},
    {OSSL_FUNC_KEYEXCH_INIT, (void (*)(void))init},
    {OSSL_FUNC_KEYEXCH_SET_PEER, (void (*)(void))set_peer},
    {OSSL_FUNC_KEYEXCH_DERIVE, (void (*)(void))derive},
    {OSSL_FUNC_KEYEXCH_GET_CTX_PARAMS, (void (*)(void))get_params},
    {OSSL_FUNC_KEYEXCH_GETTABLE_CTX_PARAMS, (void (*)(void))gettable},
    {OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS, (void (*)(void))set_params},
    {OSSL_FUNC_KEYEXCH_SETTABLE_CTX_PARAMS, (void (*)(void))settable},
    {0, NULL},
};
