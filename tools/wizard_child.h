/* SPDX-License-Identifier: Apache-2.0 */
/* The command that the wizard made, run as a process of its own: what is printed as the same command is what ran. */
#ifndef WIZARD_CHILD_H
#define WIZARD_CHILD_H

#include "wizard.h"

#define WIZARD_PASS_FD 3 /* where the child finds the passphrase */

struct wizard_child {
    const char *exe;           /* what to execute */
    const struct cr_buf *pass; /* put on WIZARD_PASS_FD with a newline; NULL: nothing is */
    bool asks;                 /* it may ask on the terminal; else it is out of reach of the terminal's keys */
    bool careful;              /* a change: the first signal waits for its end; else the child is ended */
    int signal_fd;             /* readable when we are asked to end; -1: none */
};

struct wizard_result {
    int status;             /* exit status; 128 + signal */
    bool signalled;         /* signal_fd became readable meanwhile */
    struct cr_buf out, err; /* what it said, each at most 64 KiB */
};

/* CR_E_IO when no process could be made; that it failed is no failure of this. Clear @result with wizard_result_clear. */
cr_status wizard_child_run(const struct wizard_child *child, const struct wizard_words *words,
                           struct wizard_result *result, struct cr_err *err);
void wizard_result_clear(struct wizard_result *result);
/* The sentence of a command that failed: its last line on standard error, without the tool's name. Borrowed. */
const char *wizard_result_sentence(struct wizard_result *result);

#endif
