/* SPDX-License-Identifier: Apache-2.0 */
#include "common/cr_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void characters_are_read_as_rfc_3629_has_them(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        long code;
    } rows[] = {
        {"a", 1, 'a'},
        {"\xc3\xa4", 2, 0xe4},
        {"\xe2\x82\xac", 3, 0x20ac},
        {"\xf0\x9f\x94\x91", 4, 0x1f511},
        {"\xc3", 1, -1},             /* ends too early */
        {"\xe2\x82", 1, -1},         /* the same */
        {"\xc0\x80", 1, -1},         /* longer than need be */
        {"\xed\xa0\x80", 1, -1},     /* a surrogate */
        {"\xf4\x90\x80\x80", 1, -1}, /* beyond the last */
        {"\x80", 1, -1},
        {"\xff", 1, -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        long code = 0;

        assert_int_equal(cr_text_char(rows[i].text, &code), rows[i].n);
        assert_int_equal(code, rows[i].code);
    }
}

static void what_steers_or_hides_is_not_shown(void **state)
{
    static const struct {
        long first, last;
    } hidden[] = {{-1, 0x1f}, {0x7f, 0x9f}, {0x61c, 0x61c}, {0x2000, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}};

    (void)state;
    for (long code = -1; code < 0x3000; code++) {
        bool shown = true;

        for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
            shown &= code < hidden[i].first || code > hidden[i].last;
        assert_int_equal(cr_text_shown(code), shown);
    }
}

static void each_character_that_is_not_shown_is_one_mark(void **state)
{
    struct cr_buf out = {0};
    struct cr_err err;

    (void)state;
    assert_false(cr_failed(cr_text_plain("a\x1b[1m\xe2\x80\xae\xff\xc3\xa4\n", &out, &err)));
    assert_true(cr_bytes_equal(cr_buf_bytes(&out), cr_bytes_str("a?[1m??\xc3\xa4?")));
    cr_buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_read_as_rfc_3629_has_them),
        cmocka_unit_test(what_steers_or_hides_is_not_shown),
        cmocka_unit_test(each_character_that_is_not_shown_is_one_mark),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
