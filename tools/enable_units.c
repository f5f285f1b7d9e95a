/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "enable.h"
#include "unit_dropin.h"

cr_status enable_usage(const struct tool *tool, struct cr_err *err)
{
    const char *name = tool->cmd->name;
    bool system = tool_opt(tool, OPT_SYSTEM) != NULL;

    if (system == (tool->nargs > 0))
        return cr_fail(err, CR_E_USAGE, "%s: name services, or give --system, not both", name);
    if (!tool->dry_run && geteuid())
        return cr_fail(err, CR_E_REFUSED, "only root can %s it; --dry-run shows what would change", name);
    return cr_ok();
}

cr_status enable_lock(struct tool *tool, bool on, struct cr_err *err)
{
    const struct conf *conf;
    cr_status st;

    if (tool->dry_run)
        return cr_ok();
    if (cr_failed(st = tool_conf(tool, &conf, err)))
        return on ? st : cr_ok();
    return tool_lock(tool, err);
}

cr_status enable_note(struct tool *tool, const char *what, const char *overridden, struct cr_err *err)
{
    if (tool->conf)
        return tool_history(tool, tool->cmd->name, NULL, NULL, NULL, what, overridden, err);
    tool_warn("%s stands in no history: no certroll.conf says where it is", what);
    return cr_ok();
}

/* openssl.cnf stands beside certroll.conf, as init writes it. */
static cr_status wanted_text(struct tool *tool, struct cr_buf *out, struct cr_err *err)
{
    const struct conf *conf;
    struct cr_buf cnf = {0};
    cr_status st = tool_conf(tool, &conf, err);

    if (cr_failed(st))
        return st;
    if (cr_failed(st = cr_buf_printf(&cnf, err, "%.*s/openssl.cnf", (int)(strrchr(conf->path, '/') - conf->path),
                                     conf->path)))
        goto out;
    if (access((const char *)cnf.p, R_OK))
        st = cr_fail(err, CR_E_REFUSED, "there is no %s: 'certroll init' writes one", (const char *)cnf.p);
    else if (conf->group && !getgrnam(conf->group))
        st =
            cr_fail(err, CR_E_REFUSED, "there is no group %s, and a service that names it does not start", conf->group);
    else
        st = unit_dropin_text((const char *)cnf.p, conf->group, out, err);
out:
    cr_buf_clear(&cnf);
    return st;
}

static cr_status units_read(struct tool *tool, bool on, struct unit_dropin *units, struct cr_err *err)
{
    cr_status st = cr_ok();

    for (int i = 0; i < tool->nargs && !cr_failed(st); i++) {
        st = unit_dropin_read(tool->args[i], &units[i], err);
        if (cr_failed(st) || !on || *units[i].file)
            continue;
        if (!tool->force)
            st = cr_fail(err, CR_E_REFUSED, "there is no unit file of %s; --force writes its drop-in all the same",
                         units[i].unit);
        else
            tool_warn("there is no unit file of %s", units[i].unit);
    }
    return st;
}

static cr_status unit_change(struct tool *tool, const struct unit_dropin *unit, bool on, struct cr_bytes text,
                             struct cr_err *err)
{
    const char *overridden = on && !*unit->file ? "there is no unit file" : NULL;
    cr_status st;

    if (tool->dry_run)
        return cr_ok();
    st = on ? unit_dropin_put(unit, text, err) : unit_dropin_remove(unit, err);
    return cr_failed(st) ? st : enable_note(tool, unit->unit, overridden, err);
}

/* nginx, Apache and HAProxy start as root and take on their user themselves, and its groups with it. */
static void group_say(struct tool *tool, const struct unit_dropin *unit)
{
    if (tool->conf->group && *unit->file && !unit->own_user)
        tool_say(tool, "  it starts as root: if it changes its user itself, 'usermod -aG %s USER' too",
                 tool->conf->group);
}

static void unit_report(struct tool *tool, const struct unit_dropin *unit, bool on, bool changed)
{
    json_t *result = tool_result(tool), *rows = json_object_get(result, "units");
    const char *verb = on ? tool->dry_run ? "would write" : "wrote" : tool->dry_run ? "would remove" : "removed";

    if (!rows) {
        json_object_set_new(result, "units", json_array());
        rows = json_object_get(result, "units");
    }
    json_array_append_new(rows, json_pack("{s:s, s:s, s:b, s:b}", "unit", unit->unit, "path", unit->path, "changed",
                                          changed, "enabled", on && (changed || unit->now.n)));
    if (!changed) {
        tool_say(tool, "%s: already so", unit->unit);
        return;
    }
    tool_result_changed(tool);
    tool_say(tool, "%s: %s %s", unit->unit, verb, unit->path);
    if (on)
        group_say(tool, unit);
}

/* A dry run shows the text before and after; a change says what makes it act. */
static cr_status end_say(struct tool *tool, const struct unit_dropin *units, bool on, struct cr_bytes text,
                         struct cr_err *err)
{
    bool done = false;
    cr_status st = cr_ok();

    if (tool->dry_run) {
        for (int i = 0; i < tool->nargs; i++)
            tool_say(tool, "before: %s\n%s", units[i].path,
                     units[i].now.n ? (const char *)units[i].now.p : "(no file)\n");
        tool_say(tool, "after:\n%s", on ? (const char *)text.p : "(no file)");
        return st;
    }
    st = unit_reload(&done, err);
    json_object_set_new(tool_result(tool), "daemon_reload", json_boolean(done));
    tool_say(tool, "next  %ssystemctl restart%s", done ? "" : "systemctl daemon-reload && ",
             tool->nargs > 1 ? ":" : "");
    for (int i = 0; i < tool->nargs; i++)
        tool_say(tool, "      %s", units[i].unit);
    return st;
}

cr_status enable_units(struct tool *tool, bool on, struct cr_err *err)
{
    struct unit_dropin *units = calloc((size_t)tool->nargs, sizeof(*units));
    struct cr_buf text = {0};
    bool any = false;
    cr_status st;

    if (!units)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if ((on && cr_failed(st = wanted_text(tool, &text, err))) || cr_failed(st = enable_lock(tool, on, err)) ||
        cr_failed(st = units_read(tool, on, units, err)))
        goto out;
    for (int i = 0; i < tool->nargs && !cr_failed(st); i++) {
        bool changed = on ? !cr_bytes_equal(cr_buf_bytes(&text), cr_buf_bytes(&units[i].now)) : units[i].now.n > 0;
        for (int j = 0; j < i; j++) /* named twice */
            changed = changed && strcmp(units[i].unit, units[j].unit) != 0;
        if (changed && cr_failed(st = unit_change(tool, &units[i], on, cr_buf_bytes(&text), err)))
            break;
        any = any || changed;
        unit_report(tool, &units[i], on, changed);
    }
    if (!cr_failed(st) && any)
        st = end_say(tool, units, on, cr_buf_bytes(&text), err);
out:
    for (int i = 0; i < tool->nargs; i++)
        unit_dropin_clear(&units[i]);
    free(units);
    cr_buf_clear(&text);
    return st;
}
