/* SPDX-License-Identifier: Apache-2.0 */
/* SoftHSM makes folders of mode 0700 and files of mode 0600 whatever the parent's: after every write the tools open them
 * to the group, and prove it by signing as a member. Found by experiment with SoftHSM 2.6.1: reading is enough to sign,
 * but a process whose C_Login could not write to token.object never sees a key made later. So token.object and token.lock
 * are writable by the group and nothing else is: members cannot change or delete keys. */
#ifndef TOOL_SOFTHSM_H
#define TOOL_SOFTHSM_H

#include "tool.h"

/* Opens the token directories of every configured SoftHSM (known by SOFTHSM2_CONF in its environment) to the configured
 * group: folders 2750, files 0640 but token.object and token.lock
 * 0660. Nothing to do without a group. */
cr_status tool_softhsm_open(struct tool *tool, struct cr_err *err);

/* The value of directories.tokendir in a softhsm2.conf; the caller frees *out. @instead (may be NULL) is the text that will stand
 * in @path where there is no such file yet. */
cr_status tool_softhsm_tokendir(const char *path, const char *instead, char **out, struct cr_err *err);

#endif
