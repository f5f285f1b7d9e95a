/* SPDX-License-Identifier: Apache-2.0 */
/* Killed at each system call, or out of room: the old or the new, whole, and the next writer works. */
#include "stores/store.h"

#include <setjmp.h>
#include <signal.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../needs.h"
#include "../roles/fake_cert.h"
#include "fixture.h"
#include "traced.h"

#define CALLS_MAX 400 /* a save makes some thirty */

static struct store_revocation revocation(const char *reason)
{
    struct store_revocation rev = {.when = T0, .done = false};

    fake_spki("gone", rev.spki);
    fake_hex("named", 64, rev.thumbprint);
    rev.reason = (char *)(uintptr_t)reason;
    return rev;
}

struct job {
    const struct fixture *f;
    uint64_t generation;
    const char *text;
    unsigned room; /* RLIMIT_FSIZE, or 0 */
};

/* Opened in the child: a lock held by a shared descriptor would outlive it. */
static struct store *child_store(const struct job *job)
{
    struct store *store = NULL;

    if (cr_failed(store_file_open(job->f->dir, true, &store, NULL)))
        _exit(100);
    if (job->room > 0) {
        struct rlimit limit = {job->room, job->room};

        (void)signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
            _exit(101);
    }
    return store;
}

static int save_record(void *arg)
{
    const struct job *job = arg;
    struct store *store = child_store(job);
    struct role_record *rec = make_record("R", job->generation, "alice");

    return (int)store_save(store, rec, job->generation - 1, NULL).code;
}

static int save_revocation(void *arg)
{
    const struct job *job = arg;
    struct store *store = child_store(job);
    struct store_revocation rev = revocation(job->text);

    return (int)store_revocation_save(store, &rev, NULL).code;
}

static struct role_history_entry history(const char *note)
{
    return (struct role_history_entry){.when = T0, .verb = "assign", .role = "R", .note = note};
}

static int append_history(void *arg)
{
    const struct job *job = arg;
    struct store *store = child_store(job);
    struct role_history_entry entry = history(job->text);

    return (int)store_history_append(store, &entry, fake_hash, (char[65]){0}, NULL).code;
}

static int save_certificate(void *arg)
{
    const struct job *job = arg;
    struct store *store = child_store(job);
    struct role_cert *cert = fake_cert("A", NULL);

    cert->not_after = FAKE_UNTIL + (int64_t)job->generation;
    return (int)store_cert_save(store, cert, NULL).code;
}

/* Runs @work killed at its first call, its second and so on until it is through; @check is told whether it was. */
static void kill_at_each(int (*work)(void *), struct job *job, void (*check)(struct job *, bool killed))
{
    struct traced t;
    unsigned k;

    for (k = 1; k < CALLS_MAX; k++) {
        traced_run(work, job, k, &t);
        check(job, t.killed);
        if (!t.killed) {
            assert_int_equal(t.exit_code, 0);
            break;
        }
    }
    assert_in_range(k, 15, CALLS_MAX - 1);
}

static void check_record(struct job *job, bool killed)
{
    uint64_t got = generation_of(job->f->store, "R");
    struct cr_err err = {0};

    assert_true(got == job->generation || (killed && got == job->generation - 1));
    if (got != job->generation)
        must(save(job->f->store, "R", job->generation, &err), &err);
    assert_int_equal(generation_of(job->f->store, "R"), job->generation);
    job->generation++;
}

static void a_save_killed_at_any_call_leaves_the_old_or_the_new(void **state)
{
    struct job job = {.f = *state, .generation = 1};

    kill_at_each(save_record, &job, check_record);
}

static void check_revocation(struct job *job, bool killed)
{
    struct store_revocation *list = NULL, rev = revocation("next");
    struct cr_err err = {0};
    size_t n = 0;

    must(store_revocations(job->f->store, &list, &n, &err), &err);
    if (!killed) {
        assert_int_equal(n, 1);
        assert_string_equal(list[0].reason, job->text);
    } else if (n > 0) {
        assert_int_equal(n, 1);
        assert_true(strcmp(list[0].reason, job->text) == 0 || strcmp(list[0].reason, "next") == 0);
    }
    store_revocations_free(&list, n);
    must(store_revocation_save(job->f->store, &rev, &err), &err);
}

static void a_revocation_killed_at_any_call_leaves_the_old_or_the_new(void **state)
{
    struct job job = {.f = *state, .text = "because"};

    kill_at_each(save_revocation, &job, check_revocation);
}

static void check_certificate(struct job *job, bool killed)
{
    struct role_cert *cert = fake_cert("A", NULL), *got = NULL;
    struct cr_err err = {0};
    cr_status st = store_cert_load(job->f->store, cert->thumbprint, &got, &err);

    if (st.code == CR_E_NOT_FOUND)
        assert_true(killed && job->generation == 1);
    else
        must(st, &err);
    if (got != NULL && !killed)
        assert_true(got->not_after == FAKE_UNTIL + (int64_t)job->generation);
    must(store_cert_save(job->f->store, cert, &err), &err);
    role_cert_unref(&got);
    role_cert_unref(&cert);
    job->generation = 2;
}

static void a_certificate_killed_at_any_call_leaves_the_old_or_the_new(void **state)
{
    struct job job = {.f = *state, .generation = 1};

    kill_at_each(save_certificate, &job, check_certificate);
}

/* Every line of the history chains on the one before. Its number of lines. */
static unsigned verify_history(const struct fixture *f)
{
    char *text = get_file(f, "history.jsonl"), prev[65] = "", hash[65];
    struct cr_err err = {0};
    unsigned lines = 0;

    for (char *line = text, *end; line != NULL && (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
        must(role_history_check(cr_bytes(line, (size_t)(end - line)), prev, fake_hash, hash, &err), &err);
        memcpy(prev, hash, sizeof prev);
    }
    free(text);
    return lines;
}

static void check_history(struct job *job, bool killed)
{
    struct role_history_entry entry = history("by the next writer");
    struct cr_err err = {0};
    unsigned before = verify_history(job->f);

    assert_true(before == job->generation || before == job->generation + 1);
    assert_true(killed || before == job->generation + 1);
    must(store_history_append(job->f->store, &entry, fake_hash, (char[65]){0}, &err), &err);
    assert_int_equal(verify_history(job->f), before + 1);
    job->generation = before + 1;
}

static void an_append_killed_at_any_call_leaves_a_whole_chain(void **state)
{
    struct job job = {.f = *state, .text = "by the killed writer"};

    kill_at_each(append_history, &job, check_history);
}

static void tear(const struct fixture *f)
{
    char *text = get_file(f, "history.jsonl");
    size_t n = text != NULL ? strlen(text) : 0;
    char *more = malloc(n + 1000);

    assert_non_null(more);
    memcpy(more, text != NULL ? text : "", n);
    (void)snprintf(more + n, 1000, "{\"when\":\"torn%0700d", 1);
    put_file(f, "history.jsonl", more);
    free(more);
    free(text);
}

/* The repair of a torn line is itself killed everywhere; then its note must still come. */
static void a_repair_killed_at_any_call_never_forgets_its_note(void **state)
{
    struct job job = {.f = *state, .text = "after the tear"};
    struct role_history_entry entry = history("by the next writer");
    struct cr_err err = {0};
    struct traced t = {.killed = true};
    unsigned k;

    for (k = 1; t.killed && k < CALLS_MAX; k++) {
        char *text;
        unsigned notes = 0;

        put_file(job.f, "history.jsonl", "");
        tear(job.f);
        traced_run(append_history, &job, k, &t);
        must(store_history_append(job.f->store, &entry, fake_hash, (char[65]){0}, &err), &err);
        assert_in_range(verify_history(job.f), 2, 4);
        text = get_file(job.f, "history.jsonl");
        for (char *p = text; (p = strstr(p, "\"repair\"")) != NULL; p++)
            notes++;
        assert_in_range(notes, 1, 2);
        assert_int_equal(text[strlen(text) - 1], '\n');
        free(text);
        text = get_file(job.f, "history.torn");
        assert_non_null(strstr(text, "torn0000"));
        free(text);
    }
    assert_int_equal(t.exit_code, 0);
    assert_in_range(k, 15, CALLS_MAX - 1);
}

static void no_room_for_the_new_record_keeps_the_old(void **state)
{
    struct job job = {.f = *state, .generation = 2};
    struct cr_err err = {0};
    struct traced t;

    must(save(job.f->store, "R", 1, &err), &err);
    for (job.room = 1; job.room <= 401; job.room += 100) {
        traced_run(save_record, &job, 0, &t);
        assert_int_equal(t.exit_code, CR_E_IO);
        assert_int_equal(generation_of(job.f->store, "R"), 1);
    }
    must(save(job.f->store, "R", 2, &err), &err);
}

static void no_room_for_a_line_leaves_a_whole_history(void **state)
{
    struct job job = {.f = *state, .text = "no room"};
    struct role_history_entry entry = history("first");
    struct cr_err err = {0};
    struct traced t;
    char *before, *after;

    must(store_history_append(job.f->store, &entry, fake_hash, (char[65]){0}, &err), &err);
    before = get_file(job.f, "history.jsonl");
    job.room = (unsigned)strlen(before) + 20;
    traced_run(append_history, &job, 0, &t);
    assert_int_equal(t.exit_code, CR_E_IO);
    after = get_file(job.f, "history.jsonl");
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* A real full disk, where we may mount one: in a mount namespace of the child, which goes with it. */
static int fill_and_save(void *arg)
{
    struct fixture f = *(const struct fixture *)arg;
    struct store *store = NULL;
    char path[128], block[4096] = "x";
    FILE *fill;
    int rc;

    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", f.dir, "tmpfs", 0, "size=64k,mode=0755") != 0)
        return 77;
    if (cr_failed(store_file_open(f.dir, true, &store, NULL)) || cr_failed(save(store, "R", 1, NULL)))
        return 1;
    (void)snprintf(path, sizeof path, "%s/fill", f.dir);
    if ((fill = fopen(path, "w")) == NULL)
        return 2;
    setbuf(fill, NULL);
    while (fwrite(block, 1, sizeof block, fill) == sizeof block)
        ;
    (void)fclose(fill);
    if (save(store, "R", 2, NULL).code != CR_E_IO || generation_of(store, "R") != 1)
        return 3;
    rc = unlink(path) != 0 || cr_failed(save(store, "R", 2, NULL)) || generation_of(store, "R") != 2 ? 4 : 0;
    store_close(&store);
    return rc;
}

static void a_full_disk_keeps_the_old_record(void **state)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(fill_and_save(*state));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    needs(WEXITSTATUS(status) != 77, "leave to mount a small file system");
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_save_killed_at_any_call_leaves_the_old_or_the_new, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_revocation_killed_at_any_call_leaves_the_old_or_the_new, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_certificate_killed_at_any_call_leaves_the_old_or_the_new, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_append_killed_at_any_call_leaves_a_whole_chain, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_repair_killed_at_any_call_never_forgets_its_note, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(no_room_for_the_new_record_keeps_the_old, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(no_room_for_a_line_leaves_a_whole_history, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_keeps_the_old_record, fixture_setup, fixture_teardown),
    };

    if (!traced_allowed() && getenv("CI") == NULL) {
        print_message("SKIP: this process may not trace its children\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
