/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of tests/bench share: their options, threads that do one thing over and over, and the lines they
 * print, one a figure: MEASURE VARIANT PARAMETER PAIR VALUE UNIT, separated by tabs. */
#ifndef BENCH_H
#define BENCH_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench {
    const char *measure, *variant, *parameter, *pair; /* as they stand in the lines */
    const char *backend;                              /* raw, copy, noop or evp */
    const char *alg;                                  /* rsa, pss, ec or ed25519 */
    const char *key;                                  /* a URI or a file */
    const char *module, *pin, *id, *label;            /* raw: path, PIN file, CKA_ID in hex, token label */
    const char *old, *new;                            /* files */
    const char *config;
    unsigned threads, signatures;
    int ms, count;
    long flip;
};

/* --NAME VALUE for each member. Ends the process with usage on anything else. */
struct bench bench_options(int argc, char **argv);

/* One line; @suffix is appended to the measure. */
void bench_print(const struct bench *b, const char *suffix, double value, const char *unit);

/* Says what and what is in OpenSSL's error queue, and ends the process with 1. */
void bench_die(const char *what) __attribute__((noreturn));

int64_t bench_ns(void); /* CLOCK_MONOTONIC */
double bench_cpu(void); /* seconds of user and system time of this thread */

/* @threads call op(state(i)) until @ms are over, or each @count times when it is not 0. Rates are summed up from each
 * thread's own time, so that what is in flight at the end does not blur them. */
struct bench_result {
    unsigned long ops;
    double per_second, cpu_us; /* of one op */
};
typedef bool bench_op(void *state);
struct bench_result bench_threads(const struct bench *b, bench_op *op, void *const *states);

/* A private key by URI or file, loaded as an application does. Never NULL. */
EVP_PKEY *bench_key(const char *name);

/* A signature of one text with a context of its own, as applications make them. *n in: room, out: length. */
bool bench_evp_sign(EVP_PKEY *key, const char *alg, unsigned char *sig, size_t *n);

/* Against the public half of @key. */
bool bench_evp_verify(EVP_PKEY *key, const char *alg, const unsigned char *sig, size_t n);

#endif
