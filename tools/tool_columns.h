/* SPDX-License-Identifier: Apache-2.0 */
/* How wide text is on a terminal, and how wide the terminal is. */
#ifndef TOOL_COLUMNS_H
#define TOOL_COLUMNS_H

#include <stddef.h>

#define TOOL_COLUMNS_DEFAULT 80

/* Of standard output: COLUMNS (80 to 400), else the terminal's, else TOOL_COLUMNS_DEFAULT. */
size_t tool_columns(void);
/* How many bytes of @text fit into @room columns; *used are the columns they take. A character is never cut. */
size_t tool_columns_fit(const char *text, size_t room, size_t *used);

#endif
