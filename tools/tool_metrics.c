/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_metrics.h"

#include "tool_checked.h"
#include "tool_role.h"

struct writing {
    const struct tool *tool;
    const struct tool_role *roles;
    size_t n, nbad;
    struct cr_buf *out;
};

static cr_status head(struct writing *w, const char *name, const char *help, struct cr_err *err)
{
    return cr_buf_printf(w->out, err, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* Names of roles, slots and hex need no escaping in a label. */
static cr_status certificate(struct writing *w, const char *metric, const struct tool_role *role, enum role_slot slot,
                             int64_t value, struct cr_err *err)
{
    return cr_buf_printf(w->out, err, "%s{role=\"%s\",slot=\"%s\",thumbprint=\"%s\"} %lld\n", metric, role->rec->name,
                         role_slot_text(slot), role_view_slot(&role->view, slot)->thumbprint, (long long)value);
}

static int64_t not_after(const struct writing *w, const struct role_cert *cert)
{
    (void)w;
    return cert->not_after;
}

static int64_t days_left(const struct writing *w, const struct role_cert *cert)
{
    int64_t left = cert->not_after - w->tool->now;

    return left < 0 ? -((-left + 86399) / 86400) : left / 86400; /* down, also when it has expired */
}

static cr_status certificates(struct writing *w, const char *metric, const char *help,
                              int64_t (*value)(const struct writing *w, const struct role_cert *cert),
                              struct cr_err *err)
{
    cr_status st = head(w, metric, help, err);

    for (size_t i = 0; i < w->n; i++) {
        for (int s = ROLE_CURRENT; s <= ROLE_NEXT && !cr_failed(st); s++) {
            const struct role_cert *cert = role_view_slot(&w->roles[i].view, (enum role_slot)s);
            if (cert && cert->not_after != CR_TIME_NEVER)
                st = certificate(w, metric, &w->roles[i], (enum role_slot)s, value(w, cert), err);
        }
    }
    return st;
}

static int64_t generation(const struct tool_role *role, bool *has)
{
    *has = true;
    return (int64_t)role->rec->generation;
}

static int64_t signs(const struct tool_role *role, bool *has)
{
    *has = true;
    return role->view.current != NULL;
}

static int64_t next_effective(const struct tool_role *role, bool *has)
{
    *has = role->view.next != NULL;
    return role->view.next_effective;
}

static cr_status roles(struct writing *w, const char *metric, const char *help,
                       int64_t (*value)(const struct tool_role *role, bool *has), struct cr_err *err)
{
    cr_status st = head(w, metric, help, err);

    for (size_t i = 0; i < w->n && !cr_failed(st); i++) {
        bool has = false;
        int64_t v = value(&w->roles[i], &has);

        if (has)
            st = cr_buf_printf(w->out, err, "%s{role=\"%s\"} %lld\n", metric, w->roles[i].rec->name, (long long)v);
    }
    return st;
}

static cr_status last_check(struct writing *w, struct tool *tool, struct cr_err *err)
{
    struct tool_checked last;
    cr_status st = tool_checked_load(tool, &last, err);

    if (st.code == CR_E_NOT_FOUND)
        return cr_ok();
    if (cr_failed(st) ||
        cr_failed(
            st = head(w, "certroll_check_timestamp_seconds", "When certroll check last looked at all roles.", err)) ||
        cr_failed(st = cr_buf_printf(w->out, err, "certroll_check_timestamp_seconds %lld\n", (long long)last.when)) ||
        cr_failed(st = head(w, "certroll_check_level", "0 ok, 1 warning, 2 critical, 3 unknown.", err)) ||
        cr_failed(st = cr_buf_printf(w->out, err, "certroll_check_level %d\n", last.level)) ||
        cr_failed(st = head(w, "certroll_check_findings", "What it found, by level.", err)))
        return st;
    for (size_t i = 0; i < TOOL_CHECK_LEVELS && !cr_failed(st); i++)
        st = cr_buf_printf(w->out, err, "certroll_check_findings{level=\"%s\"} %zu\n", tool_check_levels[i],
                           last.counts[i]);
    return st;
}

static cr_status metrics(struct writing *w, struct tool *tool, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = certificates(w, "certroll_certificate_not_after_timestamp_seconds",
                                    "When the certificate in a slot expires.", not_after, err)) ||
        cr_failed(st = certificates(w, "certroll_certificate_days_left", "Whole days until then, as of this file.",
                                    days_left, err)) ||
        cr_failed(st = roles(w, "certroll_role_signs", "Whether the role has a current certificate.", signs, err)) ||
        cr_failed(st = roles(w, "certroll_role_next_effective_timestamp_seconds", "When a scheduled next takes over.",
                             next_effective, err)) ||
        cr_failed(st = roles(w, "certroll_role_generation", "How often the role was changed.", generation, err)) ||
        cr_failed(st = head(w, "certroll_roles_unreadable", "Records that could not be read.", err)) ||
        cr_failed(st = cr_buf_printf(w->out, err, "certroll_roles_unreadable %zu\n", w->nbad)))
        return st;
    return last_check(w, tool, err);
}

cr_status tool_metrics(struct tool *tool, struct cr_buf *out, struct cr_err *err)
{
    struct writing w = {.tool = tool, .out = out};
    struct tool_role *list = NULL;
    cr_status st = tool_roles_all(tool, &list, &w.n, &w.nbad, err);

    w.roles = list;
    if (!cr_failed(st))
        st = metrics(&w, tool, err);
    tool_roles_free(&list, w.n);
    return st;
}
