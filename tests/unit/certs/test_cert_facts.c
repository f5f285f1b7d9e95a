/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <string.h>

#include "certs/cert_facts.h"
#include "certs/cert_key.h"
#include "common/cr_time.h"
#include "make.h"

static void der_of(const struct make_cert *of, struct cr_buf *der)
{
    X509 *x = make_x509(of);

    make_der(x, der);
    X509_free(x);
}

static void facts_of(struct cr_buf *der, struct cert_facts *out)
{
    struct cr_err err = {0};

    if (cr_failed(cert_facts_read(NULL, cr_buf_bytes(der), out, &err)))
        fail_msg("%s", err.text);
    assert_queue_empty();
}

static void digest_hex(const char *md, struct cr_bytes in, char *out)
{
    unsigned char d[32];
    size_t n = sizeof d;

    assert_int_equal(EVP_Q_digest(NULL, md, NULL, in.p, in.n, d, &n), 1);
    cr_hex(cr_bytes(d, n), out);
}

static void every_kind_of_key_gives_facts(void **state)
{
    static const struct {
        const char *kind, *text;
    } rows[] = {{"RSA:1024", "rsa:1024"},
                {"EC:P-256", "ec:P-256"},
                {"EC:P-384", "ec:P-384"},
                {"EC:P-521", "ec:P-521"},
                {"ED25519", "ed25519"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        EVP_PKEY *pkey = make_key(rows[i].kind);
        struct cert_facts f = {0};
        struct cr_buf der = {0};
        unsigned char *spki = NULL;
        char want[65];
        int n;

        der_of(&(struct make_cert){.subject = "CN=x", .key = pkey}, &der);
        facts_of(&der, &f);
        assert_string_equal(f.key_text, rows[i].text);
        digest_hex("SHA256", cr_buf_bytes(&der), want);
        assert_string_equal(f.thumbprint, want);
        digest_hex("SHA1", cr_buf_bytes(&der), want);
        assert_string_equal(f.sha1, want);
        n = i2d_PUBKEY(pkey, &spki);
        digest_hex("SHA256", cr_bytes(spki, (size_t)n), want);
        assert_string_equal(f.spki, want);
        assert_int_equal(strlen(f.jkt), 43);
        assert_false(f.key.has_private);
        OPENSSL_free(spki);
        cert_facts_clear(&f);
        cr_buf_clear(&der);
    }
}

static void facts_need_no_default_context(void **state)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *prov = OSSL_PROVIDER_load(ctx, "default");
    struct cert_facts f = {0};
    struct cr_buf der = {0};
    EVP_PKEY *pkey = NULL;

    (void)state;
    der_of(&(struct make_cert){.subject = "CN=x", .key = make_key("EC:P-256")}, &der);
    assert_int_equal(cert_facts_read(ctx, cr_buf_bytes(&der), &f, NULL).code, CR_OK);
    assert_int_equal(cert_pkey_of(ctx, cr_buf_bytes(&der), &pkey, NULL).code, CR_OK);
    assert_int_equal(EVP_PKEY_eq(pkey, make_key("EC:P-256")), 1);
    EVP_PKEY_free(pkey);
    cert_facts_clear(&f);
    cr_buf_clear(&der);
    OSSL_PROVIDER_unload(prov);
    OSSL_LIB_CTX_free(ctx);
    assert_queue_empty();
}

static void names_are_rfc_4514_text_without_controls(void **state)
{
    static const struct {
        const char *subject, *text;
    } rows[] = {
        {"DC=org,DC=example,CN=Jörg Müller", "CN=Jörg Müller,DC=example,DC=org"},
        {"CN=a+b;c\"d", "CN=a\\+b\\;c\\\"d"},
        {"CN=a\nb\033[31m", "CN=a\\0Ab\\1B[31m"},
        {"CN=a\xc2\x9b"
         "b",
         "CN=a\\C2\\9Bb"}, /* CSI of 8-bit terminals */
        {"CN=a\xe2\x80\xae"
         "gpj.exe",
         "CN=a\\E2\\80\\AEgpj.exe"}, /* right-to-left override */
        {"CN=a\xd8\x9c", "CN=a\\D8\\9C"},
        {"CN=\xe2\x82\xac 5", "CN=\xe2\x82\xac 5"}, /* the euro sign is no override */
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cert_facts f = {0};
        struct cr_buf der = {0};

        der_of(&(struct make_cert){.subject = rows[i].subject, .key = make_key("EC:P-256")}, &der);
        facts_of(&der, &f);
        assert_string_equal(f.subject, rows[i].text);
        assert_string_equal(f.issuer, rows[i].text);
        assert_true(f.subject_der.n > 0 && f.subject_der.p[0] == 0x30);
        assert_true(cr_bytes_equal(cr_buf_bytes(&f.subject_der), cr_buf_bytes(&f.issuer_der)));
        cert_facts_clear(&f);
        cr_buf_clear(&der);
    }
}

static void serials_are_hex_without_sign(void **state)
{
    static const struct {
        const char *serial, *text;
    } rows[] = {{"0", "00"}, {"1", "01"}, {"ff", "ff"}, {"0123456789abcdef0123", "0123456789abcdef0123"}, {"-5", "05"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cert_facts f = {0};
        struct cr_buf der = {0};

        der_of(&(struct make_cert){.subject = "CN=x", .key = make_key("EC:P-256"), .serial = rows[i].serial}, &der);
        facts_of(&der, &f);
        assert_string_equal(f.serial, rows[i].text);
        assert_int_equal(f.serial_der.p[0], 2); /* INTEGER */
        cert_facts_clear(&f);
        cr_buf_clear(&der);
    }
}

static void the_last_second_of_9999_is_never(void **state)
{
    static const struct {
        const char *not_after;
        int64_t want;
    } rows[] = {{"99991231235959Z", CR_TIME_NEVER},
                {"20380119031408Z", INT64_C(2147483648)},
                {"20491231235959Z", INT64_C(2524607999)},
                {"99991231235958Z", INT64_C(253402300798)}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cert_facts f = {0};
        struct cr_buf der = {0};

        der_of(&(struct make_cert){.subject = "CN=x", .key = make_key("EC:P-256"), .not_after = rows[i].not_after},
               &der);
        facts_of(&der, &f);
        assert_true(f.not_after == rows[i].want);
        assert_true(f.not_before > 0 && f.not_before < rows[i].want);
        cert_facts_clear(&f);
        cr_buf_clear(&der);
    }
}

static void bytes_that_are_no_certificate_are_refused(void **state)
{
    struct cert_facts f = {.not_after = 7};
    struct cr_buf der = {0};
    struct cr_err err = {0};

    (void)state;
    der_of(&(struct make_cert){.subject = "CN=x", .key = make_key("EC:P-256")}, &der);
    for (size_t n = 0; n < der.n; n++)
        assert_int_equal(cert_facts_read(NULL, cr_bytes(der.p, n), &f, &err).code, CR_E_INVALID);
    assert_int_equal(cr_buf_append(&der, "", 1, NULL).code, CR_OK);
    assert_int_equal(cert_facts_read(NULL, cr_buf_bytes(&der), &f, &err).code, CR_E_INVALID);
    assert_non_null(strstr(err.text, "behind"));
    assert_int_equal(f.not_after, 7); /* untouched */
    assert_queue_empty();
    cr_buf_clear(&der);
}

static void keys_we_do_not_handle_are_named(void **state)
{
    static const struct {
        const char *kind, *says;
    } rows[] = {{"RSA-PSS:1024", "RSA-PSS"}, {"EC:secp256k1", "secp256k1"}, {"EC:brainpoolP256r1", "brainpoolP256r1"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cert_facts f = {0};
        struct cr_buf der = {0};
        struct cr_err err = {0};

        der_of(&(struct make_cert){.subject = "CN=x", .key = make_key(rows[i].kind)}, &der);
        assert_int_equal(cert_facts_read(NULL, cr_buf_bytes(&der), &f, &err).code, CR_E_UNSUPPORTED);
        assert_non_null(strstr(err.text, rows[i].says));
        assert_queue_empty();
        cr_buf_clear(&der);
    }
}

static void domains_match_whole_labels(void **state)
{
    static const struct {
        const char *subject, *san, *domain;
        bool want;
    } rows[] = {
        {"CN=x", "DNS:example.org", "example.org", true},
        {"CN=x", "DNS:www.Example.ORG", "example.org", true},
        {"CN=x", "DNS:*.example.org", "example.org", true},
        {"CN=x", "DNS:other.net,DNS:a.b.example.org", "example.org", true},
        {"CN=x", "DNS:badexample.org", "example.org", false},
        {"CN=x", "DNS:example.org.evil.net", "example.org", false},
        {"CN=x", "DNS:org", "example.org", false},
        {"CN=x", "email:a@example.org", "example.org", false},
        {"CN=x", "DNS:example.org", "", false},
        {"CN=www.example.org", NULL, "example.org", true},
        {"CN=badexample.org", NULL, "example.org", false},
        {"O=example.org,CN=x", NULL, "example.org", false},
        {"DC=org,DC=example,CN=x", NULL, "example.org", true},
        {"DC=org,DC=example,DC=sub,CN=x", NULL, "example.org", true},
        {"DC=example,DC=org,CN=x", NULL, "example.org", false},
        {"DC=org,DC=badexample,CN=x", NULL, "example.org", false},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_buf der = {0};

        der_of(&(struct make_cert){.subject = rows[i].subject, .san = rows[i].san, .key = make_key("EC:P-256")}, &der);
        if (cert_has_domain(NULL, cr_buf_bytes(&der), rows[i].domain) != rows[i].want)
            fail_msg("row %zu: %s, %s", i, rows[i].subject, rows[i].san);
        assert_queue_empty();
        cr_buf_clear(&der);
    }
    assert_false(cert_has_domain(NULL, cr_bytes("x", 1), "example.org"));
}

static void a_root_is_told_from_what_it_issued(void **state)
{
    struct cr_buf root = {0}, leaf = {0};

    (void)state;
    der_of(&(struct make_cert){.subject = "CN=root", .key = make_key("EC:P-256"), .ca = true}, &root);
    /* The same name is not enough: another key signed. */
    der_of(&(struct make_cert){.subject = "CN=root", .key = make_key("EC:P-384"), .issuer_key = make_key("EC:P-256")},
           &leaf);
    assert_true(cert_is_self_signed(NULL, cr_buf_bytes(&root)));
    assert_false(cert_is_self_signed(NULL, cr_buf_bytes(&leaf)));
    assert_queue_empty();
    cr_buf_clear(&root);
    cr_buf_clear(&leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_key_gives_facts),
        cmocka_unit_test(facts_need_no_default_context),
        cmocka_unit_test(names_are_rfc_4514_text_without_controls),
        cmocka_unit_test(serials_are_hex_without_sign),
        cmocka_unit_test(the_last_second_of_9999_is_never),
        cmocka_unit_test(bytes_that_are_no_certificate_are_refused),
        cmocka_unit_test(keys_we_do_not_handle_are_named),
        cmocka_unit_test(domains_match_whole_labels),
        cmocka_unit_test(a_root_is_told_from_what_it_issued),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
