/* SPDX-License-Identifier: Apache-2.0 */
#include "roles/role_codec.h"
#include "tool_show_text.h"

enum { OPT_ALL = 1 };

/* A role whose slots are empty is hidden unless it was named; one that lost its current to a revocation is shown. */
static bool shown(const struct tool *tool, const struct tool_role *role)
{
    return tool->nargs || tool_opt(tool, OPT_ALL) || role->view.current_revoked || !tool_show_empty(role);
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

static cr_status show_json(struct tool *tool, const struct tool_role *roles, size_t n, struct cr_err *err)
{
    json_t *list = json_array();
    cr_status st = cr_ok();

    for (size_t i = 0; i < n && !cr_failed(st); i++)
        if (shown(tool, &roles[i]))
            st = role_json(&roles[i], tool->now, list, err);
    if (cr_failed(st)) {
        json_decref(list);
        return st;
    }
    return tool_print_json(json_pack("{s:o}", "roles", list), err);
}

static cr_status show_text(struct tool *tool, const struct tool_role *roles, size_t n, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st = cr_ok();

    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        if (!shown(tool, &roles[i]))
            continue;
        if (!text.n || !cr_failed(st = cr_buf_append_str(&text, "\n", err)))
            st = tool_show_text(&roles[i], tool->now, &text, err);
    }
    if (!cr_failed(st) && !text.n)
        st = cr_buf_append_str(&text, "No role has a certificate.\n", err);
    if (!cr_failed(st))
        st = tool_output(NULL, 0, cr_buf_bytes(&text), err);
    cr_buf_clear(&text);
    return st;
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct tool_role *roles = NULL;
    size_t n = 0, nbad = 0;
    cr_status st = tool->nargs ? tool_roles_read(tool, tool->args, (size_t)tool->nargs, &roles, &n, err)
                               : tool_roles_all(tool, &roles, &n, &nbad, err);

    if (!cr_failed(st))
        st = tool->json ? show_json(tool, roles, n, err) : show_text(tool, roles, n, err);
    if (!cr_failed(st) && nbad)
        st = cr_fail(err, CR_E_IO, "%zu role%s could not be read", nbad, nbad == 1 ? "" : "s");
    tool_roles_free(&roles, n);
    return st;
}

static const struct tool_option options[] = {
    {"all", OPT_ALL, NULL, "roles with empty slots too"},
    {0},
};

const struct tool_cmd tool_cmd_show = {
    .name = "show",
    .args = "[ROLE...]",
    .summary = "show what is assigned to roles, in time order",
    .doc = "Needs neither the token nor write access. Roles with empty slots are hidden\n"
           "unless named.",
    .flags = TOOL_JSON,
    .options = options,
    .max_args = -1,
    .run = run,
};
