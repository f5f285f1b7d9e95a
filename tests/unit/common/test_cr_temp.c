/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cr_temp.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cr_file.h"

static char dir[] = "/tmp/cr_temp.XXXXXX";
static int fd = -1;

static int make_dir(void **state)
{
    (void)state;
    memcpy(dir + sizeof dir - 7, "XXXXXX", 6);
    if (mkdtemp(dir) == NULL)
        return -1;
    return (fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0;
}

static int remove_dir(void **state)
{
    char command[64];

    (void)state;
    close(fd);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static void put(const char *name)
{
    int f = openat(fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(f >= 0);
    close(f);
}

static bool there(const char *name)
{
    return faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void replace(const char *name)
{
    char path[64];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(cr_path_replace(path, 0644, cr_bytes_str("new"), NULL).code, CR_OK);
}

/* Killed before the rename, by @name's writer in a process of its own. */
static void write_killed(const char *name)
{
    pid_t pid = fork();
    char temp[64];
    int status, f;

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)snprintf(temp, sizeof temp, ".%s.%ld.tmp", name, (long)getpid());
        if (cr_failed(cr_temp_open(fd, temp, &f, NULL)))
            _exit(1);
        (void)raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    (void)snprintf(temp, sizeof temp, ".%s.%ld.tmp", name, (long)pid);
    assert_true(there(temp));
    replace(name);
    assert_false(there(temp));
}

static void the_next_writer_removes_what_a_killed_one_left(void **state)
{
    (void)state;
    write_killed("out");
    write_killed("out.pem");
    assert_true(there("out") && there("out.pem"));
}

static void what_is_not_of_this_file_stays(void **state)
{
    static const char *const names[] = {".other.12.tmp", ".out.tmp",      ".out.x.tmp", ".out.12x.tmp", "out.12.tmp",
                                        ".out.12.tm",    ".out.12.tmp.b", ".out12.tmp", ".out.1.2.tmp"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(names); i++)
        put(names[i]);
    assert_int_equal(mkdirat(fd, ".out.13.tmp", 0700), 0);
    assert_int_equal(symlinkat("victim", fd, ".out.14.tmp"), 0);
    assert_int_equal(mkfifoat(fd, ".out.15.tmp", 0600), 0);
    put(".out.16.tmp");
    replace("out");
    for (size_t i = 0; i < CR_COUNT(names); i++)
        assert_true(there(names[i]));
    assert_true(there(".out.13.tmp") && there(".out.14.tmp") && there(".out.15.tmp"));
    assert_false(there(".out.16.tmp"));
}

static void what_is_being_written_stays(void **state)
{
    int f;

    (void)state;
    assert_int_equal(cr_temp_open(fd, ".out.1.tmp", &f, NULL).code, CR_OK);
    replace("out");
    cr_temp_sweep(fd, NULL);
    assert_true(there(".out.1.tmp"));
    close(f);
    errno = ERANGE;
    cr_temp_sweep(fd, NULL);
    assert_int_equal(errno, ERANGE);
    assert_false(there(".out.1.tmp"));
    assert_true(there("out"));
}

static void one_that_exists_is_not_taken(void **state)
{
    struct cr_err err = {0};
    int f;

    (void)state;
    put(".out.1.tmp");
    assert_int_equal(cr_temp_open(fd, ".out.1.tmp", &f, &err).code, CR_E_IO);
    assert_non_null(strstr(err.text, "cannot create .out.1.tmp"));
}

/* Writers of one file at once never take each other's for stale. */
static void writers_at_once_do_not_sweep_each_other(void **state)
{
    pid_t pids[4];
    int status;

    (void)state;
    for (size_t i = 0; i < CR_COUNT(pids); i++) {
        assert_true((pids[i] = fork()) >= 0);
        if (pids[i] == 0) {
            char path[64];

            (void)snprintf(path, sizeof path, "%s/out", dir);
            for (int k = 0; k < 200; k++)
                if (cr_failed(cr_path_replace(path, 0644, cr_bytes_str("new"), NULL)))
                    _exit(1);
            _exit(0);
        }
    }
    for (size_t i = 0; i < CR_COUNT(pids); i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_next_writer_removes_what_a_killed_one_left, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(what_is_not_of_this_file_stays, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(what_is_being_written_stays, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(one_that_exists_is_not_taken, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(writers_at_once_do_not_sweep_each_other, make_dir, remove_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
