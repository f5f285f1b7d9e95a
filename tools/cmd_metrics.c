/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_outputs.h"

enum { OPT_OUT = 1 };

static cr_status run(struct tool *tool, struct cr_err *err)
{
    const struct store_output output = {.kind = STORE_OUTPUT_METRICS};
    struct cr_buf text = {0};
    cr_status st = tool_output_compose(tool, &output, &text, err);

    if (!cr_failed(st))
        st = tool_output_write(tool, tool_opt(tool, OPT_OUT), &output, cr_buf_bytes(&text), err);
    cr_buf_clear(&text);
    return st;
}

static const struct tool_option options[] = {
    {"out", OPT_OUT, "FILE", "into this file, replaced atomically; else stdout"},
    {0},
};

const struct tool_cmd tool_cmd_metrics = {
    .name = "metrics",
    .args = "",
    .summary = "print expiry, rolls and the last check for Prometheus",
    .doc = "For node_exporter's textfile collector: --out\n"
           "/var/lib/prometheus/node-exporter/certroll.prom. Needs neither the token nor\n"
           "write access to the state.",
    .options = options,
    .run = run,
};
