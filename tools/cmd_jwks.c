/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "tool_jwks.h"

enum { OPT_OUT = 1 };

static cr_status write_set(struct tool *tool, json_t *set, struct cr_err *err)
{
    char *text = json_dumps(set, JSON_INDENT(2));
    struct cr_buf buf = {0};
    cr_status st;

    if (!text)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (!cr_failed(st = cr_buf_printf(&buf, err, "%s\n", text)))
        st = tool_output(tool_opt(tool, OPT_OUT), 0644, cr_buf_bytes(&buf), err);
    cr_buf_clear(&buf);
    free(text);
    return st;
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct tool_role *roles = NULL;
    json_t *set = NULL;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = tool_roles_read(tool, tool->args, (size_t)tool->nargs, &roles, &n, err)) ||
        cr_failed(st = tool_jwks(roles, n, &set, err)))
        goto out;
    if (!json_array_size(json_object_get(set, "keys")))
        tool_warn("the set is empty: nothing is assigned to %s", n == 1 ? "the role" : "these roles");
    st = write_set(tool, set, err);
out:
    json_decref(set);
    tool_roles_free(&roles, n);
    return st;
}

static const struct tool_option options[] = {
    {"out", OPT_OUT, "FILE", "into this file, replaced atomically; else stdout"},
    {0},
};

const struct tool_cmd tool_cmd_jwks = {
    .name = "jwks",
    .args = "ROLE...",
    .summary = "print the public keys of roles as a JWK set for verifiers",
    .doc = "Current, next and previous as they stand now, one entry a public key; never\n"
           "a revoked one. Run it again after each change and each effective date.\n"
           "Works without the token.",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
