/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a piece of work in a child process under ptrace, counting its system calls or killing it at one. */
#ifndef STORES_TRACED_H
#define STORES_TRACED_H

#include <stdbool.h>

#define TRACED_MAX 4096

struct traced {
    bool killed;
    int exit_code;       /* when not killed */
    unsigned calls;      /* entered, exit_group among them */
    long nr[TRACED_MAX]; /* their numbers */
};

/* @work returns the child's exit code. At the entry of the @kill_at-th call (from 1; 0: never) the child gets SIGKILL, and
 * the call is not made. Ends the program where ptrace is not allowed. */
void traced_run(int (*work)(void *), void *arg, unsigned kill_at, struct traced *out);
/* May this process trace its children? */
bool traced_allowed(void);

#endif
