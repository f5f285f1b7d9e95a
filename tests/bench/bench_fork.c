/* SPDX-License-Identifier: Apache-2.0 */
/* The first signature in a forked child: of a key that the parent has signed with, or, raw, everything from C_Initialize on
 * in the child of a process that only loaded the module: what the token takes itself. One child after the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"

static bool sign(struct raw *raw, EVP_PKEY *key, const struct bench *b)
{
    static const unsigned char digest[32] = "32 bytes that are the digest....";
    unsigned char sig[512];
    unsigned long raw_n = sizeof sig;
    size_t n = sizeof sig;

    if (key != NULL)
        return bench_evp_sign(key, b->alg, sig, &n);
    raw_start(raw, b);
    return raw_sign(raw->p11, raw->session, raw->key, b->alg, digest, sig, &raw_n);
}

static double child(struct raw *raw, EVP_PKEY *key, const struct bench *b)
{
    int ends[2], status = 0;
    double ms = -1;
    pid_t pid;

    if (pipe(ends) != 0 || (pid = fork()) < 0)
        bench_die("fork");
    if (pid == 0) {
        int64_t begin = bench_ns();

        if (sign(raw, key, b))
            ms = 1e-6 * (double)(bench_ns() - begin);
        _exit(write(ends[1], &ms, sizeof ms) == (ssize_t)sizeof ms ? 0 : 1);
    }
    if (read(ends[0], &ms, sizeof ms) != (ssize_t)sizeof ms || ms < 0)
        bench_die("a child did not sign");
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)waitpid(pid, &status, 0);
    return ms;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv)
{
    struct bench b = bench_options(argc, argv);
    struct raw raw = {0};
    EVP_PKEY *key = NULL;
    int n = b.count > 0 ? b.count : 5;
    double *ms = calloc((size_t)n, sizeof *ms);

    if (strcmp(b.backend, "raw") == 0) {
        raw_load(&raw, &b);
    } else {
        key = bench_key(b.key);
        if (!sign(NULL, key, &b))
            bench_die("the parent did not sign");
    }
    for (int i = 0; i < n; i++)
        ms[i] = child(&raw, key, &b);
    qsort(ms, (size_t)n, sizeof *ms, by_value);
    bench_print(&b, "", ms[n / 2], "ms");
    fflush(stdout);
    _Exit(0);
}
