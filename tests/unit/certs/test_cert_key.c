/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "certs/cert_key.h"
#include "make.h"

static const struct kind {
    const char *kind, *text;
    unsigned bits;
    size_t field;
    const char *alg;
} kinds[] = {
    {"RSA:1024", "rsa:1024", 1024, 0, "RS256"}, {"RSA:2048", "rsa:2048", 2048, 0, "RS256"},
    {"EC:P-256", "ec:P-256", 256, 32, "ES256"}, {"EC:P-384", "ec:P-384", 384, 48, "ES384"},
    {"EC:P-521", "ec:P-521", 521, 66, "ES512"}, {"ED25519", "ed25519", 256, 32, "EdDSA"},
};

static void numbers_of(EVP_PKEY *pkey, struct tok_key *out)
{
    struct cr_err err = {0};

    if (cr_failed(cert_key_from_pkey(pkey, out, &err)))
        fail_msg("%s", err.text);
    assert_queue_empty();
}

/* A context like the provider's own: nothing of the default one. */
static OSSL_LIB_CTX *inner_context(OSSL_PROVIDER **prov)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();

    *prov = OSSL_PROVIDER_load(ctx, "default");
    assert_non_null(*prov);
    return ctx;
}

static void spki_of(EVP_PKEY *pkey, struct cr_buf *out)
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(pkey, &der);

    assert_true(n > 0);
    assert_int_equal(cr_buf_set(out, der, (size_t)n, NULL).code, CR_OK);
    OPENSSL_free(der);
}

static void every_kind_comes_and_goes_as_numbers(void **state)
{
    OSSL_PROVIDER *prov = NULL;
    OSSL_LIB_CTX *ctx = inner_context(&prov);

    (void)state;
    for (size_t i = 0; i < CR_COUNT(kinds); i++) {
        struct tok_key key = {0}, again = {0};
        struct cr_buf want = {0}, got = {0};
        EVP_PKEY *back = NULL;
        char text[32];

        numbers_of(make_key(kinds[i].kind), &key);
        assert_int_equal(key.bits, kinds[i].bits);
        assert_true(key.has_private);
        assert_int_equal(key.id.n, 20);
        cert_key_text(&key, text);
        assert_string_equal(text, kinds[i].text);
        assert_int_equal(cert_key_to_pkey(ctx, &key, &back, NULL).code, CR_OK);
        assert_int_equal(EVP_PKEY_eq(back, make_key(kinds[i].kind)), 1);
        numbers_of(back, &again);
        assert_false(again.has_private);
        assert_int_equal(again.d.n, 0);
        assert_true(tok_key_same_public(&key, &again));
        assert_true(cr_bytes_equal(cr_buf_bytes(&key.id), cr_buf_bytes(&again.id)));
        spki_of(make_key(kinds[i].kind), &want);
        assert_int_equal(cert_key_spki(ctx, &key, &got, NULL).code, CR_OK);
        assert_true(cr_bytes_equal(cr_buf_bytes(&want), cr_buf_bytes(&got)));
        EVP_PKEY_free(back);
        tok_key_clear(&key);
        tok_key_clear(&again);
        cr_buf_clear(&want);
        cr_buf_clear(&got);
    }
    assert_queue_empty();
    OSSL_PROVIDER_unload(prov);
    OSSL_LIB_CTX_free(ctx);
}

static void private_numbers_are_padded_as_tokens_want_them(void **state)
{
    struct tok_key key = {0};

    (void)state;
    numbers_of(make_key("RSA:2048"), &key);
    assert_int_equal(key.n.n, 256);
    assert_true(key.d.n > 0 && key.dp.n > 0 && key.dq.n > 0 && key.qi.n > 0);
    assert_int_equal(key.p.n, 128);
    assert_int_equal(key.q.n, 128);
    tok_key_clear(&key);
    /* One private number in 256 has a leading zero byte: look until one was seen. */
    for (int tries = 0, seen = 0; !seen && tries < 5000; tries++) {
        EVP_PKEY *pkey = make_new_key("EC:P-256");

        numbers_of(pkey, &key);
        assert_int_equal(key.d.n, 32);
        assert_int_equal(key.point.n, 65);
        assert_int_equal(key.point.p[0], 4);
        seen = key.d.p[0] == 0;
        tok_key_clear(&key);
        EVP_PKEY_free(pkey);
    }
    numbers_of(make_key("ED25519"), &key);
    assert_int_equal(key.d.n, 32);
    assert_int_equal(key.point.n, 32);
    tok_key_clear(&key);
}

static void id_is_sha1_of_the_public_key_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(kinds); i++) {
        X509_PUBKEY *pub = NULL;
        const unsigned char *p = NULL;
        unsigned char want[20];
        struct tok_key key = {0};
        int n = 0;

        assert_int_equal(X509_PUBKEY_set(&pub, make_key(kinds[i].kind)), 1);
        assert_int_equal(X509_PUBKEY_get0_param(NULL, &p, &n, NULL, pub), 1);
        assert_int_equal(EVP_Q_digest(NULL, "SHA1", NULL, p, (size_t)n, want, NULL), 1);
        numbers_of(make_key(kinds[i].kind), &key);
        assert_memory_equal(key.id.p, want, 20);
        X509_PUBKEY_free(pub);
        tok_key_clear(&key);
    }
}

static void other_kinds_are_refused_by_name(void **state)
{
    static const struct {
        const char *kind, *says;
    } rows[] = {{"RSA-PSS:1024", "RSA-PSS"}, {"EC:secp256k1", "secp256k1"}, {"EC:brainpoolP256r1", "brainpoolP256r1"},
                {"EC:P-224", "secp224r1"},   {"X25519", "X25519"},          {"ED448", "ED448"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        EVP_PKEY *pkey = make_new_key(rows[i].kind);
        struct tok_key key = {.bits = 7};
        struct cr_err err = {0};

        assert_int_equal(cert_key_from_pkey(pkey, &key, &err).code, CR_E_UNSUPPORTED);
        if (strstr(err.text, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].kind, err.text);
        assert_int_equal(key.bits, 7); /* untouched */
        assert_queue_empty();
        EVP_PKEY_free(pkey);
    }
}

static void an_explicit_curve_is_refused(void **state)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    unsigned char *der = NULL;
    const unsigned char *p;
    struct tok_key key = {0};
    struct cr_err err = {0};
    EVP_PKEY *back;
    int n;

    (void)state;
    assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, "P-256"), 1);
    assert_int_equal(EVP_PKEY_generate(ctx, &pkey), 1);
    assert_int_equal(EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
    n = i2d_PUBKEY(pkey, &der);
    p = der;
    assert_true(n > 200);
    assert_non_null(back = d2i_PUBKEY(NULL, &p, n));
    ERR_clear_error();
    assert_int_equal(cert_key_from_pkey(back, &key, &err).code, CR_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "explicit"));
    OPENSSL_free(der);
    EVP_PKEY_free(back);
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(ctx);
}

static void numbers_that_are_no_key_are_refused(void **state)
{
    struct tok_key key = {0};
    EVP_PKEY *out = NULL;
    struct cr_err err = {0};

    (void)state;
    numbers_of(make_key("EC:P-256"), &key);
    key.point.p[64] ^= 1; /* off the curve */
    assert_true(cr_failed(cert_key_to_pkey(NULL, &key, &out, &err)));
    assert_null(out);
    key.ec_params.p[key.ec_params.n - 1] ^= 1; /* no curve of ours */
    assert_true(cr_failed(cert_key_to_pkey(NULL, &key, &out, &err)));
    tok_key_clear(&key);
    key.type = TOK_KEY_RSA; /* no numbers at all */
    assert_true(cr_failed(cert_key_to_pkey(NULL, &key, &out, &err)));
    key.type = TOK_KEY_ED25519;
    assert_true(cr_failed(cert_key_to_pkey(NULL, &key, &out, &err)));
    assert_queue_empty();
    tok_key_clear(&key);
}

static void unhex(const char *hex, struct cr_buf *out)
{
    assert_int_equal(cr_unhex(hex, out, NULL).code, CR_OK);
}

static void b64url(const char *text, struct cr_buf *out)
{
    char plain[1024];
    size_t n = strlen(text), i;

    for (i = 0; i < n; i++)
        plain[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    while (i % 4 != 0)
        plain[i++] = '=';
    assert_int_equal(cr_unbase64(cr_bytes(plain, i), out, NULL).code, CR_OK);
}

static void the_thumbprint_of_rfc_7638_is_right(void **state)
{
    static const char n[] =
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZ"
        "CiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZ"
        "gnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBni"
        "Iqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    struct tok_key key = {.type = TOK_KEY_RSA};
    struct cert_jwk jwk = {0};
    char got[44];

    (void)state;
    b64url(n, &key.n);
    unhex("010001", &key.e);
    assert_int_equal(cert_jwk_thumbprint(&key, got, NULL).code, CR_OK);
    assert_string_equal(got, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_int_equal(cert_jwk_members(&key, &jwk, NULL).code, CR_OK);
    assert_string_equal(jwk.n, n);
    assert_string_equal(jwk.e, "AQAB");
    assert_null(jwk.x);
    cert_jwk_clear(&jwk);
    tok_key_clear(&key);
}

/* RFC 8037 appendix A.3. */
static void the_thumbprint_of_rfc_8037_is_right(void **state)
{
    struct tok_key key = {.type = TOK_KEY_ED25519};
    char got[44];

    (void)state;
    b64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", &key.point);
    assert_int_equal(cert_jwk_thumbprint(&key, got, NULL).code, CR_OK);
    assert_string_equal(got, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    tok_key_clear(&key);
}

static void coordinates_keep_their_leading_zeros(void **state)
{
    struct tok_key key = {0};
    struct cert_jwk jwk = {0};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(kinds); i++) {
        if (kinds[i].kind[1] != 'C')
            continue;
        numbers_of(make_key(kinds[i].kind), &key);
        key.point.p[1] = key.point.p[1 + kinds[i].field] = 0; /* no point any more, but the text shows the length */
        assert_int_equal(cert_jwk_members(&key, &jwk, NULL).code, CR_OK);
        assert_int_equal(strlen(jwk.x), (kinds[i].field * 4 + 2) / 3); /* unpadded base64 */
        assert_int_equal(strlen(jwk.y), strlen(jwk.x));
        assert_int_equal(jwk.x[0], 'A');
        assert_string_equal(jwk.alg, kinds[i].alg);
        assert_string_equal(jwk.kty, "EC");
        assert_string_equal(jwk.crv, kinds[i].text + 3);
        cert_jwk_clear(&jwk);
        tok_key_clear(&key);
    }
}

struct der_row {
    const char *rs, *der;
};

static void r_and_s_become_minimal_der(void **state)
{
    static const struct der_row rows[] = {
        {"0102", "3006020101020102"},           /* plain */
        {"80ff", "300802020080020200ff"},       /* high bits get a zero byte */
        {"0001007f", "300602010102017f"},       /* leading zeros go */
        {"000000ff", "3007020100020200ff"},     /* zero stays one byte; a zero before a high bit stays */
        {"0080ff00", "300902020080020300ff00"}, /* both */
        {"0000", "3006020100020100"},           /* zero */
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_buf rs = {0}, back = {0};
        unsigned char out[32];
        char hex[65];
        size_t n = 0;

        unhex(rows[i].rs, &rs);
        assert_int_equal(cert_ecdsa_to_der(cr_buf_bytes(&rs), out, sizeof out, &n, NULL).code, CR_OK);
        cr_hex(cr_bytes(out, n), hex);
        assert_string_equal(hex, rows[i].der);
        assert_int_equal(cert_ecdsa_from_der(cr_bytes(out, n), rs.n / 2, &back, NULL).code, CR_OK);
        assert_true(cr_bytes_equal(cr_buf_bytes(&rs), cr_buf_bytes(&back)));
        for (size_t room = 0; room < n; room++) { /* never past the end */
            unsigned char small[32];
            size_t m = 99;

            memset(small, 0x5a, sizeof small);
            assert_int_equal(cert_ecdsa_to_der(cr_buf_bytes(&rs), small, room, &m, NULL).code, CR_E_SIZE);
            assert_int_equal(m, 99);
            for (size_t k = room; k < sizeof small; k++)
                assert_int_equal(small[k], 0x5a);
        }
        cr_buf_clear(&rs);
        cr_buf_clear(&back);
    }
}

static void the_longest_signature_has_a_long_length(void **state)
{
    unsigned char rs[132], out[139];
    struct cr_buf back = {0};
    size_t n = 0;

    (void)state;
    memset(rs, 0xff, sizeof rs);
    rs[0] = rs[66] = 1; /* as P-521 has it */
    assert_int_equal(cert_ecdsa_to_der(cr_bytes(rs, 132), out, 139, &n, NULL).code, CR_OK);
    assert_int_equal(n, 139);
    assert_int_equal(out[1], 0x81);
    assert_int_equal(cert_ecdsa_from_der(cr_bytes(out, n), 66, &back, NULL).code, CR_OK);
    assert_memory_equal(back.p, rs, 132);
    cr_buf_clear(&back);
    memset(rs, 0xff, sizeof rs); /* longer than any curve's, still no overrun */
    assert_int_equal(cert_ecdsa_to_der(cr_bytes(rs, 132), out, 139, &n, NULL).code, CR_E_SIZE);
}

static void odd_and_overlong_raw_signatures_are_refused(void **state)
{
    unsigned char rs[200] = {1}, out[256];
    size_t n = 0;

    (void)state;
    assert_int_equal(cert_ecdsa_to_der(cr_bytes(rs, 0), out, sizeof out, &n, NULL).code, CR_E_INVALID);
    assert_int_equal(cert_ecdsa_to_der(cr_bytes(rs, 63), out, sizeof out, &n, NULL).code, CR_E_INVALID);
    assert_int_equal(cert_ecdsa_to_der(cr_bytes(rs, 134), out, sizeof out, &n, NULL).code, CR_E_INVALID);
}

static void der_that_is_not_minimal_is_refused(void **state)
{
    static const char *const rows[] = {
        "",                       /* nothing */
        "30",                     /* no length */
        "3000",                   /* no numbers */
        "3003020101",             /* one number */
        "300602010102010200",     /* a byte behind */
        "3009020101020102020103", /* three numbers */
        "3006020181020102",       /* negative */
        "300702020001020102",     /* r padded */
        "30070201010202007f",     /* s padded */
        "3005020002010200",       /* an empty number */
        "308106020101020102",     /* long length for a short one */
        "30800201010201020000",   /* indefinite */
        "3106020101020102",       /* a set */
        "3006030101020102",       /* a bit string */
        "30060205010203040506",   /* a number past the end */
        "30080202010002020100",   /* longer than the field of 1 */
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_buf der = {0}, out = {0};

        unhex(rows[i], &der);
        if (cert_ecdsa_from_der(cr_buf_bytes(&der), 1, &out, NULL).code != CR_E_INVALID)
            fail_msg("accepted: %s", rows[i]);
        assert_null(out.p);
        cr_buf_clear(&der);
    }
}

static EVP_PKEY_CTX *sign_ctx(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);

    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    return ctx;
}

/* As a token would sign with @mech. */
static void token_sign(EVP_PKEY *pkey, const struct tok_mech *mech, struct cr_bytes in, struct cr_buf *sig)
{
    unsigned char out[512];
    size_t n = sizeof out;
    EVP_PKEY_CTX *ctx;

    if (mech->op == TOK_SIGN_EDDSA) {
        EVP_MD_CTX *md = EVP_MD_CTX_new();

        assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, pkey), 1);
        assert_int_equal(EVP_DigestSign(md, out, &n, in.p, in.n), 1);
        EVP_MD_CTX_free(md);
        assert_int_equal(cr_buf_set(sig, out, n, NULL).code, CR_OK);
        return;
    }
    ctx = sign_ctx(pkey);
    if (mech->op == TOK_SIGN_RSA_RAW)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
    if (mech->op == TOK_SIGN_RSA_PSS) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, mech->hash == TOK_SHA256 ? EVP_sha256() : EVP_sha1()), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mech->mgf == TOK_SHA256 ? EVP_sha256() : EVP_sha1()), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)mech->salt_len), 1);
    }
    assert_int_equal(EVP_PKEY_sign(ctx, out, &n, in.p, in.n), 1);
    EVP_PKEY_CTX_free(ctx);
    if (mech->op == TOK_SIGN_ECDSA)
        assert_int_equal(
            cert_ecdsa_from_der(cr_bytes(out, n), (size_t)(EVP_PKEY_get_bits(pkey) + 7) / 8, sig, NULL).code, CR_OK);
    else
        assert_int_equal(cr_buf_set(sig, out, n, NULL).code, CR_OK);
}

static const struct probe_row {
    const char *kind;
    struct tok_mech mech;
    size_t len;
} probes[] = {
    {"RSA:1024", {.op = TOK_SIGN_RSA_PKCS1}, 51},
    {"RSA:1024", {.op = TOK_SIGN_RSA_PKCS1}, 5},
    {"RSA:1024", {.op = TOK_SIGN_RSA_RAW}, 128},
    {"RSA:1024", {.op = TOK_SIGN_RSA_PSS, .hash = TOK_SHA256, .mgf = TOK_SHA256, .salt_len = 32}, 32},
    {"RSA:1024", {.op = TOK_SIGN_RSA_PSS, .hash = TOK_SHA256, .mgf = TOK_SHA1, .salt_len = 0}, 32},
    {"RSA:1024", {.op = TOK_SIGN_RSA_PSS, .hash = TOK_SHA1, .mgf = TOK_SHA1, .salt_len = 20}, 20},
    {"EC:P-256", {.op = TOK_SIGN_ECDSA}, 32},
    {"EC:P-384", {.op = TOK_SIGN_ECDSA}, 48},
    {"EC:P-521", {.op = TOK_SIGN_ECDSA}, 64},
    {"ED25519", {.op = TOK_SIGN_EDDSA}, 100},
};

static void what_a_token_signed_is_verified(void **state)
{
    OSSL_PROVIDER *prov = NULL;
    OSSL_LIB_CTX *ctx = inner_context(&prov);
    unsigned char msg[128];

    (void)state;
    memset(msg, 0x42, sizeof msg);
    for (size_t i = 0; i < CR_COUNT(probes); i++) {
        const struct probe_row *row = &probes[i];
        struct cert_probe in = {.ctx = ctx};
        struct cr_bytes text = cr_bytes(msg, row->len);
        struct tok_key key = {0};
        struct cr_buf sig = {0};
        EVP_PKEY *other;
        char what[32];

        numbers_of(make_key(row->kind), &key);
        assert_int_equal(cert_key_to_pkey(ctx, &key, &in.pkey, NULL).code, CR_OK);
        token_sign(make_key(row->kind), &row->mech, text, &sig);
        assert_int_equal(cert_verify_probe_in(&in, &row->mech, text, cr_buf_bytes(&sig), NULL).code, CR_OK);
        assert_int_equal(cert_verify_probe(make_key(row->kind), &row->mech, text, cr_buf_bytes(&sig), NULL).code,
                         CR_OK);
        /* another message, another signature, a cut one, another key */
        msg[row->len - 1] ^= 1;
        assert_true(cr_failed(cert_verify_probe_in(&in, &row->mech, text, cr_buf_bytes(&sig), NULL)));
        msg[row->len - 1] ^= 1;
        assert_true(cr_failed(cert_verify_probe_in(&in, &row->mech, text, cr_bytes(sig.p, sig.n - 2), NULL)));
        assert_true(cr_failed(cert_verify_probe_in(&in, &row->mech, text, cr_bytes(sig.p, 0), NULL)));
        (void)snprintf(what, sizeof what, "%s#2", row->kind);
        other = make_key(what);
        assert_true(cr_failed(cert_verify_probe(other, &row->mech, text, cr_buf_bytes(&sig), NULL)));
        sig.p[sig.n / 2] ^= 1;
        assert_true(cr_failed(cert_verify_probe_in(&in, &row->mech, text, cr_buf_bytes(&sig), NULL)));
        assert_queue_empty();
        EVP_PKEY_free(in.pkey);
        tok_key_clear(&key);
        cr_buf_clear(&sig);
    }
    OSSL_PROVIDER_unload(prov);
    OSSL_LIB_CTX_free(ctx);
}

static void errors_of_others_stay_on_the_queue(void **state)
{
    struct tok_key key = {0};
    EVP_PKEY *out = NULL;

    (void)state;
    ERR_raise(ERR_LIB_USER, 77);
    assert_int_equal(cert_key_from_pkey(make_key("EC:P-256"), &key, NULL).code, CR_OK);
    key.point.p[9] ^= 1;
    assert_true(cr_failed(cert_key_to_pkey(NULL, &key, &out, NULL)));
    assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), 77);
    ERR_clear_error();
    tok_key_clear(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_and_goes_as_numbers),
        cmocka_unit_test(private_numbers_are_padded_as_tokens_want_them),
        cmocka_unit_test(id_is_sha1_of_the_public_key_bits),
        cmocka_unit_test(other_kinds_are_refused_by_name),
        cmocka_unit_test(an_explicit_curve_is_refused),
        cmocka_unit_test(numbers_that_are_no_key_are_refused),
        cmocka_unit_test(the_thumbprint_of_rfc_7638_is_right),
        cmocka_unit_test(the_thumbprint_of_rfc_8037_is_right),
        cmocka_unit_test(coordinates_keep_their_leading_zeros),
        cmocka_unit_test(r_and_s_become_minimal_der),
        cmocka_unit_test(the_longest_signature_has_a_long_length),
        cmocka_unit_test(odd_and_overlong_raw_signatures_are_refused),
        cmocka_unit_test(der_that_is_not_minimal_is_refused),
        cmocka_unit_test(what_a_token_signed_is_verified),
        cmocka_unit_test(errors_of_others_stay_on_the_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
