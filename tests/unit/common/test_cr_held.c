/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cr_held.h"

static char dir[64];
static int fd = -1;

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/certroll-held.XXXXXX");
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

static void put(const char *name, const char *text)
{
    assert_int_equal(cr_file_replace(fd, name, 0644, (gid_t)-1, cr_bytes_str(text), NULL).code, CR_OK);
}

static struct cr_held *hold(const char *name)
{
    struct cr_stamp stamp;
    struct cr_held *held;

    put(name, "a");
    assert_int_equal(cr_stamp_get(fd, name, &stamp, NULL).code, CR_OK);
    held = cr_held_new(fd, name, &stamp);
    if (held == NULL)
        skip(); /* a file system that would not tell */
    assert_true(cr_held_same(held));
    return held;
}

static void replace(void)
{
    put("f", "a");
}

static void unlink_it(void)
{
    assert_int_equal(unlinkat(fd, "f", 0), 0);
}

static void rename_it(void)
{
    usleep(20000); /* a tick of the file system's clock */
    assert_int_equal(renameat(fd, "f", fd, "g"), 0);
}

static void exchange(void)
{
    put("g", "b");
    usleep(20000);
    assert_int_equal(renameat2(fd, "g", fd, "f", RENAME_EXCHANGE), 0);
}

static void write_in_place(void)
{
    int f = openat(fd, "f", O_WRONLY | O_APPEND | O_CLOEXEC);

    assert_int_equal(write(f, "b", 1), 1);
    (void)close(f);
}

static void change_mode(void)
{
    usleep(20000);
    assert_int_equal(fchmodat(fd, "f", 0600, 0), 0);
}

static void link_it(void)
{
    assert_int_equal(linkat(fd, "f", fd, "g", 0), 0);
}

static void whatever_happens_to_the_file_shows(void **state)
{
    static void (*const events[])(void) = {replace,        unlink_it,   rename_it, exchange,
                                           write_in_place, change_mode, link_it};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(events); i++) {
        struct cr_held *held = hold("f");

        events[i]();
        errno = ERANGE;
        assert_false(cr_held_same(held));
        assert_int_equal(errno, ERANGE);
        cr_held_unref(&held);
        assert_null(held);
        (void)unlinkat(fd, "f", 0);
        (void)unlinkat(fd, "g", 0);
    }
}

static void another_file_and_one_with_two_names_are_not_held(void **state)
{
    struct cr_stamp stamp;

    (void)state;
    put("f", "a");
    assert_int_equal(cr_stamp_get(fd, "f", &stamp, NULL).code, CR_OK);
    put("f", "a");
    errno = ERANGE;
    assert_null(cr_held_new(fd, "f", &stamp));
    assert_null(cr_held_new(fd, "absent", &stamp));
    assert_int_equal(errno, ERANGE);
    assert_int_equal(linkat(fd, "f", fd, "g", 0), 0);
    assert_int_equal(cr_stamp_get(fd, "f", &stamp, NULL).code, CR_OK);
    assert_null(cr_held_new(fd, "f", &stamp));
    assert_int_equal(symlinkat("f", fd, "l"), 0);
    assert_int_equal(cr_stamp_get(fd, "l", &stamp, NULL).code, CR_OK);
    {
        struct cr_held *held = cr_held_new(fd, "l", &stamp); /* the link, as fstatat sees it; never what it leads to */

        put("f", "b");
        assert_true(held == NULL || cr_held_same(held));
        cr_held_unref(&held);
    }
}

/* Daemons close all descriptors, and their own sockets get the numbers. */
static void a_descriptor_that_became_the_hosts_is_left_alone(void **state)
{
    struct cr_held *held = hold("f");
    int theirs = open("/dev/null", O_RDONLY | O_CLOEXEC), number = -1;

    (void)state;
    for (int i = 3; i < theirs; i++) {
        struct stat a, b;

        assert_int_equal(fstatat(fd, "f", &b, 0), 0);
        if (fstat(i, &a) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev)
            number = i;
    }
    assert_true(number >= 3);
    assert_int_equal(dup2(theirs, number), number);
    assert_false(cr_held_same(held));
    cr_held_unref(&held);
    assert_int_equal(fcntl(number, F_GETFD) >= 0, 1);
    (void)close(number);
    (void)close(theirs);
}

static void descriptors_are_bounded_and_come_back(void **state)
{
    struct cr_held *held[200] = {NULL}, *again;
    char name[16];
    size_t n = 0;

    (void)state;
    again = hold("f");
    for (size_t i = 0; i < CR_COUNT(held); i++) {
        struct cr_stamp stamp;

        (void)snprintf(name, sizeof name, "f%zu", i);
        put(name, "a");
        assert_int_equal(cr_stamp_get(fd, name, &stamp, NULL).code, CR_OK);
        held[i] = cr_held_new(fd, name, &stamp);
        n += held[i] != NULL;
    }
    assert_in_range(n, 1, 100);
    for (size_t i = 0; i < CR_COUNT(held); i++)
        cr_held_unref(&held[i]);
    cr_held_unref(&again);
    again = hold("f");
    assert_ptr_equal(cr_held_ref(again), again);
    cr_held_unref(&(struct cr_held *){again});
    assert_true(cr_held_same(again));
    cr_held_unref(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whatever_happens_to_the_file_shows, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(another_file_and_one_with_two_names_are_not_held, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_descriptor_that_became_the_hosts_is_left_alone, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(descriptors_are_bounded_and_come_back, make_dir, remove_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
