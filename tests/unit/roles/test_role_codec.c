/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_cert.h"
#include "roles/role_resolve.h"

#define T0 INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

/* All three slots, everything set. */
static struct role_record *full_record(void)
{
    struct role_record *rec = NULL;
    char spki[65];

    assert_false(cr_failed(role_record_new("OAuthTokenIssuer", &rec, NULL)));
    rec->generation = 7;
    rec->max_rsa_bits = 4096;
    rec->kid_format = ROLE_KID_X5T;
    rec->retain_previous = 2592000;
    rec->retain_own = true;
    rec->minimum_lead = 172800;
    rec->current = fake_cert("A", NULL);
    rec->current_since = T0;
    rec->previous = fake_cert("P", NULL);
    rec->previous_until = T0 + 1000;
    rec->next = fake_cert("N", NULL);
    rec->next_since = T0 + 10;
    rec->next_effective = T0 + 500;
    fake_spki("old", spki);
    assert_false(cr_failed(role_record_add_revoked(rec, spki, NULL)));
    assert_false(cr_failed(cr_strdup("alice (sudo root) on host1", &rec->changed.who, NULL)));
    rec->changed.when = T0 + 10;
    return rec;
}

static json_t *full_json(void)
{
    struct role_record *rec = full_record();
    struct cr_buf text = {0};
    json_t *json;

    assert_false(cr_failed(role_record_write(rec, &text, NULL)));
    json = json_loadb((char *)text.p, text.n, 0, NULL);
    cr_buf_clear(&text);
    role_record_unref(&rec);
    return json;
}

/* Reads @json (reference taken) as a record. */
static cr_status read_json(json_t *json, const char *name, struct role_record **out, struct cr_err *err)
{
    char *text = json_dumps(json, JSON_COMPACT);
    cr_status st = role_record_read(cr_bytes_str(text), name, out, err);

    free(text);
    json_decref(json);
    return st;
}

static void a_record_reads_back(void **state)
{
    struct role_record *rec = full_record(), *copy = NULL;
    struct cr_buf one = {0}, two = {0};
    struct cr_err err = {0};

    (void)state;
    assert_false(cr_failed(role_record_write(rec, &one, &err)));
    assert_int_equal(one.p[one.n - 1], '\n');
    assert_false(cr_failed(role_record_read(cr_buf_bytes(&one), "OAuthTokenIssuer", &copy, &err)));
    assert_int_equal(copy->generation, 7);
    assert_int_equal(copy->kid_format, ROLE_KID_X5T);
    assert_int_equal(copy->retain_previous, 2592000);
    assert_true(copy->retain_own);
    assert_int_equal(copy->minimum_lead, 172800);
    assert_int_equal(copy->token_lifetime, -1);
    assert_int_equal(copy->current_since, T0);
    assert_int_equal(copy->previous_until, T0 + 1000);
    assert_int_equal(copy->next_since, T0 + 10);
    assert_int_equal(copy->next_effective, T0 + 500);
    assert_string_equal(copy->next->thumbprint, rec->next->thumbprint);
    assert_true(role_record_revoked(copy, rec->revoked[0]));
    assert_string_equal(copy->changed.who, "alice (sudo root) on host1");
    assert_int_equal(copy->changed.when, T0 + 10);
    assert_false(cr_failed(role_record_write(copy, &two, &err)));
    assert_string_equal((char *)one.p, (char *)two.p);
    role_record_unref(&rec);
    role_record_unref(&copy);
    cr_buf_clear(&one);
    cr_buf_clear(&two);
}

static void an_empty_record_reads_back(void **state)
{
    struct role_record *rec = NULL, *copy = NULL;
    struct cr_buf text = {0};

    (void)state;
    assert_false(cr_failed(role_record_new("R", &rec, NULL)));
    rec->generation = 1;
    rec->max_rsa_bits = 4096;
    fake_spki("gone", rec->current_revoked);
    assert_false(cr_failed(role_record_write(rec, &text, NULL)));
    assert_false(cr_failed(role_record_read(cr_buf_bytes(&text), NULL, &copy, NULL)));
    assert_null(copy->current);
    assert_null(copy->changed.who);
    assert_string_equal(copy->current_revoked, rec->current_revoked);
    role_record_unref(&rec);
    role_record_unref(&copy);
    cr_buf_clear(&text);
}

static void unknown_members_are_kept_and_written_back(void **state)
{
    json_t *json = full_json(), *extra = json_pack("{s:[i,{s:n}],s:f}", "future", 1, "deep", "weight", 0.1);
    struct role_record *rec = NULL, *changed = NULL;
    struct cr_buf text = {0};

    (void)state;
    json_object_update(json, extra);
    json_object_set_new(json_object_get(json, "next"), "note", json_string("of the entry"));
    assert_false(cr_failed(read_json(json, NULL, &rec, NULL)));
    assert_false(cr_failed(role_record_dup(rec, &changed, NULL)));
    assert_false(cr_failed(role_record_write(changed, &text, NULL)));
    json = json_loadb((char *)text.p, text.n, 0, NULL);
    assert_true(json_equal(json_object_get(json, "future"), json_object_get(extra, "future")));
    assert_true(json_equal(json_object_get(json, "weight"), json_object_get(extra, "weight")));
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "next"), "note")), "of the entry");
    json_decref(json);
    json_decref(extra);
    role_record_unref(&rec);
    role_record_unref(&changed);
    cr_buf_clear(&text);
}

static void required_members_are_missed_by_name(void **state)
{
    static const char *const names[] = {"format",          "role",           "use",          "scope",
                                        "binding",         "kid_format",     "max_rsa_bits", "generation",
                                        "current_since",   "previous_until", "next_since",   "next_effective",
                                        "retain_previous", "revoked",        "changed_at"};
    struct role_record *rec = NULL;
    struct cr_err err;

    (void)state;
    for (size_t i = 0; i < CR_COUNT(names); i++) {
        json_t *json = full_json();

        json_object_del(json, names[i]);
        assert_int_equal(read_json(json, NULL, &rec, &err).code, CR_E_INVALID);
        assert_non_null(strstr(err.text, names[i]));
        assert_null(rec);
    }
}

static void bad_values_are_refused(void **state)
{
    static const struct {
        const char *name, *json;
        enum cr_code code;
    } rows[] = {
        {"format", "[2]", CR_E_UNSUPPORTED},
        {"format", "[\"1\"]", CR_E_INVALID},
        {"role", "[\"Other Role\"]", CR_E_INVALID},
        {"role", "[\"Another\"]", CR_E_INVALID}, /* not the name asked for */
        {"use", "[\"mail\"]", CR_E_INVALID},
        {"use", "[1]", CR_E_INVALID},
        {"scope", "[\"universal\"]", CR_E_INVALID},
        {"binding", "[\"loose\"]", CR_E_INVALID},
        {"kid_format", "[\"sha1\"]", CR_E_INVALID},
        {"max_rsa_bits", "[0]", CR_E_INVALID},
        {"max_rsa_bits", "[4294967297]", CR_E_INVALID},
        {"generation", "[0]", CR_E_INVALID},
        {"generation", "[-1]", CR_E_INVALID},
        {"generation", "[1.5]", CR_E_INVALID},
        {"generation", "[9223372036854775807]", CR_OK},
        {"retain_previous", "[-1]", CR_E_INVALID},
        {"retain_previous", "[9223372036854775807]", CR_E_INVALID},
        {"retain_own", "[1]", CR_E_INVALID},
        {"minimum_lead", "[-1]", CR_E_INVALID},
        {"minimum_lead", "[null]", CR_OK},
        {"token_lifetime", "[\"24h\"]", CR_E_INVALID},
        {"current", "[null]", CR_E_INVALID}, /* current_since stands without it */
        {"previous", "[null]", CR_E_INVALID},
        {"next", "[null]", CR_E_INVALID},
        {"next", "[[]]", CR_E_INVALID},
        {"next_effective", "[\"never\"]", CR_E_INVALID},
        {"previous_until", "[\"never\"]", CR_OK},
        {"current_revoked", "[\"\"]", CR_E_INVALID},
        {"revoked", "[[\"abc\"]]", CR_E_INVALID},
        {"revoked", "[[1]]", CR_E_INVALID},
        {"revoked", "[{}]", CR_E_INVALID},
        {"changed_by", "[1]", CR_E_INVALID},
        {"changed_by", "[null]", CR_OK},
        {"changed_at", "[0]", CR_E_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        json_t *json = full_json(), *list = json_loads(rows[i].json, 0, NULL);
        struct role_record *rec = NULL;
        struct cr_err err = {0};
        cr_status st;

        json_object_set(json, rows[i].name, json_array_get(list, 0));
        st = read_json(json, "OAuthTokenIssuer", &rec, &err);
        if (st.code != rows[i].code || (st.code != CR_OK && (rec != NULL || err.text[0] == '\0')))
            fail_msg("%s %s: %d %s", rows[i].name, rows[i].json, (int)st.code, err.text);
        role_record_unref(&rec);
        json_decref(list);
    }
}

static void inconsistent_slots_are_refused(void **state)
{
    static const struct {
        const char *from, *to;
        enum cr_code code;
    } rows[] = {
        {"current", "previous", CR_E_INVALID},
        {"current", "next", CR_E_INVALID},
        {"previous", "next", CR_OK}, /* a rollback at a date */
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(rows); i++) {
        json_t *json = full_json();
        struct role_record *rec = NULL;

        json_object_set(json, rows[i].to, json_object_get(json, rows[i].from));
        assert_int_equal(read_json(json, NULL, &rec, NULL).code, rows[i].code);
        role_record_unref(&rec);
    }
}

static void an_entry_in_a_slot_needs_a_location(void **state)
{
    json_t *json = full_json();
    struct role_record *rec = NULL;
    struct cr_err err;

    (void)state;
    json_object_set_new(json_object_get(json, "previous"), "locations", json_array());
    assert_int_equal(read_json(json, NULL, &rec, &err).code, CR_E_INVALID);
    assert_non_null(strstr(err.text, "\"previous\" has no key location"));
}

static void damaged_bytes_are_refused(void **state)
{
    struct role_record *rec = full_record(), *copy = NULL;
    struct cr_buf text = {0};

    (void)state;
    assert_false(cr_failed(role_record_write(rec, &text, NULL)));
    for (size_t n = 0; n < text.n - 2; n += 7) /* any cut */
        assert_int_equal(role_record_read(cr_bytes(text.p, n), NULL, &copy, NULL).code, CR_E_INVALID);
    assert_false(cr_failed(cr_buf_append_str(&text, "{}", NULL)));
    assert_int_equal(role_record_read(cr_buf_bytes(&text), NULL, &copy, NULL).code, CR_E_INVALID);
    assert_null(copy);
    role_record_unref(&rec);
    cr_buf_clear(&text);
}

static void a_long_changed_by_is_refused(void **state)
{
    json_t *json = full_json();
    struct role_record *rec = NULL;
    char who[1026];

    (void)state;
    memset(who, 'w', sizeof who);
    who[1025] = '\0';
    json_object_set_new(json, "changed_by", json_string(who));
    assert_int_equal(read_json(json_incref(json), NULL, &rec, NULL).code, CR_E_INVALID);
    json_object_set_new(json, "changed_by", json_string(who + 1));
    assert_int_equal(read_json(json, NULL, &rec, NULL).code, CR_OK);
    role_record_unref(&rec);
}

static void what_no_reader_takes_is_not_written(void **state)
{
    struct role_record *rec = full_record();
    struct cr_buf text = {0};
    struct cr_err err;

    (void)state;
    rec->generation = 0;
    assert_int_equal(role_record_write(rec, &text, &err).code, CR_E_INVALID);
    assert_non_null(strstr(err.text, "role OAuthTokenIssuer cannot be written"));
    rec->generation = 1;
    rec->next_effective = -1;
    assert_int_equal(role_record_write(rec, &text, &err).code, CR_E_INVALID);
    assert_null(text.p);
    role_record_unref(&rec);
}

static void the_view_has_the_documented_shape(void **state)
{
    static const char *const slot_names[] = {
        "thumbprint_sha256", "thumbprint_sha1", "kid", "subject",  "issuer", "serial",
        "not_before",        "not_after",       "key", "locations"};
    struct role_record *rec = full_record();
    struct role_view view;
    json_t *json = NULL, *next;

    (void)state;
    role_resolve(rec, T0 + 20, NULL, &view);
    assert_false(cr_failed(role_view_json(rec, &view, &json, NULL)));
    assert_string_equal(json_string_value(json_object_get(json, "role")), "OAuthTokenIssuer");
    assert_string_equal(json_string_value(json_object_get(json, "scope")), "local");
    assert_string_equal(json_string_value(json_object_get(json, "use")), "token");
    assert_string_equal(json_string_value(json_object_get(json, "binding")), "live");
    assert_int_equal(json_integer_value(json_object_get(json, "generation")), 7);
    next = json_object_get(json, "next");
    for (size_t i = 0; i < CR_COUNT(slot_names); i++)
        assert_non_null(json_object_get(next, slot_names[i]));
    assert_int_equal(json_object_size(json_object_get(json, "current")), CR_COUNT(slot_names) + 1);
    assert_string_equal(json_string_value(json_object_get(next, "effective_date")), "2026-01-01T00:08:20Z");
    assert_string_equal(json_string_value(json_object_get(next, "since")), "2026-01-01T00:00:10Z");
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "previous"), "until")),
                        "2026-01-01T00:16:40Z");
    json_decref(json);

    role_resolve(rec, T0 + 500, NULL, &view); /* flipped, nothing settled */
    assert_false(cr_failed(role_view_json(rec, &view, &json, NULL)));
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "current"), "subject")), "CN=N");
    assert_true(json_is_null(json_object_get(json, "next")));
    json_decref(json);
    role_record_unref(&rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_reads_back),
        cmocka_unit_test(an_empty_record_reads_back),
        cmocka_unit_test(unknown_members_are_kept_and_written_back),
        cmocka_unit_test(required_members_are_missed_by_name),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(inconsistent_slots_are_refused),
        cmocka_unit_test(an_entry_in_a_slot_needs_a_location),
        cmocka_unit_test(damaged_bytes_are_refused),
        cmocka_unit_test(a_long_changed_by_is_refused),
        cmocka_unit_test(what_no_reader_takes_is_not_written),
        cmocka_unit_test(the_view_has_the_documented_shape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
