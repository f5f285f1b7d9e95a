/* SPDX-License-Identifier: Apache-2.0 */
/* op-timeout: a call into a module that may freeze, made by a thread of its own. When time is up the caller goes on with
 * an error and the thread stays with the stuck call until that returns; what it works with is therefore the job's. Off
 * unless a token is configured so. */
#ifndef TOK_JOB_H
#define TOK_JOB_H

#include "common/cr_status.h"

/* Runs @fn(@arg) in another thread, at most @timeout_ms; then CR_E_BUSY. In time, also when it failed, @take(@arg, @to)
 * hands what came out to the caller, in its thread. @drop(@arg) is called once, in whichever thread is the last. */
struct tok_job_work {
    cr_status (*fn)(void *arg, struct cr_err *err);
    void (*take)(void *arg, void *to);
    void (*drop)(void *arg);
    void *arg, *to;
};
cr_status tok_job_run(const struct tok_job_work *work, unsigned timeout_ms, const char *what, struct cr_err *err);

/* Has there been a job in this process? Its thread may take a moment to be gone after the job is done. */
bool tok_job_used(void);

/* Around callbacks into the host, whose arguments live only as long as its call does: fails when the caller has gone. The
 * caller's time does not run meanwhile (somebody may be typing a PIN), and begins anew. Free outside a job. */
cr_status tok_job_host_begin(struct cr_err *err);
void tok_job_host_end(void);

#endif
