/* SPDX-License-Identifier: Apache-2.0 */
/* Roles read for showing and publishing: the record and what it means now. A key that stands in revoked.json is out of the
 * answer even where a killed `revoke` has not reached the record yet. Needs neither lock nor write access nor token. */
#ifndef TOOL_ROLE_H
#define TOOL_ROLE_H

#include "tool.h"

struct tool_role {
    struct role_record *rec;
    struct role_view view; /* borrows from rec */
    bool pending;          /* a revocation concerns it that no command has finished yet */
};

/* The role @name at tool->now. CR_E_NOT_FOUND when there is none. Clear @out with tool_role_clear. */
cr_status tool_role_read(struct tool *tool, const char *name, struct tool_role *out, struct cr_err *err);
void tool_role_clear(struct tool_role *role);

/* Each of @names once, in that order. *roles is the caller's: tool_roles_free. */
cr_status tool_roles_read(struct tool *tool, char *const *names, size_t n, struct tool_role **roles, size_t *nroles,
                          struct cr_err *err);
/* All roles, sorted. One that cannot be read is warned about, left out and counted in *nbad. */
cr_status tool_roles_all(struct tool *tool, struct tool_role **roles, size_t *nroles, size_t *nbad, struct cr_err *err);
void tool_roles_free(struct tool_role **roles, size_t n);

/* The effective slot's entry, borrowed; else CR_E_EMPTY or CR_E_REVOKED in a sentence. */
cr_status tool_role_slot(const struct tool_role *role, enum role_slot slot, struct role_cert **out, struct cr_err *err);

#endif
