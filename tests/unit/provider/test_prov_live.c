/* SPDX-License-Identifier: Apache-2.0 */
/* Long-held keys while their role changes: live ones follow, pinned ones stay, revoked ones refuse. */
#include <openssl/err.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

static const char data[] = "some text that somebody signs";

static bool signs_as(EVP_PKEY *key, EVP_PKEY *pub, const struct role_cert *cert)
{
    unsigned char sig[512];
    size_t n = sizeof sig;
    char kid[128] = "";

    return fixture_sign(key, data, sizeof data, sig, &n, kid) && strcmp(kid, cert->jkt) == 0 &&
           fixture_verify(pub, data, sizeof data, sig, n);
}

/* A role's keys: live, pinned and a copy of the live one. */
struct flip {
    EVP_PKEY *live, *pinned, *copy;
    int64_t at;
};

static void flip_free(struct flip *f)
{
    EVP_PKEY_free(f->live);
    EVP_PKEY_free(f->pinned);
    EVP_PKEY_free(f->copy);
}

/* The keys of a role that rolls to @b in @ahead seconds. False where a busy machine took too long to have them by then. */
static bool flip_load(struct flip *f, struct role_cert *a, struct role_cert *b, int ahead)
{
    char role[32], live[64], pinned[64];

    (void)snprintf(role, sizeof role, "Flip%d", ahead);
    (void)snprintf(live, sizeof live, "certroll://%s", role);
    (void)snprintf(pinned, sizeof pinned, "certroll://%s;bind=pinned", role);
    f->at = fixture_now() + ahead;
    fixture_assign(role, a);
    fixture_roll(role, b, f->at);
    f->live = fixture_key(NULL, live);
    f->pinned = fixture_key(NULL, pinned);
    f->copy = EVP_PKEY_dup(f->live);
    assert_non_null(f->copy);
    return fixture_now() < f->at - 1;
}

/* Signs until a second before the date: how often. What was signed later than that may be by either key. */
static unsigned signs_until(const struct flip *f, EVP_PKEY *pub, const struct role_cert *cert)
{
    unsigned n = 0;

    for (;;) {
        bool good = signs_as(f->live, pub, cert);

        if (fixture_now() >= f->at - 1)
            return n;
        assert_true(good);
        n++;
    }
}

static void a_live_key_flips_at_the_effective_date_and_a_pinned_one_stays(void **state)
{
    struct role_cert *a = fixture_cert("RsaA"), *b = fixture_cert("RsaB");
    EVP_PKEY *pa = fixture_public(a), *pb = fixture_public(b);
    struct flip f = {0};
    int ahead = 3;

    (void)state;
    for (; !flip_load(&f, a, b, ahead) || signs_until(&f, pa, a) == 0; ahead *= 2) {
        assert_true(ahead < 60);
        flip_free(&f);
    }
    while (fixture_now() < f.at)
        usleep(100);
    assert_true(signs_as(f.live, pb, b)); /* the very next operation */
    assert_true(signs_as(f.pinned, pa, a));
    assert_true(signs_as(f.copy, pa, a));
    flip_free(&f);
    EVP_PKEY_free(pa);
    EVP_PKEY_free(pb);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void a_change_acts_at_the_next_init_and_not_in_the_middle(void **state)
{
    struct role_cert *a = fixture_cert("EcA"), *b = fixture_cert("EcB");
    EVP_PKEY *pa = fixture_public(a), *pb = fixture_public(b), *key;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char sig[128];
    size_t n = sizeof sig;

    (void)state;
    fixture_assign("Middle", a);
    key = fixture_key(NULL, "certroll://Middle");
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    fixture_assign("Middle", b);
    assert_int_equal(EVP_DigestSign(ctx, sig, &n, (const unsigned char *)data, sizeof data), 1);
    assert_true(fixture_verify(pa, data, sizeof data, sig, n));
    assert_true(signs_as(key, pb, b));
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    EVP_PKEY_free(pa);
    EVP_PKEY_free(pb);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void a_revoked_key_refuses_at_the_next_init_even_when_pinned(void **state)
{
    struct role_cert *a = fixture_cert("RsaA");
    EVP_PKEY *live, *pinned;
    unsigned char sig[512];
    size_t n = sizeof sig;

    (void)state;
    fixture_assign("Revoked", a);
    live = fixture_key(NULL, "certroll://Revoked");
    pinned = fixture_key(NULL, "certroll://Revoked;bind=pinned");
    assert_true(fixture_sign(pinned, data, sizeof data, sig, &n, NULL));
    fixture_revoke("Revoked", a->spki);
    ERR_clear_error();
    assert_false(fixture_sign(pinned, data, sizeof data, sig, &n, NULL));
    assert_true(fixture_error_has("revoked"));
    assert_false(fixture_sign(live, data, sizeof data, sig, &n, NULL));
    assert_true(fixture_error_has("revoked"));
    assert_null(fixture_key(NULL, "certroll://Revoked"));
    assert_true(fixture_error_has("revoked"));
    EVP_PKEY_free(live);
    EVP_PKEY_free(pinned);
    role_cert_unref(&a);
}

static void an_unreadable_record_leaves_the_last_good_one(void **state)
{
    struct role_cert *a = fixture_cert("EcA");
    EVP_PKEY *pa = fixture_public(a), *key;
    char path[128], aside[160];

    (void)state;
    fixture_assign("Gone", a);
    key = fixture_key(NULL, "certroll://Gone");
    (void)snprintf(path, sizeof path, "%s/lab/state/roles/Gone.json", fx.dir);
    (void)snprintf(aside, sizeof aside, "%s.aside", path);
    assert_int_equal(rename(path, aside), 0);
    assert_true(signs_as(key, pa, a));
    assert_int_equal(chmod(aside, 0666), 0);
    assert_int_equal(rename(aside, path), 0); /* writable by others: not to be trusted */
    assert_true(signs_as(key, pa, a));
    EVP_PKEY_free(key);
    EVP_PKEY_free(pa);
    role_cert_unref(&a);
}

static void a_live_key_does_not_follow_to_another_type_of_key(void **state)
{
    struct role_cert *a = fixture_cert("EcA"), *b = fixture_cert("P384");
    EVP_PKEY *key;
    unsigned char sig[512];
    size_t n = sizeof sig;

    (void)state;
    fixture_assign("Type", a);
    key = fixture_key(NULL, "certroll://Type");
    fixture_assign("Type", b);
    assert_false(fixture_sign(key, data, sizeof data, sig, &n, NULL));
    assert_true(fixture_error_has("reload"));
    EVP_PKEY_free(key);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void a_live_rsa_key_follows_to_a_longer_one(void **state)
{
    struct role_cert *a = fixture_cert("RsaA"), *b = fixture_cert("Rsa3");
    EVP_PKEY *pb = fixture_public(b), *key;

    (void)state;
    fixture_assign("Longer", a);
    key = fixture_key(NULL, "certroll://Longer");
    fixture_assign("Longer", b);
    assert_true(signs_as(key, pb, b));
    EVP_PKEY_free(key);
    EVP_PKEY_free(pb);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void an_empty_role_says_when_next_takes_over(void **state)
{
    struct role_cert *a = fixture_cert("EcA"), *b = fixture_cert("EcB");

    (void)state;
    fixture_assign("Empty", a);
    fixture_roll("Empty", b, fixture_now() + 86400);
    fixture_change("Empty", (struct role_intent){.verb = ROLE_UNASSIGN, .has_slot = true, .slot = ROLE_CURRENT});
    assert_null(fixture_key(NULL, "certroll://Empty"));
    assert_true(fixture_error_has("20"));
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void a_key_by_thumbprint_is_pinned(void **state)
{
    struct role_cert *a = fixture_cert("EcA"), *b = fixture_cert("EcB");
    EVP_PKEY *pa = fixture_public(a), *key;
    char uri[160];

    (void)state;
    fixture_assign("Thumb", a);
    fixture_assign("Thumb", b);
    (void)snprintf(uri, sizeof uri, "certroll://Thumb;thumbprint=%s", a->thumbprint);
    key = fixture_key(NULL, uri);
    assert_true(signs_as(key, pa, a));
    EVP_PKEY_free(key);
    (void)snprintf(uri, sizeof uri, "certroll://Thumb;thumbprint=%s", a->sha1);
    key = fixture_key(NULL, uri);
    assert_true(signs_as(key, pa, a));
    EVP_PKEY_free(key);
    EVP_PKEY_free(pa);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void a_private_context_works_is_loaded_twice_and_unloaded(void **state)
{
    struct role_cert *a = fixture_cert("EcA");
    EVP_PKEY *pa = fixture_public(a);
    char folder[256];

    (void)state;
    (void)snprintf(folder, sizeof folder, "%s", CERTROLL_SO);
    *strrchr(folder, '/') = '\0';
    for (int i = 0; i < 3; i++) {
        OSSL_LIB_CTX *one = OSSL_LIB_CTX_new(), *two = OSSL_LIB_CTX_new();
        EVP_PKEY *k1, *k2;

        assert_int_equal(OSSL_PROVIDER_set_default_search_path(one, folder), 1);
        assert_int_equal(OSSL_PROVIDER_set_default_search_path(two, folder), 1);
        OSSL_PROVIDER *d1 = OSSL_PROVIDER_load(one, "default"), *p1 = OSSL_PROVIDER_load(one, "certroll");
        /* The other way round: generating keys then fails, our own URIs still sign. */
        OSSL_PROVIDER *p2 = OSSL_PROVIDER_load(two, "certroll"), *d2 = OSSL_PROVIDER_load(two, "default");
        assert_non_null(p1);
        assert_non_null(p2);
        k1 = fixture_key(one, "certroll://EcA");
        k2 = fixture_key(two, "certroll://EcA");
        assert_non_null(k1);
        assert_non_null(k2);
        assert_true(signs_as(k1, pa, a));
        EVP_PKEY_free(k1);
        (void)OSSL_PROVIDER_unload(p1);
        (void)OSSL_PROVIDER_unload(d1);
        OSSL_LIB_CTX_free(one);
        unsigned char sig[128];
        size_t n = sizeof sig;
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", two, NULL, k2, NULL), 1);
        assert_int_equal(EVP_DigestSign(ctx, sig, &n, (const unsigned char *)data, sizeof data), 1);
        assert_true(fixture_verify(pa, data, sizeof data, sig, n));
        EVP_MD_CTX_free(ctx);
        EVP_PKEY_free(k2);
        (void)OSSL_PROVIDER_unload(p2);
        (void)OSSL_PROVIDER_unload(d2);
        OSSL_LIB_CTX_free(two);
    }
    EVP_PKEY_free(pa);
    role_cert_unref(&a);
}

/* ---- rolls while threads sign ---- */

enum { THREADS = 4, ROLLS = 10000, LEAST_ROLLS = 100 };

static struct roll_test {
    EVP_PKEY *key, *pubs[2];
    struct role_cert *certs[2];
    atomic_bool stop;
    atomic_uint signatures, wrong_kid, failed, unverified, by[2];
} rt;

static void *sign_all_the_time(void *arg)
{
    (void)arg;
    while (!atomic_load(&rt.stop)) {
        unsigned char sig[512];
        size_t n = sizeof sig, which;
        char kid[128] = "";

        if (!fixture_sign(rt.key, data, sizeof data, sig, &n, kid)) {
            atomic_fetch_add(&rt.failed, 1);
            continue;
        }
        which = strcmp(kid, rt.certs[0]->jkt) == 0 ? 0 : 1;
        if (!fixture_verify(rt.pubs[which], data, sizeof data, sig, n)) {
            atomic_fetch_add(&rt.wrong_kid, 1);
            if (!fixture_verify(rt.pubs[1 - which], data, sizeof data, sig, n))
                atomic_fetch_add(&rt.unverified, 1);
        }
        atomic_fetch_add(&rt.signatures, 1);
        atomic_fetch_add(&rt.by[which], 1);
    }
    return NULL;
}

/* As many as the time allows, and some in any case: a busy machine makes a few only. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ROLLS_SEC 50
#else
#define ROLLS_SEC 100
#endif

/* Swaps the record's two certificates. */
static bool write_roll(void)
{
    struct role_record *rec = NULL, *next = NULL;
    bool good =
        !cr_failed(store_load(fx.store, "Rolling", &rec, NULL, NULL)) && !cr_failed(role_record_dup(rec, &next, NULL));

    if (good) {
        next->generation++;
        role_cert_put(&next->previous, rec->current);
        role_cert_put(&next->current, rec->previous != NULL ? rec->previous : rt.certs[1]);
        next->previous_until = fixture_now() + 3600;
        good = !cr_failed(store_save(fx.store, next, rec->generation, NULL));
    }
    role_record_unref(&rec);
    role_record_unref(&next);
    return good;
}

/* How many were made. Nothing is asserted here: a failure would leave the test while its threads sign. */
static unsigned write_rolls(bool *good)
{
    int64_t until = fixture_now() + ROLLS_SEC;
    unsigned n = 0;

    for (*good = true; *good && n < ROLLS && (n < LEAST_ROLLS || fixture_now() < until); n++)
        *good = write_roll();
    return n;
}

static void the_kid_is_that_of_the_key_that_signed_over_many_rolls(void **state)
{
    pthread_t threads[THREADS];
    unsigned rolls;
    bool written;

    (void)state;
    rt.certs[0] = fixture_cert("EcA");
    rt.certs[1] = fixture_cert("EcB");
    for (int i = 0; i < 2; i++)
        rt.pubs[i] = fixture_public(rt.certs[i]);
    fixture_assign("Rolling", rt.certs[0]);
    rt.key = fixture_key(NULL, "certroll://Rolling");
    assert_non_null(rt.key);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sign_all_the_time, NULL), 0);
    rolls = write_rolls(&written);
    atomic_store(&rt.stop, true);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    print_message("%u rolls, %u signatures, %u and %u by either key\n", rolls, rt.signatures, rt.by[0], rt.by[1]);
    assert_true(written);
    assert_true(rolls >= LEAST_ROLLS);
    assert_int_equal(rt.wrong_kid, 0);
    assert_int_equal(rt.failed, 0);
    assert_int_equal(rt.unverified, 0);
    assert_true(rt.by[0] > 0 && rt.by[1] > 0);
    EVP_PKEY_free(rt.key);
    for (int i = 0; i < 2; i++) {
        EVP_PKEY_free(rt.pubs[i]);
        role_cert_unref(&rt.certs[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_key_flips_at_the_effective_date_and_a_pinned_one_stays),
        cmocka_unit_test(a_change_acts_at_the_next_init_and_not_in_the_middle),
        cmocka_unit_test(a_revoked_key_refuses_at_the_next_init_even_when_pinned),
        cmocka_unit_test(an_unreadable_record_leaves_the_last_good_one),
        cmocka_unit_test(a_live_key_does_not_follow_to_another_type_of_key),
        cmocka_unit_test(a_live_rsa_key_follows_to_a_longer_one),
        cmocka_unit_test(an_empty_role_says_when_next_takes_over),
        cmocka_unit_test(a_key_by_thumbprint_is_pinned),
        cmocka_unit_test(a_private_context_works_is_loaded_twice_and_unloaded),
        cmocka_unit_test(the_kid_is_that_of_the_key_that_signed_over_many_rolls),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
