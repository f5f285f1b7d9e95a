/* SPDX-License-Identifier: Apache-2.0 */
/* Files made from records (references, bundles, key sets): composed here for the subcommand that writes one, for `check` that
 * compares, and for whoever writes them again. */
#ifndef TOOL_OUTPUTS_H
#define TOOL_OUTPUTS_H

#include "tool_role.h"

/* The text of @output as the records are now; replaces @text. Errors as of the role or slot it needs. */
cr_status tool_output_compose(struct tool *tool, const struct store_output *output, struct cr_buf *text,
                              struct cr_err *err);
/* Writes @text to --out's argument @path (NULL or "-": stdout) and remembers @output under it, as far as this user may write
 * the state directory. @output->path is ignored. */
cr_status tool_output_write(struct tool *tool, const char *path, const struct store_output *output,
                            struct cr_bytes text, struct cr_err *err);
/* The command that writes it: "certroll pem ROLE --bundle --out PATH", cut to @size. */
void tool_output_command(const struct store_output *output, char *out, size_t size);

#endif
