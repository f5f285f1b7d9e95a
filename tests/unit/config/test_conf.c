/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "config/conf.h"

#define MAIN  "[certroll_sect]\n"
#define TOKEN "[token_a]\nmodule = /m.so\ntoken = pkcs11:token=a\n"

static void an_empty_section_gives_the_defaults(void **state)
{
    struct conf *c = NULL;

    (void)state;
    assert_int_equal(conf_parse("x", cr_bytes_str(MAIN "max-rsa-bits = 4096\n"), &c, NULL).code, CR_OK);
    assert_string_equal(c->state_dir, "/var/lib/certroll");
    assert_int_equal(c->minimum_lead, 48 * 3600);
    assert_int_equal(c->token_lifetime, 24 * 3600);
    assert_int_equal(c->retain_previous, 30 * 86400);
    assert_int_equal(c->references, CONF_REFERENCES_ON);
    assert_true(conf_reference_allowed(c, "R"));
    assert_string_equal(c->kid_format, "rfc7638");
    assert_int_equal(c->ntokens, 0);
    conf_free(&c);
    assert_null(c);
}

static void every_key_is_read(void **state)
{
    static const char text[] =
        "certroll = certroll_sect\n" MAIN "state = /s\ngroup = g\nlog = /l\ntokens = a, b\nreferences = R1, R2\n"
        "minimum-lead = 1h\ntoken-lifetime = 5m\nretain-previous = 2d # comment\n"
        "require-domain = example.org\nmax-rsa-bits = 3072\nkid-format = x5t\non-alert = mail -s certroll root\n"
        "[token_a]\nmodule = /m.so\ntoken = pkcs11:token=a%20b\npin-source = file:/pin\n"
        "init-args = \"x='y'\"\nserialize = yes\nmax-sessions = 2\nop-timeout = 500ms\nshare-load = yes\nkey-copy = "
        "auto\nready-after-fork = yes\nenvironment = "
        "A=1 B=x=y\n"
        "[token_b]\nmodule = /n.so\ntoken = pkcs11:\n"
        "[role_Web]\non-change = systemctl reload 'nginx' && echo \\$CERTROLL_ROLE\non-change-timeout = 5m\n"
        "[role_Api]\n";
    struct conf *c = NULL;
    struct cr_err err = {0};

    (void)state;
    if (cr_failed(conf_parse("x", cr_bytes_str(text), &c, &err)))
        fail_msg("%s", err.text);
    assert_string_equal(c->state_dir, "/s");
    assert_string_equal(c->group, "g");
    assert_string_equal(c->log, "/l");
    assert_string_equal(c->require_domain, "example.org");
    assert_int_equal(c->retain_previous, 2 * 86400);
    assert_int_equal(c->max_rsa_bits, 3072);
    assert_true(conf_reference_allowed(c, "R2"));
    assert_false(conf_reference_allowed(c, "R"));
    assert_int_equal(c->ntokens, 2);
    assert_string_equal(c->tokens[0].token_uri, "pkcs11:token=a%20b");
    assert_string_equal(c->tokens[0].pin_source, "/pin");
    assert_string_equal(c->tokens[0].init_args, "x='y'");
    assert_true(c->tokens[0].serialize);
    assert_int_equal(c->tokens[0].max_sessions, 2);
    assert_int_equal(c->tokens[0].op_timeout_ms, 500);
    assert_true(c->tokens[0].share_load);
    assert_int_equal(c->tokens[0].key_copy, CONF_KEY_COPY_AUTO);
    assert_true(c->tokens[0].ready_after_fork);
    assert_false(c->tokens[1].ready_after_fork);
    assert_int_equal(c->tokens[0].nenv, 2);
    assert_string_equal(c->tokens[0].env[1].name, "B");
    assert_string_equal(c->tokens[0].env[1].value, "x=y");
    assert_int_equal(c->tokens[1].max_sessions, 64);
    assert_null(c->tokens[1].pin_source);
    assert_string_equal(c->on_alert, "mail -s certroll root");
    assert_int_equal(c->nroles, 2);
    assert_string_equal(conf_role_find(c, "Web")->on_change, "systemctl reload nginx && echo $CERTROLL_ROLE");
    assert_int_equal(conf_role_find(c, "Web")->on_change_seconds, 300);
    assert_null(conf_role_find(c, "Api")->on_change);
    assert_int_equal(conf_role_find(c, "Api")->on_change_seconds, 0);
    assert_null(conf_role_find(c, "api"));
    conf_free(&c);
}

static void bad_files_get_a_sentence_that_names_the_place(void **state)
{
    static const struct {
        const char *text, *part;
    } t[] = {
        {"", "no section [certroll_sect]"},
        {"state = /s\n", "before the first section"},
        {MAIN "stat = /s\n", "does not know the key 'stat'"},
        {MAIN "state = s\n", "not an absolute path"},
        {MAIN "state =\n", "has no value"},
        {MAIN "state = /a\nstate = /b\n", "x.conf line 3: the key 'state' stands twice"},
        {MAIN MAIN "state = /b\n", "stands twice"},
        {MAIN "state = /a#b\n", "line 2: the '#' would cut the value"},
        {MAIN "state = /a$b\n", "line 2: a '$' is written"},
        {MAIN "state = $ENV::HOME\n", "variables have no place here"},
        {MAIN "state = /a\nlog = ${state}/l\n", "line 3: a '$' is written"},
        {MAIN "state = /a\\\\\n.include /etc/passwd\n", "line 3: directives"},
        {MAIN "state = /a\\\\\nstate = /b\n", "line 3: the key 'state' stands twice"},
        {MAIN "state = /a\\\nlog = /b\n", "line 2: a line cannot be continued"},
        {MAIN "state = /a\\\r\nlog = /b\r\n", "line 2: a line cannot be continued"},
        {MAIN "# a note \\\nstate = /b\n", "line 2: a line cannot be continued"},
        {"\xef\xbb\xbf.include = /etc/passwd\n", "line 1: directives"},
        {MAIN "state = /a\n[certroll\\_sect]\nlog = /b\n", "line 3: a section's name"},
        {"[certroll_sect] state = /a\n", "line 1: text behind the ']'"},
        {MAIN "state = /it's\n", "line 2: a quote is not closed"},
        {MAIN "state = /a\\nb\n", "control byte"},
        {MAIN "group = \" g\"\n", "begins or ends with white space"},
        {MAIN "; state = /a\n", "not the name of a key"},
        {MAIN "references = ,\n", "neither on, off nor a list"},
        {MAIN "references = on, R\n", "'on' stands alone"},
        {MAIN "references = R/x\n", "not the name of a role"},
        {MAIN "tokens = 1a\n", "not the name of a token"},
        {MAIN "tokens = a\n" TOKEN "environment = A=1 A=2\n", "A is set twice"},
        {MAIN "tokens = a\n" TOKEN "environment = 1234\n", "not NAME=VALUE"},
        {MAIN "tokens = a\n" TOKEN "init-args = x?PIN-value=1234\n", "a PIN has no place"},
        {MAIN "tokens = a\n" TOKEN "pin-source = 1234\n", "not file:/PATH"},
        {MAIN "tokens = a\n" TOKEN "pin-source = |echo 1234\n", "not file:/PATH"},
        {MAIN "tokens = a\n" TOKEN "pin-source = file:/p%2\n", "two digits"},
        {MAIN "tokens = a\n" TOKEN "pin-source = file:/p%00\n", "two digits"},
        {MAIN "tokens = a\n[token_a]\ntoken = token=a?pin-value=1234\n", "a PIN has no place"},
        {MAIN "[role_R]\nuse = tls\n", "[role_R] does not know the key 'use'"},
        {MAIN "[role_1]\n", "'1' in [role_1] is not the name of a role"},
        {MAIN "[role_R]\non-change =\n", "has no value"},
        {MAIN "[role_R]\non-change-timeout = 0s\n", "not a time from 1s"},
        {MAIN "[role_R]\non-change-timeout = 2h\n", "not a time from 1s"},
        {MAIN "[role_R]\non-change-timeout = 60\n", "on-change-timeout"},
        {MAIN "[roles]\n", "[roles] is not named"},
        {MAIN "state = /a\x01\n", "control byte"},
        {MAIN "nonsense\n", "line 2: neither"},
        {"[certroll_sect\n", "no ']'"},
        {".include /etc/passwd\n", "line 1: directives"},
        {MAIN ".pragma dollarid:on\n", "line 2: directives"},
        {MAIN "a::state = /x\n", "not the name of a key"},
        {MAIN "minimum-lead = 3\n", "not a duration"},
        {MAIN "max-rsa-bits = 1024\n", "not a number from 2048"},
        {MAIN "max-rsa-bits = 4096x\n", "not a number"},
        {MAIN "kid-format = md5\n", "none of rfc7638"},
        {MAIN "tokens = a\n", "no section [token_a]"},
        {MAIN "tokens = a, a\n" TOKEN, "named twice"},
        {MAIN TOKEN, "is not named by 'tokens ='"},
        {MAIN "tokens = a\n[token_a]\nmodule = /m\n", "needs the keys module and token"},
        {MAIN "tokens = a\n[token_a]\nmodule = m.so\n", "not an absolute path"},
        {MAIN "tokens = a\n[token_a]\ntoken = token=a\n", "not a pkcs11: URI"},
        {MAIN "tokens = a\n[token_a]\ntoken = pkcs11:token=a?pin-value=1234\n", "a PIN has no place"},
        {MAIN "tokens = a\n" TOKEN "pin-source = pin\n", "not file:/PATH"},
        {MAIN "tokens = a\n" TOKEN "pin-source = https://x/pin\n", "not file:/PATH"},
        {MAIN "tokens = a\n" TOKEN "pin-source = file:pin\n", "file:/PATH"},
        {MAIN "tokens = a\n" TOKEN "pin-source = credential:\n", "LoadCredential="},
        {MAIN "tokens = a\n" TOKEN "pin-source = credential:../pin\n", "LoadCredential="},
        {MAIN "tokens = a\n" TOKEN "pin-source = credential:a/b\n", "LoadCredential="},
        {MAIN "tokens = a\n" TOKEN "pin-source = credential:.pin\n", "LoadCredential="},
        {MAIN "tokens = a\n" TOKEN "pin-source = credential:a:b\n", "LoadCredential="},
        {MAIN "tokens = a\n" TOKEN "pin-source = p11-kit:\n", "PIN callback"},
        {MAIN "tokens = a\n" TOKEN "pin-source = prompt\n", "or prompt:"},
        {MAIN "tokens = a\n" TOKEN "pin-source = prompt:1234\n", "or prompt:"},
        {MAIN "tokens = a\n" TOKEN "pin-source = Credential:pin\n", "not file:/PATH"},
        {MAIN "tokens = a\n" TOKEN "serialize = 1\n", "neither yes nor no"},
        {MAIN "tokens = a\n" TOKEN "max-sessions = 0\n", "not a number from 1"},
        {MAIN "tokens = a\n" TOKEN "op-timeout = 0s\n", "not a time from 1ms"},
        {MAIN "tokens = a\n" TOKEN "key-copy = yes\n", "is not never, auto or always"},
        {MAIN "tokens = a\n" TOKEN "ready-after-fork = always\n", "neither yes nor no"},
        {MAIN "tokens = a\n" TOKEN "op-timeout = 5\n", "not a time from 1ms"},
        {MAIN "tokens = a\n" TOKEN "op-timeout = 3601s\n", "not a time from 1ms"},
        {MAIN "tokens = a\n" TOKEN "environment = LD_PRELOAD=/x\n", "LD_PRELOAD may not be set"},
        {MAIN "tokens = a\n" TOKEN "environment = OPENSSL_CONF=/x\n", "OPENSSL_CONF may not be set"},
        {MAIN "tokens = a\n" TOKEN "environment = =x\n", "not NAME=VALUE"},
        {MAIN "tokens = a\n" TOKEN "pin = 1234\n", "does not know the key 'pin'"},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(t); i++) {
        struct conf *c = NULL;
        struct cr_err err = {0};

        assert_int_equal(conf_parse("x.conf", cr_bytes_str(t[i].text), &c, &err).code, CR_E_INVALID);
        assert_null(c);
        if (strstr(err.text, t[i].part) == NULL || strstr(err.text, "x.conf") == NULL)
            fail_msg("'%s' instead of '%s'", err.text, t[i].part);
        assert_null(strstr(err.text, "1234"));
    }
    assert_int_equal(ERR_peek_error(), 0);
}

static void a_backslash_where_openssl_splits_long_lines_is_refused(void **state)
{
    char text[1200] = MAIN "state = /";
    size_t start = strlen(MAIN), n = strlen(text);

    (void)state;
    for (size_t at = 505; at < 515; at++) {
        struct conf *c = NULL;
        struct cr_err err = {0};

        memset(text + n, 'a', sizeof text - n);
        memcpy(text + start + at, "\\#b\n", 5);
        assert_int_equal(conf_parse("x", cr_bytes_str(text), &c, &err).code, CR_E_INVALID);
        assert_non_null(strstr(err.text, "more than 500 bytes"));
        memcpy(text + start + at, "xxb\n", 5);
        assert_int_equal(conf_parse("x", cr_bytes_str(text), &c, &err).code, CR_OK);
        assert_int_equal(strlen(c->state_dir), at + 3 - 8);
        conf_free(&c);
    }
}

static void a_pin_source_is_one_of_four_kinds(void **state)
{
    static const struct {
        const char *value, *path;
    } t[] = {
        {"/etc/pin", "/etc/pin"},
        {"/a%20b", "/a%20b"},
        {"file:/etc/pin", "/etc/pin"},
        {"file:///etc/pin", "/etc/pin"},
        {"file:/a%20b%23", "/a b#"},
        {"'/a b$c'", "/a b$c"},
        {"credential:certroll.pin", "credential:certroll.pin"},
        {"prompt:", "prompt:"},
        {"p11-kit:my pins", "p11-kit:my pins"},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(t); i++) {
        struct conf *c = NULL;
        struct cr_buf text = {0};
        struct cr_err err = {0};

        assert_int_equal(cr_buf_printf(&text, &err, MAIN "tokens = a\n" TOKEN "pin-source = %s\n", t[i].value).code,
                         CR_OK);
        if (cr_failed(conf_parse("x", cr_buf_bytes(&text), &c, &err)))
            fail_msg("%s: %s", t[i].value, err.text);
        assert_string_equal(c->tokens[0].pin_source, t[i].path);
        conf_free(&c);
        cr_buf_clear(&text);
    }
}

static void a_list_that_allows_nothing_is_never_written_as_on(void **state)
{
    struct conf conf = {.state_dir = (char[]){"/s"},
                        .kid_format = (char[]){"x5t"},
                        .max_rsa_bits = 4096,
                        .references = CONF_REFERENCES_LISTED};
    char *bad[] = {(char[]){"on"}};
    struct conf *back = NULL;
    struct cr_buf text = {0};

    (void)state;
    assert_int_equal(conf_write(&conf, &text, NULL).code, CR_OK);
    assert_int_equal(conf_parse("x", cr_buf_bytes(&text), &back, NULL).code, CR_OK);
    assert_int_equal(back->references, CONF_REFERENCES_OFF);
    conf_free(&back);
    conf.reference_roles = bad;
    conf.nreference_roles = 1;
    assert_int_equal(conf_write(&conf, &text, NULL).code, CR_E_INVALID);
    cr_buf_clear(&text);
}

/* The default library context may be loading us from the very file OPENSSL_CONF names. That the same file is opened when
 * OpenSSL is asked to shows that nothing before in this process has loaded a default configuration, and that the watch
 * works. */
static void the_default_configuration_is_not_loaded(void **state)
{
    char path[] = "/tmp/certroll-cnf.XXXXXX", event[512];
    int fd = mkstemp(path), watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    struct conf *c = NULL;

    (void)state;
    assert_true(fd >= 0 && watch >= 0);
    assert_true(inotify_add_watch(watch, path, IN_OPEN) >= 0);
    assert_int_equal(setenv("OPENSSL_CONF", path, 1), 0);
    assert_int_equal(conf_parse("x", cr_bytes_str("\xef\xbb\xbf" MAIN "state = /s\r\n"), &c, NULL).code, CR_OK);
    assert_string_equal(c->state_dir, "/s");
    conf_free(&c);
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(read(watch, event, sizeof event), -1);
    assert_int_equal(OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL), 1);
    assert_true(read(watch, event, sizeof event) > 0);
    assert_int_equal(unsetenv("OPENSSL_CONF"), 0);
    assert_int_equal(close(watch) | close(fd) | unlink(path), 0);
}

/* A host's pending errors and errno are none of our business. */
static void a_failed_load_leaves_errno_and_the_error_queue(void **state)
{
    struct conf *c = NULL;

    (void)state;
    ERR_raise(ERR_LIB_USER, 77);
    errno = ERANGE;
    assert_int_equal(conf_load("/nonexistent/x.conf", &c, NULL).code, CR_E_NOT_FOUND);
    assert_int_equal(errno, ERANGE);
    assert_int_equal(conf_parse("x", cr_bytes_str(MAIN "state s\n"), &c, NULL).code, CR_E_INVALID);
    assert_int_equal(conf_parse("x", cr_bytes_str(""), &c, NULL).code, CR_E_INVALID);
    assert_int_equal(ERR_GET_REASON(ERR_get_error()), 77);
    assert_int_equal(ERR_peek_error(), 0);
}

static void nuls_are_refused(void **state)
{
    static const char text[] = MAIN "state = /a\0b\n";
    struct conf *c = NULL;

    (void)state;
    assert_int_equal(conf_parse("x", cr_bytes(text, sizeof text - 1), &c, NULL).code, CR_E_INVALID);
}

static void what_is_written_reads_back_the_same(void **state)
{
    struct conf_env env = {"SOFTHSM2_CONF", "/a$b#c\\d"};
    struct conf_token token = {.name = "a",
                               .module = "/m \"x\".so",
                               .token_uri = "pkcs11:token=a%23",
                               .pin_source = "/p'q`r",
                               .init_args = "configdir='sql:/x' a=''",
                               .max_sessions = 3,
                               .op_timeout_ms = 2500,
                               .share_load = true,
                               .key_copy = CONF_KEY_COPY_ALWAYS,
                               .ready_after_fork = true,
                               .env = &env,
                               .nenv = 1};
    struct conf_role role = {.name = "R", .on_change = "echo $A", .on_change_seconds = 90};
    struct conf conf = {.state_dir = "/s\xc3\xa9 t;u",
                        .roles = &role,
                        .nroles = 1,
                        .tokens = &token,
                        .ntokens = 1,
                        .minimum_lead = 61,
                        .retain_previous = 7200,
                        .max_rsa_bits = 4096,
                        .kid_format = "x5t-hex"};
    struct conf *back = NULL;
    struct cr_buf text = {0}, again = {0};
    struct cr_err err = {0};

    (void)state;
    assert_int_equal(conf_write(&conf, &text, &err).code, CR_OK);
    if (cr_failed(conf_parse("x", cr_buf_bytes(&text), &back, &err)))
        fail_msg("%s in\n%s", err.text, (const char *)text.p);
    assert_string_equal(back->state_dir, conf.state_dir);
    assert_string_equal(back->tokens[0].module, token.module);
    assert_string_equal(back->tokens[0].token_uri, token.token_uri);
    assert_string_equal(back->tokens[0].pin_source, token.pin_source);
    assert_string_equal(back->tokens[0].init_args, token.init_args);
    assert_string_equal(back->tokens[0].env[0].value, env.value);
    assert_int_equal(back->tokens[0].op_timeout_ms, 2500);
    assert_true(back->tokens[0].share_load);
    assert_int_equal(back->tokens[0].key_copy, CONF_KEY_COPY_ALWAYS);
    assert_true(back->tokens[0].ready_after_fork);
    assert_string_equal(back->roles[0].on_change, role.on_change);
    assert_int_equal(back->roles[0].on_change_seconds, 90);
    assert_int_equal(back->minimum_lead, 61);
    assert_int_equal(back->token_lifetime, 0);
    assert_int_equal(conf_write(back, &again, &err).code, CR_OK);
    assert_true(cr_bytes_equal(cr_buf_bytes(&text), cr_buf_bytes(&again)));
    conf_free(&back);
    cr_buf_clear(&text);
    cr_buf_clear(&again);
    conf.state_dir = "/ends in a blank ";
    assert_int_equal(conf_write(&conf, &text, &err).code, CR_E_INVALID);
    cr_buf_clear(&text);
}

static void a_file_others_can_write_is_refused(void **state)
{
    char path[] = "/tmp/certroll-conf.XXXXXX";
    int fd = mkstemp(path);
    struct conf *c = NULL;
    struct cr_err err = {0};

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, MAIN "state = /s\n", strlen(MAIN) + 11), (ssize_t)strlen(MAIN) + 11);
    assert_int_equal(fchmod(fd, 0666), 0);
    assert_int_equal(conf_load(path, &c, &err).code, CR_E_REFUSED);
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_int_equal(conf_load(path, &c, &err).code, CR_OK);
    assert_string_equal(c->path, path);
    conf_free(&c);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(conf_load(path, &c, &err).code, CR_E_NOT_FOUND);
    assert_int_equal(conf_load("relative.conf", &c, &err).code, CR_E_INVALID);
}

static void the_parameter_wins_over_the_environment(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("CERTROLL_CONFIG"), 0);
    assert_string_equal(conf_path(NULL), CONF_DEFAULT_PATH);
    assert_int_equal(setenv("CERTROLL_CONFIG", "/env.conf", 1), 0);
    assert_string_equal(conf_path(NULL), "/env.conf");
    assert_string_equal(conf_path(""), "/env.conf");
    assert_string_equal(conf_path("/param.conf"), "/param.conf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_section_gives_the_defaults),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(bad_files_get_a_sentence_that_names_the_place),
        cmocka_unit_test(a_backslash_where_openssl_splits_long_lines_is_refused),
        cmocka_unit_test(a_pin_source_is_one_of_four_kinds),
        cmocka_unit_test(a_list_that_allows_nothing_is_never_written_as_on),
        cmocka_unit_test(the_default_configuration_is_not_loaded),
        cmocka_unit_test(a_failed_load_leaves_errno_and_the_error_queue),
        cmocka_unit_test(nuls_are_refused),
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(a_file_others_can_write_is_refused),
        cmocka_unit_test(the_parameter_wins_over_the_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
