/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/history_list.h"
#include "tools/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DAY ((int64_t)86400)
#define NOW INT64_C(1795392000) /* 2026-11-23T00:00:00Z */

static struct role_record *record;

/* What of it the drawing asks for; the view is filled by the test itself. */
static struct tool_role role_new(void)
{
    struct tool_role role = {0};

    assert_int_equal(role_record_new("Role", &record, NULL).code, CR_OK);
    record->retain_previous = 30 * DAY;
    role.rec = record;
    return role;
}

static struct role_cert cert_until(int64_t not_after)
{
    return (struct role_cert){.not_after = not_after};
}

/* The drawing of @role alone; the caller frees it. */
/* @entries of the history. */
static struct cr_buf drawn_by(const struct tool_role *role, const json_t *entries)
{
    struct report_axis axis = report_axis_of(role, 1, entries, NOW);
    struct cr_buf out = {0};
    struct html h = {&out, cr_ok(), NULL};

    report_timeline(&h, role, entries, &axis, NOW);
    assert_int_equal(h.st.code, CR_OK);
    role_record_unref(&record);
    return out;
}

static struct cr_buf drawn(const struct tool_role *role)
{
    return drawn_by(role, NULL);
}

static int count(const struct cr_buf *text, const char *part)
{
    int n = 0;

    for (const char *p = (const char *)text->p; (p = strstr(p, part)); p++)
        n++;
    return n;
}

/* x and width of the bar that says @words. */
static void bar_of(const struct cr_buf *text, const char *words, double *x, double *width)
{
    const char *said = strstr((const char *)text->p, words), *rect = said;

    assert_non_null(said);
    while (strncmp(rect, "<rect", 5))
        rect--;
    assert_int_equal(sscanf(strstr(rect, " x="), " x=\"%lf\"", x), 1);
    assert_int_equal(sscanf(strstr(rect, "width="), "width=\"%lf\"", width), 1);
}

static void a_roll_joins_its_two_bars_and_keeps_proportions(void **state)
{
    struct role_cert current = cert_until(NOW + 365 * DAY), next = cert_until(NOW + 600 * DAY);
    struct tool_role role = role_new();
    double x[4], w[4];
    struct cr_buf out;

    (void)state;
    role.view = (struct role_view){.current = &current,
                                   .next = &next,
                                   .current_since = NOW - 100 * DAY,
                                   .next_since = NOW - DAY,
                                   .next_effective = NOW + 100 * DAY};
    out = drawn(&role);
    bar_of(&out, "current: signs 2026-08-15 to 2027-03-03", &x[0], &w[0]);
    bar_of(&out, "next: signs 2027-03-03 to 2028-07-15", &x[1], &w[1]);
    bar_of(&out, "then verifies 2027-03-03 to 2027-04-02", &x[2], &w[2]);
    bar_of(&out, "next: in the key set 2026-11-22 to 2027-03-03", &x[3], &w[3]);
    assert_true(x[0] + w[0] - x[1] < 0.2 && x[1] - x[0] - w[0] < 0.2);
    assert_true(x[2] - x[1] < 0.2 && x[1] - x[2] < 0.2);
    assert_true(w[1] / w[0] > 2.4 && w[1] / w[0] < 2.6); /* 500 days to 200 */
    assert_true(w[0] / w[2] > 6.4 && w[0] / w[2] < 6.9); /* 200 to 30 */
    assert_int_equal(count(&out, "class=\"late\""), 0);
    assert_int_equal(count(&out, "<title>expires "), 2);
    assert_int_equal(count(&out, "roll 2027-03-03"), 1);
    cr_buf_clear(&out);
}

static void an_expired_current_is_late_until_now(void **state)
{
    struct role_cert current = cert_until(NOW - 20 * DAY);
    struct tool_role role = role_new();
    double x[2], w[2];
    struct cr_buf out;

    (void)state;
    role.view = (struct role_view){.current = &current, .current_since = NOW - 385 * DAY};
    out = drawn(&role);
    bar_of(&out, "current: signs 2025-11-03 to 2026-11-03", &x[0], &w[0]);
    bar_of(&out, "current: signs, expired 2026-11-03 to 2026-11-23", &x[1], &w[1]);
    assert_int_equal(count(&out, "class=\"late\""), 1);
    assert_int_equal(count(&out, "class=\"signs\""), 1);
    assert_true(x[1] > x[0] && w[0] > w[1]);
    assert_int_equal(
        count(&out, "<desc>Now is 2026-11-23. Current signs since 2025-11-03 and expires 2026-11-03.</desc>"), 1);
    cr_buf_clear(&out);
}

static void previous_begins_where_it_became_current(void **state)
{
    static const char roll[] =
        "[{\"when\": \"2026-01-01T00:00:00Z\", \"role\": \"Other\", \"before\": {}, \"after\": {\"current\": \"aa\"}},"
        "{\"when\": \"2026-10-01T00:00:00Z\", \"role\": \"Role\", \"before\": {\"current\": \"00\"},"
        " \"after\": {\"current\": \"00\", \"next\": \"aa\", \"next_effective\": \"2026-10-05T00:00:00Z\"}},"
        "{\"when\": \"2026-10-09T00:00:00Z\", \"role\": \"Role\", \"before\": {\"current\": \"00\", \"next\": \"aa\","
        " \"next_effective\": \"2026-10-05T00:00:00Z\"}, \"after\": {\"current\": \"aa\", \"previous\": \"00\"}},"
        "{\"when\": \"2026-11-13T00:00:00Z\", \"role\": \"Role\", \"before\": {\"current\": \"aa\"},"
        " \"after\": {\"current\": \"bb\", \"previous\": \"aa\"}}]";
    struct role_cert current = cert_until(NOW + 365 * DAY), previous = cert_until(NOW + 10 * DAY);
    json_t *entries = json_loads(roll, 0, NULL);
    struct tool_role role = role_new();
    double x[2], w[2];
    struct cr_buf out;

    (void)state;
    assert_non_null(entries);
    memcpy(previous.thumbprint, "aa", 3);
    previous.not_before = NOW - 300 * DAY;
    role.view = (struct role_view){
        .current = &current, .previous = &previous, .current_since = NOW - 10 * DAY, .previous_until = NOW + 20 * DAY};
    out = drawn_by(&role, entries);
    bar_of(&out, "was current: signed 2026-10-05 to 2026-11-13", &x[0],
           &w[0]); /* the effective date, not the settling */
    bar_of(&out, "previous: verifies 2026-11-13 to 2026-12-13", &x[1], &w[1]);
    assert_true(x[0] + w[0] - x[1] < 0.2 && x[1] - x[0] - w[0] < 0.2);
    assert_int_equal(count(&out, "class=\"signed\""), 1);
    cr_buf_clear(&out);

    role_new();
    role.rec = record;
    out = drawn(&role); /* no history: the certificate's own beginning, marked as such */
    bar_of(&out, "valid, since when current is not known 2026-01-27 to 2026-11-13", &x[0], &w[0]);
    assert_int_equal(count(&out, "class=\"perhaps\""), 1);
    cr_buf_clear(&out);

    role_new();
    role.rec = record;
    record->current_since = NOW - 50 * DAY; /* of the one that is previous by now: nobody settled the roll */
    role.view.rolled = true;
    out = drawn(&role);
    bar_of(&out, "was current: signed 2026-10-04 to 2026-11-13", &x[0], &w[0]);
    cr_buf_clear(&out);
    json_decref(entries);
}

/* "bb" took over by its date, and before anybody settled that, another one was assigned. */
static void previous_of_an_unsettled_roll_begins_at_its_date(void **state)
{
    static const char assigned[] =
        "[{\"when\": \"2026-11-13T00:00:00Z\", \"role\": \"Role\", \"before\": {\"current\": \"aa\", \"next\": \"bb\","
        " \"next_effective\": \"2026-11-01T00:00:00Z\"}, \"after\": {\"current\": \"cc\", \"previous\": \"bb\"}}]";
    json_t *entries = json_loads(assigned, 0, NULL);
    int64_t since = 0;

    (void)state;
    assert_true(history_current_since(entries, "Role", "bb", &since));
    assert_int_equal(since, NOW - 22 * DAY);
    assert_true(history_current_since(entries, "Role", "cc", &since));
    assert_int_equal(since, NOW - 10 * DAY);
    assert_false(history_current_since(entries, "Role", "aa", &since));
    json_object_set_new(json_object_get(json_array_get(entries, 0), "before"), "next_effective",
                        json_string("2026-11-13T00:00:00Z")); /* in the second of the change */
    assert_true(history_current_since(entries, "Role", "bb", &since));
    assert_int_equal(since, NOW - 10 * DAY);
    json_decref(entries);
}

/* What the history takes back did not become current then. */
static void a_change_that_was_not_made_begins_nothing(void **state)
{
    static const char lines[] =
        "[{\"when\": \"2026-11-01T00:00:00Z\", \"role\": \"Role\", \"after\": {\"current\": \"aa\"}},"
        " {\"when\": \"2026-11-13T00:00:00Z\", \"role\": \"Role\", \"before\": {\"current\": \"aa\"},"
        " \"after\": {\"current\": \"bb\"}},"
        " {\"when\": \"2026-11-13T00:00:00Z\", \"role\": \"Other\"},"
        " {\"when\": \"2026-11-14T00:00:00Z\", \"role\": \"Role\", \"before\": {\"current\": \"aa\"},"
        " \"after\": {\"current\": \"aa\"}, \"note\": \"" TOOL_NOT_DONE "\"}]";
    json_t *entries = json_loads(lines, 0, NULL);
    int64_t since = 0;

    (void)state;
    assert_false(history_current_since(entries, "Role", "bb", &since));
    assert_true(history_current_since(entries, "Role", "aa", &since));
    assert_int_equal(since, NOW - 22 * DAY);
    json_decref(entries);
}

static void previous_beside_an_empty_current_has_no_bar_from_1970(void **state)
{
    struct role_cert previous = cert_until(NOW + 10 * DAY);
    struct tool_role role = role_new();
    struct cr_buf out;
    double x, w;

    (void)state;
    previous.not_before = NOW - 300 * DAY;
    role.view = (struct role_view){.previous = &previous, .previous_until = NOW + 20 * DAY};
    out = drawn(&role);
    bar_of(&out, "valid, until when current is not known 2026-01-27 to 2026-11-23", &x, &w);
    bar_of(&out, "previous: verifies 2026-11-23 to 2026-12-13", &x, &w);
    assert_int_equal(count(&out, "1970"), 0);
    cr_buf_clear(&out);
}

static void what_never_ends_ends_at_the_edge(void **state)
{
    struct role_cert current = cert_until(CR_TIME_NEVER), previous = cert_until(NOW + 10 * DAY);
    struct tool_role role = role_new();
    struct report_axis axis;
    double x, w;
    struct cr_buf out;

    (void)state;
    role.view = (struct role_view){
        .current = &current, .previous = &previous, .current_since = NOW - 4000 * DAY, .previous_until = CR_TIME_NEVER};
    axis = report_axis_of(&role, 1, NULL, NOW);
    assert_true(axis.from >= NOW - 401 * DAY && axis.to <= NOW + 1150 * DAY);
    out = drawn(&role);
    bar_of(&out, "current: signs", &x, &w);
    assert_true(x + w <= 990.1 && x >= 85.9);
    assert_int_equal(count(&out, "to never"), 2);
    assert_int_equal(count(&out, "<path class=\"signs\""), 1); /* the arrow at the edge */
    assert_int_equal(count(&out, "<title>expires "), 1);
    cr_buf_clear(&out);
}

static void nothing_assigned_is_an_axis_with_now(void **state)
{
    struct tool_role role = role_new();
    struct report_axis axis = report_axis_of(NULL, 0, NULL, NOW);
    struct cr_buf out;

    (void)state;
    assert_true(axis.from < NOW && axis.to > NOW);
    out = drawn(&role);
    assert_int_equal(count(&out, "<rect"), 0);
    assert_int_equal(count(&out, "class=\"slot none\""), 3);
    assert_int_equal(count(&out, ">now</text>"), 1);
    assert_true(count(&out, "class=\"tick\"") >= 3);
    cr_buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_roll_joins_its_two_bars_and_keeps_proportions),
        cmocka_unit_test(an_expired_current_is_late_until_now),
        cmocka_unit_test(previous_begins_where_it_became_current),
        cmocka_unit_test(previous_of_an_unsettled_roll_begins_at_its_date),
        cmocka_unit_test(a_change_that_was_not_made_begins_nothing),
        cmocka_unit_test(previous_beside_an_empty_current_has_no_bar_from_1970),
        cmocka_unit_test(what_never_ends_ends_at_the_edge),
        cmocka_unit_test(nothing_assigned_is_an_axis_with_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
