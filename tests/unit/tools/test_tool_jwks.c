/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_jwks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "certs.h"

#define NOW INT64_C(1795392000)

static struct tool_role role_of(const char *name, struct role_cert *previous, struct role_cert *current,
                                struct role_cert *next)
{
    struct tool_role role = {0};

    assert_int_equal(role_record_new(name, &role.rec, NULL).code, CR_OK);
    role_cert_put(&role.rec->previous, previous);
    role_cert_put(&role.rec->current, current);
    role_cert_put(&role.rec->next, next);
    role.rec->previous_until = NOW + 1000;
    role.rec->next_effective = NOW + 1000;
    role.rec->next_since = NOW;
    role_resolve(role.rec, NOW, NULL, &role.view);
    return role;
}

static const char *text(const json_t *keys, size_t i, const char *name)
{
    return json_string_value(json_object_get(json_array_get(keys, i), name));
}

static json_t *set_of(const struct tool_role *roles, size_t n, size_t want)
{
    json_t *set = NULL;

    assert_int_equal(tool_jwks(roles, n, &set, NULL).code, CR_OK);
    assert_int_equal(json_array_size(json_object_get(set, "keys")), want);
    return set;
}

static void every_kind_of_key_has_its_members(void **state)
{
    static const struct {
        const char *kind, *kty, *alg, *crv;
        const char *members[4];
    } rows[] = {
        {"RSA", "RSA", "RS256", NULL, {"n", "e"}},     {"P-256", "EC", "ES256", "P-256", {"x", "y"}},
        {"P-384", "EC", "ES384", "P-384", {"x", "y"}}, {"P-521", "EC", "ES512", "P-521", {"x", "y"}},
        {"ED25519", "OKP", "EdDSA", "Ed25519", {"x"}},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        EVP_PKEY *key = test_key(rows[i].kind);
        struct role_cert *cert = test_cert(key, "a", NOW);
        struct tool_role role = role_of("R", NULL, cert, NULL);
        json_t *set = set_of(&role, 1, 1), *keys = json_object_get(set, "keys");
        assert_string_equal(text(keys, 0, "kty"), rows[i].kty);
        assert_string_equal(text(keys, 0, "alg"), rows[i].alg);
        assert_string_equal(text(keys, 0, "use"), "sig");
        assert_string_equal(text(keys, 0, "kid"), cert->jkt);
        if (rows[i].crv)
            assert_string_equal(text(keys, 0, "crv"), rows[i].crv);
        else
            assert_null(text(keys, 0, "crv"));
        for (size_t k = 0; rows[i].members[k]; k++)
            assert_non_null(text(keys, 0, rows[i].members[k]));
        assert_null(text(keys, 0, "d"));
        assert_int_equal(strlen(text(keys, 0, "x5t")), 27);
        assert_int_equal(strlen(text(keys, 0, "x5t#S256")), 43);
        json_decref(set);
        role_record_unref(&role.rec);
        role_cert_unref(&cert);
        EVP_PKEY_free(key);
    }
}

static void x5c_is_plain_base64_of_leaf_and_chain(void **state)
{
    EVP_PKEY *key = test_key("P-256");
    struct role_cert *cert = test_cert(key, "leaf", NOW), *issuer = test_cert(key, "issuer", NOW);
    struct tool_role role;
    struct cr_buf back = {0};
    json_t *set, *x5c;

    (void)state;
    assert_int_equal(role_cert_set_chain(cert, &issuer->leaf, 1, NULL).code, CR_OK);
    role = role_of("R", NULL, cert, NULL);
    set = set_of(&role, 1, 1);
    x5c = json_object_get(json_array_get(json_object_get(set, "keys"), 0), "x5c");
    assert_int_equal(json_array_size(x5c), 2);
    assert_int_equal(cr_unbase64(cr_bytes_str(json_string_value(json_array_get(x5c, 0))), &back, NULL).code, CR_OK);
    assert_true(cr_bytes_equal(cr_buf_bytes(&back), cr_buf_bytes(&cert->leaf)));
    assert_int_equal(cr_unbase64(cr_bytes_str(json_string_value(json_array_get(x5c, 1))), &back, NULL).code, CR_OK);
    assert_true(cr_bytes_equal(cr_buf_bytes(&back), cr_buf_bytes(&issuer->leaf)));
    cr_buf_clear(&back);
    json_decref(set);
    role_record_unref(&role.rec);
    role_cert_unref(&cert);
    role_cert_unref(&issuer);
    EVP_PKEY_free(key);
}

static void current_stands_first_then_next_then_previous(void **state)
{
    EVP_PKEY *a = test_key("P-256"), *b = test_key("P-256"), *c = test_key("P-256");
    struct role_cert *ca = test_cert(a, "a", NOW), *cb = test_cert(b, "b", NOW), *cc = test_cert(c, "c", NOW);
    struct tool_role role = role_of("R", ca, cb, cc);
    json_t *set = set_of(&role, 1, 3), *keys = json_object_get(set, "keys");

    (void)state;
    assert_string_equal(text(keys, 0, "kid"), cb->jkt);
    assert_string_equal(text(keys, 1, "kid"), cc->jkt);
    assert_string_equal(text(keys, 2, "kid"), ca->jkt);
    json_decref(set);
    role_record_unref(&role.rec);
    role_cert_unref(&ca), role_cert_unref(&cb), role_cert_unref(&cc);
    EVP_PKEY_free(a), EVP_PKEY_free(b), EVP_PKEY_free(c);
}

static void a_renewal_is_one_entry_with_the_newest_certificate(void **state)
{
    EVP_PKEY *key = test_key("P-256");
    struct role_cert *old = test_cert(key, "a", NOW - 1000), *renewed = test_cert(key, "a", NOW);
    struct tool_role role = role_of("R", NULL, old, renewed);
    struct cr_buf x5t = {0};
    json_t *set = set_of(&role, 1, 1), *keys = json_object_get(set, "keys");

    (void)state;
    assert_int_equal(tool_x5t(renewed->thumbprint, &x5t, NULL).code, CR_OK);
    assert_string_equal(text(keys, 0, "x5t#S256"), (const char *)x5t.p);
    assert_string_equal(text(keys, 0, "kid"), old->jkt);
    cr_buf_clear(&x5t);
    json_decref(set);
    role_record_unref(&role.rec);
    role_cert_unref(&old), role_cert_unref(&renewed);
    EVP_PKEY_free(key);
}

static void roles_that_share_a_key_share_an_entry(void **state)
{
    EVP_PKEY *key = test_key("P-256");
    struct role_cert *cert = test_cert(key, "a", NOW);
    struct tool_role roles[] = {role_of("A", NULL, cert, NULL), role_of("B", cert, NULL, NULL)};

    (void)state;
    json_decref(set_of(roles, 2, 1));
    role_record_unref(&roles[0].rec), role_record_unref(&roles[1].rec);
    role_cert_unref(&cert);
    EVP_PKEY_free(key);
}

static void a_revoked_key_is_never_published(void **state)
{
    EVP_PKEY *a = test_key("P-256"), *b = test_key("P-256");
    struct role_cert *ca = test_cert(a, "a", NOW), *cb = test_cert(b, "b", NOW);
    struct tool_role role = role_of("R", ca, cb, NULL);
    json_t *set;

    (void)state;
    assert_int_equal(role_record_add_revoked(role.rec, cb->spki, NULL).code, CR_OK);
    role_resolve(role.rec, NOW, NULL, &role.view);
    set = set_of(&role, 1, 1);
    assert_string_equal(text(json_object_get(set, "keys"), 0, "kid"), ca->jkt);
    json_decref(set);
    role_record_unref(&role.rec);
    role_cert_unref(&ca), role_cert_unref(&cb);
    EVP_PKEY_free(a), EVP_PKEY_free(b);
}

static void two_keys_with_one_kid_are_refused(void **state)
{
    EVP_PKEY *a = test_key("P-256"), *b = test_key("P-256");
    struct role_cert *ca = test_cert(a, "a", NOW), *cb = test_cert(b, "b", NOW);
    struct tool_role roles[2];
    struct cr_err err = {0};
    json_t *set = NULL;

    (void)state;
    assert_int_equal(cr_strdup("mine", &ca->own_kid, NULL).code, CR_OK);
    assert_int_equal(cr_strdup("mine", &cb->own_kid, NULL).code, CR_OK);
    roles[0] = role_of("A", NULL, ca, NULL);
    roles[1] = role_of("B", NULL, cb, NULL);
    assert_int_equal(tool_jwks(roles, 2, &set, &err).code, CR_E_REFUSED);
    assert_non_null(strstr(err.text, "one kid 'mine'"));
    assert_null(set);
    role_record_unref(&roles[0].rec), role_record_unref(&roles[1].rec);
    role_cert_unref(&ca), role_cert_unref(&cb);
    EVP_PKEY_free(a), EVP_PKEY_free(b);
}

static void no_certificate_gives_an_empty_set(void **state)
{
    struct tool_role role = role_of("R", NULL, NULL, NULL);

    (void)state;
    json_decref(set_of(&role, 1, 0));
    json_decref(set_of(NULL, 0, 0));
    role_record_unref(&role.rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_key_has_its_members),
        cmocka_unit_test(x5c_is_plain_base64_of_leaf_and_chain),
        cmocka_unit_test(current_stands_first_then_next_then_previous),
        cmocka_unit_test(a_renewal_is_one_entry_with_the_newest_certificate),
        cmocka_unit_test(roles_that_share_a_key_share_an_entry),
        cmocka_unit_test(a_revoked_key_is_never_published),
        cmocka_unit_test(two_keys_with_one_kid_are_refused),
        cmocka_unit_test(no_certificate_gives_an_empty_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
