/* SPDX-License-Identifier: Apache-2.0 */
/* What the last `certroll check` of all roles found, for whoever asks later: STATE/checked.json. */
#ifndef TOOL_CHECKED_H
#define TOOL_CHECKED_H

#include "tool.h"

#define TOOL_CHECK_LEVELS 4 /* ok, warning, critical, unknown: the exit codes of monitoring plugins */

struct tool_checked {
    int64_t when;
    int level;
    size_t counts[TOOL_CHECK_LEVELS];
};

/* As far as this user may write the state directory; else nothing. */
cr_status tool_checked_save(struct tool *tool, const struct tool_checked *checked, struct cr_err *err);
/* CR_E_NOT_FOUND: none was made. */
cr_status tool_checked_load(struct tool *tool, struct tool_checked *out, struct cr_err *err);

extern const char *const tool_check_levels[TOOL_CHECK_LEVELS];

#endif
