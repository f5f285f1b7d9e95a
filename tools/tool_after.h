/* SPDX-License-Identifier: Apache-2.0 */
/* What follows a change: files made from the records are written again, then the roles' on-change commands run. */
#ifndef TOOL_AFTER_H
#define TOOL_AFTER_H

#include "tool.h"

/* Writes again what differs among the remembered files: all of them, or those of @role (not NULL). Mode and owner of each
 * stay. One that fails is warned about; *failed counts them. */
cr_status tool_outputs_refresh(struct tool *tool, const char *role, size_t *failed, struct cr_err *err);

/* For the roles that tool->changes names, once each: their files if the role has an on-change command, then that command.
 * The lock is given back first. Failures are warnings: the change itself is done. */
void tool_after_changes(struct tool *tool);

/* Persists what is due in every role. Takes the lock; the history says who found it due. */
cr_status tool_settle_all(struct tool *tool, struct cr_err *err);

#endif
