/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/cr_status.h"

static void a_failure_carries_code_and_sentence(void **state)
{
    struct cr_err err = {0};

    (void)state;
    assert_int_equal(cr_fail(&err, CR_E_PIN, "token %s: %d tries", "a", 2).code, CR_E_PIN);
    assert_int_equal(err.code, CR_E_PIN);
    assert_string_equal(err.text, "token a: 2 tries");
    assert_int_equal(cr_prefix(&err, (cr_status){CR_E_PIN}, "role %s", "R").code, CR_E_PIN);
    assert_string_equal(err.text, "role R: token a: 2 tries");
    assert_int_equal(cr_fail_errno(&err, CR_E_IO, ENOENT, "/x").code, CR_E_IO);
    assert_string_equal(err.text, "/x: No such file or directory");
    assert_int_equal(cr_fail(NULL, CR_E_IO, "nobody listens").code, CR_E_IO);
    assert_string_equal(cr_err_text(NULL), "");
}

static void control_bytes_cannot_break_a_line(void **state)
{
    struct cr_err err = {0};

    (void)state;
    cr_ignore(cr_fail(&err, CR_E_IO, "a\nb\x1b[31mc\x7f"));
    assert_string_equal(err.text, "a?b?[31mc?");
}

static void a_long_sentence_is_cut_at_a_character(void **state)
{
    struct cr_err err = {0};
    char text[2000];
    size_t n;

    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 3 < sizeof text - 1; i += 3)
            memcpy(text + i, "\xe2\x82\xac", 3); /* the euro sign */
        text[1800] = '\0';
        cr_ignore(cr_fail(&err, CR_E_IO, "%s", text));
        n = strlen(err.text);
        assert_true(n < sizeof err.text && n > sizeof err.text - 8);
        assert_int_equal((n - shift) % 3, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_carries_code_and_sentence),
        cmocka_unit_test(control_bytes_cannot_break_a_line),
        cmocka_unit_test(a_long_sentence_is_cut_at_a_character),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
