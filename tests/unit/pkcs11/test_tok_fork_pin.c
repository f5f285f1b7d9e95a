/* SPDX-License-Identifier: Apache-2.0 */
/* The program's PIN callback forks, as one that starts a helper does: parent and child sign afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mocked.h"

#define CHILD_SEC 120

static pid_t forked; /* by the callback; 0 in the child */
static bool fork_next, sign_inside;

static cr_status forking_pin(void *arg, const char *token_name, bool retry, struct cr_buf *pin, struct cr_err *err)
{
    if (fork_next) {
        fork_next = false;
        forked = fork();
        if (forked == 0) {
            alarm(CHILD_SEC);
            if (sign_inside) {
                cr_status st = mocked_sign(err);
                if (cr_failed(st))
                    dprintf(2, "child: %s\n", err->text);
                _exit(cr_failed(st));
            }
        }
    }
    return mocked_pin(arg, token_name, retry, pin, err);
}

static void open_forking(bool inside)
{
    mocked_close();
    mocked_heal();
    mocked.conf.pin = forking_pin;
    fork_next = true;
    sign_inside = inside;
    forked = -1;
}

static int child_status(void)
{
    int status = -1;

    assert_true(forked > 0);
    assert_int_equal(waitpid(forked, &status, 0), forked);
    return status;
}

static void a_child_that_signs_inside_the_callback_signs_and_so_does_the_parent(void **state)
{
    (void)state;
    open_forking(true);
    mocked_sign_ok();
    assert_int_equal(child_status(), 0);
    mocked_sign_ok();
}

/* The child returns from the callback, too, into a login that was begun by its parent. */
static void a_child_that_returns_from_the_callback_signs_and_so_does_the_parent(void **state)
{
    struct cr_err err = {0};
    cr_status st;

    (void)state;
    open_forking(false);
    st = mocked_sign(&err);
    if (forked == 0) {
        if (!cr_failed(st))
            st = mocked_sign(&err);
        if (cr_failed(st))
            dprintf(2, "child: %s\n", err.text);
        _exit(cr_failed(st));
    }
    assert_false(cr_failed(st));
    assert_string_equal(err.text, "");
    assert_int_equal(child_status(), 0);
    mocked_sign_ok();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_that_signs_inside_the_callback_signs_and_so_does_the_parent),
        cmocka_unit_test(a_child_that_returns_from_the_callback_signs_and_so_does_the_parent),
    };

    return cmocka_run_group_tests(tests, mocked_setup, mocked_teardown);
}
