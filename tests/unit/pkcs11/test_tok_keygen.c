/* SPDX-License-Identifier: Apache-2.0 */
/* Keys made inside a token, and keys wrapped out of it, also where calls fail or the token did something else. */
#include "faults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/sha.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkcs11/tok_generate.h"
#include "pkcs11/tok_wrap.h"

#define LABEL "made here"

static const unsigned char interim[] = "interim id of a test";
static const unsigned char p256[] = {6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7};
static const unsigned char kek[TOK_KEK] = "a key that wraps, of 32 bytes...";

static cr_status id_of(struct tok_key *key, struct cr_err *err)
{
    const struct cr_buf *from = key->type == TOK_KEY_RSA ? &key->n : &key->point;
    unsigned char digest[20];

    SHA1(from->p, from->n, digest);
    return cr_buf_set(&key->id, digest, sizeof(digest), err);
}

static cr_status id_none(struct tok_key *key, struct cr_err *err)
{
    (void)key;
    return cr_fail(err, CR_E_INTERNAL, "no id today");
}

static struct tok_generate what = {.type = TOK_KEY_EC,
                                   .bits = 256,
                                   .ec_params = {p256, sizeof(p256)},
                                   .point = 65,
                                   .label = LABEL,
                                   .interim = {interim, 20},
                                   .id = id_of};

/* How many private keys with our label there are; removes them when @away. */
static unsigned made_keys(bool away)
{
    struct tok_item *items = NULL;
    struct cr_err err = {0};
    unsigned count = 0;
    size_t n = 0;

    assert_int_equal(tok_list(mocked.f.loc, 0, &items, &n, &err).code, CR_OK);
    for (size_t i = 0; i < n; i++) {
        if (items[i].cls != TOK_CLASS_PRIVATE || strcmp(items[i].label, LABEL) != 0)
            continue;
        count++;
        if (away)
            assert_int_equal(tok_remove(mocked.f.loc, 0, cr_buf_bytes(&items[i].id), cr_bytes(NULL, 0), &err).code,
                             CR_OK);
    }
    tok_items_free(&items, n);
    return count;
}

static cr_status generate(struct cr_err *err)
{
    struct tok_key key = {0};
    char *location = NULL;
    cr_status st = tok_generate(mocked.f.loc, 0, &what, &key, &location, err);

    if (!cr_failed(st) && (key.id.n != 20 || cr_failed(tok_location_check(location, err)) || key.has_private))
        st = cr_fail(err, CR_E_INTERNAL, "not what was asked for");
    free(location);
    tok_key_clear(&key);
    return st;
}

static void begin(void)
{
    mocked_heal();
    mocked_open();
    (void)made_keys(true);
}

static void a_key_that_was_made_is_sensitive_and_found_by_its_id(void **state)
{
    static const struct {
        enum tok_key_type type;
        unsigned bits;
        size_t point;
    } kinds[] = {{TOK_KEY_RSA, 2048, 0}, {TOK_KEY_EC, 256, 65}, {TOK_KEY_ED25519, 256, 32}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(kinds); i++) {
        struct tok_generate kind = what;
        struct tok_item *items = NULL;
        struct tok_key key = {0};
        struct cr_err err = {0};
        char *location = NULL;
        size_t n = 0, seen = 0;
        begin();
        kind.type = kinds[i].type;
        kind.bits = kinds[i].bits;
        kind.point = kinds[i].point;
        assert_int_equal(tok_generate(mocked.f.loc, 0, &kind, &key, &location, &err).code, CR_OK);
        assert_int_equal(tok_list(mocked.f.loc, 0, &items, &n, &err).code, CR_OK);
        for (size_t k = 0; k < n; k++) {
            if (items[k].cls != TOK_CLASS_PRIVATE || strcmp(items[k].label, LABEL) != 0)
                continue;
            seen++;
            assert_true(items[k].sensitive && !items[k].extractable);
            assert_string_equal(items[k].location, location);
            assert_true(tok_key_same_public(&items[k].key, &key)); /* its public object has the same id */
        }
        assert_int_equal(seen, 1);
        tok_items_free(&items, n);
        free(location);
        tok_key_clear(&key);
    }
    assert_int_equal(made_keys(true), 1);
}

/* Whatever fails: one key after success, none after a failure. */
static void no_failed_call_leaves_a_key(void **state)
{
    static const enum mock_function of[] = {MOCK_C_GenerateKeyPair, MOCK_C_GetAttributeValue, MOCK_C_SetAttributeValue};
    static const CK_RV rvs[] = {CKR_FUNCTION_FAILED, CKR_HOST_MEMORY, CKR_DEVICE_ERROR, CKR_SESSION_HANDLE_INVALID,
                                CKR_ATTRIBUTE_READ_ONLY};
    unsigned failures = 0, successes = 0;

    (void)state;
    for (size_t f = 0; f < CR_COUNT(of); f++) {
        for (size_t r = 0; r < CR_COUNT(rvs); r++) {
            for (unsigned long at = 0; at < 6; at++) {
                struct cr_err err = {0};
                bool failed;
                cr_status st;
                begin();
                mock_fail(mocked.counts, of[f], rvs[r], at, 1);
                st = generate(&err);
                failed = atomic_load(&mocked.counts->of[of[f]].failed) > 0;
                mock_fail(mocked.counts, of[f], 0, 0, 0);
                if (!failed) {
                    assert_int_equal(st.code, CR_OK);
                    break;
                }
                failures += cr_failed(st);
                successes += !cr_failed(st);
                assert_int_equal(made_keys(true), cr_failed(st) ? 0 : 1);
            }
        }
    }
    assert_true(failures > 10 && successes > 5); /* some are repaired by trying again */
}

static void a_key_that_is_not_as_asked_for_is_destroyed(void **state)
{
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        unsigned char value[4];
        unsigned long n;
        enum cr_code code;
    } lies[] = {{CKA_SENSITIVE, {0}, 1, CR_E_REFUSED},
                {CKA_EXTRACTABLE, {1}, 1, CR_E_REFUSED},
                {CKA_EC_POINT, {4, 2, 1, 1}, 4, CR_E_TOKEN},
                {CKA_EC_POINT, {0}, 0, CR_E_TOKEN},
                {CKA_ID, {1, 2}, 2, CR_E_TOKEN}};
    struct mock_persona *as = &mocked.counts->persona;

    (void)state;
    for (size_t i = 0; i < CR_COUNT(lies); i++) {
        struct cr_err err = {0};
        begin();
        memcpy(as->attr_value, lies[i].value, sizeof(lies[i].value));
        atomic_store(&as->attr_type, lies[i].type);
        atomic_store(&as->attr_len, lies[i].n);
        atomic_store(&as->attr_mode, MOCK_ATTR_VALUE);
        assert_int_equal(generate(&err).code, lies[i].code);
        assert_true(err.text[0] != '\0');
        mocked_heal();
        assert_int_equal(made_keys(true), 0);
    }
}

static void an_id_that_cannot_be_computed_costs_the_key(void **state)
{
    struct cr_err err = {0};

    (void)state;
    begin();
    what.id = id_none;
    assert_int_equal(generate(&err).code, CR_E_INTERNAL);
    what.id = id_of;
    assert_int_equal(made_keys(true), 0);
}

static void a_kind_that_the_token_has_not_is_unsupported(void **state)
{
    static const CK_RV rvs[] = {CKR_MECHANISM_INVALID, CKR_FUNCTION_NOT_SUPPORTED, CKR_KEY_SIZE_RANGE,
                                CKR_CURVE_NOT_SUPPORTED};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rvs); i++) {
        struct cr_err err = {0};
        begin();
        mock_fail(mocked.counts, MOCK_C_GenerateKeyPair, rvs[i], 0, 1);
        assert_int_equal(generate(&err).code, CR_E_UNSUPPORTED);
        assert_non_null(strstr(err.text, "cannot be generated"));
    }
}

/* ---- wrapping ---- */

static struct tok_key out_key;

static void wrap_prepare(bool exportable)
{
    struct tok_import import = {.label = "goes out", .exportable = exportable};
    EVP_PKEY *pkey = fixture_key_fresh("EC:P-256");
    struct cr_err err = {0};
    char *location = NULL;
    bool created = false;

    begin();
    fixture_numbers(pkey, &out_key);
    import.key = &out_key;
    assert_int_equal(tok_import(mocked.f.loc, 0, &import, &location, &created, &err).code, CR_OK);
    assert_true(created);
    free(location);
    EVP_PKEY_free(pkey);
}

static void wrap_clean(void)
{
    struct cr_err err = {0};

    assert_int_equal(tok_remove(mocked.f.loc, 0, cr_buf_bytes(&out_key.id), cr_bytes(NULL, 0), &err).code, CR_OK);
    tok_key_clear(&out_key);
}

static cr_status wrap(struct cr_buf *out, struct cr_err *err)
{
    return tok_wrap(mocked.f.loc, 0, cr_buf_bytes(&out_key.id), cr_bytes(kek, sizeof(kek)), out, err);
}

/* @wrapped, unwrapped, is PKCS#8 that contains the private number. */
static bool holds_key(const struct cr_buf *wrapped)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char plain[512];
    int n = 0;
    bool good;

    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    good = wrapped->n < 500 && EVP_DecryptInit_ex2(ctx, cipher, kek, NULL, NULL) == 1 &&
           EVP_DecryptUpdate(ctx, plain, &n, wrapped->p, (int)wrapped->n) == 1 && n > 0 &&
           memmem(plain, (size_t)n, out_key.d.p, out_key.d.n) != NULL;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return good;
}

static void only_an_extractable_key_is_wrapped(void **state)
{
    struct cr_buf out = {0};
    struct cr_err err = {0};

    (void)state;
    wrap_prepare(true);
    assert_int_equal(wrap(&out, &err).code, CR_OK);
    assert_true(holds_key(&out));
    cr_buf_clear(&out);
    wrap_clean();
    wrap_prepare(false);
    assert_int_equal(wrap(&out, &err).code, CR_E_REFUSED);
    assert_non_null(strstr(err.text, "CKA_EXTRACTABLE"));
    assert_null(out.p);
    wrap_clean();
    assert_int_equal(tok_wrap(mocked.f.loc, 0, cr_bytes("none", 4), cr_bytes(kek, sizeof(kek)), &out, &err).code,
                     CR_E_NOT_FOUND);
    assert_int_equal(tok_wrap(mocked.f.loc, 0, cr_bytes("none", 4), cr_bytes(kek, 16), &out, &err).code, CR_E_INVALID);
}

static void a_wrap_that_fails_says_so_or_is_tried_again(void **state)
{
    static const enum mock_function of[] = {MOCK_C_FindObjectsInit, MOCK_C_GetAttributeValue, MOCK_C_CreateObject,
                                            MOCK_C_DestroyObject};
    static const CK_RV rvs[] = {CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR, CKR_SESSION_HANDLE_INVALID};

    (void)state;
    wrap_prepare(true);
    for (size_t f = 0; f < CR_COUNT(of); f++) {
        for (size_t r = 0; r < CR_COUNT(rvs); r++) {
            struct cr_buf out = {0};
            struct cr_err err = {0};
            cr_status st;
            mocked_heal();
            mock_fail(mocked.counts, of[f], rvs[r], 0, 1);
            st = wrap(&out, &err);
            assert_int_equal(atomic_load(&mocked.counts->of[of[f]].failed), 1);
            mock_fail(mocked.counts, of[f], 0, 0, 0);
            assert_true(cr_failed(st) ? out.p == NULL && strstr(err.text, "CKR_") != NULL : holds_key(&out));
            cr_buf_clear(&out);
        }
    }
    mocked_heal();
    mock_fail(mocked.counts, MOCK_C_WrapKey, CKR_KEY_NOT_WRAPPABLE, 0, 2); /* both mechanisms */
    struct cr_buf out = {0};
    struct cr_err err = {0};
    cr_status st = wrap(&out, &err);
    assert_int_equal(st.code, CR_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "CKR_KEY_NOT_WRAPPABLE"));
    mocked_heal();
    wrap_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_was_made_is_sensitive_and_found_by_its_id),
        cmocka_unit_test(no_failed_call_leaves_a_key),
        cmocka_unit_test(a_key_that_is_not_as_asked_for_is_destroyed),
        cmocka_unit_test(an_id_that_cannot_be_computed_costs_the_key),
        cmocka_unit_test(a_kind_that_the_token_has_not_is_unsupported),
        cmocka_unit_test(only_an_extractable_key_is_wrapped),
        cmocka_unit_test(a_wrap_that_fails_says_so_or_is_tried_again),
    };

    return cmocka_run_group_tests(tests, mocked_setup, mocked_teardown);
}
