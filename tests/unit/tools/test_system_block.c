/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/system_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BEGIN "# >>> certroll enable --system: 'certroll disable --system' takes this block out\n"
#define END   "# <<< certroll\n"
#define LINE  "certroll = certroll_system_certroll\n"
#define NODE  "nodejs_conf = i\nopenssl_conf = i\n"

static cr_status make(const char *text, struct cr_buf *out, struct cr_err *err)
{
    return system_block_text(cr_bytes_str(text), "/lib/a#b.so", NULL, out, err);
}

static void a_block_has_what_the_file_lacks(void **state)
{
    static const struct {
        const char *text, *block; /* the latter without its marks and our own section */
    } rows[] = {
        {"", "[default]\nopenssl_conf = certroll_system\nnodejs_conf = certroll_system_node\n"
             "[certroll_system_node]\nproviders = certroll_system_list\n"
             "[certroll_system]\nproviders = certroll_system_list\n"
             "[certroll_system_list]\ndefault = certroll_system_default\n" LINE
             "[certroll_system_default]\nactivate = 1\n"},
        {"nodejs_conf = i\nopenssl_conf = i\n[i]\n",
         "[i]\nproviders = certroll_system_list\n[certroll_system_list]\ndefault = certroll_system_default\n" LINE
         "[certroll_system_default]\nactivate = 1\n"},
        {"openssl_conf = i\n[i]\nproviders = p\n[p]\ndefault = d\n[d]\nactivate = 1\n",
         "[default]\nnodejs_conf = certroll_system_node\n[certroll_system_node]\nproviders = p\n[p]\n" LINE},
        {NODE "[i]\nproviders = p\n[p]\ndefault = d\n[d]\n", "[p]\n" LINE "[d]\nactivate = 1\n"},
        {NODE "[i]\nproviders = p\n[p]\ndefault = d\n[d]\nactivate = yes\n", "[p]\n" LINE},
        {NODE "[i]\nproviders = p\n[p]\nfips = f\n[f]\nactivate = 1\n", "[p]\n" LINE},
        {".include /nowhere\n.pragma includedir:/\n.include nowhere\nD = /\n.include = ${D}nowhere\n.include "
         "/nowhere/ENVELOPE\n.included = "
         "x\n" NODE "[i]\nproviders = p\n[p]\ndefault = d\n[d]\nactivate = yes\n",
         "[p]\n" LINE},
        {"providers = x\n" NODE "[i]\n", /* of the default section: OpenSSL does not look there */
         "[i]\nproviders = certroll_system_list\n[certroll_system_list]\ndefault = certroll_system_default\n" LINE
         "[certroll_system_default]\nactivate = 1\n"},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_buf out = {0}, want = {0};
        assert_int_equal(make(rows[i].text, &out, NULL).code, CR_OK);
        assert_int_equal(cr_buf_printf(&want, NULL,
                                       "%s%s[certroll_system_certroll]\nactivate = 1\nmodule = "
                                       "/lib/a\\#b.so\n%s",
                                       BEGIN, rows[i].block, END)
                             .code,
                         CR_OK);
        assert_string_equal((const char *)out.p, (const char *)want.p);
        cr_buf_clear(&out);
        cr_buf_clear(&want);
    }
}

static void what_has_certroll_after_default_gets_none(void **state)
{
    struct cr_buf out = {0};

    (void)state;
    assert_int_equal(make("openssl_conf = i\n[i]\nproviders = p\n[p]\ndefault = d\ncertroll = c\n[d]\n"
                          "activate = 1\n[c]\nactivate = 1\n",
                          &out, NULL)
                         .code,
                     CR_OK);
    assert_int_equal(out.n, 0);
}

static void what_is_not_understood_is_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"a = b", "no end"},
        {"a = b\\\n", "backslash"},
        {"a = b\\\r\n\r\n", "backslash"},
        {"[a\n", "config(5)"},
        {"openssl_conf = i\n[i]\nproviders = p\n[p]\ndefault = d\n[d]\nactivate = 0\n", "deactivates"},
        {"openssl_conf = i\n[i]\nproviders = p\n[p]\ncertroll = c\n[c]\nactivate = 1\n", "after default"},
        {"openssl_conf = i\n[i]\nproviders = p\n[p]\ncertroll = c\ndefault = d\n[c]\nactivate = 1\n[d]\nactivate = 1\n",
         "after default"},
        {"openssl_conf = i\n[i]\nproviders = p\n[p]\ndefault = d\ncertroll = c\n[d]\nactivate = 1\n[c]\n",
         "after default"},
        {"[certroll_system]\n", "somebody else's"},
        {".include etc.d\n", "includes 'etc.d'"},
        {"# text\n \t.include\t= \"etc.d\"\n", "full path"},
        {".include\n", "config(5)"},
        {".pragma includedir:etc\n.include d\n", "full path"},
        {".include $ENV::HOME/d\n", "full path"},
        {".include /etc/${ENV::HOME}/d\n", "full path"},
        {"D = etc\n.include $D/d\n", "full path"},
        {".include ${D}/d\n", "full path"},
        {".pragma includedir:/etc\nD = $ENV::HOME\n.include $D/d\n", "full path"},
        {"D = /etc/$ENV::HOME\n.include $D/d\n", "full path"},
        {"X = /x\n.include /etc/$X/d\n", "full path"},
        {"X = /x\nD = /etc\n.include $D/$X\n", "full path"},
        {".include $D/d\nD = /etc\n", "full path"},
        {"D = etc\n[a]\nD = /etc\n[b]\n.include $D/d\n", "full path"},
        {"ENV = /etc\n.include $ENV::HOME/d\n", "full path"},
        {"openssl_conf = a\\nb\n", "plain name"},
        {"openssl_conf = i\n[i]\nproviders = p q\n", "plain name"},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_buf out = {0};
        struct cr_err err = {0};
        assert_int_equal(make(rows[i].text, &out, &err).code, CR_E_REFUSED);
        if (!strstr(err.text, rows[i].why))
            fail_msg("row %zu: %s", i, err.text);
        assert_int_equal(out.n, 0);
    }
}

static void a_block_is_found_where_taking_it_out_restores_the_file(void **state)
{
    static const struct {
        const char *text;
        enum cr_code code;
        size_t begin; /* in @text */
    } rows[] = {
        {"", CR_OK, 0},
        {"a = b\n", CR_OK, 0},
        {BEGIN END, CR_OK, 0},
        {"a = b\n" BEGIN "[p]\ncertroll = x\n" END, CR_OK, 6},
        {"a = b\n" BEGIN "[p]\n" END "\n # words\n[q]\nc = d\n", CR_OK, 6},
        {"a = b\n" BEGIN "[p]\n" END "c = d\n", CR_E_REFUSED, 0},
        {"a = b\n" BEGIN "[p]\n" END "\n\t c = d", CR_E_REFUSED, 0},
        {"a = b\n" BEGIN "[p]\nother = x\n" END, CR_E_REFUSED, 0},
        {"a = b\n" BEGIN "[p]\n", CR_E_REFUSED, 0},
        {"a = b\n" END, CR_E_REFUSED, 0},
        {"a = " BEGIN "[p]\n" END, CR_E_REFUSED, 0},
        {BEGIN END BEGIN END, CR_E_REFUSED, 0},
        {"# >>> certroll\n", CR_E_REFUSED, 0},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        size_t begin = 99, end = 99;
        struct cr_err err = {0};
        enum cr_code code = system_block_find(cr_bytes_str(rows[i].text), &begin, &end, &err).code;
        if (code != rows[i].code)
            fail_msg("row %zu: %d %s", i, code, err.text);
        if (code != CR_OK)
            continue;
        assert_int_equal(begin, rows[i].begin);
        if (strstr(rows[i].text, END))
            assert_int_equal(end, (size_t)(strstr(rows[i].text, END) - rows[i].text) + strlen(END));
        else
            assert_int_equal(end, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_has_what_the_file_lacks),
        cmocka_unit_test(what_has_certroll_after_default_gets_none),
        cmocka_unit_test(what_is_not_understood_is_refused),
        cmocka_unit_test(a_block_is_found_where_taking_it_out_restores_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
