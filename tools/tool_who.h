/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs the tool, as far as the machine knows. */
#ifndef TOOL_WHO_H
#define TOOL_WHO_H

#include "tool.h"

/* Never fails: what is not known stays NULL. Clear @out with tool_who_clear. */
void tool_who_read(struct tool_who *out);
void tool_who_clear(struct tool_who *who);

#endif
