/* SPDX-License-Identifier: Apache-2.0 */
/* 1 to 64 threads sign with one key and with several, through pools of 2 and of 64 sessions. Counted at the token: two
 * calls a signature, no question about a session, never more sessions than the pool may have. */
#include <openssl/err.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "tests/mock/mock_count.h"

#define MOST  64
#define TOTAL 256 /* signatures of a row, by all its threads */
#define KEYS  4

#define WAIT_MS 5000 /* of an operation for a session */

static const char data[] = "some text that somebody signs";
static const char *const roles[KEYS] = {"EcA", "EcB", "EdA", "RsaA"};
static struct mock_counts *counts;
static EVP_PKEY *pubs[KEYS];

struct worker {
    pthread_t thread;
    EVP_PKEY *key, *pub;
    int times, good;
};

static bool sign(const struct worker *w)
{
    unsigned char sig[512];
    size_t n = sizeof sig;

    if (fixture_sign(w->key, data, sizeof data, sig, &n, NULL) && fixture_verify(w->pub, data, sizeof data, sig, n))
        return true;
    ERR_print_errors_fp(stderr);
    return false;
}

/* Who waited for a session as long as one may, which takes a machine that is very busy, has asked the token nothing, and
 * tries again. */
static void *work(void *arg)
{
    struct worker *w = arg;

    for (int i = 0; i < w->times; i++) {
        int64_t before = fixture_clock_ms();
        bool good = sign(w);

        while (!good && fixture_clock_ms() - before >= WAIT_MS) {
            before = fixture_clock_ms();
            good = sign(w);
        }
        w->good += good;
    }
    return NULL;
}

static unsigned long calls(enum mock_function of)
{
    return atomic_load(&counts->of[of].calls);
}

/* @n threads take turns with @nkeys keys. What a session costs when it is opened comes on top of two calls a signature. */
static void row(EVP_PKEY *const *keys, int nkeys, int n, unsigned long limit)
{
    struct worker w[MOST] = {0};
    unsigned long before = mock_counts_total(counts), opened = calls(MOCK_C_OpenSession), asked;
    int good = 0;

    for (int i = 0; i < n; i++) {
        w[i] = (struct worker){.key = keys[i % nkeys], .pub = pubs[i % nkeys], .times = TOTAL / n};
        assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
    }
    for (int i = 0; i < n; i++) {
        (void)pthread_join(w[i].thread, NULL);
        good += w[i].good;
    }
    asked = mock_counts_total(counts) - before - (calls(MOCK_C_OpenSession) - opened);
    assert_int_equal(good, TOTAL);
    assert_int_equal(asked, 2 * TOTAL);
    assert_in_range(atomic_load(&counts->seen.most), 1, limit);
    assert_int_equal(calls(MOCK_C_GetSessionInfo), 0);
}

static void pool_of(const char *conf, unsigned long limit)
{
    static const int threads[] = {1, 8, 32, 64};
    struct fixture_instance in = fixture_load(conf);
    EVP_PKEY *keys[KEYS];

    atomic_store(&counts->seen.most, atomic_load(&counts->seen.sessions));
    for (int i = 0; i < KEYS; i++) {
        char uri[64];
        struct worker once = {.pub = pubs[i], .times = 1};

        (void)snprintf(uri, sizeof uri, "certroll://%s", roles[i]);
        keys[i] = once.key = fixture_key(in.ctx, uri);
        assert_non_null(keys[i]);
        (void)work(&once); /* finds the key */
        assert_int_equal(once.good, 1);
    }
    for (size_t i = 0; i < CR_COUNT(threads); i++) {
        row(keys, 1, threads[i], limit);
        row(keys, KEYS, threads[i], limit);
    }
    print_message("pool of %lu: at most %lu sessions at once\n", limit, atomic_load(&counts->seen.most));
    for (int i = 0; i < KEYS; i++)
        EVP_PKEY_free(keys[i]);
    fixture_unload(&in);
    assert_int_equal(atomic_load(&counts->seen.sessions), 0);
}

static void threads_share_two_sessions(void **state)
{
    (void)state;
    pool_of("two.conf", 2);
}

static void threads_share_a_pool_as_large_as_they_are_many(void **state)
{
    (void)state;
    pool_of("many.conf", 64);
}

static int setup(void **state)
{
    char command[768], path[128];

    if (fixture_setup(state) != 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/counts", fx.dir);
    (void)snprintf(command, sizeof command,
                   "cd %s/lab && sed -i 's|^module = .*|module = %s|; /^max-sessions/d' certroll.conf && "
                   "sed '/^module = /a max-sessions = 2' certroll.conf >two.conf && "
                   "sed '/^module = /a max-sessions = 64' certroll.conf >many.conf",
                   fx.dir, MOCK_MODULE);
    (void)setenv("CERTROLL_MOCK_TARGET", SOFTHSM, 1);
    (void)setenv("CERTROLL_MOCK_COUNTS", path, 1);
    counts = mock_counts_map(path);
    for (int i = 0; i < KEYS; i++) {
        struct role_cert *cert = fixture_cert(roles[i]);
        pubs[i] = fixture_public(cert);
        role_cert_unref(&cert);
    }
    return counts != NULL && system(command) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    for (int i = 0; i < KEYS; i++)
        EVP_PKEY_free(pubs[i]);
    return fixture_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_share_two_sessions),
        cmocka_unit_test(threads_share_a_pool_as_large_as_they_are_many),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
