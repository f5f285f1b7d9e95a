/* SPDX-License-Identifier: Apache-2.0 */
/* One `certroll token relink`: every known certificate and pending request, where its key is said to stand and where it was
 * found (relink_find.c), and what is written of that (token_relink.c). */
#ifndef RELINK_H
#define RELINK_H

#include "tool_relink.h"
#include "tool_request.h"
#include "tool_role.h"
#include "tool_token.h"

/* One key that something names. */
struct relink_key {
    struct role_cert *cert;       /* counted, or NULL: of a request */
    struct role_request *request; /* borrowed, or NULL: of a certificate */
    char **old, **after;          /* after: set for TOOL_RELINK_CHANGED */
    size_t nold, nafter;
    struct cr_buf id; /* CKA_ID of the first one found */
    enum tool_relink_state state;
    bool stale;     /* TOOL_RELINK_SAME, but the entry does not say all of it */
    bool elsewhere; /* not all tokens were looked at that may hold it */
    char why[512];  /* for TOOL_RELINK_TWICE */
};

struct relink {
    struct tool *tool;
    const struct conf *conf;
    struct tok_local *tokens;
    size_t only;             /* the token to look at, SIZE_MAX for all */
    struct cr_err *failures; /* one a token; code CR_OK: it was looked at, or not to be */
    size_t nfailed;
    struct tool_inventory inv;
    struct tool_requests requests;
    struct tool_role *roles;
    size_t nroles, nbad;
    struct relink_key *keys;
    size_t nkeys;
};

/* Reads tokens, certificates, requests and roles, and finds every key. CR_E_TOKEN when no token answers. Clear @r with
 * relink_clear, also after a failure. */
cr_status relink_find(struct relink *r, struct cr_err *err);
void relink_clear(struct relink *r);

#endif
