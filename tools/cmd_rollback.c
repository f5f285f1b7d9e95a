/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct role_intent intent = {.verb = ROLE_ROLLBACK};

    return tool_change_roles(tool, tool->args, (size_t)tool->nargs, &intent, NULL, err);
}

const struct tool_cmd tool_cmd_rollback = {
    .name = "rollback",
    .args = "ROLE...",
    .summary = "swap current and previous",
    .doc = "A scheduled next stays scheduled. Refused without a valid previous. Works\n"
           "without the token.",
    .flags = TOOL_CHANGES | TOOL_ASKS,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
