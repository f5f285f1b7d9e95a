/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tool_columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void holds(struct cr_buf *out, const char *want)
{
    assert_string_equal((const char *)out->p, want);
    cr_buf_clear(out);
}

static void a_line_is_cut_to_its_columns(void **state)
{
    struct cr_buf out = {0};

    (void)state;
    assert_false(cr_failed(tool_columns_line(&out, 20, 2, "kid ", "abcdefghijklmn", NULL)));
    holds(&out, "  kid abcdefghijklmn\n");
    assert_false(cr_failed(tool_columns_line(&out, 20, 2, "kid ", "abcdefghijklmno", NULL)));
    holds(&out, "  kid abcdefghijk...\n");
    assert_false(cr_failed(tool_columns_line(&out, TOOL_COLUMNS_WHOLE, 2, "kid ", "abcdefghijklmno", NULL)));
    holds(&out, "  kid abcdefghijklmno\n");
    assert_false(cr_failed(tool_columns_line(&out, 20, 0, "", "", NULL)));
    holds(&out, "\n");
}

static void prose_goes_on_below_where_it_began(void **state)
{
    struct cr_buf out = {0};

    (void)state;
    assert_false(cr_failed(tool_columns_wrap(&out, 20, 2, "now: ", "one two three four", NULL)));
    holds(&out, "  now: one two three\n       four\n");
    assert_false(cr_failed(tool_columns_wrap(&out, 20, 0, "a long label: ", "one two three four", NULL)));
    holds(&out, "a long label: one\n    two three four\n");
    assert_false(cr_failed(tool_columns_wrap(&out, 20, 0, "", "pkcs11:token=a;object=b", NULL)));
    holds(&out, "pkcs11:token=a;\nobject=b\n");
    assert_false(cr_failed(tool_columns_wrap(&out, 10, 0, "", "abcdefghijklmno", NULL)));
    holds(&out, "abcdefghij\nklmno\n");
    assert_false(cr_failed(tool_columns_wrap(&out, TOOL_COLUMNS_WHOLE, 0, "a long label: ", "one two three", NULL)));
    holds(&out, "a long label: one two three\n");
}

static void a_cell_that_does_not_fit_goes_on_below(void **state)
{
    static const char *const cells[] = {"12345678  rsa   ", "", "until never", "KEY MISSING"};
    struct cr_buf out = {0};

    (void)state;
    assert_false(cr_failed(tool_columns_row(&out, 50, 0, 4, cells, 4, NULL)));
    holds(&out, "12345678  rsa     until never  KEY MISSING\n");
    assert_false(cr_failed(tool_columns_row(&out, 30, 0, 4, cells, 4, NULL)));
    holds(&out, "12345678  rsa     until never\n    KEY MISSING\n");
    assert_false(cr_failed(tool_columns_row(&out, 25, 1, 4, cells, 4, NULL)));
    holds(&out, " 12345678  rsa\n    until never\n    KEY MISSING\n");
    assert_false(cr_failed(tool_columns_row(&out, 12, 0, 2, cells + 2, 2, NULL)));
    holds(&out, "until never\n  KEY MIS...\n");
    assert_false(cr_failed(tool_columns_row(&out, TOOL_COLUMNS_WHOLE, 0, 4, cells, 4, NULL)));
    holds(&out, "12345678  rsa     until never  KEY MISSING\n");
}

static void foreign_text_is_made_plain_and_counted_in_columns(void **state)
{
    struct cr_buf out = {0};

    (void)state;
    assert_false(cr_failed(tool_columns_line(&out, 40, 0, "", "a\x1b[31m\n\xe2\x80\xae\xff", NULL)));
    holds(&out, "a?[31m???\n");
    assert_false(
        cr_failed(tool_columns_line(&out, 8, 0, "", "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", NULL)));
    holds(&out, "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\n");
    assert_false(
        cr_failed(tool_columns_line(&out, 7, 0, "", "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", NULL)));
    holds(&out, "\xe6\xbc\xa2\xe6\xbc\xa2...\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_cut_to_its_columns),
        cmocka_unit_test(prose_goes_on_below_where_it_began),
        cmocka_unit_test(a_cell_that_does_not_fit_goes_on_below),
        cmocka_unit_test(foreign_text_is_made_plain_and_counted_in_columns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
