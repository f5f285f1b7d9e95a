/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures by threads: of the module alone (raw; copy: on a copy of the key in each thread's session), through the noop
 * provider, or by a key that OPENSSL_CONF's provider loads (evp). Prints the rate and the CPU time of one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "noop.h"

struct signer {
    struct raw raw; /* raw and copy: with a session of this thread */
    EVP_PKEY *key;  /* noop: of this thread; evp: of all */
    const char *alg;
};

static bool op_raw(void *state)
{
    static const unsigned char digest[32] = "32 bytes that are the digest....";
    struct signer *s = state;
    unsigned char sig[512];
    unsigned long n = sizeof sig;

    return raw_sign(s->raw.p11, s->raw.session, s->raw.key, s->alg, digest, sig, &n);
}

static bool op_evp(void *state)
{
    struct signer *s = state;
    unsigned char sig[512];
    size_t n = sizeof sig;

    return bench_evp_sign(s->key, s->alg, sig, &n);
}

static struct signer *signers_new(const struct bench *b)
{
    struct signer *all = calloc(b->threads, sizeof *all);
    bool raw = strcmp(b->backend, "raw") == 0, copy = strcmp(b->backend, "copy") == 0;
    struct raw first = {0};
    EVP_PKEY *key = NULL;

    if (strcmp(b->backend, "evp") == 0)
        key = bench_key(b->key);
    else
        raw_open(&first, b);
    for (unsigned i = 0; i < b->threads; i++) {
        all[i] = (struct signer){first, key, b->alg};
        if (raw || copy)
            all[i].raw.session = raw_session(&first);
        else if (key == NULL)
            all[i].key = noop_key(&first, b->alg);
        if (copy)
            raw_copy(&all[i].raw, all[i].raw.session);
    }
    return all;
}

int main(int argc, char **argv)
{
    struct bench b = bench_options(argc, argv);
    struct signer *signers = signers_new(&b);
    void **states = calloc(b.threads, sizeof *states);
    struct bench_result r;

    for (unsigned i = 0; i < b.threads; i++)
        states[i] = &signers[i];
    r = bench_threads(&b, signers[0].key != NULL ? op_evp : op_raw, states);
    bench_print(&b, "", r.per_second, "1/s");
    bench_print(&b, "_cpu", r.cpu_us, "us");
    fflush(stdout);
    _Exit(0); /* keys, sessions and providers stay: nothing of their end is measured */
}
