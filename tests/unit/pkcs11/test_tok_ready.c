/* SPDX-License-Identifier: Apache-2.0 */
/* ready-after-fork: what a child finds done when fork() returns, what it costs, and what never happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mocked.h"
#include "pkcs11/tok_module.h"

#define CHILD_SEC 120
#define FROZEN_US 60000000
#define LIMIT_MS  300

extern char **environ;

static struct tok_object *obj;

/* Opens the token anew; the key is found, so that the token is ready. With a short op-timeout that may take a busy machine
 * some tries. A thread that found it has ended: forks with threads are left alone. */
static void begin(bool ready_after_fork)
{
    struct cr_err err = {0};
    cr_status st;

    mocked_close();
    mocked_heal();
    mocked.conf.ready_after_fork = ready_after_fork;
    st = mocked_find(&obj, &err);
    for (int i = 0; i < 50 && mocked.conf.op_timeout_ms > 0 && st.code == CR_E_BUSY; i++)
        st = mocked_find(&obj, &err);
    if (cr_failed(st))
        fail_msg("%s", err.text);
    fixture_threads_wait(1);
}

static void end(void)
{
    mocked.f.signer->ops->object_unref(&obj);
    mocked_close();
    mocked.conf.op_timeout_ms = 0;
    mocked.conf.key_copy = TOK_KEY_COPY_NEVER;
}

static bool signs(struct tok_object *with, EVP_PKEY *pkey)
{
    struct cr_err err = {0};

    if (cr_failed(fixture_sign_verify(&mocked.f, with, pkey, &err)))
        dprintf(2, "%ld: %s\n", (long)getpid(), err.text);
    return err.code == CR_OK;
}

/* Runs @steps in a child; they return 0, or the line that is not so. */
static void in_child(int (*steps)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        alarm(CHILD_SEC);
        _exit(steps());
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the child: status 0x%x, line %d", status, WEXITSTATUS(status));
}

static unsigned long total_before;

static int signs_in_two_calls(void)
{
    unsigned long total = mock_counts_total(mocked.counts);

    if (!signs(obj, mocked.pkey) || mock_counts_total(mocked.counts) - total != 2)
        return __LINE__ & 0xff;
    return 0;
}

static void a_child_has_the_token_and_the_key_when_fork_returns(void **state)
{
    unsigned long logins, finds;

    (void)state;
    begin(true);
    logins = mocked_calls(MOCK_C_Login);
    finds = mocked_calls(MOCK_C_FindObjectsInit);
    in_child(signs_in_two_calls);
    assert_int_equal(mocked_calls(MOCK_C_Login) - logins, 1);
    assert_int_equal(mocked_calls(MOCK_C_FindObjectsInit) - finds, 1);
    in_child(signs_in_two_calls);
    assert_true(signs(obj, mocked.pkey));
    end();
}

static int a_grandchild_signs_in_two_calls(void)
{
    int status = -1;
    pid_t pid;

    fixture_threads_wait(1); /* the one that made the token ready */
    if ((pid = fork()) == 0)
        _exit(signs_in_two_calls());
    if (waitpid(pid, &status, 0) != pid || status != 0)
        return __LINE__ & 0xff;
    return signs_in_two_calls();
}

static void so_has_its_child(void **state)
{
    (void)state;
    begin(true);
    in_child(a_grandchild_signs_in_two_calls);
    end();
}

static int no_call_was_made(void)
{
    return mock_counts_total(mocked.counts) == total_before ? 0 : __LINE__ & 0xff;
}

static int no_call_was_made_and_signs(void)
{
    int line = no_call_was_made();

    return line == 0 && !signs(obj, mocked.pkey) ? __LINE__ & 0xff : line;
}

static void without_it_fork_makes_no_call(void **state)
{
    (void)state;
    begin(false);
    total_before = mock_counts_total(mocked.counts);
    in_child(no_call_was_made_and_signs);
    end();
}

static void a_token_that_was_not_ready_is_left_alone(void **state)
{
    (void)state;
    begin(true);
    end();
    mocked_open();
    total_before = mock_counts_total(mocked.counts);
    in_child(no_call_was_made);
    begin(true);
    end();
}

static int finds_were = -1;

static int finds_counted(void)
{
    return mocked_calls(MOCK_C_FindObjectsInit) == (unsigned long)finds_were ? 0 : __LINE__ & 0xff;
}

static void a_key_that_was_let_go_is_not_looked_for(void **state)
{
    unsigned long logins;

    (void)state;
    begin(true);
    mocked.f.signer->ops->object_unref(&obj);
    logins = mocked_calls(MOCK_C_Login);
    finds_were = (int)mocked_calls(MOCK_C_FindObjectsInit);
    in_child(finds_counted);
    assert_int_equal(mocked_calls(MOCK_C_Login) - logins, 1);
    end();
}

/* exec(3) follows at once: nobody there could use the token. */
static void programs_that_are_started_cost_no_call(void **state)
{
    char *argv[] = {"true", NULL};
    int status = -1;
    FILE *pipe;
    pid_t pid;

    (void)state;
    begin(true);
    total_before = mock_counts_total(mocked.counts);
    assert_int_equal(system("true"), 0);
    assert_non_null(pipe = popen("true", "r"));
    assert_int_equal(pclose(pipe), 0);
    assert_int_equal(posix_spawnp(&pid, "true", NULL, NULL, argv, environ), 0);
    assert_true(waitpid(pid, &status, 0) == pid && status == 0);
    if ((pid = vfork()) == 0)
        _exit(0);
    assert_true(waitpid(pid, &status, 0) == pid && status == 0);
    assert_int_equal(mock_counts_total(mocked.counts), total_before);
    end();
}

static void *wait_here(void *lock)
{
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

/* Locks that the other threads hold are held for ever in the child. */
static void a_process_with_threads_leaves_it_to_the_first_use(void **state)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t thread;

    (void)state;
    begin(true);
    pthread_mutex_lock(&lock);
    assert_int_equal(pthread_create(&thread, NULL, wait_here, &lock), 0);
    total_before = mock_counts_total(mocked.counts);
    in_child(no_call_was_made_and_signs);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    fixture_threads_wait(1);
    in_child(signs_in_two_calls); /* one again */
    end();
}

static int signs_after_all(void)
{
    return signs(obj, mocked.pkey) ? 0 : __LINE__ & 0xff;
}

static void what_fails_is_left_to_the_first_use(void **state)
{
    static const enum mock_function fails[] = {MOCK_C_Initialize, MOCK_C_GetSlotList,     MOCK_C_OpenSession,
                                               MOCK_C_Login,      MOCK_C_FindObjectsInit, MOCK_C_SignInit};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(fails); i++) {
        begin(true);
        mock_fail(mocked.counts, fails[i], CKR_FUNCTION_REJECTED, 0, 1);
        in_child(signs_after_all);
        assert_int_equal(atomic_load(&mocked.counts->of[fails[i]].failed), 1);
        end();
    }
}

static int64_t forked_at, took_most;

static int fork_returned_in_time(void)
{
    int64_t took = tok_clock_ms() - forked_at;

    if (took > took_most)
        return __LINE__ & 0xff;
    return errno == EDOM ? 0 : __LINE__ & 0xff;
}

static void a_frozen_token_holds_a_fork_up_no_longer_than_its_timeout(void **state)
{
    static const enum mock_function frozen[] = {MOCK_C_Initialize, MOCK_C_Login, MOCK_C_FindObjectsInit};

    (void)state;
    mocked.conf.op_timeout_ms = LIMIT_MS;
    for (size_t i = 0; i < CR_COUNT(frozen); i++) {
        begin(true);
        atomic_store(&mocked.counts->of[frozen[i]].delay_us, FROZEN_US);
        took_most = FROZEN_US / 2000; /* it did not wait for all of it */
        forked_at = tok_clock_ms();
        errno = EDOM;
        in_child(fork_returned_in_time);
        assert_true(tok_clock_ms() - forked_at >= LIMIT_MS); /* it did wait for it */
        mocked_heal();
        mocked.f.signer->ops->object_unref(&obj);
        mocked_close();
    }
    mocked.conf.op_timeout_ms = 0;
}

/* ---- keys of two kinds in files that are out of reach after the fork */
static struct tok_object *rsa;
static char away[2][128];

static bool decrypts(void)
{
    unsigned char cipher[512], clear[512];
    size_t nc = sizeof(cipher), n = 0;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(fixture_key("RSA:2048"), NULL);
    struct tok_mech mech = {.op = TOK_DECRYPT_RSA_PKCS1};
    bool ok = EVP_PKEY_encrypt_init(ctx) > 0 && EVP_PKEY_encrypt(ctx, cipher, &nc, (const unsigned char *)"abc", 3) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok &&
           !cr_failed(
               mocked.f.signer->ops->decrypt(rsa, &mech, cr_bytes(cipher, nc), clear, sizeof(clear), &n, NULL)) &&
           n == 3 && memcmp(clear, "abc", 3) == 0;
}

static bool derives(void)
{
    EVP_PKEY *peer = fixture_key_fresh("EC:P-256");
    struct tok_key numbers = {0};
    unsigned char mine[32], theirs[32];
    size_t n = 0, nt = sizeof(theirs);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(peer, NULL);
    bool ok = EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, mocked.pkey) > 0 &&
              EVP_PKEY_derive(ctx, theirs, &nt) > 0;

    fixture_numbers(peer, &numbers);
    ok = ok &&
         !cr_failed(mocked.f.signer->ops->derive(obj, cr_buf_bytes(&numbers.point), mine, sizeof(mine), &n, NULL)) &&
         n == nt && memcmp(mine, theirs, n) == 0;
    tok_key_clear(&numbers);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    return ok;
}

static int works_without_the_files(void)
{
    if (rename(away[0], away[1]) != 0)
        return __LINE__ & 0xff;
    for (int i = 0; i < 3; i++) {
        if (!signs(obj, mocked.pkey) || !derives())
            return __LINE__ & 0xff;
        if (!signs(rsa, fixture_key("RSA:2048")) || !decrypts())
            return __LINE__ & 0xff;
    }
    return 0;
}

static int fails_without_the_files(void)
{
    if (rename(away[0], away[1]) != 0)
        return __LINE__ & 0xff;
    return cr_failed(fixture_sign_verify(&mocked.f, obj, mocked.pkey, NULL)) ? 0 : __LINE__ & 0xff;
}

static void softhsm_needs_its_files_no_more_where_keys_are_copied(void **state)
{
    struct tok_key pub = {0};
    char *location = NULL;
    struct cr_err err = {0};

    (void)state;
    snprintf(away[0], sizeof(away[0]), "%s/tokens", mocked.f.dir);
    snprintf(away[1], sizeof(away[1]), "%s/away", mocked.f.dir);
    for (int copied = 0; copied < 2; copied++) {
        mocked.conf.key_copy = copied ? TOK_KEY_COPY_ALWAYS : TOK_KEY_COPY_NEVER;
        begin(true);
        fixture_import(&mocked.f, fixture_key("RSA:2048"), &location);
        fixture_numbers(fixture_key("RSA:2048"), &pub);
        if (cr_failed(fixture_find(&mocked.f, location, &pub, fixture_key("RSA:2048"), &rsa, &err)))
            fail_msg("%s", err.text);
        in_child(copied ? works_without_the_files : fails_without_the_files);
        assert_int_equal(rename(away[1], away[0]), 0);
        mocked.f.signer->ops->object_unref(&rsa);
        tok_key_clear(&pub);
        free(location);
        location = NULL;
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_has_the_token_and_the_key_when_fork_returns),
        cmocka_unit_test(so_has_its_child),
        cmocka_unit_test(without_it_fork_makes_no_call),
        cmocka_unit_test(a_token_that_was_not_ready_is_left_alone),
        cmocka_unit_test(a_key_that_was_let_go_is_not_looked_for),
        cmocka_unit_test(programs_that_are_started_cost_no_call),
        cmocka_unit_test(a_process_with_threads_leaves_it_to_the_first_use),
        cmocka_unit_test(what_fails_is_left_to_the_first_use),
        cmocka_unit_test(a_frozen_token_holds_a_fork_up_no_longer_than_its_timeout),
        cmocka_unit_test(softhsm_needs_its_files_no_more_where_keys_are_copied),
    };

#ifdef __SANITIZE_THREAD__
    printf("skipped: this sanitizer has a thread of its own, and forks with threads are left alone\n");
    return 77;
#endif
    return cmocka_run_group_tests(tests, mocked_setup, mocked_teardown);
}
