/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of tool_change_roles, for subcommands that must know that a change will be accepted before they touch a
 * token, and for the revocation of a key. */
#ifndef TOOL_CHANGE_H
#define TOOL_CHANGE_H

#include "tool.h"

/* What one role was and becomes. Zero-initialise; clear with tool_plan_clear. */
struct tool_plan {
    struct role_record *before, *after; /* before NULL: a new role */
    struct role_outcome outcome;
};

/* @intent with who, force, if_generation, policy and the revoked keys of this run. Clear with tool_intent_clear. */
struct tool_intent {
    struct role_intent intent;
    struct store_revocation *revoked;
    size_t nrevoked;
    struct cr_bytes *spkis;
};
cr_status tool_intent_fill(struct tool *tool, const struct role_intent *intent, struct tool_intent *out,
                           struct cr_err *err);
void tool_intent_clear(struct tool_intent *intent);

/* The change of one role, nothing saved. */
cr_status tool_plan_make(struct tool *tool, const char *role, const struct tool_intent *intent, struct tool_plan *out,
                         struct cr_err *err);
/* Writes history and saves unless this is a dry run or nothing changed. The line goes first: a kill in between leaves one too
 * many, which tool_history_undone takes back, and never a change without one. Only a revocation is saved though the history
 * cannot be written; that is a failure too. */
cr_status tool_plan_store(struct tool *tool, const char *role, const struct tool_plan *plan, enum role_verb verb,
                          const char *note, struct cr_err *err);
/* A record was saved: on-change runs at the end. @verb is static. Out of memory it does not: the change itself stands. */
void tool_changed_note(struct tool *tool, const struct role_record *rec, const char *verb);
void tool_plan_clear(struct tool_plan *plan);

/* Would tool_change_roles accept? Saves and reports nothing. */
cr_status tool_change_check(struct tool *tool, char *const *roles, size_t n, const struct role_intent *intent,
                            struct cr_err *err);

const char *tool_verb_text(enum role_verb verb);
/* A line of the answer for one role (tool_report.c). */
cr_status tool_report_role(struct tool *tool, const char *role, const struct tool_plan *plan, struct cr_err *err);

#endif
