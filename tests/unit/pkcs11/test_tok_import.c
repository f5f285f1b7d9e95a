/* SPDX-License-Identifier: Apache-2.0 */
/* Several who import one key at once leave one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mocked.h"

enum { IMPORTERS = 4 };

static cr_status import(EVP_PKEY *pkey, char **where, bool *created)
{
    struct tok_key key = {0};
    struct tok_import what = {.key = &key, .label = "at once"};
    struct cr_err err = {0};
    cr_status st;

    fixture_numbers(pkey, &key);
    st = tok_import(mocked.f.loc, 0, &what, where, created, &err);
    if (cr_failed(st))
        fprintf(stderr, "%s\n", err.text);
    tok_key_clear(&key);
    return st;
}

/* Exits with 0 for a key made, 1 for one that was there, 2 for a failure. Waits until all have closed @start, if @wait. */
static pid_t import_in_child(EVP_PKEY *pkey, const int start[2], bool wait)
{
    char *where = NULL, go;
    bool created = false;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    mocked_open();
    cr_ignore(tok_local_warm(mocked.f.loc, NULL));
    close(start[1]);
    if (wait && read(start[0], &go, 1) != 0)
        _exit(99);
    if (cr_failed(import(pkey, &where, &created)))
        _exit(2);
    _exit(created ? 0 : 1);
}

static unsigned made_by(const pid_t *pids, size_t n)
{
    unsigned made = 0;
    int status;

    for (size_t i = 0; i < n; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        made += WEXITSTATUS(status) == 0;
    }
    return made;
}

static void one_is_there(EVP_PKEY *pkey)
{
    struct tok_key pub = {0};
    struct tok_object *obj = NULL;
    struct cr_err err = {0};
    char *where = NULL;
    bool created = true;

    mocked_open();
    assert_int_equal(import(pkey, &where, &created).code, CR_OK);
    assert_false(created);
    fixture_numbers(pkey, &pub);
    assert_int_equal(fixture_find(&mocked.f, where, &pub, pkey, &obj, &err).code, CR_OK);
    mocked.f.signer->ops->object_unref(&obj);
    tok_key_clear(&pub);
    free(where);
    mocked_close();
}

static void processes_that_import_one_key_at_once_leave_one(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        EVP_PKEY *pkey = fixture_key_fresh("EC:P-256");
        pid_t pids[IMPORTERS];
        int start[2];
        assert_int_equal(pipe(start), 0);
        for (size_t i = 0; i < IMPORTERS; i++)
            pids[i] = import_in_child(pkey, start, true);
        usleep(300000); /* they log in */
        close(start[1]);
        assert_int_equal(made_by(pids, IMPORTERS), 1);
        close(start[0]);
        one_is_there(pkey);
        EVP_PKEY_free(pkey);
    }
}

/* As far as it gets in a while: one that may not have its turn yet gets nowhere. */
static void child_runs(pid_t pid)
{
    siginfo_t info = {0};

    for (int ms = 0; ms < 500 && info.si_pid == 0; ms++) {
        usleep(1000);
        assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    }
}

/* SoftHSM would show neither of them the other's key: a change of one's own hides what came before. The second one is
 * stopped between its search and the making of its key. */
static void one_that_is_late_with_its_key_sees_the_others(void **state)
{
    EVP_PKEY *pkey = fixture_key_fresh("EC:P-256");
    atomic_ulong *delay_us = &mocked.counts->of[MOCK_C_CreateObject].delay_us;
    unsigned long before = mocked_calls(MOCK_C_CreateObject);
    pid_t pids[2];
    int start[2], status = 0;

    (void)state;
    assert_int_equal(pipe(start), 0);
    pids[0] = import_in_child(pkey, start, true);
    atomic_store(delay_us, 60000000);
    pids[1] = import_in_child(pkey, start, false);
    mocked_calls_wait(MOCK_C_CreateObject, before + 1);
    assert_int_equal(kill(pids[1], SIGSTOP), 0);
    assert_int_equal(waitpid(pids[1], &status, WUNTRACED), pids[1]);
    assert_true(WIFSTOPPED(status));
    atomic_store(delay_us, 0);
    close(start[1]);
    child_runs(pids[0]);
    assert_int_equal(kill(pids[1], SIGCONT), 0);
    assert_int_equal(made_by(pids, 2), 1);
    close(start[0]);
    one_is_there(pkey);
    EVP_PKEY_free(pkey);
}

struct importer {
    pthread_t thread;
    EVP_PKEY *pkey;
    bool created;
    cr_status st;
};

static void *import_in_thread(void *arg)
{
    struct importer *im = arg;
    char *where = NULL;

    im->st = import(im->pkey, &where, &im->created);
    free(where);
    return NULL;
}

/* False when one gave up: after a time that is short here, as it is also the one of the turn that never comes, or since two
 * others were slow to take theirs away. It may have left what it could not take away in time, but else there is one. */
static bool all_import(EVP_PKEY *pkey)
{
    struct importer all[IMPORTERS] = {0};
    unsigned made = 0, busy = 0, ambiguous = 0;
    char *where = NULL;
    bool created;

    for (size_t i = 0; i < IMPORTERS; i++) {
        all[i].pkey = pkey;
        assert_int_equal(pthread_create(&all[i].thread, NULL, import_in_thread, &all[i]), 0);
    }
    for (size_t i = 0; i < IMPORTERS; i++) {
        pthread_join(all[i].thread, NULL);
        made += !cr_failed(all[i].st) && all[i].created;
        busy += all[i].st.code == CR_E_BUSY;
        ambiguous += all[i].st.code == CR_E_AMBIGUOUS;
        assert_true(!cr_failed(all[i].st) || all[i].st.code == CR_E_BUSY || all[i].st.code == CR_E_AMBIGUOUS);
    }
    if (busy > 0)
        return false;
    if (ambiguous > 0) { /* for a while only */
        assert_int_equal(import(pkey, &where, &created).code, CR_OK);
        free(where);
    }
    assert_in_range(made, ambiguous > 0 ? 0 : 1, 1);
    one_is_there(pkey);
    return ambiguous == 0;
}

/* As on several machines: nobody waits for a turn, and each sees what all have made (SoftHSM with one call at a time). */
static void importers_that_get_no_turn_leave_one(void **state)
{
    int module = open(mocked.own_module, O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_true(module >= 0);
    assert_int_equal(flock(module, LOCK_EX), 0);
    mocked.conf.serialize = true;
    mocked.conf.wait_ms = 500;
    mocked.conf.max_sessions = 2 * IMPORTERS;
    for (int round = 0, tries = 0; round < 5; tries++) {
        EVP_PKEY *pkey = fixture_key_fresh("EC:P-256");
        assert_true(tries < 20);
        mocked_close();
        mocked_open();
        if (!cr_failed(tok_local_warm(mocked.f.loc, NULL)) && all_import(pkey))
            round++;
        EVP_PKEY_free(pkey);
    }
    close(module);
}

/* A module of our own, so that no other test waits for the turns here. */
static int setup(void **state)
{
    mocked_setup(state);
    mocked_module_own();
    mocked.conf.wait_ms = 60000;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_that_import_one_key_at_once_leave_one),
        cmocka_unit_test(one_that_is_late_with_its_key_sees_the_others),
        cmocka_unit_test(importers_that_get_no_turn_leave_one),
    };

    return cmocka_run_group_tests(tests, setup, mocked_teardown);
}
