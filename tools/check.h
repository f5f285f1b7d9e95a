/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `certroll check`: each looks at one thing and adds findings, with what to do about it. None of them opens
 * a token in this process: keys are tried by a fresh provider in a child (check_probe.c). */
#ifndef CHECK_H
#define CHECK_H

#include "tool_checked.h"
#include "tool_role.h"

enum check_level { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN }; /* the exit codes of monitoring plugins */

struct check_finding {
    enum check_level level;
    const char *id;  /* static: what kind, for programs */
    char about[160]; /* a role, a file, a token */
    char text[512], remedy[320];
};

struct check {
    struct tool *tool;
    const struct conf *conf;
    int64_t warning, critical; /* seconds of validity left */
    const char *as_user;       /* or NULL */
    char *cnf;                 /* openssl.cnf that servers read; owned */
    bool activated;            /* it activates our provider */
    struct tool_role *roles;   /* owned */
    size_t nroles;
    struct check_finding *findings;
    size_t n;
    bool lost; /* a finding, for lack of memory */
};

#define CHECK_SOON ((int64_t)30 * 86400) /* check->warning and critical, unless told otherwise */
#define CHECK_NOW  ((int64_t)7 * 86400)

/* All that is below, of the roles that the command names (all without); @probe: keys too. What cannot be read is a finding; a
 * role that the command names and that is not there is an error. check_clear in any case. */
cr_status check_look(struct check *check, bool probe, struct cr_err *err);
void check_clear(struct check *check);

/* @remedy may be NULL for CHECK_OK. Out of memory: the finding is lost, and the result is unknown at best. */
void check_add(struct check *check, enum check_level level, const char *id, const char *about, const char *remedy,
               const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* openssl.cnf: order, module, our section; the files' owners and modes; PIN files. */
void check_setup(struct check *check);
/* One role's certificates by what its record says: dates, chain, domain, key size, lead time, clock. */
void check_role(struct check *check, const struct tool_role *role);
/* The files that pem and jwks wrote: are they what would be written now? */
void check_outputs(struct check *check);
/* Signs with every assigned key by a fresh provider in a child, as check->as_user if that is set. */
void check_probe(struct check *check);

/* The gravest level, critical before unknown as monitoring plugins have it; @counts (zeroed) get how many there are of each. */
enum check_level check_worst(const struct check *check, size_t counts[TOOL_CHECK_LEVELS]);
/* For people: a line for a monitoring system, then the findings, the gravest first. Appends. */
cr_status check_report_text(const struct check *check, size_t columns, struct cr_buf *out, struct cr_err *err);
/* On stdout. */
cr_status check_report_json(const struct check *check, struct cr_err *err);
/* Each finding but the good ones into the journal, and all of them to the configuration's on-alert command, if any is. */
cr_status check_alert(const struct check *check, struct cr_err *err);

#endif
