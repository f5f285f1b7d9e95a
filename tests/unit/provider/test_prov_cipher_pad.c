/* SPDX-License-Identifier: Apache-2.0 */
/* Paddings byte by byte: what a token that cuts zeros gives, and every place where a padding can be wrong. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RSA_padding_add_PKCS1_OAEP_mgf1 */
#include "provider/prov_cipher_pad.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define K 128

/* EME-PKCS1-v1_5 of the last @n bytes, all of them @fill. */
static void encode(unsigned char em[K], size_t n, unsigned char fill)
{
    memset(em, 0x55, K);
    em[0] = 0;
    em[1] = 2;
    em[K - n - 1] = 0;
    memset(em + K - n, fill, n);
}

static struct cr_bytes all(const unsigned char em[K])
{
    return cr_bytes(em, K);
}

static void leading_zeros_that_were_cut_come_back(void **state)
{
    static const size_t lengths[] = {0, 1, 2, K - 1, K};
    unsigned char raw[K], em[K], want[K];

    (void)state;
    for (size_t i = 0; i < K; i++)
        raw[i] = (unsigned char)(i + 1);
    for (size_t i = 0; i < CR_COUNT(lengths); i++) {
        size_t n = lengths[i];
        unsigned char *exact = malloc(n + (n == 0)); /* for the sanitizer: not a byte behind it is read */

        assert_non_null(exact);
        memcpy(exact, raw, n);
        memset(want, 0, K);
        memcpy(want + K - n, raw, n);
        memset(em, 0xee, K);
        prov_pad_align(cr_bytes(exact, n), em, K);
        assert_memory_equal(em, want, K);
        free(exact);
    }
}

static void more_than_the_modulus_is_nothing(void **state)
{
    unsigned char raw[K + 1], em[K], zero[K] = {0};

    (void)state;
    memset(raw, 7, sizeof raw);
    memset(em, 7, sizeof em);
    prov_pad_align(cr_bytes(raw, sizeof raw), em, K);
    assert_memory_equal(em, zero, K);
}

static void pkcs1_texts_of_every_length_come_back(void **state)
{
    unsigned char em[K], out[K];
    struct cr_err err = {0};
    size_t n;

    (void)state;
    for (size_t len = 0; len <= K - 11; len++) {
        encode(em, len, 0x77);
        n = 999;
        assert_false(cr_failed(prov_pad_pkcs1(all(em), out, &n, &err)));
        assert_int_equal(n, len);
        assert_memory_equal(out, em + K - len, len);
    }
}

static void a_pkcs1_padding_that_is_too_short_or_wrong_is_one_sentence(void **state)
{
    static const struct {
        size_t at;
        unsigned char byte;
    } rows[] = {{0, 1}, {0, 0xff}, {1, 0}, {1, 1}, {1, 3}, {2, 0}, {5, 0}, {9, 0}};
    unsigned char em[K], out[K];

    (void)state;
    for (size_t i = 0; i <= CR_COUNT(rows); i++) {
        struct cr_err err = {0};
        size_t n = 999;

        encode(em, 20, 0x77);
        if (i < CR_COUNT(rows))
            em[rows[i].at] = rows[i].byte;
        else
            memset(em + 2, 0x55, K - 2); /* it has no end */
        ERR_clear_error();
        assert_int_equal(prov_pad_pkcs1(all(em), out, &n, &err).code, CR_E_INVALID);
        assert_string_equal(err.text, "the message cannot be decrypted");
        assert_int_equal(n, 999);
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void the_shortest_padding_will_do(void **state)
{
    unsigned char em[K], out[K];
    size_t n = 0;

    (void)state;
    encode(em, K - 11, 0); /* zeros in the text end nothing */
    assert_false(cr_failed(prov_pad_pkcs1(all(em), out, &n, NULL)));
    assert_int_equal(n, K - 11);
    encode(em, K - 10, 1);
    assert_true(cr_failed(prov_pad_pkcs1(all(em), out, &n, NULL)));
}

static void oaep_needs_its_label(void **state)
{
    unsigned char em[K], out[K];
    struct cr_bytes label = cr_bytes_str("label"), other = cr_bytes_str("Label"), none = {NULL, 0};
    struct cr_err err = {0};
    size_t n = 0;

    (void)state;
    assert_int_equal(RSA_padding_add_PKCS1_OAEP_mgf1(em, K, (const unsigned char *)"text", 4, label.p, (int)label.n,
                                                     EVP_sha256(), EVP_sha1()),
                     1);
    assert_false(cr_failed(prov_pad_oaep(all(em), EVP_sha256(), EVP_sha1(), label, out, &n, &err)));
    assert_int_equal(n, 4);
    assert_memory_equal(out, "text", 4);
    assert_int_equal(prov_pad_oaep(all(em), EVP_sha256(), EVP_sha1(), other, out, &n, &err).code, CR_E_INVALID);
    assert_int_equal(prov_pad_oaep(all(em), EVP_sha256(), EVP_sha1(), none, out, &n, &err).code, CR_E_INVALID);
    assert_int_equal(prov_pad_oaep(all(em), EVP_sha256(), EVP_sha256(), label, out, &n, &err).code, CR_E_INVALID);
    em[0] = 1;
    assert_int_equal(prov_pad_oaep(all(em), EVP_sha256(), EVP_sha1(), label, out, &n, &err).code, CR_E_INVALID);
    assert_string_equal(err.text, "the message cannot be decrypted");
}

static struct prov_premaster tls(unsigned client, unsigned negotiated)
{
    struct prov_premaster pre = {.client = client, .negotiated = negotiated};

    memset(pre.random, 0x99, sizeof pre.random);
    return pre;
}

static void encode_secret(unsigned char em[K])
{
    encode(em, PROV_PREMASTER, 0x77);
    em[K - PROV_PREMASTER] = 3;
    em[K - PROV_PREMASTER + 1] = 3;
}

static void a_premaster_secret_is_taken_as_it_is(void **state)
{
    struct prov_premaster pre = tls(0x303, 0), old = tls(0x304, 0x303);
    unsigned char em[K], out[PROV_PREMASTER];

    (void)state;
    encode_secret(em);
    prov_pad_premaster(all(em), &pre, out);
    assert_memory_equal(out, em + K - PROV_PREMASTER, PROV_PREMASTER);
    prov_pad_premaster(all(em), &old, out);
    assert_memory_equal(out, em + K - PROV_PREMASTER, PROV_PREMASTER);
    memset(em + K - PROV_PREMASTER + 2, 0, PROV_PREMASTER - 2);
    prov_pad_premaster(all(em), &pre, out);
    assert_memory_equal(out, em + K - PROV_PREMASTER, PROV_PREMASTER);
}

/* Each byte before the secret, and its version, changed into each other value that matters. */
static void any_wrong_byte_makes_the_premaster_secret_random(void **state)
{
    const size_t at = K - PROV_PREMASTER;
    struct prov_premaster pre = tls(0x303, 0);
    unsigned char em[K], out[PROV_PREMASTER];

    (void)state;
    for (size_t i = 0; i < at + 2; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            encode_secret(em);
            em[i] = (unsigned char)(i >= 2 && i < at - 1 ? 0 : em[i] ^ (1U << bit));
            prov_pad_premaster(all(em), &pre, out);
            assert_memory_equal(out, pre.random, PROV_PREMASTER);
        }
    }
}

static void a_modulus_with_no_room_for_the_secret_is_random(void **state)
{
    struct prov_premaster pre = tls(0x303, 0);
    unsigned char em[K], out[PROV_PREMASTER];

    (void)state;
    encode_secret(em);
    for (size_t n = 0; n < PROV_PREMASTER + 11; n++) {
        prov_pad_premaster(cr_bytes(em + K - n, n), &pre, out);
        assert_memory_equal(out, pre.random, PROV_PREMASTER);
    }
}

static void what_a_token_took_the_padding_off_must_have_the_length_and_version(void **state)
{
    static const struct {
        size_t n;
        unsigned char major, minor;
        bool good;
    } rows[] = {{48, 3, 3, true},  {48, 3, 1, true},    {48, 3, 2, false},         {48, 1, 3, false},
                {47, 3, 3, false}, {49, 3, 3, false},   {0, 3, 3, false},          {48 + 256, 3, 3, false},
                {1, 3, 3, false},  {4096, 3, 3, false}, {48 + 65536, 3, 3, false}, {48, 0, 0, false}};
    struct prov_premaster pre = tls(0x303, 0x301);
    unsigned char secret[PROV_PREMASTER], out[PROV_PREMASTER];

    (void)state;
    memset(secret, 0x77, sizeof secret);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        secret[0] = rows[i].major;
        secret[1] = rows[i].minor;
        prov_pad_premaster_plain(secret, rows[i].n, &pre, out);
        assert_memory_equal(out, rows[i].good ? secret : pre.random, PROV_PREMASTER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leading_zeros_that_were_cut_come_back),
        cmocka_unit_test(more_than_the_modulus_is_nothing),
        cmocka_unit_test(pkcs1_texts_of_every_length_come_back),
        cmocka_unit_test(a_pkcs1_padding_that_is_too_short_or_wrong_is_one_sentence),
        cmocka_unit_test(the_shortest_padding_will_do),
        cmocka_unit_test(oaep_needs_its_label),
        cmocka_unit_test(a_premaster_secret_is_taken_as_it_is),
        cmocka_unit_test(any_wrong_byte_makes_the_premaster_secret_random),
        cmocka_unit_test(a_modulus_with_no_room_for_the_secret_is_random),
        cmocka_unit_test(what_a_token_took_the_padding_off_must_have_the_length_and_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
