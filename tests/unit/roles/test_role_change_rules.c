/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_change_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fake_cert.h"

struct fixture {
    struct role_making m;
    struct role_intent intent;
    struct role_outcome outcome;
};

static int setup(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    f.m.intent = &f.intent;
    f.m.outcome = &f.outcome;
    if (cr_failed(role_record_new("R", &f.m.rec, NULL)))
        return -1;
    f.m.rec->max_rsa_bits = 4096;
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    role_record_unref(&f->m.rec);
    return 0;
}

static void warnings_stop_when_the_room_ends(void **state)
{
    struct fixture *f = *state;

    for (unsigned i = 0; i < 6; i++)
        role_warn(&f->m, "%0300u", i);
    assert_int_equal(f->outcome.nwarnings, 4);
    assert_int_equal(strlen(f->outcome.warnings[3]), 255);
}

static void force_turns_refusals_into_notes(void **state)
{
    struct fixture *f = *state;
    struct cr_err err;

    assert_int_equal(role_override(&f->m, "one", &err, "no %d", 1).code, CR_E_REFUSED);
    assert_string_equal(err.text, "role R: no 1 (force overrides this)");
    assert_string_equal(f->outcome.overridden, "");
    f->intent.force = true;
    assert_false(cr_failed(role_override(&f->m, "one", &err, "no")));
    assert_false(cr_failed(role_override(&f->m, "two", &err, "no")));
    assert_string_equal(f->outcome.overridden, "one; two");
    for (unsigned i = 0; i < 100; i++) /* never past its end */
        assert_false(cr_failed(role_override(&f->m, "a long name of a rule", &err, "no")));
    assert_int_equal(strlen(f->outcome.overridden), sizeof f->outcome.overridden - 1);
}

static void a_live_role_follows_only_to_its_kind(void **state)
{
    static const struct {
        const char *from, *to;
        bool live, ok;
    } rows[] = {
        {"rsa:2048", "rsa:2048", true, true},  {"rsa:2048", "rsa:4096", true, true},
        {"rsa:4096", "rsa:2048", true, true},  {"rsa:2048", "rsa:4097", true, false},
        {"rsa:2048", "ec:P-256", true, false}, {"ec:P-256", "rsa:2048", true, false},
        {"ec:P-256", "ec:P-256", true, true},  {"ec:P-256", "ec:P-384", true, false},
        {"ed25519", "ed25519", true, true},    {"ed25519", "ec:P-256", true, false},
        {"rsa:2048", "ec:P-256", false, true}, {"rsa:2048", "rsa:16384", false, true},
        {NULL, "ec:P-256", true, true},        {NULL, "rsa:8192", true, false},
    };
    struct fixture *f = *state;
    struct cr_err err;

    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct role_cert *a = rows[i].from != NULL ? fake_cert("A", NULL) : NULL, *b = fake_cert("B", NULL);

        if (a != NULL)
            strcpy(a->key, rows[i].from);
        strcpy(b->key, rows[i].to);
        f->m.rec->binding = rows[i].live ? ROLE_BIND_LIVE : ROLE_BIND_PINNED;
        assert_int_equal(role_rule_enters(&f->m, a, b, FAKE_FROM, &err).code, rows[i].ok ? CR_OK : CR_E_REFUSED);
        role_cert_unref(&a);
        role_cert_unref(&b);
    }
}

static void a_certificate_is_valid_from_its_first_to_before_its_last_second(void **state)
{
    static const struct {
        int64_t at;
        bool ok;
    } rows[] = {{FAKE_FROM - 1, false}, {FAKE_FROM, true}, {FAKE_UNTIL - 1, true}, {FAKE_UNTIL, false}};
    struct role_cert *a = fake_cert("A", NULL);
    struct fixture *f = *state;
    struct cr_err err;

    for (size_t i = 0; i < CR_COUNT(rows); i++)
        assert_int_equal(role_rule_enters(&f->m, NULL, a, rows[i].at, &err).code, rows[i].ok ? CR_OK : CR_E_REFUSED);
    role_cert_unref(&a);
}

static void a_revoked_key_is_refused_from_either_list(void **state)
{
    struct role_cert *a = fake_cert("A", NULL), *b = fake_cert("B", NULL), *c = fake_cert("C", NULL);
    struct fixture *f = *state;
    struct cr_bytes list[1] = {cr_bytes_str(b->spki)};
    struct cr_err err;

    assert_false(cr_failed(role_record_add_revoked(f->m.rec, a->spki, NULL)));
    f->intent.revoked_spkis = list;
    f->intent.nrevoked_spkis = 1;
    f->intent.force = true; /* which changes nothing */
    assert_int_equal(role_rule_not_revoked(&f->m, a, &err).code, CR_E_REVOKED);
    assert_int_equal(role_rule_not_revoked(&f->m, b, &err).code, CR_E_REVOKED);
    assert_false(cr_failed(role_rule_not_revoked(&f->m, c, &err)));
    role_cert_unref(&a);
    role_cert_unref(&b);
    role_cert_unref(&c);
}

static void generations_are_compared_exactly(void **state)
{
    struct fixture *f = *state;
    struct cr_err err;

    f->m.rec->generation = 5;
    assert_false(cr_failed(role_rule_generation(f->m.rec, &f->intent, "R", &err)));
    f->intent.if_generation_set = true;
    f->intent.if_generation = 5;
    assert_false(cr_failed(role_rule_generation(f->m.rec, &f->intent, "R", &err)));
    f->intent.if_generation = 6;
    assert_int_equal(role_rule_generation(f->m.rec, &f->intent, "R", &err).code, CR_E_CHANGED);
    assert_non_null(strstr(err.text, "changed by somebody at 1970-01-01T00:00:00Z"));
    assert_int_equal(role_rule_generation(NULL, &f->intent, "R", &err).code, CR_E_CHANGED);
    f->intent.if_generation = 0;
    assert_false(cr_failed(role_rule_generation(NULL, &f->intent, "R", &err)));
}

static void different_keys_need_different_kids(void **state)
{
    struct fixture *f = *state;
    struct cr_err err;

    f->m.rec->current = fake_cert("A", NULL);
    f->m.rec->previous = fake_cert("B", NULL);
    f->m.rec->next = fake_cert("C", "A"); /* a renewal: same key, same kid */
    assert_false(cr_failed(role_rule_kids(&f->m, &err)));
    assert_false(cr_failed(cr_strdup(f->m.rec->current->jkt, &f->m.rec->previous->own_kid, NULL)));
    assert_int_equal(role_rule_kids(&f->m, &err).code, CR_E_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(warnings_stop_when_the_room_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(force_turns_refusals_into_notes, setup, teardown),
        cmocka_unit_test_setup_teardown(a_live_role_follows_only_to_its_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(a_certificate_is_valid_from_its_first_to_before_its_last_second, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_revoked_key_is_refused_from_either_list, setup, teardown),
        cmocka_unit_test_setup_teardown(generations_are_compared_exactly, setup, teardown),
        cmocka_unit_test_setup_teardown(different_keys_need_different_kids, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
