/* SPDX-License-Identifier: Apache-2.0 */
#include "stores/store.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../needs.h"
#include "../roles/fake_cert.h"
#include "fixture.h"
#include "roles/role_codec.h"
#include "traced.h"

static mode_t mode_of(const struct fixture *f, const char *name)
{
    struct stat sb;

    assert_int_equal(fstatat(store_dirfd(f->store), name, &sb, AT_SYMLINK_NOFOLLOW), 0);
    return sb.st_mode & 07777;
}

static void the_state_on_disk_has_the_modes_readers_need(void **state)
{
    struct fixture *f = *state;
    struct role_cert *cert = fake_cert("A", NULL);
    struct cr_err err = {0};
    char name[128];
    mode_t old = umask(077);

    must(save(f->store, "R", 1, &err), &err);
    must(store_cert_save(f->store, cert, &err), &err);
    (void)umask(old);
    (void)snprintf(name, sizeof name, "certs/%s.json", cert->thumbprint);
    assert_int_equal(mode_of(f, "roles"), 0755);
    assert_int_equal(mode_of(f, "certs"), 0755);
    assert_int_equal(mode_of(f, "roles/R.json"), 0644);
    assert_int_equal(mode_of(f, name), 0644);
    assert_int_equal(mode_of(f, ".lock"), 0600);
    role_cert_unref(&cert);
}

static void a_umask_does_not_close_new_directories(void **state)
{
    struct fixture *f = *state;
    struct store *other = NULL;
    struct cr_err err = {0};
    char dir[128];
    struct stat sb;
    mode_t old;

    (void)snprintf(dir, sizeof dir, "%s/second", f->dir);
    assert_int_equal(mkdir(dir, 0755), 0);
    old = umask(077);
    must(store_file_open(dir, true, &other, &err), &err);
    (void)umask(old);
    assert_int_equal(fstatat(store_dirfd(other), "roles", &sb, 0), 0);
    assert_int_equal(sb.st_mode & 07777, 0755);
    store_close(&other);
}

static void a_record_reads_back_with_a_stamp(void **state)
{
    struct fixture *f = *state;
    struct role_record *rec = NULL;
    struct cr_stamp stamp;
    struct cr_err err = {0};

    must(save(f->store, "R", 1, &err), &err);
    must(store_load(f->store, "R", &rec, &stamp, &err), &err);
    assert_string_equal(rec->name, "R");
    assert_string_equal(rec->changed.who, "alice");
    assert_false(store_changed(f->store, "R", &stamp));
    must(save(f->store, "R", 2, &err), &err);
    assert_true(store_changed(f->store, "R", &stamp));
    assert_int_equal(rec->generation, 1); /* a snapshot */
    role_record_unref(&rec);
}

static void a_hundred_fast_changes_all_change_the_stamp(void **state)
{
    struct fixture *f = *state;
    struct cr_err err = {0};

    must(save(f->store, "R", 1, &err), &err);
    for (uint64_t g = 2; g <= 100; g++) {
        struct role_record *rec = NULL;
        struct cr_stamp stamp;

        must(store_load(f->store, "R", &rec, &stamp, &err), &err);
        role_record_unref(&rec);
        must(save(f->store, "R", g, &err), &err);
        assert_true(store_changed(f->store, "R", &stamp));
    }
}

struct look {
    struct store *store;
    struct cr_stamp stamp;
};

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int look_once(void *arg)
{
    const struct look *look = arg;

    errno = ERANGE;
    return store_changed(look->store, "R", &look->stamp) || errno != ERANGE;
}

static unsigned count(const struct traced *t, long nr)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->calls && i < TRACED_MAX; i++)
        n += t->nr[i] == nr;
    return n;
}

static void looking_for_a_change_is_one_system_call(void **state)
{
    struct fixture *f = *state;
    struct look look = {.store = f->store};
    struct role_record *rec = NULL;
    struct traced none, one;
    struct cr_err err = {0};

    needs(traced_allowed(), "leave to trace a child");
    must(save(f->store, "R", 1, &err), &err);
    must(store_load(f->store, "R", &rec, &look.stamp, &err), &err);
    role_record_unref(&rec);
    traced_run(do_nothing, NULL, 0, &none);
    traced_run(look_once, &look, 0, &one);
    assert_int_equal(one.exit_code, 0);
    assert_int_equal(one.calls, none.calls + 1);
    assert_int_equal(count(&one, SYS_newfstatat), count(&none, SYS_newfstatat) + 1);
}

static void a_vanished_record_counts_as_changed_and_errno_stays(void **state)
{
    struct fixture *f = *state;
    struct role_record *rec = NULL;
    struct cr_stamp stamp;
    struct cr_err err = {0};

    must(save(f->store, "R", 1, &err), &err);
    must(store_load(f->store, "R", &rec, &stamp, &err), &err);
    assert_int_equal(unlinkat(store_dirfd(f->store), "roles/R.json", 0), 0);
    role_record_unref(&rec);
    errno = ERANGE;
    assert_true(store_changed(f->store, "R", &stamp));
    assert_int_equal(store_load(f->store, "R", &rec, NULL, &err).code, CR_E_NOT_FOUND);
    assert_int_equal(errno, ERANGE);
    assert_null(rec);
}

static void names_that_leave_the_directory_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"", ".", "..", "../R", "a/b", ".hidden", "1st", "R\n", "R R"};
    struct cr_stamp stamp = {0};
    struct cr_err err = {0};

    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct role_record *rec = NULL;

        assert_true(cr_failed(store_load(f->store, bad[i], &rec, &stamp, &err)));
        assert_int_not_equal(err.code, CR_E_NOT_FOUND);
        assert_null(rec);
    }
    assert_int_equal(store_cert_remove(f->store, "../roles/R", &err).code, CR_E_INVALID);
}

static void broken_records_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name, *text;
        enum cr_code code;
    } rows[] = {
        {"roles/Empty.json", "", CR_E_INVALID},
        {"roles/Text.json", "not JSON", CR_E_INVALID},
        {"roles/Half.json", "{\"format\": 1, \"role\": \"Half\"", CR_E_INVALID},
        {"roles/Newer.json", "{\"format\": 2}", CR_E_UNSUPPORTED},
    };
    struct cr_err err = {0};

    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct role_record *rec = NULL;
        char role[64];

        put_file(f, rows[i].name, rows[i].text);
        (void)snprintf(role, sizeof role, "%.*s", (int)strcspn(rows[i].name + 6, "."), rows[i].name + 6);
        assert_int_equal(store_load(f->store, role, &rec, NULL, &err).code, rows[i].code);
        assert_null(rec);
    }
}

static void a_record_under_anothers_name_is_refused(void **state)
{
    struct fixture *f = *state;
    struct role_record *rec = NULL;
    struct cr_err err = {0};

    must(save(f->store, "R", 1, &err), &err);
    assert_int_equal(renameat(store_dirfd(f->store), "roles/R.json", store_dirfd(f->store), "roles/S.json"), 0);
    assert_int_equal(store_load(f->store, "S", &rec, NULL, &err).code, CR_E_INVALID);
}

static void an_oversized_record_is_refused(void **state)
{
    struct fixture *f = *state;
    struct role_record *rec = NULL;
    struct cr_err err = {0};
    int fd;

    put_file(f, "roles/Big.json", "{");
    fd = openat(store_dirfd(f->store), "roles/Big.json", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, ROLE_JSON_MAX + 1), 0);
    (void)close(fd);
    assert_int_equal(store_load(f->store, "Big", &rec, NULL, &err).code, CR_E_INVALID);
}

static void a_record_that_is_no_plain_file_is_refused(void **state)
{
    struct fixture *f = *state;
    struct role_record *rec = NULL;
    struct cr_err err = {0};
    int dir = store_dirfd(f->store);

    must(save(f->store, "R", 1, &err), &err);
    assert_int_equal(symlinkat("R.json", dir, "roles/Link.json"), 0);
    assert_int_equal(mkfifoat(dir, "roles/Pipe.json", 0644), 0);
    assert_int_equal(mkdirat(dir, "roles/Dir.json", 0755), 0);
    assert_int_equal(store_load(f->store, "Link", &rec, NULL, &err).code, CR_E_REFUSED);
    assert_int_equal(store_load(f->store, "Pipe", &rec, NULL, &err).code, CR_E_IO);
    assert_int_equal(store_load(f->store, "Dir", &rec, NULL, &err).code, CR_E_IO);
    assert_null(rec);
}

static void what_others_may_write_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *name;
        mode_t bad, good;
    } rows[] = {{".", 0775, 0755}, {".", 0757, 0755}, {"roles", 0775, 0755}, {"certs", 0777, 0755}};
    struct role_record *rec = NULL;
    struct cr_err err = {0};

    must(save(f->store, "R", 1, &err), &err);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct store *other = NULL;

        assert_int_equal(fchmodat(store_dirfd(f->store), rows[i].name, rows[i].bad, 0), 0);
        assert_int_equal(store_file_open(f->dir, false, &other, &err).code, CR_E_REFUSED);
        assert_null(other);
        assert_int_equal(fchmodat(store_dirfd(f->store), rows[i].name, rows[i].good, 0), 0);
    }
    assert_int_equal(fchmodat(store_dirfd(f->store), "roles/R.json", 0664, 0), 0);
    assert_int_equal(store_load(f->store, "R", &rec, NULL, &err).code, CR_E_REFUSED);
}

static void a_strangers_state_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store *other = NULL;
    struct cr_err err = {0};

    needs(geteuid() == 0, "root");
    assert_int_equal(chown(f->dir, 12345, (gid_t)-1), 0);
    assert_int_equal(store_file_open(f->dir, false, &other, &err).code, CR_E_REFUSED);
    assert_int_equal(chown(f->dir, 0, (gid_t)-1), 0);
}

static void a_symbolic_link_as_roles_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store *other = NULL;
    struct cr_err err = {0};
    int dir = store_dirfd(f->store);

    assert_int_equal(renameat(dir, "roles", dir, "elsewhere"), 0);
    assert_int_equal(symlinkat("elsewhere", dir, "roles"), 0);
    assert_true(cr_failed(store_file_open(f->dir, true, &other, &err)));
    assert_null(other);
}

static void a_reader_makes_nothing_and_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct store *reader = NULL;
    struct cr_err err = {0};
    struct stat sb;

    must(store_file_open(f->dir, false, &reader, &err), &err);
    assert_int_equal(save(reader, "R", 1, &err).code, CR_E_INTERNAL);
    assert_int_equal(fstatat(store_dirfd(reader), ".lock", &sb, 0), -1);
    store_close(&reader);
    assert_int_equal(store_file_open("/nonexistent/state", false, &reader, &err).code, CR_E_IO);
}

static void only_role_names_are_listed(void **state)
{
    struct fixture *f = *state;
    char **names = NULL;
    struct cr_err err = {0};
    size_t n = 0;

    must(save(f->store, "b", 1, &err), &err);
    must(save(f->store, "A.x", 1, &err), &err);
    put_file(f, "roles/.b.json.tmp", "");
    put_file(f, "roles/notes.txt", "");
    put_file(f, "roles/1st.json", "");
    put_file(f, "roles/.json", "");
    put_file(f, "roles/b.json~", "");
    must(store_roles(f->store, &names, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "A.x");
    assert_string_equal(names[1], "b");
    store_names_free(&names, n);
    assert_null(names);
}

static void whoever_takes_the_lock_sweeps_what_killed_writers_left(void **state)
{
    static const char *const left[] = {".revoked.json.tmp", "roles/.gone.json.tmp", "certs/.00.json.tmp"};
    struct fixture *f = *state;
    struct cr_err err = {0};

    for (size_t i = 0; i < CR_COUNT(left); i++)
        put_file(f, left[i], "half");
    put_file(f, "roles/notes.tmp", "");
    must(save(f->store, "R", 1, &err), &err);
    for (size_t i = 0; i < CR_COUNT(left); i++)
        assert_int_equal(faccessat(store_dirfd(f->store), left[i], F_OK, 0), -1);
    assert_int_equal(faccessat(store_dirfd(f->store), "roles/notes.tmp", F_OK, 0), 0);
}

static void a_name_that_differs_only_in_case_is_refused(void **state)
{
    struct fixture *f = *state;
    struct cr_err err = {0};
    char other[ROLE_NAME_MAX + 1] = "";

    must(save(f->store, "OAuth", 1, &err), &err);
    assert_false(store_case_clash(f->store, "OAuth", other));
    assert_false(store_case_clash(f->store, "OAuth2", other));
    assert_true(store_case_clash(f->store, "oauth", other));
    assert_string_equal(other, "OAuth");
    assert_int_equal(save(f->store, "oauth", 1, &err).code, CR_E_REFUSED);
    assert_non_null(strstr(err.text, "OAuth"));
}

/* Its directory descriptors are all that a reader needs. */
static int read_from_a_chroot(const struct fixture *f)
{
    struct store *reader = NULL;
    struct role_record *rec = NULL;
    struct cr_stamp stamp;
    char **names = NULL;
    size_t n = 0;

    if (cr_failed(store_file_open(f->dir, false, &reader, NULL)))
        return 1;
    if (chroot("/proc/self/fdinfo") != 0 || chdir("/") != 0 || setgroups(0, NULL) != 0 || setgid(65534) != 0 ||
        setuid(65534) != 0)
        return 2;
    if (cr_failed(store_load(reader, "R", &rec, &stamp, NULL)) || rec->generation != 1)
        return 3;
    if (store_changed(reader, "R", &stamp))
        return 4;
    if (cr_failed(store_roles(reader, &names, &n, NULL)) || n != 1)
        return 5;
    store_names_free(&names, n);
    role_record_unref(&rec);
    store_close(&reader);
    return 0;
}

static void a_reader_goes_on_after_chroot_and_setuid(void **state)
{
    struct fixture *f = *state;
    struct cr_err err = {0};
    int status = 0;
    pid_t pid;

    needs(geteuid() == 0, "root");
    must(save(f->store, "R", 1, &err), &err);
    assert_true((pid = fork()) >= 0);
    if (pid == 0)
        _exit(read_from_a_chroot(f));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

struct reading {
    struct store *store;
    bool stop; /* atomic */
    unsigned bad;
};

static void *read_along(void *arg)
{
    struct reading *r = arg;
    uint64_t last = 0;

    while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
        struct role_record *rec = NULL;
        struct cr_stamp stamp;

        if (cr_failed(store_load(r->store, "R", &rec, &stamp, NULL)) || rec->generation < last)
            __atomic_add_fetch(&r->bad, 1, __ATOMIC_RELAXED);
        else
            last = rec->generation;
        (void)store_changed(r->store, "R", &stamp);
        role_record_unref(&rec);
    }
    return NULL;
}

static void threads_read_one_store_while_it_is_written(void **state)
{
    struct fixture *f = *state;
    struct reading r = {0};
    pthread_t threads[3];
    struct cr_err err = {0};

    must(save(f->store, "R", 1, &err), &err);
    must(store_file_open(f->dir, false, &r.store, &err), &err);
    for (size_t i = 0; i < CR_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_along, &r), 0);
    for (uint64_t g = 2; g <= 100; g++)
        must(save(f->store, "R", g, &err), &err);
    __atomic_store_n(&r.stop, true, __ATOMIC_RELEASE);
    for (size_t i = 0; i < CR_COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(r.bad, 0);
    store_close(&r.store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

/* The newest descriptor that leads to @path. */
static int descriptor_of(const char *path)
{
    char link[32], target[256];
    int found = -1;

    for (int fd = 3; fd < 256; fd++) {
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, target, sizeof target - 1);

        if (n > 0 && (size_t)n == strlen(path) && memcmp(target, path, (size_t)n) == 0)
            found = fd;
    }
    assert_true(found >= 0);
    return found;
}

/* As daemons do with what they do not know: the number is another directory's then, or nobody's. */
static int host_closes(const char *path, const char *other)
{
    int fd = descriptor_of(path), anew;

    assert_int_equal(close(fd), 0);
    if (other == NULL)
        return fd;
    anew = open(other, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(anew >= 0);
    if (anew != fd) {
        assert_int_equal(dup2(anew, fd), fd);
        assert_int_equal(close(anew), 0);
    }
    return fd;
}

static void a_host_that_closes_descriptors_changes_no_answer(void **state)
{
    struct fixture *f = *state;
    struct store *reader = NULL;
    struct role_record *rec = NULL;
    struct cr_stamp stamp;
    struct cr_err err = {0};
    char roles[128], others[128], top[128];
    int theirs[2];

    must(save(f->store, "R", 1, &err), &err);
    (void)snprintf(top, sizeof top, "%s", f->dir);
    (void)snprintf(roles, sizeof roles, "%s/roles", f->dir);
    (void)snprintf(others, sizeof others, "%s/others", f->dir);
    assert_int_equal(mkdir(others, 0755), 0);
    must(store_file_open(f->dir, false, &reader, &err), &err);
    (void)host_closes(roles, NULL);
    assert_int_equal(generation_of(reader, "R"), 1);
    must(store_load(reader, "R", &rec, &stamp, &err), &err);
    role_record_unref(&rec);
    theirs[0] = host_closes(roles, others); /* the one that was opened again */
    theirs[1] = host_closes(top, others);
    must(save(f->store, "R", 2, &err), &err);
    assert_true(store_changed(reader, "R", &stamp));
    must(store_load(reader, "R", &rec, &stamp, &err), &err);
    assert_int_equal(rec->generation, 2);
    role_record_unref(&rec);
    assert_false(store_changed(reader, "R", &stamp));
    store_close(&reader);
    for (size_t i = 0; i < CR_COUNT(theirs); i++) {
        assert_true(fcntl(theirs[i], F_GETFD) >= 0); /* left alone */
        assert_int_equal(close(theirs[i]), 0);
    }
}

static void what_cannot_be_opened_again_is_named(void **state)
{
    struct fixture *f = *state;
    struct store *reader = NULL;
    struct role_record *rec = NULL;
    struct cr_err err = {0};
    char roles[128], aside[128];

    must(save(f->store, "R", 1, &err), &err);
    (void)snprintf(roles, sizeof roles, "%s/roles", f->dir);
    (void)snprintf(aside, sizeof aside, "%s.aside", f->dir);
    must(store_file_open(f->dir, false, &reader, &err), &err);
    (void)host_closes(roles, NULL);
    assert_int_equal(rename(f->dir, aside), 0);
    assert_true(cr_failed(store_load(reader, "R", &rec, NULL, &err)));
    assert_non_null(strstr(cr_err_text(&err), "this program has closed certroll's files"));
    assert_non_null(strstr(cr_err_text(&err), f->dir));
    assert_int_equal(rename(aside, f->dir), 0);
    assert_int_equal(generation_of(reader, "R"), 1);
    store_close(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_state_on_disk_has_the_modes_readers_need),
        TEST(a_umask_does_not_close_new_directories),
        TEST(a_record_reads_back_with_a_stamp),
        TEST(a_hundred_fast_changes_all_change_the_stamp),
        TEST(looking_for_a_change_is_one_system_call),
        TEST(a_vanished_record_counts_as_changed_and_errno_stays),
        TEST(names_that_leave_the_directory_are_refused),
        TEST(broken_records_are_refused),
        TEST(a_record_under_anothers_name_is_refused),
        TEST(an_oversized_record_is_refused),
        TEST(a_record_that_is_no_plain_file_is_refused),
        TEST(what_others_may_write_is_refused),
        TEST(a_strangers_state_is_refused),
        TEST(a_symbolic_link_as_roles_is_refused),
        TEST(a_reader_makes_nothing_and_cannot_write),
        TEST(only_role_names_are_listed),
        TEST(whoever_takes_the_lock_sweeps_what_killed_writers_left),
        TEST(a_name_that_differs_only_in_case_is_refused),
        TEST(a_reader_goes_on_after_chroot_and_setuid),
        TEST(a_host_that_closes_descriptors_changes_no_answer),
        TEST(what_cannot_be_opened_again_is_named),
        TEST(threads_read_one_store_while_it_is_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
