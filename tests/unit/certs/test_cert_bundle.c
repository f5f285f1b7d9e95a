/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "certs/cert_bundle.h"
#include "certs/cert_key.h"
#include "make.h"

/* root <- mid <- leaf, and a stranger. */
static struct {
    X509 *root, *mid, *leaf, *stranger, *twin;
    EVP_PKEY *key, *other;
} w;

static int world_make(void **state)
{
    (void)state;
    w.key = make_key("RSA:2048");
    w.other = make_key("EC:P-256");
    w.root = make_x509(&(struct make_cert){.subject = "CN=root", .key = make_key("EC:P-384"), .ca = true});
    w.mid = make_x509(&(struct make_cert){.subject = "CN=mid",
                                          .key = make_key("EC:P-521"),
                                          .issuer = "CN=root",
                                          .issuer_key = make_key("EC:P-384"),
                                          .ca = true});
    w.leaf = make_x509(&(struct make_cert){
        .subject = "CN=leaf", .key = w.key, .issuer = "CN=mid", .issuer_key = make_key("EC:P-521")});
    w.stranger = make_x509(&(struct make_cert){.subject = "CN=stranger", .key = w.other});
    w.twin = make_x509(&(struct make_cert){.subject = "CN=twin", .key = w.key});
    return 0;
}

static int world_free(void **state)
{
    (void)state;
    X509_free(w.root);
    X509_free(w.mid);
    X509_free(w.leaf);
    X509_free(w.stranger);
    X509_free(w.twin);
    return 0;
}

struct host {
    const char *pass; /* NULL: refuses */
    unsigned asked;
};

static cr_status host_pass(void *arg, const char *what, struct cr_buf *pass, struct cr_err *err)
{
    struct host *host = arg;

    assert_non_null(what);
    host->asked++;
    if (host->pass == NULL)
        return cr_fail(err, CR_E_USAGE, "nobody to ask");
    return cr_buf_set(pass, host->pass, strlen(host->pass), err);
}

static cr_status read_with(struct cr_buf *file, const char *pass, struct cert_bundle *out, struct cr_err *err)
{
    struct host host = {.pass = pass};
    cr_status st = cert_bundle_read(cr_buf_bytes(file), host_pass, &host, out, err);

    assert_true(host.asked <= 1);
    assert_queue_empty();
    return st;
}

static void assert_der(const struct cr_buf *der, X509 *x)
{
    struct cr_buf want = {0};

    make_der(x, &want);
    assert_true(cr_bytes_equal(cr_buf_bytes(&want), cr_buf_bytes(der)));
    cr_buf_clear(&want);
}

/* The leaf with mid and root behind it, and its key or none. */
static void assert_leaf_chain(struct cr_buf *file, const char *pass, bool has_key)
{
    struct cert_bundle b = {0};
    struct tok_key key = {0};
    struct cr_err err = {0};

    if (cr_failed(read_with(file, pass, &b, &err)))
        fail_msg("%s", err.text);
    assert_der(&b.leaf, w.leaf);
    assert_int_equal(b.nchain, 2);
    assert_der(&b.chain[0], w.mid);
    assert_der(&b.chain[1], w.root);
    assert_int_equal(b.has_key, has_key);
    if (has_key) {
        assert_int_equal(cert_key_from_pkey(w.key, &key, NULL).code, CR_OK);
        assert_true(tok_key_same_public(&key, &b.key));
        assert_true(cr_bytes_equal(cr_buf_bytes(&key.d), cr_buf_bytes(&b.key.d)));
        tok_key_clear(&key);
    }
    cert_bundle_clear(&b);
}

static void assert_refused(struct cr_buf *file, const char *pass, enum cr_code code, const char *says)
{
    struct cert_bundle b = {.dropped = 7};
    struct cr_err err = {0};
    cr_status st = read_with(file, pass, &b, &err);

    if (st.code != code || strstr(err.text, says) == NULL)
        fail_msg("code %d: %s", (int)st.code, err.text);
    if (pass != NULL && pass[0] != '\0' && strstr(err.text, pass) != NULL)
        fail_msg("the passphrase stands in: %s", err.text);
    assert_int_equal(b.dropped, 7); /* untouched */
    assert_null(b.leaf.p);
}

static void pem_blocks_may_stand_in_any_order(void **state)
{
    X509 *certs[3] = {w.root, w.leaf, w.mid};

    (void)state;
    for (unsigned order = 0; order < 24; order++) { /* where the key stands, where the scan of certificates starts */
        struct cr_buf file = {0};

        assert_int_equal(
            cr_buf_append_str(&file, "Bag Attributes\n  -----BEGINNERS-----\nfriendlyName: x\n", NULL).code, CR_OK);
        for (unsigned i = 0; i <= 3; i++) {
            if (order % 4 == i)
                make_pem_key(w.key, NULL, &file);
            if (i < 3)
                make_pem_cert(certs[(order / 4 % 2 ? 3 - i + order / 8 : i + order / 8) % 3], &file);
        }
        assert_leaf_chain(&file, NULL, true);
        cr_buf_clear(&file);
    }
}

static void crlf(struct cr_buf *file)
{
    struct cr_buf out = {0};

    for (size_t i = 0; i < file->n; i++) {
        if (file->p[i] == '\n')
            assert_int_equal(cr_buf_append(&out, "\r", 1, NULL).code, CR_OK);
        assert_int_equal(cr_buf_append(&out, file->p + i, 1, NULL).code, CR_OK);
    }
    cr_buf_clear(file);
    *file = out;
}

static void pem_with_crlf_and_no_last_newline_is_read(void **state)
{
    struct cr_buf file = {0};

    (void)state;
    make_pem_cert(w.leaf, &file);
    make_pem_cert(w.mid, &file);
    make_pem_cert(w.root, &file);
    make_pem_key(w.key, NULL, &file);
    crlf(&file);
    assert_leaf_chain(&file, NULL, true);
    file.n -= 2;
    assert_leaf_chain(&file, NULL, true);
    cr_buf_clear(&file);
}

static void take_bio(BIO *bio, struct cr_buf *out)
{
    char *text = NULL;
    long n = BIO_get_mem_data(bio, &text);

    assert_int_equal(cr_buf_append(out, text, (size_t)n, NULL).code, CR_OK);
    BIO_free(bio);
}

static void traditional_and_trusted_forms_are_read(void **state)
{
    const struct {
        const char *kind, *pass;
    } rows[] = {{"RSA:2048", NULL}, {"RSA:2048", "secret-one"}, {"EC:P-256", NULL}, {"EC:P-521", "secret-one"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        EVP_PKEY *key = make_key(rows[i].kind);
        X509 *x = make_x509(&(struct make_cert){.subject = "CN=x", .key = key});
        BIO *bio = BIO_new(BIO_s_mem());
        struct cr_buf file = {0};
        struct cert_bundle b = {0};

        if (rows[i].kind[0] == 'E')
            (void)BIO_puts(bio, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
        assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, key, rows[i].pass ? EVP_aes_128_cbc() : NULL,
                                                              (const unsigned char *)rows[i].pass,
                                                              rows[i].pass ? (int)strlen(rows[i].pass) : 0, NULL, NULL),
                         1);
        assert_int_equal(PEM_write_bio_X509_AUX(bio, x), 1);
        take_bio(bio, &file);
        assert_int_equal(read_with(&file, rows[i].pass, &b, NULL).code, CR_OK);
        assert_true(b.has_key);
        assert_der(&b.leaf, x);
        cert_bundle_clear(&b);
        if (rows[i].pass != NULL)
            assert_refused(&file, "wrong-one", CR_E_PIN, "passphrase");
        cr_buf_clear(&file);
        X509_free(x);
    }
}

static void encrypted_pem_asks_once_and_says_pin(void **state)
{
    struct cr_buf file = {0};
    struct cert_bundle b = {0};
    struct cr_err err = {0};

    (void)state;
    make_pem_cert(w.leaf, &file);
    make_pem_key(w.key,
                 "gr\xc3\xbc\xc3\x9f"
                 "e",
                 &file);
    make_pem_cert(w.mid, &file);
    make_pem_cert(w.root, &file);
    assert_leaf_chain(&file,
                      "gr\xc3\xbc\xc3\x9f"
                      "e",
                      true);
    assert_refused(&file, "wrong-secret", CR_E_PIN, "passphrase");
    assert_refused(&file, "", CR_E_PIN, "passphrase");
    assert_refused(&file, NULL, CR_E_USAGE, "nobody to ask");
    assert_int_equal(cert_bundle_read(cr_buf_bytes(&file), NULL, NULL, &b, &err).code, CR_E_PIN);
    cr_buf_clear(&file);
}

static void certificates_alone_give_the_one_that_issued_no_other(void **state)
{
    struct cr_buf file = {0}, der = {0};
    struct cert_bundle b = {0};

    (void)state;
    make_pem_cert(w.root, &file);
    make_pem_cert(w.leaf, &file);
    make_pem_cert(w.mid, &file);
    make_pem_cert(w.leaf, &file); /* a second copy is the same certificate */
    assert_leaf_chain(&file, NULL, false);
    make_pem_cert(w.stranger, &file);
    assert_refused(&file, NULL, CR_E_REFUSED, "CN=leaf");
    assert_refused(&file, NULL, CR_E_REFUSED, "CN=stranger");
    make_der(w.leaf, &der);
    assert_int_equal(read_with(&der, NULL, &b, NULL).code, CR_OK);
    assert_der(&b.leaf, w.leaf);
    assert_int_equal(b.nchain, 0);
    cert_bundle_clear(&b);
    cr_buf_clear(&file);
    cr_buf_clear(&der);
}

static void what_does_not_belong_is_dropped_and_counted(void **state)
{
    struct cr_buf file = {0};
    struct cert_bundle b = {0};
    X509 *false_mid = make_x509(&(struct make_cert){
        .subject = "CN=mid", .key = make_key("EC:P-256#2"), .ca = true}); /* the name alone makes no issuer */

    (void)state;
    make_pem_cert(false_mid, &file);
    make_pem_cert(w.stranger, &file);
    make_pem_cert(w.mid, &file);
    make_pem_key(w.key, NULL, &file);
    make_pem_cert(w.leaf, &file);
    assert_int_equal(read_with(&file, NULL, &b, NULL).code, CR_OK);
    assert_int_equal(b.nchain, 1);
    assert_der(&b.chain[0], w.mid);
    assert_int_equal(b.dropped, 2);
    cert_bundle_clear(&b);
    cr_buf_clear(&file);
    X509_free(false_mid);
}

static void files_that_mean_nothing_or_two_things_are_refused(void **state)
{
    struct cr_buf file = {0};

    (void)state;
    assert_refused(&file, NULL, CR_E_INVALID, "empty");
    assert_int_equal(cr_buf_set(&file, "hello", 5, NULL).code, CR_OK);
    assert_refused(&file, NULL, CR_E_INVALID, "neither");
    assert_int_equal(cr_buf_set(&file, "-----BEGIN CERTIFICATE-----\nAAAA", 32, NULL).code, CR_OK);
    assert_refused(&file, NULL, CR_E_INVALID, "no end");
    cr_buf_clear(&file);
    make_pem_key(w.key, NULL, &file);
    assert_refused(&file, NULL, CR_E_REFUSED, "no certificate");
    make_pem_cert(w.stranger, &file);
    assert_refused(&file, NULL, CR_E_REFUSED, "none of its certificates");
    make_pem_cert(w.leaf, &file);
    make_pem_cert(w.twin, &file);
    assert_refused(&file, NULL, CR_E_REFUSED, "CN=twin");
    make_pem_key(w.other, NULL, &file);
    assert_refused(&file, NULL, CR_E_REFUSED, "2 private keys");
    assert_refused(&file, NULL, CR_E_REFUSED, "CN=stranger");
    cr_buf_clear(&file);
}

static void limits_hold(void **state)
{
    struct cr_buf file = {0};
    char zeros[4096] = {0};

    (void)state;
    for (int i = 0; i < 17; i++) {
        char serial[8];
        X509 *x;

        (void)snprintf(serial, sizeof serial, "%x", i + 1);
        x = make_x509(&(struct make_cert){.subject = "CN=x", .key = w.other, .serial = serial});
        make_pem_cert(x, &file);
        X509_free(x);
    }
    assert_refused(&file, NULL, CR_E_REFUSED, "more than 16 certificates");
    while (file.n <= CERT_BUNDLE_MAX)
        assert_int_equal(cr_buf_append(&file, zeros, sizeof zeros, NULL).code, CR_OK);
    assert_refused(&file, NULL, CR_E_INVALID, "larger");
    cr_buf_clear(&file);
}

/* openssl pkcs12 -export, as an admin's machine would; @pass through the environment. */
static void export_pfx(const char *options, const char *pass, struct cr_buf *out)
{
    char dir[] = "/tmp/certroll-test-XXXXXX", path[64], cmd[512];
    unsigned char part[8192];
    struct cr_buf pem = {0};
    FILE *f;
    size_t n;

    make_pem_key(w.key, NULL, &pem);
    make_pem_cert(w.root, &pem);
    make_pem_cert(w.leaf, &pem);
    make_pem_cert(w.mid, &pem);
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/in", dir);
    assert_non_null(f = fopen(path, "w"));
    assert_int_equal(fwrite(pem.p, 1, pem.n, f), pem.n);
    fclose(f);
    assert_int_equal(setenv("PFXPASS", pass, 1), 0);
    (void)snprintf(cmd, sizeof cmd, "OPENSSL_CONF=/dev/null openssl pkcs12 -export -in %s -passout env:PFXPASS %s 2>&-",
                   path, options);
    assert_non_null(f = popen(cmd, "r"));
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        assert_int_equal(cr_buf_append(out, part, n, NULL).code, CR_OK);
    assert_int_equal(pclose(f), 0);
    (void)unlink(path);
    (void)rmdir(dir);
    cr_buf_clear(&pem);
}

static void pfx_as_old_and_new_tools_write_them_are_read(void **state)
{
    static const char *const options[] = {
        "",
        "-legacy",
        "-legacy -keypbe PBE-SHA1-RC2-40 -certpbe PBE-SHA1-RC2-40 -macalg sha1",
        "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1",
        "-keypbe AES-256-CBC -certpbe NONE -macalg sha256 -iter 10000",
        "-keypbe NONE -certpbe NONE",
        "-nomac",
        "-nomaciter -noiter",
    };
    static const char gruesse[] = "gr\xc3\xbc\xc3\x9f" /* the next letter is a hex digit */
                                  "e";
    static const char *const passes[] = {"secret-1", "", gruesse, "\xe2\x82\xac-zeichen", "a b'c\"d"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(options); i++) {
        for (size_t k = 0; k < CR_COUNT(passes); k++) {
            struct cr_buf file = {0};

            export_pfx(options[i], passes[k], &file);
            assert_leaf_chain(&file, passes[k], true);
            if (strstr(options[i], "-nomac") == NULL && strstr(options[i], "NONE") == NULL)
                assert_refused(&file, "wrong-secret", CR_E_PIN, "passphrase");
            cr_buf_clear(&file);
        }
    }
}

static void the_friendly_name_is_kept(void **state)
{
    struct cr_buf file = {0};
    struct cert_bundle b = {0};

    (void)state;
    export_pfx("-name 'K\xc3\xb6ln token'", "x", &file);
    assert_int_equal(read_with(&file, "x", &b, NULL).code, CR_OK);
    assert_string_equal(b.friendly_name, "K\xc3\xb6ln token");
    cert_bundle_clear(&b);
    cr_buf_clear(&file);
}

static void add_key(STACK_OF(PKCS12_SAFEBAG) * *bags, EVP_PKEY *key, const char *pass)
{
    assert_non_null(PKCS12_add_key(bags, key, 0, 2048, NID_aes_256_cbc, pass));
}

/* A PFX of both keys and their certificates, with a MAC by @mac_pass of @iterations. */
static void two_key_pfx(const char *pass, const char *mac_pass, int iterations, bool second, struct cr_buf *out)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    STACK_OF(PKCS7) *safes = NULL;
    unsigned char *der = NULL;
    PKCS12 *p12;
    int n;

    add_key(&bags, w.key, pass);
    if (second)
        add_key(&bags, w.other, pass);
    assert_non_null(PKCS12_add_cert(&bags, w.root));
    assert_non_null(PKCS12_add_cert(&bags, w.leaf));
    assert_non_null(PKCS12_add_cert(&bags, w.mid));
    if (second)
        assert_non_null(PKCS12_add_cert(&bags, w.stranger));
    assert_int_equal(PKCS12_add_safe(&safes, bags, -1, 0, NULL), 1);
    assert_non_null(p12 = PKCS12_add_safes(safes, 0));
    assert_int_equal(PKCS12_set_mac(p12, mac_pass, -1, NULL, 8, 2048, EVP_sha256()), 1);
    if (iterations != 2048) {
        const ASN1_INTEGER *iter = NULL;

        PKCS12_get0_mac(NULL, NULL, NULL, &iter, p12);
        assert_int_equal(ASN1_INTEGER_set((ASN1_INTEGER *)(uintptr_t)iter, iterations), 1);
    }
    assert_true((n = i2d_PKCS12(p12, &der)) > 0);
    assert_int_equal(cr_buf_set(out, der, (size_t)n, NULL).code, CR_OK);
    OPENSSL_free(der);
    PKCS12_free(p12);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}

static void two_keys_in_a_pfx_are_named_and_refused(void **state)
{
    struct cr_buf file = {0};

    (void)state;
    two_key_pfx("secret-1", "secret-1", 2048, true, &file);
    assert_refused(&file, "secret-1", CR_E_REFUSED, "CN=leaf");
    assert_refused(&file, "secret-1", CR_E_REFUSED, "CN=stranger");
    cr_buf_clear(&file);
}

/* PBES2 takes the passphrase's bytes, the MAC a BMPString: an exporter in Latin-1 agrees with UTF-8 on one only. */
static void latin1_and_widened_passphrases_are_tried(void **state)
{
    static const char utf8[] = "gr\xc3\xbc"
                               "n",
                      latin1[] = "gr\xfc"
                                 "n",
                      wide[] = "gr\xc3\x83\xc2\xbc"
                               "n";
    struct cr_buf file = {0};

    (void)state;
    two_key_pfx(latin1, latin1, 2048, false, &file);
    assert_leaf_chain(&file, utf8, true);
    two_key_pfx(wide, wide, 2048, false, &file);
    assert_leaf_chain(&file, utf8, true);
    cr_buf_clear(&file);
}

static void absurd_iteration_counts_are_refused_before_they_cost(void **state)
{
    struct cr_buf file = {0};
    BIO *bio = BIO_new(BIO_s_mem());
    unsigned char salt[8] = {1};
    X509_ALGOR *scrypt = PKCS5_pbe2_set_scrypt(EVP_aes_128_cbc(), salt, sizeof salt, NULL, 16384, 8, 128);
    X509_SIG *sig = X509_SIG_new();
    X509_ALGOR *in = NULL;

    (void)state;
    assert_non_null(scrypt);
    two_key_pfx("x", "x", 2000000000, false, &file);
    assert_refused(&file, "x", CR_E_REFUSED, "iterations");
    cr_buf_clear(&file);
    X509_SIG_getm(sig, &in, NULL);
    assert_int_equal(X509_ALGOR_copy(in, scrypt), 1);
    assert_int_equal(PEM_write_bio_PKCS8(bio, sig), 1);
    take_bio(bio, &file);
    assert_refused(&file, "x", CR_E_REFUSED, "iterations");
    X509_SIG_free(sig);
    X509_ALGOR_free(scrypt);
    cr_buf_clear(&file);
}

static void cut_and_flipped_files_fail_cleanly(void **state)
{
    struct cr_buf file = {0};

    (void)state;
    two_key_pfx("x", "x", 2048, false, &file);
    for (size_t n = 0; n < file.n; n += 37) {
        struct host host = {.pass = "x"};
        struct cert_bundle b = {0};

        assert_true(cr_failed(cert_bundle_read(cr_bytes(file.p, n), host_pass, &host, &b, NULL)));
        assert_queue_empty();
    }
    for (size_t i = 0; i < file.n; i += 41) {
        struct host host = {.pass = "x"};
        struct cert_bundle b = {0};

        file.p[i] ^= 0x10;
        if (!cr_failed(cert_bundle_read(cr_buf_bytes(&file), host_pass, &host, &b, NULL)))
            cert_bundle_clear(&b);
        file.p[i] ^= 0x10;
        assert_queue_empty();
    }
    cr_buf_clear(&file);
}

static void appended_pem_is_what_openssl_reads(void **state)
{
    struct cr_buf der = {0}, pem = {0}, want = {0};

    (void)state;
    make_der(w.leaf, &der);
    make_pem_cert(w.leaf, &want);
    assert_int_equal(cert_pem_append("CERTIFICATE", cr_buf_bytes(&der), &pem, NULL).code, CR_OK);
    assert_true(cr_bytes_equal(cr_buf_bytes(&want), cr_buf_bytes(&pem)));
    cr_buf_clear(&der);
    cr_buf_clear(&pem);
    cr_buf_clear(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pem_blocks_may_stand_in_any_order),
        cmocka_unit_test(pem_with_crlf_and_no_last_newline_is_read),
        cmocka_unit_test(traditional_and_trusted_forms_are_read),
        cmocka_unit_test(encrypted_pem_asks_once_and_says_pin),
        cmocka_unit_test(certificates_alone_give_the_one_that_issued_no_other),
        cmocka_unit_test(what_does_not_belong_is_dropped_and_counted),
        cmocka_unit_test(files_that_mean_nothing_or_two_things_are_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(pfx_as_old_and_new_tools_write_them_are_read),
        cmocka_unit_test(the_friendly_name_is_kept),
        cmocka_unit_test(two_keys_in_a_pfx_are_named_and_refused),
        cmocka_unit_test(latin1_and_widened_passphrases_are_tried),
        cmocka_unit_test(absurd_iteration_counts_are_refused_before_they_cost),
        cmocka_unit_test(cut_and_flipped_files_fail_cleanly),
        cmocka_unit_test(appended_pem_is_what_openssl_reads),
    };

    return cmocka_run_group_tests(tests, world_make, world_free);
}
