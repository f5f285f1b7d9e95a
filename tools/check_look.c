/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

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

/* Without configuration or records there is nothing more to look at. */
static cr_status roles_read(struct check *check, struct cr_err *err)
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
    st = tool->nargs ? tool_roles_read(tool, tool->args, (size_t)tool->nargs, &check->roles, &check->nroles, &why)
                     : tool_roles_all(tool, &check->roles, &check->nroles, &nbad, &why);
    if (st.code == CR_E_USAGE || (st.code == CR_E_NOT_FOUND && tool->nargs))
        return cr_fail(err, st.code, "%s", why.text);
    if (cr_failed(st))
        check_add(check, CHECK_CRITICAL, "state", check->conf->state_dir,
                  "mend owner and mode, or put it back from a backup", "%s", why.text);
    else if (nbad)
        check_add(check, CHECK_CRITICAL, "record", check->conf->state_dir,
                  "servers go on with the last good record until they restart: put it back from a backup",
                  "%zu record%s cannot be read", nbad, nbad == 1 ? "" : "s");
    return st;
}

cr_status check_look(struct check *check, bool probe, struct cr_err *err)
{
    struct cr_err fatal = {0};
    cr_status st = roles_read(check, &fatal);

    if (cr_failed(st) && !check->n) {
        *err = fatal;
        return st;
    }
    if (cr_failed(st))
        return cr_ok();
    check_setup(check);
    for (size_t i = 0; i < check->nroles; i++)
        check_role(check, &check->roles[i]);
    check_outputs(check);
    if (probe)
        check_probe(check);
    return cr_ok();
}

void check_clear(struct check *check)
{
    tool_roles_free(&check->roles, check->nroles);
    free(check->findings);
    cr_free_str(&check->cnf);
}
