/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct role_intent intent = {.verb = ROLE_CANCEL};

    return tool_change_roles(tool, tool->args, (size_t)tool->nargs, &intent, NULL, err);
}

const struct tool_cmd tool_cmd_cancel = {
    .name = "cancel",
    .args = "ROLE...",
    .summary = "drop the scheduled next certificate",
    .doc = "With nothing scheduled it is done already. Refused for a day after it took\n"
           "effect by itself: 'rollback' undoes that. Works without the token.",
    .flags = TOOL_CHANGES | TOOL_ASKS,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
