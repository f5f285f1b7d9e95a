/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/wizard.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void plain_gives(const char *text, bool utf8, const char *want)
{
    struct cr_buf out = {0};
    struct cr_err err = {0};

    assert_false(cr_failed(wizard_plain(text, utf8, &out, &err)));
    assert_string_equal(out.p ? (const char *)out.p : "", want);
    cr_buf_clear(&out);
}

static void nothing_that_drives_a_terminal_reaches_it(void **state)
{
    (void)state;
    plain_gives("a\nb", true, "a\nb");
    plain_gives("\x1b[31m\tx\r\x7f", true, "?[31m?x??");
    plain_gives("Größe", true, "Größe");
    plain_gives("Größe", false, "Gr??e");
    plain_gives("\xc2\x9b"
                "1m\xff",
                true, "?1m?"); /* a C1 control, and no UTF-8 */
    plain_gives("\xf0\x9f\xff", true, "???");
    plain_gives("a\xd8\x9c"
                "b\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\xaa\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9"
                "c",
                true, "a?b??????c"); /* U+061C, U+200E, U+200F, U+202A, U+202E, U+2066, U+2069 */
    plain_gives("", true, "");
}

static void fit_gives(const char *text, size_t width, bool pad, const char *want)
{
    struct cr_buf out = {0};
    struct cr_err err = {0};

    assert_false(cr_failed(wizard_fit(text, width, pad, &out, &err)));
    assert_string_equal(out.p ? (const char *)out.p : "", want);
    cr_buf_clear(&out);
}

static void what_is_too_long_is_cut_by_columns(void **state)
{
    (void)state;
    fit_gives("abc", 3, false, "abc");
    fit_gives("abc", 5, true, "abc  ");
    fit_gives("abcdef", 5, true, "ab...");
    fit_gives("äöüäöü", 5, true, "äö...");
    fit_gives("日本語日本", 8, true, "日本... "); /* two columns each */
    fit_gives("abcdef", 2, false, "ab");
    fit_gives("e\xcc\x81"
              "e\xcc\x81",
              2, true,
              "e\xcc\x81"
              "e\xcc\x81"); /* combining marks take none */
}

static void wrap_gives(const char *text, size_t width, const char *want)
{
    struct cr_buf out = {0};
    struct cr_err err = {0};

    assert_false(cr_failed(wizard_wrap(text, width, &out, &err)));
    assert_string_equal(out.p ? (const char *)out.p : "", want);
    cr_buf_clear(&out);
}

static void lines_are_broken_at_blanks(void **state)
{
    (void)state;
    wrap_gives("one two three", 8, "one two\nthree");
    wrap_gives("one two\n\nthree\n", 20, "one two\n\nthree\n");
    wrap_gives("abcdefghij", 4, "abcd\nefgh\nij");
    wrap_gives("  certroll assign Role --thumbprint", 20, "  certroll assign\n    Role\n    --thumbprint");
    wrap_gives("äöü äöü", 4, "äöü\näöü");
    wrap_gives("", 10, "");
    wrap_gives("x", 0, "x");
    wrap_gives("日", 1, "日"); /* wider than the line: goes on all the same */
}

static void the_common_name_is_found_wherever_it_stands(void **state)
{
    static const struct {
        const char *subject, *name;
    } rows[] = {
        {"CN=www.example.org", "www.example.org"},
        {"O=Example,CN=a.example.org", "a.example.org"},
        {"CN=a+O=b,C=DE", "a"},
        {"O=A\\,CN=wrong,CN=right", "right"},
        {"O=Example,C=DE", "O=Example,C=DE"},
        {"CN=,O=x", "CN=,O=x"},
        {"", ""},
        {"O=x\\", "O=x\\"},
        {"CN=a\\,b,O=x", "a\\,b"},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_buf out = {0};
        struct cr_err err = {0};
        assert_false(cr_failed(wizard_common_name(rows[i].subject, &out, &err)));
        assert_string_equal(out.p ? (const char *)out.p : "", rows[i].name);
        cr_buf_clear(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_drives_a_terminal_reaches_it),
        cmocka_unit_test(what_is_too_long_is_cut_by_columns),
        cmocka_unit_test(lines_are_broken_at_blanks),
        cmocka_unit_test(the_common_name_is_found_wherever_it_stands),
    };

    if (!setlocale(LC_CTYPE, "C.UTF-8")) /* widths are the locale's */
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
