/* SPDX-License-Identifier: Apache-2.0 */
/* ready-after-fork: a child makes the tokens that were ready in its parent ready again, and finds the keys it holds, while
 * fork() runs in it; so before the program can change its root directory or user there. Where the parent had one thread
 * alone: a child of several threads may find locks of other libraries held by threads that it has not got, and mostly
 * goes on to exec(3). What fails is left to the first use. */
#ifndef TOK_FORK_H
#define TOK_FORK_H

#include "tok_member.h"

/* A host that configures such a token; it keeps its objects in a list from then on. */
void tok_fork_list(struct tok_local *loc);
void tok_fork_unlist(struct tok_local *loc);

/* For the busy owner, after the module's file was loaded. */
void tok_fork_loaded(struct tok_module *mod);

/* By the atfork prepare handler, which holds the registry's lock. */
void tok_fork_prepare(bool may);

/* A token and the keys of it that @loc holds, referenced (tok_local.c). For a thread that may outlive its caller. */
struct tok_held;
cr_status tok_held_new(struct tok_local *loc, struct tok_member *m, struct tok_held **out, struct cr_err *err);
cr_status tok_held_revive(void *held, struct cr_err *err); /* what can be; says what failed first */
void tok_held_free(void *held);

#endif
