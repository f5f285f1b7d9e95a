/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a process that holds keys and certificates of --count roles, --key 1, 2 and so on (none: only activated), as
 * the kernel counts it. */
#include <openssl/crypto.h>
#include <openssl/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static void hold(const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    int n = 0;

    while (store != NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL) /* the object stays */
            n += OSSL_STORE_INFO_get1_PKEY(info) != NULL || OSSL_STORE_INFO_get1_CERT(info) != NULL;
        OSSL_STORE_INFO_free(info);
    }
    (void)OSSL_STORE_close(store);
    if (n != 2)
        bench_die(uri);
}

static void print(const struct bench *b)
{
    static const struct {
        const char *line, *suffix;
    } rows[] = {{"Rss:", "_rss"}, {"Pss:", "_pss"}, {"Private_Dirty:", "_private"}};
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    char line[256];

    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            if (strncmp(line, rows[i].line, strlen(rows[i].line)) == 0)
                bench_print(b, rows[i].suffix, atof(line + strlen(rows[i].line)), "KiB");
        }
    }
    if (f == NULL)
        bench_die("smaps_rollup");
    fclose(f);
}

int main(int argc, char **argv)
{
    struct bench b = bench_options(argc, argv);
    char uri[256];

    (void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
    for (int i = 1; i <= b.count; i++) {
        (void)snprintf(uri, sizeof uri, "certroll://%s%d", b.key, i);
        hold(uri);
    }
    print(&b);
    fflush(stdout);
    _Exit(0);
}
