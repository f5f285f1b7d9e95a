/* SPDX-License-Identifier: Apache-2.0 */
/* A live key of --key signs in --threads for --ms while the role rolls at --flip (seconds UTC). Every signature is verified
 * by --old or --new, where given. Prints how many failed, the longest time in which no thread finished a signature, within
 * 50 ms of the flip and in stretches as long before and after, the median signature, and latencies by distance from the flip. */
#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define SAMPLES_MAX 200000 /* a thread */
#define NEAR_NS     INT64_C(250000000)
#define BIN_NS      10000000
#define GAP_NS      INT64_C(50000000)
#define STRETCHES   16

struct sample {
    int64_t end, took;
    bool good, fresh; /* by the new key */
};

struct signer {
    pthread_t thread;
    const struct bench *b;
    EVP_PKEY *key, *old, *new;
    struct sample *samples;
    size_t n;
};

static atomic_bool stop;

static void *work(void *arg)
{
    struct signer *s = arg;

    while (!atomic_load_explicit(&stop, memory_order_relaxed) && s->n < SAMPLES_MAX) {
        struct sample *at = &s->samples[s->n++];
        unsigned char sig[512];
        size_t n = sizeof sig;
        int64_t begin = bench_ns();

        at->good = bench_evp_sign(s->key, s->b->alg, sig, &n);
        at->end = bench_ns();
        at->took = at->end - begin;
        if (at->good && s->old != NULL) {
            at->fresh = bench_evp_verify(s->new, s->b->alg, sig, n);
            at->good = at->fresh || bench_evp_verify(s->old, s->b->alg, sig, n);
        }
        ERR_clear_error();
    }
    return NULL;
}

static int by_end(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;

    return (x->end > y->end) - (x->end < y->end);
}

static int by_took(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;

    return (x->took > y->took) - (x->took < y->took);
}

static struct sample *merge(struct signer *signers, unsigned threads, size_t *n)
{
    struct sample *all;

    *n = 0;
    for (unsigned i = 0; i < threads; i++)
        *n += signers[i].n;
    all = calloc(*n + 1, sizeof *all);
    *n = 0;
    for (unsigned i = 0; i < threads; i++) {
        memcpy(all + *n, signers[i].samples, signers[i].n * sizeof *all);
        *n += signers[i].n;
    }
    qsort(all, *n, sizeof *all, by_end);
    return all;
}

/* Of the monotonic clock, from the one of the wall. */
static int64_t flip_ns(int64_t seconds)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return bench_ns() + (seconds - now.tv_sec) * 1000000000 - now.tv_nsec;
}

static void print_bin(const struct bench *b, struct sample *bin, size_t n, int64_t at)
{
    char ms[32];
    struct bench line = *b;

    if (n == 0)
        return;
    (void)snprintf(ms, sizeof ms, "%ld", (long)(at / 1000000));
    line.parameter = ms;
    qsort(bin, n, sizeof *bin, by_took);
    bench_print(&line, "_p50", 1e-6 * (double)bin[n / 2].took, "ms");
    bench_print(&line, "_p99", 1e-6 * (double)bin[n * 99 / 100].took, "ms");
    bench_print(&line, "_max", 1e-6 * (double)bin[n - 1].took, "ms");
}

/* Within GAP_NS of @at, in which no thread finished a signature. */
static int64_t longest_gap(const struct sample *all, size_t n, int64_t at)
{
    int64_t longest = 0;

    for (size_t i = 1; i < n; i++) {
        int64_t gap = all[i].end - all[i - 1].end;

        if (all[i].end > at - GAP_NS && all[i - 1].end < at + GAP_NS && gap > longest)
            longest = gap;
    }
    return longest;
}

static int by_length(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* What is the machine's own shows in stretches of the same length without a roll: the median of their longest gaps. */
static void print_gaps(const struct bench *b, const struct sample *all, size_t n, int64_t flip)
{
    int64_t others[STRETCHES];
    size_t found = 0;

    for (int64_t at = flip - STRETCHES / 2 * 2 * GAP_NS; at <= flip + STRETCHES / 2 * 2 * GAP_NS; at += 2 * GAP_NS) {
        if (n > 0 && at != flip && at - GAP_NS >= all[0].end && at + GAP_NS <= all[n - 1].end)
            others[found++] = longest_gap(all, n, at);
    }
    bench_print(b, "_gap", 1e-6 * (double)longest_gap(all, n, flip), "ms");
    qsort(others, found, sizeof *others, by_length);
    if (found > 0)
        bench_print(b, "_quiet", 1e-6 * (double)others[found / 2], "ms");
}

static void print_all(const struct bench *b, struct sample *all, size_t n, int64_t flip)
{
    size_t failed = 0, fresh = 0, from = 0;

    for (size_t i = 0; i < n; i++) {
        failed += !all[i].good;
        fresh += all[i].fresh;
    }
    bench_print(b, "_signatures", (double)n, "1");
    bench_print(b, "_failed", (double)failed, "1");
    bench_print(b, "_new", (double)fresh, "1");
    print_gaps(b, all, n, flip);
    for (int64_t at = -NEAR_NS; at < NEAR_NS; at += BIN_NS) {
        size_t to;

        while (from < n && all[from].end < flip + at)
            from++;
        for (to = from; to < n && all[to].end < flip + at + BIN_NS;)
            to++;
        print_bin(b, all + from, to - from, at);
        from = to;
    }
    qsort(all, n, sizeof *all, by_took);
    bench_print(b, "_op", 1e-6 * (double)all[n / 2].took, "ms");
}

int main(int argc, char **argv)
{
    struct bench b = bench_options(argc, argv);
    struct signer *signers = calloc(b.threads, sizeof *signers);
    EVP_PKEY *key = bench_key(b.key), *old = NULL, *new = NULL;
    struct timespec ts = {b.ms / 1000, (long)(b.ms % 1000) * 1000000};
    struct sample *all;
    size_t n;

    if (b.old != NULL && b.new != NULL) {
        old = bench_key(b.old);
        new = bench_key(b.new);
    }
    for (unsigned i = 0; i < b.threads; i++) {
        signers[i] = (struct signer){0, &b, key, old, new, calloc(SAMPLES_MAX, sizeof(struct sample)), 0};
        if (pthread_create(&signers[i].thread, NULL, work, &signers[i]) != 0)
            bench_die("pthread_create");
    }
    nanosleep(&ts, NULL);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < b.threads; i++)
        pthread_join(signers[i].thread, NULL);
    all = merge(signers, b.threads, &n);
    print_all(&b, all, n, flip_ns(b.flip));
    fflush(stdout);
    _Exit(0);
}
