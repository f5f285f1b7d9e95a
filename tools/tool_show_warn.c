/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "tool_show_text.h"

static void add(struct tool_show_warnings *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct tool_show_warnings *w, const char *fmt, ...)
{
    va_list ap;

    if (w->n == CR_COUNT(w->text))
        return;
    va_start(ap, fmt);
    vsnprintf(w->text[w->n++], sizeof(w->text[0]), fmt, ap);
    va_end(ap);
}

static void warn_no_current(const struct tool_role *role, struct tool_show_warnings *w)
{
    const struct role_view *v = &role->view;
    const char *why = v->current_revoked ? "the key of current is revoked" : "current is empty";
    char at[CR_TIME_TEXT];

    if (v->next)
        add(w, "nothing signs: %s; next takes over %s", why, cr_time_text(v->next_effective, at));
    else
        add(w, "nothing signs: %s and no next is scheduled", why);
}

static void warn_current(const struct role_view *v, int64_t now, struct tool_show_warnings *w)
{
    const struct role_cert *cert = v->current;
    char text[CR_TIME_TEXT];

    if (cert->not_before > now)
        add(w, "current is not yet valid: it will be %s", cr_time_distance(cert->not_before, now, text));
    if (cert->not_after < now)
        add(w, "current expired %s; it goes on signing", cr_time_distance(cert->not_after, now, text));
    else if (v->next && v->next_effective > cert->not_after)
        add(w, "current expires before next takes over");
    else if (!v->next && cert->not_after - now < TOOL_SHOW_SOON)
        add(w, "current expires %s and no next is scheduled", cr_time_distance(cert->not_after, now, text));
}

static void warn_next(const struct role_view *v, struct tool_show_warnings *w)
{
    if (v->next->not_after < v->next_effective)
        add(w, "next will have expired when it takes over");
    if (v->next->not_before > v->next_effective)
        add(w, "next will not be valid yet when it takes over");
}

void tool_show_warn(const struct tool_role *role, int64_t now, struct tool_show_warnings *out)
{
    const struct role_view *v = &role->view;

    *out = (struct tool_show_warnings){0};
    if (role->pending)
        add(out, "a revocation is unfinished: the next change finishes it");
    if (!v->current && (v->current_revoked || !tool_show_empty(role)))
        warn_no_current(role, out);
    if (v->current)
        warn_current(v, now, out);
    if (v->next)
        warn_next(v, out);
}
