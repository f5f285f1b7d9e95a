/* SPDX-License-Identifier: Apache-2.0 */
/* The gate every C_ call passes: a per-module in-flight count, no lock held. fork() closes all gates (pthread_atfork) and
 * waits at most 100 ms for calls to end, so that a child inherits no module's mutex in a locked state; parent and child
 * reopen them. The child raises the process epoch, forgets sessions and initializes again before its first call. */
#ifndef TOK_GATE_H
#define TOK_GATE_H

#include "tok_module.h"

/* Comes in, waiting for a closed gate and, where the module is serialized, for the ticket. Fails with CR_E_BUSY after
 * @wait_ms, with CR_E_TOKEN when the process is exiting or this thread is inside a call already (a module that uses
 * libcrypto, which asks us: it would wait for itself). */
cr_status tok_gate_enter(struct tok_module *mod, unsigned wait_ms, struct cr_err *err);
void tok_gate_leave(struct tok_module *mod);

/* For the busy owner: keeps everybody else out and waits for those inside; then may call itself, until it reopens. */
cr_status tok_gate_close(struct tok_module *mod, unsigned wait_ms, struct cr_err *err);
void tok_gate_open(struct tok_module *mod);
/* Between close and open, around each call of the owner. */
cr_status tok_gate_enter_owner(struct tok_module *mod, unsigned wait_ms, struct cr_err *err);

bool tok_gate_exiting(void);
/* Grows in each forked child. What was begun under another one is void. */
uint64_t tok_gate_process(void);
/* Registers the handlers, once; called with the first module. */
void tok_gate_install(void);

/* SIGPIPE kept from the host during one outer operation: a dying p11-kit server raises it in its client. */
struct tok_sigpipe {
    bool masked;
};
void tok_sigpipe_block(struct tok_sigpipe *s);
void tok_sigpipe_restore(struct tok_sigpipe *s); /* errno is kept */

#endif
