/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/wizard_child.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cmocka.h>

static cr_status shell(struct wizard_child child, const char *script, struct wizard_result *result, struct cr_err *err)
{
    struct wizard_words words = {.w = {(char *)"sh", (char *)"-c", (char *)script}, .n = 3};

    if (!child.exe)
        child.exe = "/bin/sh";
    return wizard_child_run(&child, &words, result, err);
}

static void what_it_says_and_how_it_ends_is_kept(void **state)
{
    struct wizard_result result = {0};
    struct cr_err err = {0};

    (void)state;
    assert_false(cr_failed(shell((struct wizard_child){.signal_fd = -1},
                                 "echo out; echo 'certroll: warning: w' >&2; echo 'certroll: no: it is so' >&2; exit 4",
                                 &result, &err)));
    assert_int_equal(result.status, 4);
    assert_string_equal((const char *)result.out.p, "out\n");
    assert_string_equal(wizard_result_sentence(&result), "no: it is so");
    wizard_result_clear(&result);

    assert_false(cr_failed(shell((struct wizard_child){.signal_fd = -1}, "kill -KILL $$", &result, &err)));
    assert_int_equal(result.status, 128 + SIGKILL);
    assert_string_equal(wizard_result_sentence(&result), "the command failed and did not say why");
    wizard_result_clear(&result);

    assert_false(cr_failed(shell((struct wizard_child){.exe = "/no/such", .signal_fd = -1}, "true", &result, &err)));
    assert_int_equal(result.status, 127);
    assert_string_equal(wizard_result_sentence(&result), "/no/such: No such file or directory");
    wizard_result_clear(&result);
}

static void much_text_is_cut_and_stops_nobody(void **state)
{
    struct wizard_result result = {0};
    struct cr_err err = {0};

    (void)state;
    assert_false(cr_failed(shell((struct wizard_child){.signal_fd = -1}, "head -c 1000000 /dev/zero", &result, &err)));
    assert_int_equal(result.status, 0);
    assert_int_equal(result.out.n, 64 * 1024);
    assert_int_equal(strlen((const char *)result.out.p), result.out.n); /* no zero byte among it */
    wizard_result_clear(&result);
}

static void the_passphrase_comes_by_a_descriptor_alone(void **state)
{
    struct wizard_result result = {0};
    struct cr_buf pass = {0};
    struct cr_err err = {0};

    (void)state;
    assert_false(cr_failed(cr_buf_set(&pass, "pa ss\xc3\xb6", 7, &err)));
    assert_false(cr_failed(shell((struct wizard_child){.pass = &pass, .signal_fd = -1},
                                 "read -r line <&3; [ \"$line\" = 'pa ssö' ] || exit 1; cat <&3; cat; "
                                 "tr '\\0' '\\n' </proc/$$/environ | grep -c 'pa ss' || true",
                                 &result, &err)));
    assert_int_equal(result.status, 0);
    assert_string_equal((const char *)result.out.p, "0\n");
    wizard_result_clear(&result);
    /* nobody reads it, and an empty one */
    assert_false(cr_failed(shell((struct wizard_child){.pass = &pass, .signal_fd = -1}, "true", &result, &err)));
    assert_int_equal(result.status, 0);
    wizard_result_clear(&result);
    cr_buf_clear(&pass);
    assert_false(cr_failed(shell((struct wizard_child){.pass = &pass, .signal_fd = -1},
                                 "read -r line <&3 && [ -z \"$line\" ]", &result, &err)));
    assert_int_equal(result.status, 0);
    wizard_result_clear(&result);
}

/* The terminal's keys reach its foreground group; a change is in none. */
static void it_stands_in_a_group_of_its_own_unless_it_asks(void **state)
{
    struct wizard_result result = {0};
    struct cr_err err = {0};
    char ours[32];

    (void)state;
    snprintf(ours, sizeof(ours), "%d\n", (int)getpgrp());
    for (int asks = 0; asks < 2; asks++) {
        assert_false(cr_failed(
            shell((struct wizard_child){.asks = asks, .signal_fd = -1}, "cut -d' ' -f5 /proc/$$/stat", &result, &err)));
        assert_int_equal(strcmp((const char *)result.out.p, ours) == 0, asks);
        wizard_result_clear(&result);
    }
}

/* In a child: until we have taken the signal sent before, which would be one with the next. */
#define TAKEN "while grep -q '^ShdPnd:.*[4-7c-f]...$' /proc/$PPID/status; do sleep 0.01; done; "

static void a_signal_ends_a_look_and_waits_for_a_change(void **state)
{
    struct wizard_result result = {0};
    struct cr_err err = {0};
    sigset_t set, before;
    int fd;

    (void)state;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &before);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    assert_true(fd >= 0);

    kill(getpid(), SIGTERM);
    assert_false(cr_failed(shell((struct wizard_child){.signal_fd = fd}, "exec sleep 60", &result, &err)));
    assert_int_equal(result.status, 128 + SIGTERM);
    assert_true(result.signalled);
    wizard_result_clear(&result);

    kill(getpid(), SIGTERM);
    assert_false(cr_failed(
        shell((struct wizard_child){.signal_fd = fd, .careful = true}, TAKEN "sleep 0.2; echo done", &result, &err)));
    assert_int_equal(result.status, 0);
    assert_true(result.signalled);
    assert_string_equal((const char *)result.out.p, "done\n");
    wizard_result_clear(&result);

    /* the second one, while the child is at it */
    kill(getpid(), SIGTERM);
    assert_false(cr_failed(shell((struct wizard_child){.signal_fd = fd, .careful = true},
                                 TAKEN "kill -TERM $PPID; exec sleep 60", &result, &err)));
    assert_int_equal(result.status, 128 + SIGTERM);
    wizard_result_clear(&result);

    assert_false(cr_failed(shell((struct wizard_child){.signal_fd = fd}, "true", &result, &err)));
    assert_false(result.signalled);
    wizard_result_clear(&result);
    close(fd);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_and_how_it_ends_is_kept),
        cmocka_unit_test(much_text_is_cut_and_stops_nobody),
        cmocka_unit_test(the_passphrase_comes_by_a_descriptor_alone),
        cmocka_unit_test(it_stands_in_a_group_of_its_own_unless_it_asks),
        cmocka_unit_test(a_signal_ends_a_look_and_waits_for_a_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
