/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <getopt.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct option options[] = {
    {"measure", 1, NULL, 'm'}, {"variant", 1, NULL, 'v'}, {"parameter", 1, NULL, 'a'},  {"pair", 1, NULL, 'r'},
    {"backend", 1, NULL, 'b'}, {"alg", 1, NULL, 'g'},     {"key", 1, NULL, 'k'},        {"module", 1, NULL, 'M'},
    {"pin", 1, NULL, 'p'},     {"id", 1, NULL, 'i'},      {"label", 1, NULL, 'l'},      {"threads", 1, NULL, 't'},
    {"ms", 1, NULL, 's'},      {"count", 1, NULL, 'c'},   {"old", 1, NULL, 'o'},        {"new", 1, NULL, 'n'},
    {"config", 1, NULL, 'f'},  {"flip", 1, NULL, 'F'},    {"signatures", 1, NULL, 'S'}, {NULL, 0, NULL, 0}};

static void option(struct bench *b, int c, char *value)
{
    const char **texts[] = {
        ['m'] = &b->measure, ['v'] = &b->variant, ['a'] = &b->parameter, ['r'] = &b->pair,  ['b'] = &b->backend,
        ['g'] = &b->alg,     ['k'] = &b->key,     ['M'] = &b->module,    ['p'] = &b->pin,   ['i'] = &b->id,
        ['l'] = &b->label,   ['o'] = &b->old,     ['n'] = &b->new,       ['f'] = &b->config};

    if (c == 't')
        b->threads = (unsigned)strtoul(value, NULL, 10);
    else if (c == 's')
        b->ms = atoi(value);
    else if (c == 'c')
        b->count = atoi(value);
    else if (c == 'S')
        b->signatures = (unsigned)strtoul(value, NULL, 10);
    else if (c == 'F')
        b->flip = atol(value);
    else
        *texts[c] = value;
}

struct bench bench_options(int argc, char **argv)
{
    struct bench b = {.measure = "sign",
                      .variant = "",
                      .parameter = "",
                      .pair = "0",
                      .backend = "evp",
                      .alg = "rsa",
                      .threads = 1,
                      .ms = 500};
    int c;

    (void)signal(SIGPIPE, SIG_IGN); /* as servers do */
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == '?') {
            fprintf(stderr, "options: see struct bench in bench.h\n");
            exit(2);
        }
        option(&b, c, optarg);
    }
    return b;
}

void bench_print(const struct bench *b, const char *suffix, double value, const char *unit)
{
    printf("%s%s\t%s\t%s\t%s\t%.6g\t%s\n", b->measure, suffix, b->variant, b->parameter, b->pair, value, unit);
}

void bench_die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    ERR_print_errors_fp(stderr);
    _Exit(1); /* SoftHSM and a peer crash at each other's end */
}

int64_t bench_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

double bench_cpu(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

struct worker {
    pthread_t thread;
    pthread_barrier_t *start;
    atomic_bool *stop;
    bench_op *op;
    void *state;
    unsigned long ops, count;
    int64_t ns;
    double cpu;
};

static void *work(void *arg)
{
    struct worker *w = arg;
    int64_t begin;
    double cpu;

    for (int i = 0; i < 3; i++) /* warm */
        if (!w->op(w->state))
            bench_die("the operation failed");
    pthread_barrier_wait(w->start);
    begin = bench_ns();
    cpu = bench_cpu();
    while (w->count > 0 ? w->ops < w->count : !atomic_load_explicit(w->stop, memory_order_relaxed)) {
        if (!w->op(w->state))
            bench_die("the operation failed");
        w->ops++;
    }
    w->cpu = bench_cpu() - cpu;
    w->ns = bench_ns() - begin;
    return NULL;
}

static void sleep_ms(int ms)
{
    struct timespec ts = {ms / 1000, (long)(ms % 1000) * 1000000};

    nanosleep(&ts, NULL);
}

struct bench_result bench_threads(const struct bench *b, bench_op *op, void *const *states)
{
    struct worker *workers = calloc(b->threads, sizeof *workers);
    struct bench_result r = {0};
    pthread_barrier_t start;
    atomic_bool stop = false;

    pthread_barrier_init(&start, NULL, b->threads + 1);
    for (unsigned i = 0; i < b->threads; i++) {
        workers[i] = (struct worker){0, &start, &stop, op, states[i], 0, (unsigned long)b->count, 0, 0};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            bench_die("pthread_create");
    }
    pthread_barrier_wait(&start);
    if (b->count == 0)
        sleep_ms(b->ms);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < b->threads; i++) {
        pthread_join(workers[i].thread, NULL);
        r.ops += workers[i].ops;
        r.cpu_us += workers[i].cpu * 1e6;
        r.per_second += (double)workers[i].ops * 1e9 / (double)workers[i].ns;
    }
    r.cpu_us /= (double)(r.ops > 0 ? r.ops : 1);
    free(workers);
    pthread_barrier_destroy(&start);
    return r;
}

static EVP_PKEY *from_store(const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    if (store != NULL)
        (void)OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY);
    while (store != NULL && key == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        key = info != NULL ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;
        OSSL_STORE_INFO_free(info);
    }
    (void)OSSL_STORE_close(store);
    return key;
}

EVP_PKEY *bench_key(const char *name)
{
    EVP_PKEY *key = NULL;
    BIO *bio;

    if (name == NULL)
        bench_die("--key is missing");
    if (name[0] != '/') {
        key = from_store(name);
    } else if ((bio = BIO_new_file(name, "r")) != NULL) {
        key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        BIO_free(bio);
    }
    if (key == NULL)
        bench_die(name);
    return key;
}

static const unsigned char text[] = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhbGljZSIsImF1ZCI6Im1lIn0";

static const char *digest_of(const char *alg)
{
    return strcmp(alg, "ed25519") == 0 ? NULL : "SHA256";
}

bool bench_evp_verify(EVP_PKEY *key, const char *alg, const unsigned char *sig, size_t n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = EVP_DigestVerifyInit_ex(ctx, NULL, digest_of(alg), NULL, NULL, key, NULL) == 1 &&
                EVP_DigestVerify(ctx, sig, n, text, sizeof text - 1) == 1;

    EVP_MD_CTX_free(ctx);
    return good;
}

bool bench_evp_sign(EVP_PKEY *key, const char *alg, unsigned char *sig, size_t *n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    bool good = EVP_DigestSignInit_ex(ctx, &pctx, digest_of(alg), NULL, NULL, key, NULL) == 1 &&
                (strcmp(alg, "pss") != 0 || (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
                                             EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
                EVP_DigestSign(ctx, sig, n, text, sizeof text - 1) == 1;

    EVP_MD_CTX_free(ctx);
    return good;
}
