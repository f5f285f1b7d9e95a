/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the history read for people: `certroll history` and `report`. */
#ifndef HISTORY_LIST_H
#define HISTORY_LIST_H

#include "tool.h"

/* The entries since @since of the roles that the command names (all without), oldest first. A line that cannot be read is
 * warned about and counted in *nbad. The caller owns *entries. */
cr_status history_list(struct tool *tool, int64_t since, json_t **entries, size_t *nbad, struct cr_err *err);

/* A string member, "" when it is missing. Borrowed. */
const char *history_member(const json_t *entry, const char *name);
/* "alice, uid 0, by sudo of alice on host1" */
void history_who(const json_t *entry, char *out, size_t size);
/* How @slot ("current") was changed: "none -> 12198d90c091af13". False when it was not. */
bool history_slot(const json_t *entry, const char *slot, char *out, size_t size);
/* Since when @thumbprint is, or last was, the current of @role, by @entries (oldest first; NULL is none): a roll counts from its
 * effective date, not from when that was written down. False when they do not say. */
bool history_current_since(const json_t *entries, const char *role, const char *thumbprint, int64_t *since);

#endif
