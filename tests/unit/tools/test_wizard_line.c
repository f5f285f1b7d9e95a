/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/wizard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/wizard_child.h"

static void put(char *field, const char *text)
{
    memcpy(field, text, strlen(text) + 1);
}

/* The command, as it is printed. */
static void makes(const struct wizard *w, const struct wizard_line *line, const char *want)
{
    struct wizard_words words = {0};
    struct cr_buf text = {0};
    struct cr_err err = {0};

    assert_false(cr_failed(wizard_command(w, line, &words, &err)));
    assert_null(words.w[words.n]);
    assert_false(cr_failed(wizard_quote(&words, &text, &err)));
    assert_string_equal((const char *)text.p, want);
    wizard_words_clear(&words);
    cr_buf_clear(&text);
}

static void assigning_is_assign_now_and_roll_at_a_date(void **state)
{
    struct wizard_line line = {.pass_fd = -1};
    struct wizard w;

    (void)state;
    wizard_init(&w);
    put(w.role, "Site");
    put(w.cert, "00112233");
    makes(&w, &line, "certroll assign Site --thumbprint 00112233");
    line.has_generation = true;
    line.generation = UINT64_C(18446744073709551615);
    makes(&w, &line, "certroll assign Site --thumbprint 00112233 --if-generation 18446744073709551615");
    line.generation = 3;
    w.at = true;
    w.effective = 1800000000;
    makes(&w, &line,
          "certroll roll Site --thumbprint 00112233 --effective-date 2027-01-15T08:00:00Z --if-generation 3");
    w.at = false;
    w.role_kind = WIZARD_ROLE_NEW;
    w.use = ROLE_USE_TOKEN;
    put(w.new_role, "New");
    line = (struct wizard_line){
        .pass_fd = -1, .force = true, .dry_run = true, .reason = "it's time", .conf_path = "a b.conf"};
    makes(&w, &line,
          "certroll assign New --use token --thumbprint 00112233 --force --reason 'it'\\''s time' --dry-run --config "
          "'a b.conf'");
}

static void importing_never_says_the_passphrase(void **state)
{
    struct wizard_line line = {.pass_fd = -1, .has_generation = true, .generation = 1, .home = "/home/me"};
    struct cr_err err = {0};
    struct wizard w;

    (void)state;
    wizard_init(&w);
    w.task = WIZARD_IMPORT;
    w.encrypted = true;
    assert_false(cr_failed(cr_buf_set(&w.pass, "secret", 6, &err)));
    put(w.role, "Site");
    put(w.file, "~/my cert.pfx");
    makes(&w, &line, "certroll import '/home/me/my cert.pfx' Site --if-generation 1");
    line.pass_fd = 3;
    makes(&w, &line, "certroll import '/home/me/my cert.pfx' Site --if-generation 1 --passin fd:3");
    line.pass_fd = -1;
    w.at = true;
    w.effective = 0;
    makes(&w, &line,
          "certroll import '/home/me/my cert.pfx' Site --effective-date 1970-01-01T00:00:00Z --if-generation 1");
    /* no role: no date, which the command would refuse */
    w.role_kind = WIZARD_ROLE_NONE;
    line.has_generation = false;
    put(w.file, "-x.pfx");
    makes(&w, &line, "certroll import ./-x.pfx");
    put(line.file_cert, "00112233"); /* the certificate that was shown, and the roles of the request that it answers */
    makes(&w, &line, "certroll import ./-x.pfx --thumbprint 00112233");
    line.has_generation = true;
    makes(&w, &line, "certroll import ./-x.pfx --thumbprint 00112233 --if-generation 1");
    w.role_kind = WIZARD_ROLE_OLD;
    w.at = false;
    makes(&w, &line, "certroll import ./-x.pfx Site --thumbprint 00112233 --if-generation 1");
    line.file_cert[0] = '\0';
    line.has_generation = false;
    w.role_kind = WIZARD_ROLE_NONE;
    line.home = NULL;
    put(w.file, "~/x");
    makes(&w, &line, "certroll import '~/x'");
    wizard_clear(&w);
}

static void requesting_names_what_was_answered(void **state)
{
    /* a request is bound to no generation */
    struct wizard_line line = {.pass_fd = 3, .file_cert = "00", .has_generation = true, .generation = 1};
    struct wizard w;

    (void)state;
    wizard_init(&w);
    w.task = WIZARD_REQUEST;
    put(w.role, "Site");
    put(w.subject, "CN=a,O=Größe & Söhne");
    put(w.out, "-");
    makes(&w, &line, "certroll request Site --subject 'CN=a,O=Größe & Söhne' --key rsa:3072 --out ./-");
    put(w.san, "dns:a,dns:b");
    put(w.key, "ec:P-256");
    put(w.out, "a.csr");
    makes(&w, &line,
          "certroll request Site --subject 'CN=a,O=Größe & Söhne' --san dns:a,dns:b --key ec:P-256 --out a.csr");
}

static void a_shell_reads_back_every_word(void **state)
{
    static const char *const hard[] = {
        "",
        "plain",
        "two words",
        "it's",
        "\"$HOME\" `id` $(id)",
        "a\nb\tc",
        "\x1b[31mred\x07",
        "\\",
        "'",
        "$'x'",
        "Größe",
        "\xff\xfe",
        "\xc2\x9b",
        "a\xe2\x80\xae"
        "fdp.exe",
        "*?[a]",
        "{a,b}",
        "~",
        "-n",
        "a;b|c&d>e",
        "# no comment",
        "!",
        "\x7f",
        "\xc0\x80",
        "\xed\xa0\x80",
        "\xf4\x90\x80\x80",
        ("01\x01"
         "2"),
    };
    struct wizard_child shell = {.exe = "/bin/bash", .signal_fd = -1};
    struct wizard_words words = {0}, run = {0};
    struct wizard_result result = {0};
    struct cr_buf text = {0}, want = {0};
    struct cr_err err = {0};

    (void)state;
    assert_false(cr_failed(cr_buf_append_str(&text, "printf '%s\\001' ", &err)));
    for (size_t i = 0; i < CR_COUNT(hard); i++) {
        assert_false(cr_failed(cr_strdup(hard[i], &words.w[words.n], &err)));
        words.n++;
        assert_false(cr_failed(cr_buf_printf(&want, &err, "%s\001", hard[i])));
    }
    assert_false(cr_failed(wizard_quote(&words, &text, &err)));
    for (size_t i = 0; i < text.n; i++) /* nothing of it drives a terminal */
        assert_true(text.p[i] >= 0x20 && text.p[i] != 0x7f);
    assert_null(memmem(text.p, text.n, "\xc2\x9b", 2));
    assert_null(memmem(text.p, text.n, "\xe2\x80\xae", 3));
    for (size_t i = 0; i < 3; i++)
        assert_false(
            cr_failed(cr_strdup((const char *const[]){"bash", "-c", (const char *)text.p}[i], &run.w[run.n++], &err)));
    assert_false(cr_failed(wizard_child_run(&shell, &run, &result, &err)));
    assert_int_equal(result.status, 0);
    assert_int_equal(result.out.n, want.n);
    assert_memory_equal(result.out.p, want.p, want.n);
    wizard_words_clear(&words);
    wizard_words_clear(&run);
    wizard_result_clear(&result);
    cr_buf_clear(&text);
    cr_buf_clear(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assigning_is_assign_now_and_roll_at_a_date),
        cmocka_unit_test(importing_never_says_the_passphrase),
        cmocka_unit_test(requesting_names_what_was_answered),
        cmocka_unit_test(a_shell_reads_back_every_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
