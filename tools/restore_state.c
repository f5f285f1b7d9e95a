/* SPDX-License-Identifier: Apache-2.0 */
#include "restore.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "roles/role_restore.h"
#include "tool_confirm.h"
#include "tool_progress.h"

/* ---- what becomes of it: nothing is written yet ---- */

/* @store NULL: there is none. */
static cr_status plan_make(struct restoring *r, struct store *store, size_t i, struct cr_err *err)
{
    const struct role_record *saved = r->recs[i];
    struct tool_plan *plan = &r->plans[i];
    struct cr_stamp stamp;
    cr_status st = store ? store_load(store, saved->name, &plan->before, &stamp, err) : cr_ok();

    if (cr_failed(st) && st.code != CR_E_NOT_FOUND)
        return st;
    st = role_record_restore(plan->before, saved, r->tool->now, tool_who(r->tool)->text, &plan->after,
                             &plan->outcome.changed, err);
    return cr_failed(st) ? st : tool_shown_plan(r->tool, saved->name, plan, err);
}

static cr_status plans_make(struct restoring *r, struct store *store, struct cr_err *err)
{
    cr_status st = cr_ok();

    if (!(r->plans = calloc(r->nrecs + 1, sizeof(*r->plans))))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < r->nrecs && !cr_failed(st); i++)
        st = plan_make(r, store, i, err);
    return st;
}

/* The revocations that the backup has and this server does not, as pending, so that every role loses the keys, those that
 * the backup does not have as well. */
static cr_status revocations_new(struct restoring *r, struct store *store, struct store_revocation **out, size_t *n,
                                 struct cr_err *err)
{
    const char *text = json_string_value(json_object_get(r->files, "revoked.json"));
    struct store_revocation *known = NULL;
    size_t nknown = 0, kept = 0;
    cr_status st = cr_ok();

    if (!text || cr_failed(st = store_revocations_read(cr_bytes_str(text), out, n, err)) ||
        cr_failed(st = store_revocations(store, &known, &nknown, err)))
        return st;
    for (size_t i = 0; i < *n; i++) {
        struct store_revocation rev = (*out)[i];
        bool there = false;

        for (size_t k = 0; k < nknown; k++)
            there |= !strcmp(known[k].spki, rev.spki);
        if (there) {
            free(rev.reason);
            continue;
        }
        rev.done = false;
        rev.replace[0] = '\0';
        (*out)[kept++] = rev;
    }
    *n = kept;
    store_revocations_free(&known, nknown);
    return st;
}

/* Each role that would lose a key was shown. One that cannot be read loses nothing, which is reported when it is tried. */
static cr_status holders_check(struct tool *tool, struct store *store, const struct store_revocation *revs, size_t n,
                               struct cr_err *err)
{
    char **names = NULL;
    size_t nnames = 0;
    cr_status st = n ? store_roles(store, &names, &nnames, err) : cr_ok();

    for (size_t i = 0; i < nnames && !cr_failed(st); i++) {
        struct role_record *rec = NULL;
        struct cr_stamp stamp;
        if (cr_failed(store_load(store, names[i], &rec, &stamp, NULL)))
            continue;
        for (size_t k = 0; k < n && !cr_failed(st); k++)
            if (tool_record_holds(rec, revs[k].spki))
                st = tool_shown_role(tool, names[i], err);
        role_record_unref(&rec);
    }
    store_names_free(&names, nnames);
    return st;
}

/* ---- writing ---- */

/* A dry run says which roles are emptied, also ones that the backup does not have. */
static cr_status revocations_restore(struct restoring *r, struct store *store, const struct store_revocation *revs,
                                     size_t n, struct cr_err *err)
{
    cr_status st = cr_ok();

    for (size_t i = 0; i < n && !cr_failed(st); i++)
        st = r->tool->dry_run ? tool_revocation_apply(r->tool, &revs[i], err)
                              : store_revocation_save(store, &revs[i], err);
    return st;
}

static cr_status certs_restore(struct restoring *r, struct store *store, struct cr_err *err)
{
    cr_status st = cr_ok();

    for (size_t i = 0; i < r->ncerts && !cr_failed(st); i++) {
        struct role_cert *known = NULL;

        st = store_cert_load(store, r->certs[i]->thumbprint, &known, err);
        role_cert_unref(&known);
        if (st.code == CR_E_NOT_FOUND)
            st = r->tool->dry_run ? cr_ok() : store_cert_save(store, r->certs[i], err);
    }
    return st;
}

/* The line goes first. Killed in between, the next restore does it and leaves one more; the other way round it would find
 * the role as the backup has it and leave none. */
static cr_status role_save(struct restoring *r, struct store *store, const struct tool_plan *plan, const char *note,
                           struct cr_err *err)
{
    const char *name = plan->after->name;
    cr_status st = tool_history(r->tool, "restore", name, plan->before, plan->after, note, NULL, err);

    if (cr_failed(st))
        return st;
    st = store_save(store, plan->after, plan->before ? plan->before->generation : 0, err);
    if (cr_failed(st))
        tool_history_undone(r->tool);
    else
        tool_changed_note(r->tool, plan->after, "restore");
    return st;
}

static cr_status role_restore(struct restoring *r, struct store *store, const struct tool_plan *plan, const char *note,
                              struct cr_err *err)
{
    cr_status st = plan->outcome.changed && !r->tool->dry_run ? role_save(r, store, plan, note, err) : cr_ok();

    return cr_failed(st) ? st : tool_report_role(r->tool, plan->after->name, plan, err);
}

/* A history that is here goes on; on a machine without one the backup's does. */
static cr_status history_restore(struct restoring *r, struct store *store, struct cr_err *err)
{
    const char *text = json_string_value(json_object_get(r->files, "history.jsonl"));
    struct stat sb;

    if (!text || r->tool->dry_run || !fstatat(store_dirfd(store), "history.jsonl", &sb, AT_SYMLINK_NOFOLLOW))
        return cr_ok();
    return cr_file_replace(store_dirfd(store), "history.jsonl", 0644, (gid_t)-1, cr_bytes_str(text), err);
}

static cr_status outputs_restore(struct restoring *r, struct store *store, struct cr_err *err)
{
    const char *text = json_string_value(json_object_get(r->files, "outputs.json"));
    struct store_output *list = NULL;
    size_t n = 0;
    cr_status st = text ? store_outputs_read(cr_bytes_str(text), &list, &n, err) : cr_ok();

    for (size_t i = 0; i < n && !cr_failed(st) && !r->tool->dry_run; i++)
        if (!access(list[i].path, F_OK))
            st = store_output_save(store, &list[i], err);
    store_outputs_free(&list, n);
    return st;
}

/* The line goes first, as with a role's, and after history_restore, which would else find a history that is here. */
static cr_status token_save(struct restoring *r, struct cr_err *err)
{
    cr_status st = tool_history(r->tool, "restore", NULL, NULL, NULL, "the token's files", NULL, err);

    if (!cr_failed(st) && cr_failed(st = restore_token(r, err)))
        cr_ignore(tool_history(r->tool, "restore", NULL, NULL, NULL, TOOL_NOT_DONE, NULL, NULL));
    return st;
}

static cr_status all_restore(struct restoring *r, struct store *store, const struct store_revocation *revs, size_t n,
                             struct cr_err *err)
{
    const char *when = json_string_value(json_object_get(r->root, "when"));
    const char *host = json_string_value(json_object_get(r->root, "host"));
    char note[400];
    cr_status st;

    snprintf(note, sizeof(note), "backup of %.40s on %.255s", when ? when : "?", host ? host : "?");
    if (cr_failed(st = history_restore(r, store, err)) || (r->with_token && cr_failed(st = token_save(r, err))) ||
        cr_failed(st = revocations_restore(r, store, revs, n, err)) || cr_failed(st = certs_restore(r, store, err)))
        return st;
    for (size_t i = 0; i < r->nrecs && !cr_failed(st); i++)
        if (cr_failed(st = role_restore(r, store, &r->plans[i], note, err)))
            st = cr_prefix(err, st, "%zu of %zu roles are restored", i, r->nrecs);
    if (!cr_failed(st) && !cr_failed(st = outputs_restore(r, store, err)) && !r->tool->dry_run)
        st = tool_revocations_finish(r->tool, err);
    return st;
}

cr_status restore_state(struct restoring *r, struct cr_err *err)
{
    struct store_revocation *revs = NULL;
    struct store *store;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = tool_store(r->tool, &store, err)) || cr_failed(st = tool_lock(r->tool, err)))
        return st;
    tool_progress_begin("bringing back %zu roles and %zu certificates", r->nrecs, r->ncerts);
    if (!cr_failed(st = plans_make(r, store, err)) && !cr_failed(st = revocations_new(r, store, &revs, &n, err)) &&
        !cr_failed(st = holders_check(r->tool, store, revs, n, err)) &&
        (!r->with_token || !cr_failed(st = restore_token_check(r, err))))
        st = all_restore(r, store, revs, n, err);
    tool_progress_end();
    store_revocations_free(&revs, n);
    return st;
}

cr_status restore_show(struct restoring *r, struct cr_err *err)
{
    cr_status st = plans_make(r, NULL, err);

    for (size_t i = 0; i < r->nrecs && !cr_failed(st); i++)
        st = tool_report_role(r->tool, r->recs[i]->name, &r->plans[i], err);
    if (r->with_token && !cr_failed(st) && !cr_failed(st = restore_token_check(r, err)))
        st = restore_token(r, err);
    return st;
}
