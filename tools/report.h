/* SPDX-License-Identifier: Apache-2.0 */
/* `certroll report`: one self-contained page; pure but for what it is given. */
#ifndef REPORT_H
#define REPORT_H

#include "check.h"
#include "html.h"

#define REPORT_ENTRIES 200 /* of the history, the newest */

struct report {
    int64_t now;
    const char *host, *conf_path, *version;
    const struct check *check; /* looked; its roles are the page's */
    bool probed;
    const json_t *entries; /* of the history, oldest first */
    size_t nbad;           /* lines of it that cannot be read */
};

/* The span of time that all timelines of a page show. */
struct report_axis {
    int64_t from, to;
};

/* From what was lately (a year and a bit at most) to what will be (three years at most). @entries of the history, oldest first or
 * NULL, say since when a previous was current. */
struct report_axis report_axis_of(const struct tool_role *roles, size_t n, const json_t *entries, int64_t now);
/* @role's slots as bars over the axis: an svg element. */
void report_timeline(struct html *h, const struct tool_role *role, const json_t *entries,
                     const struct report_axis *axis, int64_t now);
/* Appends the whole page. */
cr_status report_page(const struct report *report, struct cr_buf *out, struct cr_err *err);

#endif
