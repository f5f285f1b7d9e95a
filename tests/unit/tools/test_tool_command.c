/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void how_a_command_ended_is_told(void **state)
{
    static const struct {
        const char *command;
        int seconds;
        enum cr_code code;
        const char *part;
    } rows[] = {
        {"true", 60, CR_OK, NULL},
        {"exit 3", 60, CR_E_REFUSED, "'exit 3' exited with 3"},
        {"/no/such/file", 60, CR_E_REFUSED, "exited with 127"},
        {"kill -TERM $$", 60, CR_E_REFUSED, "was ended by Terminated"},
        {"sleep 60", 1, CR_E_REFUSED, "did not end in 1 s and was killed"},
        {"sleep 60 & wait", 1, CR_E_REFUSED, "did not end in 1 s and was killed"},
        {"trap '' TERM; sleep 60; sleep 60", 1, CR_E_REFUSED, "did not end in 1 s and was killed"},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_err err = {0};

        assert_int_equal(tool_command_run(rows[i].command, NULL, 0, cr_bytes(NULL, 0), rows[i].seconds, &err).code,
                         rows[i].code);
        if (rows[i].part != NULL)
            assert_non_null(strstr(err.text, rows[i].part));
    }
}

static void a_command_gets_variables_and_input(void **state)
{
    static const struct tool_variable vars[] = {{"CERTROLL_ROLE", "a b"}, {"CERTROLL_CHANGE", "roll"}};
    struct cr_err err = {0};

    (void)state;
    assert_false(cr_failed(
        tool_command_run("[ \"$CERTROLL_ROLE $CERTROLL_CHANGE\" = 'a b roll' ] && [ \"$(cat)\" = 'two\nlines' ]", vars,
                         CR_COUNT(vars), cr_bytes_str("two\nlines"), 10, &err)));
    assert_null(getenv("CERTROLL_ROLE"));
}

/* More than a pipe holds. */
static void who_does_not_read_its_input_ends_all_the_same(void **state)
{
    const size_t n = 1 << 20;
    unsigned char *much = calloc(1, n);
    struct cr_err err = {0};

    (void)state;
    assert_non_null(much);
    assert_false(cr_failed(tool_command_run("true", NULL, 0, cr_bytes(much, n), 10, &err)));
    assert_false(cr_failed(tool_command_run("[ $(wc -c) = 1048576 ]", NULL, 0, cr_bytes(much, n), 10, &err)));
    free(much);
}

/* Runs a command that starts another and does not end: that one's number, 0 where it was killed before it told. */
static long started_by(const char *path, int seconds)
{
    char command[128];
    struct cr_err err = {0};
    long pid = 0;
    FILE *f;

    snprintf(command, sizeof command, "sleep 100 & echo $! >%s; wait", path);
    assert_int_equal(tool_command_run(command, NULL, 0, cr_bytes(NULL, 0), seconds, &err).code, CR_E_REFUSED);
    f = fopen(path, "r");
    assert_non_null(f);
    if (fscanf(f, "%ld", &pid) != 1)
        pid = 0;
    fclose(f);
    return pid;
}

/* A dead one may wait for whoever inherited it to look, and goes away even between opening and reading. */
static bool lives(long pid)
{
    char line[64] = "", stat[64];
    bool read;
    FILE *f;

    snprintf(stat, sizeof stat, "/proc/%ld/stat", pid);
    if ((f = fopen(stat, "r")) == NULL)
        return false;
    read = fgets(line, sizeof line, f) != NULL;
    fclose(f);
    return read && strstr(line, ") Z ") == NULL;
}

/* What a command starts and leaves behind goes with it when it is killed. */
static void the_whole_group_is_killed(void **state)
{
    char path[] = "/tmp/certroll-unit-XXXXXX";
    long pid = 0;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    for (int seconds = 1; pid == 0 && seconds < 100; seconds *= 4) /* a busy machine may need more than one */
        pid = started_by(path, seconds);
    unlink(path);
    assert_true(pid > 0);
    for (int i = 0; i < 6000; i++) {
        if (!lives(pid))
            return;
        usleep(10000);
    }
    fail_msg("process %ld lives on", pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_a_command_ended_is_told),
        cmocka_unit_test(a_command_gets_variables_and_input),
        cmocka_unit_test(who_does_not_read_its_input_ends_all_the_same),
        cmocka_unit_test(the_whole_group_is_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
