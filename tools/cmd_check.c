/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "tool_columns.h"
#include "tool_checked.h"

enum { OPT_WARNING = 1, OPT_CRITICAL, OPT_AS_USER, OPT_CNF, OPT_ALERT };

static cr_status report(struct check *check, struct cr_err *err)
{
    struct tool *tool = check->tool;
    struct tool_checked checked = {.when = tool->now};
    struct cr_err why;
    cr_status st = tool->json ? check_report_json(check, err) : cr_ok();
    struct cr_buf text = {0};

    if (!cr_failed(st) && !tool->json && !cr_failed(st = check_report_text(check, tool_columns(), &text, err)))
        st = tool_output(NULL, 0, cr_buf_bytes(&text), err);
    cr_buf_clear(&text);
    tool->exit_code = checked.level = (int)check_worst(check, checked.counts);
    if (cr_failed(st) || !check->conf)
        return st;
    if (!tool->nargs && cr_failed(tool_checked_save(tool, &checked, &why)))
        tool_warn("'metrics' will not know of this check: %s", why.text);
    if (tool_opt(tool, OPT_ALERT) && cr_failed(check_alert(check, &why)))
        tool_warn("on-alert: %s", why.text);
    return st;
}

static cr_status threshold(const struct tool *tool, int key, int64_t otherwise, int64_t *out, struct cr_err *err)
{
    const char *text = tool_opt(tool, key);
    struct cr_err why;

    *out = otherwise;
    if (text && cr_failed(cr_duration_parse(text, out, &why)))
        return cr_fail(err, CR_E_USAGE, "%s", why.text);
    return cr_ok();
}

static cr_status options_read(struct check *check, struct cr_err *err)
{
    const struct tool *tool = check->tool;
    const char *cnf = tool_opt(tool, OPT_CNF);
    cr_status st;

    if (cr_failed(st = threshold(tool, OPT_WARNING, CHECK_SOON, &check->warning, err)) ||
        cr_failed(st = threshold(tool, OPT_CRITICAL, CHECK_NOW, &check->critical, err)))
        return st;
    if (check->critical > check->warning)
        return cr_fail(err, CR_E_USAGE, "--critical is more than --warning: what is critical would not be a warning");
    check->as_user = tool_opt(tool, OPT_AS_USER);
    return cr_strdup(cnf, &check->cnf, err);
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct check check = {.tool = tool};
    cr_status st;

    if (!cr_failed(st = options_read(&check, err)) && !cr_failed(st = check_look(&check, true, err)))
        st = report(&check, err);
    check_clear(&check);
    return st;
}

static const struct tool_option options[] = {
    {"warning", OPT_WARNING, "TIME", "warn when a certificate has less left than this:\n30d by default"},
    {"critical", OPT_CRITICAL, "TIME", "critical when it has less left:\n7d by default"},
    {"as-user", OPT_AS_USER, "USER", "sign as this user, as a service would; needs root"},
    {"openssl-conf", OPT_CNF, "FILE",
     "the openssl.cnf of the servers; else that of\nOPENSSL_CONF, of certroll init, or of the system"},
    {"alert", OPT_ALERT, NULL, "send what is wrong to the journal, and to on-alert"},
    {0},
};

const struct tool_cmd tool_cmd_check = {
    .name = "check",
    .args = "[ROLE...]",
    .summary = "find what is wrong or soon will be, and say what to do",
    .doc = "Looks at openssl.cnf, owners, modes, certificates, lead times and the clock,\n"
           "and signs with every assigned key by a fresh provider. Exits like a monitoring\n"
           "plugin: 0 ok, 1 warning, 2 critical, 3 unknown.",
    .flags = TOOL_JSON | TOOL_PLUGIN,
    .options = options,
    .max_args = -1,
    .run = run,
};
