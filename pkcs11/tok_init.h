/* SPDX-License-Identifier: Apache-2.0 */
/* Making a token out of an uninitialized token slot (C_InitToken, C_InitPIN): for the tools, before any other use of the
 * module in this process. */
#ifndef TOK_INIT_H
#define TOK_INIT_H

#include "tok_local.h"

struct tok_init {
    const char *module; /* path of the PKCS#11 module */
    const struct tok_env *env;
    size_t nenv;
    const char *label; /* at most 32 bytes of UTF-8 */
    struct cr_bytes so_pin, pin;
};

/* Initializes the first token slot whose token is not initialized. A token that has that label already is CR_E_EXISTS,
 * no free token slot CR_E_NOT_FOUND. The module is finalized again. */
cr_status tok_init_token(const struct tok_init *what, struct cr_err *err);

#endif
