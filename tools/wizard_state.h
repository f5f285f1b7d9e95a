/* SPDX-License-Identifier: Apache-2.0 */
/* One run of `certroll wizard`: the answers, what they are about, the terminal. */
#ifndef WIZARD_STATE_H
#define WIZARD_STATE_H

#include "roles/role_request.h"
#include "tool_role.h"
#include "wizard_ui.h"

struct wizard_state {
    struct tool *tool;
    struct wizard w;
    struct wizard_ui ui;
    struct wizard_line line;
    int64_t now; /* as of the last answer: people take their time */
    bool asks;   /* a token wants its PIN typed */
    struct tool_role *roles;
    size_t nroles;
    char **names;                /* borrowed from roles */
    struct role_request request; /* import: the one that the file answers; no roles: none */
    struct role_cert **certs;    /* by expiry, the latest first */
    size_t ncerts;
    struct cr_buf preview; /* what the summary shows */
    struct cr_buf result;  /* what the last page shows */
    struct cr_buf said;    /* for standard output, at the end */
};

/* Roles and certificates, afresh. */
cr_status wizard_state_read(struct wizard_state *s, struct cr_err *err);
void wizard_state_clear(struct wizard_state *s);
/* The role that the answers name, or NULL if it is none yet. */
const struct tool_role *wizard_state_role(const struct wizard_state *s);

/* The page of the step where the answers stand. */
enum wizard_event wizard_screen(struct wizard_state *s);
/* A refusal, until it was read. */
enum wizard_event wizard_screen_refused(struct wizard_state *s, const char *sentence);

/* ---- what answers lead to (wizard_act.c) ---- */

/* Is the file what it should be? Sets encrypted where a passphrase is missing. */
cr_status wizard_act_file(struct wizard_state *s, struct cr_err *err);
/* Runs the command with --dry-run, bound to the generation that it shows; fills preview. Its refusal is the failure. */
cr_status wizard_act_preview(struct wizard_state *s, struct cr_err *err);
/* Runs the command that the preview was of; fills result and said. */
cr_status wizard_act_carry_out(struct wizard_state *s, struct cr_err *err);

#endif
