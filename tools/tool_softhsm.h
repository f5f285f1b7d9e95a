/* SPDX-License-Identifier: Apache-2.0 */
/* SoftHSM makes folders of mode 0700 and files of mode 0600 whatever the parent's: after every write the tools open them
 * to the group, and prove it by signing as a member. Reading is enough for signing (SoftHSM 2.6.1 falls back to O_RDONLY
 * everywhere), so members get no write: they cannot delete keys. */
#ifndef TOOL_SOFTHSM_H
#define TOOL_SOFTHSM_H

#include "tool.h"

/* Opens the token directories of every configured SoftHSM (known by SOFTHSM2_CONF in its environment) to the configured
 * group: folders 2750, files 0640. Nothing to do without a group. */
cr_status tool_softhsm_open(struct tool *tool, struct cr_err *err);

#endif
