/* SPDX-License-Identifier: Apache-2.0 */
/* `certroll show` for people: one role as text of at most so many columns, and what is wrong or soon will be. Pure. */
#ifndef TOOL_SHOW_TEXT_H
#define TOOL_SHOW_TEXT_H

#include "tool_role.h"

#define TOOL_SHOW_SOON ((int64_t)30 * 86400) /* an expiry this near is warned about */

struct tool_show_warnings {
    char text[6][160];
    unsigned n;
};

/* What an admin should know of @role at @now, the gravest first. */
void tool_show_warn(const struct tool_role *role, int64_t now, struct tool_show_warnings *out);

/* Appends the role in at most @columns (40 and more, or TOOL_COLUMNS_WHOLE): its slots in time order (previous, current, next), then the warnings. */
cr_status tool_show_text(const struct tool_role *role, int64_t now, size_t columns, struct cr_buf *out,
                         struct cr_err *err);

/* Nothing in any slot. */
bool tool_show_empty(const struct tool_role *role);

#endif
