/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of the configuration (on-change, on-alert): by sh -c, with a time limit. */
#ifndef TOOL_COMMAND_H
#define TOOL_COMMAND_H

#include "common/cr_bytes.h"

struct tool_variable {
    const char *name, *value;
};

/* Runs @command with @vars added to the environment and @input on its standard input; what it prints goes to our stderr. It
 * has @seconds, then its process group is killed. CR_E_REFUSED naming how it ended unless it exits with 0. */
cr_status tool_command_run(const char *command, const struct tool_variable *vars, size_t nvars, struct cr_bytes input,
                           int seconds, struct cr_err *err);

#endif
