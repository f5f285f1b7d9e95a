/* SPDX-License-Identifier: Apache-2.0 */
/* Loads --key with its certificates --count times and signs --signatures times, under a module that counts. Prints nothing:
 * the counts are the difference between runs. */
#include <openssl/store.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

/* Everything behind the name, as an application that wants key and certificate asks for it. */
static EVP_PKEY *load_all(const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    while (store != NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL && key == NULL)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    (void)OSSL_STORE_close(store);
    return key;
}

int main(int argc, char **argv)
{
    struct bench b = bench_options(argc, argv);
    EVP_PKEY *key = NULL;

    for (int i = 0; i < b.count; i++) {
        EVP_PKEY_free(key);
        key = b.key[0] == '/' ? bench_key(b.key) : load_all(b.key);
        if (key == NULL)
            bench_die(b.key);
    }
    for (unsigned i = 0; i < b.signatures; i++) {
        unsigned char sig[512];
        size_t n = sizeof sig;

        if (!bench_evp_sign(key, b.alg, sig, &n))
            bench_die("no signature");
    }
    _Exit(0);
}
