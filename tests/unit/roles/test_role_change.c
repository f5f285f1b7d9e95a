/* SPDX-License-Identifier: Apache-2.0 */
/* What a scenario cannot see: ownership, immutability, who and when, error codes. The boundary cases are in
 * tests/scenario. */
#include "roles/role_change.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_cert.h"
#include "roles/role_codec.h"

#define T0 INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

static const struct role_policy policy = {.retain_previous = 100, .max_rsa_bits = 4096}; /* no lead time */

static struct role_record *change(struct role_record *old, enum role_verb verb, struct role_cert *cert,
                                  int64_t effective, int64_t now, struct role_outcome *outcome)
{
    struct role_intent intent = {.verb = verb, .cert = cert, .effective = effective, .who = "alice", .policy = policy};
    struct role_record *out = NULL;
    struct cr_err err = {0};

    if (cr_failed(role_change("OAuthTokenIssuer", old, &intent, now, &out, outcome, &err)))
        fail_msg("%s", err.text);
    return out;
}

static void a_change_leaves_the_old_record_alone(void **state)
{
    struct role_cert *a = fake_cert("A", NULL), *b = fake_cert("B", NULL);
    struct role_outcome o;
    struct role_record *first = change(NULL, ROLE_ASSIGN, a, 0, T0, &o), *second;
    struct cr_buf before = {0}, after = {0};

    (void)state;
    assert_false(cr_failed(role_record_write(first, &before, NULL)));
    second = change(first, ROLE_ASSIGN, b, 0, T0 + 5, &o);
    assert_true(o.changed);
    assert_ptr_not_equal(first, second);
    assert_false(cr_failed(role_record_write(first, &after, NULL)));
    assert_string_equal((char *)before.p, (char *)after.p);
    assert_ptr_equal(second->previous, first->current); /* entries are shared */
    assert_int_equal(second->generation, 2);
    assert_string_equal(second->changed.who, "alice");
    assert_int_equal(second->changed.when, T0 + 5);
    role_record_unref(&first);
    role_record_unref(&second);
    assert_int_equal(a->refs, 1);
    assert_int_equal(b->refs, 1);
    role_cert_unref(&a);
    role_cert_unref(&b);
    cr_buf_clear(&before);
    cr_buf_clear(&after);
}

static void an_unchanged_record_is_the_old_one(void **state)
{
    struct role_cert *a = fake_cert("A", NULL);
    struct role_outcome o;
    struct role_record *first = change(NULL, ROLE_ASSIGN, a, 0, T0, &o), *again;

    (void)state;
    again = change(first, ROLE_ASSIGN, a, 0, T0 + 5, &o);
    assert_false(o.changed);
    assert_ptr_equal(again, first);
    assert_int_equal(first->refs, 2);
    role_record_unref(&again);
    role_record_unref(&first);
    role_cert_unref(&a);
}

static void an_unchanged_due_record_is_the_old_one_too(void **state)
{
    struct role_cert *a = fake_cert("A", NULL), *b = fake_cert("B", NULL);
    struct role_outcome o;
    struct role_record *first = change(NULL, ROLE_ASSIGN, a, 0, T0, &o), *due, *again;

    (void)state;
    due = change(first, ROLE_ROLL, b, T0 + 10, T0, &o);
    again = change(due, ROLE_ASSIGN, b, 0, T0 + 10, &o); /* already so, by the date */
    assert_false(o.changed);
    assert_ptr_equal(again, due);
    role_record_unref(&again);
    again = change(due, ROLE_SETTLE, NULL, 0, T0 + 10, &o);
    assert_true(o.changed);
    assert_int_equal(again->generation, due->generation + 1);
    assert_null(again->next);
    role_record_unref(&again);
    role_record_unref(&due);
    role_record_unref(&first);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void a_refusal_touches_nothing(void **state)
{
    static const struct {
        const char *name;
        enum role_verb verb;
        bool cert, old;
        enum cr_code code;
    } rows[] = {
        {"no name", ROLE_ASSIGN, true, false, CR_E_USAGE},
        {"Partner", ROLE_ASSIGN, true, false, CR_E_USAGE},
        {"Default", ROLE_ASSIGN, false, false, CR_E_NOT_FOUND},
        {"Default", ROLE_CANCEL, false, false, CR_E_NOT_FOUND},
        {"Default", ROLE_REVOKE, false, false, CR_E_NOT_FOUND},
        {"Default", ROLE_SETTLE, false, false, CR_E_NOT_FOUND},
        {"Default", ROLE_ROLL_NOW, false, false, CR_E_NOT_FOUND},
        {"Default", ROLE_ROLL, true, false, CR_E_REFUSED},
        {"Default", ROLE_ASSIGN, false, true, CR_E_USAGE},
        {"Default", ROLE_ROLL, false, true, CR_E_USAGE},
        {"Default", ROLE_CHAIN, false, true, CR_E_USAGE},
        {"Default", ROLE_CHAIN, true, true, CR_E_NOT_FOUND},
        {"Default", ROLE_REVOKE, false, true, CR_E_USAGE},
        {"Default", ROLE_ROLLBACK, false, true, CR_E_REFUSED},
        {"Default", (enum role_verb)99, true, true, CR_E_INTERNAL},
    };
    struct role_cert *a = fake_cert("A", NULL), *z = fake_cert("Z", NULL);
    struct role_intent first = {.verb = ROLE_ASSIGN, .cert = a, .who = "alice", .policy = policy};
    struct role_record *old = NULL;
    struct role_outcome o;

    (void)state;
    assert_false(cr_failed(role_change("Default", NULL, &first, T0, &old, &o, NULL)));
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct role_intent intent = {.verb = rows[i].verb,
                                     .cert = rows[i].cert ? z : NULL,
                                     .effective = T0 + 10,
                                     .who = "alice",
                                     .policy = policy};
        struct role_outcome untouched = {.nwarnings = 77};
        struct role_record *out = NULL;
        struct cr_err err = {0};
        cr_status st = role_change(rows[i].name, rows[i].old ? old : NULL, &intent, T0, &out, &untouched, &err);

        if (st.code != rows[i].code || err.code != rows[i].code)
            fail_msg("row %zu: %d %s", i, (int)st.code, err.text);
        assert_null(out);
        assert_int_equal(untouched.nwarnings, 77);
    }
    assert_int_equal(old->refs, 1);
    role_record_unref(&old);
    role_cert_unref(&a);
    assert_int_equal(z->refs, 1);
    role_cert_unref(&z);
}

static void the_policy_is_stored_at_the_first_assignment(void **state)
{
    struct role_cert *a = fake_cert("A", NULL);
    struct role_intent intent = {
        .verb = ROLE_ASSIGN,
        .cert = a,
        .who = "alice",
        .policy = {
            .retain_previous = 9 * 86400, .token_lifetime = 3600, .minimum_lead = 5, .kid_format = ROLE_KID_X5T_HEX}};
    struct role_record *rec = NULL;
    struct role_outcome o;

    (void)state;
    assert_false(cr_failed(role_change("Default", NULL, &intent, T0, &rec, &o, NULL)));
    assert_int_equal(rec->retain_previous, 9 * 86400);
    assert_int_equal(rec->kid_format, ROLE_KID_X5T_HEX);
    assert_int_equal(rec->max_rsa_bits, ROLE_RSA_BITS_DEFAULT);
    assert_int_equal(rec->minimum_lead, -1); /* configuration's, whatever it will be */
    assert_int_equal(rec->token_lifetime, -1);
    assert_int_equal(rec->scope, ROLE_SCOPE_LOCAL);
    assert_int_equal(rec->binding, ROLE_BIND_PINNED);
    role_record_unref(&rec);
    role_cert_unref(&a);
}

static void unknown_members_survive_a_change(void **state)
{
    struct role_cert *a = fake_cert("A", NULL), *b = fake_cert("B", NULL);
    struct role_outcome o;
    struct role_record *first = change(NULL, ROLE_ASSIGN, a, 0, T0, &o), *second;

    (void)state;
    first->extra = json_pack("{s:s}", "future", "member");
    second = change(first, ROLE_ASSIGN, b, 0, T0, &o);
    assert_true(json_equal(second->extra, first->extra));
    role_record_unref(&first);
    role_record_unref(&second);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

/* A revocation may stand in a record before any change took the key out of its slot. */
static void settling_takes_a_marked_key_out(void **state)
{
    struct role_cert *a = fake_cert("A", NULL), *b = fake_cert("B", NULL);
    struct role_outcome o;
    struct role_record *rec = change(NULL, ROLE_ASSIGN, a, 0, T0, &o), *out;
    struct role_view before, after;

    (void)state;
    assert_false(cr_failed(role_record_add_revoked(rec, a->spki, NULL)));
    role_resolve(rec, T0, NULL, &before);
    out = change(rec, ROLE_SETTLE, NULL, 0, T0, &o);
    assert_null(out->current);
    assert_string_equal(out->current_revoked, a->spki);
    role_resolve(out, T0, NULL, &after);
    assert_true(before.current_revoked && after.current_revoked);
    role_record_unref(&out);
    out = change(rec, ROLE_ASSIGN, b, 0, T0, &o); /* and it never becomes previous */
    assert_null(out->previous);
    assert_string_equal(out->current_revoked, "");
    role_record_unref(&out);
    role_record_unref(&rec);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void a_location_is_needed(void **state)
{
    struct role_cert *a = fake_cert("A", NULL);
    struct role_outcome o;
    struct role_record *rec = change(NULL, ROLE_ASSIGN, a, 0, T0, &o), *out = NULL;
    struct role_intent intent = {.verb = ROLE_LOCATION, .cert = a, .who = "alice"};

    (void)state;
    assert_false(cr_failed(role_cert_dup(rec->current, &intent.cert, NULL)));
    assert_false(cr_failed(role_cert_set_locations(intent.cert, NULL, 0, NULL)));
    assert_int_equal(role_change("OAuthTokenIssuer", rec, &intent, T0, &out, &o, NULL).code, CR_E_USAGE);
    assert_null(out);
    role_cert_unref(&intent.cert);
    role_record_unref(&rec);
    role_cert_unref(&a);
}

static void the_last_generation_is_the_last(void **state)
{
    struct role_cert *a = fake_cert("A", NULL), *b = fake_cert("B", NULL);
    struct role_intent intent = {.verb = ROLE_ASSIGN, .cert = b, .who = "alice", .policy = policy};
    struct role_outcome o;
    struct role_record *rec = change(NULL, ROLE_ASSIGN, a, 0, T0, &o), *out = NULL;

    (void)state;
    rec->generation = INT64_MAX;
    assert_int_equal(role_change("OAuthTokenIssuer", rec, &intent, T0, &out, &o, NULL).code, CR_E_INTERNAL);
    assert_null(out);
    role_record_unref(&rec);
    role_cert_unref(&a);
    role_cert_unref(&b);
}

static void a_policy_out_of_range_is_refused(void **state)
{
    struct role_cert *a = fake_cert("A", NULL);
    struct role_intent intent = {.verb = ROLE_POLICY, .who = "alice", .policy = {.retain_previous = INT64_MAX}};
    struct role_outcome o;
    struct role_record *rec = change(NULL, ROLE_ASSIGN, a, 0, T0, &o), *out = NULL;

    (void)state;
    assert_int_equal(role_change("OAuthTokenIssuer", rec, &intent, T0, &out, &o, NULL).code, CR_E_USAGE);
    role_record_unref(&rec);
    role_cert_unref(&a);
}

static bool same_key(const struct role_cert *a, const struct role_cert *b)
{
    return a != NULL && b != NULL && strcmp(a->spki, b->spki) == 0;
}

/* Who signs from this change on was known to verifiers for @lead seconds, or was just current. */
static void assert_lead_kept(const struct role_record *before, const struct role_record *after, int64_t now,
                             int64_t lead)
{
    struct role_view was, is;

    role_resolve(before, now, NULL, &was);
    role_resolve(after, now, NULL, &is);
    if (was.current == NULL || is.current == NULL || same_key(was.current, is.current))
        return;
    assert_true(same_key(was.previous, is.current) || (same_key(was.next, is.current) && now - was.next_since >= lead));
}

/* Ten thousand changes from a seeded generator: whatever is accepted can be written, reads back, and no certificate
 * stands in two slots of the answer (next may be previous). */
static void random_changes_keep_the_invariants(void **state)
{
    const struct role_policy strict = {
        .retain_previous = 100, .minimum_lead = 120, .token_lifetime = 60, .max_rsa_bits = 4096};
    struct role_cert *certs[6];
    struct role_record *rec = NULL;
    unsigned unforced = 0;
    uint64_t seed = 42;
    int64_t now = T0;

    (void)state;
    for (size_t i = 0; i < CR_COUNT(certs); i++) {
        char name[2] = {(char)('A' + i), '\0'};

        certs[i] = fake_cert(name, i == 5 ? "A" : NULL); /* F renews A's key */
    }
    for (unsigned step = 0; step < 10000; step++) {
        struct role_intent intent = {.who = "alice", .policy = strict};
        struct role_record *out = NULL;
        struct role_outcome o;
        struct role_view v;
        struct cr_buf text = {0};
        uint64_t r = seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;

        intent.verb = (enum role_verb)((r >> 33) % 11);
        intent.cert = (r >> 40) % 5 == 0 ? NULL : certs[(r >> 45) % 6];
        intent.effective = now + (int64_t)((r >> 20) % 400) - 100;
        intent.has_slot = (r >> 50) & 1;
        intent.slot = (enum role_slot)((r >> 51) % 3);
        intent.force = (r >> 55) & 1;
        if (intent.verb == ROLE_REVOKE && step % 8 == 0)
            intent.spki = certs[(r >> 30) % 6]->spki;
        now += (int64_t)((r >> 10) % 200) - 50;
        if (cr_failed(role_change("OAuthTokenIssuer", rec, &intent, now, &out, &o, NULL)))
            continue;
        if (rec != NULL && !intent.force && intent.verb != ROLE_REVOKE) {
            assert_lead_kept(rec, out, now, strict.minimum_lead);
            unforced += o.changed && (intent.verb == ROLE_ASSIGN || intent.verb == ROLE_ROLL_NOW);
        }
        assert_int_equal(out->generation, (rec != NULL ? rec->generation : 0) + (o.changed ? 1 : 0));
        role_record_unref(&rec);
        rec = out;
        assert_false(cr_failed(role_record_write(rec, &text, NULL)));
        cr_buf_clear(&text);
        role_resolve(rec, now, NULL, &v);
        assert_false(role_cert_same(v.current, v.previous));
        assert_false(role_cert_same(v.current, v.next));
        assert_true(v.good_until > now);
        if (rec->nrevoked > 3) /* or nothing is left to try */
            role_record_unref(&rec);
    }
    assert_true(unforced > 100);
    role_record_unref(&rec);
    for (size_t i = 0; i < CR_COUNT(certs); i++) {
        assert_int_equal(certs[i]->refs, 1);
        role_cert_unref(&certs[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_leaves_the_old_record_alone),
        cmocka_unit_test(an_unchanged_record_is_the_old_one),
        cmocka_unit_test(an_unchanged_due_record_is_the_old_one_too),
        cmocka_unit_test(a_refusal_touches_nothing),
        cmocka_unit_test(the_policy_is_stored_at_the_first_assignment),
        cmocka_unit_test(unknown_members_survive_a_change),
        cmocka_unit_test(settling_takes_a_marked_key_out),
        cmocka_unit_test(a_location_is_needed),
        cmocka_unit_test(the_last_generation_is_the_last),
        cmocka_unit_test(a_policy_out_of_range_is_refused),
        cmocka_unit_test(random_changes_keep_the_invariants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
