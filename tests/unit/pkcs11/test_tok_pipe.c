/* SPDX-License-Identifier: Apache-2.0 */
/* SIGPIPE of a module's socket never kills the host, whatever the host does with the signal. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pkcs11/tok_gate.h"

static bool blocked(void)
{
    sigset_t now;

    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &now), 0);
    return sigismember(&now, SIGPIPE) == 1;
}

/* One operation in which a socket breaks; was the signal masked in it? */
static bool survive(void)
{
    struct tok_sigpipe pipe;
    bool masked;

    tok_sigpipe_block(&pipe);
    masked = blocked();
    assert_int_equal(raise(SIGPIPE), 0);
    tok_sigpipe_restore(&pipe);
    return masked;
}

static void a_broken_pipe_does_not_kill_and_leaves_no_trace(void **state)
{
    (void)state;
    assert_ptr_not_equal(signal(SIGPIPE, SIG_DFL), SIG_ERR);
    for (int i = 0; i < 1000; i++) {
        assert_true(survive());
        assert_false(blocked());
    }
}

static void where_it_is_ignored_the_mask_is_soon_left_alone(void **state)
{
    int masked = 0;

    (void)state;
    assert_ptr_not_equal(signal(SIGPIPE, SIG_IGN), SIG_ERR);
    for (int i = 0; i < 2000; i++)
        masked += survive();
    assert_true(masked < 1000);
    assert_false(survive());
    assert_ptr_equal(signal(SIGPIPE, SIG_DFL), SIG_IGN);
}

static void what_was_ignored_a_moment_ago_is_masked_at_once(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_ptr_not_equal(signal(SIGPIPE, SIG_IGN), SIG_ERR);
        for (int k = 0; k < 300; k++)
            (void)survive();
        assert_ptr_not_equal(signal(SIGPIPE, SIG_DFL), SIG_ERR);
        assert_true(survive());
    }
}

static volatile sig_atomic_t handled;

static void handle(int n)
{
    (void)n;
    handled++;
}

static void a_handler_of_the_host_is_not_called(void **state)
{
    (void)state;
    assert_ptr_not_equal(signal(SIGPIPE, handle), SIG_ERR);
    assert_true(survive());
    assert_int_equal(handled, 0);
    assert_ptr_not_equal(signal(SIGPIPE, SIG_DFL), SIG_ERR);
}

static void a_signal_that_the_host_blocks_itself_stays_pending(void **state)
{
    struct timespec zero = {0, 0};
    sigset_t pipe;

    (void)state;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &pipe, NULL), 0);
    assert_true(survive());
    assert_true(blocked());
    assert_int_equal(sigtimedwait(&pipe, NULL, &zero), SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &pipe, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_pipe_does_not_kill_and_leaves_no_trace),
        cmocka_unit_test(where_it_is_ignored_the_mask_is_soon_left_alone),
        cmocka_unit_test(what_was_ignored_a_moment_ago_is_masked_at_once),
        cmocka_unit_test(a_handler_of_the_host_is_not_called),
        cmocka_unit_test(a_signal_that_the_host_blocks_itself_stays_pending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
