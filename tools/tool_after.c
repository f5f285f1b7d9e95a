/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_after.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tool_change.h"
#include "tool_command.h"
#include "tool_outputs.h"

#define OUTPUT_MAX   (16 * 1024 * 1024)
#define HOOK_SECONDS 60

/* ---- files ---- */

static cr_status refresh(struct tool *tool, const struct store_output *o, struct cr_err *err)
{
    struct cr_buf want = {0}, have = {0};
    struct stat sb;
    cr_status st = cr_file_read(AT_FDCWD, o->path, OUTPUT_MAX, false, &have, NULL, err);

    if (st.code == CR_E_NOT_FOUND) { /* somebody removed it */
        st = cr_ok();
        goto out;
    }
    if (cr_failed(st) || cr_failed(st = tool_output_compose(tool, o, &want, err)) ||
        cr_bytes_equal(cr_buf_bytes(&want), cr_buf_bytes(&have)))
        goto out;
    if (lstat(o->path, &sb))
        st = cr_fail(err, CR_E_IO, "it went away");
    else
        st = cr_path_replace_as(o->path, &sb, cr_buf_bytes(&want), err);
out:
    cr_buf_clear(&want);
    cr_buf_clear(&have);
    return st;
}

static bool names(const struct store_output *o, const char *role)
{
    for (size_t i = 0; i < o->nroles; i++)
        if (!strcmp(o->roles[i], role))
            return true;
    return false;
}

cr_status tool_outputs_refresh(struct tool *tool, const char *role, size_t *failed, struct cr_err *err)
{
    struct store_output *list = NULL;
    struct store *store;
    struct cr_err why;
    size_t n = 0;
    cr_status st;

    *failed = 0;
    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_outputs(store, &list, &n, err)))
        return st;
    for (size_t i = 0; i < n; i++) {
        if ((role && !names(&list[i], role)) || !cr_failed(refresh(tool, &list[i], &why)))
            continue;
        tool_warn("%s was not written again: %s", list[i].path, why.text);
        ++*failed;
    }
    store_outputs_free(&list, n);
    return st;
}

/* ---- commands ---- */

static void on_change(struct tool *tool, const struct tool_changed *change)
{
    const struct conf_role *role = conf_role_find(tool->conf, change->role);
    char generation[24];
    const struct tool_variable vars[] = {
        {"CERTROLL_ROLE", change->role}, {"CERTROLL_CHANGE", change->verb}, {"CERTROLL_GENERATION", generation}};
    int seconds = role && role->on_change_seconds ? (int)role->on_change_seconds : HOOK_SECONDS;
    size_t failed = 0;
    struct cr_err why;

    if (!role || !role->on_change)
        return;
    snprintf(generation, sizeof(generation), "%" PRIu64, change->generation);
    if (cr_failed(tool_outputs_refresh(tool, change->role, &failed, &why)))
        tool_warn("files of role %s were not written again: %s", change->role, why.text);
    fflush(stdout);
    if (cr_failed(tool_command_run(role->on_change, vars, CR_COUNT(vars), cr_bytes(NULL, 0), seconds, &why)))
        tool_warn("role %s is changed, but on-change: %s", change->role, why.text);
}

void tool_after_changes(struct tool *tool)
{
    if (!tool->nchanges)
        return;
    tool_unlock(tool);
    for (size_t i = 0; i < tool->nchanges; i++) {
        bool again = false;

        for (size_t k = i + 1; k < tool->nchanges; k++)
            again |= !strcmp(tool->changes[i].role, tool->changes[k].role);
        if (!again)
            on_change(tool, &tool->changes[i]);
    }
}

/* ---- settling ---- */

static cr_status settle(struct tool *tool, const char *role, const struct tool_intent *intent, struct cr_err *err)
{
    struct tool_plan plan = {0};
    cr_status st = tool_plan_make(tool, role, intent, &plan, err);

    if (!cr_failed(st))
        st = tool_plan_store(tool, role, &plan, ROLE_SETTLE, NULL, err);
    tool_plan_clear(&plan);
    return st;
}

cr_status tool_settle_all(struct tool *tool, struct cr_err *err)
{
    const struct role_intent intent = {.verb = ROLE_SETTLE};
    struct tool_intent filled = {0};
    struct store *store;
    struct cr_err why;
    char **list = NULL;
    size_t n = 0, bad = 0;
    cr_status st;

    if (cr_failed(st = tool_lock(tool, err)) || cr_failed(st = tool_store(tool, &store, err)) ||
        cr_failed(st = tool_intent_fill(tool, &intent, &filled, err)))
        return st;
    if (!cr_failed(st = store_roles(store, &list, &n, err))) {
        for (size_t i = 0; i < n; i++) {
            if (!cr_failed(settle(tool, list[i], &filled, &why)))
                continue;
            tool_warn("role %s: %s", list[i], why.text);
            bad++;
        }
        if (bad)
            st = cr_fail(err, CR_E_IO, "%zu of %zu roles could not be settled: 'certroll check' says what to do", bad,
                         n);
    }
    store_names_free(&list, n);
    tool_intent_clear(&filled);
    return st;
}
