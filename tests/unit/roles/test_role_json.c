/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static cr_status load(const char *text, size_t max, json_t **out, struct cr_err *err)
{
    return role_json_load(cr_bytes_str(text), max, out, err);
}

static void one_object_and_nothing_else_loads(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "1",
        "null",
        "{} {}",
        "{",
        "{\"a\":1,}",
        "{'a':1}",
        "{\"a\":1 b",
        "{\"a\"}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":\"\\u0000\"}",
        "{\"\\u0000\":1}",
        "{\"a\":\"\xff\"}",
        "{\"a\":01}",
        "{\"a\":99999999999999999999}",
    };
    struct cr_err err;
    json_t *obj = NULL;

    (void)state;
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        if (!cr_failed(load(bad[i], 100, &obj, &err)))
            fail_msg("loaded: %s", bad[i]);
        assert_int_equal(err.code, CR_E_INVALID);
        assert_null(obj);
    }
    assert_int_equal(load("{\"a\":1}", 6, &obj, &err).code, CR_E_INVALID);
    assert_false(cr_failed(load("{\"a\":1}\n", 8, &obj, &err)));
    json_decref(obj);
}

static void members_have_their_type_and_range(void **state)
{
    char hex[9] = "before";
    struct cr_buf bytes = {0};
    const char *text = NULL;
    int64_t n = -7;
    json_t *obj = NULL, *list;

    (void)state;
    assert_false(
        cr_failed(load("{\"s\":\"x\",\"n\":5,\"r\":5.0,\"t\":\"2026-01-01T00:00:00Z\",\"never\":\"never\","
                       "\"h\":\"0123abcd\",\"H\":\"0123ABCD\",\"b\":\"AA==\",\"e\":\"\",\"l\":[1,2],\"z\":null,"
                       "\"before\":\"1970-01-01T00:00:00+01:00\",\"behind\":\"9999-12-31T23:59:60Z\"}",
                       1000, &obj, NULL)));
    assert_false(cr_failed(role_json_text(obj, "s", &text, NULL)));
    assert_string_equal(text, "x");
    assert_int_equal(role_json_text(obj, "n", &text, NULL).code, CR_E_INVALID);
    assert_int_equal(role_json_text(obj, "missing", &text, NULL).code, CR_E_INVALID);
    assert_int_equal(role_json_int(obj, "r", 0, 9, &n, NULL).code, CR_E_INVALID);
    assert_int_equal(role_json_int(obj, "n", 6, 9, &n, NULL).code, CR_E_INVALID);
    assert_int_equal(role_json_int(obj, "n", 0, 4, &n, NULL).code, CR_E_INVALID);
    assert_int_equal(n, -7);
    assert_false(cr_failed(role_json_int(obj, "n", 5, 5, &n, NULL)));
    assert_int_equal(n, 5);
    assert_false(cr_failed(role_json_time(obj, "t", &n, NULL)));
    assert_int_equal(n, 1767225600);
    assert_false(cr_failed(role_json_time(obj, "never", &n, NULL)));
    assert_true(n == CR_TIME_NEVER);
    assert_int_equal(role_json_time(obj, "s", &n, NULL).code, CR_E_INVALID);
    assert_int_equal(role_json_time(obj, "before", &n, NULL).code, CR_E_INVALID);
    assert_int_equal(role_json_time(obj, "behind", &n, NULL).code, CR_E_INVALID);
    assert_int_equal(role_json_hex(obj, "H", 8, hex, NULL).code, CR_E_INVALID);
    assert_int_equal(role_json_hex(obj, "h", 7, hex, NULL).code, CR_E_INVALID);
    assert_string_equal(hex, "before");
    assert_false(cr_failed(role_json_hex(obj, "h", 8, hex, NULL)));
    assert_string_equal(hex, "0123abcd");
    assert_int_equal(role_json_base64(json_object_get(obj, "e"), "e", &bytes, NULL).code, CR_E_INVALID);
    assert_int_equal(role_json_base64(json_object_get(obj, "s"), "s", &bytes, NULL).code, CR_E_INVALID);
    assert_false(cr_failed(role_json_base64(json_object_get(obj, "b"), "b", &bytes, NULL)));
    assert_int_equal(bytes.n, 1);
    assert_int_equal(role_json_array(obj, "l", 1, &list, NULL).code, CR_E_INVALID);
    assert_int_equal(role_json_array(obj, "s", 1, &list, NULL).code, CR_E_INVALID);
    assert_false(cr_failed(role_json_array(obj, "l", 2, &list, NULL)));
    assert_true(role_json_absent(obj, "z"));
    assert_true(role_json_absent(obj, "missing"));
    assert_false(role_json_absent(obj, "e"));
    cr_buf_clear(&bytes);
    json_decref(obj);
}

static void unknown_members_are_picked_out(void **state)
{
    static const char *const known[] = {"a", "b", NULL};
    json_t *obj = json_pack("{s:i,s:i,s:{s:i}}", "a", 1, "x", 2, "y", "z", 3), *extra = NULL;
    json_t *want = json_pack("{s:i,s:{s:i}}", "x", 2, "y", "z", 3), *none = json_pack("{s:i}", "b", 1);

    (void)state;
    assert_false(cr_failed(role_json_extra(obj, known, &extra, NULL)));
    assert_true(json_equal(extra, want));
    json_decref(extra);
    assert_false(cr_failed(role_json_extra(none, known, &extra, NULL)));
    assert_null(extra);
    json_decref(obj);
    json_decref(want);
    json_decref(none);
}

static void what_cannot_be_written_is_named(void **state)
{
    struct role_json_out o = {.obj = json_object()};
    json_t *json = NULL;
    struct cr_err err;

    (void)state;
    role_json_put_text(&o, "fine", "x");
    role_json_put_text(&o, "subject", "\xff");
    role_json_put_time(&o, "when", -1);
    assert_int_equal(role_json_done(&o, &json, &err).code, CR_E_INVALID);
    assert_non_null(strstr(err.text, "\"subject\""));
    assert_null(json);
    o = (struct role_json_out){.obj = json_object()};
    role_json_put_time(&o, "when", INT64_C(253402300800));
    assert_int_equal(role_json_done(&o, &json, &err).code, CR_E_INVALID);
}

static void foreign_text_is_always_written(void **state)
{
    struct role_json_out o = {.obj = json_object()};
    struct cr_buf text = {0};
    json_t *json = NULL;

    (void)state;
    role_json_put_foreign(&o, "utf8", "J\xc3\xbcrg");
    role_json_put_foreign(&o, "latin1", "J\xfcrg\n");
    role_json_put_foreign(&o, "none", NULL);
    assert_false(cr_failed(role_json_done(&o, &json, NULL)));
    assert_false(cr_failed(role_json_dump(json, JSON_COMPACT, &text, NULL)));
    assert_string_equal((char *)text.p, "{\"utf8\":\"J\xc3\xbcrg\",\"latin1\":\"J?rg\\n\",\"none\":null}");
    cr_buf_clear(&text);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_object_and_nothing_else_loads), cmocka_unit_test(members_have_their_type_and_range),
        cmocka_unit_test(unknown_members_are_picked_out),    cmocka_unit_test(what_cannot_be_written_is_named),
        cmocka_unit_test(foreign_text_is_always_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
