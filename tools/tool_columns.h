/* SPDX-License-Identifier: Apache-2.0 */
/* How wide text is on a terminal, how wide the terminal is, and lines of tables that follow it. Where standard output is no
 * terminal nothing is cut or broken: who reads it wants all. Text in such lines is made plain (cr_text.h). */
#ifndef TOOL_COLUMNS_H
#define TOOL_COLUMNS_H

#include <stdint.h>

#include "common/cr_bytes.h"

#define TOOL_COLUMNS_DEFAULT 80
#define TOOL_COLUMNS_WHOLE   SIZE_MAX

/* Of standard output: COLUMNS, else the terminal's (40 to 400 both), else TOOL_COLUMNS_WHOLE. */
size_t tool_columns(void);
/* How many bytes of @text fit into @room columns; *used are the columns they take. A character is never cut. */
size_t tool_columns_fit(const char *text, size_t room, size_t *used);

/* Appends a line: @indent blanks, @label, and @text, which is cut with "..." to fit. */
cr_status tool_columns_line(struct cr_buf *out, size_t columns, size_t indent, const char *label, const char *text,
                            struct cr_err *err);
/* The same with @text broken at blanks and behind ';' instead, for what must be read to its end; what goes on stands below where
 * it began, or indented by four if that is far to the right. */
cr_status tool_columns_wrap(struct cr_buf *out, size_t columns, size_t indent, const char *label, const char *text,
                            struct cr_err *err);
/* The @n @cells of a row with two blanks between them; one that does not fit any more (and all behind it) goes on below,
 * indented by @hang. Empty cells are left out. */
cr_status tool_columns_row(struct cr_buf *out, size_t columns, size_t indent, size_t hang, const char *const *cells,
                           size_t n, struct cr_err *err);

#endif
