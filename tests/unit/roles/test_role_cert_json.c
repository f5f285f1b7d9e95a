/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_cert_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fake_cert.h"
#include "roles/role_codec.h"

static void key_kinds_are_known(void **state)
{
    static const struct {
        const char *key;
        bool valid;
    } rows[] = {
        {"rsa:2048", true},  {"rsa:512", true},    {"rsa:16384", true},   {"rsa:", false},     {"rsa:99", false},
        {"rsa:0512", false}, {"rsa:2048x", false}, {"rsa:204800", false}, {"RSA:2048", false}, {"ec:P-256", true},
        {"ec:P-384", true},  {"ec:P-521", true},   {"ec:p-256", false},   {"ec:P-192", false}, {"ed25519", true},
        {"ed448", false},    {"", false},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++)
        assert_int_equal(role_key_valid(rows[i].key), rows[i].valid);
}

static void an_entry_reads_back(void **state)
{
    struct role_cert *cert = fake_cert("A", "K"), *copy = NULL;
    struct cr_buf one = {0}, two = {0}, issuers[2] = {0};
    char *places[] = {"pkcs11:token=a", "pkcs11:token=b;id=%01"};
    struct cr_err err = {0};

    (void)state;
    assert_false(cr_failed(cr_buf_set(&issuers[0], "first\0issuer", 12, NULL)));
    assert_false(cr_failed(cr_buf_set(&issuers[1], "root", 4, NULL)));
    assert_false(cr_failed(role_cert_set_chain(cert, issuers, 2, NULL)));
    assert_false(cr_failed(role_cert_set_locations(cert, places, 2, NULL)));
    assert_false(cr_failed(cr_strdup("my kid", &cert->own_kid, NULL)));
    cert->not_after = CR_TIME_NEVER;
    assert_false(cr_failed(role_cert_write(cert, &one, &err)));
    assert_false(cr_failed(role_cert_read(cr_buf_bytes(&one), &copy, &err)));
    assert_string_equal(copy->own_kid, "my kid");
    assert_true(copy->not_after == CR_TIME_NEVER);
    assert_int_equal(copy->not_before, FAKE_FROM);
    assert_int_equal(copy->nchain, 2);
    assert_memory_equal(copy->chain[0].p, "first\0issuer", 12);
    assert_string_equal(copy->locations[1], places[1]);
    assert_string_equal(copy->jkt, cert->jkt);
    assert_false(cr_failed(role_cert_write(copy, &two, &err)));
    assert_string_equal((char *)one.p, (char *)two.p);
    role_cert_unref(&cert);
    role_cert_unref(&copy);
    cr_buf_clear(&one);
    cr_buf_clear(&two);
    cr_buf_clear(&issuers[0]);
    cr_buf_clear(&issuers[1]);
}

static void unknown_members_are_kept(void **state)
{
    struct role_cert *cert = fake_cert("A", NULL), *copy = NULL;
    struct cr_buf text = {0};

    (void)state;
    cert->extra = json_pack("{s:{s:[i,i]}}", "pending", "requests", 1, 2);
    assert_false(cr_failed(role_cert_write(cert, &text, NULL)));
    assert_false(cr_failed(role_cert_read(cr_buf_bytes(&text), &copy, NULL)));
    assert_true(json_equal(copy->extra, cert->extra));
    role_cert_unref(&cert);
    role_cert_unref(&copy);
    cr_buf_clear(&text);
}

/* Sets @name to @value (a new reference, NULL: removed) in a good entry and reads it. */
static cr_status read_with(const char *name, json_t *value, struct cr_err *err)
{
    struct role_cert *cert = fake_cert("A", NULL), *copy = NULL;
    json_t *obj = NULL;
    cr_status st;

    assert_false(cr_failed(role_cert_to_json(cert, &obj, NULL)));
    if (value != NULL)
        json_object_set_new(obj, name, value);
    else
        json_object_del(obj, name);
    st = role_cert_from_json(obj, &copy, err);
    role_cert_unref(&copy);
    role_cert_unref(&cert);
    json_decref(obj);
    return st;
}

static void every_member_but_kid_is_required(void **state)
{
    static const char *const names[] = {"format", "thumbprint", "sha1",      "spki", "jkt",  "subject", "issuer",
                                        "serial", "not_before", "not_after", "key",  "leaf", "chain",   "locations"};
    struct cr_err err;

    (void)state;
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        assert_int_equal(read_with(names[i], NULL, &err).code, CR_E_INVALID);
        assert_non_null(strstr(err.text, names[i]));
        assert_int_equal(read_with(names[i], json_true(), &err).code, CR_E_INVALID);
        assert_non_null(strstr(err.text, names[i]));
    }
    assert_false(cr_failed(read_with("kid", NULL, &err)));
    assert_false(cr_failed(read_with("kid", json_null(), &err)));
}

static void bad_values_are_refused(void **state)
{
    static const struct {
        const char *name, *json;
        enum cr_code code;
    } rows[] = {
        {"format", "[2]", CR_E_UNSUPPORTED},
        {"format", "[0]", CR_E_INVALID},
        {"thumbprint", "[\"ABCD\"]", CR_E_INVALID},
        {"jkt", "[\"short\"]", CR_E_INVALID},
        {"kid", "[\"\"]", CR_E_INVALID},
        {"kid", "[\"a\\u0001b\"]", CR_E_INVALID},
        {"key", "[\"dsa:1024\"]", CR_E_INVALID},
        {"key", "[\"rsa:2048 and far more than the field could ever hold\"]", CR_E_INVALID},
        {"not_after", "[\"tomorrow\"]", CR_E_INVALID},
        {"not_after", "[\"2026-01-01T00:00:00\"]", CR_E_INVALID},
        {"leaf", "[\"\"]", CR_E_INVALID},
        {"leaf", "[\"AA=\"]", CR_E_INVALID},
        {"chain", "[[\"AA==\", 1]]", CR_E_INVALID},
        {"chain", "[[\"AA==\", \"?\"]]", CR_E_INVALID},
        {"locations", "[[\"file:/etc/key.pem\"]]", CR_E_INVALID},
        {"locations", "[[\"pkcs11:a\", null]]", CR_E_INVALID},
        {"locations", "[[\"pkcs11:a b\"]]", CR_E_INVALID},
        {"locations", "[[\"pkcs11:a?pin-value=1234\"]]", CR_E_INVALID},
        {"locations", "[[\"pkcs11:a?pin-source=/etc/pin\"]]", CR_E_INVALID},
        {"locations", "[[]]", CR_OK},
    };
    struct cr_err err;

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        json_t *list = json_loads(rows[i].json, 0, NULL);
        cr_status st = read_with(rows[i].name, json_incref(json_array_get(list, 0)), &err);

        if (st.code != rows[i].code)
            fail_msg("%s %s: %d", rows[i].name, rows[i].json, (int)st.code);
        json_decref(list);
    }
}

static void what_is_no_object_is_refused(void **state)
{
    struct role_cert *cert = NULL;
    json_t *text = json_string("x");

    (void)state;
    assert_int_equal(role_cert_from_json(text, &cert, NULL).code, CR_E_INVALID);
    assert_int_equal(role_cert_read(cr_bytes_str("[]"), &cert, NULL).code, CR_E_INVALID);
    assert_null(cert);
    json_decref(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_kinds_are_known),      cmocka_unit_test(an_entry_reads_back),
        cmocka_unit_test(unknown_members_are_kept), cmocka_unit_test(every_member_but_kid_is_required),
        cmocka_unit_test(bad_values_are_refused),   cmocka_unit_test(what_is_no_object_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
