/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "certs/cert_chain.h"
#include "common/cr_time.h"
#include "make.h"

enum { ROOT, MID, LEAF, OTHER, FORGED, N };
static struct cr_buf der[N];

static int make_all(void **state)
{
    EVP_PKEY *root = make_new_key("EC:P-256"), *mid = make_new_key("EC:P-256"), *leaf = make_key("EC:P-256");
    const struct make_cert certs[N] = {
        [ROOT] = {.subject = "CN=root", .key = root, .ca = true, .not_after = "20500101000000Z"},
        [MID] = {.subject = "CN=mid",
                 .key = mid,
                 .issuer = "CN=root",
                 .issuer_key = root,
                 .ca = true,
                 .not_after = "20400101000000Z"},
        [LEAF] = {.subject = "CN=leaf", .key = leaf, .issuer = "CN=mid", .issuer_key = mid},
        [OTHER] = {.subject = "CN=other", .key = mid, .ca = true},
        /* the right names, signed by another key */
        [FORGED] = {.subject = "CN=leaf", .key = leaf, .issuer = "CN=mid", .issuer_key = root},
    };

    (void)state;
    for (size_t i = 0; i < N; i++) {
        X509 *x = make_x509(&certs[i]);

        make_der(x, &der[i]);
        X509_free(x);
    }
    EVP_PKEY_free(root);
    EVP_PKEY_free(mid);
    return 0;
}

static int clear_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++)
        cr_buf_clear(&der[i]);
    return 0;
}

static void a_chain_is_what_each_certificate_signed(void **state)
{
    static const struct {
        int leaf, chain[3];
        size_t n;
        bool incomplete;
        int64_t not_after;
        const char *refused; /* or NULL */
    } rows[] = {
        {LEAF, {MID, ROOT}, 2, false, INT64_C(2208988800), NULL},
        {LEAF, {MID}, 1, false, INT64_C(2208988800), NULL}, /* a root may be left out */
        {LEAF, {0}, 0, true, CR_TIME_NEVER, NULL},
        {ROOT, {0}, 0, false, CR_TIME_NEVER, NULL},
        {LEAF, {ROOT}, 1, false, 0, "certificate 1 of the chain did not issue"},
        {LEAF, {OTHER}, 1, false, 0, "certificate 1 of the chain did not issue"},
        {FORGED, {MID}, 1, false, 0, "certificate 1 of the chain did not issue"},
        {LEAF, {MID, OTHER}, 2, false, 0, "certificate 2 of the chain did not issue"},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_buf chain[3];
        struct cert_chain_report report = {0};
        struct cr_err err = {0};
        cr_status st;

        for (size_t k = 0; k < rows[i].n; k++)
            chain[k] = der[rows[i].chain[k]]; /* borrowed */
        st = cert_chain_look(cr_buf_bytes(&der[rows[i].leaf]), chain, rows[i].n, &report, &err);
        assert_queue_empty();
        if (rows[i].refused != NULL) {
            assert_int_equal(st.code, CR_E_INVALID);
            assert_non_null(strstr(err.text, rows[i].refused));
            continue;
        }
        assert_false(cr_failed(st));
        assert_int_equal(report.incomplete, rows[i].incomplete);
        assert_int_equal(report.not_after, rows[i].not_after);
    }
}

static void a_root_of_this_systems_trust_store_completes(void **state)
{
    char path[] = "/tmp/certroll-unit-XXXXXX";
    struct cert_chain_report report = {0};
    struct cr_buf pem = {0};
    X509 *root;
    const unsigned char *p = der[ROOT].p;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    root = d2i_X509(NULL, &p, (long)der[ROOT].n);
    make_pem_cert(root, &pem);
    X509_free(root);
    assert_int_equal(write(fd, pem.p, pem.n), (ssize_t)pem.n);
    close(fd);
    assert_int_equal(setenv("SSL_CERT_FILE", path, 1), 0);
    assert_false(cr_failed(cert_chain_look(cr_buf_bytes(&der[MID]), NULL, 0, &report, NULL)));
    assert_false(report.incomplete);
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
    assert_false(cr_failed(cert_chain_look(cr_buf_bytes(&der[MID]), NULL, 0, &report, NULL)));
    assert_true(report.incomplete);
    assert_queue_empty();
    unlink(path);
    cr_buf_clear(&pem);
}

static void what_is_no_certificate_is_named(void **state)
{
    struct cr_buf junk = {.p = (unsigned char *)"junk", .n = 4};
    struct cert_chain_report report;
    struct cr_err err = {0};

    (void)state;
    assert_int_equal(cert_chain_look(cr_buf_bytes(&junk), NULL, 0, &report, &err).code, CR_E_INVALID);
    assert_int_equal(cert_chain_look(cr_buf_bytes(&der[LEAF]), &junk, 1, &report, &err).code, CR_E_INVALID);
    assert_non_null(strstr(err.text, "certificate 1 of the chain"));
    assert_queue_empty();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_is_what_each_certificate_signed),
        cmocka_unit_test(a_root_of_this_systems_trust_store_completes),
        cmocka_unit_test(what_is_no_certificate_is_named),
    };

    return cmocka_run_group_tests(tests, make_all, clear_all);
}
