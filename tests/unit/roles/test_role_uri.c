/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define T40 "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define T64 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct {
    const char *text, *canonical;
} good[] = {
    {"certroll://OAuthTokenIssuer", "certroll://OAuthTokenIssuer"},
    {"certroll:OAuthTokenIssuer", "certroll://OAuthTokenIssuer"},
    {"CertRoll://A", "certroll://A"},
    {"certroll://A;slot=next", "certroll://A;slot=next"},
    {"certroll:A;slot=current", "certroll://A;slot=current"},
    {"certroll:A;slot=%6eext", "certroll://A;slot=next"},
    {"certroll:A;slot=%6Eext;bind=%70inned", "certroll://A;slot=next;bind=pinned"},
    {"certroll:A;object=all", "certroll://A"},
    {"certroll:A;object=key;bind=live;slot=previous", "certroll://A;slot=previous;bind=live;object=key"},
    {"certroll:A;thumbprint=" T40, "certroll://A;thumbprint=" T40},
    {"certroll:A;thumbprint=" T64 ";bind=pinned", "certroll://A;thumbprint=" T64},
    {"certroll:A;thumbprint=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709;object=cert",
     "certroll://A;thumbprint=" T40 ";object=cert"},
};

static const struct {
    const char *text, *why;
} bad[] = {
    {"", "does not begin"},
    {"certroll", "does not begin"},
    {"certroll:", "role name"},
    {"certroll://", "role name"},
    {"certroll:///A", "role name"},
    {"certroll:/A", "role name"},
    {"certroll://A/", "role name"},
    {"certroll://A B", "role name"},
    {"certroll://%41", "role name"},
    {"certroll://1A", "role name"},
    {"pkcs11:A", "does not begin"},
    {" certroll:A", "does not begin"},
    {"certroll:A?pin-source=/etc/passwd", "no query"},
    {"certroll:A;slot=next?x", "no query"},
    {"certroll:A#x", "no query"},
    {"certroll:A;", "unknown attribute"},
    {"certroll:A;;slot=next", "unknown attribute"},
    {"certroll:A;slot", "has no value"},
    {"certroll:A;slot=", "a slot is"},
    {"certroll:A;slot=Next", "a slot is"},
    {"certroll:A;Slot=next", "unknown attribute"},
    {"certroll:A;slots=next", "unknown attribute"},
    {"certroll:A;slot=next;slot=next", "twice"},
    {"certroll:A;slot=nex%7", "percent"},
    {"certroll:A;slot=nex%", "percent"},
    {"certroll:A;slot=nex%7g", "percent"},
    {"certroll:A;slot=next%00", "zero byte"},
    {"certroll:A;bind=loose", "a binding is"},
    {"certroll:A;object=pin", "an object is"},
    {"certroll:A;pin-value=1234", "unknown attribute"},
    {"certroll:A;thumbprint=da39", "64 hex digits"},
    {"certroll:A;thumbprint=xa39a3ee5e6b4b0d3255bfef95601890afd80709", "hex digits alone"},
    {"certroll:A;thumbprint=da:39:a3:ee:5e:6b:4b:0d:32:55:bf:ef:95:60:18:90:af:d8:07:09", "64 hex digits"},
    {"certroll:A;thumbprint=" T40 ";slot=next", "exclude"},
    {"certroll:A;thumbprint=" T40 ";bind=live", "pins"},
};

static void assert_same(const struct role_uri *a, const struct role_uri *b)
{
    assert_string_equal(a->role, b->role);
    assert_string_equal(a->thumbprint, b->thumbprint);
    assert_int_equal(a->has_slot, b->has_slot);
    assert_int_equal(a->slot, b->slot);
    assert_int_equal(a->has_bind, b->has_bind);
    assert_int_equal(a->bind, b->bind);
    assert_int_equal(a->object, b->object);
}

static void a_good_uri_has_one_canonical_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        struct role_uri uri, again;
        struct cr_buf text = {0};
        struct cr_err err = {0};

        assert_false(cr_failed(role_uri_parse(good[i].text, strlen(good[i].text), &uri, &err)));
        assert_false(cr_failed(role_uri_write(&uri, &text, &err)));
        assert_string_equal((char *)text.p, good[i].canonical);
        assert_false(cr_failed(role_uri_parse((char *)text.p, text.n, &again, &err)));
        assert_same(&again, &uri);
        cr_buf_clear(&text);
    }
}

static void a_bad_uri_is_refused_saying_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct role_uri uri = {.role = "untouched"};
        struct cr_err err = {0};

        assert_int_equal(role_uri_parse(bad[i].text, strlen(bad[i].text), &uri, &err).code, CR_E_INVALID);
        assert_int_equal(err.code, CR_E_INVALID);
        if (strstr(err.text, bad[i].why) == NULL)
            fail_msg("%s: %s", bad[i].text, err.text);
        assert_string_equal(uri.role, "untouched");
    }
}

static void a_zero_byte_does_not_end_a_uri(void **state)
{
    static const char text[] = "certroll:A\0;slot=next";
    struct role_uri uri;

    (void)state;
    assert_int_equal(role_uri_parse(text, sizeof text - 1, &uri, NULL).code, CR_E_INVALID);
    assert_int_equal(role_uri_parse("certroll:A;slot=ne\0t", 20, &uri, NULL).code, CR_E_INVALID);
}

static void defaults_are_current_and_all(void **state)
{
    struct role_uri uri;

    (void)state;
    assert_false(cr_failed(role_uri_parse("certroll:A", 10, &uri, NULL)));
    assert_false(uri.has_slot);
    assert_false(uri.has_bind);
    assert_int_equal(uri.slot, ROLE_CURRENT);
    assert_int_equal(uri.object, ROLE_OBJECT_ALL);
    assert_string_equal(uri.thumbprint, "");
}

static void a_thumbprint_pins(void **state)
{
    static const char text[] = "certroll:A;thumbprint=" T40;
    struct role_uri uri;

    (void)state;
    assert_false(cr_failed(role_uri_parse(text, sizeof text - 1, &uri, NULL)));
    assert_true(uri.has_bind);
    assert_int_equal(uri.bind, ROLE_BIND_PINNED);
}

static void a_uri_over_the_limit_is_refused(void **state)
{
    char text[ROLE_URI_MAX + 32];
    struct role_uri uri;
    struct cr_err err;

    (void)state;
    memset(text, 'A', sizeof text);
    memcpy(text, "certroll:A;slot=", 16);
    assert_int_equal(role_uri_parse(text, ROLE_URI_MAX, &uri, &err).code, CR_E_INVALID);
    assert_non_null(strstr(err.text, "a slot is"));
    assert_int_equal(role_uri_parse(text, ROLE_URI_MAX + 1, &uri, &err).code, CR_E_INVALID);
    assert_non_null(strstr(err.text, "over 512 bytes"));
}

static void a_reference_reads_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(good); i++) {
        struct role_uri uri, again;
        struct cr_buf der = {0};

        assert_false(cr_failed(role_uri_parse(good[i].text, strlen(good[i].text), &uri, NULL)));
        assert_false(cr_failed(role_ref_write(good[i].text, &der, NULL)));
        assert_false(cr_failed(role_ref_read(cr_buf_bytes(&der), &again, NULL)));
        assert_same(&again, &uri);
        cr_buf_clear(&der);
    }
}

static void a_reference_is_this_der(void **state)
{
    static const unsigned char want[] = "\x30\x0f\x02\x01\x01\x0c\x0a"
                                        "certroll:A";
    struct cr_buf der = {0};

    (void)state;
    assert_false(cr_failed(role_ref_write("certroll:A", &der, NULL)));
    assert_int_equal(der.n, sizeof want - 1);
    assert_memory_equal(der.p, want, der.n);
    cr_buf_clear(&der);
    assert_int_equal(role_ref_write("pkcs11:A", &der, NULL).code, CR_E_INVALID);
    assert_null(der.p);
}

#define REF(name, text) name, (const unsigned char *)(text), sizeof(text) - 1

static void a_reference_that_is_not_strict_der_is_refused(void **state)
{
    static const struct {
        const char *name;
        const unsigned char *p;
        size_t n;
        enum cr_code code;
    } rows[] = {
        {REF("empty", ""), CR_E_INVALID},
        {REF("tag alone", "\x30"), CR_E_INVALID},
        {REF("a set", "\x31\x0f\x02\x01\x01\x0c\x0a"
                      "certroll:A"),
         CR_E_INVALID},
        {REF("cut", "\x30\x0f\x02\x01\x01\x0c\x0a"
                    "certroll:"),
         CR_E_INVALID},
        {REF("bytes behind", "\x30\x0f\x02\x01\x01\x0c\x0a"
                             "certroll:A!"),
         CR_E_INVALID},
        {REF("bytes inside", "\x30\x10\x02\x01\x01\x0c\x0a"
                             "certroll:A!"),
         CR_E_INVALID},
        {REF("long length", "\x30\x81\x0f\x02\x01\x01\x0c\x0a"
                            "certroll:A"),
         CR_E_INVALID},
        {REF("indefinite", "\x30\x80\x02\x01\x01\x0c\x0a"
                           "certroll:A\0\0"),
         CR_E_INVALID},
        {REF("huge length", "\x30\x84\xff\xff\xff\xff\x02\x01\x01"), CR_E_INVALID},
        {REF("length missing", "\x30\x82\x01"), CR_E_INVALID},
        {REF("no number", "\x30\x0c\x0c\x0a"
                          "certroll:A"),
         CR_E_INVALID},
        {REF("empty number", "\x30\x0e\x02\x00\x0c\x0a"
                             "certroll:A"),
         CR_E_INVALID},
        {REF("number 0", "\x30\x0f\x02\x01\x00\x0c\x0a"
                         "certroll:A"),
         CR_E_INVALID},
        {REF("negative", "\x30\x0f\x02\x01\xff\x0c\x0a"
                         "certroll:A"),
         CR_E_INVALID},
        {REF("number padded", "\x30\x10\x02\x02\x00\x01\x0c\x0a"
                              "certroll:A"),
         CR_E_INVALID},
        {REF("number 2", "\x30\x0f\x02\x01\x02\x0c\x0a"
                         "certroll:A"),
         CR_E_UNSUPPORTED},
        {REF("number 200", "\x30\x10\x02\x02\x00\xc8\x0c\x0a"
                           "certroll:A"),
         CR_E_UNSUPPORTED},
        {REF("number 2, other content", "\x30\x05\x02\x01\x02\x05\x00"), CR_E_UNSUPPORTED},
        {REF("ASCII string", "\x30\x0f\x02\x01\x01\x16\x0a"
                             "certroll:A"),
         CR_E_INVALID},
        {REF("no URI", "\x30\x05\x02\x01\x01\x0c\x00"), CR_E_INVALID},
        {REF("another URI", "\x30\x0d\x02\x01\x01\x0c\x08"
                            "pkcs11:A"),
         CR_E_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct role_uri uri = {.role = "untouched"};
        struct cr_err err = {0};
        cr_status st = role_ref_read(cr_bytes(rows[i].p, rows[i].n), &uri, &err);

        if (st.code != rows[i].code || err.text[0] == '\0')
            fail_msg("%s: %d %s", rows[i].name, (int)st.code, err.text);
        assert_string_equal(uri.role, "untouched");
    }
}

static void a_long_reference_has_a_long_length(void **state)
{
    char text[ROLE_URI_MAX + 1] = "certroll:A;slot=%6e%65%78%74;bind=%70%69%6e%6e%65%64;object=%6b%65%79";
    char longer[ROLE_URI_MAX + 1] = "certroll:A;thumbprint=";
    struct role_uri uri;
    struct cr_buf der = {0};

    (void)state;
    assert_false(cr_failed(role_ref_write(text, &der, NULL)));
    for (const char *p = T64; *p != '\0'; p++) /* each digit percent-encoded: 214 bytes, length 81 d6 */
        sprintf(longer + strlen(longer), "%%%02x", (unsigned)*p);
    assert_false(cr_failed(role_ref_write(longer, &der, NULL)));
    assert_int_equal(der.p[1], 0x81);
    assert_false(cr_failed(role_ref_read(cr_buf_bytes(&der), &uri, NULL)));
    assert_string_equal(uri.thumbprint, T64);
    strcat(longer, ";object=%6b%65%79;bind=%70%69%6e%6e%65%64");
    assert_false(cr_failed(role_ref_write(longer, &der, NULL)));
    assert_int_equal(der.p[1], 0x82);
    assert_false(cr_failed(role_ref_read(cr_buf_bytes(&der), &uri, NULL)));
    assert_int_equal(uri.object, ROLE_OBJECT_KEY);
    cr_buf_clear(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_uri_has_one_canonical_text),
        cmocka_unit_test(a_bad_uri_is_refused_saying_why),
        cmocka_unit_test(a_zero_byte_does_not_end_a_uri),
        cmocka_unit_test(defaults_are_current_and_all),
        cmocka_unit_test(a_thumbprint_pins),
        cmocka_unit_test(a_uri_over_the_limit_is_refused),
        cmocka_unit_test(a_reference_reads_back),
        cmocka_unit_test(a_reference_is_this_der),
        cmocka_unit_test(a_reference_that_is_not_strict_der_is_refused),
        cmocka_unit_test(a_long_reference_has_a_long_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
