/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NONE "\xef\xbf\xbd"

static void foreign_text_has_no_markup_and_no_controls(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"<b a=\"x\" b='y'>&amp;", "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;"},
        {"Zo\xc3\xab, \xe6\xbc\xa2, \xf0\x9f\x94\x91", "Zo\xc3\xab, \xe6\xbc\xa2, \xf0\x9f\x94\x91"},
        {"a\nb\tc", "a\nb\tc"},
        {"\x1b[31mred\x7f", NONE "[31mred" NONE},
        {"\xc2\x85", NONE}, /* C1 */
        {"\xe2\x80\xae"
         "gnp",
         NONE "gnp"},                            /* right to left override */
        {"\xe2\x80\xa8\xe2\x80\x8b", NONE NONE}, /* a line separator, a blank without width */
        {"\xe2\x81\xa6\xd8\x9c", NONE NONE},     /* isolate, Arabic letter mark */
        {"\xc0\xaf", NONE},                      /* overlong */
        {"\xe0\x80\xaf", NONE},                  /* overlong */
        {"\xed\xa0\x80", NONE},                  /* surrogate */
        {"\xf4\x90\x80\x80", NONE},              /* beyond Unicode */
        {"\xf8"
         "a",
         NONE "a"}, /* no first byte */
        {"\x80"
         "a",
         NONE "a"},             /* one that continues */
        {"\xe2\x80", NONE},     /* cut */
        {"\xc3<", NONE "&lt;"}, /* cut, and markup behind it */
        {"\xef\xbf\xbe", NONE}, /* no character */
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_buf out = {0};
        struct html h = {&out, cr_ok(), NULL};

        html_text(&h, rows[i].in);
        assert_int_equal(h.st.code, CR_OK);
        assert_string_equal(out.p ? (const char *)out.p : "", rows[i].out);
        cr_buf_clear(&out);
    }
}

static void nothing_is_written_for_none_and_after_a_failure(void **state)
{
    struct cr_buf out = {0};
    struct cr_err err = {0};
    struct html h = {&out, cr_ok(), &err};

    (void)state;
    html_text(&h, NULL);
    assert_int_equal(out.n, 0);
    html_cell(&h, "x<");
    assert_string_equal((const char *)out.p, "<td>x&lt;</td>");
    h.st = cr_fail(&err, CR_E_NOMEM, "out of memory");
    html_put(&h, "<p>");
    html_cell(&h, "y");
    assert_string_equal((const char *)out.p, "<td>x&lt;</td>");
    cr_buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(foreign_text_has_no_markup_and_no_controls),
        cmocka_unit_test(nothing_is_written_for_none_and_after_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
