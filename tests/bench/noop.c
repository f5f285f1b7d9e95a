/* SPDX-License-Identifier: Apache-2.0 */
#include "noop.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <stdlib.h>
#include <string.h>

struct key {
    struct ck_function_list *p11;
    ck_session_handle_t session;
    ck_object_handle_t object;
};

struct sig {
    struct key *key;
    EVP_MD_CTX *mdctx;
    const char *alg;
};

static EVP_MD *sha256;
static struct raw *next_raw; /* of the key that is made now */

static void *key_new(void *provctx)
{
    (void)provctx;
    return calloc(1, sizeof(struct key));
}

static void key_free(void *key)
{
    free(key);
}

static int key_has(const void *key, int selection)
{
    (void)selection;
    return key != NULL;
}

static int key_import(void *vkey, int selection, const OSSL_PARAM params[])
{
    struct key *key = vkey;

    (void)selection;
    (void)params;
    *key = (struct key){next_raw->p11, raw_session(next_raw), next_raw->key};
    return 1;
}

static const OSSL_PARAM *key_import_types(int selection)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_utf8_string("noop", NULL, 0), OSSL_PARAM_END};

    (void)selection;
    return types;
}

static int key_get(void *key, OSSL_PARAM params[])
{
    static const struct {
        const char *name;
        int value;
    } all[] = {{OSSL_PKEY_PARAM_BITS, 2048}, {OSSL_PKEY_PARAM_SECURITY_BITS, 112}, {OSSL_PKEY_PARAM_MAX_SIZE, 256}};

    (void)key;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        OSSL_PARAM *p = OSSL_PARAM_locate(params, all[i].name);

        if (p != NULL && OSSL_PARAM_set_int(p, all[i].value) != 1)
            return 0;
    }
    return 1;
}

static const OSSL_PARAM *key_gettable(void *provctx)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
                                       OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL), OSSL_PARAM_END};

    (void)provctx;
    return types;
}

static const char *rsa_name(int operation)
{
    (void)operation;
    return "NOOP-RSA";
}

static const char *ec_name(int operation)
{
    (void)operation;
    return "NOOP-EC";
}

static const char *ed_name(int operation)
{
    (void)operation;
    return "NOOP-ED";
}

typedef void (*fn)(void);
#define KEYMGMT(name, query)                                                                                           \
    static const OSSL_DISPATCH name[] = {{OSSL_FUNC_KEYMGMT_NEW, (fn)key_new},                                         \
                                         {OSSL_FUNC_KEYMGMT_FREE, (fn)key_free},                                       \
                                         {OSSL_FUNC_KEYMGMT_HAS, (fn)key_has},                                         \
                                         {OSSL_FUNC_KEYMGMT_IMPORT, (fn)key_import},                                   \
                                         {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (fn)key_import_types},                       \
                                         {OSSL_FUNC_KEYMGMT_GET_PARAMS, (fn)key_get},                                  \
                                         {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (fn)key_gettable},                        \
                                         {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (fn)query},                          \
                                         {0, NULL}}
KEYMGMT(rsa_keymgmt, rsa_name);
KEYMGMT(ec_keymgmt, ec_name);
KEYMGMT(ed_keymgmt, ed_name);

static void *sig_new(void *provctx, const char *propq)
{
    (void)provctx;
    (void)propq;
    return calloc(1, sizeof(struct sig));
}

static void sig_free(void *vsig)
{
    struct sig *sig = vsig;

    EVP_MD_CTX_free(sig->mdctx);
    free(sig);
}

static int digest_init(struct sig *sig, struct key *key, const char *alg)
{
    sig->key = key;
    sig->alg = alg;
    if (sig->mdctx == NULL)
        sig->mdctx = EVP_MD_CTX_new();
    return strcmp(alg, "ed25519") == 0 || EVP_DigestInit_ex2(sig->mdctx, sha256, NULL);
}

static int rsa_init(void *sig, const char *md, void *key, const OSSL_PARAM params[])
{
    (void)md;
    (void)params;
    return digest_init(sig, key, "rsa");
}

static int ec_init(void *sig, const char *md, void *key, const OSSL_PARAM params[])
{
    (void)md;
    (void)params;
    return digest_init(sig, key, "ec");
}

static int ed_init(void *sig, const char *md, void *key, const OSSL_PARAM params[])
{
    (void)md;
    (void)params;
    return digest_init(sig, key, "ed25519");
}

static int digest_sign(void *vsig, unsigned char *out, size_t *n, size_t size, const unsigned char *data, size_t len)
{
    struct sig *sig = vsig;
    unsigned char digest[32];
    unsigned long got = size;

    if (strcmp(sig->alg, "ed25519") == 0) /* the text is hashed by the token, which here only sleeps */
        memcpy(digest, data, len < sizeof digest ? len : sizeof digest);
    else if (EVP_DigestUpdate(sig->mdctx, data, len) != 1 || EVP_DigestFinal_ex(sig->mdctx, digest, NULL) != 1)
        return 0;
    if (!raw_sign(sig->key->p11, sig->key->session, sig->key->object, sig->alg, digest, out, &got))
        return 0;
    *n = got;
    return 1;
}

static int sig_set(void *vsig, const OSSL_PARAM params[])
{
    struct sig *sig = vsig;

    if (OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE) != NULL)
        sig->alg = "pss";
    return 1;
}

static const OSSL_PARAM *sig_settable(void *sig, void *provctx)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
                                       OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
                                       OSSL_PARAM_END};

    (void)sig;
    (void)provctx;
    return types;
}

#define SIGNATURE(name, init)                                                                                          \
    static const OSSL_DISPATCH name[] = {{OSSL_FUNC_SIGNATURE_NEWCTX, (fn)sig_new},                                    \
                                         {OSSL_FUNC_SIGNATURE_FREECTX, (fn)sig_free},                                  \
                                         {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (fn)init},                             \
                                         {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (fn)digest_sign},                           \
                                         {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, (fn)sig_set},                            \
                                         {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, (fn)sig_settable},                  \
                                         {0, NULL}}
SIGNATURE(rsa_signature, rsa_init);
SIGNATURE(ec_signature, ec_init);
SIGNATURE(ed_signature, ed_init);

static const OSSL_ALGORITHM keymgmts[] = {{"RSA:rsaEncryption", "provider=noop", rsa_keymgmt, ""},
                                          {"EC:id-ecPublicKey", "provider=noop", ec_keymgmt, ""},
                                          {"ED25519", "provider=noop", ed_keymgmt, ""},
                                          {NULL, NULL, NULL, NULL}};
static const OSSL_ALGORITHM signatures[] = {{"NOOP-RSA", "provider=noop", rsa_signature, ""},
                                            {"NOOP-EC", "provider=noop", ec_signature, ""},
                                            {"NOOP-ED", "provider=noop", ed_signature, ""},
                                            {NULL, NULL, NULL, NULL}};

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_store)
{
    (void)provctx;
    *no_store = 0;
    if (operation == OSSL_OP_KEYMGMT)
        return keymgmts;
    return operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH dispatch[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (fn)query}, {0, NULL}};

    (void)handle;
    (void)in;
    *out = dispatch;
    *provctx = (void *)dispatch;
    return 1;
}

EVP_PKEY *noop_key(struct raw *raw, const char *alg)
{
    static OSSL_PROVIDER *base, *ours;
    OSSL_PARAM none[] = {OSSL_PARAM_END};
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx;

    if (ours == NULL) {
        base = OSSL_PROVIDER_load(NULL, "default");
        if (OSSL_PROVIDER_add_builtin(NULL, "noop", init) == 1)
            ours = OSSL_PROVIDER_load(NULL, "noop");
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    }
    next_raw = raw;
    ctx = EVP_PKEY_CTX_new_from_name(NULL,
                                     alg[0] != 'e'            ? "RSA"
                                     : strcmp(alg, "ec") == 0 ? "EC"
                                                              : "ED25519",
                                     "provider=noop");
    if (base == NULL || ours == NULL || sha256 == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, none) != 1)
        bench_die("the noop provider");
    EVP_PKEY_CTX_free(ctx);
    return key;
}
