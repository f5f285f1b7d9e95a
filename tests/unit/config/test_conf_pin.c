/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/conf.h"
#include "config/conf_pin.h"

static char dir[] = "/tmp/certroll-pin-XXXXXX";

static void put(const char *name, const char *text, size_t n)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, n), n);
    close(fd);
}

static void each_kind_is_told_from_the_others(void **state)
{
    static const struct {
        const char *source, *name;
        enum conf_pin_kind kind;
    } t[] = {
        {"/etc/pin", "/etc/pin", CONF_PIN_FILE},     {"credential:a.b", "a.b", CONF_PIN_CREDENTIAL},
        {"p11-kit:of it", "of it", CONF_PIN_P11KIT}, {"prompt:", "", CONF_PIN_PROMPT},
        {"/prompt:", "/prompt:", CONF_PIN_FILE},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(t); i++) {
        assert_int_equal(conf_pin_kind(t[i].source), t[i].kind);
        assert_string_equal(conf_pin_name(t[i].source), t[i].name);
    }
    assert_int_equal(conf_pin_kind(NULL), CONF_PIN_NONE);
}

static void a_refused_source_leaves_what_was_there(void **state)
{
    char *out = NULL;
    struct cr_err err = {0};

    (void)state;
    assert_int_equal(conf_pin_source("prompt:", &out, &err).code, CR_OK);
    assert_int_equal(conf_pin_source("98765432", &out, &err).code, CR_E_INVALID);
    assert_null(strstr(err.text, "98765432"));
    assert_string_equal(out, "prompt:");
    cr_free_str(&out);
}

static void a_credential_is_a_file_of_the_unit(void **state)
{
    struct cr_err err = {0};
    char *path = NULL, want[64];

    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(conf_pin_path("credential:hsm", &path, &err).code, CR_E_PIN);
    assert_non_null(strstr(err.text, "LoadCredential=hsm:/"));
    setenv("CREDENTIALS_DIRECTORY", "relative", 1);
    assert_int_equal(conf_pin_path("credential:hsm", &path, &err).code, CR_E_PIN);
    assert_null(path);
    setenv("CREDENTIALS_DIRECTORY", dir, 1);
    assert_int_equal(conf_pin_path("credential:hsm", &path, &err).code, CR_OK);
    snprintf(want, sizeof(want), "%s/hsm", dir);
    assert_string_equal(path, want);
    cr_free_str(&path);
    assert_int_equal(conf_pin_path("/etc/pin", &path, &err).code, CR_OK);
    assert_string_equal(path, "/etc/pin");
    cr_free_str(&path);
}

static void the_first_line_is_the_pin(void **state)
{
    static const struct {
        const char *text, *pin;
    } t[] = {{"1234", "1234"},   {"1234\n", "1234"}, {"1234\r\nmore\n", "1234"}, {" 12 \n", " 12 "}, {"", NULL},
             {"\n1234\n", NULL}, {"\r\n", NULL}};
    char path[128], big[1200];
    struct cr_buf pin = {0};
    struct cr_err err = {0};

    (void)state;
    snprintf(path, sizeof(path), "%s/pin", dir);
    for (size_t i = 0; i < CR_COUNT(t); i++) {
        put("pin", t[i].text, strlen(t[i].text));
        assert_int_equal(conf_pin_read(path, true, &pin, &err).code, t[i].pin != NULL ? CR_OK : CR_E_PIN);
        if (t[i].pin != NULL)
            assert_true(cr_bytes_equal(cr_buf_bytes(&pin), cr_bytes_str(t[i].pin)));
    }
    memset(big, '7', sizeof(big));
    put("pin", big, sizeof(big));
    assert_int_equal(conf_pin_read(path, true, &pin, &err).code, CR_E_INVALID);
    assert_null(strstr(err.text, "777"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_true(cr_failed(conf_pin_read(path, true, &pin, &err)));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(conf_pin_read(path, true, &pin, &err).code, CR_E_NOT_FOUND);
    cr_buf_clear(&pin);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_told_from_the_others),
        cmocka_unit_test(a_refused_source_leaves_what_was_there),
        cmocka_unit_test(a_credential_is_a_file_of_the_unit),
        cmocka_unit_test(the_first_line_is_the_pin),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
