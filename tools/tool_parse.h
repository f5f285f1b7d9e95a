/* SPDX-License-Identifier: Apache-2.0 */
/* The command line against the rows: common options, a subcommand's own, operands, --help and --version. */
#ifndef TOOL_PARSE_H
#define TOOL_PARSE_H

#include "tool.h"

/* Fills cmd, options and operands of @tool. *done: --help or --version was answered, nothing is to run. Every mistake is
 * CR_E_USAGE in one sentence. */
cr_status tool_parse(struct tool *tool, int argc, char **argv, bool *done, struct cr_err *err);

/* An option every subcommand with one of @flags takes; @flags 0: every subcommand. */
struct tool_common {
    const char *name, *arg, *help;
    unsigned flags;
    cr_status (*set)(struct tool *tool, const char *arg, struct cr_err *err); /* NULL: --help */
};
extern const struct tool_common tool_commons[];
extern const size_t tool_ncommons;

bool tool_common_applies(const struct tool_common *c, const struct tool_cmd *cmd);

/* --help of the tool (@cmd NULL) or of one subcommand, on stdout, at most 80 columns. */
void tool_help(const struct tool_cmd *cmd);

/* Forgets the subcommand's own options. */
void tool_opts_clear(struct tool *tool);

/* Unlocks and closes what was opened (tool_open.c). */
void tool_close(struct tool *tool);

#endif
