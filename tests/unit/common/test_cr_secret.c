/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cr_secret.h"

static void what_is_set_is_what_is_there(void **state)
{
    struct cr_secret s = {0};
    char big[10000];

    (void)state;
    assert_int_equal(cr_secret_set(&s, cr_bytes_str("1234"), NULL).code, CR_OK);
    assert_true(cr_bytes_equal(cr_secret_bytes(&s), cr_bytes_str("1234")));
    memset(big, 'x', sizeof(big));
    assert_int_equal(cr_secret_set(&s, cr_bytes(big, sizeof(big)), NULL).code, CR_OK);
    assert_true(cr_bytes_equal(cr_secret_bytes(&s), cr_bytes(big, sizeof(big))));
    assert_int_equal(cr_secret_set(&s, cr_bytes(NULL, 0), NULL).code, CR_E_INVALID);
    assert_int_equal(cr_secret_set(&s, cr_bytes(big, SIZE_MAX), NULL).code, CR_E_INVALID);
    assert_int_equal(s.n, sizeof(big));
    cr_secret_clear(&s);
    assert_int_equal(cr_secret_bytes(&s).n, 0);
    cr_secret_clear(&s);
}

/* "dd" among the flags of its mapping. */
static bool left_out_of_cores(const void *p)
{
    unsigned long at = (unsigned long)(uintptr_t)p, from, to;
    bool here = false, out = false;
    char line[512];
    FILE *f = fopen("/proc/self/smaps", "r");

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = at >= from && at < to;
        out = out || (here && strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " dd") != NULL);
    }
    fclose(f);
    return out;
}

static void a_secret_stands_in_no_core_file(void **state)
{
    struct cr_secret s = {0};
    unsigned char *was;

    (void)state;
    assert_int_equal(cr_secret_set(&s, cr_bytes_str("1234"), NULL).code, CR_OK);
    assert_true(left_out_of_cores(s.p));
    was = s.p;
    cr_secret_clear(&s);
    assert_int_equal(msync(was, 1, MS_ASYNC), -1); /* the page is gone */
    assert_int_equal(errno, ENOMEM);
}

static void a_child_has_it(void **state)
{
    struct cr_secret s = {0};
    int status = 0;
    pid_t pid;

    (void)state;
    assert_int_equal(cr_secret_set(&s, cr_bytes_str("1234"), NULL).code, CR_OK);
    if ((pid = fork()) == 0)
        _exit(!cr_bytes_equal(cr_secret_bytes(&s), cr_bytes_str("1234")));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    cr_secret_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_is_what_is_there),
        cmocka_unit_test(a_secret_stands_in_no_core_file),
        cmocka_unit_test(a_child_has_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
