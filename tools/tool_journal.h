/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of the history's hashes in systemd's journal: what history.jsonl alone cannot show, an entry that somebody took
 * out together with all that followed it, shows against them. Where no journal is, nothing is written. */
#ifndef TOOL_JOURNAL_H
#define TOOL_JOURNAL_H

#include "tool.h"

/* One journal entry (MESSAGE_ID TOOL_JOURNAL_ID) with the hash of @entry in the history of @state. */
#define TOOL_JOURNAL_ID "8f1a4c1e5d0b4e6f9a2c7b3d60e8f514"
void tool_journal_send(const char *state, const struct role_history_entry *entry, const char *who, const char hash[65]);

/* A line of its own kind (MESSAGE_ID TOOL_JOURNAL_ALERT_ID): @level 1 is a warning, more is critical. @about is a role or a
 * file. */
#define TOOL_JOURNAL_ALERT_ID "c3d0b6f2a1e84d7f9b5e6a4c2d817f30"
void tool_journal_alert(int level, const char *id, const char *about, const char *text, const char *remedy);

/* The hashes that the readable journals have of the history of @state, oldest first. *readable: false where no journal
 * can be read, and then *n is 0. The caller frees *hashes. */
cr_status tool_journal_hashes(const char *state, char (**hashes)[65], size_t *n, bool *readable, struct cr_err *err);

#endif
