/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A pipe whose reading end holds @text and nothing behind it. */
static int pipe_of(const char *text)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], text, strlen(text)), (int)strlen(text));
    close(fds[1]);
    return fds[0];
}

static void expect_pass(const char *arg, const char *want)
{
    struct cr_buf out = {0};
    struct cr_err err = {0};

    if (cr_failed(tool_passphrase(arg, "test", &out, &err)))
        fail_msg("%s: %s", arg, err.text);
    assert_int_equal(out.n, strlen(want));
    assert_memory_equal(out.n ? (const char *)out.p : "", want, out.n);
    cr_buf_clear(&out);
}

static void expect_fail(const char *arg, enum cr_code code, const char *part)
{
    struct cr_buf out = {0};
    struct cr_err err = {0};

    assert_int_equal(tool_passphrase(arg, "test", &out, &err).code, code);
    if (!strstr(err.text, part))
        fail_msg("'%s' lacks '%s'", err.text, part);
    assert_int_equal(out.n, 0);
}

static void pass_is_the_text_itself(void **state)
{
    (void)state;
    expect_pass("pass:secret", "secret");
    expect_pass("pass:", "");
    expect_pass("pass: with:colon and space ", " with:colon and space ");
    expect_pass("pass:p\xc3\xa4ss", "p\xc3\xa4ss");
}

static void env_reads_a_variable(void **state)
{
    (void)state;
    setenv("TEST_TOOL_PASS", "from env", 1);
    expect_pass("env:TEST_TOOL_PASS", "from env");
    setenv("TEST_TOOL_PASS", "", 1);
    expect_pass("env:TEST_TOOL_PASS", "");
    unsetenv("TEST_TOOL_PASS");
    expect_fail("env:TEST_TOOL_PASS", CR_E_USAGE, "TEST_TOOL_PASS");
}

static void file_gives_its_first_line(void **state)
{
    static const struct {
        const char *content, *want;
    } rows[] = {
        {"secret\n", "secret"},           {"secret", "secret"}, {"secret\r\nsecond\n", "secret"},
        {"two\nlines\n", "two"},          {"\n", ""},           {" spaces stay \n", " spaces stay "},
        {"p\xc3\xa4ss\n", "p\xc3\xa4ss"},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        char name[] = "/tmp/test_tool_pass.XXXXXX", arg[64];
        int fd = mkstemp(name);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, rows[i].content, strlen(rows[i].content)), (int)strlen(rows[i].content));
        close(fd);
        snprintf(arg, sizeof(arg), "file:%s", name);
        expect_pass(arg, rows[i].want);
        unlink(name);
        expect_fail(arg, CR_E_USAGE, "No such file");
    }
}

static void an_empty_file_is_no_passphrase(void **state)
{
    (void)state;
    expect_fail("file:/dev/null", CR_E_USAGE, "no passphrase");
}

static void fd_reads_one_line_and_leaves_the_next(void **state)
{
    int fd = pipe_of("first\nsecond\n");
    char arg[32];

    (void)state;
    snprintf(arg, sizeof(arg), "fd:%d", fd);
    expect_pass(arg, "first");
    expect_pass(arg, "second");
    expect_fail(arg, CR_E_USAGE, "no passphrase");
    close(fd);
    expect_fail("fd:999", CR_E_IO, "Bad file descriptor");
    expect_fail("fd:x", CR_E_USAGE, "number");
    expect_fail("fd:", CR_E_USAGE, "number");
    expect_fail("fd:-1", CR_E_USAGE, "number");
}

static void stdin_reads_one_line(void **state)
{
    int fd = pipe_of("typed\n"), saved = dup(STDIN_FILENO);

    (void)state;
    dup2(fd, STDIN_FILENO);
    expect_pass("stdin", "typed");
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(fd);
}

static void a_line_without_end_is_refused_before_it_fills_memory(void **state)
{
    (void)state;
    expect_fail("file:/dev/zero", CR_E_USAGE, "longer than");
}

static void another_form_is_refused_without_repeating_it(void **state)
{
    struct cr_buf out = {0};
    struct cr_err err = {0};

    (void)state;
    assert_int_equal(tool_passphrase("hunter2", "test", &out, &err).code, CR_E_USAGE);
    assert_null(strstr(err.text, "hunter2"));
    assert_non_null(strstr(err.text, "pass:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pass_is_the_text_itself),
        cmocka_unit_test(env_reads_a_variable),
        cmocka_unit_test(file_gives_its_first_line),
        cmocka_unit_test(an_empty_file_is_no_passphrase),
        cmocka_unit_test(fd_reads_one_line_and_leaves_the_next),
        cmocka_unit_test(stdin_reads_one_line),
        cmocka_unit_test(a_line_without_end_is_refused_before_it_fills_memory),
        cmocka_unit_test(another_form_is_refused_without_repeating_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
