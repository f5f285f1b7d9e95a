/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "history_list.h"
#include "report.h"

#define DAY      INT64_C(86400)
#define LEFT     86 /* of the drawing, in its units: names of slots */
#define RIGHT    990
#define TOP      24
#define ROW      24
#define BAR      14
#define BOTTOM   (TOP + 3 * ROW)
#define APART    130 /* of two words above the bars */
#define PAST     (400 * DAY)
#define FUTURE   (1100 * DAY)
#define AT_LEAST (30 * DAY)

static void reach(struct report_axis *axis, int64_t t, int64_t now)
{
    if (t == CR_TIME_NEVER || t > now + FUTURE)
        t = now + FUTURE;
    if (t < now - PAST)
        t = now - PAST;
    axis->from = t < axis->from ? t : axis->from;
    axis->to = t > axis->to ? t : axis->to;
}

/* Where the time of previous as current begins: by the record where it has not been settled yet, else by the history, else
 * (*known is false) the certificate's own first moment. */
static int64_t previous_from(const struct tool_role *role, const json_t *entries, bool *known)
{
    const struct role_view *v = &role->view;
    int64_t since = v->previous->not_before;

    *known = true;
    if (v->rolled)
        return role->rec->current_since;
    *known = v->previous->thumbprint[0] != '\0' &&
             history_current_since(entries, role->rec->name, v->previous->thumbprint, &since);
    return since;
}

struct report_axis report_axis_of(const struct tool_role *roles, size_t n, const json_t *entries, int64_t now)
{
    struct report_axis axis = {now - AT_LEAST, now + 3 * AT_LEAST};

    for (size_t i = 0; i < n; i++) {
        const struct role_view *v = &roles[i].view;

        if (v->current) {
            reach(&axis, v->current_since, now);
            reach(&axis, v->current->not_after, now);
        }
        if (v->previous) {
            bool known;

            reach(&axis, v->previous_until, now);
            reach(&axis, previous_from(&roles[i], entries, &known), now);
        }
        if (v->next)
            reach(&axis, v->next->not_after, now);
    }
    axis.to += (axis.to - axis.from) / 50;
    return axis;
}

/* Within the drawing, whatever @t is. */
static double place(const struct report_axis *axis, int64_t t)
{
    if (t <= axis->from)
        return LEFT;
    if (t >= axis->to)
        return RIGHT;
    return LEFT + (double)(t - axis->from) / (double)(axis->to - axis->from) * (RIGHT - LEFT);
}

static const char *day(int64_t t, char out[CR_TIME_TEXT])
{
    cr_time_text(t, out);
    out[strcspn(out, "T")] = '\0';
    return out;
}

/* @words is said of it by a tool tip. */
static void bar(struct html *h, const struct report_axis *axis, int row, const char *class, const char *words,
                int64_t from, int64_t to)
{
    double x = place(axis, from), end = place(axis, to);
    char begin[CR_TIME_TEXT], until[CR_TIME_TEXT];
    int y = TOP + row * ROW + (ROW - BAR) / 2;

    if (to <= from || to <= axis->from || from >= axis->to)
        return;
    html_put(h,
             "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"><title>%s %s to "
             "%s</title></rect>\n",
             class, x, y, end - x < 2 ? 2 : end - x, BAR, words, day(from, begin), day(to, until));
    if (to > axis->to)
        html_put(h, "<path class=\"%s\" d=\"M%d %d l8 %d l-8 %d z\"/>\n", class, RIGHT, y, BAR / 2, BAR / 2);
}

static void expiry(struct html *h, const struct report_axis *axis, int row, const struct role_cert *cert)
{
    char when[CR_TIME_TEXT];
    int y = TOP + row * ROW + 2;

    if (cert->not_after > axis->from && cert->not_after < axis->to)
        html_put(h, "<path class=\"expiry\" d=\"M%.1f %d v%d\"><title>expires %s</title></path>\n",
                 place(axis, cert->not_after), y, ROW - 4, day(cert->not_after, when));
}

static void name(struct html *h, int row, const char *text, bool empty)
{
    html_put(h, "<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", empty ? "slot none" : "slot",
             LEFT - 8, TOP + row * ROW + ROW / 2 + 4, text);
}

/* Months, as many as there is room for. */
static void ticks(struct html *h, const struct report_axis *axis)
{
    int64_t span = axis->to - axis->from, t;
    int step = span > 1000 * DAY ? 6 : span > 300 * DAY ? 3 : 1;
    time_t from = (time_t)axis->from;
    struct tm tm;

    gmtime_r(&from, &tm);
    tm = (struct tm){.tm_year = tm.tm_year, .tm_mon = tm.tm_mon - tm.tm_mon % step, .tm_mday = 1};
    for (; (t = (int64_t)timegm(&tm)) < axis->to; tm.tm_mon += step) {
        char when[CR_TIME_TEXT];
        double x = place(axis, t);

        if (t <= axis->from || x < LEFT + 10 || x > RIGHT - 30)
            continue;
        cr_time_text(t, when);
        html_put(h, "<path class=\"tick\" d=\"M%.1f %d v%d\"/><text class=\"date\" x=\"%.1f\" y=\"%d\">%.7s</text>\n",
                 x, TOP, 3 * ROW, x, BOTTOM + 16, when);
    }
}

static void moment(struct html *h, const struct report_axis *axis, const char *class, int64_t t, const char *anchor,
                   const char *words)
{
    double x = place(axis, t);

    html_put(
        h,
        "<path class=\"%s\" d=\"M%.1f %d v%d\"/><text class=\"%s\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
        class, x, TOP - 4, 3 * ROW + 4, class, x, TOP - 9, anchor, words);
}

static void moments(struct html *h, const struct role_view *v, const struct report_axis *axis, int64_t now)
{
    bool roll = v->next && v->next_effective < axis->to;
    double apart = roll ? place(axis, v->next_effective) - place(axis, now) : APART;
    char when[CR_TIME_TEXT], words[CR_TIME_TEXT + 8];

    moment(h, axis, "now", now, apart < APART ? "end" : "middle", "now");
    if (!roll)
        return;
    snprintf(words, sizeof(words), "roll %s", day(v->next_effective, when));
    moment(h, axis, "roll", v->next_effective, "start", words);
}

static void previous_bars(struct html *h, const struct tool_role *role, const json_t *entries,
                          const struct report_axis *axis, int64_t now)
{
    const struct role_view *v = &role->view;
    bool known;
    int64_t from = previous_from(role, entries, &known), end = v->current ? v->current_since : now;

    if (!v->current) /* which took its place, and at a date */
        bar(h, axis, 0, "perhaps", "valid, until when current is not known", from, end);
    else
        bar(h, axis, 0, known ? "signed" : "perhaps",
            known ? "was current: signed" : "valid, since when current is not known", from, end);
    bar(h, axis, 0, "verifies", "previous: verifies", end, v->previous_until);
    expiry(h, axis, 0, v->previous);
}

static void bars(struct html *h, const struct tool_role *role, const json_t *entries, const struct report_axis *axis,
                 int64_t now)
{
    const struct role_view *v = &role->view;
    int64_t flip = v->next ? v->next_effective : CR_TIME_NEVER;

    if (v->previous)
        previous_bars(h, role, entries, axis, now);
    if (v->current) {
        int64_t end = flip < v->current->not_after ? flip : v->current->not_after;

        bar(h, axis, 1, "signs", "current: signs", v->current_since, end);
        bar(h, axis, 1, "late", "current: signs, expired", end, now < flip ? now : flip);
        if (v->next)
            bar(h, axis, 1, "verifies", "then verifies", flip, role_previous_until(role->rec, flip));
        expiry(h, axis, 1, v->current);
    }
    if (v->next) {
        bar(h, axis, 2, "verifies", "next: in the key set", v->next_since, v->next_effective);
        bar(h, axis, 2, "signs", "next: signs", v->next_effective, v->next->not_after);
        expiry(h, axis, 2, v->next);
    }
}

/* What the drawing shows, for whom it is read to. */
static void described(struct html *h, const struct tool_role *role, int64_t now)
{
    const struct role_view *v = &role->view;
    char a[CR_TIME_TEXT], b[CR_TIME_TEXT];

    html_put(h, "<desc>Now is %s.", day(now, a));
    if (v->previous)
        html_put(h, " Previous verifies until %s.", day(v->previous_until, a));
    if (v->current)
        html_put(h, " Current signs since %s and expires %s.", day(v->current_since, a), day(v->current->not_after, b));
    if (v->next)
        html_put(h, " Next takes over %s and expires %s.", day(v->next_effective, a), day(v->next->not_after, b));
    html_put(h, "</desc>\n");
}

void report_timeline(struct html *h, const struct tool_role *role, const json_t *entries,
                     const struct report_axis *axis, int64_t now)
{
    html_put(h, "<div class=\"timeline\"><svg viewBox=\"0 0 1000 %d\" role=\"img\"><title>Timeline of %s</title>\n",
             BOTTOM + 24, role->rec->name);
    described(h, role, now);
    ticks(h, axis);
    name(h, 0, "previous", !role->view.previous);
    name(h, 1, "current", !role->view.current);
    name(h, 2, "next", !role->view.next);
    bars(h, role, entries, axis, now);
    moments(h, &role->view, axis, now);
    html_put(h, "</svg></div>\n");
}
