/* SPDX-License-Identifier: Apache-2.0 */
/* What admins type, certificates and requests made of it, and PKCS#12 files for keys that left a token. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "certs/cert_bundle.h"
#include "certs/cert_facts.h"
#include "certs/cert_make.h"
#include "certs/cert_pfx.h"
#include "make.h"

static const char *const kinds[] = {"RSA:2048", "EC:P-256", "EC:P-384", "EC:P-521", "ED25519"};

/* ---- words ---- */

static void a_subject_reads_in_both_forms(void **state)
{
    static const struct {
        const char *typed, *is; /* RFC 4514; NULL: refused */
    } rows[] = {
        {"CN=www.example.org,O=Example,C=DE", "CN=www.example.org,O=Example,C=DE"},
        {"/C=DE/O=Example/CN=www.example.org", "CN=www.example.org,O=Example,C=DE"},
        {"  CN = a , O = b c  ", "CN=a,O=b c"},
        {"CN=a\\,b,O=c\\+d", "CN=a\\,b,O=c\\+d"},
        {"CN=M\\C3\\BCller", "CN=M\xc3\xbcller"},
        {"CN=M\xc3\xbcller", "CN=M\xc3\xbcller"},
        {"/O=a\\/b/CN=c", "CN=c,O=a/b"},
        {"/O=a, b/CN=c", "CN=c,O=a\\, b"},
        {"CN=a+OU=b,O=c", "OU=b+CN=a,O=c"}, /* a set has no order */
        {"1.2.3.4=x,CN=y", "1.2.3.4=#0C0178,CN=y"},
        {"DC=www,DC=example,DC=org", "DC=www,DC=example,DC=org"},
        {"CN=a\\ ", "CN=a\\ "},
        {"", NULL},
        {"/", NULL},
        {"CN", NULL},
        {"CN=", NULL},
        {"=a", NULL},
        {"CN=a,", NULL},
        {"CN=a,,O=b", NULL},
        {"CN=a+", NULL},
        {"XX=a", NULL},
        {"C=Germany", NULL},
        {"CN=#0401", NULL},
        {"CN=\"a\"", NULL},
        {"CN=a\\", NULL},
        {"CN=a\\q", NULL},
        {"CN=\\ff\\fe", NULL},
        {"CN=12345678901234567890123456789012345678901234567890123456789012345", NULL}, /* 64 are allowed */
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        X509_NAME *name = NULL;
        struct cr_err err = {0};
        char *text = NULL;
        cr_status st = cert_subject_parse(rows[i].typed, &name, &err);
        if (cr_failed(st) != (rows[i].is == NULL))
            fail_msg("'%s': %s", rows[i].typed, err.text);
        if (rows[i].is == NULL) {
            assert_int_equal(st.code, CR_E_USAGE);
            assert_null(name);
        } else {
            assert_int_equal(cert_subject_text(name, &text, &err).code, CR_OK);
            assert_string_equal(text, rows[i].is);
        }
        assert_queue_empty();
        free(text);
        X509_NAME_free(name);
    }
}

static void names_and_purposes_are_strict(void **state)
{
    static const struct {
        const char *typed;
        int n; /* 0: refused */
    } sans[] = {{"dns:a", 1},
                {"dns:a.example.org,DNS:*.example.org, ip:192.0.2.1,ip:::1,email:a@b.org,uri:https://x", 6},
                {"dns:_sip.example.org", 1},
                {"", 0},
                {"dns:", 0},
                {"dns:a..b", 0},
                {"dns:.a", 0},
                {"dns:a.", 0},
                {"dns:a.*.b", 0},
                {"dns:a b", 0},
                {"dns:\xc3\xbc", 0},
                {"a", 0},
                {"ip:1.2.3", 0},
                {"ip:1.2.3.4/24", 0},
                {"email:a", 0},
                {"uri:x", 0},
                {"dns:a,", 0},
                {",dns:a", 0},
                {"dir:CN=a", 0}},
      ekus[] = {{"serverAuth", 1}, {"serverAuth, clientAuth,1.2.3.4", 3}, {"", 0}, {"x", 0}, {"serverAuth,", 0}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(sans); i++) {
        GENERAL_NAMES *names = NULL;
        struct cr_err err = {0};
        cr_status st = cert_san_parse(sans[i].typed, &names, &err);
        assert_int_equal(st.code, sans[i].n > 0 ? CR_OK : CR_E_USAGE);
        assert_true(sans[i].n == 0 ? names == NULL : sk_GENERAL_NAME_num(names) == sans[i].n);
        GENERAL_NAMES_free(names);
    }
    for (size_t i = 0; i < CR_COUNT(ekus); i++) {
        EXTENDED_KEY_USAGE *eku = NULL;
        struct cr_err err = {0};
        cr_status st = cert_eku_parse(ekus[i].typed, &eku, &err);
        assert_int_equal(st.code, ekus[i].n > 0 ? CR_OK : CR_E_USAGE);
        assert_true(ekus[i].n == 0 ? eku == NULL : sk_ASN1_OBJECT_num(eku) == ekus[i].n);
        EXTENDED_KEY_USAGE_free(eku);
    }
    assert_queue_empty();
}

static void a_kind_of_key_is_one_of_ours(void **state)
{
    static const struct {
        const char *typed;
        unsigned bits;
        size_t point;
    } rows[] = {{"rsa:2048", 2048, 0}, {"rsa:3072", 3072, 0},  {"ec:P-256", 256, 65},
                {"ec:P-384", 384, 97}, {"ec:P-521", 521, 133}, {"ed25519", 256, 32},
                {"rsa:1024", 0, 0},    {"rsa:2049", 0, 0},     {"rsa:", 0, 0},
                {"rsa:2048x", 0, 0},   {"rsa:-2048", 0, 0},    {"rsa:99999999999999999999", 0, 0},
                {"ec:P-224", 0, 0},    {"ed448", 0, 0},        {"", 0, 0}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct tok_key kind = {0};
        struct cr_err err = {0};
        cr_status st = cert_kind_parse(rows[i].typed, &kind, &err);
        assert_int_equal(st.code, rows[i].bits > 0 ? CR_OK : CR_E_USAGE);
        assert_int_equal(kind.bits, rows[i].bits);
        if (!cr_failed(st))
            assert_int_equal(cert_kind_point(&kind), rows[i].point);
        tok_key_clear(&kind);
    }
}

/* ---- made ---- */

struct hand {
    EVP_PKEY *pkey;
    bool wrong;
};

/* As a token signs: digests are given, ECDSA is r||s. */
static cr_status by_hand(void *arg, const struct tok_mech *mech, struct cr_bytes in, unsigned char *out, size_t size,
                         size_t *n, struct cr_err *err)
{
    struct hand *hand = arg;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(hand->pkey, NULL);
    unsigned char der[160];
    size_t nder = sizeof(der);
    struct cr_buf rs = {0};

    *n = size;
    if (mech->op == TOK_SIGN_EDDSA) {
        assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, hand->pkey), 1);
        assert_int_equal(EVP_DigestSign(md, out, n, in.p, in.n), 1);
    } else if (mech->op == TOK_SIGN_RSA_PKCS1) {
        assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING), 1);
        assert_int_equal(EVP_PKEY_sign(ctx, out, n, in.p, in.n), 1);
    } else {
        assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
        assert_int_equal(EVP_PKEY_sign(ctx, der, &nder, in.p, in.n), 1);
        assert_int_equal(
            cert_ecdsa_from_der(cr_bytes(der, nder), (size_t)(EVP_PKEY_get_bits(hand->pkey) + 7) / 8, &rs, err).code,
            CR_OK);
        memcpy(out, rs.p, rs.n);
        *n = rs.n;
        cr_buf_clear(&rs);
    }
    out[0] ^= hand->wrong ? 1 : 0;
    EVP_MD_CTX_free(md);
    EVP_PKEY_CTX_free(ctx);
    return cr_ok();
}

static void what_a_token_signs_verifies(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(kinds); i++) {
        struct hand hand = {.pkey = make_key(kinds[i])};
        struct tok_key key = {0};
        struct cr_buf der = {0};
        struct cr_err err = {0};
        X509_NAME *subject = NULL;
        const unsigned char *p;
        X509_REQ *req;
        X509 *x;
        assert_int_equal(cert_key_from_pkey(hand.pkey, &key, &err).code, CR_OK);
        assert_int_equal(cert_subject_parse("CN=a,O=b", &subject, &err).code, CR_OK);
        struct cert_make what = {.key = &key, .subject = subject, .sign = by_hand, .sign_arg = &hand};
        assert_int_equal(cert_san_parse("dns:a.example.org", &what.san, &err).code, CR_OK);
        assert_int_equal(cert_eku_parse("serverAuth", &what.eku, &err).code, CR_OK);
        assert_int_equal(cert_make_self_signed(&what, 1767225600, 1767312000, &der, &err).code, CR_OK);
        p = der.p;
        x = d2i_X509(NULL, &p, (long)der.n);
        assert_non_null(x);
        assert_ptr_equal(p, der.p + der.n);
        assert_int_equal(X509_verify(x, hand.pkey), 1);
        assert_int_equal(X509_get_signature_nid(x), OBJ_obj2nid(X509_get0_tbs_sigalg(x)->algorithm));
        assert_int_equal(X509_check_host(x, "a.example.org", 0, 0, NULL), 1);
        assert_int_equal(X509_check_ca(x), 0);
        assert_true(cert_is_self_signed(NULL, cr_buf_bytes(&der)));
        X509_free(x);
        assert_int_equal(cert_make_request(&what, &der, &err).code, CR_OK);
        p = der.p;
        req = d2i_X509_REQ(NULL, &p, (long)der.n);
        assert_non_null(req);
        assert_int_equal(X509_REQ_verify(req, hand.pkey), 1);
        X509_REQ_free(req);
        hand.wrong = true;
        struct cr_buf none = {0};
        assert_true(cr_failed(cert_make_self_signed(&what, 1767225600, 1767312000, &none, &err)));
        assert_true(cr_failed(cert_make_request(&what, &none, &err)));
        assert_null(none.p);
        assert_queue_empty();
        GENERAL_NAMES_free(what.san);
        EXTENDED_KEY_USAGE_free(what.eku);
        X509_NAME_free(subject);
        tok_key_clear(&key);
        cr_buf_clear(&der);
    }
}

/* ---- out of a token ---- */

static const unsigned char kek[32] = "thirty-two bytes to wrap with...";

static void wrapped_as(const char *cipher_name, struct cr_bytes plain, struct cr_buf *out)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, cipher_name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char bytes[8192];
    int n = 0;

    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    assert_int_equal(EVP_EncryptInit_ex2(ctx, cipher, kek, NULL, NULL), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, bytes, &n, plain.p, (int)plain.n), 1);
    assert_int_equal(cr_buf_set(out, bytes, (size_t)n, NULL).code, CR_OK);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
}

static void pkcs8_of(EVP_PKEY *pkey, struct cr_buf *out)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    unsigned char *der = NULL;
    int n = i2d_PKCS8_PRIV_KEY_INFO(info, &der);

    assert_true(n > 0);
    assert_int_equal(cr_buf_set(out, der, (size_t)n, NULL).code, CR_OK);
    OPENSSL_clear_free(der, (size_t)n);
    PKCS8_PRIV_KEY_INFO_free(info);
}

static void both_paddings_unwrap_and_nothing_else_does(void **state)
{
    unsigned char padded[16] = "twelve bytes";
    struct cr_buf wrapped = {0}, plain = {0};
    struct cr_err err = {0};

    (void)state;
    memset(padded + 12, 4, 4);
    wrapped_as("AES-256-WRAP-PAD", cr_bytes(padded, 12), &wrapped);
    assert_int_equal(cert_unwrap(cr_bytes(kek, 32), cr_buf_bytes(&wrapped), &plain, &err).code, CR_OK);
    assert_true(cr_bytes_equal(cr_buf_bytes(&plain), cr_bytes("twelve bytes", 12)));
    wrapped_as("AES-256-WRAP", cr_bytes(padded, 16), &wrapped);
    assert_int_equal(cert_unwrap(cr_bytes(kek, 32), cr_buf_bytes(&wrapped), &plain, &err).code, CR_OK);
    assert_true(cr_bytes_equal(cr_buf_bytes(&plain), cr_bytes("twelve bytes", 12)));
    padded[15] = 3;
    wrapped_as("AES-256-WRAP", cr_bytes(padded, 16), &wrapped);
    assert_int_equal(cert_unwrap(cr_bytes(kek, 32), cr_buf_bytes(&wrapped), &plain, &err).code, CR_E_INVALID);
    wrapped.p[3] ^= 1;
    assert_int_equal(cert_unwrap(cr_bytes(kek, 32), cr_buf_bytes(&wrapped), &plain, &err).code, CR_E_INVALID);
    assert_int_equal(cert_unwrap(cr_bytes(kek, 16), cr_buf_bytes(&wrapped), &plain, &err).code, CR_E_INVALID);
    assert_int_equal(cert_unwrap(cr_bytes(kek, 32), cr_bytes(kek, 15), &plain, &err).code, CR_E_INVALID);
    assert_int_equal(cert_unwrap(cr_bytes(kek, 32), cr_bytes(kek, 17), &plain, &err).code, CR_E_INVALID);
    assert_queue_empty();
    cr_buf_clear(&wrapped);
    cr_buf_clear(&plain);
}

static cr_status pass_is(void *arg, const char *what, struct cr_buf *pass, struct cr_err *err)
{
    (void)what;
    return cr_buf_set(pass, arg, strlen(arg), err);
}

static void a_file_of_ours_is_read_again(void **state)
{
    char pass[] = "p\xc3\xa4ss";

    (void)state;
    for (size_t i = 0; i < CR_COUNT(kinds); i++) {
        X509 *x = make_x509(&(struct make_cert){.subject = "CN=a", .key = make_key(kinds[i])});
        struct cr_buf pkcs8 = {0}, leaf = {0}, file = {0};
        struct cert_bundle bundle = {0};
        struct tok_key key = {0};
        struct cr_err err = {0};
        make_der(x, &leaf);
        pkcs8_of(make_key(kinds[i]), &pkcs8);
        struct cert_pfx what = {cr_buf_bytes(&pkcs8), cr_buf_bytes(&leaf), NULL, 0, "a name", pass};
        assert_int_equal(cert_pfx_make(&what, &file, &err).code, CR_OK);
        assert_int_equal(cert_bundle_read(cr_buf_bytes(&file), pass_is, pass, &bundle, &err).code, CR_OK);
        assert_int_equal(cert_key_from_pkey(make_key(kinds[i]), &key, &err).code, CR_OK);
        assert_true(bundle.has_key && cr_bytes_equal(cr_buf_bytes(&bundle.key.d), cr_buf_bytes(&key.d)));
        assert_true(cr_bytes_equal(cr_buf_bytes(&bundle.leaf), cr_buf_bytes(&leaf)));
        assert_string_equal(bundle.friendly_name, "a name");
        cert_bundle_clear(&bundle);
        assert_true(cr_failed(cert_bundle_read(cr_buf_bytes(&file), pass_is, (void *)"another", &bundle, &err)));
        cr_buf_clear(&pkcs8);
        pkcs8_of(make_key(i == 0 ? "EC:P-256" : "RSA:2048"), &pkcs8); /* somebody else's */
        what.pkcs8 = cr_buf_bytes(&pkcs8);
        assert_int_equal(cert_pfx_make(&what, &file, &err).code, CR_E_INVALID);
        what.pkcs8 = cr_bytes("not a key", 9);
        assert_int_equal(cert_pfx_make(&what, &file, &err).code, CR_E_INVALID);
        assert_queue_empty();
        X509_free(x);
        tok_key_clear(&key);
        cr_buf_clear(&pkcs8);
        cr_buf_clear(&leaf);
        cr_buf_clear(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subject_reads_in_both_forms),
        cmocka_unit_test(names_and_purposes_are_strict),
        cmocka_unit_test(a_kind_of_key_is_one_of_ours),
        cmocka_unit_test(what_a_token_signs_verifies),
        cmocka_unit_test(both_paddings_unwrap_and_nothing_else_does),
        cmocka_unit_test(a_file_of_ours_is_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
