/* SPDX-License-Identifier: Apache-2.0 */
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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cr_file.h"

static char dir[64];
static int fd = -1;

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/certroll-file.XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -1 : 0;
}

static int remove_dir(void **state)
{
    char command[128];

    (void)state;
    (void)close(fd);
    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void write_text(const char *name, const char *text)
{
    struct cr_err err = {0};

    if (cr_failed(cr_file_replace(fd, name, 0644, (gid_t)-1, cr_bytes_str(text), &err)))
        fail_msg("%s", err.text);
}

static void expect_text(const char *name, const char *text)
{
    struct cr_buf got = {0};
    struct cr_err err = {0};

    if (cr_failed(cr_file_read(fd, name, 1000, true, &got, NULL, &err)))
        fail_msg("%s", err.text);
    assert_string_equal((const char *)got.p, text);
    cr_buf_clear(&got);
}

static void every_replacement_has_a_later_time(void **state)
{
    struct cr_stamp before = {0}, after = {0};

    (void)state;
    write_text("f", "0");
    assert_int_equal(cr_stamp_get(fd, "f", &before, NULL).code, CR_OK);
    for (int i = 0; i < 1000; i++) {
        write_text("f", "0");
        assert_int_equal(cr_stamp_get(fd, "f", &after, NULL).code, CR_OK);
        assert_true(after.mtime_ns > before.mtime_ns);
        assert_false(cr_stamp_equal(&before, &after));
        before = after;
    }
    expect_text("f", "0");
}

static void a_clock_in_the_past_does_not_turn_time_back(void **state)
{
    struct timespec future[2] = {{4000000000, 0}, {4000000000, 5}};
    struct cr_stamp s = {0};

    (void)state;
    write_text("f", "1");
    assert_int_equal(utimensat(fd, "f", future, 0), 0);
    write_text("f", "2");
    assert_int_equal(cr_stamp_get(fd, "f", &s, NULL).code, CR_OK);
    assert_int_equal(s.mtime_ns, INT64_C(4000000000000000006));
}

static void a_missing_file_is_not_found_and_errno_stays(void **state)
{
    struct cr_stamp s = {.size = 1};
    struct cr_buf got = {0};

    (void)state;
    errno = ERANGE;
    assert_int_equal(cr_stamp_get(fd, "absent", &s, NULL).code, CR_E_NOT_FOUND);
    assert_int_equal(s.size, 0);
    assert_int_equal(cr_file_read(fd, "absent", 10, true, &got, NULL, NULL).code, CR_E_NOT_FOUND);
    assert_int_equal(errno, ERANGE);
}

static void links_fifos_and_directories_are_no_files(void **state)
{
    struct cr_buf got = {0};

    (void)state;
    write_text("f", "x");
    assert_int_equal(symlinkat("f", fd, "link"), 0);
    assert_int_equal(mkfifoat(fd, "fifo", 0600), 0);
    assert_int_equal(mkdirat(fd, "dir", 0700), 0);
    assert_int_equal(cr_file_read(fd, "link", 10, false, &got, NULL, NULL).code, CR_E_REFUSED);
    assert_int_equal(cr_file_read(fd, "fifo", 10, false, &got, NULL, NULL).code, CR_E_IO);
    assert_int_equal(cr_file_read(fd, "dir", 10, false, &got, NULL, NULL).code, CR_E_IO);
    assert_null(got.p);
}

static void what_others_can_write_is_not_trusted(void **state)
{
    static const mode_t bad[] = {0664, 0646, 0666};
    struct cr_buf got = {0};
    struct cr_err err = {0};

    (void)state;
    write_text("f", "x");
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        assert_int_equal(fchmodat(fd, "f", bad[i], 0), 0);
        assert_int_equal(cr_file_read(fd, "f", 10, true, &got, NULL, &err).code, CR_E_REFUSED);
        assert_non_null(strstr(err.text, "writable by others"));
        assert_int_equal(cr_file_read(fd, "f", 10, false, &got, NULL, &err).code, CR_OK);
        cr_buf_clear(&got);
    }
    if (geteuid() == 0) {
        assert_int_equal(fchmodat(fd, "f", 0644, 0), 0);
        assert_int_equal(fchownat(fd, "f", 12345, 12345, 0), 0);
        assert_int_equal(cr_file_read(fd, "f", 10, true, &got, NULL, &err).code, CR_E_REFUSED);
    }
}

static void a_file_over_the_limit_is_refused(void **state)
{
    struct cr_buf got = {0};

    (void)state;
    write_text("f", "12345");
    assert_int_equal(cr_file_read(fd, "f", 4, true, &got, NULL, NULL).code, CR_E_INVALID);
    assert_int_equal(cr_file_read(fd, "f", 5, true, &got, NULL, NULL).code, CR_OK);
    cr_buf_clear(&got);
}

static void a_full_disk_leaves_the_old_content(void **state)
{
    struct rlimit old, small = {4096, 4096};
    static unsigned char much[10000];
    struct cr_err err = {0};

    (void)state;
    write_text("f", "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(cr_file_replace(fd, "f", 0644, (gid_t)-1, cr_bytes(much, sizeof much), &err).code, CR_E_IO);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    expect_text("f", "old");
    assert_int_equal(faccessat(fd, ".f.tmp", F_OK, 0), -1);
}

static void a_path_is_replaced_with_its_mode(void **state)
{
    char path[128];
    struct stat sb;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/out.pem", dir);
    assert_int_equal(cr_path_replace(path, 0640, cr_bytes_str("one"), NULL).code, CR_OK);
    assert_int_equal(cr_path_replace(path, 0640, cr_bytes_str("two"), NULL).code, CR_OK);
    expect_text("out.pem", "two");
    assert_int_equal(stat(path, &sb), 0);
    assert_int_equal(sb.st_mode & 07777, 0640);
    assert_int_equal(cr_path_replace("/dev/null", 0640, cr_bytes_str("two"), NULL).code, CR_OK);
    assert_int_equal(stat("/dev/null", &sb), 0);
    assert_true(S_ISCHR(sb.st_mode));
    (void)snprintf(path, sizeof path, "%s/absent/out.pem", dir);
    assert_int_equal(cr_path_replace(path, 0640, cr_bytes_str("x"), NULL).code, CR_E_IO);
    (void)snprintf(path, sizeof path, "%s/", dir);
    assert_int_equal(cr_path_replace(path, 0640, cr_bytes_str("x"), NULL).code, CR_E_USAGE);
}

/* Ends, with how many other owners it saw, when @path is gone. */
static pid_t watch_owner(const char *path, const struct stat *as)
{
    struct stat sb;
    int others = 0;
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    while (lstat(path, &sb) == 0)
        others += sb.st_uid != as->st_uid || sb.st_gid != as->st_gid || sb.st_mode != as->st_mode;
    _exit(others > 0);
}

static void a_file_never_has_another_owner_meanwhile(void **state)
{
    char path[128];
    struct stat as, sb;
    pid_t watcher;
    int status;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/keys.json", dir);
    write_text("keys.json", "old");
    assert_int_equal(chmod(path, 0640), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(path, 12345, 23456), 0);
    assert_int_equal(stat(path, &as), 0);
    watcher = watch_owner(path, &as);
    assert_true(watcher > 0);
    for (int i = 0; i < 200; i++)
        assert_int_equal(cr_path_replace_as(path, &as, cr_bytes_str(i % 2 ? "one" : "two"), NULL).code, CR_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(waitpid(watcher, &status, 0), watcher);
    assert_int_equal(status, 0);
    write_text("keys.json", "old");
    watcher = fork();
    if (watcher == 0) {
        as.st_uid = 1;
        if (geteuid() == 0 && (chmod(dir, 0777) != 0 || setuid(65534) != 0))
            _exit(2);
        _exit(cr_path_replace_as(path, &as, cr_bytes_str("new"), NULL).code == CR_E_IO ? 0 : 1);
    }
    assert_int_equal(waitpid(watcher, &status, 0), watcher);
    assert_int_equal(status, 0);
    expect_text("keys.json", "old");
    assert_int_equal(stat(path, &sb), 0);
    assert_int_equal(sb.st_uid, geteuid());
}

static void a_link_to_a_device_or_pipe_is_written_and_stays(void **state)
{
    char path[128], link[64], got[8] = {0};
    struct stat sb;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", ends[1]);
    assert_int_equal(symlinkat(link, fd, "stdout"), 0);
    (void)snprintf(path, sizeof path, "%s/stdout", dir);
    assert_int_equal(cr_path_replace(path, 0640, cr_bytes_str("text"), NULL).code, CR_OK);
    assert_int_equal(read(ends[0], got, sizeof got), 4);
    assert_string_equal(got, "text");
    assert_int_equal(lstat(path, &sb), 0);
    assert_true(S_ISLNK(sb.st_mode));
    assert_int_equal(close(ends[0]) | close(ends[1]), 0);
    assert_int_equal(symlinkat("elsewhere", fd, "dangling"), 0);
    (void)snprintf(path, sizeof path, "%s/dangling", dir);
    assert_int_equal(cr_path_replace(path, 0640, cr_bytes_str("text"), NULL).code, CR_OK);
    assert_int_equal(lstat(path, &sb), 0);
    assert_true(S_ISREG(sb.st_mode));
}

static void a_stale_temporary_is_replaced_and_a_link_there_not_followed(void **state)
{
    (void)state;
    write_text("victim", "keep");
    assert_int_equal(symlinkat("victim", fd, ".f.tmp"), 0);
    write_text("f", "new");
    expect_text("victim", "keep");
    expect_text("f", "new");
    assert_int_equal(faccessat(fd, ".f.tmp", F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

static void a_lock_is_private_and_no_link(void **state)
{
    struct stat sb;
    int mine = -1;

    (void)state;
    assert_int_equal(cr_lock_take(fd, ".lock", 0, &mine, NULL).code, CR_OK);
    assert_int_equal(fstat(mine, &sb), 0);
    assert_int_equal(sb.st_mode & 07777, 0600);
    assert_int_equal(fcntl(mine, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    cr_lock_give(&mine);
    cr_lock_give(&mine);
    write_text("f", "x");
    assert_int_equal(symlinkat("f", fd, "link"), 0);
    assert_int_equal(cr_lock_take(fd, "link", 0, &mine, NULL).code, CR_E_IO);
    assert_int_equal(mine, -1);
}

static void a_second_process_waits_for_the_lock(void **state)
{
    int mine = -1, status;
    pid_t pid;

    (void)state;
    assert_int_equal(cr_lock_take(fd, ".lock", 0, &mine, NULL).code, CR_OK);
    pid = fork();
    if (pid == 0) {
        int theirs = -1;

        (void)close(mine); /* flock belongs to the open file, which the child inherited */
        mine = -1;
        _exit(cr_lock_take(fd, ".lock", 50, &theirs, NULL).code == CR_E_BUSY ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    cr_lock_give(&mine);
    assert_int_equal(mine, -1);
    assert_int_equal(cr_lock_take(fd, ".lock", 0, &mine, NULL).code, CR_OK);
    cr_lock_give(&mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_replacement_has_a_later_time, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_clock_in_the_past_does_not_turn_time_back, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_missing_file_is_not_found_and_errno_stays, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(links_fifos_and_directories_are_no_files, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(what_others_can_write_is_not_trusted, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_file_over_the_limit_is_refused, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_the_old_content, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_path_is_replaced_with_its_mode, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_file_never_has_another_owner_meanwhile, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_link_to_a_device_or_pipe_is_written_and_stays, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_stale_temporary_is_replaced_and_a_link_there_not_followed, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_lock_is_private_and_no_link, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_second_process_waits_for_the_lock, make_dir, remove_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
