/* SPDX-License-Identifier: Apache-2.0 */
#include "cr_time.h"

#include <stdio.h>
#include <string.h>

#define DAY       86400
#define YEARS_100 ((int64_t)36525 * DAY)
#define LAST      INT64_C(253402300799) /* 9999-12-31T23:59:59Z, the last that RFC 3339 can write */

/* Days since 1970-01-01 of a proleptic Gregorian date: counts years from March, so that leap days come last. */
static int64_t days_of(int y, int m, int d)
{
    int64_t era, yoe, doy, doe;

    y -= m <= 2;
    era = y / 400;
    yoe = y - era * 400;
    doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void date_of(int64_t days, int *y, int *m, int *d)
{
    int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

    *d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *m = (int)(mp < 10 ? mp + 3 : mp - 9);
    *y = (int)(yoe + era * 400 + (*m <= 2));
}

static int month_days(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return m == 2 && ((y % 4 == 0 && y % 100 != 0) || y % 400 == 0) ? 29 : days[m - 1];
}

/* Exactly @n digits at **p, which moves behind them; -1 when they are not there. */
static int digits(const char **p, int n)
{
    int v = 0;

    for (; n > 0; n--, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        v = v * 10 + (**p - '0');
    }
    return v;
}

static bool skip(const char **p, const char *any)
{
    if (**p == '\0' || strchr(any, **p) == NULL)
        return false;
    (*p)++;
    return true;
}

struct stamp {
    int y, mo, d, h, mi, s;
};

/* date "T" time, up to the zone. */
static bool parse_local(const char **p, struct stamp *t)
{
    if ((t->y = digits(p, 4)) < 1970 || !skip(p, "-") || (t->mo = digits(p, 2)) < 1 || t->mo > 12 || !skip(p, "-") ||
        (t->d = digits(p, 2)) < 1 || t->d > month_days(t->y, t->mo) || !skip(p, "Tt ") || (t->h = digits(p, 2)) < 0 ||
        t->h > 23 || !skip(p, ":") || (t->mi = digits(p, 2)) < 0 || t->mi > 59 || !skip(p, ":") ||
        (t->s = digits(p, 2)) < 0 || t->s > 60)
        return false;
    if (skip(p, ".")) {
        if (digits(p, 1) < 0)
            return false;
        while (**p >= '0' && **p <= '9')
            (*p)++;
    }
    return true;
}

/* "Z" or "+hh:mm": seconds east of UTC. */
static bool parse_zone(const char **p, int64_t *east)
{
    int sign, h, m;

    if (skip(p, "Zz")) {
        *east = 0;
        return true;
    }
    sign = **p == '-' ? -1 : 1;
    if (!skip(p, "+-") || (h = digits(p, 2)) < 0 || h > 23 || !skip(p, ":") || (m = digits(p, 2)) < 0 || m > 59)
        return false;
    *east = sign * (h * 3600 + m * 60);
    return true;
}

static int64_t seconds_of(const struct stamp *t)
{
    return days_of(t->y, t->mo, t->d) * DAY + t->h * 3600 + t->mi * 60 + t->s;
}

static cr_status bad_time(const char *text, struct cr_err *err)
{
    return cr_fail(err, CR_E_INVALID, "'%.40s' is not a date and time like 2026-11-22T21:00:00Z (RFC 3339)", text);
}

cr_status cr_time_parse(const char *text, int64_t *out, struct cr_err *err)
{
    const char *p = text;
    struct stamp t;
    int64_t east, v;

    if (!parse_local(&p, &t) || !parse_zone(&p, &east) || *p != '\0')
        return bad_time(text, err);
    v = seconds_of(&t) - east;
    /* A leap second stands at the end of a UTC month (RFC 3339 section 5.7). */
    if (t.s == 60) {
        int y, m, d;

        if (v % DAY != 0)
            return bad_time(text, err);
        date_of(v / DAY, &y, &m, &d);
        if (d != 1)
            return bad_time(text, err);
    }
    if (v < 0 || v > LAST)
        return bad_time(text, err);
    *out = v;
    return cr_ok();
}

const char *cr_time_text(int64_t t, char out[CR_TIME_TEXT])
{
    int64_t days = t / DAY, rest = t % DAY;
    int y, m, d;

    if (t < 0 || t > LAST) {
        (void)snprintf(out, CR_TIME_TEXT, "%s", t < 0 ? "before 1970" : "never");
        return out;
    }
    date_of(days, &y, &m, &d);
    (void)snprintf(out, CR_TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02dZ", y, m, d, (int)(rest / 3600),
                   (int)(rest / 60 % 60), (int)(rest % 60));
    return out;
}

static int64_t unit_seconds(char c)
{
    switch (c) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return DAY;
    case 'w':
        return 7 * DAY;
    default:
        return 0;
    }
}

cr_status cr_duration_parse(const char *text, int64_t *out, struct cr_err *err)
{
    const char *p = text;
    int64_t v = 0, unit;

    if (strcmp(text, "0") == 0) {
        *out = 0;
        return cr_ok();
    }
    while (*p >= '0' && *p <= '9' && v <= YEARS_100)
        v = v * 10 + (*p++ - '0');
    if (p == text || (unit = unit_seconds(*p)) == 0 || p[1] != '\0')
        return cr_fail(err, CR_E_INVALID, "'%.40s' is not a duration like 90s, 5m, 36h, 30d or 2w", text);
    if (v > YEARS_100 / unit)
        return cr_fail(err, CR_E_INVALID, "the duration %.40s is longer than 100 years", text);
    *out = v * unit;
    return cr_ok();
}

/* A date-time without its zone: both readings, so that the admin need not work them out. */
static cr_status no_zone(const struct stamp *t, int64_t local_offset, struct cr_err *err)
{
    char utc[CR_TIME_TEXT], local[CR_TIME_TEXT];
    int64_t v = seconds_of(t), m = (local_offset < 0 ? -local_offset : local_offset) / 60;

    (void)cr_time_text(v, utc);
    (void)cr_time_text(v, local);
    local[strlen(local) - 1] = '\0'; /* the Z */
    return cr_fail(err, CR_E_INVALID, "the date has no zone: say %s for UTC or %s%c%02d:%02d for local time", utc,
                   local, local_offset < 0 ? '-' : '+', (int)(m / 60 % 24), (int)(m % 60));
}

cr_status cr_when_parse(const char *text, int64_t now, int64_t local_offset, int64_t *out, struct cr_err *err)
{
    const char *p = text;
    struct stamp t;
    int64_t d;

    if (*text == '+') {
        cr_status st = cr_duration_parse(text + 1, &d, err);

        if (cr_failed(st))
            return st;
        if (now > LAST - d)
            return cr_fail(err, CR_E_INVALID, "%.40s from now is after the year 9999", text);
        *out = now + d;
        return st;
    }
    if (parse_local(&p, &t) && *p == '\0')
        return no_zone(&t, local_offset, err);
    return cr_time_parse(text, out, err);
}

const char *cr_time_distance(int64_t t, int64_t now, char out[CR_TIME_TEXT])
{
    static const struct {
        int64_t seconds, limit;
        const char *one, *many;
    } units[] = {{1, 120, "second", "seconds"},
                 {60, 7200, "minute", "minutes"},
                 {3600, 2 * DAY, "hour", "hours"},
                 {DAY, INT64_MAX, "day", "days"}};
    bool past = t < now;
    int64_t d = 0, n;
    size_t i = 0;

    if (t == CR_TIME_NEVER) {
        (void)snprintf(out, CR_TIME_TEXT, "never");
        return out;
    }
    if (past ? __builtin_sub_overflow(now, t, &d) : __builtin_sub_overflow(t, now, &d))
        d = INT64_MAX - 1;
    while (d >= units[i].limit)
        i++;
    n = d / units[i].seconds;
    (void)snprintf(out, CR_TIME_TEXT, "%s%lld %s%s", past ? "" : "in ", (long long)n,
                   n == 1 ? units[i].one : units[i].many, past ? " ago" : "");
    return out;
}
