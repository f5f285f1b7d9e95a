/* SPDX-License-Identifier: Apache-2.0 */
/* RSA decryption by a token that decrypts raw (RsaA) and by one that says it cannot (RsaB), of what software encrypted. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CRYPTOKI_GNU 1
#include <p11-kit/pkcs11.h>

#include "fixture.h"
#include "tests/mock/mock_count.h"

#define K      256 /* bytes of a 2048-bit modulus */
#define SECRET 48

static struct mock_counts *counts;

struct oaep {
    const char *md, *mgf, *label;
};

struct box {
    unsigned char in[K];
    size_t n;
};

static EVP_PKEY_CTX *begin(EVP_PKEY *key, int pad, const struct oaep *oaep, bool decrypt)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    void *label;

    assert_int_equal(decrypt ? EVP_PKEY_decrypt_init(ctx) : EVP_PKEY_encrypt_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, pad), 1);
    if (oaep == NULL)
        return ctx;
    if (oaep->md != NULL)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, oaep->md, NULL), 1);
    if (oaep->mgf != NULL)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, oaep->mgf, NULL), 1);
    if (oaep->label != NULL) {
        label = OPENSSL_strdup(oaep->label);
        assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)strlen(oaep->label)), 1);
    }
    return ctx;
}

/* By software, for the certificate of @role. */
static struct box encrypt(const char *role, int pad, const struct oaep *oaep, const void *text, size_t n)
{
    struct role_cert *cert = fixture_cert(role);
    EVP_PKEY *pub = fixture_public(cert);
    EVP_PKEY_CTX *ctx = begin(pub, pad, oaep, false);
    struct box box = {.n = K};

    assert_int_equal(EVP_PKEY_encrypt(ctx, box.in, &box.n, text, n), 1);
    assert_int_equal(box.n, K);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pub);
    role_cert_unref(&cert);
    return box;
}

/* A key for @role; RsaB's token has refused raw decryption, once, from then on. */
static EVP_PKEY *key_of(const char *role)
{
    static bool refused;
    EVP_PKEY *key;
    EVP_PKEY_CTX *ctx;
    char uri[64];
    unsigned char out[K];
    size_t n = sizeof out;
    struct box box;

    (void)snprintf(uri, sizeof uri, "certroll://%s", role);
    key = fixture_key(NULL, uri);
    assert_non_null(key);
    if (refused || strcmp(role, "RsaB") != 0)
        return key;
    refused = true;
    box = encrypt("RsaB", RSA_PKCS1_PADDING, NULL, "x", 1);
    ctx = begin(key, RSA_PKCS1_PADDING, NULL, true);
    mock_fail(counts, MOCK_C_DecryptInit, CKR_MECHANISM_INVALID, 0, 1);
    assert_int_equal(EVP_PKEY_decrypt(ctx, out, &n, box.in, box.n), 1);
    assert_int_equal(atomic_load(&counts->of[MOCK_C_DecryptInit].fail_left), 0);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* Into a buffer of @room bytes with guards behind it: untouched when it fails, and never written past what it says. */
static int decrypt(EVP_PKEY_CTX *ctx, const struct box *box, size_t room, unsigned char out[K], size_t *n)
{
    unsigned char guarded[2 * K];
    int good;

    memset(guarded, 0xa5, sizeof guarded);
    *n = room;
    good = EVP_PKEY_decrypt(ctx, guarded, n, box->in, box->n) == 1;
    for (size_t i = good ? *n : 0; i < sizeof guarded; i++)
        assert_int_equal(guarded[i], 0xa5);
    if (good)
        memcpy(out, guarded, *n);
    return good;
}

static void decrypts_to(EVP_PKEY_CTX *ctx, const struct box *box, const void *text, size_t n)
{
    unsigned char out[K];
    size_t got;

    if (!decrypt(ctx, box, K, out, &got)) {
        ERR_print_errors_fp(stderr);
        fail_msg("%zu bytes do not decrypt", n);
    }
    assert_int_equal(got, n);
    assert_memory_equal(out, text, n);
}

static bool refuses(EVP_PKEY_CTX *ctx, const struct box *box, size_t room, const char *says)
{
    unsigned char out[K];
    size_t n;

    ERR_clear_error();
    return !decrypt(ctx, box, room, out, &n) && fixture_error_has(says);
}

static const char *const roles[] = {"RsaA", "RsaB"};

static void texts_of_all_lengths_come_back(void **state)
{
    static const size_t lengths[] = {0, 1, 48, K - 11};
    unsigned char text[K];

    (void)state;
    assert_int_equal(RAND_bytes(text, sizeof text), 1);
    for (size_t i = 0; i < CR_COUNT(roles); i++) {
        EVP_PKEY *key = key_of(roles[i]);
        EVP_PKEY_CTX *ctx = begin(key, RSA_PKCS1_PADDING, NULL, true);

        for (size_t j = 0; j < CR_COUNT(lengths); j++) {
            struct box box = encrypt(roles[i], RSA_PKCS1_PADDING, NULL, text, lengths[j]);
            unsigned long before = atomic_load(&counts->of[MOCK_C_DecryptInit].calls);

            decrypts_to(ctx, &box, text, lengths[j]);
            /* What a token cannot do it is not asked again. */
            assert_int_equal(atomic_load(&counts->of[MOCK_C_DecryptInit].calls) - before, 1);
        }
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(key);
    }
}

/* An encoded message as it should be, of @n bytes of @text. */
static void encode(unsigned char em[K], const void *text, size_t n)
{
    memset(em, 0x11, K);
    em[0] = 0;
    em[1] = 2;
    em[K - n - 1] = 0;
    memcpy(em + K - n, text, n);
}

struct wrong {
    size_t at;
    unsigned char byte;
};

/* Bytes of an encoded message; the zeros end the padding before it has eight bytes. */
static const struct wrong wrongs[] = {{1, 1}, {1, 0}, {1, 3}, {2, 0}, {9, 0}, {0, 1}};

static void a_wrong_padding_is_one_error_whatever_is_wrong(void **state)
{
    EVP_PKEY *key = key_of("RsaA");
    EVP_PKEY_CTX *ctx = begin(key, RSA_PKCS1_PADDING, NULL, true);
    unsigned char em[K];
    struct box box;

    (void)state;
    for (size_t i = 0; i < CR_COUNT(wrongs); i++) {
        encode(em, "some text", 9);
        em[wrongs[i].at] = wrongs[i].byte;
        box = encrypt("RsaA", RSA_NO_PADDING, NULL, em, K);
        assert_true(refuses(ctx, &box, K, "the message cannot be decrypted"));
    }
    memset(em, 0x11, K);
    em[0] = 0;
    em[1] = 2;
    box = encrypt("RsaA", RSA_NO_PADDING, NULL, em, K); /* padding to the end */
    assert_true(refuses(ctx, &box, K, "the message cannot be decrypted"));
    memset(box.in, 0xff, K); /* more than the modulus */
    assert_true(refuses(ctx, &box, K, "RsaA"));
    box.n = K - 1;
    assert_true(refuses(ctx, &box, K, "as long as the modulus"));
    box = encrypt("RsaA", RSA_PKCS1_PADDING, NULL, "still well", 10);
    decrypts_to(ctx, &box, "still well", 10);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
}

static void another_key_s_text_does_not_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(roles); i++) {
        EVP_PKEY *key = key_of(roles[i]);
        EVP_PKEY_CTX *ctx = begin(key, RSA_PKCS1_PADDING, NULL, true);
        struct box box = encrypt(roles[1 - i], RSA_PKCS1_PADDING, NULL, "not for you", 11);
        unsigned char out[K];
        size_t n;

        /* A token over OpenSSL 3.2 answers with something: implicit rejection. */
        if (decrypt(ctx, &box, K, out, &n))
            assert_true(i == 1 && (n != 11 || memcmp(out, "not for you", 11) != 0));
        ERR_clear_error();
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(key);
    }
}

static void without_padding_the_text_is_as_long_as_the_modulus(void **state)
{
    EVP_PKEY *key = key_of("RsaA");
    EVP_PKEY_CTX *ctx = begin(key, RSA_NO_PADDING, NULL, true);
    unsigned char em[K] = {0};
    struct box box;

    (void)state;
    em[K - 1] = 7;
    box = encrypt("RsaA", RSA_NO_PADDING, NULL, em, K);
    decrypts_to(ctx, &box, em, K);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
}

static void oaep_of_each_digest_and_label_comes_back(void **state)
{
    static const struct oaep rows[] = {{NULL, NULL, NULL},        {"SHA1", NULL, "label"}, {"SHA256", NULL, NULL},
                                       {"SHA256", NULL, "label"}, {"SHA256", "SHA1", ""},  {"SHA512", NULL, "label"},
                                       {"SHA3-256", NULL, NULL}};
    unsigned char text[K] = {1, 2, 3};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        EVP_PKEY *key = key_of("RsaA");
        EVP_PKEY_CTX *ctx = begin(key, RSA_PKCS1_OAEP_PADDING, &rows[i], true);
        size_t most =
            K - 2 - 2 * (size_t)EVP_MD_get_size(EVP_get_digestbyname(rows[i].md != NULL ? rows[i].md : "SHA1"));
        struct box full = encrypt("RsaA", RSA_PKCS1_OAEP_PADDING, &rows[i], text, most);
        struct box empty = encrypt("RsaA", RSA_PKCS1_OAEP_PADDING, &rows[i], text, 0);

        decrypts_to(ctx, &full, text, most);
        decrypts_to(ctx, &empty, text, 0);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(key);
    }
}

static void oaep_of_another_label_or_digest_is_refused(void **state)
{
    static const struct oaep sealed[] = {
        {"SHA256", NULL, "label"}, {"SHA1", NULL, "label 1"}, {NULL, NULL, "label 2"}, {"SHA1", "SHA256", NULL}};
    static const struct oaep rows[] = {{"SHA256", NULL, "Label"},
                                       {"SHA256", NULL, NULL},
                                       {"SHA1", NULL, "label"},
                                       {"SHA256", "SHA1", "label"},
                                       {NULL, NULL, NULL}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows) * CR_COUNT(sealed); i++) {
        EVP_PKEY *key = key_of("RsaA");
        EVP_PKEY_CTX *ctx = begin(key, RSA_PKCS1_OAEP_PADDING, &rows[i / CR_COUNT(sealed)], true);
        struct box box = encrypt("RsaA", RSA_PKCS1_OAEP_PADDING, &sealed[i % CR_COUNT(sealed)], "text", 4);

        assert_true(refuses(ctx, &box, K, ""));
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(key);
    }
}

static EVP_PKEY *public_of(const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    OSSL_STORE_INFO *info;
    EVP_PKEY *key;

    assert_int_equal(OSSL_STORE_expect(store, OSSL_STORE_INFO_PUBKEY), 1);
    info = OSSL_STORE_load(store);
    key = OSSL_STORE_INFO_get1_PUBKEY(info);
    assert_non_null(key);
    OSSL_STORE_INFO_free(info);
    (void)OSSL_STORE_close(store);
    return key;
}

/* SoftHSM ignores labels: what it opens must not be taken for what was asked. */
static void oaep_without_a_label_is_refused_where_one_is_asked(void **state)
{
    static const struct oaep none = {"SHA1", NULL, NULL}, asked = {"SHA1", NULL, "label"};
    EVP_PKEY *key = key_of("RsaA");
    EVP_PKEY_CTX *ctx = begin(key, RSA_PKCS1_OAEP_PADDING, &asked, true);
    struct box box = encrypt("RsaA", RSA_PKCS1_OAEP_PADDING, &none, "text", 4);

    (void)state;
    assert_true(refuses(ctx, &box, K, "the message cannot be decrypted"));
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
}

static void a_public_key_that_was_asked_changes_nothing_for_the_private(void **state)
{
    static const struct oaep sha1 = {"SHA1", NULL, NULL}, sha256 = {"SHA256", NULL, NULL};
    EVP_PKEY *key = key_of("RsaB"), *pub = public_of("certroll://RsaB");
    EVP_PKEY_CTX *ctx = begin(pub, RSA_PKCS1_OAEP_PADDING, &sha1, true);
    struct box box = encrypt("RsaB", RSA_PKCS1_OAEP_PADDING, &sha1, "text", 4);

    (void)state;
    assert_true(refuses(ctx, &box, K, "a public key cannot do this"));
    EVP_PKEY_CTX_free(ctx);
    ctx = begin(key, RSA_PKCS1_OAEP_PADDING, &sha1, true);
    decrypts_to(ctx, &box, "text", 4); /* by the token, which has no raw decryption */
    EVP_PKEY_CTX_free(ctx);
    ctx = begin(key, RSA_PKCS1_OAEP_PADDING, &sha256, true);
    assert_true(refuses(ctx, &box, K, "does not decrypt raw RSA")); /* SoftHSM's own OAEP has SHA-1 only */
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pub);
    EVP_PKEY_free(key);
}

static EVP_PKEY_CTX *begin_tls(EVP_PKEY *key, unsigned client, unsigned negotiated)
{
    EVP_PKEY_CTX *ctx = begin(key, RSA_PKCS1_WITH_TLS_PADDING, NULL, true);
    OSSL_PARAM params[] = {OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, &client),
                           OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, &negotiated), OSSL_PARAM_END};

    assert_int_equal(EVP_PKEY_CTX_set_params(ctx, params), 1);
    return ctx;
}

/* Success with @secret, or with 48 bytes that are others each time. */
static void premaster_is(EVP_PKEY_CTX *ctx, const struct box *box, const unsigned char *secret, bool same)
{
    unsigned char out[K], again[K];
    size_t n;

    ERR_clear_error();
    assert_true(decrypt(ctx, box, SECRET, out, &n));
    assert_int_equal(n, SECRET);
    assert_true(decrypt(ctx, box, SECRET, again, &n));
    assert_int_equal(n, SECRET);
    assert_int_equal(memcmp(out, secret, SECRET) == 0, same);
    assert_int_equal(memcmp(out, again, SECRET) == 0, same);
    assert_int_equal(ERR_peek_error(), 0);
}

static void a_premaster_secret_comes_back_if_its_version_will_do(void **state)
{
    static const struct {
        unsigned char major, minor;
        unsigned client, negotiated;
        bool good;
    } rows[] = {{3, 3, 0x303, 0, true},      {3, 3, 0x303, 0x301, true}, {3, 1, 0x303, 0x301, true},
                {3, 2, 0x303, 0x301, false}, {3, 1, 0x303, 0, false},    {2, 3, 0x303, 0x303, false},
                {0, 0, 0x303, 0, false}};
    unsigned char secret[SECRET];

    (void)state;
    assert_int_equal(RAND_bytes(secret, sizeof secret), 1);
    for (size_t i = 0; i < CR_COUNT(roles) * CR_COUNT(rows); i++) {
        const char *role = roles[i % 2];
        size_t row = i / 2;
        EVP_PKEY *key = key_of(role);
        EVP_PKEY_CTX *ctx = begin_tls(key, rows[row].client, rows[row].negotiated);
        struct box box;

        secret[0] = rows[row].major;
        secret[1] = rows[row].minor;
        box = encrypt(role, RSA_PKCS1_PADDING, NULL, secret, SECRET);
        premaster_is(ctx, &box, secret, rows[row].good);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(key);
    }
}

static void a_wrong_premaster_secret_is_random_and_no_error(void **state)
{
    static const size_t lengths[] = {0, 1, 2, SECRET - 1, SECRET + 1, K - 11};
    unsigned char text[K], em[K];

    (void)state;
    assert_int_equal(RAND_bytes(text, sizeof text), 1);
    text[0] = text[1] = 3;
    for (size_t i = 0; i < CR_COUNT(roles); i++) {
        EVP_PKEY *key = key_of(roles[i]);
        EVP_PKEY_CTX *ctx = begin_tls(key, 0x303, 0);
        struct box box;

        for (size_t j = 0; j < CR_COUNT(lengths); j++) {
            box = encrypt(roles[i], RSA_PKCS1_PADDING, NULL, text, lengths[j]);
            premaster_is(ctx, &box, text, false);
        }
        for (size_t j = 0; j < CR_COUNT(wrongs); j++) {
            encode(em, text, SECRET);
            em[wrongs[j].at] = wrongs[j].byte;
            box = encrypt(roles[i], RSA_NO_PADDING, NULL, em, K);
            premaster_is(ctx, &box, text, false);
        }
        memset(box.in, 0xff, K);
        premaster_is(ctx, &box, text, false);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(key);
    }
}

static void a_token_that_fails_is_random_for_tls_and_an_error_otherwise(void **state)
{
    static const unsigned long rvs[] = {CKR_FUNCTION_FAILED, CKR_DEVICE_MEMORY};
    unsigned char secret[SECRET] = {3, 3, 9};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(roles) * CR_COUNT(rvs); i++) {
        const char *role = roles[i % 2];
        EVP_PKEY *key = key_of(role);
        EVP_PKEY_CTX *tls = begin_tls(key, 0x303, 0), *ctx = begin(key, RSA_PKCS1_PADDING, NULL, true);
        struct box box = encrypt(role, RSA_PKCS1_PADDING, NULL, secret, SECRET);

        mock_fail(counts, MOCK_C_Decrypt, rvs[i / 2], 0, 1000);
        premaster_is(tls, &box, secret, false);
        assert_true(refuses(ctx, &box, K, role));
        mock_fail(counts, MOCK_C_Decrypt, 0, 0, 0);
        premaster_is(tls, &box, secret, true);
        decrypts_to(ctx, &box, secret, SECRET);
        EVP_PKEY_CTX_free(tls);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(key);
    }
}

static void a_buffer_that_may_be_too_small_is_refused_before_the_token_is_asked(void **state)
{
    unsigned char secret[SECRET] = {3, 3};
    EVP_PKEY *key = key_of("RsaA");
    EVP_PKEY_CTX *ctx[] = {begin(key, RSA_PKCS1_PADDING, NULL, true), begin(key, RSA_PKCS1_OAEP_PADDING, NULL, true),
                           begin(key, RSA_NO_PADDING, NULL, true), begin_tls(key, 0x303, 0)};
    size_t want[] = {K, K, K, SECRET}, n;
    struct box box = encrypt("RsaA", RSA_PKCS1_PADDING, NULL, secret, SECRET);
    unsigned long before = mock_counts_total(counts);

    (void)state;
    for (size_t i = 0; i < CR_COUNT(ctx); i++) {
        n = 0;
        assert_int_equal(EVP_PKEY_decrypt(ctx[i], NULL, &n, box.in, box.n), 1);
        assert_int_equal(n, want[i]);
        assert_true(refuses(ctx[i], &box, want[i] - 1, "too small"));
        assert_true(refuses(ctx[i], &box, 0, "too small"));
        EVP_PKEY_CTX_free(ctx[i]);
    }
    assert_int_equal(mock_counts_total(counts), before);
    EVP_PKEY_free(key);
}

static void implicit_rejection_can_be_off_only(void **state)
{
    EVP_PKEY *key = key_of("RsaA");
    EVP_PKEY_CTX *ctx = begin(key, RSA_PKCS1_PADDING, NULL, true);
    unsigned on = 1, off = 0;
    OSSL_PARAM params[] = {OSSL_PARAM_uint("implicit-rejection", &off), OSSL_PARAM_END};

    (void)state;
    assert_int_equal(EVP_PKEY_CTX_set_params(ctx, params), 1);
    params[0].data = &on;
    assert_int_not_equal(EVP_PKEY_CTX_set_params(ctx, params), 1);
    assert_true(fixture_error_has("implicit rejection"));
    assert_true(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_X931_PADDING) <= 0);
    ERR_clear_error();
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
}

static void a_live_key_follows_at_init_and_a_pinned_one_stays(void **state)
{
    struct role_cert *a = fixture_cert("RsaA"), *b = fixture_cert("RsaB");
    struct box old = encrypt("RsaA", RSA_PKCS1_PADDING, NULL, "old", 3);
    struct box fresh = encrypt("RsaB", RSA_PKCS1_PADDING, NULL, "fresh", 5);
    EVP_PKEY *live, *pinned;
    EVP_PKEY_CTX *lctx, *pctx;

    (void)state;
    EVP_PKEY_free(key_of("RsaB"));
    fixture_assign("Opens", a);
    live = fixture_key(NULL, "certroll://Opens");
    pinned = fixture_key(NULL, "certroll://Opens;bind=pinned");
    lctx = begin(live, RSA_PKCS1_PADDING, NULL, true);
    pctx = begin(pinned, RSA_PKCS1_PADDING, NULL, true);
    decrypts_to(lctx, &old, "old", 3);
    fixture_assign("Opens", b);
    decrypts_to(lctx, &old, "old", 3); /* until its next init */
    assert_int_equal(EVP_PKEY_decrypt_init(lctx), 1);
    assert_int_equal(EVP_PKEY_decrypt_init(pctx), 1);
    decrypts_to(lctx, &fresh, "fresh", 5);
    decrypts_to(pctx, &old, "old", 3);
    fixture_revoke("Opens", a->spki);
    ERR_clear_error();
    assert_int_not_equal(EVP_PKEY_decrypt_init(pctx), 1);
    assert_true(fixture_error_has("revoked"));
    EVP_PKEY_CTX_free(lctx);
    EVP_PKEY_CTX_free(pctx);
    EVP_PKEY_free(live);
    EVP_PKEY_free(pinned);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void a_copied_context_keeps_all_and_goes_its_own_way(void **state)
{
    static const struct oaep row = {"SHA256", "SHA512", "label"};
    EVP_PKEY *key = key_of("RsaA");
    EVP_PKEY_CTX *ctx = begin(key, RSA_PKCS1_OAEP_PADDING, &row, true), *tls = begin_tls(key, 0x303, 0x301), *copy;
    struct box box = encrypt("RsaA", RSA_PKCS1_OAEP_PADDING, &row, "text", 4), sealed;
    unsigned char secret[SECRET] = {3, 1}, *label = NULL;
    int pad = 0;

    (void)state;
    sealed = encrypt("RsaA", RSA_PKCS1_PADDING, NULL, secret, SECRET);
    copy = EVP_PKEY_CTX_dup(ctx);
    assert_non_null(copy);
    assert_int_equal(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, OPENSSL_strdup("other"), 5), 1);
    assert_true(refuses(ctx, &box, K, ""));
    EVP_PKEY_CTX_free(ctx);
    decrypts_to(copy, &box, "text", 4);
    assert_true(EVP_PKEY_CTX_get_rsa_padding(copy, &pad) > 0);
    assert_int_equal(pad, RSA_PKCS1_OAEP_PADDING);
    assert_int_equal(EVP_PKEY_CTX_get0_rsa_oaep_label(copy, &label), 5);
    assert_memory_equal(label, "label", 5);
    EVP_PKEY_CTX_free(copy);
    copy = EVP_PKEY_CTX_dup(tls);
    EVP_PKEY_CTX_free(tls);
    EVP_PKEY_free(key);
    premaster_is(copy, &sealed, secret, true);
    EVP_PKEY_CTX_free(copy);
}

static int setup(void **state)
{
    char command[512], path[128];

    if (fixture_setup(state) != 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/counts", fx.dir);
    (void)snprintf(command, sizeof command, "sed -i 's|^module = .*|module = %s|' %s/lab/certroll.conf", MOCK_MODULE,
                   fx.dir);
    (void)setenv("CERTROLL_MOCK_TARGET", SOFTHSM, 1);
    (void)setenv("CERTROLL_MOCK_COUNTS", path, 1);
    counts = mock_counts_map(path);
    return counts != NULL && system(command) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_of_all_lengths_come_back),
        cmocka_unit_test(a_wrong_padding_is_one_error_whatever_is_wrong),
        cmocka_unit_test(another_key_s_text_does_not_come_back),
        cmocka_unit_test(without_padding_the_text_is_as_long_as_the_modulus),
        cmocka_unit_test(oaep_of_each_digest_and_label_comes_back),
        cmocka_unit_test(oaep_of_another_label_or_digest_is_refused),
        cmocka_unit_test(oaep_without_a_label_is_refused_where_one_is_asked),
        cmocka_unit_test(a_public_key_that_was_asked_changes_nothing_for_the_private),
        cmocka_unit_test(a_premaster_secret_comes_back_if_its_version_will_do),
        cmocka_unit_test(a_wrong_premaster_secret_is_random_and_no_error),
        cmocka_unit_test(a_token_that_fails_is_random_for_tls_and_an_error_otherwise),
        cmocka_unit_test(a_buffer_that_may_be_too_small_is_refused_before_the_token_is_asked),
        cmocka_unit_test(implicit_rejection_can_be_off_only),
        cmocka_unit_test(a_live_key_follows_at_init_and_a_pinned_one_stays),
        cmocka_unit_test(a_copied_context_keeps_all_and_goes_its_own_way),
    };

    return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
