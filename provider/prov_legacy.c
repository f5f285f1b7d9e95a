/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that the structures need are deprecated since OpenSSL 3.0, as are the programs that this is for. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "prov_legacy.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>

#include "prov_algs.h"
#include "prov_lock.h"

#define SECRET_MAX 66
#define POINT_MAX  (1 + 2 * SECRET_MAX)

/* Behind one structure or its copies. */
struct legacy {
    unsigned refs;        /* atomic */
    struct prov_key *key; /* prov_lock; NULL: the instance is gone */
    struct legacy *next;  /* prov_lock */
};

static struct {
    RSA_METHOD *rsa; /* NULL: could not be made */
    EC_KEY_METHOD *ec;
    int rsa_index, ec_index; /* of struct legacy among what a structure carries */
} ours = {.rsa_index = -1, .ec_index = -1};

static struct {
    unsigned users; /* exports under way */
    unsigned epoch; /* of prov_fork_epoch: a child has none of its parent's */
    const RSA_METHOD *rsa;
    const EC_KEY_METHOD *ec;
} before; /* prov_lock: the default methods, while ours stand in their place */

static struct legacy *all; /* prov_lock */
static _Thread_local struct legacy *exporting;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct legacy *legacy_ref(struct legacy *l)
{
    __atomic_add_fetch(&l->refs, 1, __ATOMIC_RELAXED);
    return l;
}

static void legacy_unref(struct legacy *l)
{
    struct legacy **at = &all;

    if (l == NULL || __atomic_sub_fetch(&l->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    prov_lock();
    while (*at != NULL && *at != l)
        at = &(*at)->next;
    if (*at != NULL)
        *at = l->next;
    prov_unlock();
    prov_key_unref(&l->key);
    free(l);
}

static struct legacy *legacy_new(struct prov_key *key)
{
    struct legacy *l = calloc(1, sizeof *l);

    if (l == NULL)
        return NULL;
    l->refs = 1;
    l->key = prov_key_ref(key);
    prov_lock();
    l->next = all;
    all = l;
    prov_unlock();
    return l;
}

/* The key behind a structure, for one operation. */
static struct prov_key *take_key(struct legacy *l)
{
    struct prov_key *key = NULL;

    if (l == NULL)
        return NULL;
    prov_lock();
    key = prov_key_ref(l->key);
    prov_unlock();
    return key;
}

/* A key of @ctx, away from its structure; NULL: there is none left. */
static struct prov_key *detach(const struct prov_ctx *ctx)
{
    struct prov_key *key = NULL;

    prov_lock();
    for (struct legacy *l = all; l != NULL && key == NULL; l = l->next) {
        if (l->key != NULL && l->key->ctx == ctx) {
            key = l->key;
            l->key = NULL;
        }
    }
    prov_unlock();
    return key;
}

void prov_legacy_forget(const struct prov_ctx *ctx)
{
    struct prov_key *key;

    while ((key = detach(ctx)) != NULL)
        prov_key_unref(&key);
}

static const OSSL_DISPATCH *entry(const OSSL_DISPATCH *table, int id)
{
    while (table->function_id != 0 && table->function_id != id)
        table++;
    return table;
}

/* By the functions that OpenSSL calls itself; the length, or -1. */
static int sign(struct prov_key *key, const OSSL_DISPATCH *table, const OSSL_PARAM params[], struct cr_bytes in,
                unsigned char *out, size_t size)
{
    void *ctx = OSSL_FUNC_signature_newctx(entry(table, OSSL_FUNC_SIGNATURE_NEWCTX))(key->ctx, NULL);
    size_t n = 0;
    int good = ctx != NULL &&
               OSSL_FUNC_signature_sign_init(entry(table, OSSL_FUNC_SIGNATURE_SIGN_INIT))(ctx, key, params) &&
               OSSL_FUNC_signature_sign(entry(table, OSSL_FUNC_SIGNATURE_SIGN))(ctx, out, &n, size, in.p, in.n);

    OSSL_FUNC_signature_freectx(entry(table, OSSL_FUNC_SIGNATURE_FREECTX))(ctx);
    return good ? (int)n : -1;
}

static int decrypt(struct prov_key *key, const OSSL_PARAM params[], struct cr_bytes in, unsigned char *out, size_t size)
{
    const OSSL_DISPATCH *t = prov_cipher_rsa;
    void *ctx = OSSL_FUNC_asym_cipher_newctx(entry(t, OSSL_FUNC_ASYM_CIPHER_NEWCTX))(key->ctx);
    size_t n = 0;
    int good = ctx != NULL &&
               OSSL_FUNC_asym_cipher_decrypt_init(entry(t, OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT))(ctx, key, params) &&
               OSSL_FUNC_asym_cipher_decrypt(entry(t, OSSL_FUNC_ASYM_CIPHER_DECRYPT))(ctx, out, &n, size, in.p, in.n);

    OSSL_FUNC_asym_cipher_freectx(entry(t, OSSL_FUNC_ASYM_CIPHER_FREECTX))(ctx);
    return good ? (int)n : -1;
}

static int rsa_private(int n, const unsigned char *from, unsigned char *to, RSA *rsa, int padding, bool signs)
{
    struct prov_key *key = take_key(RSA_get_ex_data(rsa, ours.rsa_index));
    OSSL_PARAM params[] = {OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_PAD_MODE, &padding), OSSL_PARAM_construct_end()};
    struct cr_bytes in = cr_bytes(from, (size_t)n);
    size_t size = (size_t)RSA_size(rsa);
    int got = -1;

    if (key != NULL && n >= 0)
        got = signs ? sign(key, prov_sig_rsa, params, in, to, size) : decrypt(key, params, in, to, size);
    prov_key_unref(&key);
    return got;
}

static int rsa_encrypt(int n, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
    return rsa_private(n, from, to, rsa, padding, true);
}

static int rsa_decrypt(int n, const unsigned char *from, unsigned char *to, RSA *rsa, int padding)
{
    return rsa_private(n, from, to, rsa, padding, false);
}

static int ec_sign(int type, const unsigned char *digest, int n, unsigned char *out, unsigned *len, const BIGNUM *kinv,
                   const BIGNUM *r, EC_KEY *ec)
{
    struct prov_key *key = take_key(EC_KEY_get_ex_data(ec, ours.ec_index));
    int got = -1;

    (void)type;
    if (key != NULL && n >= 0 && kinv == NULL && r == NULL)
        got = sign(key, prov_sig_ecdsa, NULL, cr_bytes(digest, (size_t)n), out, (size_t)ECDSA_size(ec));
    prov_key_unref(&key);
    *len = got > 0 ? (unsigned)got : 0;
    return got > 0;
}

static ECDSA_SIG *ec_sign_numbers(const unsigned char *digest, int n, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
    unsigned char der[2 * SECRET_MAX + 16];
    const unsigned char *p = der;
    unsigned len = 0;

    if (ECDSA_size(ec) > (int)sizeof der || !ec_sign(0, digest, n, der, &len, kinv, r, ec))
        return NULL;
    return d2i_ECDSA_SIG(NULL, &p, (long)len);
}

static int derive(struct prov_key *key, struct cr_bytes peer, unsigned char *out, size_t *n)
{
    struct prov_bound bound = {0};
    struct cr_err err = {0};
    cr_status st = prov_key_bind(key, &bound, &err);
    int good = 1;

    if (!cr_failed(st))
        st = prov_key_derive(key, &bound, peer, out, SECRET_MAX, n, &err);
    if (cr_failed(st))
        good = prov_raise(&key->ctx->core, &err);
    prov_bound_clear(&bound);
    return good;
}

static int ec_derive(unsigned char **out, size_t *n, const EC_POINT *peer, const EC_KEY *ec)
{
    struct prov_key *key = take_key(EC_KEY_get_ex_data(ec, ours.ec_index));
    unsigned char point[POINT_MAX], secret[SECRET_MAX];
    size_t point_n =
        EC_POINT_point2oct(EC_KEY_get0_group(ec), peer, POINT_CONVERSION_UNCOMPRESSED, point, sizeof point, NULL);
    int good = key != NULL && point_n > 0 && derive(key, cr_bytes(point, point_n), secret, n) &&
               (*out = OPENSSL_memdup(secret, *n)) != NULL;

    cr_cleanse(secret, sizeof secret);
    prov_key_unref(&key);
    return good;
}

/* Of each structure made while our method is the default: a program's own gets the method that it would have had. */
static int rsa_init(RSA *rsa)
{
    int (*init)(RSA *) = RSA_meth_get_init(RSA_PKCS1_OpenSSL());
    const RSA_METHOD *theirs = __atomic_load_n(&before.rsa, __ATOMIC_ACQUIRE);

    if (RSA_get_method(rsa) != ours.rsa) /* of a program that copied ours */
        return 1;
    if (exporting == NULL) { /* with our method's flags, by now */
        RSA_clear_flags(rsa, RSA_FLAG_EXT_PKEY & ~RSA_meth_get_flags(theirs));
        return RSA_set_method(rsa, theirs);
    }
    if (init != NULL && init(rsa) != 1)
        return 0;
    if (RSA_set_ex_data(rsa, ours.rsa_index, legacy_ref(exporting)) == 1)
        return 1;
    legacy_unref(exporting);
    return 0;
}

static int ec_init(EC_KEY *ec)
{
    if (EC_KEY_get_method(ec) != ours.ec)
        return 1;
    if (exporting == NULL)
        return EC_KEY_set_method(ec, __atomic_load_n(&before.ec, __ATOMIC_ACQUIRE));
    if (EC_KEY_set_ex_data(ec, ours.ec_index, legacy_ref(exporting)) == 1)
        return 1;
    legacy_unref(exporting);
    return 0;
}

static void carried_free(void *parent, void *carried, CRYPTO_EX_DATA *data, int index, long n, void *arg)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)n;
    (void)arg;
    legacy_unref(carried);
}

static int carried_dup(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **carried, int index, long n, void *arg)
{
    (void)to;
    (void)from;
    (void)index;
    (void)n;
    (void)arg;
    if (*carried != NULL)
        (void)legacy_ref(*carried);
    return 1;
}

static void make_rsa(void)
{
    RSA_METHOD *rsa = RSA_meth_dup(RSA_PKCS1_OpenSSL());

    ours.rsa_index = RSA_get_ex_new_index(0, NULL, NULL, carried_dup, carried_free);
    if (rsa == NULL || ours.rsa_index < 0 || RSA_meth_set1_name(rsa, "certroll") != 1) {
        RSA_meth_free(rsa);
        return;
    }
    (void)RSA_meth_set_priv_enc(rsa, rsa_encrypt);
    (void)RSA_meth_set_priv_dec(rsa, rsa_decrypt);
    (void)RSA_meth_set_init(rsa, rsa_init);
    /* what tells a program that asks: a private key, though it shows no private number */
    (void)RSA_meth_set_flags(rsa, RSA_meth_get_flags(rsa) | RSA_FLAG_EXT_PKEY);
    ours.rsa = rsa;
}

static void make_ec(void)
{
    EC_KEY_METHOD *ec = EC_KEY_METHOD_new(EC_KEY_OpenSSL());

    ours.ec_index = EC_KEY_get_ex_new_index(0, NULL, NULL, carried_dup, carried_free);
    if (ec == NULL || ours.ec_index < 0) {
        EC_KEY_METHOD_free(ec);
        return;
    }
    EC_KEY_METHOD_set_init(ec, ec_init, NULL, NULL, NULL, NULL, NULL); /* OpenSSL's own has none */
    EC_KEY_METHOD_set_sign(ec, ec_sign, NULL, ec_sign_numbers);
    EC_KEY_METHOD_set_compute_key(ec, ec_derive);
    ours.ec = ec;
}

static void make(void)
{
    make_rsa();
    make_ec();
}

static void methods_begin(void)
{
    const RSA_METHOD *rsa;
    const EC_KEY_METHOD *ec;

    prov_lock();
    if (before.epoch != prov_fork_epoch()) {
        before.epoch = prov_fork_epoch();
        before.users = 0;
    }
    if (before.users++ == 0) { /* ours already: left by a fork in the middle, or kept by a program */
        if ((rsa = RSA_get_default_method()) != ours.rsa)
            __atomic_store_n(&before.rsa, rsa, __ATOMIC_RELEASE);
        if ((ec = EC_KEY_get_default_method()) != ours.ec)
            __atomic_store_n(&before.ec, ec, __ATOMIC_RELEASE);
        if (ours.rsa != NULL)
            RSA_set_default_method(ours.rsa);
        if (ours.ec != NULL)
            EC_KEY_set_default_method(ours.ec);
    }
    prov_unlock();
}

/* Unless the program has set another meanwhile. */
static void methods_end(void)
{
    prov_lock();
    if (--before.users == 0) {
        if (RSA_get_default_method() == ours.rsa)
            RSA_set_default_method(before.rsa);
        if (EC_KEY_get_default_method() == ours.ec)
            EC_KEY_set_default_method(before.ec);
    }
    prov_unlock();
}

int prov_legacy_give(struct prov_key *pinned, const OSSL_PARAM params[], OSSL_CALLBACK *cb, void *arg)
{
    struct legacy *outer = exporting, *l;
    int good;

    (void)pthread_once(&once, make);
    if ((l = legacy_new(pinned)) == NULL)
        return 0;
    exporting = l;
    methods_begin();
    good = cb(params, arg);
    methods_end();
    exporting = outer;
    legacy_unref(l);
    return good;
}
