/* SPDX-License-Identifier: Apache-2.0 */
/* The kid recipe in C: a live key is loaded once, at start, and follows its role for the life of the process. For each token
 * EVP_DigestSignInit binds the context to the certificate of this moment; certroll-kid, read from that context, is the kid of
 * the key that will sign; the signature is made in the same context, without another initialization in between.
 *
 *   JWT_KEYS=DIR jwt PORT ALG...      ALG: RS256, PS256, ES256 or EdDSA, which is also the name of the role
 *
 * GET /uri/ALG answers a token of the key loaded from certroll://ALG, /file/ALG of the one loaded from DIR/ALG.pem. /held/ALG
 * shows what the recipe prevents: it takes the kid that the key had when it was loaded. */
#include "web.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct algorithm {
    const char *name, *digest;
    int pss, ecdsa;
    EVP_PKEY *by_uri, *by_file;
    char held_kid[128];
};

static struct algorithm algorithms[] = {
    {.name = "RS256", .digest = "SHA256"},
    {.name = "PS256", .digest = "SHA256", .pss = 1},
    {.name = "ES256", .digest = "SHA256", .ecdsa = 1},
    {.name = "EdDSA"}, /* one shot: its digest is its own */
};

static struct algorithm *find(const char *name)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

static EVP_PKEY *load_uri(const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    OSSL_STORE_INFO *info;
    EVP_PKEY *key = NULL;

    if (store == NULL || OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) != 1)
        goto out;
    while (key == NULL && !OSSL_STORE_eof(store) && (info = OSSL_STORE_load(store)) != NULL) {
        key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
out:
    OSSL_STORE_close(store);
    return key;
}

static EVP_PKEY *load_file(const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    EVP_PKEY *key = file != NULL ? PEM_read_bio_PrivateKey(file, NULL, NULL, NULL) : NULL;

    BIO_free(file);
    return key;
}

static int load(const char *name)
{
    struct algorithm *alg = find(name);
    char where[512];

    if (alg == NULL)
        return 0;
    snprintf(where, sizeof where, "certroll://%s", name);
    alg->by_uri = load_uri(where);
    snprintf(where, sizeof where, "%s/%s.pem", getenv("JWT_KEYS"), name);
    alg->by_file = load_file(where);
    return alg->by_uri != NULL && alg->by_file != NULL &&
           EVP_PKEY_get_utf8_string_param(alg->by_uri, "certroll-kid", alg->held_kid, sizeof alg->held_kid, NULL) == 1;
}

/* Appends ".BASE64URL" of @n bytes, or without the dot to an empty text. */
static void add(char *text, const void *bytes, size_t n)
{
    char *end = text + strlen(text);

    if (end != text)
        *end++ = '.';
    web_b64url(bytes, n, end);
}

/* RFC 7518, 3.4: r and s, 32 bytes each, instead of DER. */
static size_t plain_ecdsa(unsigned char *sig, size_t n)
{
    const unsigned char *der = sig;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)n);
    int good = pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, 32) == 32 &&
               BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + 32, 32) == 32;

    ECDSA_SIG_free(pair);
    return good ? 64 : 0;
}

static void add_head_and_claims(char *text, const struct algorithm *alg, const char *kid)
{
    char json[512];

    snprintf(json, sizeof json, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}", alg->name, kid);
    add(text, json, strlen(json));
    snprintf(json, sizeof json, "{\"iss\":\"https://issuer.example\",\"iat\":%lld}", (long long)time(NULL));
    add(text, json, strlen(json));
}

static int mint_with(const struct algorithm *alg, EVP_PKEY *key, const char *held_kid, char text[2048])
{
    char kid[128] = "";
    unsigned char sig[1024];
    size_t n = sizeof sig;
    OSSL_PARAM want[] = {OSSL_PARAM_utf8_string("certroll-kid", kid, sizeof kid), OSSL_PARAM_END};
    EVP_PKEY_CTX *ctx = NULL; /* md owns it */
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int good = 0;

    if (md == NULL || EVP_DigestSignInit_ex(md, &ctx, alg->digest, NULL, NULL, key, NULL) != 1)
        goto out;
    if (alg->pss && (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) != 1 ||
                     EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) != 1))
        goto out;
    if (EVP_PKEY_CTX_get_params(ctx, want) != 1)
        goto out;
    add_head_and_claims(text, alg, held_kid != NULL ? held_kid : kid);
    if (EVP_DigestSign(md, sig, &n, (unsigned char *)text, strlen(text)) != 1)
        goto out;
    if (alg->ecdsa)
        n = plain_ecdsa(sig, n);
    add(text, sig, n);
    good = n > 0;
out:
    EVP_MD_CTX_free(md);
    return good;
}

static char *mint(const char *name)
{
    const char *slash = strchr(name, '/');
    const struct algorithm *alg = slash != NULL ? find(slash + 1) : NULL;
    char text[2048] = "";

    if (alg == NULL || alg->by_uri == NULL)
        return NULL;
    if (!mint_with(alg, name[0] == 'f' ? alg->by_file : alg->by_uri, name[0] == 'h' ? alg->held_kid : NULL, text)) {
        ERR_print_errors_fp(stderr);
        return NULL;
    }
    return strdup(text);
}

int main(int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        if (!load(argv[i])) {
            ERR_print_errors_fp(stderr);
            return 1;
        }
    return web_serve(argc > 2 ? argv[1] : "0", mint);
}
