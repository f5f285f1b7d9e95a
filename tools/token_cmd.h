/* SPDX-License-Identifier: Apache-2.0 */
/* `certroll token`: its verbs, a row and a file each. They answer in plain lines of at most 80 columns (but for paths, URIs and
 * sentences) or in JSON. */
#ifndef TOKEN_CMD_H
#define TOKEN_CMD_H

#include "tool.h"

/* @only: the configured token to look at, SIZE_MAX for all. */
cr_status token_list(struct tool *tool, size_t only, struct cr_err *err);
cr_status token_info(struct tool *tool, size_t only, struct cr_err *err);
cr_status token_check(struct tool *tool, size_t only, struct cr_err *err);
cr_status token_relink(struct tool *tool, size_t only, struct cr_err *err);

/* The one of @desc that the configured token selects; NULL when there is none or more than one, *n says how many. */
const struct tok_slot_desc *token_selected(const struct tok_module_desc *desc, size_t *n);

#endif
