/* SPDX-License-Identifier: Apache-2.0 */
/* What `certroll enable` and `certroll disable` have in common: the services' drop-ins, and the system's openssl.cnf. */
#ifndef ENABLE_H
#define ENABLE_H

#include "tool.h"

enum { OPT_SYSTEM = 1 };

/* Either --system or at least one UNIT, and root unless nothing is written. */
cr_status enable_usage(const struct tool *tool, struct cr_err *err);
/* The writer lock, unless this is a dry run. What is to be taken away can be where no certroll.conf is left. */
cr_status enable_lock(struct tool *tool, bool on, struct cr_err *err);
/* A line of the history; a warning where there is none any more. */
cr_status enable_note(struct tool *tool, const char *what, const char *overridden, struct cr_err *err);

/* Gives certroll to, or takes it from, the units that the operands name: all are looked at before the first changes. */
cr_status enable_units(struct tool *tool, bool on, struct cr_err *err);
/* The same with the system's openssl.cnf. */
cr_status enable_system(struct tool *tool, bool on, struct cr_err *err);

#endif
