/* SPDX-License-Identifier: Apache-2.0 */
/* What a warm load and the init of an operation ask the kernel: how the role's record stands, once. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/store.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "roles/role_uri.h"
#include "tests/unit/stores/traced.h"

#define WARM   4
#define TIMES  25
#define MARKER SYS_getppid

struct work {
    bool (*op)(const struct work *w);
    const char *uri;
    int expect;
    EVP_PKEY *key;
    BIO *reference;
};

static bool load(const struct work *w)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(w->uri, NULL, NULL, NULL, NULL);
    int n = 0;

    if (store == NULL || (w->expect != 0 && OSSL_STORE_expect(store, w->expect) != 1))
        return false;
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        n += info != NULL;
        OSSL_STORE_INFO_free(info);
    }
    return OSSL_STORE_close(store) == 1 && n == (w->expect != 0 ? 1 : 2);
}

static bool load_reference(const struct work *w)
{
    char *text;
    long n = BIO_get_mem_data(w->reference, &text);
    BIO *bio = BIO_new_mem_buf(text, (int)n);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    bool good = key != NULL;

    EVP_PKEY_free(key);
    BIO_free(bio);
    return good;
}

static bool init(const struct work *w)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, w->key) == 1;

    EVP_MD_CTX_free(ctx);
    return good;
}

/* EVP asks the key which digest it wants where the caller names none. */
static bool init_without_digest(const struct work *w)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = EVP_DigestSignInit(ctx, NULL, NULL, NULL, w->key) == 1;

    EVP_MD_CTX_free(ctx);
    return good;
}

/* In the child. The token is initialized anew there, before the marker. */
static int run(void *arg)
{
    struct work *w = arg;
    EVP_PKEY *first = fixture_key(NULL, w->uri);
    int good = first != NULL;

    w->key = first;
    for (int i = 0; i < WARM; i++)
        good = good && w->op(w);
    (void)syscall(MARKER);
    for (int i = 0; i < TIMES; i++)
        good = good && w->op(w);
    (void)syscall(MARKER);
    return good ? 0 : 1;
}

static bool is_look(long nr)
{
    return nr == SYS_newfstatat || nr == SYS_statx || nr == SYS_fstat;
}

static bool is_memory(long nr)
{
    return nr == SYS_brk || nr == SYS_mmap || nr == SYS_munmap || nr == SYS_madvise || nr == SYS_mremap;
}

static void assert_one_look_each(const struct traced *t)
{
    unsigned looks = 0, others = 0, i = 0;

    assert_in_range(t->calls, TIMES + 2, TRACED_MAX);
    while (i < t->calls && t->nr[i] != MARKER)
        i++;
    for (i++; i < t->calls && t->nr[i] != MARKER; i++) {
        looks += is_look(t->nr[i]);
        others += !is_look(t->nr[i]) && !is_memory(t->nr[i]);
    }
    assert_in_range(i, 1, t->calls - 1);
    assert_int_equal(looks, TIMES);
    assert_int_equal(others, 0);
}

static BIO *reference_to(const char *uri)
{
    struct cr_buf der = {0};
    BIO *bio = BIO_new(BIO_s_mem());

    assert_false(cr_failed(role_ref_write(uri, &der, NULL)));
    assert_true(PEM_write_bio(bio, ROLE_REF_PEM_LABEL, "", der.p, (long)der.n) > 0);
    cr_buf_clear(&der);
    return bio;
}

static void one_look_a_load_and_one_an_init(void **state)
{
    static const struct work rows[] = {
        {.op = load, .uri = "certroll://RsaA"},
        {.op = load, .uri = "certroll://RsaA", .expect = OSSL_STORE_INFO_PKEY},
        {.op = load, .uri = "certroll://RsaA", .expect = OSSL_STORE_INFO_CERT},
        {.op = load, .uri = "certroll://EcA"},
        {.op = load, .uri = "certroll://EcA;bind=pinned", .expect = OSSL_STORE_INFO_PKEY},
        {.op = load_reference, .uri = "certroll://RsaA"},
        {.op = load_reference, .uri = "certroll://EcA;bind=pinned"},
        {.op = init, .uri = "certroll://RsaA"},
        {.op = init, .uri = "certroll://EcA;bind=pinned"},
        {.op = init_without_digest, .uri = "certroll://EdA"},
        {.op = init_without_digest, .uri = "certroll://RsaA"},
    };

    (void)state;
    if (!traced_allowed()) {
        if (getenv("CI") != NULL)
            fail_msg("no leave to trace a child");
        print_message("SKIP: no leave to trace a child\n");
        skip();
    }
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct work w = rows[i];
        static struct traced t;

        w.reference = reference_to(w.uri);
        traced_run(run, &w, 0, &t);
        assert_int_equal(t.exit_code, 0);
        assert_one_look_each(&t);
        BIO_free(w.reference);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_look_a_load_and_one_an_init)};

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
