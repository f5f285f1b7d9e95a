/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation that the provider's module makes fails once: nothing crashes, leaks or signs wrongly, and the next try
 * without a failure works. What OpenSSL and the token allocate is theirs and is left alone. One thread. */
#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

static const char data[] = "some text that somebody signs";

/* ---- the allocator between certroll.so and libc ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void __libc_free(void *p);

static const char *from, *to;   /* the module's code */
static unsigned long countdown; /* 0: nothing fails */
static unsigned long seen;

static void *mine[1 << 12]; /* live blocks of the module, in no order */
static size_t live;

static bool is_module(const void *caller)
{
    return from != NULL && (const char *)caller >= from && (const char *)caller < to;
}

static bool fails(const void *caller)
{
    if (!is_module(caller))
        return false;
    seen++;
    return countdown > 0 && --countdown == 0;
}

static void *keep(const void *caller, void *p)
{
    if (p != NULL && is_module(caller) && live < CR_COUNT(mine))
        mine[live++] = p;
    return p;
}

static void drop(const void *p)
{
    for (size_t i = live; p != NULL && i-- > 0;) {
        if (mine[i] == p) {
            mine[i] = mine[--live];
            return;
        }
    }
}

#pragma GCC visibility push(default)
void *malloc(size_t size)
{
    const void *caller = __builtin_return_address(0);

    return fails(caller) ? NULL : keep(caller, __libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
    const void *caller = __builtin_return_address(0);

    return fails(caller) ? NULL : keep(caller, __libc_calloc(n, size));
}

void *realloc(void *p, size_t size)
{
    const void *caller = __builtin_return_address(0);

    if (fails(caller))
        return NULL;
    drop(p);
    return keep(caller, __libc_realloc(p, size));
}

char *strdup(const char *text)
{
    const void *caller = __builtin_return_address(0);
    size_t n = strlen(text) + 1;
    char *copy = fails(caller) ? NULL : keep(caller, __libc_malloc(n));

    return copy != NULL ? memcpy(copy, text, n) : NULL;
}

void free(void *p)
{
    drop(p);
    __libc_free(p);
}
#pragma GCC visibility pop

/* Where the module's code lies. */
static void find_module(void)
{
    char line[512];
    FILE *f = fopen("/proc/self/maps", "r");

    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        unsigned long a = 0, b = 0;
        char mode[8] = "";

        if (strstr(line, "/certroll.so") == NULL || sscanf(line, "%lx-%lx %7s", &a, &b, mode) != 3 || mode[2] != 'x')
            continue;
        from = (const char *)a;
        to = (const char *)b;
    }
    (void)fclose(f);
    assert_non_null(from);
}

/* ---- what an application does ---- */

struct scene {
    EVP_PKEY *pubs[2];
    const struct role_cert *cert;
};

/* A signature in a stream with a copied context; one that comes out must be right. */
static bool sign(OSSL_LIB_CTX *ctx, EVP_PKEY *key, const struct scene *sc)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();
    unsigned char sig[512];
    size_t n = sizeof sig;
    bool good = EVP_DigestSignInit_ex(md, NULL, "SHA256", ctx, NULL, key, NULL) == 1 &&
                EVP_DigestSignUpdate(md, data, sizeof data) == 1 && EVP_MD_CTX_copy_ex(copy, md) == 1 &&
                EVP_DigestSignFinal(copy, sig, &n) == 1;

    if (good && !fixture_verify(sc->pubs[0], data, sizeof data, sig, n) &&
        !fixture_verify(sc->pubs[1], data, sizeof data, sig, n))
        fail_msg("a wrong signature");
    EVP_MD_CTX_free(md);
    EVP_MD_CTX_free(copy);
    return good;
}

static bool verify(OSSL_LIB_CTX *ctx, EVP_PKEY *key)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char sig[72] = {0x30, 6, 2, 1, 1, 2, 1, 1};
    int good = EVP_DigestVerifyInit_ex(md, NULL, "SHA256", ctx, NULL, key, NULL) == 1 &&
               EVP_DigestVerify(md, sig, 8, (const unsigned char *)data, sizeof data) == 0;

    EVP_MD_CTX_free(md);
    return good;
}

static bool use(OSSL_LIB_CTX *ctx, const struct scene *sc, const char *uri)
{
    EVP_PKEY *key = fixture_key(ctx, uri), *copy = key != NULL ? EVP_PKEY_dup(key) : NULL;
    EVP_PKEY *fresh = fixture_public(sc->cert); /* it holds what it was imported into */
    unsigned char *der = NULL;
    bool good = false;

    if (copy != NULL) {
        good = sign(ctx, key, sc);
        good = sign(ctx, copy, sc) && good;
        good = (EVP_PKEY_is_a(key, "EC") ? verify(ctx, key) : true) && good;
        good = (EVP_PKEY_eq(fresh, key) == 1) && good;
        good = (i2d_PUBKEY(key, &der) > 0) && good;
    }
    OPENSSL_free(der);
    EVP_PKEY_free(fresh);
    EVP_PKEY_free(copy);
    EVP_PKEY_free(key);
    return good;
}

/* Loads a provider of its own, a key by URI, signs and verifies, copies and compares keys; true when all went well. */
static bool act(const struct scene *sc, const char *uri)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *base, *ours;
    char folder[256];
    bool good;

    (void)snprintf(folder, sizeof folder, "%s", CERTROLL_SO);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(OSSL_PROVIDER_set_default_search_path(ctx, folder), 1);
    base = OSSL_PROVIDER_load(ctx, "default");
    ours = OSSL_PROVIDER_load(ctx, "certroll");
    good = ours != NULL && use(ctx, sc, uri);
    (void)OSSL_PROVIDER_unload(ours);
    (void)OSSL_PROVIDER_unload(base);
    OSSL_LIB_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

static void each_allocation_fails_once(void **state)
{
    static const char *const roles[][3] = {{"NomemE", "EcA", "EcB"}, {"NomemR", "RsaA", "RsaB"}};

    (void)state;
    find_module();
    for (size_t i = 0; i < CR_COUNT(roles); i++) {
        struct role_cert *a = fixture_cert(roles[i][1]), *b = fixture_cert(roles[i][2]);
        struct scene sc = {{fixture_public(a), fixture_public(b)}, a};
        unsigned long all, broken = 0;
        size_t before;
        char uri[64];

        fixture_assign(roles[i][0], a);
        fixture_roll(roles[i][0], b, fixture_now() + 86400);
        (void)snprintf(uri, sizeof uri, "certroll://%s", roles[i][0]);
        assert_true(act(&sc, uri));
        seen = 0;
        assert_true(act(&sc, uri));
        all = seen;
        before = live;
        for (unsigned long n = 1; n <= all; n++) {
            countdown = n;
            broken += !act(&sc, uri);
            countdown = 0;
            if (live != before)
                fail_msg("%s: allocation %lu fails, and %zd blocks stay", uri, n, (ssize_t)(live - before));
        }
        print_message("%s: %lu allocations, %lu of them were missed\n", uri, all, broken);
        assert_true(all > 50 && broken > 0);
        assert_true(act(&sc, uri));
        EVP_PKEY_free(sc.pubs[0]);
        EVP_PKEY_free(sc.pubs[1]);
        role_cert_unref(&a);
        role_cert_unref(&b);
    }
}

static int setup(void **state)
{
    EVP_PKEY *key;

    if (fixture_setup(state) != 0)
        return -1;
    key = fixture_key(NULL, "certroll://EcA"); /* the module stays from now on */
    EVP_PKEY_free(key);
    return key != NULL ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
