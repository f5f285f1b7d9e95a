/* SPDX-License-Identifier: Apache-2.0 */
/* Proving that a server's user can sign: a process that is nobody, a member of the configured group, does it.
 * It must not inherit what we read as root (SoftHSM keeps login and objects in memory over a fork), so it is forked before
 * the first token is opened, gives up its rights at once, and waits for the key to try. */
#ifndef TOOL_MEMBER_H
#define TOOL_MEMBER_H

#include "tool.h"

struct tool_member; /* the waiting process */

/* NULL into *out, and success, when there is no group or we are not root. The caller owns *out. */
cr_status tool_member_start(struct conf *conf, struct tool_member **out, struct cr_err *err);
/* Ends the process. NULL is fine. */
void tool_member_stop(struct tool_member **member);

/* Signs with the key at @location as a member of the configured group, once a command. *done false: there is no group,
 * or we are not root, or it was tried before; nothing was tried. */
cr_status tool_member_prove(struct tool *tool, const char *location, const struct tok_key *pub, bool *done,
                            struct cr_err *err);

/* The group's number. CR_E_NOT_FOUND. */
cr_status tool_group_id(const char *name, gid_t *out, struct cr_err *err);

#endif
