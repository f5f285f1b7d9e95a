/* SPDX-License-Identifier: Apache-2.0 */
/* Which key an operation is bound to, and when: slots, pins, copies, revocation, rolls between two calls. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

static const char data[] = "some text that somebody signs";
static const unsigned char *const tbs = (const unsigned char *)data;

/* Two certificates of one type, their public keys, and a role that begins with the first. */
struct pair {
    struct role_cert *a, *b;
    EVP_PKEY *pa, *pb;
};

static struct pair pair_of(const char *role, const char *a, const char *b)
{
    struct pair p = {fixture_cert(a), fixture_cert(b), NULL, NULL};

    p.pa = fixture_public(p.a);
    p.pb = fixture_public(p.b);
    fixture_assign(role, p.a);
    ERR_clear_error();
    return p;
}

static void pair_clear(struct pair *p)
{
    EVP_PKEY_free(p->pa);
    EVP_PKEY_free(p->pb);
    role_cert_unref(&p->a);
    role_cert_unref(&p->b);
}

/* Signs, verifies in software, and asks the context who signed. */
static bool signs_as(EVP_PKEY *key, EVP_PKEY *pub, const struct role_cert *cert)
{
    unsigned char sig[512];
    size_t n = sizeof sig;
    char kid[128] = "";

    return key != NULL && fixture_sign(key, data, sizeof data, sig, &n, kid) && strcmp(kid, cert->jkt) == 0 &&
           fixture_verify(pub, data, sizeof data, sig, n);
}

static bool refuses(EVP_PKEY *key, const char *says)
{
    unsigned char sig[512];
    size_t n = sizeof sig;

    ERR_clear_error();
    return key != NULL && !fixture_sign(key, data, sizeof data, sig, &n, NULL) && fixture_error_has(says);
}

static void each_slot_signs_with_its_key(void **state)
{
    struct pair p = pair_of("Slots", "EcA", "EcB");
    EVP_PKEY *next, *previous, *current;

    (void)state;
    fixture_roll("Slots", p.b, fixture_now() + 86400);
    next = fixture_key(NULL, "certroll://Slots;slot=next");
    current = fixture_key(NULL, "certroll://Slots;slot=current");
    assert_true(signs_as(next, p.pb, p.b)); /* a day before its date */
    assert_true(signs_as(current, p.pa, p.a));
    fixture_change("Slots", (struct role_intent){.verb = ROLE_ROLL_NOW});
    previous = fixture_key(NULL, "certroll://Slots;slot=previous");
    assert_true(signs_as(previous, p.pa, p.a));
    assert_true(signs_as(current, p.pb, p.b));
    assert_true(refuses(next, "no next")); /* live: it follows its slot, which is empty now */
    EVP_PKEY_free(next);
    EVP_PKEY_free(previous);
    EVP_PKEY_free(current);
    pair_clear(&p);
}

static void a_thumbprint_pins_previous_and_refuses_when_revoked(void **state)
{
    struct pair p = pair_of("Print", "RsaA", "RsaB");
    char uri[128];
    EVP_PKEY *key;

    (void)state;
    fixture_assign("Print", p.b);
    (void)snprintf(uri, sizeof uri, "certroll://Print;thumbprint=%s", p.a->thumbprint);
    key = fixture_key(NULL, uri);
    assert_true(signs_as(key, p.pa, p.a));
    fixture_revoke("Print", p.a->spki);
    assert_true(refuses(key, "revoked"));
    ERR_clear_error();
    assert_null(fixture_key(NULL, uri));
    assert_true(fixture_error_has("thumbprint"));
    EVP_PKEY_free(key);
    pair_clear(&p);
}

static void a_copied_context_refuses_a_revoked_key_at_its_next_init(void **state)
{
    struct pair p = pair_of("CopyRevoked", "EcA", "EcB");
    EVP_PKEY *key = fixture_key(NULL, "certroll://CopyRevoked;bind=pinned");
    EVP_MD_CTX *ctx = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();
    unsigned char sig[128];
    size_t n = sizeof sig;

    (void)state;
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_MD_CTX_copy_ex(copy, ctx), 1);
    fixture_revoke("CopyRevoked", p.a->spki);
    ERR_clear_error();
    assert_int_not_equal(EVP_DigestSignInit(copy, NULL, EVP_sha256(), NULL, NULL), 1); /* NULL: the same key again */
    assert_true(fixture_error_has("revoked"));
    assert_int_not_equal(EVP_DigestSignInit(copy, NULL, EVP_sha256(), NULL, key), 1);
    assert_true(fixture_error_has("revoked"));
    /* What was begun before the revocation ends: each init makes the check, nothing in the middle does. */
    assert_int_equal(EVP_DigestSign(ctx, sig, &n, tbs, sizeof data), 1);
    assert_true(fixture_verify(p.pa, data, sizeof data, sig, n));
    EVP_MD_CTX_free(ctx);
    EVP_MD_CTX_free(copy);
    EVP_PKEY_free(key);
    pair_clear(&p);
}

static void a_copy_of_a_key_stays_and_the_original_flips(void **state)
{
    static const char *const rows[][3] = {{"DupR", "RsaA", "RsaB"}, {"DupE", "EcA", "EcB"}, {"DupD", "EdA", "EdB"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct pair p = pair_of(rows[i][0], rows[i][1], rows[i][2]);
        EVP_PKEY *live, *copy, *again;
        char uri[64];

        (void)snprintf(uri, sizeof uri, "certroll://%s", rows[i][0]);
        live = fixture_key(NULL, uri);
        copy = EVP_PKEY_dup(live);
        assert_non_null(copy);
        fixture_assign(rows[i][0], p.b);
        again = EVP_PKEY_dup(copy); /* of a pin: the same pin */
        assert_true(signs_as(live, p.pb, p.b));
        assert_true(signs_as(copy, p.pa, p.a));
        EVP_PKEY_free(live);
        assert_true(signs_as(again, p.pa, p.a));
        fixture_revoke(rows[i][0], p.a->spki);
        assert_true(refuses(copy, "revoked"));
        assert_true(refuses(again, "revoked"));
        EVP_PKEY_free(copy);
        EVP_PKEY_free(again);
        pair_clear(&p);
    }
}

static X509 *x509_of(const struct role_cert *cert)
{
    const unsigned char *p = cert->leaf.p;
    X509 *x509 = d2i_X509(NULL, &p, (long)cert->leaf.n);

    assert_non_null(x509);
    return x509;
}

static int ssl_accepts(X509 *x509, EVP_PKEY *key)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    int good;

    assert_non_null(ctx);
    assert_int_equal(SSL_CTX_use_certificate(ctx, x509), 1);
    good = SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

/* Asks everything that compares a certificate or a public key with @key, in both orders. */
static void belongs_to(EVP_PKEY *key, const struct role_cert *cert, EVP_PKEY *pub, int yes)
{
    X509 *x509 = x509_of(cert);

    assert_int_equal(X509_check_private_key(x509, key), yes);
    assert_int_equal(ssl_accepts(x509, key), yes);
    assert_int_equal(EVP_PKEY_eq(key, pub) == 1, yes);
    assert_int_equal(EVP_PKEY_eq(pub, key) == 1, yes);
    ERR_clear_error();
    X509_free(x509);
}

static void the_certificate_of_a_key_is_known_before_and_after_a_roll(void **state)
{
    static const char *const rows[][3] = {{"EqR", "RsaA", "RsaB"}, {"EqE", "EcA", "EcB"}, {"EqD", "EdA", "EdB"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct pair p = pair_of(rows[i][0], rows[i][1], rows[i][2]);
        EVP_PKEY *live, *pinned;
        char uri[64];

        (void)snprintf(uri, sizeof uri, "certroll://%s", rows[i][0]);
        live = fixture_key(NULL, uri);
        (void)snprintf(uri, sizeof uri, "certroll://%s;bind=pinned", rows[i][0]);
        pinned = fixture_key(NULL, uri);
        belongs_to(live, p.a, p.pa, 1);
        belongs_to(live, p.b, p.pb, 0);
        fixture_assign(rows[i][0], p.b);
        belongs_to(live, p.b, p.pb, 1);
        belongs_to(live, p.a, p.pa, 0);
        belongs_to(pinned, p.a, p.pa, 1);
        belongs_to(pinned, p.b, p.pb, 0);
        assert_true(signs_as(live, p.pb, p.b)); /* and nothing of this moved where it signs */
        assert_true(signs_as(pinned, p.pa, p.a));
        assert_int_not_equal(EVP_PKEY_eq(live, pinned), 1);
        EVP_PKEY_free(live);
        EVP_PKEY_free(pinned);
        pair_clear(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_slot_signs_with_its_key),
        cmocka_unit_test(a_thumbprint_pins_previous_and_refuses_when_revoked),
        cmocka_unit_test(a_copied_context_refuses_a_revoked_key_at_its_next_init),
        cmocka_unit_test(a_copy_of_a_key_stays_and_the_original_flips),
        cmocka_unit_test(the_certificate_of_a_key_is_known_before_and_after_a_roll),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
