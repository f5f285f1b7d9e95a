/* SPDX-License-Identifier: Apache-2.0 */
/* Compare-and-swap: several writers, no change lost. */
#include "stores/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

#define CHANGES 200

static int increment(const struct fixture *f)
{
    struct store *store = NULL;

    if (cr_failed(store_file_open(f->dir, true, &store, NULL)))
        return 1;
    for (unsigned done = 0; done < CHANGES;) {
        cr_status st = save(store, "R", generation_of(store, "R") + 1, NULL);

        if (!cr_failed(st))
            done++;
        else if (st.code != CR_E_CHANGED && st.code != CR_E_BUSY) /* BUSY: a busy machine stopped the other one */
            return 2;
    }
    store_close(&store);
    return 0;
}

static void two_racing_processes_lose_no_change(void **state)
{
    struct fixture *f = *state;
    pid_t pids[2];

    for (size_t i = 0; i < CR_COUNT(pids); i++) {
        assert_true((pids[i] = fork()) >= 0);
        if (pids[i] == 0)
            _exit(increment(f));
    }
    for (size_t i = 0; i < CR_COUNT(pids); i++) {
        int status = 0;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_int_equal(generation_of(f->store, "R"), 2 * CHANGES);
}

static void an_old_generation_is_refused_naming_who_and_when(void **state)
{
    struct fixture *f = *state;
    struct role_record *bobs = make_record("R", 2, "bob (sudo root) on host2");
    struct cr_err err = {0};

    must(save(f->store, "R", 1, &err), &err);
    must(store_save(f->store, bobs, 1, &err), &err);
    assert_int_equal(save(f->store, "R", 2, &err).code, CR_E_CHANGED);
    assert_non_null(strstr(err.text, "generation 2"));
    assert_non_null(strstr(err.text, "bob (sudo root) on host2"));
    assert_non_null(strstr(err.text, "2026-01-01T00:00:02Z"));
    assert_int_equal(generation_of(f->store, "R"), 2);
    role_record_unref(&bobs);
}

static void a_first_record_does_not_replace_another(void **state)
{
    struct fixture *f = *state;
    struct cr_err err = {0};

    must(save(f->store, "R", 1, &err), &err);
    assert_int_equal(save(f->store, "R", 1, &err).code, CR_E_CHANGED);
}

static void a_change_to_a_vanished_role_is_refused(void **state)
{
    struct fixture *f = *state;
    struct cr_err err = {0};

    assert_int_equal(save(f->store, "R", 8, &err).code, CR_E_CHANGED);
    assert_non_null(strstr(err.text, "gone"));
    assert_int_equal(generation_of(f->store, "R"), 0);
}

static void a_generation_never_restarts(void **state)
{
    struct fixture *f = *state;
    struct role_record *rec = make_record("R", 1, "alice");
    struct cr_err err = {0};

    must(store_save(f->store, rec, 0, &err), &err);
    assert_int_equal(store_save(f->store, rec, 1, &err).code, CR_E_INTERNAL);
    role_record_unref(&rec);
}

static void a_damaged_record_is_not_overwritten(void **state)
{
    struct fixture *f = *state;
    struct cr_err err = {0};

    put_file(f, "roles/R.json", "damaged");
    assert_int_equal(save(f->store, "R", 1, &err).code, CR_E_INVALID);
    assert_int_equal(save(f->store, "R", 2, &err).code, CR_E_INVALID);
}

static void a_held_lock_is_waited_for_and_then_reported(void **state)
{
    struct fixture *f = *state;
    struct store *other = NULL;
    struct timespec a, b;
    struct cr_err err = {0};

    must(store_file_open(f->dir, true, &other, &err), &err);
    must(store_lock(f->store, 1000, &err), &err);
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &a), 0);
    assert_int_equal(store_lock(other, 100, &err).code, CR_E_BUSY);
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &b), 0);
    assert_true((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000 >= 99);
    must(save(f->store, "R", 1, &err), &err); /* by its holder, who keeps it */
    assert_int_equal(store_lock(other, 0, &err).code, CR_E_BUSY);
    store_unlock(f->store);
    must(store_lock(other, 1000, &err), &err);
    store_close(&other); /* gives it back */
    must(store_lock(f->store, 0, &err), &err);
    store_unlock(f->store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_racing_processes_lose_no_change),
        TEST(an_old_generation_is_refused_naming_who_and_when),
        TEST(a_first_record_does_not_replace_another),
        TEST(a_change_to_a_vanished_role_is_refused),
        TEST(a_generation_never_restarts),
        TEST(a_damaged_record_is_not_overwritten),
        TEST(a_held_lock_is_waited_for_and_then_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
