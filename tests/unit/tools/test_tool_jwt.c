/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_jwt.h"

#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certs.h"
#include "certs/cert_key.h"
#include "tools/tool_jwks.h"

#define NOW INT64_C(1795392000)

/* A role whose current certificate is of @key. */
static json_t *set_of(struct role_cert *cert)
{
    struct tool_role role = {0};
    json_t *set = NULL;

    assert_int_equal(role_record_new("R", &role.rec, NULL).code, CR_OK);
    role_cert_put(&role.rec->current, cert);
    role_resolve(role.rec, NOW, NULL, &role.view);
    assert_int_equal(tool_jwks(&role, 1, &set, NULL).code, CR_OK);
    role_record_unref(&role.rec);
    return set;
}

static void mint(EVP_PKEY *key, struct role_cert *cert, const char *name, const char *kid, struct cr_buf *token)
{
    const struct tool_jwt_alg *alg = NULL;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    unsigned char sig[1024];
    size_t n = sizeof(sig);
    json_t *claims = NULL;

    assert_int_equal(tool_jwt_alg(cert->key, name, &alg, NULL).code, CR_OK);
    assert_int_equal(tool_jwt_claims(cr_bytes(NULL, 0), "R", NOW, &claims, NULL).code, CR_OK);
    assert_int_equal(tool_jwt_input(alg, kid, cert, claims, token, NULL).code, CR_OK);
    assert_int_equal(EVP_DigestSignInit_ex(md, &pctx, alg->digest, NULL, NULL, key, NULL), 1);
    if (alg->pss) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    assert_int_equal(EVP_DigestSign(md, sig, &n, token->p, token->n), 1);
    assert_int_equal(tool_jwt_append(alg, cr_bytes(sig, n), token, NULL).code, CR_OK);
    json_decref(claims);
    EVP_MD_CTX_free(md);
}

static void expect_bad(struct cr_bytes token, const json_t *set, const char *part)
{
    struct tool_jwt jwt = {0};
    struct cr_err err = {0};

    assert_int_equal(tool_jwt_verify(token, set, &jwt, &err).code, CR_E_INVALID);
    assert_null(jwt.header);
    if (!strstr(err.text, part))
        fail_msg("'%s' lacks '%s'", err.text, part);
}

static void every_algorithm_verifies_and_a_changed_byte_does_not(void **state)
{
    static const struct {
        const char *kind, *alg;
    } rows[] = {{"RSA", "RS256"},   {"RSA", "PS256"},   {"P-256", "ES256"},
                {"P-384", "ES384"}, {"P-521", "ES512"}, {"ED25519", "EdDSA"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        EVP_PKEY *key = test_key(rows[i].kind);
        struct role_cert *cert = test_cert(key, "a", NOW);
        json_t *set = set_of(cert);
        struct cr_buf token = {0};
        struct tool_jwt jwt = {0};
        struct cr_err err = {0};

        mint(key, cert, rows[i].alg, cert->jkt, &token);
        if (cr_failed(tool_jwt_verify(cr_buf_bytes(&token), set, &jwt, &err)))
            fail_msg("%s: %s", rows[i].alg, err.text);
        assert_string_equal(json_string_value(json_object_get(jwt.header, "alg")), rows[i].alg);
        assert_string_equal(json_string_value(json_object_get(jwt.claims, "iss")), "R");
        assert_true(json_equal(json_object_get(jwt.jwk, "x5t"), json_object_get(jwt.header, "x5t")));
        tool_jwt_clear(&jwt);
        for (size_t at = 0; at < token.n; at += 7) { /* whatever part it is in */
            unsigned char was = token.p[at];
            token.p[at] = was == 'A' ? 'B' : 'A';
            assert_int_not_equal(tool_jwt_verify(cr_buf_bytes(&token), set, &jwt, &err).code, CR_OK);
            token.p[at] = was;
        }
        for (size_t n = 0; n < token.n; n += 5)
            assert_int_not_equal(tool_jwt_verify(cr_bytes(token.p, n), set, &jwt, &err).code, CR_OK);
        cr_buf_clear(&token);
        json_decref(set);
        role_cert_unref(&cert);
        EVP_PKEY_free(key);
    }
}

static void another_key_kid_or_algorithm_does_not_verify(void **state)
{
    EVP_PKEY *key = test_key("RSA"), *other = test_key("RSA"), *ec = test_key("P-256");
    struct role_cert *cert = test_cert(key, "a", NOW), *ec_cert = test_cert(ec, "b", NOW);
    json_t *set = set_of(cert), *ec_set = set_of(ec_cert), *keys = json_object_get(set, "keys");
    struct cr_buf token = {0};

    (void)state;
    mint(other, cert, NULL, cert->jkt, &token);
    expect_bad(cr_buf_bytes(&token), set, "signature is not of the published key");
    mint(key, cert, NULL, "nobody", &token);
    expect_bad(cr_buf_bytes(&token), set, "kid");
    mint(key, cert, NULL, ec_cert->jkt, &token); /* RS256 by an EC key's kid */
    expect_bad(cr_buf_bytes(&token), ec_set, "alg");
    mint(key, cert, NULL, cert->jkt, &token);
    json_array_append(keys, json_array_get(keys, 0)); /* a kid twice names no key */
    expect_bad(cr_buf_bytes(&token), set, "kid");
    cr_buf_clear(&token);
    json_decref(set);
    json_decref(ec_set);
    role_cert_unref(&cert);
    role_cert_unref(&ec_cert);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    EVP_PKEY_free(ec);
}

static void what_is_no_token_is_refused(void **state)
{
    static const char *const rows[] = {"",
                                       ".",
                                       "..",
                                       "...",
                                       "a.b",
                                       "e30.e30.",
                                       "e30..e30",
                                       ".e30.e30",
                                       "e30.e30.e30.e30",
                                       "e30=.e30.AA",
                                       "e30.W10.AA",
                                       "e30 .e30.AA",
                                       "e30.e30.A"};
    json_t *set = json_pack("{s:[]}", "keys");

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++)
        expect_bad(cr_bytes_str(rows[i]), set, "compact form");
    expect_bad(cr_bytes_str("e30.e30.AA"), set, "kid");
    expect_bad(cr_bytes_str("e30.e30.AA"), NULL, "kid");
    json_decref(set);
}

static void claims_are_completed_and_not_replaced(void **state)
{
    json_t *claims = NULL;

    (void)state;
    assert_int_equal(tool_jwt_claims(cr_bytes_str("{\"iat\": 100.5, \"x\": 1}"), "R", NOW, &claims, NULL).code, CR_OK);
    assert_int_equal(json_integer_value(json_object_get(claims, "exp")), 400);
    assert_int_equal(json_string_length(json_object_get(claims, "jti")), 22);
    assert_null(json_object_get(claims, "iss"));
    json_decref(claims);
    claims = NULL;
    assert_int_equal(tool_jwt_claims(cr_bytes_str("{\"exp\": 7, \"jti\": \"\"}"), "R", NOW, &claims, NULL).code, CR_OK);
    assert_int_equal(json_integer_value(json_object_get(claims, "exp")), 7);
    assert_int_equal(json_integer_value(json_object_get(claims, "iat")), NOW);
    assert_string_equal(json_string_value(json_object_get(claims, "jti")), "");
    json_decref(claims);
}

static void loose_claims_are_refused(void **state)
{
    static const char *const rows[] = {"[]",
                                       "{\"a\":1,\"a\":1}",
                                       "{} {}",
                                       "{\"nbf\":true}",
                                       "{\"iat\":-0.5}",
                                       "{\"exp\":253402300800}",
                                       "{\"iss\":1}",
                                       "{\"sub\":[]}",
                                       "null",
                                       " "};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        json_t *claims = NULL;
        assert_int_equal(tool_jwt_claims(cr_bytes_str(rows[i]), "R", NOW, &claims, NULL).code, CR_E_INVALID);
        assert_null(claims);
    }
}

static void an_algorithm_is_of_its_kind_of_key(void **state)
{
    static const struct {
        const char *key, *name, *want; /* NULL: refused */
    } rows[] = {{"rsa:2048", NULL, "RS256"}, {"rsa:4096", "PS256", "PS256"}, {"ec:P-256", NULL, "ES256"},
                {"ec:P-384", NULL, "ES384"}, {"ec:P-521", "ES512", "ES512"}, {"ed25519", NULL, "EdDSA"},
                {"rsa:2048", "ES256", NULL}, {"ec:P-256", "ES384", NULL},    {"ec:P-25", NULL, NULL},
                {"rsa:2048", "none", NULL},  {"rsa:2048", "HS256", NULL},    {"rsax", NULL, NULL}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        const struct tool_jwt_alg *alg = NULL;
        bool got = !cr_failed(tool_jwt_alg(rows[i].key, rows[i].name, &alg, NULL));
        assert_int_equal(got, rows[i].want != NULL);
        if (got)
            assert_string_equal(alg->name, rows[i].want);
    }
}

static void a_jwk_is_read_strictly(void **state)
{
    static const struct cert_jwk rows[] = {
        {.kty = NULL},
        {.kty = "oct"},
        {.kty = "RSA", .n = (char *)"AQAB"},
        {.kty = "RSA", .n = (char *)"AAEAAQ", .e = (char *)"AQAB"},
        {.kty = "RSA", .n = (char *)"AQA=", .e = (char *)"AQAB"},
        {.kty = "EC", .crv = "P-192", .x = (char *)"AA", .y = (char *)"AA"},
        {.kty = "EC", .crv = "prime256v1", .x = (char *)"AA", .y = (char *)"AA"},
        {.kty = "EC", .crv = "P-256", .x = (char *)"AA", .y = (char *)"AA"},
        {.kty = "OKP", .crv = "Ed448", .x = (char *)"AA"},
        {.kty = "OKP", .crv = "Ed25519", .x = (char *)"AA"},
        {.kty = "OKP", .crv = "Ed25519"},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct tok_key key = {0};
        struct cr_err err = {0};
        assert_true(cr_failed(cert_jwk_key(&rows[i], &key, &err)));
        assert_null(key.point.p);
        assert_string_not_equal(err.text, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_verifies_and_a_changed_byte_does_not),
        cmocka_unit_test(another_key_kid_or_algorithm_does_not_verify),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(claims_are_completed_and_not_replaced),
        cmocka_unit_test(loose_claims_are_refused),
        cmocka_unit_test(an_algorithm_is_of_its_kind_of_key),
        cmocka_unit_test(a_jwk_is_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
