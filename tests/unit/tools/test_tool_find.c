/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_cert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SHA256 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA1   "fedcba9876543210fedcba9876543210fedcba98"

static void what_people_paste_is_cleaned(void **state)
{
    static const struct {
        const char *text, *want; /* want NULL: refused */
    } rows[] = {
        {"01234567", "01234567"},
        {"01:23:45:67", "01234567"},
        {"ABCDEF01", "abcdef01"},
        {"ab cd ef 01", "abcdef01"},
        {"\xe2\x80\x8e"
         "fe dc ba 98",
         "fedcba98"}, /* as copied from Windows' certificate dialogue */
        {SHA256, SHA256},
        {"0123456", NULL},
        {"", NULL},
        {"::::::::", NULL},
        {"0123456g", NULL},
        {"0x01234567", NULL},
        {SHA256 "0", NULL},
        {"certroll://A", NULL},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        char hex[65] = "";
        struct cr_err err = {0};
        cr_status st = tool_thumbprint_clean(rows[i].text, hex, &err);
        assert_int_equal(st.code, rows[i].want ? CR_OK : CR_E_USAGE);
        if (rows[i].want)
            assert_string_equal(hex, rows[i].want);
        else
            assert_true(*err.text);
    }
}

static void either_thumbprint_matches_by_prefix(void **state)
{
    (void)state;
    assert_true(tool_thumbprint_match("01234567", SHA256, SHA1));
    assert_true(tool_thumbprint_match(SHA256, SHA256, SHA1));
    assert_true(tool_thumbprint_match("fedcba98", SHA256, SHA1));
    assert_true(tool_thumbprint_match(SHA1, SHA256, SHA1));
    assert_true(tool_thumbprint_match("", SHA256, SHA1));
    assert_false(tool_thumbprint_match("01234568", SHA256, SHA1));
    assert_false(tool_thumbprint_match(SHA1 "00", SHA256, SHA1));
    assert_false(tool_thumbprint_match("89abcdef", SHA256, SHA1));
}

static void a_location_is_added_once_and_found(void **state)
{
    struct role_cert *cert = NULL;
    struct cr_err err;

    (void)state;
    assert_false(cr_failed(role_cert_new(&cert, &err)));
    assert_false(tool_cert_has_location(cert, "pkcs11:id=%01"));
    assert_false(cr_failed(tool_cert_add_location(cert, "pkcs11:id=%01", &err)));
    assert_false(cr_failed(tool_cert_add_location(cert, "pkcs11:id=%02", &err)));
    assert_true(tool_cert_has_location(cert, "pkcs11:id=%01"));
    assert_true(tool_cert_has_location(cert, "pkcs11:id=%02"));
    assert_int_equal(cert->nlocations, 2);
    role_cert_unref(&cert);
}

static void a_chain_is_replaced_whole_and_compared_in_order(void **state)
{
    struct cr_buf chain[2] = {{0}, {0}}, reversed[2];
    struct role_cert *cert = NULL;
    struct cr_err err;

    (void)state;
    assert_false(cr_failed(cr_buf_append_str(&chain[0], "issuer", &err)));
    assert_false(cr_failed(cr_buf_append_str(&chain[1], "root", &err)));
    reversed[0] = chain[1];
    reversed[1] = chain[0];
    assert_false(cr_failed(role_cert_new(&cert, &err)));
    assert_true(tool_cert_same_chain(cert, NULL, 0));
    assert_false(cr_failed(role_cert_set_chain(cert, chain, 2, &err)));
    assert_true(tool_cert_same_chain(cert, chain, 2));
    assert_false(tool_cert_same_chain(cert, reversed, 2));
    assert_false(tool_cert_same_chain(cert, chain, 1));
    assert_false(cr_failed(role_cert_set_chain(cert, chain + 1, 1, &err)));
    assert_true(tool_cert_same_chain(cert, chain + 1, 1));
    assert_false(cr_failed(role_cert_set_chain(cert, NULL, 0, &err)));
    assert_int_equal(cert->nchain, 0);
    role_cert_unref(&cert);
    cr_buf_clear(&chain[0]);
    cr_buf_clear(&chain[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_paste_is_cleaned),
        cmocka_unit_test(either_thumbprint_matches_by_prefix),
        cmocka_unit_test(a_location_is_added_once_and_found),
        cmocka_unit_test(a_chain_is_replaced_whole_and_compared_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
