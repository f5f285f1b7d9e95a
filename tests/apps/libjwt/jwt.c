/* SPDX-License-Identifier: Apache-2.0 */
/* The kid recipe for libjwt, which takes a key as PEM text and loads it anew for each signature: compute the RFC 7638 kid
 * from a key loaded at most once a second, mint with the same text, and verify with the public half of that key. If a roll
 * came between, the token does not verify and is minted again. GET /ALG answers one token of the reference JWT_KEYS/ALG.pem;
 * ALG is RS256, ES256, and PS256 where this libjwt has it (1.10 has not).
 *   JWT_KEYS=DIR jwt PORT */
#include "../c/web.h"

#include <jwt.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct held {
    const char *name;
    char *pem, *public_pem;
    char kid[64];
    time_t loaded;
};

static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static struct held held[] = {{.name = "RS256"}, {.name = "PS256"}, {.name = "ES256"}};

static void number(EVP_PKEY *key, const char *name, int width, char *out)
{
    unsigned char bytes[1024];
    BIGNUM *bn = NULL;
    int n;

    if (EVP_PKEY_get_bn_param(key, name, &bn) != 1)
        exit(3);
    n = width > 0 ? BN_bn2binpad(bn, bytes, width) : BN_bn2bin(bn, bytes);
    web_b64url(bytes, (size_t)n, out);
    BN_free(bn);
}

/* RFC 7638: the required members in lexicographic order, without white space. */
static void thumbprint(EVP_PKEY *key, char kid[64])
{
    char a[1400], b[1400], jwk[2900];
    unsigned char hash[32];

    if (EVP_PKEY_is_a(key, "RSA")) {
        number(key, OSSL_PKEY_PARAM_RSA_E, 0, a);
        number(key, OSSL_PKEY_PARAM_RSA_N, 0, b);
        snprintf(jwk, sizeof jwk, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", a, b);
    } else {
        number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32, a);
        number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32, b);
        snprintf(jwk, sizeof jwk, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", a, b);
    }
    EVP_Digest(jwk, strlen(jwk), hash, NULL, EVP_sha256(), NULL);
    web_b64url(hash, sizeof hash, kid);
}

static char *text_of(BIO *bio)
{
    char *data = NULL;
    long n = BIO_get_mem_data(bio, &data);

    return strndup(data, (size_t)n);
}

/* What a reference file holds now; the date is from before, so that what came after it is never taken for older. */
static int load(const char *name, struct held *out)
{
    BIO *mem = BIO_new(BIO_s_mem()), *pub = BIO_new(BIO_s_mem()), *file;
    EVP_PKEY *key = NULL;
    char path[512], buf[4096];
    int n, good = 0;

    *out = (struct held){.name = name, .loaded = time(NULL)};
    snprintf(path, sizeof path, "%s/%s.pem", getenv("JWT_KEYS"), name);
    file = BIO_new_file(path, "r");
    while (file != NULL && (n = BIO_read(file, buf, sizeof buf)) > 0)
        BIO_write(mem, buf, n);
    out->pem = text_of(mem);
    key = PEM_read_bio_PrivateKey(mem, NULL, NULL, NULL);
    if (key != NULL && PEM_write_bio_PUBKEY(pub, key) == 1) {
        out->public_pem = text_of(pub);
        thumbprint(key, out->kid);
        good = 1;
    }
    EVP_PKEY_free(key);
    BIO_free(file);
    BIO_free(mem);
    BIO_free(pub);
    return good;
}

static void drop(struct held *h)
{
    free(h->pem);
    free(h->public_pem);
}

/* A copy of what is held, loaded anew if it is older than a second. */
static int current(struct held *mine, int anew, struct held *out)
{
    struct held fresh;
    int good = 1;

    pthread_mutex_lock(&held_lock);
    if (anew || mine->pem == NULL || time(NULL) != mine->loaded) {
        good = load(mine->name, &fresh);
        if (good) {
            drop(mine);
            *mine = fresh;
        } else
            drop(&fresh);
    }
    *out = *mine;
    out->pem = strdup(mine->pem != NULL ? mine->pem : "");
    out->public_pem = strdup(mine->public_pem != NULL ? mine->public_pem : "");
    pthread_mutex_unlock(&held_lock);
    return good;
}

static char *mint_with(const struct held *h, jwt_alg_t alg)
{
    jwt_t *jwt = NULL, *seen = NULL;
    char *text = NULL;

    if (jwt_new(&jwt) == 0 && jwt_add_header(jwt, "kid", h->kid) == 0 &&
        jwt_add_grant(jwt, "iss", "https://issuer.example") == 0 && jwt_add_grant_int(jwt, "iat", time(NULL)) == 0 &&
        jwt_set_alg(jwt, alg, (const unsigned char *)h->pem, (int)strlen(h->pem)) == 0)
        text = jwt_encode_str(jwt);
    if (text != NULL && jwt_decode(&seen, text, (unsigned char *)h->public_pem, (int)strlen(h->public_pem)) != 0) {
        free(text);
        text = NULL;
    }
    jwt_free(seen);
    jwt_free(jwt);
    return text;
}

static char *mint(const char *name)
{
    jwt_alg_t alg = jwt_str_alg(name);
    char *text = NULL;

    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        for (int try = 0; try < 3 && text == NULL && strcmp(name, held[i].name) == 0; try++) {
            struct held h;
            if (current(&held[i], try > 0, &h))
                text = mint_with(&h, alg);
            drop(&h);
        }
    return text;
}

int main(int argc, char **argv)
{
    return web_serve(argc > 1 ? argv[1] : "0", mint);
}
