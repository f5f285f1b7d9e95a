/* SPDX-License-Identifier: Apache-2.0 */
/* One JWT signed as a server signs it: by the installed provider, in a child process. */
#ifndef TOKEN_MINT_H
#define TOKEN_MINT_H

#include "tool_jwt.h"
#include "tool_role.h"

struct token_mint {
    const struct tool_role *role;
    enum role_slot slot;
    const char *alg; /* or NULL */
    const json_t *claims;
    const char *conf_path, *cnf;
};

/* Loads the role's key by URI, reads from the signature's context which certificate answers, and signs the token with its
 * kid and thumbprints. CR_E_REFUSED with the provider's own reason, CR_E_TOKEN when there is no answer in time. Replaces
 * @token. */
cr_status token_mint(const struct token_mint *mint, struct cr_buf *token, struct cr_err *err);

#endif
