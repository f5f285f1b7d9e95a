/* SPDX-License-Identifier: Apache-2.0 */
/* Changes by a person at a terminal: the subcommand runs as a dry run, its answer is shown, a question follows, and only then
 * it runs in earnest, bound to what was shown. No lock is held meanwhile; what the preview opened stays open, what it read
 * (a file from a pipe, a passphrase) is kept, so that nobody is asked twice. */
#ifndef TOOL_CONFIRM_H
#define TOOL_CONFIRM_H

#include <stdio.h>

#include "tool_change.h"

/* Runs the subcommand. Asks first when its row says TOOL_ASKS, standard input and standard error are terminals, and none of
 * --yes, --dry-run and --json was given; and only if it would change something. CR_E_REFUSED when the answer is no. */
cr_status tool_run(struct tool *tool, struct cr_err *err);

/* "y" or "yes", in any case, with blanks around. */
bool tool_answer_is_yes(const char *line);

/* ---- what was shown ---- */

/* In place of the thumbprint of a certificate that does not exist while it is shown. */
#define TOOL_SHOWN_UNMADE "(not made yet)"
/* In place of the location of a private key that the token has not made yet. */
#define TOOL_SHOWN_UNPLACED "pkcs11:id=%00;type=private"

/* In a preview: this was shown of the role. */
cr_status tool_shown_note(struct tool *tool, const char *role, const struct tool_plan *plan, struct cr_err *err);
/* Once confirmed, each is CR_E_CHANGED for what was not shown; otherwise they say yes. Under the lock: every role shown still
 * has that generation, and no roll took effect meanwhile. */
cr_status tool_shown_check(struct tool *tool, struct cr_err *err);
/* The plan ends in the certificates that were shown, and where it moves a key, at the locations that were shown. */
cr_status tool_shown_plan(struct tool *tool, const char *role, const struct tool_plan *plan, struct cr_err *err);
cr_status tool_shown_role(struct tool *tool, const char *role, struct cr_err *err);
/* @what, which has no generation, stands and becomes as it was shown; @state is all that was shown of it. */
cr_status tool_shown_state(struct tool *tool, const char *what, struct cr_bytes state, struct cr_err *err);
/* @text names the same certificate as in the preview, where this is noted. */
cr_status tool_shown_cert(struct tool *tool, const char *text, const char *thumbprint, struct cr_err *err);
/* The time that durations count from: that of the preview. */
int64_t tool_shown_now(const struct tool *tool);

/* Appends the input that the preview kept; *kept false: there is none, read it. */
cr_status tool_shown_input(struct tool *tool, struct cr_buf *out, bool *kept, struct cr_err *err);
cr_status tool_shown_input_keep(struct tool *tool, struct cr_bytes input, struct cr_err *err);
/* tool_passphrase, asked once. */
cr_status tool_shown_secret(struct tool *tool, const char *arg, const char *what, struct cr_buf *out,
                            struct cr_err *err);
void tool_shown_free(struct tool *tool); /* wipes */

/* ---- tool_out.c ---- */

/* From now on tool_say, tool_warn and tool_talk write there; NULL: to stdout and stderr again. */
void tool_aside(FILE *to);
/* Warnings that stand in @text (borrowed, NULL: none) are not said again. */
void tool_said(const char *text);
/* On stderr. */
void tool_talk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
