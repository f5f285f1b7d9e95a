/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_outputs.h"

enum { OPT_OUT = 1 };

static cr_status run(struct tool *tool, struct cr_err *err)
{
    const struct store_output output = {.kind = STORE_OUTPUT_JWKS, .roles = tool->args, .nroles = (size_t)tool->nargs};
    struct cr_buf text = {0};
    json_t *set = NULL;
    cr_status st = tool_output_compose(tool, &output, &text, err);

    if (cr_failed(st))
        return st;
    set = json_loadb((const char *)text.p, text.n, 0, NULL);
    if (!json_array_size(json_object_get(set, "keys")))
        tool_warn("the set is empty: nothing is assigned to %s", tool->nargs == 1 ? "the role" : "these roles");
    json_decref(set);
    st = tool_output_write(tool, tool_opt(tool, OPT_OUT), &output, cr_buf_bytes(&text), err);
    cr_buf_clear(&text);
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
