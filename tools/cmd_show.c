/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "roles/role_codec.h"
#include "tool_columns.h"
#include "tool_show_text.h"

enum { OPT_ALL = 1, OPT_EXPIRES, OPT_ISSUER, OPT_SUBJECT };

/* What one certificate of a role must be; all of it by one and the same. */
struct filter {
    bool any; /* none was asked for */
    int64_t expires_before;
    const char *issuer, *subject; /* parts of the names; NULL: whatever */
};

static cr_status filter_read(const struct tool *tool, struct filter *out, struct cr_err *err)
{
    const char *expires = tool_opt(tool, OPT_EXPIRES);

    *out = (struct filter){
        .expires_before = CR_TIME_NEVER, .issuer = tool_opt(tool, OPT_ISSUER), .subject = tool_opt(tool, OPT_SUBJECT)};
    out->any = !expires && !out->issuer && !out->subject;
    return expires ? tool_when(tool, expires, &out->expires_before, err) : cr_ok();
}

static bool filter_takes(const struct filter *f, const struct role_cert *cert)
{
    return cert->not_after < f->expires_before && (!f->issuer || strcasestr(cert->issuer, f->issuer)) &&
           (!f->subject || strcasestr(cert->subject, f->subject));
}

/* A role whose slots are empty is hidden unless it was named; one that lost its current to a revocation is shown. */
static bool shown(const struct tool *tool, const struct filter *f, const struct tool_role *role)
{
    if (f->any)
        return tool->nargs || tool_opt(tool, OPT_ALL) || role->view.current_revoked || !tool_show_empty(role);
    for (int s = ROLE_CURRENT; s <= ROLE_NEXT; s++) {
        const struct role_cert *cert = role_view_slot(&role->view, (enum role_slot)s);
        if (cert && filter_takes(f, cert))
            return true;
    }
    return false;
}

static cr_status role_json(const struct tool_role *role, int64_t now, json_t *list, struct cr_err *err)
{
    struct tool_show_warnings warnings;
    json_t *row = NULL, *texts = json_array();
    cr_status st = role_view_json(role->rec, &role->view, &row, err);

    tool_show_warn(role, now, &warnings);
    for (unsigned i = 0; i < warnings.n; i++)
        json_array_append_new(texts, json_string(warnings.text[i]));
    if (!cr_failed(st) && (json_object_set(row, "warnings", texts) || json_array_append(list, row)))
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    json_decref(texts);
    json_decref(row);
    return st;
}

static cr_status show_json(struct tool *tool, const struct filter *f, const struct tool_role *roles, size_t n,
                           struct cr_err *err)
{
    json_t *list = json_array();
    cr_status st = cr_ok();

    for (size_t i = 0; i < n && !cr_failed(st); i++)
        if (shown(tool, f, &roles[i]))
            st = role_json(&roles[i], tool->now, list, err);
    if (cr_failed(st)) {
        json_decref(list);
        return st;
    }
    return tool_print_json(json_pack("{s:o}", "roles", list), err);
}

static cr_status show_text(struct tool *tool, const struct filter *f, const struct tool_role *roles, size_t n,
                           struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st = cr_ok();

    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        if (!shown(tool, f, &roles[i]))
            continue;
        if (!text.n || !cr_failed(st = cr_buf_append_str(&text, "\n", err)))
            st = tool_show_text(&roles[i], tool->now, tool_columns(), &text, err);
    }
    if (!cr_failed(st) && !text.n)
        st = cr_buf_append_str(&text, f->any ? "No role has a certificate.\n" : "No role has such a certificate.\n",
                               err);
    if (!cr_failed(st))
        st = tool_output(NULL, 0, cr_buf_bytes(&text), err);
    cr_buf_clear(&text);
    return st;
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct tool_role *roles = NULL;
    struct filter f;
    size_t n = 0, nbad = 0;
    cr_status st = filter_read(tool, &f, err);

    if (!cr_failed(st))
        st = tool->nargs ? tool_roles_read(tool, tool->args, (size_t)tool->nargs, &roles, &n, err)
                         : tool_roles_all(tool, &roles, &n, &nbad, err);
    if (!cr_failed(st))
        st = tool->json ? show_json(tool, &f, roles, n, err) : show_text(tool, &f, roles, n, err);
    if (!cr_failed(st) && nbad)
        st = cr_fail(err, CR_E_IO, "%zu role%s could not be read: 'certroll check' says what to do", nbad,
                     nbad == 1 ? "" : "s");
    tool_roles_free(&roles, n);
    return st;
}

static const struct tool_option options[] = {
    {"all", OPT_ALL, NULL, "roles with empty slots too"},
    {"expires-before", OPT_EXPIRES, "WHEN",
     "roles with a certificate that expires before\nthis: RFC 3339, or +30d from now"},
    {"issuer", OPT_ISSUER, "TEXT", "... whose issuer contains TEXT, in either case"},
    {"subject", OPT_SUBJECT, "TEXT", "... whose subject does"},
    {0},
};

const struct tool_cmd tool_cmd_show = {
    .name = "show",
    .args = "[ROLE...]",
    .summary = "show what is assigned to roles, in time order",
    .doc = "Needs neither the token nor write access. Roles with empty slots are hidden\n"
           "unless named. Several conditions are met by one certificate of the role.",
    .flags = TOOL_JSON,
    .options = options,
    .max_args = -1,
    .run = run,
};
