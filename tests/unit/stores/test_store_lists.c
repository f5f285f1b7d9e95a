/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates, revocations, history. */
#include "stores/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../roles/fake_cert.h"
#include "fixture.h"

static void a_certificate_is_saved_listed_and_removed(void **state)
{
    struct fixture *f = *state;
    struct role_cert *cert = fake_cert("A", NULL), *got = NULL;
    struct cr_err err = {0};
    char **names = NULL;
    size_t n = 0;

    must(store_cert_save(f->store, cert, &err), &err);
    put_file(f, "certs/README.json", "{}");
    must(store_certs(f->store, &names, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_string_equal(names[0], cert->thumbprint);
    must(store_cert_load(f->store, cert->thumbprint, &got, &err), &err);
    assert_string_equal(got->subject, "CN=A");
    must(store_cert_remove(f->store, cert->thumbprint, &err), &err);
    assert_int_equal(store_cert_remove(f->store, cert->thumbprint, &err).code, CR_E_NOT_FOUND);
    store_names_free(&names, n);
    role_cert_unref(&got);
    assert_int_equal(store_cert_load(f->store, cert->thumbprint, &got, &err).code, CR_E_NOT_FOUND);
    assert_null(got);
    role_cert_unref(&cert);
}

static void a_certificate_under_anothers_name_is_refused(void **state)
{
    struct fixture *f = *state;
    struct role_cert *cert = fake_cert("A", NULL), *other = fake_cert("B", NULL), *got = NULL;
    struct cr_err err = {0};
    char from[80], to[80];
    char *text;

    (void)snprintf(from, sizeof from, "certs/%s.json", cert->thumbprint);
    (void)snprintf(to, sizeof to, "certs/%s.json", other->thumbprint);
    must(store_cert_save(f->store, cert, &err), &err);
    text = get_file(f, from);
    put_file(f, to, text);
    free(text);
    assert_int_equal(store_cert_load(f->store, other->thumbprint, &got, &err).code, CR_E_INVALID);
    assert_int_equal(store_cert_load(f->store, "abc", &got, &err).code, CR_E_INVALID);
    role_cert_unref(&cert);
    role_cert_unref(&other);
}

static void a_revocation_is_pending_and_then_done(void **state)
{
    struct fixture *f = *state;
    struct store_revocation rev = {.when = T0}, *list = NULL;
    struct cr_err err = {0};
    char reason[] = "stolen";
    size_t n = 9;

    must(store_revocations(f->store, &list, &n, &err), &err);
    assert_int_equal(n, 0);
    fake_spki("a", rev.spki);
    fake_hex("a", 64, rev.thumbprint);
    rev.reason = reason;
    must(store_revocation_save(f->store, &rev, &err), &err);
    rev.done = true;
    must(store_revocation_save(f->store, &rev, &err), &err);
    fake_spki("b", rev.spki);
    fake_hex("c", 64, rev.replace);
    rev.done = false;
    rev.reason = NULL;
    must(store_revocation_save(f->store, &rev, &err), &err);
    must(store_revocations(f->store, &list, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_true(list[0].done);
    assert_string_equal(list[0].reason, "stolen");
    assert_string_equal(list[0].replace, "");
    assert_true(list[0].when == T0);
    assert_false(list[1].done);
    assert_null(list[1].reason);
    assert_string_equal(list[1].replace, rev.replace);
    store_revocations_free(&list, n);
}

static void a_reason_that_is_not_utf8_stops_no_revocation(void **state)
{
    struct fixture *f = *state;
    struct store_revocation rev = {.when = T0}, *list = NULL;
    struct cr_err err = {0};
    char reason[] = "latin1 \351!";
    size_t n = 0;

    fake_spki("a", rev.spki);
    fake_hex("a", 64, rev.thumbprint);
    rev.reason = reason;
    must(store_revocation_save(f->store, &rev, &err), &err);
    must(store_revocations(f->store, &list, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].reason, "latin1 ?!");
    store_revocations_free(&list, n);
}

static void what_a_later_certroll_added_to_revocations_is_kept(void **state)
{
    struct fixture *f = *state;
    struct store_revocation rev = {.when = T0, .done = true};
    struct cr_err err = {0};
    char text[512], *got;

    fake_spki("a", rev.spki);
    fake_hex("a", 64, rev.thumbprint);
    (void)snprintf(text, sizeof text,
                   "{\"format\": 1, \"later\": 5, \"revoked\": [{\"spki\": \"%s\", \"thumbprint\": \"%s\","
                   " \"when\": \"2026-01-01T00:00:00Z\", \"done\": false, \"ticket\": \"T-77\"}]}",
                   rev.spki, rev.thumbprint);
    put_file(f, "revoked.json", text);
    must(store_revocation_save(f->store, &rev, &err), &err);
    got = get_file(f, "revoked.json");
    assert_non_null(strstr(got, "\"later\": 5"));
    assert_non_null(strstr(got, "\"T-77\""));
    assert_non_null(strstr(got, "\"done\": true"));
    free(got);
}

static void broken_revocations_are_refused_and_not_overwritten(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        enum cr_code code;
    } rows[] = {
        {"", CR_E_INVALID},
        {"[]", CR_E_INVALID},
        {"{\"format\": 1}", CR_E_INVALID},
        {"{\"format\": 1, \"revoked\": {}}", CR_E_INVALID},
        {"{\"format\": 1, \"revoked\": [7]}", CR_E_INVALID},
        {"{\"format\": 1, \"revoked\": [{\"spki\": \"00\"}]}", CR_E_INVALID},
        {"{\"format\": 9, \"revoked\": []}", CR_E_UNSUPPORTED},
    };
    struct store_revocation rev = {.when = T0}, *list = NULL;
    struct cr_err err = {0};
    size_t n = 0;

    fake_spki("a", rev.spki);
    fake_hex("a", 64, rev.thumbprint);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        char *got;

        put_file(f, "revoked.json", rows[i].text);
        assert_int_equal(store_revocations(f->store, &list, &n, &err).code, rows[i].code);
        assert_null(list);
        assert_int_equal(store_revocation_save(f->store, &rev, &err).code, rows[i].code);
        got = get_file(f, "revoked.json");
        assert_string_equal(got, rows[i].text);
        free(got);
    }
}

static cr_status append(const struct fixture *f, const char *note, struct cr_err *err)
{
    struct role_history_entry entry = {.when = T0, .uid = 7, .verb = "roll", .role = "R", .note = note};

    return store_history_append(f->store, &entry, fake_hash, (char[65]){0}, err);
}

static void lines_chain_on_the_last(void **state)
{
    struct fixture *f = *state;
    struct cr_err err = {0};
    char *text, *line, *end, prev[65] = "", hash[65];
    unsigned n = 0;

    for (unsigned i = 0; i < 5; i++)
        must(append(f, "n", &err), &err);
    text = get_file(f, "history.jsonl");
    for (line = text; (end = strchr(line, '\n')) != NULL; line = end + 1, n++) {
        must(role_history_check(cr_bytes(line, (size_t)(end - line)), prev, fake_hash, hash, &err), &err);
        memcpy(prev, hash, sizeof prev);
    }
    assert_int_equal(n, 5);
    assert_string_equal(line, "");
    free(text);
}

static void a_torn_line_is_set_aside_with_a_note(void **state)
{
    struct fixture *f = *state;
    struct cr_err err = {0};
    char *text, *more;

    must(append(f, "first", &err), &err);
    text = get_file(f, "history.jsonl");
    more = malloc(strlen(text) + 100);
    assert_non_null(more);
    (void)snprintf(more, strlen(text) + 100, "%s{\"when\":\"2026-01", text);
    put_file(f, "history.jsonl", more);
    must(append(f, "second", &err), &err);
    free(text);
    free(more);
    text = get_file(f, "history.jsonl");
    assert_null(strstr(text, "2026-01\n"));
    assert_non_null(strstr(text, "\"repair\""));
    assert_true(strstr(text, "\"repair\"") < strstr(text, "second"));
    free(text);
    text = get_file(f, "history.torn");
    assert_string_equal(text, "{\"when\":\"2026-01\n");
    free(text);
}

static void the_last_line_is_the_last_whole_one(void **state)
{
    static const struct {
        const char *file, *line; /* NULL: there is none */
    } rows[] = {{"", NULL},           {"torn", NULL},  {"one\n", "one"},
                {"one\ntorn", "one"}, {"a\nb\n", "b"}, {"a\nb\ntorn", "b"}};
    struct fixture *f = *state;
    struct cr_err err = {0};
    struct cr_buf line = {0};
    bool found = true;

    must(store_history_last(f->store, &line, &found, &err), &err);
    assert_false(found);
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        put_file(f, "history.jsonl", rows[i].file);
        must(store_history_last(f->store, &line, &found, &err), &err);
        assert_int_equal(found, rows[i].line != NULL);
        if (found)
            assert_true(cr_bytes_equal(cr_buf_bytes(&line), cr_bytes_str(rows[i].line)));
    }
    cr_buf_clear(&line);
}

static void a_changed_last_line_is_not_built_upon(void **state)
{
    struct fixture *f = *state;
    struct cr_err err = {0};
    char *text;

    must(append(f, "first", &err), &err);
    text = get_file(f, "history.jsonl");
    *strstr(text, "first") = 'F';
    put_file(f, "history.jsonl", text);
    assert_int_equal(append(f, "second", &err).code, CR_E_INVALID);
    free(text);
}

struct seen {
    size_t n, stop; /* at which line @stop fails */
    bool whole;
    char last[64];
};

static cr_status see(void *arg, size_t number, struct cr_bytes line, bool whole, struct cr_err *err)
{
    struct seen *seen = arg;

    assert_int_equal(number, ++seen->n);
    seen->whole = whole;
    (void)snprintf(seen->last, sizeof seen->last, "%.*s", (int)line.n, (const char *)line.p);
    return number == seen->stop ? cr_fail(err, CR_E_REFUSED, "enough") : cr_ok();
}

static void each_line_is_given_once_and_in_order(void **state)
{
    static const struct {
        const char *text; /* NULL: no file */
        size_t stop, n;
        bool whole;
        const char *last;
        enum cr_code code;
    } rows[] = {
        {NULL, 0, 0, false, "", CR_OK},      {"", 0, 0, false, "", CR_OK},
        {"a\n", 0, 1, true, "a", CR_OK},     {"a\n\nbc\n", 0, 3, true, "bc", CR_OK},
        {"a\nto", 0, 2, false, "to", CR_OK}, {"a\nb\nc\n", 2, 2, true, "b", CR_E_REFUSED},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        struct seen seen = {.stop = rows[i].stop};
        struct cr_err err = {0};

        if (rows[i].text != NULL)
            put_file(f, "history.jsonl", rows[i].text);
        assert_int_equal(store_history_each(f->store, see, &seen, &err).code, rows[i].code);
        assert_int_equal(seen.n, rows[i].n);
        assert_int_equal(seen.whole, rows[i].whole);
        assert_string_equal(seen.last, rows[i].last);
    }
}

static void a_line_without_end_is_refused(void **state)
{
    const size_t n = 256 * 1024 + 10;
    struct fixture *f = *state;
    struct seen seen = {0};
    struct cr_err err = {0};
    char *text = malloc(n + 1);

    assert_non_null(text);
    memset(text, 'x', n);
    text[n] = '\0';
    put_file(f, "history.jsonl", text);
    free(text);
    assert_int_equal(store_history_each(f->store, see, &seen, &err).code, CR_E_INVALID);
    assert_non_null(strstr(err.text, "line 1"));
    assert_int_equal(seen.n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_certificate_is_saved_listed_and_removed),
        TEST(a_certificate_under_anothers_name_is_refused),
        TEST(a_revocation_is_pending_and_then_done),
        TEST(a_reason_that_is_not_utf8_stops_no_revocation),
        TEST(what_a_later_certroll_added_to_revocations_is_kept),
        TEST(broken_revocations_are_refused_and_not_overwritten),
        TEST(lines_chain_on_the_last),
        TEST(a_torn_line_is_set_aside_with_a_note),
        TEST(the_last_line_is_the_last_whole_one),
        TEST(a_changed_last_line_is_not_built_upon),
        TEST(each_line_is_given_once_and_in_order),
        TEST(a_line_without_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
