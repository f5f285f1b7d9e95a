/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate that assign and roll are given, by --thumbprint or --from, and the proof that its key is there. */
#ifndef TOOL_PICK_H
#define TOOL_PICK_H

#include "tool.h"

/* Keys of the options; the rows of assign and roll use them. */
enum { TOOL_OPT_THUMBPRINT = 1, TOOL_OPT_FROM, TOOL_OPT_USE, TOOL_OPT_AT, TOOL_OPT_NOW };

/* The certificate the options name; *out stays NULL when they name none. The caller owns *out. */
cr_status tool_pick_cert(struct tool *tool, struct role_cert **out, struct cr_err *err);
/* "ROLE" or "ROLE:slot": what that slot holds now. The caller owns *out. */
cr_status tool_pick_from(struct tool *tool, const char *text, struct role_cert **out, struct cr_err *err);
/* --use into @intent, when given. */
cr_status tool_pick_use(struct tool *tool, struct role_intent *intent, struct cr_err *err);

/* Signs a probe with the key of @cert at one of its locations; the first one's failure is reported when none does.
 * CR_E_TOKEN, CR_E_PIN, CR_E_NOT_FOUND, CR_E_AMBIGUOUS, CR_E_INVALID. */
cr_status tool_pick_prove(struct tool *tool, const struct role_cert *cert, struct cr_err *err);

/* tool_change_roles for a certificate that enters a slot: first whether the change would be accepted, then whether the
 * key signs, then the change. The operands are the roles. */
cr_status tool_pick_change(struct tool *tool, const struct role_intent *intent, struct cr_err *err);

#endif
