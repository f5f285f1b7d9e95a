/* SPDX-License-Identifier: Apache-2.0 */
/* A subcommand of the test's own, on a terminal of its own. */
#include "tools/tool_confirm.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/tool_parse.h"

#define NOW INT64_C(1795392000)

static struct {
    unsigned previews, runs;
    bool no_change, unasked, fails, reads, other, moves, moves_on;
    char input[64], said[1024];
    int64_t when;
} did;

static void plan_set(struct tool_plan *plan, const char *before, const char *after, bool changed)
{
    const char *const texts[] = {before, after};
    struct role_record **const recs[] = {&plan->before, &plan->after};

    for (size_t i = 0; i < 2; i++) {
        struct role_cert *cert = NULL;
        assert_false(cr_failed(role_record_new("R", recs[i], NULL)));
        assert_false(cr_failed(role_cert_new(&cert, NULL)));
        snprintf(cert->thumbprint, sizeof(cert->thumbprint), "%s", texts[i]);
        role_cert_put(&(*recs[i])->current, cert);
        role_cert_unref(&cert);
    }
    plan->outcome.changed = changed;
}

/* The same certificate, its key from one place to another. */
static void plan_move(struct tool_plan *plan, const char *to)
{
    char *const places[] = {(char *)(uintptr_t) "pkcs11:id=%01", (char *)(uintptr_t)to};
    struct role_record **const recs[] = {&plan->before, &plan->after};

    plan_set(plan, "aa", "aa", true);
    for (size_t i = 0; i < 2; i++)
        assert_false(cr_failed(role_cert_set_locations((*recs[i])->current, &places[i], 1, NULL)));
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct cr_buf input = {0};
    struct tool_plan plan = {0};
    cr_status st = cr_ok();

    if (tool->phase == TOOL_PREVIEW)
        did.previews++;
    else
        did.runs++;
    assert_int_equal(tool->dry_run, tool->phase == TOOL_PREVIEW);
    assert_false(cr_failed(tool_when(tool, "+1h", &did.when, err)));
    if (did.reads && !cr_failed(st = tool_input(tool, "-", 64, &input, err)))
        snprintf(did.input, sizeof(did.input), "%.*s", (int)input.n, (const char *)input.p);
    cr_buf_clear(&input);
    if (cr_failed(st))
        return st;
    if (did.fails)
        return cr_fail(err, CR_E_REFUSED, "refused as it is");
    tool->unasked = did.unasked;
    tool->if_generation_set = false;
    tool->exit_code = 7;
    if (did.moves)
        plan_move(&plan, tool->phase == TOOL_CONFIRMED && did.moves_on ? "pkcs11:id=%03" : "pkcs11:id=%02");
    else
        plan_set(&plan, "aa", tool->phase == TOOL_CONFIRMED && did.other ? "cc" : "bb", !did.no_change);
    st = tool->phase == TOOL_PREVIEW ? tool_shown_note(tool, "R", &plan, err) : tool_shown_plan(tool, "R", &plan, err);
    if (!did.no_change)
        tool_result_changed(tool);
    tool_warn("look out");
    tool_say(tool, "it changes");
    tool_plan_clear(&plan);
    return st;
}

static const struct tool_cmd cmd = {
    .name = "x", .args = "", .summary = "x", .flags = TOOL_CHANGES | TOOL_ASKS, .run = run};
const struct tool_cmd *const tool_cmds[] = {&cmd};
const size_t tool_ncmds = 1;

static int64_t later(void)
{
    return NOW + 100;
}

/* Who sits at the terminal: reads what is said into did.said, and answers once the question stands there. */
struct typist {
    int master;
    const char *answer;
};

static void *type(void *arg)
{
    struct typist *t = arg;
    bool answered = false;
    size_t len = 0;
    ssize_t n;

    while (!strchr(did.said, '\1') && (n = read(t->master, did.said + len, sizeof(did.said) - 1 - len)) > 0) {
        len += (size_t)n;
        if (answered || !strstr(did.said, "[y/N] "))
            continue;
        answered = true;
        if (write(t->master, t->answer, strlen(t->answer)) < 0)
            break;
    }
    return NULL;
}

/* tool_run with @ahead typed at its terminal before, and @answer once it asks. */
static enum cr_code ran_ahead(struct tool *tool, const char *ahead, const char *answer)
{
    struct typist t = {posix_openpt(O_RDWR | O_NOCTTY), answer};
    int slave, in = dup(STDIN_FILENO), out = dup(STDERR_FILENO);
    struct cr_err err = {0};
    pthread_t thread;
    cr_status st;

    assert_true(t.master >= 0 && !grantpt(t.master) && !unlockpt(t.master));
    slave = open(ptsname(t.master), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0);
    assert_int_equal(write(t.master, ahead, strlen(ahead)), strlen(ahead));
    assert_int_equal(pthread_create(&thread, NULL, type, &t), 0);
    dup2(slave, STDIN_FILENO);
    dup2(slave, STDERR_FILENO);
    tool->cmd = &cmd;
    tool->now = NOW;
    tool->clock = later;
    st = tool_run(tool, &err);
    dup2(in, STDIN_FILENO);
    dup2(out, STDERR_FILENO);
    assert_int_equal(write(slave, "\1", 1), 1); /* what comes before it is all there was */
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(t.master);
    close(slave);
    close(in);
    close(out);
    tool_close(tool);
    return st.code;
}

static enum cr_code ran(struct tool *tool, const char *answer)
{
    return ran_ahead(tool, "", answer);
}

static int fresh(void **state)
{
    (void)state;
    memset(&did, 0, sizeof(did));
    return 0;
}

static void yes_runs_it_in_earnest_once_it_was_shown(void **state)
{
    struct tool tool = {.if_generation_set = true, .if_generation = 3};

    (void)state;
    assert_int_equal(ran(&tool, "y\n"), CR_OK);
    assert_int_equal(did.previews, 1);
    assert_int_equal(did.runs, 1);
    assert_int_equal(tool.exit_code, 7);
    assert_non_null(strstr(did.said, "it changes"));
    assert_non_null(strstr(did.said, "Change this? [y/N]"));
    assert_null(strstr(strstr(did.said, "look out") + 1, "look out")); /* once */
    assert_int_equal(did.when, NOW + 3600);                            /* as it was shown */
    assert_int_equal(tool.now, NOW + 100);
}

static void anything_else_does_not(void **state)
{
    static const char *const answers[] = {"n\n", "\n", "\4", "yy\n", "no yes\n"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(answers); i++) {
        struct tool tool = {0};
        fresh(NULL);
        assert_int_equal(ran(&tool, answers[i]), CR_E_REFUSED);
        assert_int_equal(did.previews, 1);
        assert_int_equal(did.runs, 0);
    }
}

static void what_was_typed_before_the_question_is_no_answer(void **state)
{
    struct tool tool = {0};

    (void)state;
    assert_int_equal(ran_ahead(&tool, "y\nyes\ny", "n\n"), CR_E_REFUSED);
    assert_int_equal(did.previews, 1);
    assert_int_equal(did.runs, 0);
}

static void no_question_where_the_row_or_an_option_says_so(void **state)
{
    struct tool rows[] = {{.yes = true}, {.json = true}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        fresh(NULL);
        assert_int_equal(ran(&rows[i], ""), CR_OK);
        assert_int_equal(did.previews, 0);
        assert_int_equal(did.runs, 1);
    }
}

static void no_question_for_what_changes_nothing(void **state)
{
    struct tool same = {0}, fresh_one = {0}, refused = {0};

    (void)state;
    did.no_change = true;
    assert_int_equal(ran(&same, ""), CR_OK);
    assert_int_equal(did.runs, 1);
    fresh(NULL);
    did.unasked = true;
    assert_int_equal(ran(&fresh_one, ""), CR_OK);
    assert_int_equal(did.runs, 1);
    assert_null(strstr(did.said, "Change this?"));
    fresh(NULL);
    did.fails = true;
    assert_int_equal(ran(&refused, ""), CR_E_REFUSED);
    assert_int_equal(did.runs, 0);
}

static void another_certificate_than_was_shown_is_refused(void **state)
{
    struct tool tool = {0};

    (void)state;
    did.other = true;
    assert_int_equal(ran(&tool, "y\n"), CR_E_CHANGED);
    assert_int_equal(did.runs, 1);
}

static void another_location_than_was_shown_is_refused(void **state)
{
    struct tool same = {0}, tool = {0};

    (void)state;
    did.moves = true;
    assert_int_equal(ran(&same, "y\n"), CR_OK);
    fresh(NULL);
    did.moves = did.moves_on = true;
    assert_int_equal(ran(&tool, "y\n"), CR_E_CHANGED);
}

static void input_is_read_once(void **state)
{
    struct tool tool = {0};

    (void)state;
    did.reads = true;
    assert_int_equal(ran_ahead(&tool, "some text\n\4", "y\n"), CR_OK);
    assert_int_equal(did.runs, 1);
    assert_string_equal(did.input, "some text\n");
}

static void yes_is_a_word_of_its_own(void **state)
{
    static const char *const yes[] = {"y", "Y\n", "yes\r\n", " YES \n"}, *const no[] = {"",     "\n", "ye", "yess",
                                                                                        "y es", "n",  "y y"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(yes); i++)
        assert_true(tool_answer_is_yes(yes[i]));
    for (size_t i = 0; i < CR_COUNT(no); i++)
        assert_false(tool_answer_is_yes(no[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(yes_runs_it_in_earnest_once_it_was_shown, fresh),
        cmocka_unit_test_setup(anything_else_does_not, fresh),
        cmocka_unit_test_setup(what_was_typed_before_the_question_is_no_answer, fresh),
        cmocka_unit_test_setup(no_question_where_the_row_or_an_option_says_so, fresh),
        cmocka_unit_test_setup(no_question_for_what_changes_nothing, fresh),
        cmocka_unit_test_setup(another_certificate_than_was_shown_is_refused, fresh),
        cmocka_unit_test_setup(another_location_than_was_shown_is_refused, fresh),
        cmocka_unit_test_setup(input_is_read_once, fresh),
        cmocka_unit_test_setup(yes_is_a_word_of_its_own, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
