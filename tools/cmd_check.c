/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "tool_checked.h"

enum { OPT_WARNING = 1, OPT_CRITICAL, OPT_AS_USER, OPT_CNF, OPT_ALERT };

void check_add(struct check *check, enum check_level level, const char *id, const char *about, const char *remedy,
               const char *fmt, ...)
{
    struct check_finding *more = realloc(check->findings, (check->n + 1) * sizeof(*more)), *f;
    va_list ap;

    if (!more) {
        check->lost = true;
        return;
    }
    check->findings = more;
    f = &more[check->n++];
    *f = (struct check_finding){.level = level, .id = id};
    snprintf(f->about, sizeof(f->about), "%s", about);
    snprintf(f->remedy, sizeof(f->remedy), "%s", remedy ? remedy : "");
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof(f->text), fmt, ap);
    va_end(ap);
}

static cr_status report(struct check *check, struct cr_err *err)
{
    struct tool *tool = check->tool;
    struct tool_checked checked = {.when = tool->now};
    struct cr_err why;
    cr_status st = tool->json ? check_report_json(check, err) : cr_ok();
    struct cr_buf text = {0};

    if (!cr_failed(st) && !tool->json && !cr_failed(st = check_report_text(check, &text, err)))
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

    if (cr_failed(st = threshold(tool, OPT_WARNING, 30 * 86400, &check->warning, err)) ||
        cr_failed(st = threshold(tool, OPT_CRITICAL, 7 * 86400, &check->critical, err)))
        return st;
    if (check->critical > check->warning)
        return cr_fail(err, CR_E_USAGE, "--critical is more than --warning: what is critical would not be a warning");
    check->as_user = tool_opt(tool, OPT_AS_USER);
    return cr_strdup(cnf, &check->cnf, err);
}

/* Without configuration or records there is nothing more to look at. */
static cr_status roles_read(struct check *check, struct tool_role **roles, struct cr_err *err)
{
    struct tool *tool = check->tool;
    size_t nbad = 0;
    struct cr_err why = {0};
    cr_status st = tool_conf(tool, &check->conf, &why);

    if (cr_failed(st)) {
        check_add(check, CHECK_CRITICAL, "configuration", conf_path(tool->conf_path),
                  "see certroll.conf(5); the provider refuses it too", "%s", why.text);
        return st;
    }
    st = tool->nargs ? tool_roles_read(tool, tool->args, (size_t)tool->nargs, roles, &check->nroles, &why)
                     : tool_roles_all(tool, roles, &check->nroles, &nbad, &why);
    if (st.code == CR_E_USAGE || (st.code == CR_E_NOT_FOUND && tool->nargs))
        return cr_fail(err, st.code, "%s", why.text);
    check->roles = *roles;
    if (cr_failed(st))
        check_add(check, CHECK_CRITICAL, "state", check->conf->state_dir,
                  "mend owner and mode, or put it back from a backup", "%s", why.text);
    else if (nbad)
        check_add(check, CHECK_CRITICAL, "record", check->conf->state_dir,
                  "servers go on with the last good record until they restart: put it back from a backup",
                  "%zu record%s cannot be read", nbad, nbad == 1 ? "" : "s");
    return st;
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct check check = {.tool = tool};
    struct tool_role *roles = NULL;
    struct cr_err fatal = {0};
    cr_status st;

    if (cr_failed(st = options_read(&check, err)))
        goto out;
    st = roles_read(&check, &roles, &fatal);
    if (cr_failed(st) && !check.n) {
        *err = fatal;
        goto out;
    }
    if (!cr_failed(st)) {
        check_setup(&check);
        for (size_t i = 0; i < check.nroles; i++)
            check_role(&check, &roles[i]);
        check_outputs(&check);
        check_probe(&check);
    }
    st = report(&check, err);
out:
    tool_roles_free(&roles, check.nroles);
    free(check.findings);
    cr_free_str(&check.cnf);
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
