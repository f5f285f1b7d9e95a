/* SPDX-License-Identifier: Apache-2.0 */
/* What an activated provider adds to the start and end of a process that never uses it. Each argument is NAME=CONF, an
 * openssl.cnf; they take turns, --count processes each in all. A line is the median of the CPU time of one process. It does
 * what --parameter says: digest, the library's initialization and a digest, or tls, which also makes a context for TLS. */
#include <getopt.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "bench.h"

#define VARIANTS 8

extern char **environ;

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int child(const char *what)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    SSL_CTX *tls;
    size_t n;

    if (strcmp(what, "tls") == 0) {
        if ((tls = SSL_CTX_new(TLS_client_method())) == NULL)
            return 1;
        SSL_CTX_free(tls);
    }
    return OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL) == 1 &&
                   EVP_Q_digest(NULL, "SHA256", NULL, "a", 1, out, &n) == 1
               ? 0
               : 1;
}

static double start(const char *what, const char *conf)
{
    char *args[] = {(char *)"bench_start", (char *)"child", (char *)what, NULL};
    struct rusage used;
    int status;
    pid_t pid;

    setenv("OPENSSL_CONF", conf, 1);
    if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, args, environ) != 0 || wait4(pid, &status, 0, &used) != pid ||
        status != 0)
        bench_die(conf);
    return 1e6 * (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    struct bench b;
    double *us[VARIANTS];
    int n;

    if (argc == 3 && strcmp(argv[1], "child") == 0)
        return child(argv[2]);
    b = bench_options(argc, argv);
    argv += optind;
    n = argc - optind;
    if (n < 1 || n > VARIANTS || b.count < 1)
        bench_die("see bench_start.c");
    for (int i = 0; i < n; i++) {
        us[i] = calloc((size_t)b.count, sizeof(double));
        argv[i][strcspn(argv[i], "=")] = '\0';
    }
    for (int t = -1; t < b.count; t++) { /* one to warm up */
        for (int i = 0; i < n; i++) {
            double took = start(b.parameter, argv[i] + strlen(argv[i]) + 1);

            if (t >= 0)
                us[i][t] = took;
        }
    }
    for (int i = 0; i < n; i++) {
        qsort(us[i], (size_t)b.count, sizeof(double), compare);
        b.variant = argv[i];
        bench_print(&b, "", us[i][b.count / 2], "us");
        free(us[i]);
    }
    return 0;
}
