/* SPDX-License-Identifier: Apache-2.0 */
/* Which key an operation is bound to, and when: slots, pins, copies, revocation, rolls between two calls. */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
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

/* What stands in the role from now on, policy or not. */
static void put_record(const char *role, void (*edit)(struct role_record *rec, struct role_cert *cert),
                       struct role_cert *cert)
{
    struct role_record *rec = NULL, *next = NULL;
    struct cr_err err = {0};

    assert_false(cr_failed(store_load(fx.store, role, &rec, NULL, &err)));
    assert_false(cr_failed(role_record_dup(rec, &next, &err)));
    next->generation++;
    edit(next, cert);
    if (cr_failed(store_save(fx.store, next, rec->generation, &err)))
        fail_msg("%s: %s", role, err.text);
    role_record_unref(&rec);
    role_record_unref(&next);
}

static void put_current(struct role_record *rec, struct role_cert *cert)
{
    role_cert_put(&rec->current, cert);
    role_cert_put(&rec->previous, NULL);
    rec->previous_until = 0;
}

static void put_ceiling(struct role_record *rec, struct role_cert *cert)
{
    (void)cert;
    rec->max_rsa_bits = 2048;
}

static void a_live_key_asks_to_be_reloaded_when_its_kind_changes(void **state)
{
    static const char *const certs[] = {"RsaA", "EcA", "P384", "EdA"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(certs); i++) {
        struct role_cert *from = fixture_cert(certs[i]);
        EVP_PKEY *pub = fixture_public(from), *key;

        fixture_assign("Kind", from);
        key = fixture_key(NULL, "certroll://Kind;bind=live");
        for (size_t k = 0; k < CR_COUNT(certs); k++) {
            struct role_cert *to = fixture_cert(certs[k]);

            put_record("Kind", put_current, to);
            assert_true(k == i ? signs_as(key, pub, from) : refuses(key, "reload"));
            assert_int_equal(EVP_PKEY_get_bits(key), EVP_PKEY_get_bits(pub)); /* and what was read stays readable */
            role_cert_unref(&to);
        }
        EVP_PKEY_free(key);
        EVP_PKEY_free(pub);
        role_cert_unref(&from);
    }
}

static void a_live_key_does_not_grow_over_the_ceiling(void **state)
{
    struct pair p = pair_of("Ceiling", "RsaA", "Rsa3");
    EVP_PKEY *key, *fresh;

    (void)state;
    put_record("Ceiling", put_ceiling, NULL);
    key = fixture_key(NULL, "certroll://Ceiling");
    assert_int_equal(EVP_PKEY_get_size(key), 256);
    put_record("Ceiling", put_current, p.b);
    assert_true(refuses(key, "reload"));
    fresh = fixture_key(NULL, "certroll://Ceiling");
    assert_int_equal(EVP_PKEY_get_size(fresh), 384);
    assert_true(signs_as(fresh, p.pb, p.b));
    EVP_PKEY_free(key);
    EVP_PKEY_free(fresh);
    pair_clear(&p);
}

static void the_length_asked_for_is_that_of_the_bound_key(void **state)
{
    struct pair p = pair_of("Length", "RsaA", "Rsa3");
    EVP_PKEY *key = fixture_key(NULL, "certroll://Length");
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t n = 0;

    (void)state;
    assert_int_equal(EVP_PKEY_get_size(key), 512);
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    fixture_assign("Length", p.b);
    assert_int_equal(EVP_DigestSign(ctx, NULL, &n, tbs, sizeof data), 1);
    assert_int_equal(n, 256);
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, NULL, &n, tbs, sizeof data), 1);
    assert_int_equal(n, 384);
    assert_int_equal(EVP_PKEY_get_size(key), 512);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    pair_clear(&p);
}

enum how { ONE_SHOT, FINAL, PLAIN };

/* Signs into @n bytes; is the buffer, also what lies behind them, as it was when that fails? */
static int sign_into(EVP_PKEY *key, enum how how, int pad, size_t n)
{
    unsigned char sig[600], same[600];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL, *plain = EVP_PKEY_CTX_new(key, NULL);
    const char *md = EVP_PKEY_is_a(key, "ED25519") ? NULL : "SHA256";
    const unsigned char digest[32] = {1};
    size_t room = n;
    int good;

    memset(sig, 0xa5, sizeof sig);
    memset(same, 0xa5, sizeof same);
    if (how == PLAIN) {
        good = EVP_PKEY_sign_init(plain) == 1 && (pad == 0 || EVP_PKEY_CTX_set_rsa_padding(plain, pad) == 1) &&
               EVP_PKEY_CTX_set_signature_md(plain, EVP_sha256()) == 1 &&
               EVP_PKEY_sign(plain, sig, &n, digest, sizeof digest) == 1;
    } else {
        good = EVP_DigestSignInit_ex(ctx, &pctx, md, NULL, NULL, key, NULL) == 1 &&
               (pad == 0 || EVP_PKEY_CTX_set_rsa_padding(pctx, pad) == 1);
        if (how == ONE_SHOT)
            good = good && EVP_DigestSign(ctx, sig, &n, tbs, sizeof data) == 1;
        else
            good = good && EVP_DigestSignUpdate(ctx, tbs, sizeof data) == 1 && EVP_DigestSignFinal(ctx, sig, &n) == 1;
    }
    assert_memory_equal(sig + room, same, sizeof sig - room);
    if (!good)
        assert_memory_equal(sig, same, sizeof sig);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_CTX_free(plain);
    ERR_clear_error();
    return good;
}

static void one_byte_too_few_is_refused_and_nothing_is_written(void **state)
{
    static const struct {
        const char *uri;
        enum how how;
        int pad;
        size_t n;
    } rows[] = {
        {"certroll://RsaA", ONE_SHOT, 0, 256},
        {"certroll://RsaA", FINAL, 0, 256},
        {"certroll://RsaA", PLAIN, 0, 256},
        {"certroll://RsaA", ONE_SHOT, RSA_PKCS1_PSS_PADDING, 256},
        {"certroll://RsaA", FINAL, RSA_PKCS1_PSS_PADDING, 256},
        {"certroll://RsaA", PLAIN, RSA_PKCS1_PSS_PADDING, 256},
        {"certroll://Rsa3", ONE_SHOT, 0, 384},
        {"certroll://EcA", ONE_SHOT, 0, 72},
        {"certroll://EcA", FINAL, 0, 72},
        {"certroll://EcA", PLAIN, 0, 72},
        {"certroll://P384", ONE_SHOT, 0, 104},
        {"certroll://EdA", ONE_SHOT, 0, 64},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        EVP_PKEY *key = fixture_key(NULL, rows[i].uri);

        assert_non_null(key);
        for (size_t less = 1; less <= rows[i].n; less += rows[i].n - 1) {
            if (sign_into(key, rows[i].how, rows[i].pad, rows[i].n - less))
                fail_msg("row %zu signs into %zu bytes less", i, less);
        }
        if (!sign_into(key, rows[i].how, rows[i].pad, rows[i].n))
            fail_msg("row %zu does not sign into %zu bytes", i, rows[i].n);
        EVP_PKEY_free(key);
    }
}

/* Kid and thumbprint that the context says are those of @cert. */
static bool says(EVP_PKEY_CTX *pctx, const struct role_cert *cert)
{
    char kid[128] = "", thumb[65] = "";
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string("certroll-kid", kid, sizeof kid),
                           OSSL_PARAM_utf8_string("certroll-thumbprint", thumb, sizeof thumb), OSSL_PARAM_END};

    return EVP_PKEY_CTX_get_params(pctx, params) == 1 && strcmp(kid, cert->jkt) == 0 &&
           strcmp(thumb, cert->thumbprint) == 0;
}

static void finals_as(EVP_MD_CTX *ctx, const char *text, EVP_PKEY *pub)
{
    unsigned char sig[512];
    size_t n = sizeof sig;

    assert_int_equal(EVP_DigestSignFinal(ctx, sig, &n), 1);
    assert_true(fixture_verify(pub, text, strlen(text), sig, n));
}

static void a_stream_and_its_copy_end_with_the_key_of_their_init(void **state)
{
    static const char *const rows[][3] = {{"StreamR", "RsaA", "RsaB"}, {"StreamE", "EcA", "EcB"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct pair p = pair_of(rows[i][0], rows[i][1], rows[i][2]);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();
        EVP_PKEY_CTX *pctx = NULL;
        EVP_PKEY *key;
        char uri[64];

        (void)snprintf(uri, sizeof uri, "certroll://%s", rows[i][0]);
        key = fixture_key(NULL, uri);
        assert_int_equal(EVP_DigestSignInit(ctx, &pctx, EVP_sha256(), NULL, key), 1);
        assert_int_equal(EVP_DigestSignUpdate(ctx, "one ", 4), 1);
        fixture_assign(rows[i][0], p.b);
        assert_int_equal(EVP_MD_CTX_copy_ex(copy, ctx), 1); /* after the roll, and yet of the init before it */
        assert_int_equal(EVP_DigestSignUpdate(ctx, "two", 3), 1);
        assert_int_equal(EVP_DigestSignUpdate(copy, "three", 5), 1);
        assert_true(says(pctx, p.a));
        assert_true(says(EVP_MD_CTX_get_pkey_ctx(copy), p.a));
        finals_as(ctx, "one two", p.pa);
        finals_as(copy, "one three", p.pa);
        assert_int_equal(EVP_DigestSignInit(copy, &pctx, NULL, NULL, NULL), 1); /* the same key, asked again */
        assert_true(says(pctx, p.b));
        assert_int_equal(EVP_DigestSignUpdate(copy, "four", 4), 1);
        finals_as(copy, "four", p.pb);
        EVP_MD_CTX_free(ctx);
        EVP_PKEY_free(key); /* the copy holds it */
        assert_int_equal(EVP_DigestSignInit(copy, &pctx, EVP_sha256(), NULL, NULL), 1);
        assert_int_equal(EVP_DigestSignUpdate(copy, "five", 4), 1);
        finals_as(copy, "five", p.pb);
        EVP_MD_CTX_free(copy);
        pair_clear(&p);
    }
}

static void a_plain_context_is_bound_anew_by_each_init(void **state)
{
    struct pair p = pair_of("Plain", "RsaA", "RsaB");
    EVP_PKEY *key = fixture_key(NULL, "certroll://Plain");
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL), *copy;

    (void)state;
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    copy = EVP_PKEY_CTX_dup(ctx);
    assert_non_null(copy);
    fixture_assign("Plain", p.b);
    assert_true(says(ctx, p.a));
    assert_true(says(copy, p.a));
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_true(says(ctx, p.b));
    assert_true(says(copy, p.a));
    fixture_revoke("Plain", p.b->spki);
    assert_int_not_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_not_equal(EVP_PKEY_sign_init(copy), 1);
    assert_true(fixture_error_has("revoked"));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_CTX_free(copy);
    EVP_PKEY_free(key);
    pair_clear(&p);
}

/* How @key verifies @sig: the slot that matched, "" for a bad one. */
static void matched_by(EVP_PKEY *key, const unsigned char *sig, size_t n, const char *want)
{
    char matched[16] = "";
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string("certroll-matched", matched, sizeof matched), OSSL_PARAM_END};
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    const char *md = EVP_PKEY_is_a(key, "ED25519") ? NULL : "SHA256";
    int good;

    assert_int_equal(EVP_DigestVerifyInit_ex(ctx, &pctx, md, NULL, NULL, key, NULL), 1);
    good = EVP_DigestVerify(ctx, sig, n, tbs, sizeof data);
    assert_int_equal(EVP_PKEY_CTX_get_params(pctx, params), 1);
    assert_string_equal(matched, want);
    assert_int_equal(good == 1, want[0] != '\0');
    EVP_MD_CTX_free(ctx);
}

static void every_valid_slot_verifies_and_a_revoked_key_does_not(void **state)
{
    static const char *const rows[][3] = {
        {"SlotsR", "RsaA", "RsaB"}, {"SlotsE", "EcA", "EcB"}, {"SlotsD", "EdA", "EdB"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct pair p = pair_of(rows[i][0], rows[i][1], rows[i][2]);
        unsigned char by_a[512], by_b[512];
        size_t na = sizeof by_a, nb = sizeof by_b;
        EVP_PKEY *live, *pinned, *next;
        char uri[64];

        fixture_roll(rows[i][0], p.b, fixture_now() + 86400);
        (void)snprintf(uri, sizeof uri, "certroll://%s", rows[i][0]);
        live = fixture_key(NULL, uri);
        (void)snprintf(uri, sizeof uri, "certroll://%s;bind=pinned", rows[i][0]);
        pinned = fixture_key(NULL, uri);
        (void)snprintf(uri, sizeof uri, "certroll://%s;slot=next", rows[i][0]);
        next = fixture_key(NULL, uri);
        assert_true(fixture_sign(live, data, sizeof data, by_a, &na, NULL));
        assert_true(fixture_sign(next, data, sizeof data, by_b, &nb, NULL));
        matched_by(live, by_a, na, "current");
        matched_by(live, by_b, nb, "next");
        matched_by(pinned, by_a, na, "current");
        matched_by(pinned, by_b, nb, ""); /* what it would not have signed */
        fixture_change(rows[i][0], (struct role_intent){.verb = ROLE_ROLL_NOW});
        matched_by(live, by_b, nb, "current");
        matched_by(live, by_a, na, "previous");
        matched_by(pinned, by_a, na, "previous");
        fixture_revoke(rows[i][0], p.a->spki);
        matched_by(live, by_a, na, "");
        matched_by(live, by_b, nb, "current");
        by_b[nb / 2] ^= 1;
        matched_by(live, by_b, nb, "");
        ERR_clear_error();
        EVP_PKEY_free(live);
        EVP_PKEY_free(pinned);
        EVP_PKEY_free(next);
        pair_clear(&p);
    }
}

static void the_public_half_is_exported_and_the_private_is_not(void **state)
{
    static const char *const certs[] = {"RsaA", "EcA", "EdA"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(certs); i++) {
        struct role_cert *cert = fixture_cert(certs[i]);
        EVP_PKEY *pub = fixture_public(cert), *key, *back = NULL;
        OSSL_PARAM *params = NULL;
        EVP_PKEY_CTX *ctx;
        char uri[64];

        (void)snprintf(uri, sizeof uri, "certroll://%s", certs[i]);
        key = fixture_key(NULL, uri);
        assert_int_not_equal(EVP_PKEY_todata(key, OSSL_KEYMGMT_SELECT_PRIVATE_KEY, &params), 1);
        assert_null(params);
        assert_int_equal(EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params), 1);
        assert_null(OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_PRIV_KEY));
        assert_null(OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_RSA_D));
        ctx = EVP_PKEY_CTX_new_from_name(NULL, EVP_PKEY_get0_type_name(pub), "provider=default");
        assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
        assert_int_equal(EVP_PKEY_fromdata(ctx, &back, EVP_PKEY_PUBLIC_KEY, params), 1);
        assert_int_equal(EVP_PKEY_eq(back, pub), 1);
        ERR_clear_error();
        OSSL_PARAM_free(params);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(back);
        EVP_PKEY_free(key);
        EVP_PKEY_free(pub);
        role_cert_unref(&cert);
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
        cmocka_unit_test(a_live_key_asks_to_be_reloaded_when_its_kind_changes),
        cmocka_unit_test(a_live_key_does_not_grow_over_the_ceiling),
        cmocka_unit_test(the_length_asked_for_is_that_of_the_bound_key),
        cmocka_unit_test(one_byte_too_few_is_refused_and_nothing_is_written),
        cmocka_unit_test(a_stream_and_its_copy_end_with_the_key_of_their_init),
        cmocka_unit_test(a_plain_context_is_bound_anew_by_each_init),
        cmocka_unit_test(every_valid_slot_verifies_and_a_revoked_key_does_not),
        cmocka_unit_test(the_public_half_is_exported_and_the_private_is_not),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
