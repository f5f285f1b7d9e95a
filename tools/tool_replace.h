/* SPDX-License-Identifier: Apache-2.0 */
/* A file of the admin's that a command would write over: said in a dry run, asked about at a terminal. */
#ifndef TOOL_REPLACE_H
#define TOOL_REPLACE_H

#include "tool.h"

/* Says so when @path (NULL and "-": standard output) is a file that is there already; was it? */
bool tool_replace_say(struct tool *tool, const char *path);
/* False outside a preview. In the preview of a command that takes nothing else away this is all of it: the question is about the
 * file, and without one nothing is asked. */
bool tool_replace_preview(struct tool *tool, const char *path);

#endif
