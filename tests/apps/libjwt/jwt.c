/* SPDX-License-Identifier: Apache-2.0 */
/* The kid recipe for libjwt, which takes a key as PEM text and loads it anew for each signature: compute the RFC 7638 kid
 * from a key loaded at most once a second, mint with the same text, and verify with the public half of that key. If a roll
 * came between, the token does not verify and is minted again. A threaded HTTP server: GET / answers one token.
 *   JWT_KEY=pinned.pem jwt PORT */
#include <arpa/inet.h>
#include <jwt.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct held {
    char *pem, *public_pem;
    long pem_n, public_n;
    jwt_alg_t alg;
    char kid[64];
    time_t loaded;
};

static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static struct held held;

static void b64url(const unsigned char *in, size_t n, char *out)
{
    int len = EVP_EncodeBlock((unsigned char *)out, in, (int)n);

    for (int i = 0; i < len; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    while (len > 0 && out[len - 1] == '=')
        out[--len] = '\0';
}

static void number(EVP_PKEY *key, const char *name, int width, char *out)
{
    unsigned char bytes[1024];
    BIGNUM *bn = NULL;
    int n;

    if (EVP_PKEY_get_bn_param(key, name, &bn) != 1)
        exit(3);
    n = width > 0 ? BN_bn2binpad(bn, bytes, width) : BN_bn2bin(bn, bytes);
    b64url(bytes, (size_t)n, out);
    BN_free(bn);
}

/* RFC 7638: the required members in lexicographic order, without white space. */
static void thumbprint(EVP_PKEY *key, char kid[64])
{
    static _Thread_local char a[2048], b[2048], jwk[4200];
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
    b64url(hash, sizeof hash, kid);
}

static char *text_of(BIO *bio, long *n)
{
    char *data = NULL, *copy;

    *n = BIO_get_mem_data(bio, &data);
    copy = malloc((size_t)*n + 1);
    if (copy != NULL) {
        memcpy(copy, data, (size_t)*n);
        copy[*n] = '\0';
    }
    return copy;
}

static int load(struct held *out)
{
    BIO *file = BIO_new_file(getenv("JWT_KEY"), "r"), *mem = BIO_new(BIO_s_mem()), *pub = BIO_new(BIO_s_mem());
    EVP_PKEY *key = NULL;
    char buf[4096];
    int n, good = 0;

    while (file != NULL && (n = BIO_read(file, buf, sizeof buf)) > 0)
        BIO_write(mem, buf, n);
    out->pem = text_of(mem, &out->pem_n);
    key = PEM_read_bio_PrivateKey(mem, NULL, NULL, NULL);
    if (key != NULL && PEM_write_bio_PUBKEY(pub, key) == 1) {
        out->public_pem = text_of(pub, &out->public_n);
        out->alg = EVP_PKEY_is_a(key, "RSA") ? JWT_ALG_RS256 : JWT_ALG_ES256;
        thumbprint(key, out->kid);
        out->loaded = time(NULL);
        good = 1;
    }
    EVP_PKEY_free(key);
    BIO_free(file);
    BIO_free(mem);
    BIO_free(pub);
    return good;
}

/* A copy of what is held, loaded anew if it is older than a second. */
static int current(struct held *out, int anew)
{
    struct held fresh = {0};
    int good = 1;

    pthread_mutex_lock(&held_lock);
    if (anew || time(NULL) != held.loaded) {
        good = load(&fresh);
        if (good) {
            free(held.pem);
            free(held.public_pem);
            held = fresh;
        }
    }
    *out = held;
    out->pem = strdup(held.pem != NULL ? held.pem : "");
    out->public_pem = strdup(held.public_pem != NULL ? held.public_pem : "");
    pthread_mutex_unlock(&held_lock);
    return good;
}

static char *mint_with(const struct held *h)
{
    jwt_t *jwt = NULL, *seen = NULL;
    char *text = NULL;

    if (jwt_new(&jwt) == 0 && jwt_add_header(jwt, "kid", h->kid) == 0 &&
        jwt_add_grant(jwt, "iss", "https://issuer.example") == 0 && jwt_add_grant_int(jwt, "iat", time(NULL)) == 0 &&
        jwt_set_alg(jwt, h->alg, (const unsigned char *)h->pem, (int)h->pem_n) == 0)
        text = jwt_encode_str(jwt);
    if (text != NULL && jwt_decode(&seen, text, (const unsigned char *)h->public_pem, (int)h->public_n) != 0) {
        free(text);
        text = NULL;
    }
    jwt_free(seen);
    jwt_free(jwt);
    return text;
}

static char *mint(void)
{
    char *text = NULL;

    for (int try = 0; try < 3 && text == NULL; try++) {
        struct held h = {0};
        if (current(&h, try > 0))
            text = mint_with(&h);
        free(h.pem);
        free(h.public_pem);
    }
    return text;
}

static void *serve(void *arg)
{
    int fd = (int)(long)arg;
    char request[2048], head[160];
    char *token = NULL;

    if (read(fd, request, sizeof request) > 0) {
        token = mint();
        snprintf(head, sizeof head, "HTTP/1.0 %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                 token != NULL ? "200 OK" : "500 no token", token != NULL ? strlen(token) : 0);
        if (write(fd, head, strlen(head)) < 0 || (token != NULL && write(fd, token, strlen(token)) < 0))
            perror("write");
    }
    free(token);
    close(fd);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    at.sin_port = htons((unsigned short)atoi(argc > 1 ? argv[1] : "0"));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 64) != 0) {
        perror("jwt");
        return 1;
    }
    for (;;) {
        int client = accept(fd, NULL, NULL);
        pthread_t t;
        if (client >= 0 && pthread_create(&t, NULL, serve, (void *)(long)client) == 0)
            pthread_detach(t);
    }
}
