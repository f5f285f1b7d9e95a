/* SPDX-License-Identifier: Apache-2.0 */
#include "enable.h"

static cr_status run(struct tool *tool, struct cr_err *err)
{
    cr_status st = enable_usage(tool, err);

    if (cr_failed(st))
        return st;
    return tool_opt(tool, OPT_SYSTEM) ? enable_system(tool, false, err) : enable_units(tool, false, err);
}

static const struct tool_option options[] = {
    {"system", OPT_SYSTEM, NULL, "the block in the system's openssl.cnf"},
    {0},
};

const struct tool_cmd tool_cmd_disable = {
    .name = "disable",
    .args = "UNIT... | --system",
    .summary = "take certroll from a systemd service",
    .doc = "Removes what 'certroll enable' wrote, and nothing else. Restart the service\n"
           "then.",
    .flags = TOOL_HAS_DRY_RUN,
    .options = options,
    .max_args = -1,
    .run = run,
};
