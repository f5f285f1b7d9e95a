/* SPDX-License-Identifier: Apache-2.0 */
#include "stores/store_requests.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char *two_roles[] = {(char *)"R", (char *)"S"};

static struct role_request request(const char *spki)
{
    struct role_request r = {
        .id = "0102",
        .key = "rsa:3072",
        .location = (char *)"pkcs11:token=t;id=%01%02;type=private",
        .subject = (char *)"CN=a",
        .roles = two_roles,
        .nroles = 2,
        .has_use = true,
        .use = ROLE_USE_TLS,
        .created = T0,
        .who = (char *)"alice on host",
        .csr = {.p = (unsigned char *)"csr", .n = 3},
    };

    memcpy(r.spki, spki, sizeof(r.spki));
    return r;
}

static void what_is_saved_is_read_and_listed(void **state)
{
    struct fixture *f = *state;
    struct role_request a = request(A), b = request(B), got = {0};
    struct cr_err err = {0};
    char **spkis = NULL, **certs = NULL;
    size_t n = 9, ncerts = 9;

    must(store_requests(f->store, &spkis, &n, &err), &err);
    assert_int_equal(n, 0);
    store_names_free(&spkis, n);
    b.has_use = false;
    must(store_request_save(f->store, &b, &err), &err);
    must(store_request_save(f->store, &a, &err), &err);
    must(store_requests(f->store, &spkis, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_string_equal(spkis[0], A);
    assert_string_equal(spkis[1], B);
    store_names_free(&spkis, n);
    must(store_request_load(f->store, A, &got, &err), &err);
    assert_string_equal(got.spki, A);
    assert_string_equal(got.id, a.id);
    assert_string_equal(got.key, a.key);
    assert_string_equal(got.location, a.location);
    assert_string_equal(got.subject, a.subject);
    assert_int_equal(got.nroles, 2);
    assert_string_equal(got.roles[1], "S");
    assert_true(got.has_use && got.use == ROLE_USE_TLS);
    assert_int_equal(got.created, T0);
    assert_string_equal(got.who, a.who);
    assert_true(cr_bytes_equal(cr_buf_bytes(&got.csr), cr_bytes("csr", 3)));
    role_request_clear(&got);
    must(store_request_load(f->store, B, &got, &err), &err);
    assert_false(got.has_use);
    role_request_clear(&got);
    /* no certificate is meant by it */
    must(store_certs(f->store, &certs, &ncerts, &err), &err);
    assert_int_equal(ncerts, 0);
    store_names_free(&certs, ncerts);
    must(store_request_remove(f->store, A, &err), &err);
    assert_int_equal(store_request_load(f->store, A, &got, &err).code, CR_E_NOT_FOUND);
    assert_int_equal(store_request_remove(f->store, A, &err).code, CR_E_NOT_FOUND);
}

static void members_of_a_later_version_are_kept(void **state)
{
    struct fixture *f = *state;
    struct role_request a = request(A), got = {0};
    struct cr_err err = {0};
    char *text, *more;

    must(store_request_save(f->store, &a, &err), &err);
    text = get_file(f, "certs/" A ".request.json");
    assert_non_null(text);
    assert_true(asprintf(&more, "{\"later\": [1], %s", text + 1) > 0);
    put_file(f, "certs/" A ".request.json", more);
    must(store_request_load(f->store, A, &got, &err), &err);
    must(store_request_save(f->store, &got, &err), &err);
    role_request_clear(&got);
    free(text);
    free(more);
    text = get_file(f, "certs/" A ".request.json");
    assert_non_null(strstr(text, "\"later\""));
    free(text);
}

static void what_is_wrong_is_refused_by_its_name(void **state)
{
    static const struct {
        const char *from, *to;
        enum cr_code code;
    } rows[] = {
        {"\"format\": 1", "\"format\": 2", CR_E_UNSUPPORTED},
        {"\"R\"", "\"../R\"", CR_E_INVALID},
        {"\"R\"", "7", CR_E_INVALID},
        {"0102", "010", CR_E_INVALID},
        {"0102", "01zz", CR_E_INVALID},
        {"rsa:3072", "rsa", CR_E_INVALID},
        {"pkcs11:token", "file:token", CR_E_INVALID},
        {"\"tls\"", "\"any\"", CR_E_INVALID},
        {"2026-01-01T00:00:00Z", "yesterday", CR_E_INVALID},
        {"\"subject\"", "\"suspect\"", CR_E_INVALID},
        {A, B, CR_E_INVALID}, /* another key's file */
        {"{", "", CR_E_INVALID},
    };
    struct fixture *f = *state;
    struct role_request a = request(A), got = {0};

    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct cr_err err = {0};
        char *text, *at, *changed;
        must(store_request_save(f->store, &a, &err), &err);
        text = get_file(f, "certs/" A ".request.json");
        at = strstr(text, rows[i].from);
        assert_non_null(at);
        assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, rows[i].to, at + strlen(rows[i].from)) > 0);
        put_file(f, "certs/" A ".request.json", changed);
        if (store_request_load(f->store, A, &got, &err).code != rows[i].code)
            fail_msg("'%s' for '%s': %s", rows[i].to, rows[i].from, err.text);
        assert_non_null(strstr(err.text, "certs/"));
        assert_true(got.location == NULL && got.nroles == 0);
        free(text);
        free(changed);
    }
    struct cr_err err = {0};
    assert_int_equal(store_request_load(f->store, "../x", &got, &err).code, CR_E_INVALID);
    a.nroles = 0; /* would not be read again */
    assert_int_equal(store_request_save(f->store, &a, &err).code, CR_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_saved_is_read_and_listed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(members_of_a_later_version_are_kept, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_refused_by_its_name, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
