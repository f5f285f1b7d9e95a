/* SPDX-License-Identifier: Apache-2.0 */
/* The configured tokens of one host, and which of them a location selects. */
#ifndef TOK_MEMBER_H
#define TOK_MEMBER_H

#include "tok_slot.h"

struct tok_local {
    struct tok_signer base;
    atomic_uint refs; /* the host's, and one of each object */
    struct tok_member *members;
    size_t n;
    unsigned op_timeout_ms; /* the longest of theirs */

    /* Guarded by the registry's lock; where a token is to be ready after a fork (tok_fork.h). */
    bool listed; /* set once */
    struct tok_local *next;
    struct tok_object *objects;
};

cr_status tok_member_init(struct tok_member *m, const struct tok_conf *conf, struct cr_err *err);
void tok_member_clear(struct tok_member *m);
cr_status tok_member_at(struct tok_local *loc, size_t i, struct tok_member **out, struct cr_err *err);
/* Applies the token's environment where it differs. */
cr_status tok_member_env(const struct tok_member *m, struct cr_err *err);
/* As last seen; zeros before the token was first reached. */
bool tok_member_info(struct tok_member *m, CK_TOKEN_INFO *out);
/* Reaches the tokens that @location does not already rule out. */
cr_status tok_member_select(struct tok_local *loc, const char *location, size_t *out, struct cr_err *err);

#endif
