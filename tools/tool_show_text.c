/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_show_text.h"

#include <stdio.h>
#include <string.h>

#include "tool_columns.h"

#define INDENT 12 /* where a slot's facts start */
#define NARROW 4  /* the same where there is no room for that */

static void expiry(const struct role_cert *cert, int64_t now, char *out, size_t size)
{
    int64_t left = (cert->not_after - now) / 86400;
    char at[CR_TIME_TEXT], distance[CR_TIME_TEXT];

    cr_time_text(cert->not_after, at);
    at[strcspn(at, "T")] = '\0';
    if (cert->not_after == CR_TIME_NEVER)
        snprintf(out, size, "never expires");
    else if (cert->not_after < now)
        snprintf(out, size, "EXPIRED %s, %s", at, cr_time_distance(cert->not_after, now, distance));
    else
        snprintf(out, size, "expires %s, %lld day%s left", at, (long long)left, left == 1 ? "" : "s");
}

static cr_status facts(const struct role_record *rec, const struct role_cert *cert, int64_t now, size_t columns,
                       struct cr_buf *out, struct cr_err *err)
{
    size_t indent = columns < TOOL_COLUMNS_DEFAULT ? NARROW : INDENT;
    char kid[128], when[96], name[64];
    const char *const cells[] = {name, when};
    cr_status st;

    role_kid(rec->kid_format, cert, kid);
    expiry(cert, now, when, sizeof(when));
    snprintf(name, sizeof(name), "%.16s  %s", cert->thumbprint, cert->key);
    if (cr_failed(st = tool_columns_row(out, columns, indent, indent, cells, CR_COUNT(cells), err)) ||
        cr_failed(st = tool_columns_line(out, columns, indent, "kid ", kid, err)))
        return st;
    return tool_columns_line(out, columns, indent, "", cert->subject ? cert->subject : "", err);
}

/* "  SLOT      WORDS TIME (DISTANCE)", or without the distance, or with the day alone, as there is room. */
static cr_status head(struct cr_buf *out, size_t columns, const char *slot, const char *words, int64_t t, int64_t now,
                      struct cr_err *err)
{
    char at[CR_TIME_TEXT], distance[CR_TIME_TEXT], label[16], text[128];
    size_t taken;

    snprintf(label, sizeof(label), "%-8s  ", slot);
    taken = 2 + strlen(label);
    cr_time_text(t, at);
    if (t == CR_TIME_NEVER)
        snprintf(text, sizeof(text), "%s further notice", words);
    else
        snprintf(text, sizeof(text), "%s %s (%s)", words, at, t == now ? "now" : cr_time_distance(t, now, distance));
    if (t != CR_TIME_NEVER && columns < taken + strlen(text))
        snprintf(text, sizeof(text), "%s %.*s", words, columns < taken + strlen(words) + 1 + strlen(at) ? 10 : 64, at);
    return tool_columns_line(out, columns, 2, label, text, err);
}

static cr_status previous_text(const struct tool_role *role, int64_t now, size_t columns, struct cr_buf *out,
                               struct cr_err *err)
{
    cr_status st = head(out, columns, "previous", "verifies until", role->view.previous_until, now, err);

    return cr_failed(st) ? st : facts(role->rec, role->view.previous, now, columns, out, err);
}

static cr_status current_text(const struct tool_role *role, int64_t now, size_t columns, struct cr_buf *out,
                              struct cr_err *err)
{
    cr_status st = head(out, columns, "current", "signs since", role->view.current_since, now, err);

    return cr_failed(st) ? st : facts(role->rec, role->view.current, now, columns, out, err);
}

static cr_status next_text(const struct tool_role *role, int64_t now, size_t columns, struct cr_buf *out,
                           struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = head(out, columns, "next", "takes over", role->view.next_effective, now, err)) ||
        cr_failed(st = head(out, columns, "", "in jwks since", role->view.next_since, now, err)))
        return st;
    return facts(role->rec, role->view.next, now, columns, out, err);
}

/* The name on the left, what the role is on the right; below the name where it is too long. */
static cr_status title(const struct role_record *rec, size_t columns, struct cr_buf *out, struct cr_err *err)
{
    char what[80];
    cr_status st;
    bool whole = columns == TOOL_COLUMNS_WHOLE;
    size_t used = strlen(rec->name), right = whole ? TOOL_COLUMNS_DEFAULT : columns;
    int n = snprintf(what, sizeof(what), "%s, %s, %sgeneration %llu", role_use_text(rec->use),
                     role_binding_text(rec->binding), rec->scope == ROLE_SCOPE_GLOBAL ? "global, " : "",
                     (unsigned long long)rec->generation);

    if (used + (size_t)n + 2 > right && whole)
        return cr_buf_printf(out, err, "%s  %s\n", rec->name, what);
    if (used + (size_t)n + 2 > right)
        return cr_failed(st = tool_columns_line(out, columns, 0, "", rec->name, err))
                   ? st
                   : cr_buf_printf(out, err, "%*s\n", (int)right, what);
    return cr_buf_printf(out, err, "%s%*s\n", rec->name, (int)(right - used), what);
}

bool tool_show_empty(const struct tool_role *role)
{
    return !role->view.previous && !role->view.current && !role->view.next;
}

cr_status tool_show_text(const struct tool_role *role, int64_t now, size_t columns, struct cr_buf *out,
                         struct cr_err *err)
{
    struct tool_show_warnings warnings;
    cr_status st = title(role->rec, columns, out, err);

    if (!cr_failed(st) && role->view.previous)
        st = previous_text(role, now, columns, out, err);
    if (!cr_failed(st) && role->view.current)
        st = current_text(role, now, columns, out, err);
    if (!cr_failed(st) && role->view.next)
        st = next_text(role, now, columns, out, err);
    if (!cr_failed(st) && tool_show_empty(role))
        st = cr_buf_append_str(out, "  nothing assigned\n", err);
    tool_show_warn(role, now, &warnings);
    for (unsigned i = 0; i < warnings.n && !cr_failed(st); i++)
        st = tool_columns_wrap(out, columns, 2, "WARNING: ", warnings.text[i], err);
    return st;
}
