/* SPDX-License-Identifier: Apache-2.0 */
/* Loading through a provider, and what an activated provider costs those who do not use it. Each argument is a variant
 * with a library context of its own in this process: plain, keymgmts (the floor's, without decoders), floor, or NAME=CONF
 * for an openssl.cnf. They take turns for a fraction of --count operations; a line is the median of a variant's turns, in
 * CPU time of this thread.
 *   --alg     what to do: all, key, cert, pem, d2i, read, tls, sign
 *   --key     the role; the scheme is the variant's
 *   --old, --new  files: certificate and key of somebody else; --module the reference file; --parameter the type */
#include <getopt.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "floor.h"

#define TURNS    15
#define VARIANTS 8

struct variant {
    const char *name;
    OSSL_LIB_CTX *libctx;
    char uri[256];
    BIO *reference; /* text, read again and again */
    SSL_CTX *server, *client;
    EVP_PKEY *key; /* to sign with */
    double us[TURNS];
};

static struct {
    unsigned char *cert;
    int ncert;
    BIO *key; /* PEM */
    X509 *x509;
    EVP_PKEY *pkey;
} others;

static double cpu_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return 1e6 * (double)ts.tv_sec + 1e-3 * (double)ts.tv_nsec;
}

static BIO *slurp(const char *path)
{
    BIO *file = BIO_new_file(path, "r"), *mem;
    char buf[16384];
    int n = file != NULL ? BIO_read(file, buf, sizeof buf) : -1;

    BIO_free(file);
    if (n <= 0)
        bench_die(path);
    mem = BIO_new(BIO_s_mem());
    BIO_write(mem, buf, n);
    return mem;
}

/* A view of it, read from its beginning. */
static BIO *view(BIO *mem)
{
    char *p;
    long n = BIO_get_mem_data(mem, &p);

    return BIO_new_mem_buf(p, (int)n);
}

/* ---- operations ---- */

static void load(struct variant *v, int expect, int certs, int keys)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(v->uri, v->libctx, NULL, NULL, NULL, NULL, NULL, NULL);

    if (store == NULL || (expect != 0 && OSSL_STORE_expect(store, expect) != 1))
        bench_die(v->uri);
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        int type = info != NULL ? OSSL_STORE_INFO_get_type(info) : 0;

        certs -= type == OSSL_STORE_INFO_CERT;
        keys -= type == OSSL_STORE_INFO_PKEY;
        OSSL_STORE_INFO_free(info);
    }
    (void)OSSL_STORE_close(store);
    if (certs != 0 || keys != 0)
        bench_die("something else was loaded");
}

static void load_all(struct variant *v)
{
    load(v, 0, 1, 1);
}

static void load_key(struct variant *v)
{
    load(v, OSSL_STORE_INFO_PKEY, 0, 1);
}

static void load_cert(struct variant *v)
{
    load(v, OSSL_STORE_INFO_CERT, 1, 0);
}

static void read_pem(struct variant *v, BIO *text)
{
    BIO *bio = view(text);
    EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, v->libctx, NULL);

    if (key == NULL)
        bench_die("PEM_read_bio_PrivateKey");
    EVP_PKEY_free(key);
    BIO_free(bio);
}

static void load_reference(struct variant *v)
{
    read_pem(v, v->reference);
}

static void read_others(struct variant *v)
{
    read_pem(v, others.key);
}

static void parse_others(struct variant *v)
{
    const unsigned char *p = others.cert;
    X509 *x509 = X509_new_ex(v->libctx, NULL);

    if (d2i_X509(&x509, &p, others.ncert) == NULL || X509_get0_pubkey(x509) == NULL)
        bench_die("d2i_X509");
    X509_free(x509);
}

static void handshake(struct variant *v)
{
    SSL *server, *client;
    BIO *a, *b;
    int done = 0;

    if (v->server == NULL) {
        v->server = SSL_CTX_new_ex(v->libctx, NULL, TLS_server_method());
        v->client = SSL_CTX_new_ex(v->libctx, NULL, TLS_client_method());
        SSL_CTX_use_certificate(v->server, others.x509);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(v->client), others.x509);
        SSL_CTX_set_verify(v->client, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_session_cache_mode(v->server, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_num_tickets(v->server, 0);
        if (SSL_CTX_use_PrivateKey(v->server, others.pkey) != 1)
            bench_die("SSL_CTX_use_PrivateKey");
    }
    server = SSL_new(v->server);
    client = SSL_new(v->client);
    if (BIO_new_bio_pair(&a, 0, &b, 0) != 1)
        bench_die("BIO_new_bio_pair");
    SSL_set_bio(server, a, a);
    SSL_set_bio(client, b, b);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int i = 0; i < 20 && done != 2; i++)
        done = (SSL_do_handshake(client) == 1) + (SSL_do_handshake(server) == 1);
    if (done != 2)
        bench_die("SSL_do_handshake");
    SSL_free(server);
    SSL_free(client);
}

static void sign(struct variant *v)
{
    unsigned char sig[512];
    size_t n = sizeof sig;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    if (EVP_DigestSignInit_ex(ctx, NULL, "SHA256", v->libctx, NULL, v->key, NULL) != 1 ||
        EVP_DigestSign(ctx, sig, &n, (const unsigned char *)"text", 4) != 1)
        bench_die("EVP_DigestSign");
    EVP_MD_CTX_free(ctx);
}

static const struct operation {
    const char *name;
    void (*run)(struct variant *v);
} operations[] = {{"all", load_all},       {"key", load_key},     {"cert", load_cert},
                  {"pem", load_reference}, {"read", read_others}, {"d2i", parse_others},
                  {"tls", handshake},      {"sign", sign},        {NULL, NULL}};

/* ---- variants ---- */

static void read_files(const struct bench *b)
{
    BIO *cert, *key;

    if (b->old == NULL || b->new == NULL)
        return;
    cert = slurp(b->old);
    others.x509 = PEM_read_bio_X509(cert, NULL, NULL, NULL);
    others.ncert = i2d_X509(others.x509, &others.cert);
    others.key = slurp(b->new);
    key = view(others.key);
    others.pkey = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
    BIO_free(key);
    BIO_free(cert);
    if (others.pkey == NULL || others.ncert <= 0)
        bench_die("the files of somebody else");
}

static void floor_reference(struct variant *v)
{
    static const unsigned char der[64] = {0x30, 62};

    v->reference = BIO_new(BIO_s_mem());
    PEM_write_bio(v->reference, FLOOR_LABEL, "", der, sizeof der);
}

static EVP_PKEY *key_of(struct variant *v)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(v->uri, v->libctx, NULL, NULL, NULL, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    if (store == NULL || OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) != 1)
        bench_die(v->uri);
    while (key == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        key = info != NULL ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;
        OSSL_STORE_INFO_free(info);
    }
    (void)OSSL_STORE_close(store);
    if (key == NULL)
        bench_die(v->uri);
    return key;
}

/* @arg stays. */
static void open_variant(const struct bench *b, char *arg, struct variant *v)
{
    char *conf = strchr(arg, '=');

    v->name = arg;
    v->libctx = OSSL_LIB_CTX_new();
    if (conf != NULL) {
        *conf++ = '\0';
        snprintf(v->uri, sizeof v->uri, "certroll://%s", b->key != NULL ? b->key : "");
        if (OSSL_LIB_CTX_load_config(v->libctx, conf) != 1)
            bench_die(conf);
        if (b->module != NULL)
            v->reference = slurp(b->module);
        if (strcmp(b->alg, "sign") == 0)
            v->key = key_of(v);
        return;
    }
    if (OSSL_PROVIDER_load(v->libctx, "default") == NULL)
        bench_die("the default provider");
    if (strcmp(arg, "plain") != 0)
        floor_activate(v->libctx, strcmp(arg, "floor") == 0, strcmp(b->parameter, "ec") == 0 ? "EC" : "RSA",
                       others.cert, (size_t)others.ncert);
    snprintf(v->uri, sizeof v->uri, "%s//x", FLOOR_URI);
    floor_reference(v);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double turn(struct variant *v, const struct operation *op, int n)
{
    double begin = cpu_us();

    for (int i = 0; i < n; i++)
        op->run(v);
    return (cpu_us() - begin) / n;
}

int main(int argc, char **argv)
{
    struct bench b = bench_options(argc, argv);
    const struct operation *op = operations;
    static struct variant variants[VARIANTS];
    int n = argc - optind, each = b.count > TURNS ? b.count / TURNS : 1;

    while (op->name != NULL && strcmp(op->name, b.alg) != 0)
        op++;
    if (op->name == NULL || n < 1 || n > VARIANTS)
        bench_die("see bench_load.c");
    read_files(&b);
    for (int i = 0; i < n; i++) {
        open_variant(&b, argv[optind + i], &variants[i]);
        (void)turn(&variants[i], op, 3); /* warm */
    }
    for (int t = 0; t < TURNS; t++) {
        for (int i = 0; i < n; i++)
            variants[(i + t) % n].us[t] = turn(&variants[(i + t) % n], op, each);
    }
    for (int i = 0; i < n; i++) {
        qsort(variants[i].us, TURNS, sizeof *variants[i].us, compare);
        b.variant = variants[i].name;
        bench_print(&b, "", variants[i].us[TURNS / 2], "us");
    }
    fflush(stdout);
    _Exit(0);
}
