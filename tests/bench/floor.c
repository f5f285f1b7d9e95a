/* SPDX-License-Identifier: Apache-2.0 */
#include "floor.h"

#include <openssl/bio.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define REF    "FLOOR-REF"
#define STRUCT "FloorReference"

static struct {
    char type[8];
    unsigned char *cert;
    size_t n;
    int key; /* its address is the key */
} fixed;

struct loader {
    int expect, at;
};

static const OSSL_DISPATCH *upcalls;
static OSSL_LIB_CTX *inner;

/* ---- key managements ---- */

static void *key_load(const void *reference, size_t size)
{
    void *key = NULL;

    if (size == sizeof key)
        memcpy(&key, reference, size);
    return key;
}

static void key_free(void *key)
{
    (void)key;
}

static int key_has(const void *key, int selection)
{
    (void)selection;
    return key != NULL;
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
                                       OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
                                       OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL), OSSL_PARAM_END};

    (void)provctx;
    return types;
}

typedef void (*fn)(void);
static const OSSL_DISPATCH keymgmt[] = {{OSSL_FUNC_KEYMGMT_LOAD, (fn)key_load},
                                        {OSSL_FUNC_KEYMGMT_FREE, (fn)key_free},
                                        {OSSL_FUNC_KEYMGMT_HAS, (fn)key_has},
                                        {OSSL_FUNC_KEYMGMT_GET_PARAMS, (fn)key_get},
                                        {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (fn)key_gettable},
                                        {0, NULL}};

/* ---- the store ---- */

static int give_key(OSSL_CALLBACK *cb, void *arg)
{
    void *key = &fixed.key;
    int type = OSSL_OBJECT_PKEY;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
                           OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, fixed.type, 0),
                           OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &key, sizeof key),
                           OSSL_PARAM_construct_end()};

    return cb(params, arg);
}

static int give_cert(OSSL_CALLBACK *cb, void *arg)
{
    int type = OSSL_OBJECT_CERT;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
                           OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, fixed.cert, fixed.n),
                           OSSL_PARAM_construct_end()};

    return cb(params, arg);
}

static void *store_open_uri(void *provctx, const char *uri)
{
    (void)provctx;
    (void)uri;
    return calloc(1, sizeof(struct loader));
}

static const OSSL_PARAM *store_settable(void *provctx)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL), OSSL_PARAM_END};

    (void)provctx;
    return types;
}

static int store_set(void *vld, const OSSL_PARAM params[])
{
    struct loader *ld = vld;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);

    if (p != NULL && OSSL_PARAM_get_int(p, &ld->expect) != 1)
        return 0;
    if (ld->expect == OSSL_STORE_INFO_PKEY)
        ld->at = 1;
    return 1;
}

static int store_next(void *vld, OSSL_CALLBACK *cb, void *arg, OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    struct loader *ld = vld;

    (void)pw;
    (void)pw_arg;
    return ld->at++ == 0 ? give_cert(cb, arg) : give_key(cb, arg);
}

static int store_eof(void *vld)
{
    const struct loader *ld = vld;

    return ld->at >= (ld->expect == OSSL_STORE_INFO_CERT ? 1 : 2);
}

static int store_close_uri(void *vld)
{
    free(vld);
    return 1;
}

static const OSSL_DISPATCH store[] = {{OSSL_FUNC_STORE_OPEN, (fn)store_open_uri},
                                      {OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, (fn)store_settable},
                                      {OSSL_FUNC_STORE_SET_CTX_PARAMS, (fn)store_set},
                                      {OSSL_FUNC_STORE_LOAD, (fn)store_next},
                                      {OSSL_FUNC_STORE_EOF, (fn)store_eof},
                                      {OSSL_FUNC_STORE_CLOSE, (fn)store_close_uri},
                                      {0, NULL}};

/* ---- decoders: PEM of one label to DER, DER of one structure to the key ---- */

static void *decoder_new(void *provctx)
{
    return provctx;
}

static void decoder_free(void *ctx)
{
    (void)ctx;
}

static int any_key(void *provctx, int selection)
{
    (void)provctx;
    return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_ALL) != 0;
}

static int give_der(unsigned char *der, size_t n, OSSL_CALLBACK *cb, void *arg)
{
    static char structure[] = STRUCT;
    int type = OSSL_OBJECT_PKEY;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
                           OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, structure, 0),
                           OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der, n),
                           OSSL_PARAM_construct_end()};

    return cb(params, arg);
}

static int decode_pem(void *ctx, OSSL_CORE_BIO *cbio, int selection, OSSL_CALLBACK *cb, void *arg,
                      OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    unsigned char *der = NULL;
    char *label = NULL, *header = NULL;
    long n = 0;
    int good = 1;
    BIO *bio = BIO_new_from_core_bio(inner, cbio);

    (void)ctx;
    (void)selection;
    (void)pw;
    (void)pw_arg;
    (void)ERR_set_mark();
    if (PEM_read_bio(bio, &label, &header, &der, &n) == 1 && strcmp(label, FLOOR_LABEL) == 0)
        good = give_der(der, (size_t)n, cb, arg);
    (void)ERR_pop_to_mark();
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(bio);
    return good;
}

static int decode_der(void *ctx, OSSL_CORE_BIO *cbio, int selection, OSSL_CALLBACK *cb, void *arg,
                      OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
    unsigned char buf[256];
    int n;
    BIO *bio = BIO_new_from_core_bio(inner, cbio);

    (void)ctx;
    (void)selection;
    (void)pw;
    (void)pw_arg;
    n = BIO_read(bio, buf, sizeof buf);
    BIO_free(bio);
    return n > 0 ? give_key(cb, arg) : 1;
}

static const OSSL_DISPATCH decoder_pem[] = {{OSSL_FUNC_DECODER_NEWCTX, (fn)decoder_new},
                                            {OSSL_FUNC_DECODER_FREECTX, (fn)decoder_free},
                                            {OSSL_FUNC_DECODER_DECODE, (fn)decode_pem},
                                            {0, NULL}};
static const OSSL_DISPATCH decoder_ref[] = {{OSSL_FUNC_DECODER_NEWCTX, (fn)decoder_new},
                                            {OSSL_FUNC_DECODER_FREECTX, (fn)decoder_free},
                                            {OSSL_FUNC_DECODER_DOES_SELECTION, (fn)any_key},
                                            {OSSL_FUNC_DECODER_DECODE, (fn)decode_der},
                                            {0, NULL}};

/* ---- the provider ---- */

#define PROPS "provider=floor"
static const OSSL_ALGORITHM keymgmts[] = {{"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPS, keymgmt, ""},
                                          {"EC:id-ecPublicKey:1.2.840.10045.2.1", PROPS, keymgmt, ""},
                                          {"ED25519:1.3.101.112", PROPS, keymgmt, ""},
                                          {REF, PROPS, keymgmt, ""},
                                          {NULL, NULL, NULL, NULL}};
static const OSSL_ALGORITHM stores[] = {{"floor", PROPS, store, ""}, {NULL, NULL, NULL, NULL}};
static const OSSL_ALGORITHM decoders[] = {{"DER", PROPS ",input=pem", decoder_pem, ""},
                                          {REF, PROPS ",input=der,structure=" STRUCT, decoder_ref, ""},
                                          {NULL, NULL, NULL, NULL}};
static const OSSL_ALGORITHM decoders_30[] = {{"PVK", PROPS ",input=pem", decoder_pem, ""},
                                             {REF, PROPS ",input=pvk,structure=" STRUCT, decoder_ref, ""},
                                             {NULL, NULL, NULL, NULL}};
static int with, without; /* provider contexts */

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_store)
{
    *no_store = 0;
    if (operation == OSSL_OP_KEYMGMT)
        return keymgmts;
    if (operation == OSSL_OP_STORE)
        return stores;
    if (operation != OSSL_OP_DECODER || provctx != &with)
        return NULL;
    return OPENSSL_VERSION_NUMBER < 0x30100000L ? decoders_30 : decoders; /* as prov_init.c */
}

static int init(const OSSL_DISPATCH *in, const OSSL_DISPATCH **out)
{
    static const OSSL_DISPATCH dispatch[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, (fn)query}, {0, NULL}};

    upcalls = in;
    *out = dispatch;
    return 1;
}

static int init_with(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **provctx)
{
    *provctx = &with;
    if (inner == NULL)
        inner = OSSL_LIB_CTX_new_from_dispatch(handle, in);
    return init(in, out);
}

static int init_without(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                        void **provctx)
{
    (void)handle;
    *provctx = &without;
    return init(in, out);
}

void floor_activate(OSSL_LIB_CTX *libctx, int decoding, const char *type, unsigned char *cert, size_t n)
{
    strncpy(fixed.type, type, sizeof fixed.type - 1);
    fixed.cert = cert;
    fixed.n = n;
    if (OSSL_PROVIDER_add_builtin(libctx, "floor", decoding ? init_with : init_without) != 1 ||
        OSSL_PROVIDER_load(libctx, "floor") == NULL)
        bench_die("the floor provider");
}
