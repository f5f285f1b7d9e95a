/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

const struct tool_cmd *const tool_cmds[] = {
    &tool_cmd_init,    &tool_cmd_import,  &tool_cmd_generate, &tool_cmd_request,    &tool_cmd_export,
    &tool_cmd_assign,  &tool_cmd_roll,    &tool_cmd_cancel,   &tool_cmd_rollback,   &tool_cmd_unassign,
    &tool_cmd_revoke,  &tool_cmd_show,    &tool_cmd_certs,    &tool_cmd_history,    &tool_cmd_check,
    &tool_cmd_report,  &tool_cmd_metrics, &tool_cmd_backup,   &tool_cmd_restore,    &tool_cmd_remove,
    &tool_cmd_pem,     &tool_cmd_jwks,    &tool_cmd_token,    &tool_cmd_token_test, &tool_cmd_enable,
    &tool_cmd_disable, &tool_cmd_wizard,
};
const size_t tool_ncmds = CR_COUNT(tool_cmds);
