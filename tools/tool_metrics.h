/* SPDX-License-Identifier: Apache-2.0 */
/* All roles as Prometheus' text format, version 0.0.4. */
#ifndef TOOL_METRICS_H
#define TOOL_METRICS_H

#include "tool.h"

/* Appends. Roles that cannot be read are counted in a metric, not an error. */
cr_status tool_metrics(struct tool *tool, struct cr_buf *out, struct cr_err *err);

#endif
