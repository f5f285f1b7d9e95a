/* SPDX-License-Identifier: Apache-2.0 */
#include "enable.h"

static cr_status run(struct tool *tool, struct cr_err *err)
{
    cr_status st = enable_usage(tool, err);

    if (cr_failed(st))
        return st;
    return tool_opt(tool, OPT_SYSTEM) ? enable_system(tool, true, err) : enable_units(tool, true, err);
}

static const struct tool_option options[] = {
    {"system", OPT_SYSTEM, NULL, "every program: a block in the system's openssl.cnf"},
    {0},
};

const struct tool_cmd tool_cmd_enable = {
    .name = "enable",
    .args = "UNIT... | --system",
    .summary = "give certroll to a systemd service",
    .doc = "Writes UNIT.d/certroll.conf: OPENSSL_CONF and the group that may sign; services\n"
           "that are not named never load certroll. Restart the service then. --system\n"
           "gives it to every program instead, which few want: 'certroll disable --system'\n"
           "restores the file of before.",
    .flags = TOOL_HAS_DRY_RUN,
    .options = options,
    .max_args = -1,
    .run = run,
};
