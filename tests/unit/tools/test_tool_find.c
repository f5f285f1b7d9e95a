/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_cert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

/* A state directory with three known certificates: two share their first ten digits, and one's SHA-1 begins like the
 * first one's SHA-256. */
static const char *const known[][2] = {
    {"0123456789"
     "00",
     "aaaaaaaaaa"},
    {"0123456789"
     "11",
     "bbbbbbbbbb"},
    {"cccccccccccc", "01234567ff"},
};

static void fill(char *out, size_t size, const char *start)
{
    memset(out, '0', size - 1);
    memcpy(out, start, strlen(start));
    out[size - 1] = '\0';
}

static void known_save(struct store *store, const char *sha256, const char *sha1)
{
    struct role_cert *cert = NULL;
    struct cr_err err = {0};

    assert_false(cr_failed(role_cert_new(&cert, &err)));
    fill(cert->thumbprint, sizeof(cert->thumbprint), sha256);
    fill(cert->sha1, sizeof(cert->sha1), sha1);
    fill(cert->spki, sizeof(cert->spki), sha256);
    fill(cert->jkt, sizeof(cert->jkt), "A");
    strcpy(cert->key, "rsa:2048");
    cert->subject = strdup("CN=x");
    cert->issuer = strdup("CN=y");
    cert->serial = strdup("01");
    cert->not_after = 2000000000;
    assert_false(cr_failed(cr_buf_append_str(&cert->leaf, "leaf", &err)));
    assert_false(cr_failed(tool_cert_add_location(cert, "pkcs11:token=t;id=%01;type=private", &err)));
    if (cr_failed(store_cert_save(store, cert, &err)))
        fail_msg("%s", err.text);
    role_cert_unref(&cert);
}

static void a_prefix_finds_one_certificate_or_names_two(void **state)
{
    static const struct {
        const char *text;
        enum cr_code code;
        const char *found; /* start of its SHA-256, or part of the sentence */
    } rows[] = {
        {"012345678900", CR_OK, "012345678900"},
        {"01:23:45:67:89:11", CR_OK, "012345678911"},
        {"0123456789", CR_E_AMBIGUOUS, "012345678911"},
        {"01234567", CR_E_AMBIGUOUS, "two certificates"}, /* a SHA-256 and a SHA-1 too */
        {"01234567FF", CR_OK, "cccc"},
        {"BBBBBBBB", CR_OK, "012345678911"},
        {"dddddddd", CR_E_NOT_FOUND, "no certificate"},
        {"dddd", CR_E_USAGE, "too short"},
    };
    char dir[] = "/tmp/test_tool_find.XXXXXX", remove[64];
    struct tool tool = {0};
    struct cr_err err = {0};

    (void)state;
    assert_non_null(mkdtemp(dir));
    if (cr_failed(store_file_open(dir, true, &tool.store, &err)))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < CR_COUNT(known); i++)
        known_save(tool.store, known[i][0], known[i][1]);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct role_cert *cert = NULL;
        cr_status st = tool_cert_find(&tool, rows[i].text, false, &cert, &err);
        assert_int_equal(st.code, rows[i].code);
        if (!cr_failed(st))
            assert_memory_equal(cert->thumbprint, rows[i].found, strlen(rows[i].found));
        else if (!strstr(err.text, rows[i].found))
            fail_msg("'%s' lacks '%s'", err.text, rows[i].found);
        role_cert_unref(&cert);
    }
    store_close(&tool.store);
    snprintf(remove, sizeof(remove), "rm -rf %s", dir);
    assert_int_equal(system(remove), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_people_paste_is_cleaned),
        cmocka_unit_test(either_thumbprint_matches_by_prefix),
        cmocka_unit_test(a_location_is_added_once_and_found),
        cmocka_unit_test(a_prefix_finds_one_certificate_or_names_two),
        cmocka_unit_test(a_chain_is_replaced_whole_and_compared_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
