/* SPDX-License-Identifier: Apache-2.0 */
/* One `certroll restore`: what the backup has (cmd_restore.c reads it), and what becomes of the state (restore_state.c). */
#ifndef RESTORE_H
#define RESTORE_H

#include "tool_change.h"

struct restoring {
    struct tool *tool;
    json_t *root, *files;      /* of the backup */
    struct role_record **recs; /* all that it has */
    struct role_cert **certs;
    size_t nrecs, ncerts;
    bool with_token;
    struct tool_plan *plans; /* one a record, once they are made */
};

/* State, history and revocations, under the lock; a dry run shows it. Once confirmed, CR_E_CHANGED before anything is
 * written for what was not shown. */
cr_status restore_state(struct restoring *r, struct cr_err *err);
/* CR_E_EXISTS where another token is in the way of the backup's. */
cr_status restore_token_check(struct restoring *r, struct cr_err *err);
/* The token's files; a dry run says where. */
cr_status restore_token(struct restoring *r, struct cr_err *err);
/* The roles as they come where there is no state yet. */
cr_status restore_show(struct restoring *r, struct cr_err *err);

#endif
