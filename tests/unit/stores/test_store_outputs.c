/* SPDX-License-Identifier: Apache-2.0 */
#include "stores/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

#define ENTRY "{\"path\":\"/a\",\"kind\":\"jwks\",\"roles\":[\"R\",\"S\"]}"

static void what_is_saved_is_read(void **state)
{
    struct fixture *f = *state;
    char here[80], gone[80], *roles[] = {(char *)"R", (char *)"S"};
    struct store_output one = {.path = here, .kind = STORE_OUTPUT_JWKS, .roles = roles, .nroles = 2};
    struct store_output two = {.path = gone,
                               .kind = STORE_OUTPUT_REFERENCE,
                               .roles = roles,
                               .nroles = 1,
                               .has_slot = true,
                               .slot = ROLE_NEXT,
                               .has_bind = true,
                               .bind = ROLE_BIND_PINNED};
    struct store_output *list = NULL;
    struct cr_err err = {0};
    size_t n = 0;

    (void)snprintf(here, sizeof here, "%s/here", f->dir);
    (void)snprintf(gone, sizeof gone, "%s/gone", f->dir);
    put_file(f, "here", "x");
    must(store_outputs(f->store, &list, &n, &err), &err);
    assert_int_equal(n, 0);
    must(store_output_save(f->store, &one, &err), &err);
    must(store_output_save(f->store, &two, &err), &err);
    must(store_outputs(f->store, &list, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].path, here);
    assert_int_equal(list[0].nroles, 2);
    assert_string_equal(list[0].roles[1], "S");
    assert_false(list[0].has_slot || list[0].has_bind);
    assert_int_equal(list[1].kind, STORE_OUTPUT_REFERENCE);
    assert_true(list[1].has_slot && list[1].slot == ROLE_NEXT && list[1].has_bind && list[1].bind == ROLE_BIND_PINNED);
    store_outputs_free(&list, n);
    assert_null(list);

    /* the same path again; and the one whose file is not there is forgotten */
    one.kind = STORE_OUTPUT_BUNDLE;
    one.nroles = 1;
    must(store_output_save(f->store, &one, &err), &err);
    must(store_outputs(f->store, &list, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(list[0].kind, STORE_OUTPUT_BUNDLE);
    store_outputs_free(&list, n);
}

static void what_is_no_list_of_outputs_is_refused(void **state)
{
    static const struct {
        const char *text;
        enum cr_code code;
        const char *why;
    } rows[] = {
        {"{\"format\":1,\"outputs\":[" ENTRY "]}", CR_OK, NULL},
        {"", CR_E_INVALID, ""},
        {"[]", CR_E_INVALID, ""},
        {"{\"outputs\":[]}", CR_E_INVALID, "format"},
        {"{\"format\":2,\"outputs\":[]}", CR_E_UNSUPPORTED, "format"},
        {"{\"format\":1}", CR_E_INVALID, "outputs"},
        {"{\"format\":1,\"outputs\":[1]}", CR_E_INVALID, "not an object"},
        {"{\"format\":1,\"outputs\":[{\"path\":\"a\",\"kind\":\"jwks\",\"roles\":[]}]}", CR_E_INVALID, "not absolute"},
        {"{\"format\":1,\"outputs\":[{\"path\":\"/a\",\"kind\":\"x\",\"roles\":[]}]}", CR_E_UNSUPPORTED, "'x'"},
        {"{\"format\":1,\"outputs\":[{\"path\":\"/a\",\"kind\":\"jwks\"}]}", CR_E_INVALID, "roles"},
        {"{\"format\":1,\"outputs\":[{\"path\":\"/a\",\"kind\":\"jwks\",\"roles\":[1]}]}", CR_E_INVALID, "no text"},
        {"{\"format\":1,\"outputs\":[{\"path\":\"/a\",\"kind\":\"jwks\",\"roles\":[\"../x\"]}]}", CR_E_INVALID, ""},
        {"{\"format\":1,\"outputs\":[{\"path\":\"/a\",\"kind\":\"jwks\",\"roles\":[],\"slot\":\"x\"}]}", CR_E_INVALID,
         ""},
        {"{\"format\":1,\"outputs\":[{\"path\":\"/a\",\"kind\":\"jwks\",\"roles\":[],\"bind\":1}]}", CR_E_INVALID,
         "bind"},
        {"{\"format\":1,\"outputs\":[" ENTRY ",{}]}", CR_E_INVALID, "path"},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct store_output *list = NULL;
        struct cr_err err = {0};
        size_t n = 0;

        assert_int_equal(store_outputs_read(cr_bytes_str(rows[i].text), &list, &n, &err).code, rows[i].code);
        assert_int_equal(n, rows[i].code == CR_OK);
        if (rows[i].why != NULL)
            assert_non_null(strstr(err.text, rows[i].why));
        store_outputs_free(&list, n);
    }
}

static void a_damaged_list_is_not_overwritten(void **state)
{
    struct fixture *f = *state;
    char *roles[] = {(char *)"R"}, *text;
    struct store_output one = {.path = (char *)"/etc/passwd", .kind = STORE_OUTPUT_JWKS, .roles = roles, .nroles = 1};
    struct cr_err err = {0};

    put_file(f, "outputs.json", "{");
    assert_int_equal(store_output_save(f->store, &one, &err).code, CR_E_INVALID);
    assert_non_null(strstr(err.text, "outputs.json"));
    text = get_file(f, "outputs.json");
    assert_string_equal(text, "{");
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_saved_is_read),
        TEST(what_is_no_list_of_outputs_is_refused),
        TEST(a_damaged_list_is_not_overwritten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
