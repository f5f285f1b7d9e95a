/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: by URI through OSSL_STORE, by reference file through PEM readers; what is refused, and what is said then. */
#include <errno.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "roles/role_uri.h"

static const char data[] = "some text that somebody signs";

/* The types that come, as digits; a failed load is 'x'. */
static void load_types(OSSL_STORE_CTX *store, char out[16])
{
    size_t n = 0;

    while (!OSSL_STORE_eof(store) && n < 15) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        out[n++] = info == NULL ? 'x' : (char)('0' + OSSL_STORE_INFO_get_type(info));
        OSSL_STORE_INFO_free(info);
    }
    out[n] = '\0';
}

static void the_store_gives_what_is_expected_and_found(void **state)
{
    struct role_cert *cert = fixture_cert("EcA");
    const unsigned char *p = cert->leaf.p;
    X509 *x509 = d2i_X509(NULL, &p, (long)cert->leaf.n);
    unsigned char print[EVP_MAX_MD_SIZE];
    unsigned print_n = 0;
    X509_NAME *other = X509_NAME_new();
    OSSL_STORE_SEARCH *by[12] = {NULL};
    unsigned char sha1[EVP_MAX_MD_SIZE], bits[EVP_MAX_MD_SIZE], wrong[32] = {1};
    unsigned sha1_n = 0, bits_n = 0;
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    char types[16];

    (void)state;
    assert_int_equal(X509_digest(x509, EVP_sha256(), print, &print_n), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(other, "CN", MBSTRING_ASC, (const unsigned char *)"x", -1, -1, 0), 1);
    by[0] = OSSL_STORE_SEARCH_by_name(X509_get_subject_name(x509));
    by[1] = OSSL_STORE_SEARCH_by_issuer_serial(X509_get_issuer_name(x509), X509_get0_serialNumber(x509));
    by[2] = OSSL_STORE_SEARCH_by_key_fingerprint(EVP_sha256(), print, print_n);
    by[3] = OSSL_STORE_SEARCH_by_alias("EcA");
    by[4] = OSSL_STORE_SEARCH_by_name(other);
    by[5] = OSSL_STORE_SEARCH_by_alias("EcB");
    assert_int_equal(X509_digest(x509, EVP_sha1(), sha1, &sha1_n), 1);
    assert_int_equal(X509_pubkey_digest(x509, EVP_sha256(), bits, &bits_n), 1);
    assert_int_equal(ASN1_INTEGER_set(serial, 42), 1);
    by[6] = OSSL_STORE_SEARCH_by_issuer_serial(X509_get_issuer_name(x509), serial);
    by[7] = OSSL_STORE_SEARCH_by_key_fingerprint(EVP_sha256(), wrong, sizeof wrong);
    by[8] = OSSL_STORE_SEARCH_by_key_fingerprint(EVP_sha1(), sha1, sha1_n);
    by[9] = OSSL_STORE_SEARCH_by_key_fingerprint(EVP_sha256(), bits, bits_n);
    by[10] = OSSL_STORE_SEARCH_by_alias(cert->thumbprint);
    by[11] = OSSL_STORE_SEARCH_by_alias(cert->jkt);
    const struct {
        const char *uri;
        int expect, find;
        const char *types;
    } rows[] = {
        {"certroll://EcA", 0, -1, "54"},
        {"certroll:EcA", 0, -1, "54"},
        {"certroll://EcA;object=cert", 0, -1, "5"},
        {"certroll://EcA;object=key", 0, -1, "4"},
        {"certroll://EcA", OSSL_STORE_INFO_CERT, -1, "5"},
        {"certroll://EcA", OSSL_STORE_INFO_PKEY, -1, "4"},
        {"certroll://EcA", OSSL_STORE_INFO_PUBKEY, -1, "3"},
        {"certroll://EcA", OSSL_STORE_INFO_CERT, 0, "5"},
        {"certroll://EcA", OSSL_STORE_INFO_CERT, 1, "5"},
        {"certroll://EcA", OSSL_STORE_INFO_CERT, 2, "5"},
        {"certroll://EcA", 0, 3, "54"},
        {"certroll://EcA", 0, 4, ""},
        {"certroll://EcA", 0, 5, ""},
        {"certroll://EcA", OSSL_STORE_INFO_PKEY, 0, "4"},
        {"certroll://EcA", OSSL_STORE_INFO_PKEY, 4, ""},
        {"certroll://EcA", 0, 6, ""},
        {"certroll://EcA", OSSL_STORE_INFO_CERT, 7, ""},
        {"certroll://EcA", OSSL_STORE_INFO_CERT, 8, "5"},
        {"certroll://EcA", OSSL_STORE_INFO_PKEY, 9, "4"},
        {"certroll://EcA", 0, 10, "54"},
        {"certroll://EcA", 0, 11, "54"},
        {"certroll://EcA", OSSL_STORE_INFO_PKEY, 1, "4"},
    };
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        OSSL_STORE_CTX *store = OSSL_STORE_open(rows[i].uri, NULL, NULL, NULL, NULL);

        assert_non_null(store);
        if (rows[i].expect != 0)
            assert_int_equal(OSSL_STORE_expect(store, rows[i].expect), 1);
        if (rows[i].find >= 0)
            assert_int_equal(OSSL_STORE_find(store, by[rows[i].find]), 1);
        load_types(store, types);
        if (strcmp(types, rows[i].types) != 0)
            fail_msg("row %zu: '%s' instead of '%s'", i, types, rows[i].types);
        (void)OSSL_STORE_close(store);
    }
    for (size_t i = 0; i < CR_COUNT(by); i++)
        OSSL_STORE_SEARCH_free(by[i]);
    ERR_clear_error();
    ASN1_INTEGER_free(serial);
    X509_NAME_free(other);
    X509_free(x509);
    role_cert_unref(&cert);
}

static void what_cannot_be_loaded_says_why(void **state)
{
    static const struct {
        const char *uri, *says;
    } rows[] = {
        {"certroll://Nobody", "no role Nobody"},
        {"certroll://EcA;slot=next", "no next"},
        {"certroll://EcA;slot=later", "later"},
        {"certroll://EcA;nonsense=1", "nonsense"},
        {"certroll://EcA?pin-value=1", "certroll://EcA"},
        {"certroll://EcA;thumbprint=00112233445566778899aabbccddeeff00112233", "thumbprint"},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        ERR_clear_error();
        errno = EISDIR;
        assert_null(fixture_key(NULL, rows[i].uri));
        assert_int_equal(errno, EISDIR);
        if (!fixture_error_has(rows[i].says))
            fail_msg("%s does not say '%s'", rows[i].uri, rows[i].says);
    }
}

/* A reference to @uri as PEM, appended to @out. */
static void add_reference(BIO *out, const char *uri)
{
    struct cr_buf der = {0};

    assert_false(cr_failed(role_ref_write(uri, &der, NULL)));
    assert_true(PEM_write_bio(out, ROLE_REF_PEM_LABEL, "", der.p, (long)der.n) > 0);
    cr_buf_clear(&der);
}

static void add_cert(BIO *out, const struct role_cert *cert)
{
    assert_true(PEM_write_bio(out, "CERTIFICATE", "", cert->leaf.p, (long)cert->leaf.n) > 0);
}

static void with_crlf(BIO **bio)
{
    BIO *out = BIO_new(BIO_s_mem());
    char line[128];

    while (BIO_gets(*bio, line, sizeof line) > 0) {
        line[strcspn(line, "\n")] = '\0';
        (void)BIO_printf(out, "%s\r\n", line);
    }
    BIO_free(*bio);
    *bio = out;
}

static void reference_files_combine_with_certificates(void **state)
{
    struct role_cert *cert = fixture_cert("EcA");
    EVP_PKEY *pub = fixture_public(cert);

    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        BIO *bio = BIO_new(BIO_s_mem());
        unsigned char sig[128];
        size_t n = sizeof sig;
        EVP_PKEY *key;

        if (kind >= 3)
            (void)BIO_puts(bio, "kid: something\nleading text\n\n");
        if (kind == 1)
            add_cert(bio, cert);
        add_reference(bio, "certroll://EcA");
        if (kind >= 2)
            add_cert(bio, cert);
        if (kind == 5)
            with_crlf(&bio);
        key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        if (key == NULL) {
            ERR_print_errors_fp(stderr);
            fail_msg("kind %d", kind);
        }
        assert_true(fixture_sign(key, data, sizeof data, sig, &n, NULL));
        assert_true(fixture_verify(pub, data, sizeof data, sig, n));
        EVP_PKEY_free(key);
        BIO_free(bio);
    }
    ERR_clear_error();
    EVP_PKEY_free(pub);
    role_cert_unref(&cert);
}

/* What servers do: the certificates of a file first, which ends with "no start line" in the queue, then the key. */
static void an_old_error_hides_no_reference_behind_certificates(void **state)
{
    static const char *const beside[] = {"CERTIFICATE",   "TRUSTED CERTIFICATE", "X509 CERTIFICATE",
                                         "DH PARAMETERS", "X9.42 DH PARAMETERS", "EC PARAMETERS"};
    struct role_cert *cert = fixture_cert("EcA");

    (void)state;
    for (size_t i = 0; i < CR_COUNT(beside); i++) {
        BIO *file = BIO_new(BIO_s_mem()), *bio;
        EVP_PKEY *key;
        char *text;
        long n;

        assert_true(PEM_write_bio(file, beside[i], "", cert->leaf.p, (long)cert->leaf.n) > 0);
        add_cert(file, cert);
        add_reference(file, "certroll://EcA");
        add_cert(file, cert);
        n = BIO_get_mem_data(file, &text);
        bio = BIO_new_mem_buf(text, (int)n);
        ERR_raise(ERR_LIB_PEM, PEM_R_NO_START_LINE);
        key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        assert_non_null(key);
        assert_true(EVP_PKEY_is_a(key, "EC"));
        ERR_clear_error();
        EVP_PKEY_free(key);
        BIO_free(bio);
        BIO_free(file);
    }
    role_cert_unref(&cert);
}

static void an_ordinary_key_before_a_reference_is_the_one_read(void **state)
{
    struct role_cert *cert = fixture_cert("EcA");
    EVP_PKEY *first = EVP_EC_gen("P-256");

    (void)state;
    for (int stale = 0; stale < 2; stale++) {
        BIO *file = BIO_new(BIO_s_mem()), *bio;
        EVP_PKEY *key;
        char *text;
        long n;

        add_cert(file, cert);
        add_cert(file, cert);
        assert_int_equal(PEM_write_bio_PrivateKey(file, first, NULL, NULL, 0, NULL, NULL), 1);
        add_reference(file, "certroll://EcA");
        n = BIO_get_mem_data(file, &text);
        bio = BIO_new_mem_buf(text, (int)n);
        if (stale)
            ERR_raise(ERR_LIB_PEM, PEM_R_NO_START_LINE);
        key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
        assert_int_equal(EVP_PKEY_eq(key, first), 1);
        EVP_PKEY_free(key);
        key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL); /* the position is behind the first key */
        assert_non_null(key);
        assert_int_not_equal(EVP_PKEY_eq(key, first), 1);
        EVP_PKEY_free(key);
        ERR_clear_error();
        BIO_free(bio);
        BIO_free(file);
    }
    EVP_PKEY_free(first);
    role_cert_unref(&cert);
}

static void der_references_are_decoded_too(void **state)
{
    struct cr_buf der = {0};
    const unsigned char *p;
    size_t n;
    EVP_PKEY *key = NULL;
    OSSL_DECODER_CTX *ctx = OSSL_DECODER_CTX_new_for_pkey(&key, "DER", NULL, NULL, 0, NULL, NULL);

    (void)state;
    assert_false(cr_failed(role_ref_write("certroll://RsaA", &der, NULL)));
    p = der.p;
    n = der.n;
    assert_int_equal(OSSL_DECODER_from_data(ctx, &p, &n), 1);
    assert_true(EVP_PKEY_is_a(key, "RSA"));
    EVP_PKEY_free(key);
    OSSL_DECODER_CTX_free(ctx);
    cr_buf_clear(&der);
}

/* How many take part in reading a SubjectPublicKeyInfo. */
static int decoders_of(OSSL_LIB_CTX *libctx, const char *type)
{
    EVP_PKEY *key = NULL;
    OSSL_DECODER_CTX *ctx =
        OSSL_DECODER_CTX_new_for_pkey(&key, "DER", "SubjectPublicKeyInfo", type, EVP_PKEY_PUBLIC_KEY, libctx, NULL);
    int n = OSSL_DECODER_CTX_get_num_decoders(ctx);

    OSSL_DECODER_CTX_free(ctx);
    return n;
}

/* d2i_X509 of the whole process. OpenSSL 3.0 pays for each decoder that takes part, so that there none of ours does. */
static void others_certificates_are_parsed_without_us(void **state)
{
    static const char *const types[] = {"RSA", "EC", "ED25519"};
    OSSL_LIB_CTX *plain = OSSL_LIB_CTX_new();
    int ours = OPENSSL_version_major() == 3 && OPENSSL_version_minor() == 0 ? 0 : 1;
    OSSL_PROVIDER *base = OSSL_PROVIDER_load(plain, "default");

    (void)state;
    assert_non_null(base);
    for (size_t i = 0; i < CR_COUNT(types); i++) {
        int without = decoders_of(plain, types[i]);

        assert_in_range(without, 1, 100);
        assert_int_equal(decoders_of(NULL, types[i]), without + ours);
    }
    (void)OSSL_PROVIDER_unload(base);
    OSSL_LIB_CTX_free(plain);
}

static void a_bad_reference_is_our_own_error(void **state)
{
    static const struct {
        const char *uri, *says;
    } rows[] = {{"certroll://Nobody", "no role Nobody"},
                {"certroll://EcA;slot=next", "no next"},
                {"certroll://EcA;object=cert", "certificate"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        BIO *bio = BIO_new(BIO_s_mem());

        add_reference(bio, rows[i].uri);
        errno = EISDIR;
        assert_null(PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL));
        assert_int_equal(errno, EISDIR);
        assert_true(fixture_error_has(rows[i].says));
        BIO_free(bio);
    }
}

static void ordinary_keys_are_read_as_ever(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"), *back, *rsa = EVP_RSA_gen(1024);
    BIO *bio = BIO_new(BIO_s_mem());

    (void)state;
    assert_non_null(rsa);
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    back = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    assert_int_equal(EVP_PKEY_eq(key, back), 1);
    BIO_free(bio);
    EVP_PKEY_free(key);
    EVP_PKEY_free(back);
    EVP_PKEY_free(rsa);
}

/* In a context of its own, whose configuration differs by one line. */
static OSSL_LIB_CTX *context_with(const char *sed, OSSL_PROVIDER *prov[2])
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    char command[512], conf[128], folder[256];

    (void)snprintf(conf, sizeof conf, "%s/lab/other.conf", fx.dir);
    (void)snprintf(command, sizeof command, "sed '%s' %s/lab/certroll.conf >%s", sed, fx.dir, conf);
    assert_int_equal(system(command), 0);
    (void)snprintf(folder, sizeof folder, "%s", CERTROLL_SO);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(OSSL_PROVIDER_set_default_search_path(ctx, folder), 1);
    (void)setenv("CERTROLL_CONFIG", conf, 1);
    prov[0] = OSSL_PROVIDER_load(ctx, "default");
    prov[1] = OSSL_PROVIDER_load(ctx, "certroll");
    (void)snprintf(conf, sizeof conf, "%s/lab/certroll.conf", fx.dir);
    (void)setenv("CERTROLL_CONFIG", conf, 1);
    assert_non_null(prov[1]);
    return ctx;
}

static int sign_in(OSSL_LIB_CTX *libctx, EVP_PKEY *key, const char *md)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char sig[512];
    size_t n = sizeof sig;
    int good = EVP_DigestSignInit_ex(ctx, NULL, md, libctx, NULL, key, NULL) == 1 &&
               EVP_DigestSign(ctx, sig, &n, (const unsigned char *)data, sizeof data) == 1;

    EVP_MD_CTX_free(ctx);
    return good;
}

/* The search for a provider sorts them by name, and ours then stands first. */
static void a_provider_loaded_later_leaves_key_generation_alone(void **state)
{
    static const char *const types[] = {"RSA", "EC", "ED25519"};
    struct fixture_instance in = fixture_load("certroll.conf");
    OSSL_PROVIDER *later = OSSL_PROVIDER_load(in.ctx, "base");

    (void)state;
    assert_non_null(later);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(in.ctx, types[i], NULL);

        assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
        EVP_PKEY_CTX_free(ctx);
    }
    (void)OSSL_PROVIDER_unload(later);
    fixture_unload(&in);
}

/* In a context where nobody has yet looked for a key management by name: see prov_host.h. */
static void a_signature_by_reference_leaves_key_generation_alone(void **state)
{
    static const struct {
        const char *uri, *type, *md;
    } keys[] = {
        {"certroll:RsaA", "RSA", "SHA256"}, {"certroll:EcA", "EC", "SHA256"}, {"certroll:EdA", "ED25519", NULL}};
    struct fixture_instance in = fixture_load("certroll.conf");

    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        EVP_PKEY_CTX *ctx;
        EVP_PKEY *key, *made = NULL;
        BIO *bio = BIO_new(BIO_s_mem());

        add_reference(bio, keys[i].uri);
        key = PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, in.ctx, NULL);
        assert_non_null(key);
        assert_int_equal(sign_in(in.ctx, key, keys[i].md), 1);
        ctx = EVP_PKEY_CTX_new_from_name(in.ctx, keys[i].type, NULL);
        assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
        if (i == 1)
            assert_int_equal(EVP_PKEY_CTX_set_group_name(ctx, "P-256"), 1);
        assert_int_equal(EVP_PKEY_generate(ctx, &made), 1);
        assert_int_equal(sign_in(in.ctx, made, keys[i].md), 1);
        assert_int_equal(sign_in(in.ctx, key, keys[i].md), 1);
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(made);
        EVP_PKEY_free(key);
        BIO_free(bio);
    }
    fixture_unload(&in);
}

static void references_are_limited_by_the_configuration(void **state)
{
    static const struct {
        const char *sed, *says; /* NULL: allowed */
    } rows[] = {{"s/^references.*/references = off/", "references ="},
                {"s/^references.*/references = EcB/", "references ="},
                {"s/^references.*/references = EcA, EcB/", NULL},
                {"s/^state.*/state = \\/nonexistent/", "/nonexistent"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        OSSL_PROVIDER *prov[2];
        OSSL_LIB_CTX *ctx = context_with(rows[i].sed, prov);
        BIO *bio = BIO_new(BIO_s_mem());
        EVP_PKEY *key;

        add_reference(bio, "certroll://EcA");
        ERR_clear_error();
        key = PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, NULL, ctx, NULL);
        if ((key != NULL) != (rows[i].says == NULL))
            fail_msg("row %zu", i);
        if (rows[i].says != NULL)
            assert_true(fixture_error_has(rows[i].says));
        EVP_PKEY_free(key);
        BIO_free(bio);
        (void)OSSL_PROVIDER_unload(prov[1]);
        (void)OSSL_PROVIDER_unload(prov[0]);
        OSSL_LIB_CTX_free(ctx);
    }
}

/* A program may load us first, and then not the default provider but another. */
static void loading_us_alone_activates_no_other_provider(void **state)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *ours;
    char folder[256];

    (void)state;
    (void)snprintf(folder, sizeof folder, "%s", CERTROLL_SO);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(OSSL_PROVIDER_set_default_search_path(ctx, folder), 1);
    assert_non_null(ours = OSSL_PROVIDER_load(ctx, "certroll"));
    assert_int_equal(OSSL_PROVIDER_available(ctx, "default"), 0);
    (void)OSSL_PROVIDER_unload(ours);
    OSSL_LIB_CTX_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_gives_what_is_expected_and_found),
        cmocka_unit_test(what_cannot_be_loaded_says_why),
        cmocka_unit_test(reference_files_combine_with_certificates),
        cmocka_unit_test(an_old_error_hides_no_reference_behind_certificates),
        cmocka_unit_test(an_ordinary_key_before_a_reference_is_the_one_read),
        cmocka_unit_test(der_references_are_decoded_too),
        cmocka_unit_test(others_certificates_are_parsed_without_us),
        cmocka_unit_test(a_bad_reference_is_our_own_error),
        cmocka_unit_test(ordinary_keys_are_read_as_ever),
        cmocka_unit_test(a_provider_loaded_later_leaves_key_generation_alone),
        cmocka_unit_test(a_signature_by_reference_leaves_key_generation_alone),
        cmocka_unit_test(references_are_limited_by_the_configuration),
        cmocka_unit_test(loading_us_alone_activates_no_other_provider),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
