/* SPDX-License-Identifier: Apache-2.0 */
/* The frame with a table of its own. */
#include "tools/tool_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/tool_who.h"

static cr_status nothing(struct tool *tool, struct cr_err *err)
{
    (void)tool, (void)err;
    return cr_ok();
}

static const struct tool_option options[] = {
    {"thumbprint", 't', "T", "which"}, {"at", 'a', "WHEN", "when"}, {"effective-date", 'a', "WHEN", "when"},
    {"name", 'l', "LIST", "names"},    {"now", 'n', NULL, "now"},   {NULL, 0, NULL, NULL},
};

static const struct tool_cmd change = {.name = "change",
                                       .args = "ROLE...",
                                       .summary = "change",
                                       .flags = TOOL_CHANGES,
                                       .options = options,
                                       .min_args = 1,
                                       .max_args = -1,
                                       .run = nothing},
                             look = {.name = "look", .args = "", .summary = "look", .flags = TOOL_JSON, .run = nothing};
static const struct tool_cmd verbs[] = {
    {.name = "both see", .args = "", .summary = "see", .flags = TOOL_JSON, .run = nothing},
    {.name = "both do", .args = "[NAME]", .summary = "do", .flags = TOOL_HAS_DRY_RUN, .max_args = 1, .run = nothing},
    {0}};
static const struct tool_cmd both = {.name = "both",
                                     .args = "see|do [NAME]",
                                     .summary = "both",
                                     .flags = TOOL_JSON | TOOL_HAS_DRY_RUN,
                                     .verbs = verbs,
                                     .min_args = 1,
                                     .max_args = 2};
const struct tool_cmd *const tool_cmds[] = {&change, &look, &both};
const size_t tool_ncmds = CR_COUNT(tool_cmds);

#define ARGS(...)                                                                                                      \
    (char *[])                                                                                                         \
    {                                                                                                                  \
        (char *)"certroll", __VA_ARGS__, NULL                                                                          \
    }

static cr_status parse(struct tool *tool, char **argv, struct cr_err *err)
{
    bool done = false;
    int argc = 0;

    while (argv[argc])
        argc++;
    *tool = (struct tool){.now = 1000000000};
    return tool_parse(tool, argc, argv, &done, err);
}

static void expect_usage(char **argv, const char *part)
{
    struct tool tool;
    struct cr_err err = {0};

    assert_int_equal(parse(&tool, argv, &err).code, CR_E_USAGE);
    if (!strstr(err.text, part))
        fail_msg("'%s' lacks '%s'", err.text, part);
}

static void options_may_stand_between_operands(void **state)
{
    char **argv = ARGS("change", "A", "--thumbprint", "01234567", "B", "--json", "--reason=why");
    struct tool tool;
    struct cr_err err = {0};

    (void)state;
    if (cr_failed(parse(&tool, argv, &err)))
        fail_msg("%s", err.text);
    assert_ptr_equal(tool.cmd, &change);
    assert_int_equal(tool.nargs, 2);
    assert_string_equal(tool.args[0], "A");
    assert_string_equal(tool.args[1], "B");
    assert_string_equal(tool_opt(&tool, 't'), "01234567");
    assert_null(tool_opt(&tool, 'n'));
    assert_true(tool.json);
    assert_false(tool.force);
    assert_string_equal(tool.reason, "why");
}

static void common_options_come_before_or_after_the_command(void **state)
{
    struct tool tool;
    struct cr_err err = {0};

    (void)state;
    assert_false(cr_failed(parse(&tool, ARGS("--config", "/x", "change", "A", "--if-generation", "7"), &err)));
    assert_string_equal(tool.conf_path, "/x");
    assert_true(tool.if_generation_set);
    assert_int_equal(tool.if_generation, 7);
    assert_false(cr_failed(parse(&tool, ARGS("look", "--config=/y"), &err)));
    assert_string_equal(tool.conf_path, "/y");
    assert_false(cr_failed(parse(&tool, ARGS("change", "--now", "A", "--dry-run", "--force"), &err)));
    assert_string_equal(tool_opt(&tool, 'n'), "");
    assert_true(tool.dry_run && tool.force);
}

static void a_list_may_be_given_in_pieces(void **state)
{
    struct tool tool;
    struct cr_err err = {0};

    (void)state;
    assert_false(
        cr_failed(parse(&tool, ARGS("change", "A", "--name", "a,b", "--at", "+1s", "--name=c", "--name", "d"), &err)));
    assert_string_equal(tool_opt(&tool, 'l'), "a,b,c,d");
    assert_string_equal(tool_opt(&tool, 'a'), "+1s");
    tool_opts_clear(&tool);
    assert_null(tool_opt(&tool, 'l'));
}

static void every_mistake_is_one_sentence(void **state)
{
    (void)state;
    expect_usage((char *[]){(char *)"certroll", NULL}, "a command is needed");
    expect_usage(ARGS("frobnicate"), "no command 'frobnicate'");
    expect_usage(ARGS("change"),
                 "change: an argument is missing, usage: certroll change ROLE... (see 'certroll change --help')");
    expect_usage(ARGS("look", "x"),
                 "look: 'x' is an argument too many, usage: certroll look (see 'certroll look --help')");
    expect_usage(ARGS("change", ""), "empty");
    expect_usage(ARGS("change", "A", "--frob"), "'--frob'");
    expect_usage(ARGS("change", "A", "-x"), "certroll change --help");
    expect_usage(ARGS("change", "A", "--thumbprint"), "missing after");
    expect_usage(ARGS("change", "A", "--now=yes"), "--now");
    expect_usage(ARGS("change", "A", "--at", "+1s", "--effective-date", "+2s"), "given twice");
    expect_usage(ARGS("look", "--force"), "'--force'");
    expect_usage(ARGS("look", "--if-generation", "1"), "'--if-generation'");
    expect_usage(ARGS("change", "A", "--if-generation", "-1"), "number");
    expect_usage(ARGS("change", "A", "--if-generation", "1x"), "number");
    expect_usage(ARGS("change", "A", "--if-generation", "99999999999999999999"), "number");
    expect_usage(ARGS("--frob", "look"), "'--frob'");
}

static void a_verb_has_options_and_operands_of_its_own(void **state)
{
    struct tool tool;
    struct cr_err err = {0};

    (void)state;
    assert_false(cr_failed(parse(&tool, ARGS("both", "do", "X", "--dry-run"), &err)));
    assert_ptr_equal(tool.cmd, &verbs[1]);
    assert_int_equal(tool.nargs, 1);
    assert_string_equal(tool.args[0], "X");
    assert_true(tool.dry_run);
    assert_false(cr_failed(parse(&tool, ARGS("both", "--json", "--config", "/x", "see"), &err)));
    assert_ptr_equal(tool.cmd, &verbs[0]);
    assert_int_equal(tool.nargs, 0);
    assert_true(tool.json);
    assert_string_equal(tool.conf_path, "/x");
    assert_false(cr_failed(parse(&tool, ARGS("both", "--reason", "do", "--", "do"), &err)));
    assert_ptr_equal(tool.cmd, &verbs[1]);
    assert_string_equal(tool.reason, "do");
    expect_usage(ARGS("both"), "usage: certroll both see|do [NAME]");
    expect_usage(ARGS("both", "dance"), "both: 'dance' is not see or do");
    expect_usage(ARGS("both", "see", "X"), "usage: certroll both see");
    expect_usage(ARGS("both", "do", "X", "Y"), "usage: certroll both do [NAME]");
    expect_usage(ARGS("both", "--dry-run", "see"), "'--dry-run' (see 'certroll both see --help')");
}

static void when_counts_from_now_and_wants_a_zone(void **state)
{
    struct tool tool = {.now = 1000000000};
    struct cr_err err = {0};
    int64_t t = 0;

    (void)state;
    assert_false(cr_failed(tool_when(&tool, "+90s", &t, &err)));
    assert_int_equal(t, 1000000090);
    assert_false(cr_failed(tool_when(&tool, "2001-09-09T01:46:40Z", &t, &err)));
    assert_int_equal(t, 1000000000);
    assert_int_equal(tool_when(&tool, "2001-09-09T01:46:40", &t, &err).code, CR_E_USAGE);
    assert_int_equal(tool_when(&tool, "tomorrow", &t, &err).code, CR_E_USAGE);
    assert_int_equal(tool_when(&tool, "", &t, &err).code, CR_E_USAGE);
}

static void exit_codes_follow_the_table(void **state)
{
    static const struct {
        enum cr_code code;
        int want;
    } rows[] = {{CR_OK, 0},        {CR_E_USAGE, 2}, {CR_E_REFUSED, 1}, {CR_E_NOT_FOUND, 1}, {CR_E_AMBIGUOUS, 1},
                {CR_E_REVOKED, 1}, {CR_E_EMPTY, 1}, {CR_E_INVALID, 1}, {CR_E_TOKEN, 3},     {CR_E_PIN, 3},
                {CR_E_BUSY, 3},    {CR_E_IO, 3},    {CR_E_NOMEM, 3},   {CR_E_CHANGED, 4}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++)
        assert_int_equal(tool_exit_code(rows[i].code), rows[i].want);
}

static void who_names_user_and_host(void **state)
{
    struct tool_who who = {0};

    (void)state;
    setenv("SUDO_USER", "alice\nroot did it", 1); /* not fit for a log line */
    tool_who_read(&who);
    assert_null(who.sudo_user);
    assert_non_null(who.text);
    assert_non_null(strstr(who.text, " on "));
    tool_who_clear(&who);
    setenv("SUDO_USER", "alice", 1);
    tool_who_read(&who);
    assert_string_equal(who.sudo_user, "alice");
    assert_non_null(strstr(who.text, "(sudo ")); /* whoever logged in, it was by sudo */
    tool_who_clear(&who);
    assert_null(who.text);
    unsetenv("SUDO_USER");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_may_stand_between_operands),
        cmocka_unit_test(common_options_come_before_or_after_the_command),
        cmocka_unit_test(a_list_may_be_given_in_pieces),
        cmocka_unit_test(every_mistake_is_one_sentence),
        cmocka_unit_test(a_verb_has_options_and_operands_of_its_own),
        cmocka_unit_test(when_counts_from_now_and_wants_a_zone),
        cmocka_unit_test(exit_codes_follow_the_table),
        cmocka_unit_test(who_names_user_and_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
