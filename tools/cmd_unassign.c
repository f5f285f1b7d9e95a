/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

enum { OPT_SLOT = 1 };

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct role_intent intent = {.verb = ROLE_UNASSIGN};
    const char *slot = tool_opt(tool, OPT_SLOT);
    struct cr_err why;

    intent.has_slot = slot;
    if (slot && cr_failed(role_slot_parse(slot, &intent.slot, &why)))
        return cr_fail(err, CR_E_USAGE, "--slot: %s", why.text);
    return tool_change_roles(tool, tool->args, (size_t)tool->nargs, &intent, NULL, err);
}

static const struct tool_option options[] = {
    {"slot", OPT_SLOT, "SLOT", "current, previous or next alone; else all three"},
    {0},
};

const struct tool_cmd tool_cmd_unassign = {
    .name = "unassign",
    .args = "ROLE...",
    .summary = "empty a role's slots",
    .doc = "The role keeps its generation and its history; 'show' hides it while it is\n"
           "empty. Certificate and key stay on the token. Works without the token.",
    .flags = TOOL_CHANGES | TOOL_ASKS,
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
