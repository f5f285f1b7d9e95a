/* SPDX-License-Identifier: Apache-2.0 */
#include "history_list.h"
#include "report.h"

enum { OPT_HTML = 1, OPT_PROBE };

static cr_status compose(struct tool *tool, struct check *check, struct cr_buf *page, struct cr_err *err)
{
    struct report report = {.now = tool->now,
                            .host = tool_who(tool)->host,
                            .conf_path = conf_path(tool->conf_path),
                            .version = CERTROLL_VERSION,
                            .check = check,
                            .probed = tool_opt(tool, OPT_PROBE) != NULL};
    json_t *entries = NULL;
    cr_status st = cr_ok();

    if (check->conf)
        st = history_list(tool, INT64_MIN, &entries, &report.nbad, err);
    report.entries = entries;
    if (!cr_failed(st))
        st = report_page(&report, page, err);
    json_decref(entries);
    return st;
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct check check = {.tool = tool, .warning = CHECK_SOON, .critical = CHECK_NOW};
    const char *path = tool_opt(tool, OPT_HTML);
    struct cr_buf page = {0};
    cr_status st;

    if (!path)
        return cr_fail(err, CR_E_USAGE, "report: --html FILE says where to; - is standard output");
    if (!cr_failed(st = check_look(&check, tool_opt(tool, OPT_PROBE) != NULL, err)) &&
        !cr_failed(st = compose(tool, &check, &page, err)))
        st = tool_output(path, 0644, cr_buf_bytes(&page), err);
    cr_buf_clear(&page);
    check_clear(&check);
    return st;
}

static const struct tool_option options[] = {
    {"html", OPT_HTML, "FILE", "the page, replaced atomically; - is stdout"},
    {"probe", OPT_PROBE, NULL, "sign with every assigned key, as check does"},
    {0},
};

const struct tool_cmd tool_cmd_report = {
    .name = "report",
    .args = "[ROLE...] --html FILE",
    .summary = "write one page: roles on a time axis, findings, history",
    .doc = "A self-contained HTML page for people: what signs today and what will, what\n"
           "check finds, who changed what. Needs neither the token (but for --probe) nor\n"
           "write access to the state.",
    .options = options,
    .max_args = -1,
    .run = run,
};
