/* SPDX-License-Identifier: Apache-2.0 */
/* What the program that loads us pays and finds: no p11-kit before a key is used, its own key managements before ours,
 * whoever asks first. */
#include <link.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

#define ROUNDS  40
#define THREADS 8

static const char *const types[] = {"RSA", "EC", "ED25519"};

static int is_p11_kit(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    return strstr(info->dlpi_name, "libp11-kit.so") != NULL;
}

static void p11_kit_is_loaded_with_the_first_key(void **state)
{
    struct fixture_instance in = fixture_load("certroll.conf");
    unsigned char out[EVP_MAX_MD_SIZE];
    EVP_PKEY *key;
    size_t n;

    (void)state;
    assert_int_equal(EVP_Q_digest(in.ctx, "SHA256", NULL, "a", 1, out, &n), 1);
    assert_int_equal(dl_iterate_phdr(is_p11_kit, NULL), 0);
    assert_non_null(key = fixture_key(in.ctx, "certroll://RsaA"));
    assert_int_equal(dl_iterate_phdr(is_p11_kit, NULL), 1);
    EVP_PKEY_free(key);
    fixture_unload(&in);
}

/* Whose key management of the type is found? */
static const char *whose(OSSL_LIB_CTX *ctx, const char *type, const char *properties)
{
    EVP_KEYMGMT *found = EVP_KEYMGMT_fetch(ctx, type, properties);
    const char *name = found != NULL ? OSSL_PROVIDER_get0_name(EVP_KEYMGMT_get0_provider(found)) : "nobody's";

    EVP_KEYMGMT_free(found); /* the name is the provider's */
    return name;
}

static void ours_is_found_by_property_in_the_first_search(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct fixture_instance in = fixture_load("certroll.conf");

        assert_string_equal(whose(in.ctx, types[i], "provider=certroll"), "certroll");
        for (size_t j = 0; j < sizeof types / sizeof types[0]; j++) {
            assert_string_equal(whose(in.ctx, types[j], NULL), "default");
            assert_string_equal(whose(in.ctx, types[j], ""), "default");
            assert_string_equal(whose(in.ctx, types[j], "provider=certroll"), "certroll");
        }
        fixture_unload(&in);
    }
}

static void the_order_of_loading_does_not_matter(void **state)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *ours, *base;
    char folder[256];

    (void)state;
    (void)snprintf(folder, sizeof folder, "%s", CERTROLL_SO);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(OSSL_PROVIDER_set_default_search_path(ctx, folder), 1);
    assert_non_null(ours = OSSL_PROVIDER_load(ctx, "certroll"));
    assert_non_null(base = OSSL_PROVIDER_load(ctx, "default"));
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        assert_string_equal(whose(ctx, types[i], NULL), "default");
        assert_string_equal(whose(ctx, types[i], "provider=certroll"), "certroll");
    }
    (void)OSSL_PROVIDER_unload(base);
    (void)OSSL_PROVIDER_unload(ours);
    OSSL_LIB_CTX_free(ctx);
}

struct seeker {
    pthread_barrier_t *all;
    OSSL_LIB_CTX *ctx;
    const char *type, *properties, *got;
};

static void *seek(void *arg)
{
    struct seeker *s = arg;

    (void)pthread_barrier_wait(s->all);
    s->got = whose(s->ctx, s->type, s->properties);
    return NULL;
}

static void threads_that_search_first_together_find_the_same(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct fixture_instance in = fixture_load("certroll.conf");
        struct seeker seekers[THREADS];
        pthread_t threads[THREADS];
        pthread_barrier_t all;

        assert_int_equal(pthread_barrier_init(&all, NULL, THREADS), 0);
        for (int i = 0; i < THREADS; i++) {
            seekers[i] = (struct seeker){&all, in.ctx, types[i / 2 % 3], i % 2 ? "provider=certroll" : NULL, NULL};
            assert_int_equal(pthread_create(&threads[i], NULL, seek, &seekers[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_string_equal(seekers[i].got, i % 2 ? "certroll" : "default");
        }
        (void)pthread_barrier_destroy(&all);
        fixture_unload(&in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p11_kit_is_loaded_with_the_first_key), /* before anything else loads it */
        cmocka_unit_test(ours_is_found_by_property_in_the_first_search),
        cmocka_unit_test(the_order_of_loading_does_not_matter),
        cmocka_unit_test(threads_that_search_first_together_find_the_same),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
