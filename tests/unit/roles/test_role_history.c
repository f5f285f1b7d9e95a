/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_cert.h"

#define T0 INT64_C(1767225600)

static cr_status broken_hash(struct cr_bytes in, char out[65], struct cr_err *err)
{
    (void)in;
    (void)out;
    return cr_fail(err, CR_E_INTERNAL, "no hash today");
}

static const struct role_history_entry plain = {.when = T0,
                                                .login = "alice",
                                                .sudo_user = NULL,
                                                .host = "host1",
                                                .uid = 1000,
                                                .verb = "roll",
                                                .role = "R",
                                                .reason = "renewal\nnow"};

static void a_line_has_its_members_in_order(void **state)
{
    struct role_history_entry e = plain;
    struct role_record *before = NULL;
    struct cr_buf out = {0};
    char hash[65], want[2048];

    (void)state;
    assert_false(cr_failed(role_record_new("R", &before, NULL)));
    before->generation = 3;
    before->current = fake_cert("A", NULL);
    before->next = fake_cert("B", NULL);
    before->next_effective = T0 + 60;
    e.before = before;
    assert_false(cr_failed(role_history_write(&e, "", fake_hash, &out, hash, NULL)));
    snprintf(want, sizeof want,
             "{\"when\":\"2026-01-01T00:00:00Z\",\"login\":\"alice\",\"sudo_user\":null,\"uid\":1000,"
             "\"host\":\"host1\",\"verb\":\"roll\",\"role\":\"R\",\"reason\":\"renewal\\nnow\",\"overridden\":null,"
             "\"note\":null,\"before\":{\"generation\":3,\"current\":\"%s\",\"previous\":null,\"next\":\"%s\","
             "\"next_effective\":\"2026-01-01T00:01:00Z\"},\"after\":null,\"prev\":\"\",\"hash\":\"%s\"}\n",
             before->current->thumbprint, before->next->thumbprint, hash);
    assert_string_equal((char *)out.p, want);
    role_record_unref(&before);
    cr_buf_clear(&out);
}

static void lines_chain(void **state)
{
    struct cr_buf out = {0};
    char first[65], second[65], got[65];
    const char *end;

    (void)state;
    assert_false(cr_failed(role_history_write(&plain, "", fake_hash, &out, first, NULL)));
    assert_false(cr_failed(role_history_write(&plain, first, fake_hash, &out, second, NULL)));
    assert_string_not_equal(first, second);
    end = strchr((char *)out.p, '\n') + 1;
    assert_false(
        cr_failed(role_history_check(cr_bytes(out.p, (size_t)(end - (char *)out.p)), "", fake_hash, got, NULL)));
    assert_string_equal(got, first);
    assert_false(cr_failed(role_history_check(cr_bytes_str(end), first, fake_hash, got, NULL)));
    assert_string_equal(got, second);
    assert_false(cr_failed(role_history_check(cr_bytes(end, strlen(end) - 1), NULL, fake_hash, got, NULL)));
    assert_int_equal(role_history_check(cr_bytes_str(end), second, fake_hash, got, NULL).code, CR_E_INVALID);
    assert_int_equal(role_history_check(cr_bytes_str(end), "", fake_hash, got, NULL).code, CR_E_INVALID);
    assert_int_equal(role_history_check(cr_buf_bytes(&out), "", fake_hash, got, NULL).code, CR_E_INVALID); /* two */
    cr_buf_clear(&out);
}

static void a_changed_byte_breaks_a_line(void **state)
{
    struct cr_buf out = {0};
    char hash[65], got[65] = "untouched";

    (void)state;
    assert_false(cr_failed(role_history_write(&plain, "", fake_hash, &out, hash, NULL)));
    for (size_t i = 0; i < out.n - 1; i++) {
        out.p[i] ^= 1;
        assert_int_equal(role_history_check(cr_buf_bytes(&out), "", fake_hash, got, NULL).code, CR_E_INVALID);
        out.p[i] ^= 1;
    }
    for (size_t n = 0; n < out.n - 1; n++)
        assert_int_equal(role_history_check(cr_bytes(out.p, n), "", fake_hash, got, NULL).code, CR_E_INVALID);
    assert_string_equal(got, "untouched");
    cr_buf_clear(&out);
}

static void a_line_behind_no_hash_is_broken(void **state)
{
    struct cr_buf out = {0};
    char hash[65];
    struct cr_err err;

    (void)state;
    assert_false(cr_failed(role_history_write(&plain, "not a hash", fake_hash, &out, hash, NULL)));
    assert_int_equal(role_history_check(cr_buf_bytes(&out), NULL, fake_hash, hash, &err).code, CR_E_INVALID);
    assert_string_equal(err.text, "history: \"prev\" is not a hash");
    cr_buf_clear(&out);
}

static void a_failing_hash_appends_nothing(void **state)
{
    struct cr_buf out = {0};
    char hash[65];
    struct cr_err err;

    (void)state;
    assert_false(cr_failed(cr_buf_set(&out, "x", 1, NULL)));
    assert_int_equal(role_history_write(&plain, "", broken_hash, &out, hash, &err).code, CR_E_INTERNAL);
    assert_int_equal(out.n, 1);
    cr_buf_clear(&out);
    assert_false(cr_failed(role_history_write(&plain, "", fake_hash, &out, hash, NULL)));
    assert_int_equal(role_history_check(cr_buf_bytes(&out), "", broken_hash, hash, &err).code, CR_E_INTERNAL);
    cr_buf_clear(&out);
}

static void any_text_makes_one_line(void **state)
{
    struct role_history_entry e = plain;
    struct cr_buf out = {0};
    char hash[65];

    (void)state;
    e.reason = "a\r\nb\"\\\x01\xff\xe2\x80\xa8";
    e.note = "J\xc3\xbcrg";
    assert_false(cr_failed(role_history_write(&e, "", fake_hash, &out, hash, NULL)));
    assert_ptr_equal(strchr((char *)out.p, '\n'), (char *)out.p + out.n - 1);
    assert_null(strchr((char *)out.p, '\xff'));
    assert_non_null(strstr((char *)out.p, "J\xc3\xbcrg"));
    assert_false(cr_failed(role_history_check(cr_buf_bytes(&out), "", fake_hash, hash, NULL)));
    cr_buf_clear(&out);
}

static void an_entry_over_the_limit_is_refused(void **state)
{
    struct role_history_entry e = plain;
    char *reason = malloc(300000);
    struct cr_buf out = {0};
    char hash[65];

    (void)state;
    assert_non_null(reason);
    memset(reason, 'r', 299999);
    reason[299999] = '\0';
    e.reason = reason;
    assert_int_equal(role_history_write(&e, "", fake_hash, &out, hash, NULL).code, CR_E_INVALID);
    assert_null(out.p);
    free(reason);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_its_members_in_order),    cmocka_unit_test(lines_chain),
        cmocka_unit_test(a_changed_byte_breaks_a_line),       cmocka_unit_test(a_line_behind_no_hash_is_broken),
        cmocka_unit_test(a_failing_hash_appends_nothing),     cmocka_unit_test(any_text_makes_one_line),
        cmocka_unit_test(an_entry_over_the_limit_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
