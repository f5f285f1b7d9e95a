/* SPDX-License-Identifier: Apache-2.0 */
/* A line on a terminal's stderr while something takes longer than a second: "certroll: making rsa:4096 ... 3 s". Nothing is
 * written where stderr is no terminal, and what was written is gone when it ends. What begins within another one is part of it. tool_say and tool_warn take the line
 * away before they write. */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

/* @fmt: what is being done, for people: "making rsa:4096 on softhsm". */
void tool_progress_begin(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void tool_progress_end(void);
/* Around a question to a person in the middle of it, or another line: nothing is written, and the line is gone. */
void tool_progress_pause(void);
void tool_progress_resume(void);

#endif
