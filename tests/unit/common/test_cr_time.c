/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/cr_time.h"

static void rfc_3339_dates_are_read_and_written(void **state)
{
    static const struct {
        const char *text;
        int64_t t;
        const char *back;
    } t[] = {
        {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"},
        {"2026-11-22T21:18:00Z", 1795382280, "2026-11-22T21:18:00Z"},
        {"2026-11-22T21:18:00.999Z", 1795382280, "2026-11-22T21:18:00Z"},
        {"2026-11-22t22:18:00+01:00", 1795382280, "2026-11-22T21:18:00Z"},
        {"2026-11-22T15:48:00-05:30", 1795382280, "2026-11-22T21:18:00Z"},
        {"2038-01-19T03:14:08Z", INT64_C(2147483648), "2038-01-19T03:14:08Z"},
        {"2016-12-31T23:59:60Z", 1483228800, "2017-01-01T00:00:00Z"}, /* a leap second */
        {"2017-01-01T08:59:60+09:00", 1483228800, "2017-01-01T00:00:00Z"},
        {"2000-02-29T12:00:00Z", 951825600, "2000-02-29T12:00:00Z"},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799), "9999-12-31T23:59:59Z"},
    };
    char back[CR_TIME_TEXT];

    (void)state;
    for (size_t i = 0; i < CR_COUNT(t); i++) {
        int64_t v = -1;

        assert_int_equal(cr_time_parse(t[i].text, &v, NULL).code, CR_OK);
        assert_int_equal(v, t[i].t);
        assert_string_equal(cr_time_text(v, back), t[i].back);
    }
    assert_string_equal(cr_time_text(CR_TIME_NEVER, back), "never");
}

static void bad_dates_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026-11-22",
        "2026-11-22T21:18Z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T21:60:00Z",
        "2026-11-22T21:18:60Z", /* no leap second stands there */
        "2026-11-22T21:18:61Z",
        "2026-11-22T21:18:00.Z",
        "2026-11-22T21:18:00+1:00",
        "2026-11-22T21:18:00Zx",
        " 2026-11-22T21:18:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
        "26-11-22T21:18:00Z",
        "9999-12-31T23:59:59-00:01", /* UTC's year is 10000 */
        "9999-12-31T23:59:60Z",
    };

    (void)state;
    for (size_t i = 0; i < CR_COUNT(bad); i++) {
        struct cr_err err = {0};
        int64_t v = 42;

        assert_int_equal(cr_time_parse(bad[i], &v, &err).code, CR_E_INVALID);
        assert_int_equal(v, 42);
        assert_non_null(strstr(err.text, "RFC 3339"));
    }
}

static void durations_have_one_number_and_one_unit(void **state)
{
    static const struct {
        const char *text;
        int64_t v;
    } t[] = {{"0", 0},
             {"90s", 90},
             {"5m", 300},
             {"36h", 129600},
             {"30d", 2592000},
             {"2w", 1209600},
             {"", -1},
             {"5", -1},
             {"h", -1},
             {"-5m", -1},
             {"5 m", -1},
             {"5mm", -1},
             {"1h30m", -1},
             {"5y", -1},
             {"99999999999999999999s", -1},
             {"36526d", -1},
             {"36525d", INT64_C(3155760000)}};

    (void)state;
    for (size_t i = 0; i < CR_COUNT(t); i++) {
        int64_t v = -1;

        assert_int_equal(cr_duration_parse(t[i].text, &v, NULL).code, t[i].v < 0 ? CR_E_INVALID : CR_OK);
        assert_int_equal(v, t[i].v);
    }
}

static void when_without_a_zone_names_both_readings(void **state)
{
    struct cr_err err = {0};
    int64_t v = 7;

    (void)state;
    assert_int_equal(cr_when_parse("2026-11-22T21:18:00", 0, 3600, &v, &err).code, CR_E_INVALID);
    assert_int_equal(v, 7);
    assert_non_null(strstr(err.text, "2026-11-22T21:18:00Z for UTC"));
    assert_non_null(strstr(err.text, "2026-11-22T21:18:00+01:00 for local time"));
    assert_int_equal(cr_when_parse("2026-11-22T21:18:00", 0, -12600, &v, &err).code, CR_E_INVALID);
    assert_non_null(strstr(err.text, "2026-11-22T21:18:00-03:30 for local time"));
}

static void when_counts_a_duration_from_now(void **state)
{
    int64_t v = 0;

    (void)state;
    assert_int_equal(cr_when_parse("+90s", 1000, 0, &v, NULL).code, CR_OK);
    assert_int_equal(v, 1090);
    assert_int_equal(cr_when_parse("2026-11-22T21:18:00Z", 1000, 0, &v, NULL).code, CR_OK);
    assert_int_equal(v, 1795382280);
    assert_int_equal(cr_when_parse("90s", 1000, 0, &v, NULL).code, CR_E_INVALID);
    v = 7;
    assert_int_equal(cr_when_parse("+2w", INT64_MAX - 5, 0, &v, NULL).code, CR_E_INVALID);
    assert_int_equal(cr_when_parse("+1s", INT64_C(253402300799), 0, &v, NULL).code, CR_E_INVALID);
    assert_int_equal(v, 7);
    assert_int_equal(cr_when_parse("+", 1000, 0, &v, NULL).code, CR_E_INVALID);
}

static void distances_are_for_people(void **state)
{
    static const struct {
        int64_t t;
        const char *text;
    } t[] = {{1000, "in 0 seconds"},          {1001, "in 1 second"},          {910, "90 seconds ago"},
             {1000 + 7199, "in 119 minutes"}, {1000 + 129600, "in 36 hours"}, {1000 + 30 * 86400, "in 30 days"},
             {CR_TIME_NEVER, "never"}};
    char out[CR_TIME_TEXT];

    (void)state;
    for (size_t i = 0; i < CR_COUNT(t); i++)
        assert_string_equal(cr_time_distance(t[i].t, 1000, out), t[i].text);
    assert_non_null(strstr(cr_time_distance(INT64_MIN, INT64_MAX, out), "days ago"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_3339_dates_are_read_and_written),
        cmocka_unit_test(bad_dates_are_refused),
        cmocka_unit_test(durations_have_one_number_and_one_unit),
        cmocka_unit_test(when_without_a_zone_names_both_readings),
        cmocka_unit_test(when_counts_a_duration_from_now),
        cmocka_unit_test(distances_are_for_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
