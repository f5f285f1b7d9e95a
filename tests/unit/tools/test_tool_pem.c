/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_pem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include <cmocka.h>

#include "certs.h"

/* Reads the next PEM block of @bio, whose name must be @label. */
static struct cr_buf block(BIO *bio, const char *label)
{
    unsigned char *data = NULL;
    char *name = NULL, *header = NULL;
    struct cr_buf der = {0};
    long len = 0;

    assert_int_equal(PEM_read_bio(bio, &name, &header, &data, &len), 1);
    assert_string_equal(name, label);
    assert_int_equal(cr_buf_set(&der, data, (size_t)len, NULL).code, CR_OK);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(data);
    return der;
}

static void a_reference_reads_back_as_its_uri(void **state)
{
    static const struct role_uri uris[] = {
        {.role = "OAuthTokenIssuer"},
        {.role = "A", .has_slot = true, .slot = ROLE_NEXT},
        {.role = "A", .has_bind = true, .bind = ROLE_BIND_PINNED},
        {.role = "A.b-c_9", .has_slot = true, .slot = ROLE_PREVIOUS, .has_bind = true, .bind = ROLE_BIND_LIVE},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(uris); i++) {
        struct cr_buf text = {0}, der;
        struct role_uri back;
        BIO *bio;
        assert_int_equal(tool_pem_reference(&uris[i], &text, NULL).code, CR_OK);
        bio = BIO_new_mem_buf(text.p, (int)text.n);
        der = block(bio, "CERTROLL KEY REFERENCE");
        assert_int_equal(role_ref_read(cr_buf_bytes(&der), &back, NULL).code, CR_OK);
        assert_string_equal(back.role, uris[i].role);
        assert_int_equal(back.slot, uris[i].slot);
        assert_int_equal(back.has_bind, uris[i].has_bind);
        assert_int_equal(back.bind, uris[i].bind);
        BIO_free(bio);
        cr_buf_clear(&der);
        cr_buf_clear(&text);
    }
}

static void a_bundle_holds_text_leaf_chain_and_reference(void **state)
{
    EVP_PKEY *key = test_key("P-256");
    struct role_cert *cert = test_cert(key, "leaf", 1000), *issuer = test_cert(key, "issuer", 1000);
    struct cr_buf text = {0}, der, want = {0};
    struct role_record *rec = NULL;
    struct role_uri uri;
    BIO *bio;

    (void)state;
    assert_int_equal(role_cert_set_chain(cert, &issuer->leaf, 1, NULL).code, CR_OK);
    assert_int_equal(role_record_new("Default", &rec, NULL).code, CR_OK);
    assert_int_equal(tool_pem_bundle(rec, cert, &text, NULL).code, CR_OK);
    assert_int_equal(cr_buf_printf(&want, NULL, "role: Default\nkid: %s\nx5t: ", cert->jkt).code, CR_OK);
    assert_memory_equal(text.p, want.p, want.n);
    bio = BIO_new_mem_buf(text.p, (int)text.n);
    der = block(bio, "CERTIFICATE");
    assert_true(cr_bytes_equal(cr_buf_bytes(&der), cr_buf_bytes(&cert->leaf)));
    cr_buf_clear(&der);
    der = block(bio, "CERTIFICATE");
    assert_true(cr_bytes_equal(cr_buf_bytes(&der), cr_buf_bytes(&issuer->leaf)));
    cr_buf_clear(&der);
    der = block(bio, "CERTROLL KEY REFERENCE");
    assert_int_equal(role_ref_read(cr_buf_bytes(&der), &uri, NULL).code, CR_OK);
    assert_string_equal(uri.role, "Default");
    assert_string_equal(uri.thumbprint, cert->thumbprint);
    cr_buf_clear(&der);
    assert_true(BIO_eof(bio));
    BIO_free(bio);
    cr_buf_clear(&text);
    cr_buf_clear(&want);
    role_record_unref(&rec);
    role_cert_unref(&cert);
    role_cert_unref(&issuer);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_reads_back_as_its_uri),
        cmocka_unit_test(a_bundle_holds_text_leaf_chain_and_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
