/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_resolve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "fake_cert.h"

#define DAY INT64_C(86400)

/* Slots are named by letters, "-" is empty; @revoked lists letters of revoked keys. Times are in seconds from 0. */
struct row {
    const char *name;
    char current, previous, next;
    int64_t since, until, scheduled, effective, retain, lifetime;
    const char *revoked;
    int64_t now;
    /* what it answers */
    char want_current, want_previous, want_next;
    int64_t want_since, want_until, want_good;
    bool rolled, want_revoked;
};

#define NEVER CR_TIME_NEVER

static const struct row rows[] = {
    {"empty", '-', '-', '-', 0, 0, 0, 0, 10, -1, "", 5, '-', '-', '-', 0, 0, NEVER, false, false},
    {"current alone", 'A', '-', '-', 1, 0, 0, 0, 10, -1, "", 5, 'A', '-', '-', 1, 0, NEVER, false, false},
    {"before the date", 'A', '-', 'B', 1, 0, 2, 100, 10, -1, "", 99, 'A', '-', 'B', 1, 0, 100, false, false},
    {"at the date", 'A', '-', 'B', 1, 0, 2, 100, 10, -1, "", 100, 'B', 'A', '-', 100, 110, 110, true, false},
    {"retention's last", 'A', '-', 'B', 1, 0, 2, 100, 10, -1, "", 109, 'B', 'A', '-', 100, 110, 110, true, false},
    {"retention over", 'A', '-', 'B', 1, 0, 2, 100, 10, -1, "", 110, 'B', '-', '-', 100, 0, NEVER, true, false},
    {"no retention", 'A', '-', 'B', 1, 0, 2, 100, 0, -1, "", 100, 'B', '-', '-', 100, 0, NEVER, true, false},
    {"tokens live longer", 'A', '-', 'B', 1, 0, 2, 100, 10, 60, "", 100, 'B', 'A', '-', 100, 460, 460, true, false},
    {"retention is longer", 'A', '-', 'B', 1, 0, 2, 100, 999, 60, "", 100, 'B', 'A', '-', 100, 1099, 1099, true, false},
    {"previous until", 'A', 'P', '-', 1, 50, 0, 0, 10, -1, "", 49, 'A', 'P', '-', 1, 50, 50, false, false},
    {"previous is gone", 'A', 'P', '-', 1, 50, 0, 0, 10, -1, "", 50, 'A', '-', '-', 1, 0, NEVER, false, false},
    {"until before date", 'A', 'P', 'B', 1, 50, 2, 100, 10, -1, "", 20, 'A', 'P', 'B', 1, 50, 50, false, false},
    {"date before until", 'A', 'P', 'B', 1, 150, 2, 100, 10, -1, "", 20, 'A', 'P', 'B', 1, 150, 100, false, false},
    {"flip evicts", 'A', 'P', 'B', 1, 150, 2, 100, 10, -1, "", 100, 'B', 'A', '-', 100, 110, 110, true, false},
    {"flip of an empty role",
     '-',
     'P',
     'B',
     0,
     150,
     2,
     100,
     10,
     -1,
     "",
     100,
     'B',
     'P',
     '-',
     100,
     150,
     150,
     true,
     false},
    {"back to previous", 'A', 'P', 'P', 1, 150, 2, 100, 10, -1, "", 99, 'A', 'P', 'P', 1, 150, 100, false, false},
    {"back is done", 'A', 'P', 'P', 1, 150, 2, 100, 10, -1, "", 100, 'P', 'A', '-', 100, 110, 110, true, false},
    {"back, empty current", '-', 'P', 'P', 0, 150, 2, 100, 10, -1, "", 100, 'P', '-', '-', 100, 0, NEVER, true, false},
    {"current revoked", 'A', 'P', 'B', 1, 50, 2, 100, 10, -1, "A", 20, '-', 'P', 'B', 0, 50, 50, false, true},
    {"flip over revoked", 'A', 'P', 'B', 1, 150, 2, 100, 10, -1, "A", 100, 'B', 'P', '-', 100, 150, 150, true, false},
    {"previous revoked", 'A', 'P', 'B', 1, 50, 2, 100, 10, -1, "P", 20, 'A', '-', 'B', 1, 0, 100, false, false},
    {"next revoked", 'A', '-', 'B', 1, 0, 2, 100, 10, -1, "B", 200, 'A', '-', '-', 1, 0, NEVER, false, false},
    {"all revoked", 'A', 'P', 'B', 1, 500, 2, 100, 10, -1, "ABP", 200, '-', '-', '-', 0, 0, NEVER, false, true},
    {"before 2038", 'A', '-', 'B', 1, 0, 2,          2147483648, DAY,  -1, "",
     2147483647,    'A', '-', 'B', 1, 0, 2147483648, false,      false},
    {"in 2038", 'A',  '-',        'B', 1,   0,   2,          2147483648,       DAY,
     -1,        "",   2147483648, 'B', 'A', '-', 2147483648, 2147483648 + DAY, 2147483648 + DAY,
     true,      false},
    {"end of time", 'A', '-', 'B',           1,     0,     2,    ROLE_TIME_MAX, DAY, -1, "", ROLE_TIME_MAX,
     'B',           'A', '-', ROLE_TIME_MAX, NEVER, NEVER, true, false},
    {"never until", 'A', 'P', '-', 1, NEVER, 0,     0,     DAY,  -1, "",
     NEVER - 1,     'A', 'P', '-', 1, NEVER, NEVER, false, false},
};

static struct role_cert *slot_of(char letter)
{
    char name[2] = {letter, '\0'};

    return letter == '-' ? NULL : fake_cert(name, NULL);
}

static char letter_of(const struct role_cert *cert)
{
    return cert == NULL ? '-' : cert->subject[3];
}

static struct role_record *record_of(const struct row *r)
{
    struct role_record *rec = NULL;

    assert_false(cr_failed(role_record_new("R", &rec, NULL)));
    rec->current = slot_of(r->current);
    rec->previous = slot_of(r->previous);
    rec->next = slot_of(r->next);
    rec->current_since = r->since;
    rec->previous_until = r->until;
    rec->next_since = r->scheduled;
    rec->next_effective = r->effective;
    rec->retain_previous = r->retain;
    rec->token_lifetime = r->lifetime;
    for (const char *p = r->revoked; *p != '\0'; p++) {
        char name[2] = {*p, '\0'}, spki[65];

        fake_spki(name, spki);
        assert_false(cr_failed(role_record_add_revoked(rec, spki, NULL)));
    }
    return rec;
}

static void check_row(const struct row *r, const struct role_view *v)
{
    if (letter_of(v->current) != r->want_current || letter_of(v->previous) != r->want_previous ||
        letter_of(v->next) != r->want_next)
        fail_msg("%s: %c %c %c", r->name, letter_of(v->current), letter_of(v->previous), letter_of(v->next));
    if (v->current_since != r->want_since || v->previous_until != r->want_until || v->good_until != r->want_good)
        fail_msg("%s: since %lld until %lld good %lld", r->name, (long long)v->current_since,
                 (long long)v->previous_until, (long long)v->good_until);
    if (v->rolled != r->rolled || v->current_revoked != r->want_revoked)
        fail_msg("%s: rolled %d, revoked %d", r->name, v->rolled, v->current_revoked);
    if ((v->next != NULL) != (v->next_effective != 0))
        fail_msg("%s: a date without next", r->name);
}

static void the_answer_follows_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct role_record *rec = record_of(&rows[i]);
        struct role_seen seen = {0};
        struct role_view v;

        role_resolve(rec, rows[i].now, NULL, &v);
        check_row(&rows[i], &v);
        role_resolve(rec, rows[i].now, &seen, &v); /* a fresh memory changes nothing */
        check_row(&rows[i], &v);
        role_record_unref(&rec);
    }
}

static const struct row rolling = {.current = 'A',
                                   .previous = '-',
                                   .next = 'B',
                                   .since = 1,
                                   .scheduled = 2,
                                   .effective = 100,
                                   .retain = 10,
                                   .lifetime = -1,
                                   .revoked = ""};

static void a_roll_that_was_seen_is_not_unseen(void **state)
{
    struct role_record *rec = record_of(&rolling);
    struct role_seen seen = {0};
    struct role_view v;

    (void)state;
    role_resolve(rec, 99, &seen, &v);
    assert_int_equal(letter_of(v.current), 'A');
    role_resolve(rec, 100, &seen, &v);
    role_resolve(rec, 3, &seen, &v);
    assert_true(v.rolled);
    assert_int_equal(letter_of(v.current), 'B');
    assert_int_equal(letter_of(v.previous), 'A');
    assert_int_equal(v.previous_until, 110);
    assert_int_equal(v.good_until, 110);
    role_resolve(rec, 3, NULL, &v); /* another process */
    assert_int_equal(letter_of(v.current), 'A');
    role_record_unref(&rec);
}

static void an_unrelated_change_keeps_the_memory(void **state)
{
    struct role_record *rec = record_of(&rolling);
    struct role_seen seen = {0};
    struct role_view v;

    (void)state;
    role_resolve(rec, 100, &seen, &v);
    rec->generation++;
    rec->retain_previous = 20;
    role_resolve(rec, 50, &seen, &v);
    assert_int_equal(letter_of(v.current), 'B');
    assert_int_equal(v.previous_until, 120);
    role_record_unref(&rec);
}

static void another_schedule_starts_afresh(void **state)
{
    static const struct {
        int64_t scheduled, effective;
        char next;
    } others[] = {{3, 100, 'B'}, {2, 101, 'B'}, {2, 100, 'C'}, {0, 0, '-'}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(others); i++) {
        struct role_record *rec = record_of(&rolling), *other;
        struct row changed = rolling;
        struct role_seen seen = {0};
        struct role_view v;

        changed.scheduled = others[i].scheduled;
        changed.effective = others[i].effective;
        changed.next = others[i].next;
        other = record_of(&changed);
        role_resolve(rec, 100, &seen, &v);
        role_resolve(other, 50, &seen, &v);
        assert_int_equal(letter_of(v.current), 'A');
        role_resolve(rec, 50, &seen, &v); /* the first schedule again: forgotten too */
        assert_int_equal(letter_of(v.current), 'A');
        role_record_unref(&rec);
        role_record_unref(&other);
    }
}

static void a_revoked_next_is_unseen(void **state)
{
    struct role_record *rec = record_of(&rolling);
    struct role_seen seen = {0};
    struct role_view v;

    (void)state;
    role_resolve(rec, 100, &seen, &v);
    assert_false(cr_failed(role_record_add_revoked(rec, rec->next->spki, NULL)));
    role_resolve(rec, 101, &seen, &v);
    assert_int_equal(letter_of(v.current), 'A');
    assert_null(v.next);
    role_record_unref(&rec);
}

static void slots_are_found_by_thumbprint(void **state)
{
    struct role_record *rec = record_of(&rolling);
    struct role_view v;

    (void)state;
    role_resolve(rec, 100, NULL, &v);
    assert_ptr_equal(role_view_slot(&v, ROLE_CURRENT), rec->next);
    assert_ptr_equal(role_view_slot(&v, ROLE_PREVIOUS), rec->current);
    assert_null(role_view_slot(&v, ROLE_NEXT));
    assert_ptr_equal(role_view_find(&v, rec->next->thumbprint), rec->next);
    assert_ptr_equal(role_view_find(&v, rec->current->thumbprint), rec->current);
    role_resolve(rec, 110, NULL, &v); /* retention is over */
    assert_null(role_view_find(&v, rec->current->thumbprint));
    assert_null(role_view_find(&v, "no such"));
    role_record_unref(&rec);
}

static void an_empty_current_is_explained(void **state)
{
    static const struct {
        char current, next;
        const char *revoked;
        enum cr_code code;
        const char *text;
    } cases[] = {
        {'-', '-', "", CR_E_EMPTY, "role R: no current certificate and no next is scheduled"},
        {'-', 'B', "", CR_E_EMPTY, "takes over at 1970-01-01T00:01:40Z"},
        {'A', '-', "A", CR_E_REVOKED, "role R: the key of its current certificate is revoked and no next"},
        {'A', 'B', "A", CR_E_REVOKED, "is revoked; next ("},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(cases); i++) {
        struct row r = rolling;
        struct role_record *rec;
        struct role_view v;
        struct cr_err err;

        r.current = cases[i].current;
        r.next = cases[i].next;
        r.revoked = cases[i].revoked;
        rec = record_of(&r);
        role_resolve(rec, 10, NULL, &v);
        assert_null(v.current);
        assert_int_equal(role_view_why_empty(rec, &v, &err).code, cases[i].code);
        assert_non_null(strstr(err.text, cases[i].text));
        role_record_unref(&rec);
    }
}

static void times_do_not_overflow(void **state)
{
    (void)state;
    assert_true(role_time_add(NEVER, 1) == NEVER);
    assert_true(role_time_add(NEVER - 1, 1) == NEVER);
    assert_true(role_time_add(INT64_MIN, -1) == INT64_MIN);
    assert_true(role_time_add(NEVER, NEVER) == NEVER);
    assert_true(role_time_add(5, -7) == -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_follows_the_table),
        cmocka_unit_test(a_roll_that_was_seen_is_not_unseen),
        cmocka_unit_test(an_unrelated_change_keeps_the_memory),
        cmocka_unit_test(another_schedule_starts_afresh),
        cmocka_unit_test(a_revoked_next_is_unseen),
        cmocka_unit_test(slots_are_found_by_thumbprint),
        cmocka_unit_test(an_empty_current_is_explained),
        cmocka_unit_test(times_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
