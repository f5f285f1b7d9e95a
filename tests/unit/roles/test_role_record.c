/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_record.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fake_cert.h"

static void names_follow_the_grammar(void **state)
{
    static const struct {
        const char *name;
        bool valid;
    } rows[] = {
        {"OAuthTokenIssuer", true},
        {"a", true},
        {"a1._-", true},
        {"a123456789a123456789a123456789a123456789a123456789a123456789a123", true},
        {"a123456789a123456789a123456789a123456789a123456789a123456789a1234", false},
        {"", false},
        {"1a", false},
        {".a", false},
        {"-a", false},
        {"a/b", false},
        {"a b", false},
        {"a\xc3\xa4", false},
        {"a\n", false},
    };
    struct cr_err err;

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        assert_int_equal(role_name_valid(rows[i].name, strlen(rows[i].name)), rows[i].valid);
        assert_int_equal(role_name_check(rows[i].name, &err).code, rows[i].valid ? CR_OK : CR_E_USAGE);
    }
    assert_int_equal(role_name_check(NULL, &err).code, CR_E_USAGE);
    assert_false(role_name_valid("a\0b", 3));
}

static void kids_are_short_and_printable(void **state)
{
    char text[130];

    (void)state;
    memset(text, 'k', sizeof text);
    text[ROLE_KID_MAX] = '\0';
    assert_true(role_kid_valid(text));
    text[ROLE_KID_MAX] = 'k';
    text[ROLE_KID_MAX + 1] = '\0';
    assert_false(role_kid_valid(text));
    assert_false(role_kid_valid(""));
    assert_false(role_kid_valid("a\tb"));
    assert_false(role_kid_valid("\xc3\xa4"));
    assert_true(role_kid_valid("2026 spring/1"));
}

static void the_kid_is_the_entrys_own_or_by_format(void **state)
{
    struct role_cert *cert = fake_cert("A", NULL);
    char kid[128];

    (void)state;
    /* echo -n | openssl dgst -sha1 -binary | base64: 2jmj7l5rSw0yVb/vlWAYkK/YBwk= */
    strcpy(cert->sha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    role_kid(ROLE_KID_RFC7638, cert, kid);
    assert_string_equal(kid, cert->jkt);
    role_kid(ROLE_KID_X5T, cert, kid);
    assert_string_equal(kid, "2jmj7l5rSw0yVb_vlWAYkK_YBwk");
    role_kid(ROLE_KID_X5T_HEX, cert, kid);
    assert_string_equal(kid, "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709");
    assert_false(cr_failed(cr_strdup("mine", &cert->own_kid, NULL)));
    for (int f = ROLE_KID_RFC7638; f <= ROLE_KID_X5T_HEX; f++) {
        role_kid((enum role_kid_format)f, cert, kid);
        assert_string_equal(kid, "mine");
    }
    role_cert_unref(&cert);
}

static void a_copied_entry_shares_nothing(void **state)
{
    struct role_cert *cert = fake_cert("A", "K"), *copy = NULL;
    struct cr_buf issuer = {0};

    (void)state;
    assert_false(cr_failed(cr_buf_set(&issuer, "CA", 2, NULL)));
    assert_false(cr_failed(role_cert_set_chain(cert, &issuer, 1, NULL)));
    cert->extra = json_pack("{s:s}", "colour", "blue");
    assert_false(cr_failed(role_cert_dup(cert, &copy, NULL)));
    assert_int_equal(copy->refs, 1);
    assert_string_equal(copy->thumbprint, cert->thumbprint);
    assert_string_equal(copy->spki, cert->spki);
    assert_string_equal(copy->subject, "CN=A");
    assert_ptr_not_equal(copy->subject, cert->subject);
    assert_memory_equal(copy->chain[0].p, "CA", 2);
    assert_ptr_not_equal(copy->chain[0].p, cert->chain[0].p);
    assert_string_equal(copy->locations[0], cert->locations[0]);
    assert_true(json_equal(copy->extra, cert->extra));
    assert_ptr_not_equal(copy->extra, cert->extra);
    role_cert_unref(&cert);
    assert_null(cert);
    assert_string_equal(copy->issuer, "CN=Fake CA");
    role_cert_unref(&copy);
    cr_buf_clear(&issuer);
}

static void chain_and_locations_are_replaced_by_copies(void **state)
{
    struct role_cert *cert = fake_cert("A", NULL);
    char *two[] = {"pkcs11:a", "pkcs11:b"};

    (void)state;
    assert_false(cr_failed(role_cert_set_locations(cert, two, 2, NULL)));
    assert_int_equal(cert->nlocations, 2);
    assert_string_equal(cert->locations[1], "pkcs11:b");
    assert_false(cr_failed(role_cert_set_locations(cert, NULL, 0, NULL)));
    assert_int_equal(cert->nlocations, 0);
    assert_false(cr_failed(role_cert_set_chain(cert, NULL, 0, NULL)));
    assert_int_equal(cert->nchain, 0);
    role_cert_unref(&cert);
}

static void references_are_counted(void **state)
{
    struct role_cert *cert = fake_cert("A", NULL), *other = role_cert_ref(cert), *slot = NULL;
    struct role_record *rec = NULL, *again;

    (void)state;
    assert_int_equal(cert->refs, 2);
    role_cert_unref(&other);
    assert_null(other);
    role_cert_put(&slot, cert);
    assert_int_equal(cert->refs, 2);
    role_cert_put(&slot, slot); /* onto itself */
    assert_int_equal(cert->refs, 2);
    role_cert_put(&slot, NULL);
    assert_null(slot);
    assert_int_equal(cert->refs, 1);
    assert_null(role_cert_ref(NULL));
    role_cert_unref(&slot);
    role_cert_unref(NULL);
    role_cert_unref(&cert);

    assert_false(cr_failed(role_record_new("R", &rec, NULL)));
    again = role_record_ref(rec);
    role_record_unref(&again);
    assert_int_equal(rec->refs, 1);
    role_record_unref(&rec);
    assert_null(rec);
    role_record_unref(&rec);
    assert_null(role_record_ref(NULL));
}

static void *take_and_give(void *arg)
{
    struct role_record *shared = arg;

    for (int i = 0; i < 20000; i++) {
        struct role_record *mine = role_record_ref(shared);
        struct role_cert *cert = role_cert_ref(mine->current);

        role_record_unref(&mine);
        role_cert_unref(&cert);
    }
    return NULL;
}

static void references_are_counted_across_threads(void **state)
{
    struct role_record *rec = NULL;
    pthread_t threads[4];

    (void)state;
    assert_false(cr_failed(role_record_new("R", &rec, NULL)));
    rec->current = fake_cert("A", NULL);
    for (size_t i = 0; i < CR_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, rec), 0);
    for (size_t i = 0; i < CR_COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(rec->refs, 1);
    assert_int_equal(rec->current->refs, 1);
    role_record_unref(&rec);
}

static void a_copied_record_shares_entries_alone(void **state)
{
    struct role_record *rec = NULL, *copy = NULL;
    char spki[65];

    (void)state;
    assert_false(cr_failed(role_record_new("R", &rec, NULL)));
    assert_int_equal(rec->minimum_lead, -1);
    assert_int_equal(rec->token_lifetime, -1);
    rec->current = fake_cert("A", NULL);
    fake_spki("bad", spki);
    assert_false(cr_failed(role_record_add_revoked(rec, spki, NULL)));
    assert_false(cr_failed(role_record_add_revoked(rec, spki, NULL)));
    assert_int_equal(rec->nrevoked, 1);
    assert_false(cr_failed(cr_strdup("alice", &rec->changed.who, NULL)));
    assert_false(cr_failed(role_record_dup(rec, &copy, NULL)));
    assert_ptr_equal(copy->current, rec->current);
    assert_int_equal(rec->current->refs, 2);
    assert_ptr_not_equal(copy->revoked, rec->revoked);
    assert_ptr_not_equal(copy->changed.who, rec->changed.who);
    role_record_unref(&rec);
    assert_true(role_record_revoked(copy, spki));
    assert_false(role_record_revoked(copy, copy->current->spki));
    assert_string_equal(copy->changed.who, "alice");
    assert_ptr_equal(role_record_slot(copy, ROLE_CURRENT), copy->current);
    assert_null(role_record_slot(copy, ROLE_PREVIOUS));
    assert_null(role_record_slot(copy, ROLE_NEXT));
    role_record_unref(&copy);
}

static void a_record_needs_a_valid_name(void **state)
{
    struct role_record *rec = NULL;
    struct cr_err err;

    (void)state;
    assert_int_equal(role_record_new("no name", &rec, &err).code, CR_E_USAGE);
    assert_null(rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_follow_the_grammar),
        cmocka_unit_test(kids_are_short_and_printable),
        cmocka_unit_test(the_kid_is_the_entrys_own_or_by_format),
        cmocka_unit_test(a_copied_entry_shares_nothing),
        cmocka_unit_test(chain_and_locations_are_replaced_by_copies),
        cmocka_unit_test(references_are_counted),
        cmocka_unit_test(references_are_counted_across_threads),
        cmocka_unit_test(a_copied_record_shares_entries_alone),
        cmocka_unit_test(a_record_needs_a_valid_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
