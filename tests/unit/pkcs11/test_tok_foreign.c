/* SPDX-License-Identifier: Apache-2.0 */
/* Foreign bytes: what a token says of itself and of its objects may be anything. Run under sanitizers, too. */
#include "mocked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkcs11/tok_init.h"

#define AS(what, how) atomic_store(&mocked.counts->persona.what, how)

static void begin(void)
{
    mocked_close();
    mocked_heal();
}

/* ---- CK_TOKEN_INFO ---- */

struct field {
    const char *bytes; /* padded with the last one to the field's length */
    size_t n;
    const char *shown;
};

static const struct field labels[] = {
    {"unit ", 5, "unit"},
    {"unit\0\0", 6, "unit"},
    {"unit\0junk behind\xff", 17, "unit"},
    {"\0", 1, ""},
    {" ", 1, ""},
    {"x", 1, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}, /* unterminated */
    {"\xff", 1, "????????????????????????????????"},
    {"a\xc2\x9b[\xe2\x82 \xed\xa0\x80 ", 11, "a??[?? ???"}, /* a C1 control, a cut character, a surrogate */
    {"\xe2\x82\xac\xf0\x9f\x94\x91\xf4\x90\x80\x80 ", 12, "\xe2\x82\xac\xf0\x9f\x94\x91????"},
    {"K\xc3\xa4se f\xc3\xbcr HSM; 100% /?&=# ", 27, "K\xc3\xa4se f\xc3\xbcr HSM; 100% /?&=#"},
    {"a\nb\x1b[31m\x7f ", 10, "a?b?[31m?"},
    {" leading and trailing ", 22, " leading and trailing"},
};

static void field_fill(unsigned char *to, size_t n, const struct field *from)
{
    memset(to, from->bytes[from->n - 1], n);
    memcpy(to, from->bytes, from->n < n ? from->n : n);
}

static struct tok_item *list_ours(size_t *n, size_t *at)
{
    struct tok_item *items = NULL;
    struct cr_err err = {0};

    assert_int_equal(tok_list(mocked.f.loc, 0, &items, n, &err).code, CR_OK);
    for (*at = 0; *at < *n; ++*at)
        if (items[*at].cls == TOK_CLASS_PRIVATE &&
            cr_bytes_equal(cr_buf_bytes(&items[*at].id), cr_buf_bytes(&mocked.pub.id)))
            return items;
    fail();
    return NULL;
}

/* The location that a list shows leads back to the key. */
static void listed_key_signs(const char *what)
{
    struct tok_object *obj = NULL;
    struct cr_err err = {0};
    size_t n = 0, at = 0;
    struct tok_item *items = list_ours(&n, &at);
    cr_status st = tok_location_check(items[at].location, &err);

    if (!cr_failed(st))
        st = fixture_find(&mocked.f, items[at].location, &mocked.pub, mocked.pkey, &obj, &err);
    if (!cr_failed(st))
        st = fixture_sign_verify(&mocked.f, obj, mocked.pkey, &err);
    if (cr_failed(st))
        fprintf(stderr, "%s: %s: %s\n", what, items[at].location, err.text);
    assert_int_equal(st.code, CR_OK);
    mocked.f.signer->ops->object_unref(&obj);
    tok_items_free(&items, n);
}

static void any_token_info_is_shown_and_leads_back(void **state)
{
    static const struct field serials[] = {{"0123456789abcdef", 16, ""}, {"\0", 1, ""}, {"\x01\xff", 2, ""}};
    struct mock_persona *as = &mocked.counts->persona;

    (void)state;
    mocked.conf.token_uri = "pkcs11:";
    for (size_t i = 0; i < CR_COUNT(labels); i++) {
        struct tok_info info = {0};
        struct cr_err err = {0};
        begin();
        field_fill(as->label, sizeof(as->label), &labels[i]);
        field_fill(as->manufacturer, sizeof(as->manufacturer), &labels[i]);
        field_fill(as->model, sizeof(as->model), &labels[i]);
        field_fill(as->serial, sizeof(as->serial), &serials[i % CR_COUNT(serials)]);
        AS(fields, MOCK_LABEL | MOCK_MANUFACTURER | MOCK_MODEL | MOCK_SERIAL);
        mocked_open();
        assert_int_equal(tok_token_info(mocked.f.loc, 0, &info, &err).code, CR_OK);
        assert_string_equal(info.label, labels[i].shown);
        assert_string_equal(info.manufacturer, labels[i].shown);
        assert_memory_equal(info.model, labels[i].shown, strlen(info.model));
        listed_key_signs(labels[i].shown);
    }
    begin();
    mocked.conf.token_uri = NULL;
}

/* ---- attributes ---- */

static const CK_ATTRIBUTE_TYPE types[] = {CKA_KEY_TYPE,  CKA_ALWAYS_AUTHENTICATE,
                                          CKA_MODULUS,   CKA_PUBLIC_EXPONENT,
                                          CKA_EC_PARAMS, CKA_EC_POINT,
                                          CKA_ID,        CKA_LABEL,
                                          CKA_SENSITIVE, CKA_EXTRACTABLE,
                                          CKA_VALUE};
static const unsigned long lengths[] = {0,
                                        1,
                                        7,
                                        8,
                                        9,
                                        31,
                                        33,
                                        65536,
                                        65537,
                                        0x7fffffffUL,
                                        0xffffffffUL,
                                        1UL << 32,
                                        LONG_MAX,
                                        ULONG_MAX - 1,
                                        CK_UNAVAILABLE_INFORMATION};

static cr_status derive(struct tok_object *obj, struct cr_err *err)
{
    unsigned char out[32];
    size_t n = 0;

    return mocked.f.signer->ops->derive(obj, cr_buf_bytes(&mocked.pub.point), out, sizeof(out), &n, err);
}

/* Everything that reads attributes: right, or an error with words. */
static void read_all(void)
{
    struct tok_object *obj = NULL;
    struct tok_item *items = NULL;
    struct cr_err err = {0};
    size_t n = 0;

    mocked_open();
    if (cr_failed(tok_list(mocked.f.loc, 0, &items, &n, &err)))
        assert_true(strlen(err.text) > 10);
    tok_items_free(&items, n);
    if (cr_failed(mocked_find(&obj, &err))) {
        assert_true(strlen(err.text) > 10);
        return;
    }
    if (cr_failed(fixture_sign_verify(&mocked.f, obj, mocked.pkey, &err)))
        assert_true(strlen(err.text) > 10);
    if (cr_failed(derive(obj, &err)))
        assert_true(strlen(err.text) > 10);
    mocked.f.signer->ops->object_unref(&obj);
}

static void any_length_of_an_attribute_is_survived(void **state)
{
    static const enum mock_attr_mode modes[] = {MOCK_ATTR_SAYS, MOCK_ATTR_QUERY, MOCK_ATTR_FETCH};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(types); i++) {
        for (size_t j = 0; j < CR_COUNT(modes); j++) {
            for (size_t k = 0; k < CR_COUNT(lengths); k++) {
                begin();
                AS(attr_type, types[i]);
                AS(attr_len, lengths[k]);
                AS(attr_mode, modes[j]);
                read_all();
                AS(attr_mode, MOCK_ATTR_TRUE);
                mocked_sign_ok();
                assert_int_equal(atomic_load(&mocked.counts->seen.dirty), 0);
            }
        }
    }
}

/* It grew or shrank after its length was told: read again, whole. */
static void an_attribute_that_changes_between_two_reads_is_read_again(void **state)
{
    static const unsigned long first[] = {1, 2, 3, 5, 40, 1000};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(first); i++) {
        size_t n = 0, at = 0;
        struct tok_item *items;
        begin();
        mocked_open();
        AS(attr_type, CKA_LABEL);
        AS(attr_len, first[i]);
        AS(attr_left, 1);
        AS(attr_mode, MOCK_ATTR_QUERY);
        items = list_ours(&n, &at);
        assert_string_equal(items[at].label, "unit");
        tok_items_free(&items, n);
    }
}

/* What never holds still is an error that names the call. */
static void an_attribute_that_never_holds_still_is_an_error(void **state)
{
    struct tok_item *items = NULL;
    struct cr_err err = {0};
    size_t n = 0;

    (void)state;
    begin();
    mocked_open();
    AS(attr_type, CKA_LABEL);
    AS(attr_len, 2);
    AS(attr_mode, MOCK_ATTR_QUERY);
    assert_int_equal(tok_list(mocked.f.loc, 0, &items, &n, &err).code, CR_E_TOKEN);
    assert_non_null(strstr(err.text, "C_GetAttributeValue: CKR_BUFFER_TOO_SMALL"));
    assert_null(items);
}

static const struct {
    unsigned long len;
    const char *says;
} absurd[] = {{1UL << 32, "4294967296 bytes"}, {65537, "65537 bytes"}, {LONG_MAX, "9223372036854775807 bytes"}};

static void an_absurd_length_is_named(void **state)
{
    struct tok_item *items = NULL;
    struct cr_err err = {0};
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < CR_COUNT(absurd); i++) {
        begin();
        mocked_open();
        AS(attr_type, CKA_LABEL);
        AS(attr_len, absurd[i].len);
        AS(attr_mode, MOCK_ATTR_SAYS);
        assert_int_equal(tok_list(mocked.f.loc, 0, &items, &n, &err).code, CR_E_TOKEN);
        assert_non_null(strstr(err.text, "C_GetAttributeValue"));
        assert_non_null(strstr(err.text, absurd[i].says));
    }
}

/* CK_UNAVAILABLE_INFORMATION, also as a module of 32 bits at the other end of a wire makes it. */
static void what_is_unavailable_is_absent(void **state)
{
    static const unsigned long none[] = {CK_UNAVAILABLE_INFORMATION, 0xffffffffUL, 0};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(none); i++) {
        size_t n = 0, at = 0;
        struct tok_item *items;
        begin();
        mocked_open();
        AS(attr_type, CKA_LABEL);
        AS(attr_len, none[i]);
        AS(attr_mode, MOCK_ATTR_SAYS);
        items = list_ours(&n, &at);
        assert_string_equal(items[at].label, "");
        tok_items_free(&items, n);
    }
}

static const struct field object_labels[] = {
    {"a\0b", 3, "a?b"},
    {"\xc3\xa4\xc3\xb6", 4, "\xc3\xa4\xc3\xb6"},
    {"\x1b]0;title\x07\n", 11, "?]0;title??"},
    {"\xff\xfe\x80", 3, "\xff\xfe\x80"},
};

static void any_label_of_an_object_is_shown_on_one_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(object_labels); i++) {
        size_t n = 0, at = 0;
        struct tok_item *items;
        begin();
        mocked_open();
        memcpy(mocked.counts->persona.attr_value, object_labels[i].bytes, object_labels[i].n);
        AS(attr_type, CKA_LABEL);
        AS(attr_len, object_labels[i].n);
        AS(attr_mode, MOCK_ATTR_VALUE);
        items = list_ours(&n, &at);
        assert_string_equal(items[at].label, object_labels[i].shown);
        tok_items_free(&items, n);
        listed_key_signs(object_labels[i].shown);
    }
}

/* A token that does not say that it keeps the key to itself has not kept it. */
static void a_key_of_unknown_sensitivity_is_destroyed_again(void **state)
{
    EVP_PKEY *fresh = fixture_key_fresh("EC:P-256");
    struct tok_key key = {0};
    struct tok_import what = {.key = &key, .label = "foreign"};
    struct cr_err err = {0};
    char *where = NULL;
    bool created = false;

    (void)state;
    fixture_numbers(fresh, &key);
    for (size_t i = 0; i < CR_COUNT(lengths); i++) {
        if (lengths[i] == 1)
            continue; /* true */
        begin();
        mocked_open();
        AS(attr_type, CKA_SENSITIVE);
        AS(attr_len, lengths[i]);
        AS(attr_mode, MOCK_ATTR_SAYS);
        assert_true(cr_failed(tok_import(mocked.f.loc, 0, &what, &where, &created, &err)));
        assert_null(where);
        AS(attr_mode, MOCK_ATTR_TRUE);
        assert_int_equal(tok_remove(mocked.f.loc, 0, cr_buf_bytes(&key.id), cr_bytes(NULL, 0), &err).code,
                         CR_E_NOT_FOUND);
    }
    tok_key_clear(&key);
    EVP_PKEY_free(fresh);
}

/* ---- counts ---- */

static void a_count_beyond_the_room_is_not_believed(void **state)
{
    static const unsigned long many[] = {2, 64, 65, 255, 256, 257, 1000, 1UL << 32, ULONG_MAX};
    struct tok_init init = {
        .module = mocked.conf.module, .label = "another", .so_pin = cr_bytes("1", 1), .pin = cr_bytes("1", 1)};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(many); i++) {
        struct cr_err err = {0};
        begin();
        AS(slots, many[i]);
        read_all();
        begin();
        AS(slots, many[i]);
        assert_true(cr_failed(tok_init_token(&init, &err)));
        begin();
        AS(found, many[i] < 100000 ? many[i] : 100000);
        if (many[i] <= 1000)
            read_all();
        begin();
        mocked_sign_ok();
    }
}

static void a_signature_of_another_length_is_refused(void **state)
{
    static const unsigned long other[] = {1, 32, 63, 65, 2047, 2048, 2049, 4096, 1UL << 32, ULONG_MAX};
    struct cr_err err = {0};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(other); i++) {
        begin();
        AS(signature, other[i]);
        assert_int_equal(mocked_sign(&err).code, CR_E_TOKEN);
        assert_non_null(strstr(err.text, "C_Sign gave"));
        AS(signature, 0);
        mocked_sign_ok();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_token_info_is_shown_and_leads_back),
        cmocka_unit_test(any_length_of_an_attribute_is_survived),
        cmocka_unit_test(an_attribute_that_changes_between_two_reads_is_read_again),
        cmocka_unit_test(an_attribute_that_never_holds_still_is_an_error),
        cmocka_unit_test(an_absurd_length_is_named),
        cmocka_unit_test(what_is_unavailable_is_absent),
        cmocka_unit_test(any_label_of_an_object_is_shown_on_one_line),
        cmocka_unit_test(a_key_of_unknown_sensitivity_is_destroyed_again),
        cmocka_unit_test(a_count_beyond_the_room_is_not_believed),
        cmocka_unit_test(a_signature_of_another_length_is_refused),
    };

    return cmocka_run_group_tests(tests, mocked_setup, mocked_teardown);
}
