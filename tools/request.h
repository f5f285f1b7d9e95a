/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `certroll request`. */
#ifndef REQUEST_H
#define REQUEST_H

#include "tool.h"

/* --cancel: destroys the key and forgets the request named by @text; with --force also the key of a killed run, which has
 * no request. */
cr_status request_cancel(struct tool *tool, const char *text, struct cr_err *err);

#endif
