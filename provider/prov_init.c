/* SPDX-License-Identifier: Apache-2.0 */
/* The entry point: the provider's own functions and which algorithms it has. The tables are static: never dependent on a
 * token. */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

#include "prov_algs.h"
#include "prov_ctx.h"
#include "prov_host.h"
#include "prov_params.h"

#define PROPS "provider=certroll"
#define RSA   "RSA:rsaEncryption:1.2.840.113549.1.1.1"
#define EC    "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define ED    "ED25519:1.3.101.112"
#define END                                                                                                            \
    {                                                                                                                  \
        NULL, NULL, NULL, NULL                                                                                         \
    }

#pragma GCC visibility push(default)
OSSL_provider_init_fn OSSL_provider_init;
#pragma GCC visibility pop

static const OSSL_ALGORITHM keymgmts[] = {
    {RSA, PROPS, prov_keymgmt_rsa, "RSA keys of certroll roles"},
    {EC, PROPS, prov_keymgmt_ec, "EC keys of certroll roles"},
    {ED, PROPS, prov_keymgmt_ed25519, "Ed25519 keys of certroll roles"},
    {PROV_REF, PROPS, prov_keymgmt_ref, "certroll key references"},
    END,
};
static const OSSL_ALGORITHM signatures[] = {
    {PROV_SIG_RSA, PROPS, prov_sig_rsa, "RSA signatures by a token"},
    {PROV_SIG_ECDSA, PROPS, prov_sig_ecdsa, "ECDSA signatures by a token"},
    {PROV_SIG_ED25519, PROPS, prov_sig_eddsa, "Ed25519 signatures by a token"},
    END,
};
static const OSSL_ALGORITHM ciphers[] = {
    {PROV_CIPHER_RSA, PROPS, prov_cipher_rsa, "RSA decryption by a token"},
    END,
};
static const OSSL_ALGORITHM exchanges[] = {
    {PROV_EXCH_ECDH, PROPS, prov_exch_ecdh, "ECDH by a token"},
    END,
};
static const OSSL_ALGORITHM stores[] = {
    {"certroll", PROPS, prov_store, "certroll: URIs"},
    END,
};
static const OSSL_ALGORITHM decoders[] = {
    {"DER", PROPS ",input=pem", prov_decoder_pem, "PEM of certroll key references"},
    {PROV_REF, PROPS ",input=der,structure=" PROV_REF_STRUCT, prov_decoder_ref, "certroll key references"},
    END,
};
/* OpenSSL 3.0 compares the names of all decoders anew for each that takes part in reading something, and what is called DER
 * takes part in each d2i_X509 of the process. PVK does where private keys are read alone, and in the file store. */
static const OSSL_ALGORITHM decoders_30[] = {
    {"PVK", PROPS ",input=pem", prov_decoder_pem, "PEM of certroll key references"},
    {PROV_REF, PROPS ",input=pvk,structure=" PROV_REF_STRUCT, prov_decoder_ref, "certroll key references"},
    {PROV_REF, PROPS ",input=der,structure=" PROV_REF_STRUCT, prov_decoder_ref, "certroll key references in DER"},
    END,
};
#define NONE(type, form)                                                                                               \
    {type, PROPS ",output=der,structure=" form, prov_encoder_none, "why there is no private key"},                     \
    {                                                                                                                  \
        type, PROPS ",output=pem,structure=" form, prov_encoder_none, "why there is no private key"                    \
    }
static const OSSL_ALGORITHM encoders[] = {
    {RSA, PROPS ",output=der,structure=SubjectPublicKeyInfo", prov_encoder_spki_der, "public keys"},
    {RSA, PROPS ",output=pem,structure=SubjectPublicKeyInfo", prov_encoder_spki_pem, "public keys"},
    {RSA, PROPS ",output=text", prov_encoder_text, "keys as text"},
    {EC, PROPS ",output=der,structure=SubjectPublicKeyInfo", prov_encoder_spki_der, "public keys"},
    {EC, PROPS ",output=pem,structure=SubjectPublicKeyInfo", prov_encoder_spki_pem, "public keys"},
    {EC, PROPS ",output=text", prov_encoder_text, "keys as text"},
    {ED, PROPS ",output=der,structure=SubjectPublicKeyInfo", prov_encoder_spki_der, "public keys"},
    {ED, PROPS ",output=pem,structure=SubjectPublicKeyInfo", prov_encoder_spki_pem, "public keys"},
    {ED, PROPS ",output=text", prov_encoder_text, "keys as text"},
    NONE(RSA, "PrivateKeyInfo"),
    NONE(RSA, "EncryptedPrivateKeyInfo"),
    NONE(EC, "PrivateKeyInfo"),
    NONE(EC, "EncryptedPrivateKeyInfo"),
    NONE(ED, "PrivateKeyInfo"),
    NONE(ED, "EncryptedPrivateKeyInfo"),
    END,
};

static const struct {
    int operation;
    const OSSL_ALGORITHM *algorithms;
} operations[] = {
    {OSSL_OP_KEYMGMT, keymgmts},  {OSSL_OP_SIGNATURE, signatures}, {OSSL_OP_ASYM_CIPHER, ciphers},
    {OSSL_OP_KEYEXCH, exchanges}, {OSSL_OP_STORE, stores},         {OSSL_OP_DECODER, decoders},
    {OSSL_OP_ENCODER, encoders},
};

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
    struct prov_ctx *ctx = provctx;

    *no_cache = operation == OSSL_OP_KEYMGMT && !prov_host_came_first(ctx);
    if (*no_cache)
        return NULL;
    if (operation == OSSL_OP_DECODER && ctx->core_30)
        return decoders_30;
    for (size_t i = 0; i < CR_COUNT(operations); i++) {
        if (operations[i].operation == operation)
            return operations[i].algorithms;
    }
    return NULL;
}

static const OSSL_PARAM *gettable(void *provctx)
{
    static const OSSL_PARAM known[] = {
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_NAME, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_VERSION, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_BUILDINFO, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_STATUS, OSSL_PARAM_INTEGER, NULL, 0),
        OSSL_PARAM_DEFN(PROV_PARAM_CONFIG, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_DEFN(PROV_PARAM_STATE, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return known;
}

static int get_params(void *provctx, OSSL_PARAM params[])
{
    const struct prov_ctx *ctx = provctx;
    const struct {
        const char *key, *value;
    } texts[] = {
        {OSSL_PROV_PARAM_NAME, "certroll"},
        {OSSL_PROV_PARAM_VERSION, CERTROLL_VERSION},
        {OSSL_PROV_PARAM_BUILDINFO, "certroll " CERTROLL_VERSION},
        {PROV_PARAM_CONFIG, ctx->conf != NULL ? ctx->conf->path : ""},
        {PROV_PARAM_STATE, ctx->conf != NULL ? ctx->conf->state_dir : ""},
    };
    OSSL_PARAM *p;

    for (size_t i = 0; i < CR_COUNT(texts); i++) {
        p = OSSL_PARAM_locate(params, texts[i].key);
        if (p != NULL && OSSL_PARAM_set_utf8_ptr(p, texts[i].value) != 1)
            return 0;
    }
    p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
    return p == NULL || OSSL_PARAM_set_int(p, ctx->broken.code == CR_OK) == 1;
}

static void teardown(void *provctx)
{
    struct prov_ctx *ctx = provctx;

    prov_ctx_free(&ctx);
}

static const OSSL_DISPATCH functions[] = {
    {OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, (void (*)(void))prov_err_reasons}, /* left out by prov_err_own_reasons */
    {OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown},
    {OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable},
    {OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params},
    {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
    {0, NULL},
};

/* What the libcrypto that loads us tells: the value @name, of our section of openssl.cnf or its own; or NULL. */
static const char *core_param(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const char *name)
{
    char *value = NULL;
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_ptr(name, &value, 0), OSSL_PARAM_END};

    for (; in->function_id != 0; in++) {
        if (in->function_id == OSSL_FUNC_CORE_GET_PARAMS && OSSL_FUNC_core_get_params(in)(handle, params) == 1)
            return value;
    }
    return NULL;
}

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                       void **provctx)
{
    const char *version = core_param(handle, in, OSSL_PROV_PARAM_CORE_VERSION);
    struct prov_ctx *ctx = NULL;

    if (cr_failed(prov_ctx_new(handle, in, core_param(handle, in, PROV_PARAM_CONFIG), &ctx, NULL)))
        return 0;
    ctx->core_30 = version != NULL && strncmp(version, "3.0.", 4) == 0;
    prov_host_learn(ctx);
    *provctx = ctx;
    *out = ctx->core.reasons != NULL ? functions + 1 : functions;
    return 1;
}
