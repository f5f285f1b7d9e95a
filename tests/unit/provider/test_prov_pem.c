/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/prov_pem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/cr_status.h"

#define LONG "123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"

static void a_label_is_found_where_pem_has_one(void **state)
{
    static const struct {
        const char *text, *label;
        int start;
    } rows[] = {
        {"-----BEGIN A B-----\n", "A B", 0},
        {"-----BEGIN A-----\r\nx", "A", 0},
        {"-----BEGIN A-----", "A", 0},
        {"-----BEGIN A----- \t\n", "A", 0},
        {"subject=x\n\nmore\n-----BEGIN A-----\n", "A", 16},
        {"-----BEGIN " LONG LONG "-----\n-----BEGIN C-----\n", "C", 197},
        {"-----END A-----\n-----BEGIN C-----\n", "C", 16},
        {"-----BEGIN -----\n", NULL, 0},
        {"-----BEGIN A----\n", NULL, 0},
        {"-----BEGIN \n", NULL, 0},
        {" -----BEGIN A-----\n", NULL, 0},
        {"\n\n\n", NULL, 0},
        {"-", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        BIO *bio = BIO_new_mem_buf(rows[i].text, -1);
        char label[PROV_PEM_LABEL] = "";
        int start = -1;

        assert_int_equal(prov_pem_label(bio, label, &start), rows[i].label != NULL);
        if (rows[i].label != NULL) {
            assert_string_equal(label, rows[i].label);
            assert_int_equal(start, rows[i].start);
        }
        BIO_free(bio);
    }
}

static void a_block_is_passed_with_its_last_line_and_no_more(void **state)
{
    static const struct {
        const char *text, *rest;
    } rows[] = {
        {"AAAA\nBBBB\n-----END A-----\nrest", "rest"},
        {"AAAA\r\n-----END A-----\r\nrest", "rest"},
        {"-----END A-----", ""},
        {"AAAA\nBBBB", ""},
    };
    char rest[16];

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        BIO *bio = BIO_new_mem_buf(rows[i].text, -1);
        int n;

        prov_pem_pass(bio);
        n = BIO_read(bio, rest, sizeof rest - 1);
        rest[n > 0 ? n : 0] = '\0';
        assert_string_equal(rest, rows[i].rest);
        BIO_free(bio);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_label_is_found_where_pem_has_one),
        cmocka_unit_test(a_block_is_passed_with_its_last_line_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
