/* SPDX-License-Identifier: Apache-2.0 */
/* What the chain of the history is hashed with; tool_history (tool.h) writes it, `certroll history` reads it. */
#ifndef TOOL_HISTORY_H
#define TOOL_HISTORY_H

#include "tool.h"

/* SHA-256 as 64 lower-case hex digits: a role_hash_fn. */
cr_status tool_history_hash(struct cr_bytes in, char out[65], struct cr_err *err);

#endif
