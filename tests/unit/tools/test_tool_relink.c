/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_relink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *after[TOOL_RELINK_MAX], *twice[2];
static size_t nafter;

static enum tool_relink_state relink(const struct tool_relink_old *old, size_t nold,
                                     const struct tool_relink_found *found, size_t nfound)
{
    nafter = 0;
    return tool_relink(old, nold, found, nfound, after, &nafter, twice);
}

static void expect_after(const char *a, const char *b, const char *c)
{
    const char *const want[] = {a, b, c};

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(i < nafter, want[i] != NULL);
        if (want[i])
            assert_string_equal(after[i], want[i]);
    }
}

static void a_key_that_moved_takes_the_place_of_its_old_location(void **state)
{
    const struct tool_relink_old old[] = {{"gone", false, TOOL_RELINK_NOWHERE}, {"twin", true, 1}};
    const struct tool_relink_found found[] = {{"new", 0}, {"twin", 1}};

    (void)state;
    assert_int_equal(relink(old, 2, found, 2), TOOL_RELINK_CHANGED);
    expect_after("new", "twin", NULL);
}

static void what_is_right_stays_as_it_is(void **state)
{
    const struct tool_relink_old old[] = {{"a", true, 0}, {"b", true, 1}};
    const struct tool_relink_found found[] = {{"b", 1}, {"a", 0}};

    (void)state;
    assert_int_equal(relink(old, 2, found, 2), TOOL_RELINK_SAME);
    expect_after("a", "b", NULL);
}

static void another_spelling_of_a_place_is_no_new_place(void **state)
{
    const struct tool_relink_old old[] = {{"short", true, 0}};
    const struct tool_relink_found found[] = {{"long and whole", 0}};

    (void)state;
    assert_int_equal(relink(old, 1, found, 1), TOOL_RELINK_SAME);
    expect_after("short", NULL, NULL);
}

static void a_key_on_no_token_leaves_its_locations(void **state)
{
    const struct tool_relink_old old[] = {{"gone", false, TOOL_RELINK_NOWHERE}};

    (void)state;
    assert_int_equal(relink(old, 1, NULL, 0), TOOL_RELINK_MISSING);
    assert_int_equal(nafter, 0);
}

static void a_token_nobody_looked_at_keeps_its_location(void **state)
{
    const struct tool_relink_old old[] = {{"away", true, TOOL_RELINK_NOWHERE}, {"gone", false, TOOL_RELINK_NOWHERE}};

    (void)state;
    assert_int_equal(relink(old, 1, NULL, 0), TOOL_RELINK_SAME);
    assert_int_equal(relink(old, 2, NULL, 0), TOOL_RELINK_CHANGED);
    expect_after("away", NULL, NULL);
}

static void a_second_token_is_added_behind(void **state)
{
    const struct tool_relink_old old[] = {{"a", true, 0}};
    const struct tool_relink_found found[] = {{"a", 0}, {"b", 1}, {"c", 2}};

    (void)state;
    assert_int_equal(relink(old, 1, found, 3), TOOL_RELINK_CHANGED);
    expect_after("a", "b", "c");
}

static void two_objects_on_one_token_are_refused_by_name(void **state)
{
    const struct tool_relink_old gone[] = {{"gone", false, TOOL_RELINK_NOWHERE}}, stays[] = {{"second", true, 1}};
    const struct tool_relink_found found[] = {{"else", 0}, {"first", 1}, {"second", 1}};

    (void)state;
    assert_int_equal(relink(gone, 1, found, 3), TOOL_RELINK_TWICE);
    assert_string_equal(twice[0], "first");
    assert_string_equal(twice[1], "second");
    /* nothing is to be chosen where the location names one of them */
    assert_int_equal(relink(stays, 1, found, 3), TOOL_RELINK_CHANGED);
    expect_after("second", "else", NULL);
}

static void two_objects_under_one_id_are_refused_too(void **state)
{
    const struct tool_relink_old old[] = {{"one", false, TOOL_RELINK_NOWHERE}};
    const struct tool_relink_found found[] = {{"one", 0}, {"one", 0}};

    (void)state;
    assert_int_equal(relink(old, 1, found, 2), TOOL_RELINK_TWICE);
}

static void no_more_locations_than_a_process_tries(void **state)
{
    struct tool_relink_found found[TOOL_RELINK_MAX + 3];
    char names[TOOL_RELINK_MAX + 3][4] = {0};

    (void)state;
    for (size_t i = 0; i < TOOL_RELINK_MAX + 3; i++) {
        names[i][0] = (char)('a' + i);
        found[i] = (struct tool_relink_found){names[i], i};
    }
    assert_int_equal(relink(NULL, 0, found, TOOL_RELINK_MAX + 3), TOOL_RELINK_CHANGED);
    assert_int_equal(nafter, TOOL_RELINK_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_moved_takes_the_place_of_its_old_location),
        cmocka_unit_test(what_is_right_stays_as_it_is),
        cmocka_unit_test(another_spelling_of_a_place_is_no_new_place),
        cmocka_unit_test(a_key_on_no_token_leaves_its_locations),
        cmocka_unit_test(a_token_nobody_looked_at_keeps_its_location),
        cmocka_unit_test(a_second_token_is_added_behind),
        cmocka_unit_test(two_objects_on_one_token_are_refused_by_name),
        cmocka_unit_test(two_objects_under_one_id_are_refused_too),
        cmocka_unit_test(no_more_locations_than_a_process_tries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
