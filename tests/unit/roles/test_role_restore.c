/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_restore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_cert.h"

#define T0 INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

/* A token role with @name as current. */
static struct role_record *record(const char *name, uint64_t generation)
{
    struct role_record *rec = NULL;
    struct role_cert *cert = fake_cert(name, NULL);

    assert_false(cr_failed(role_record_new("OAuthTokenIssuer", &rec, NULL)));
    rec->use = ROLE_USE_TOKEN;
    rec->max_rsa_bits = ROLE_RSA_BITS_DEFAULT;
    rec->minimum_lead = rec->token_lifetime = -1;
    rec->generation = generation;
    rec->current_since = T0;
    rec->changed.when = T0;
    assert_false(cr_failed(cr_strdup("alice", &rec->changed.who, NULL)));
    role_cert_put(&rec->current, cert);
    role_cert_unref(&cert);
    return rec;
}

static struct role_record *restored(struct role_record *there, const struct role_record *saved, bool *changed)
{
    struct role_record *out = NULL;
    struct cr_err err = {0};

    if (cr_failed(role_record_restore(there, saved, T0 + 9, "bob", &out, changed, &err)))
        fail_msg("%s", err.text);
    return out;
}

static void the_generation_is_above_both(void **state)
{
    static const struct {
        uint64_t there, saved, want; /* there 0: no record */
    } rows[] = {{0, 7, 8}, {3, 7, 8}, {7, 3, 8}, {7, 7, 8}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct role_record *saved = record("A", rows[i].saved), *out;
        struct role_record *there = rows[i].there > 0 ? record("B", rows[i].there) : NULL;
        bool changed = false;

        out = restored(there, saved, &changed);
        assert_true(changed);
        assert_int_equal(out->generation, rows[i].want);
        assert_string_equal(out->current->subject, "CN=A");
        assert_string_equal(out->changed.who, "bob");
        assert_int_equal(out->changed.when, T0 + 9);
        assert_int_equal(saved->generation, rows[i].saved);
        role_record_unref(&out);
        role_record_unref(&saved);
        role_record_unref(&there);
    }
}

static void what_says_the_same_is_left(void **state)
{
    struct role_record *there = record("A", 9), *saved = record("A", 2), *out;
    bool changed = true;

    (void)state;
    out = restored(there, saved, &changed);
    assert_false(changed);
    assert_ptr_equal(out, there);
    role_record_unref(&out);
    role_record_unref(&saved);
    role_record_unref(&there);
}

static void revocations_of_both_stay(void **state)
{
    struct role_record *there = record("A", 9), *saved = record("A", 2), *out;
    char one[65], two[65];
    bool changed = false;

    (void)state;
    fake_spki("one", one);
    fake_spki("two", two);
    assert_false(cr_failed(role_record_add_revoked(there, one, NULL)));
    assert_false(cr_failed(role_record_add_revoked(saved, two, NULL)));
    out = restored(there, saved, &changed);
    assert_true(changed);
    assert_int_equal(out->nrevoked, 2);
    assert_true(role_record_revoked(out, one) && role_record_revoked(out, two));
    assert_int_equal(saved->nrevoked, 1);
    role_record_unref(&out);
    role_record_unref(&saved);
    role_record_unref(&there);
}

static void another_role_or_use_is_refused(void **state)
{
    struct role_record *there = record("A", 1), *saved = record("B", 2), *out = NULL;
    bool changed = false;

    (void)state;
    saved->use = ROLE_USE_TLS;
    assert_int_equal(role_record_restore(there, saved, T0, "bob", &out, &changed, NULL).code, CR_E_REFUSED);
    saved->use = ROLE_USE_TOKEN;
    strcpy(saved->name, "Other");
    assert_int_equal(role_record_restore(there, saved, T0, "bob", &out, &changed, NULL).code, CR_E_REFUSED);
    strcpy(saved->name, there->name);
    saved->generation = INT64_MAX;
    assert_int_equal(role_record_restore(there, saved, T0, "bob", &out, &changed, NULL).code, CR_E_INTERNAL);
    assert_null(out);
    role_record_unref(&saved);
    role_record_unref(&there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generation_is_above_both),
        cmocka_unit_test(what_says_the_same_is_left),
        cmocka_unit_test(revocations_of_both_stay),
        cmocka_unit_test(another_role_or_use_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
