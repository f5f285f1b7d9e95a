/* SPDX-License-Identifier: Apache-2.0 */
/* ECDH by a token with a key of software on the other side: both must come to the same secret. */
#define OPENSSL_SUPPRESS_DEPRECATED /* EVP_PKEY_CTX_get0_ecdh_kdf_ukm has no successor */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"

#define SECRET_MAX 66

static const struct {
    const char *role, *curve;
    size_t n;
} curves[] = {{"EcA", "P-256", 32}, {"P384", "P-384", 48}, {"P521", "P-521", 66}};

struct kdf {
    const char *md;
    size_t n;
    const char *ukm;
};

static EVP_PKEY *role_key(const char *role, const char *rest)
{
    char uri[128];
    EVP_PKEY *key;

    (void)snprintf(uri, sizeof uri, "certroll://%s%s", role, rest);
    key = fixture_key(NULL, uri);
    assert_non_null(key);
    return key;
}

static EVP_PKEY *role_public(const char *role)
{
    struct role_cert *cert = fixture_cert(role);
    EVP_PKEY *pub = fixture_public(cert);

    role_cert_unref(&cert);
    return pub;
}

static EVP_PKEY_CTX *begin(EVP_PKEY *key, EVP_PKEY *peer, const struct kdf *kdf)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

    ERR_clear_error();
    assert_int_equal(EVP_PKEY_derive_init(ctx), 1);
    if (peer != NULL)
        assert_int_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
    if (kdf == NULL)
        return ctx;
    assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_type(ctx, EVP_PKEY_ECDH_KDF_X9_63), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_get_digestbyname(kdf->md)), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_outlen(ctx, (int)kdf->n), 1);
    if (kdf->ukm != NULL)
        assert_int_equal(
            EVP_PKEY_CTX_set0_ecdh_kdf_ukm(ctx, OPENSSL_memdup(kdf->ukm, strlen(kdf->ukm)), (int)strlen(kdf->ukm)), 1);
    return ctx;
}

/* Into @room bytes with guards behind them. */
static int derive(EVP_PKEY_CTX *ctx, size_t room, unsigned char out[256], size_t *n)
{
    unsigned char guarded[512];
    int good;

    memset(guarded, 0xa5, sizeof guarded);
    *n = room;
    good = EVP_PKEY_derive(ctx, guarded, n) == 1;
    for (size_t i = good ? *n : 0; i < sizeof guarded; i++)
        assert_int_equal(guarded[i], 0xa5);
    if (good)
        memcpy(out, guarded, *n);
    return good;
}

static bool refuses(EVP_PKEY_CTX *ctx, size_t room, const char *says)
{
    unsigned char out[256];
    size_t n;

    ERR_clear_error();
    return !derive(ctx, room, out, &n) && fixture_error_has(says);
}

/* What @ctx derives is what @peer derives with the public key @pub. */
static bool agrees(EVP_PKEY_CTX *ctx, EVP_PKEY *peer, EVP_PKEY *pub, const struct kdf *kdf)
{
    EVP_PKEY_CTX *soft = begin(peer, pub, kdf);
    unsigned char ours[256], theirs[256];
    size_t n, m, exact = 0;

    assert_int_equal(EVP_PKEY_derive(ctx, NULL, &exact), 1);
    if (!derive(ctx, exact, ours, &n)) {
        ERR_print_errors_fp(stderr);
        fail();
    }
    assert_int_equal(n, exact);
    assert_int_equal(derive(soft, sizeof theirs, theirs, &m), 1);
    EVP_PKEY_CTX_free(soft);
    return n == m && memcmp(ours, theirs, n) == 0;
}

static void both_sides_come_to_one_secret_on_each_curve(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        EVP_PKEY *key = role_key(curves[i].role, ""), *pub = role_public(curves[i].role);
        EVP_PKEY *peer = EVP_EC_gen(curves[i].curve);
        EVP_PKEY_CTX *ctx = begin(key, peer, NULL);
        size_t n = 0;

        assert_true(agrees(ctx, peer, pub, NULL));
        assert_true(agrees(ctx, peer, pub, NULL)); /* once more with the same context */
        assert_int_equal(EVP_PKEY_derive(ctx, NULL, &n), 1);
        assert_int_equal(n, curves[i].n);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(peer);
        EVP_PKEY_free(key);
        EVP_PKEY_free(pub);
    }
}

/* Some tokens cut leading zeros. */
static void a_secret_keeps_its_leading_zeros(void **state)
{
    EVP_PKEY *key = role_key("EcA", ""), *pub = role_public("EcA"), *peer = NULL;
    unsigned char out[256] = {1};
    EVP_PKEY_CTX *ctx;
    size_t n;

    (void)state;
    for (int i = 0; i < 20000 && out[0] != 0; i++) {
        EVP_PKEY_free(peer);
        peer = EVP_EC_gen("P-256");
        ctx = begin(peer, pub, NULL);
        assert_int_equal(derive(ctx, sizeof out, out, &n), 1);
        EVP_PKEY_CTX_free(ctx);
    }
    assert_int_equal(out[0], 0);
    ctx = begin(key, peer, NULL);
    assert_true(agrees(ctx, peer, pub, NULL));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(pub);
}

static void the_key_derivation_of_x9_63_is_that_of_software(void **state)
{
    static const struct kdf rows[] = {{"SHA256", 32, NULL}, {"SHA1", 16, "user keying material"}, {"SHA384", 200, "x"},
                                      {"SHA512", 1, NULL},  {"SHA3-256", 32, "longer"},           {"SHA224", 28, NULL}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows) * CR_COUNT(curves); i++) {
        const struct kdf *row = &rows[i / CR_COUNT(curves)];
        const char *role = curves[i % CR_COUNT(curves)].role;
        EVP_PKEY *key = role_key(role, ""), *pub = role_public(role);
        EVP_PKEY *peer = EVP_EC_gen(curves[i % CR_COUNT(curves)].curve);
        EVP_PKEY_CTX *ctx = begin(key, peer, row);
        size_t n = 0;

        assert_true(agrees(ctx, peer, pub, row));
        assert_int_equal(EVP_PKEY_derive(ctx, NULL, &n), 1);
        assert_int_equal(n, row->n);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(peer);
        EVP_PKEY_free(key);
        EVP_PKEY_free(pub);
    }
}

static void a_context_says_what_was_set(void **state)
{
    static const struct kdf row = {"SHA384", 20, "ukm"};
    EVP_PKEY *key = role_key("EcA", "");
    EVP_PKEY_CTX *ctx = begin(key, NULL, &row);
    unsigned char *ukm = NULL;
    const EVP_MD *md = NULL;
    int n = 0;

    (void)state;
    assert_int_equal(EVP_PKEY_CTX_get_ecdh_kdf_type(ctx), EVP_PKEY_ECDH_KDF_X9_63);
    assert_int_equal(EVP_PKEY_CTX_get_ecdh_kdf_outlen(ctx, &n), 1);
    assert_int_equal(n, 20);
    assert_int_equal(EVP_PKEY_CTX_get0_ecdh_kdf_ukm(ctx, &ukm), 3);
    assert_memory_equal(ukm, "ukm", 3);
    assert_int_equal(EVP_PKEY_CTX_get_ecdh_kdf_md(ctx, &md), 1);
    assert_true(EVP_MD_is_a(md, "SHA384"));
    assert_int_equal(EVP_PKEY_CTX_get_ecdh_cofactor_mode(ctx), 0);
    assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_type(ctx, EVP_PKEY_ECDH_KDF_NONE), 1);
    assert_int_equal(EVP_PKEY_CTX_get_ecdh_kdf_type(ctx), EVP_PKEY_ECDH_KDF_NONE);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
}

static void another_key_derivation_is_refused_and_changes_nothing(void **state)
{
    static char type[] = "HKDF";
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_EXCHANGE_PARAM_KDF_TYPE, type, sizeof type - 1), OSSL_PARAM_END};
    EVP_PKEY *key = role_key("EcA", ""), *pub = role_public("EcA"), *peer = EVP_EC_gen("P-256");
    EVP_PKEY_CTX *ctx = begin(key, peer, NULL);

    (void)state;
    assert_int_not_equal(EVP_PKEY_CTX_set_params(ctx, params), 1);
    assert_true(fixture_error_has("X963KDF"));
    assert_true(agrees(ctx, peer, pub, NULL));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(pub);
}

static void a_peer_on_another_curve_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(curves) * CR_COUNT(curves); i++) {
        size_t ours = i / CR_COUNT(curves), theirs = i % CR_COUNT(curves);
        EVP_PKEY *key = role_key(curves[ours].role, ""), *peer = EVP_EC_gen(curves[theirs].curve);
        EVP_PKEY_CTX *ctx = begin(key, NULL, NULL);

        assert_true(refuses(ctx, SECRET_MAX, "peer's key is missing"));
        if (ours != theirs) {
            assert_int_not_equal(EVP_PKEY_derive_set_peer(ctx, peer), 1);
            assert_true(fixture_error_has("not on the curve of ours"));
            assert_true(refuses(ctx, SECRET_MAX, "peer's key is missing"));
        }
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(peer);
        EVP_PKEY_free(key);
    }
}

static void a_peer_of_another_kind_is_refused(void **state)
{
    EVP_PKEY *key = role_key("EcA", ""), *peers[] = {EVP_RSA_gen(1024), EVP_EC_gen("secp256k1"), role_key("P384", ""),
                                                     EVP_PKEY_Q_keygen(NULL, NULL, "X25519")};
    EVP_PKEY_CTX *ctx = begin(key, NULL, NULL);

    (void)state;
    for (size_t i = 0; i < CR_COUNT(peers); i++) {
        assert_non_null(peers[i]);
        assert_true(EVP_PKEY_derive_set_peer(ctx, peers[i]) <= 0);
        EVP_PKEY_free(peers[i]);
    }
    assert_true(refuses(ctx, SECRET_MAX, "peer's key is missing"));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
}

static void another_role_s_key_is_a_peer_like_any(void **state)
{
    EVP_PKEY *a = role_key("EcA", ""), *b = role_key("EcB", "");
    EVP_PKEY_CTX *ab = begin(a, NULL, NULL), *ba = begin(b, NULL, NULL);
    unsigned char one[256], two[256];
    size_t n, m;

    (void)state;
    assert_int_equal(EVP_PKEY_derive_set_peer(ab, b), 1); /* whole */
    assert_int_equal(EVP_PKEY_derive_set_peer(ba, a), 1);
    assert_int_equal(derive(ab, sizeof one, one, &n), 1);
    assert_int_equal(derive(ba, sizeof two, two, &m), 1);
    assert_int_equal(n, 32);
    assert_int_equal(m, 32);
    assert_memory_equal(one, two, n);
    EVP_PKEY_CTX_free(ab);
    EVP_PKEY_CTX_free(ba);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
}

static void a_small_buffer_is_refused_and_never_written(void **state)
{
    static const struct kdf row = {"SHA256", 40, NULL};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(curves); i++) {
        EVP_PKEY *key = role_key(curves[i].role, ""), *peer = EVP_EC_gen(curves[i].curve);
        EVP_PKEY_CTX *plain = begin(key, peer, NULL), *kdf = begin(key, peer, &row);

        assert_true(refuses(plain, curves[i].n - 1, "too small"));
        assert_true(refuses(plain, 0, "too small"));
        assert_true(refuses(kdf, row.n - 1, "too small"));
        EVP_PKEY_CTX_free(plain);
        EVP_PKEY_CTX_free(kdf);
        EVP_PKEY_free(peer);
        EVP_PKEY_free(key);
    }
}

static void a_key_derivation_without_its_digest_or_length_is_refused(void **state)
{
    EVP_PKEY *key = role_key("EcA", ""), *peer = EVP_EC_gen("P-256");
    EVP_PKEY_CTX *ctx = begin(key, peer, NULL);

    (void)state;
    assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_type(ctx, EVP_PKEY_ECDH_KDF_X9_63), 1);
    assert_true(refuses(ctx, SECRET_MAX, "length"));
    assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_outlen(ctx, 32), 1);
    assert_true(refuses(ctx, SECRET_MAX, "digest"));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(key);
}

static void a_live_key_follows_at_init_and_a_pinned_one_stays(void **state)
{
    struct role_cert *a = fixture_cert("EcA"), *b = fixture_cert("EcB");
    EVP_PKEY *pa = role_public("EcA"), *pb = role_public("EcB"), *peer = EVP_EC_gen("P-256"), *live, *pinned;
    EVP_PKEY_CTX *lctx, *pctx;

    (void)state;
    fixture_assign("Agrees", a);
    live = role_key("Agrees", "");
    pinned = role_key("Agrees", ";bind=pinned");
    lctx = begin(live, peer, NULL);
    assert_true(agrees(lctx, peer, pa, NULL));
    fixture_assign("Agrees", b);
    assert_true(agrees(lctx, peer, pa, NULL)); /* until its next init */
    EVP_PKEY_CTX_free(lctx);
    lctx = begin(live, peer, NULL);
    pctx = begin(pinned, peer, NULL);
    assert_true(agrees(lctx, peer, pb, NULL));
    assert_true(agrees(pctx, peer, pa, NULL));
    fixture_revoke("Agrees", a->spki);
    ERR_clear_error();
    assert_int_not_equal(EVP_PKEY_derive_init(pctx), 1);
    assert_true(fixture_error_has("revoked"));
    EVP_PKEY_CTX_free(lctx);
    EVP_PKEY_CTX_free(pctx);
    EVP_PKEY_free(live);
    EVP_PKEY_free(pinned);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(pa);
    EVP_PKEY_free(pb);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void a_copied_context_keeps_all_and_goes_its_own_way(void **state)
{
    static const struct kdf row = {"SHA384", 50, "ukm"}, other = {"SHA256", 20, NULL};
    EVP_PKEY *key = role_key("P521", ""), *pub = role_public("P521");
    EVP_PKEY *peer = EVP_EC_gen("P-521"), *stranger = EVP_EC_gen("P-521");
    EVP_PKEY_CTX *ctx = begin(key, peer, &row), *copy = EVP_PKEY_CTX_dup(ctx);

    (void)state;
    assert_non_null(copy);
    assert_int_equal(EVP_PKEY_derive_set_peer(ctx, stranger), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()), 1);
    assert_int_equal(EVP_PKEY_CTX_set_ecdh_kdf_outlen(ctx, 20), 1);
    assert_int_equal(EVP_PKEY_CTX_set0_ecdh_kdf_ukm(ctx, NULL, 0), 1);
    assert_true(agrees(copy, peer, pub, &row));
    assert_true(agrees(ctx, stranger, pub, &other));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    EVP_PKEY_free(stranger);
    assert_true(agrees(copy, peer, pub, &row));
    EVP_PKEY_CTX_free(copy);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(pub);
}

static int setup(void **state)
{
    static const char make[] =
        "cd %s && CONF=$OPENSSL_CONF && unset OPENSSL_CONF && openssl req -x509 -newkey ec -pkeyopt "
        "ec_paramgen_curve:P-521"
        " -nodes -keyout k.pem -out c.pem -days 30 -subj /CN=P521 2>/dev/null && cat k.pem c.pem >b.pem &&"
        " OPENSSL_CONF=$CONF %s import b.pem P521 --use token --force >import.log 2>&1; good=$?; rm -f k.pem b.pem;"
        " exit $good";
    char command[1024];

    if (fixture_setup(state) != 0)
        return -1;
    (void)snprintf(command, sizeof command, make, fx.dir, CERTROLL_TOOL);
    return system(command) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_sides_come_to_one_secret_on_each_curve),
        cmocka_unit_test(a_secret_keeps_its_leading_zeros),
        cmocka_unit_test(the_key_derivation_of_x9_63_is_that_of_software),
        cmocka_unit_test(a_context_says_what_was_set),
        cmocka_unit_test(another_key_derivation_is_refused_and_changes_nothing),
        cmocka_unit_test(a_peer_on_another_curve_is_refused),
        cmocka_unit_test(a_peer_of_another_kind_is_refused),
        cmocka_unit_test(another_role_s_key_is_a_peer_like_any),
        cmocka_unit_test(a_small_buffer_is_refused_and_never_written),
        cmocka_unit_test(a_key_derivation_without_its_digest_or_length_is_refused),
        cmocka_unit_test(a_live_key_follows_at_init_and_a_pinned_one_stays),
        cmocka_unit_test(a_copied_context_keeps_all_and_goes_its_own_way),
    };

    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
