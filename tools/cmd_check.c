/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "tool_checked.h"

enum { OPT_WARNING = 1, OPT_CRITICAL, OPT_AS_USER, OPT_CNF };

void check_add(struct check *check, enum check_level level, const char *id, const char *about, const char *remedy,
               const char *fmt, ...)
{
    struct check_finding *more = realloc(check->findings, (check->n + 1) * sizeof(*more)), *f;
    va_list ap;

    if (!more)
        return;
    check->findings = more;
    f = &more[check->n++];
    *f = (struct check_finding){.level = level, .id = id};
    snprintf(f->about, sizeof(f->about), "%s", about);
    snprintf(f->remedy, sizeof(f->remedy), "%s", remedy ? remedy : "");
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof(f->text), fmt, ap);
    va_end(ap);
}

/* Critical before unknown, as monitoring plugins have it. */
static enum check_level worst(const struct check *check, size_t counts[4])
{
    for (size_t i = 0; i < check->n; i++)
        counts[check->findings[i].level]++;
    return counts[CHECK_CRITICAL]  ? CHECK_CRITICAL
           : counts[CHECK_UNKNOWN] ? CHECK_UNKNOWN
           : counts[CHECK_WARNING] ? CHECK_WARNING
                                   : CHECK_OK;
}

static void finding_say(const struct check_finding *f)
{
    static const char *const marks[] = {"ok      ", "WARNING ", "CRITICAL", "UNKNOWN "};

    printf("%s  %s: %s\n", marks[f->level], f->about, f->text);
    if (*f->remedy)
        printf("          %s\n", f->remedy);
}

static void report_say(const struct check *check, enum check_level level, const size_t counts[4])
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

    printf("CERTROLL %s - %zu role%s, %zu critical, %zu unknown, %zu warning%s\n", words[level], check->nroles,
           check->nroles == 1 ? "" : "s", counts[CHECK_CRITICAL], counts[CHECK_UNKNOWN], counts[CHECK_WARNING],
           counts[CHECK_WARNING] == 1 ? "" : "s");
    for (int l = CHECK_UNKNOWN; l >= CHECK_OK; l--) {
        /* the order of worst(): critical, unknown, warning, ok */
        enum check_level now = l == CHECK_UNKNOWN    ? CHECK_CRITICAL
                               : l == CHECK_CRITICAL ? CHECK_UNKNOWN
                                                     : (enum check_level)l;
        for (size_t i = 0; i < check->n; i++)
            if (check->findings[i].level == now)
                finding_say(&check->findings[i]);
    }
}

static cr_status report_json(const struct check *check, enum check_level level, struct cr_err *err)
{
    json_t *list = json_array();

    for (size_t i = 0; i < check->n; i++) {
        const struct check_finding *f = &check->findings[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s, s:s?}", "level", tool_check_levels[f->level], "id", f->id,
                                        "about", f->about, "text", f->text, "remedy", *f->remedy ? f->remedy : NULL));
    }
    return tool_print_json(json_pack("{s:s, s:I, s:s?, s:s?, s:o}", "level", tool_check_levels[level], "roles",
                                     (json_int_t)check->nroles, "openssl_conf", check->cnf, "as_user", check->as_user,
                                     "findings", list),
                           err);
}

static cr_status report(struct check *check, struct cr_err *err)
{
    size_t counts[4] = {0};
    enum check_level level = worst(check, counts);
    cr_status st = cr_ok();

    if (check->tool->json)
        st = report_json(check, level, err);
    else
        report_say(check, level, counts);
    check->tool->exit_code = (int)level;
    if (!cr_failed(st) && check->conf && !check->tool->nargs) {
        struct tool_checked checked = {.when = check->tool->now, .level = (int)level};
        struct cr_err why;

        memcpy(checked.counts, counts, sizeof(checked.counts));
        if (cr_failed(tool_checked_save(check->tool, &checked, &why)))
            tool_warn("'metrics' will not know of this check: %s", why.text);
    }
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
