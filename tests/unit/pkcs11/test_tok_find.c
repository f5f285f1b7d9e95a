/* SPDX-License-Identifier: Apache-2.0 */
/* Importing, finding and proving, listing, removing; which URIs are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static struct fixture f;

static cr_status find(const char *location, EVP_PKEY *pkey, struct cr_err *err)
{
    struct tok_object *obj = NULL;
    struct tok_key pub = {0};
    cr_status st;

    fixture_numbers(pkey, &pub);
    st = fixture_find(&f, location, &pub, pkey, &obj, err);
    if (cr_failed(st))
        assert_null(obj);
    f.signer->ops->object_unref(&obj);
    tok_key_clear(&pub);
    return st;
}

static void importing_twice_makes_one_key(void **state)
{
    static const char *const names[] = {"RSA:2048", "EC:P-256", "ED25519"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        struct tok_key key = {0};
        struct tok_import what = {.key = &key, .label = "twice"};
        char *first = NULL, *second = NULL;
        bool created = false;
        struct cr_err err = {0};
        fixture_numbers(fixture_key(names[i]), &key);
        assert_int_equal(tok_import(f.loc, 0, &what, &first, &created, &err).code, CR_OK);
        assert_true(created);
        assert_int_equal(tok_import(f.loc, 0, &what, &second, &created, &err).code, CR_OK);
        assert_false(created);
        assert_string_equal(first, second);
        assert_int_equal(tok_location_check(first, &err).code, CR_OK);
        assert_int_equal(find(first, fixture_key(names[i]), &err).code, CR_OK);
        free(first);
        free(second);
        tok_key_clear(&key);
    }
}

static void another_key_under_the_id_is_refused(void **state)
{
    static const char *const names[] = {"RSA:2048", "EC:P-384", "ED25519"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        EVP_PKEY *other = fixture_key_fresh(names[i]);
        struct cr_err err = {0};
        char *location = NULL;
        fixture_import(&f, fixture_key(names[i]), &location);
        assert_int_equal(find(location, other, &err).code, CR_E_INVALID);
        assert_non_null(strstr(err.text, "not the certificate's"));
        assert_int_equal(find(location, fixture_key(i ? "RSA:2048" : "ED25519"), &err).code, CR_E_INVALID);
        EVP_PKEY_free(other);
        free(location);
    }
}

static void two_matches_are_refused(void **state)
{
    EVP_PKEY *a = fixture_key_fresh("EC:P-256"), *b = fixture_key_fresh("EC:P-256");
    struct tok_key key = {0};
    struct tok_import what = {.key = &key, .label = "the same label"};
    struct cr_err err = {0};
    char *location = NULL;
    bool created;

    (void)state;
    fixture_numbers(a, &key);
    assert_int_equal(tok_import(f.loc, 0, &what, &location, &created, &err).code, CR_OK);
    free(location);
    tok_key_clear(&key);
    assert_int_equal(find("pkcs11:token=unit;object=the%20same%20label", a, &err).code, CR_OK);
    fixture_numbers(b, &key);
    assert_int_equal(tok_import(f.loc, 0, &what, &location, &created, &err).code, CR_OK);
    assert_int_equal(find("pkcs11:token=unit;object=the%20same%20label;type=private", a, &err).code, CR_E_AMBIGUOUS);
    assert_int_equal(find(location, b, &err).code, CR_OK);
    free(location);
    tok_key_clear(&key);
    EVP_PKEY_free(a);
    EVP_PKEY_free(b);
}

static void what_is_not_there_is_not_found(void **state)
{
    struct cr_err err = {0};

    (void)state;
    assert_int_equal(find("pkcs11:token=unit;id=%01%02", fixture_key("RSA:2048"), &err).code, CR_E_NOT_FOUND);
    assert_int_equal(find("pkcs11:token=other;id=%01", fixture_key("RSA:2048"), &err).code, CR_E_NOT_FOUND);
    assert_int_equal(find("pkcs11:id=%01;?pin-value=1", fixture_key("RSA:2048"), &err).code, CR_E_INVALID);
}

static const struct tok_item *item_by_id(struct tok_item *items, size_t n, enum tok_class cls, const struct cr_buf *id)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].cls == cls && cr_bytes_equal(cr_buf_bytes(&items[i].id), cr_buf_bytes(id)))
            return &items[i];
    return NULL;
}

static void keys_and_certificates_are_listed_and_removed(void **state)
{
    static const char *const names[] = {"RSA:2048", "EC:P-521", "ED25519"};
    static const unsigned char cert[] = {0x30, 0x03, 0x02, 0x01, 0x05}, name[] = {0x30, 0x00}, serial[] = {2, 1, 1};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        EVP_PKEY *pkey = fixture_key_fresh(names[i]);
        struct tok_key key = {0};
        struct tok_import what = {.key = &key,
                                  .label = "listed",
                                  .cert = cr_bytes(cert, sizeof(cert)),
                                  .subject = cr_bytes(name, 2),
                                  .issuer = cr_bytes(name, 2),
                                  .serial = cr_bytes(serial, 3)};
        struct tok_item *items = NULL;
        const struct tok_item *item;
        struct cr_err err = {0};
        char *location = NULL;
        bool created;
        size_t n = 0;
        cr_status st;
        fixture_numbers(pkey, &key);
        st = tok_import(f.loc, 0, &what, &location, &created, &err);
        assert_string_equal(err.text, "");
        assert_int_equal(st.code, CR_OK);
        assert_int_equal(tok_list(f.loc, 0, &items, &n, &err).code, CR_OK);
        item = item_by_id(items, n, TOK_CLASS_PRIVATE, &key.id);
        assert_non_null(item);
        assert_true(item->sensitive && !item->extractable && !item->always_auth);
        assert_true(tok_key_same_public(&item->key, &key));
        assert_int_equal(item->key.bits, key.bits);
        assert_string_equal(item->location, location);
        assert_string_equal(item->label, "listed");
        item = item_by_id(items, n, TOK_CLASS_CERT, &key.id);
        assert_non_null(item);
        assert_memory_equal(item->cert.p, cert, sizeof(cert));
        tok_items_free(&items, n);
        assert_int_equal(tok_remove(f.loc, 0, cr_buf_bytes(&key.id), cr_bytes(cert, sizeof(cert)), &err).code, CR_OK);
        assert_int_equal(find(location, pkey, &err).code, CR_E_NOT_FOUND);
        assert_int_equal(tok_remove(f.loc, 0, cr_buf_bytes(&key.id), cr_bytes(NULL, 0), &err).code, CR_E_NOT_FOUND);
        tok_key_clear(&key);
        free(location);
        EVP_PKEY_free(pkey);
    }
}

static void token_info_is_trimmed(void **state)
{
    struct tok_info info;
    struct cr_err err = {0};

    (void)state;
    assert_int_equal(tok_token_info(f.loc, 0, &info, &err).code, CR_OK);
    assert_string_equal(info.label, "unit");
    assert_string_equal(info.manufacturer, "SoftHSM project");
    assert_true(info.login_required && info.initialized && info.user_pin_set && !info.pin_locked);
}

static void configuration_that_cannot_work_is_a_clear_error(void **state)
{
    static const struct tok_env ld = {"LD_PRELOAD", "/tmp/x.so"};
    static const struct {
        const char *module, *uri;
        const struct tok_env *env;
        enum cr_code make, warm;
        const char *says;
    } rows[] = {
        {"/nonexistent.so", "pkcs11:", NULL, CR_OK, CR_E_TOKEN, "/nonexistent.so"},
        {FIXTURE_MODULE, "pkcs11:token=nosuch", NULL, CR_OK, CR_E_TOKEN, "nosuch"},
        {FIXTURE_MODULE, "pkcs11:token=a;token=b", NULL, CR_E_INVALID, CR_OK, "twice"},
        {FIXTURE_MODULE, "pkcs11:", &ld, CR_E_REFUSED, CR_OK, "LD_PRELOAD"},
        {"", "pkcs11:", NULL, CR_E_INVALID, CR_OK, "no module"},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct tok_conf conf = {.name = "x",
                                .module = rows[i].module,
                                .token_uri = rows[i].uri,
                                .pin = fixture_pin,
                                .env = rows[i].env,
                                .nenv = rows[i].env != NULL};
        struct tok_local *loc = NULL;
        struct tok_signer *signer;
        struct cr_err err = {0};
        cr_status st = tok_local_new(&conf, 1, &loc, &err);
        assert_int_equal(st.code, rows[i].make);
        if (loc != NULL) {
            assert_int_equal(tok_local_warm(loc, &err).code, rows[i].warm);
            signer = tok_local_signer(loc);
            signer->ops->signer_unref(&signer);
        }
        assert_non_null(strstr(err.text, rows[i].says));
    }
}

static void an_object_outlives_its_signer(void **state)
{
    struct fixture g = f;
    struct tok_object *obj = NULL;
    struct tok_key pub = {0};
    EVP_PKEY *pkey = fixture_key("RSA:2048");
    struct cr_err err = {0};
    char *location = NULL;

    (void)state;
    fixture_open(&g, NULL);
    fixture_import(&g, pkey, &location);
    fixture_numbers(pkey, &pub);
    assert_int_equal(fixture_find(&g, location, &pub, pkey, &obj, &err).code, CR_OK);
    fixture_close(&g);
    assert_int_equal(fixture_sign_verify(&f, obj, pkey, &err).code, CR_OK);
    f.signer->ops->object_unref(&obj);
    tok_key_clear(&pub);
    free(location);
}

static void the_last_user_finalizes_and_the_next_starts_anew(void **state)
{
    char *location = NULL;
    struct cr_err err = {0};

    (void)state;
    fixture_import(&f, fixture_key("RSA:2048"), &location);
    for (int i = 0; i < 3; i++) {
        fixture_close(&f);
        fixture_open(&f, NULL);
        assert_int_equal(find(location, fixture_key("RSA:2048"), &err).code, CR_OK);
    }
    free(location);
}

static void locations_are_checked_strictly(void **state)
{
    static const char *const good[] = {"pkcs11:id=%01", "pkcs11:token=a%20b;serial=1;id=%01%02;type=private",
                                       "pkcs11:object=x", "pkcs11:model=m;manufacturer=n;object=x"};
    static const char *const bad[] = {"",
                                      "pkcs11:",
                                      "id=%01",
                                      "PKCS11:id=%01",
                                      "pkcs11:id=%0",
                                      "pkcs11:id=%zz",
                                      "pkcs11:id=",
                                      "pkcs11:id=%01;",
                                      "pkcs11:;id=%01",
                                      "pkcs11:id=%01;id=%02",
                                      "pkcs11:token=x",
                                      "pkcs11:id=%01;type=cert",
                                      "pkcs11:id=%01;type=nonsense",
                                      "pkcs11:id=%01?pin-value=1",
                                      "pkcs11:id=%01?pin-source=/etc/passwd",
                                      "pkcs11:id=%01?module-path=/x.so",
                                      "pkcs11:id=%01;x-foo=1",
                                      "pkcs11:id=%01;library-manufacturer=x",
                                      "pkcs11:id= %01",
                                      "pkcs11:id=%01\n",
                                      "pkcs11:id=%01;slot-id=1",
                                      "pkcs11:id=\xff",
                                      "file:/etc/passwd"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(good); i++)
        assert_int_equal(tok_location_check(good[i], NULL).code, CR_OK);
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        if (tok_location_check(bad[i], NULL).code != CR_E_INVALID)
            fail_msg("taken: %s", bad[i]);
    }
    assert_int_equal(tok_location_check(NULL, NULL).code, CR_E_INVALID);
}

static int setup(void **state)
{
    (void)state;
    fixture_make(&f);
    fixture_open(&f, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(&f);
    fixture_remove(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(importing_twice_makes_one_key),
        cmocka_unit_test(another_key_under_the_id_is_refused),
        cmocka_unit_test(two_matches_are_refused),
        cmocka_unit_test(what_is_not_there_is_not_found),
        cmocka_unit_test(keys_and_certificates_are_listed_and_removed),
        cmocka_unit_test(token_info_is_trimmed),
        cmocka_unit_test(configuration_that_cannot_work_is_a_clear_error),
        cmocka_unit_test(an_object_outlives_its_signer),
        cmocka_unit_test(the_last_user_finalizes_and_the_next_starts_anew),
        cmocka_unit_test(locations_are_checked_strictly),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
