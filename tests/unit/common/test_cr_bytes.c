/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/cr_bytes.h"

static void base64_follows_rfc_4648_section_10(void **state)
{
    static const struct {
        const char *plain, *text, *url;
    } t[] = {{"", "", ""},
             {"f", "Zg==", "Zg"},
             {"fo", "Zm8=", "Zm8"},
             {"foo", "Zm9v", "Zm9v"},
             {"foob", "Zm9vYg==", "Zm9vYg"},
             {"fooba", "Zm9vYmE=", "Zm9vYmE"},
             {"\xfb\xff", "+/8=", "-_8"}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(t); i++) {
        struct cr_buf text = {0}, url = {0}, back = {0};

        assert_int_equal(cr_base64(cr_bytes_str(t[i].plain), &text, NULL).code, CR_OK);
        assert_int_equal(cr_base64url(cr_bytes_str(t[i].plain), &url, NULL).code, CR_OK);
        assert_true(cr_bytes_equal(cr_buf_bytes(&text), cr_bytes_str(t[i].text)));
        assert_true(cr_bytes_equal(cr_buf_bytes(&url), cr_bytes_str(t[i].url)));
        assert_int_equal(cr_unbase64(cr_bytes_str(t[i].text), &back, NULL).code, CR_OK);
        assert_true(cr_bytes_equal(cr_buf_bytes(&back), cr_bytes_str(t[i].plain)));
        assert_int_equal(cr_unbase64url(cr_bytes_str(t[i].url), &back, NULL).code, CR_OK);
        assert_true(cr_bytes_equal(cr_buf_bytes(&back), cr_bytes_str(t[i].plain)));
        cr_buf_clear(&text);
        cr_buf_clear(&url);
        cr_buf_clear(&back);
    }
}

static void loose_base64_is_refused(void **state)
{
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zg= ", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm-_", "=Zg=", "Zg=v"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct cr_buf out = {0};
        struct cr_err err = {0};

        assert_int_equal(cr_buf_set(&out, "kept", 4, &err).code, CR_OK);
        assert_int_equal(cr_unbase64(cr_bytes_str(bad[i]), &out, &err).code, CR_E_INVALID);
        assert_string_equal((const char *)out.p, "kept");
        assert_string_not_equal(err.text, "");
        cr_buf_clear(&out);
    }
}

static void loose_base64url_is_refused(void **state)
{
    static const char *const bad[] = {"Z", "Zg=", "Zg==", "Zg ", "Zh", "Zm9", "+/8", "Zm9v\n", "Zm9vZ", "Zg.", "-_9"};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct cr_buf out = {0};
        struct cr_err err = {0};

        assert_int_equal(cr_buf_set(&out, "kept", 4, &err).code, CR_OK);
        if (cr_unbase64url(cr_bytes_str(bad[i]), &out, &err).code != CR_E_INVALID)
            fail_msg("'%s' is taken", bad[i]);
        assert_string_equal((const char *)out.p, "kept");
        cr_buf_clear(&out);
    }
}

static void hex_takes_colons_between_bytes_only(void **state)
{
    static const struct {
        const char *text;
        enum cr_code code;
    } t[] = {{"", CR_OK},           {"00ff", CR_OK},       {"00:FF", CR_OK},       {"0", CR_E_INVALID},
             {":00", CR_E_INVALID}, {"00:", CR_E_INVALID}, {"0:0f", CR_E_INVALID}, {"00::ff", CR_E_INVALID},
             {"0g", CR_E_INVALID},  {" 00", CR_E_INVALID}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(t); i++) {
        struct cr_buf out = {0};

        assert_int_equal(cr_unhex(t[i].text, &out, NULL).code, t[i].code);
        if (t[i].code == CR_OK && out.n == 2) {
            char back[5];

            cr_hex(cr_buf_bytes(&out), back);
            assert_string_equal(back, "00ff");
        }
        cr_buf_clear(&out);
    }
}

static void a_buffer_grows_and_stays_terminated(void **state)
{
    struct cr_buf b = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(cr_buf_printf(&b, NULL, "%d,", i).code, CR_OK);
    assert_int_equal(strlen((const char *)b.p), b.n);
    assert_int_equal(strncmp((const char *)b.p, "0,1,2,3,", 8), 0);
    /* From itself: set copies before it clears. */
    assert_int_equal(cr_buf_set(&b, b.p + 2, 3, NULL).code, CR_OK);
    assert_string_equal((const char *)b.p, "1,2");
    cr_buf_clear(&b);
    assert_null(b.p);
    cr_buf_clear(NULL);
}

static void an_impossible_size_is_out_of_memory(void **state)
{
    struct cr_buf b = {0};

    (void)state;
    assert_int_equal(cr_buf_append(&b, "x", SIZE_MAX / 2, NULL).code, CR_E_NOMEM);
    assert_null(b.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_follows_rfc_4648_section_10),  cmocka_unit_test(loose_base64_is_refused),
        cmocka_unit_test(loose_base64url_is_refused),          cmocka_unit_test(hex_takes_colons_between_bytes_only),
        cmocka_unit_test(a_buffer_grows_and_stays_terminated), cmocka_unit_test(an_impossible_size_is_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
