/* SPDX-License-Identifier: Apache-2.0 */
/* Carrying a revocation through all roles, in the command that was given or in the next one after a crash. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool_change.h"

bool tool_record_holds(const struct role_record *rec, const char *spki)
{
    for (int slot = ROLE_CURRENT; rec && slot <= ROLE_NEXT; slot++) {
        const struct role_cert *cert = role_record_slot(rec, (enum role_slot)slot);
        if (cert && !strcmp(cert->spki, spki))
            return true;
    }
    return false;
}

/* Every role remembers a revoked key, since a process may have pinned it long ago; only those that held it are news. */
static cr_status role_revoke(struct tool *tool, const char *role, const struct tool_intent *intent, const char *note,
                             struct cr_err *err)
{
    struct tool_plan plan = {0};
    cr_status st = tool_plan_make(tool, role, intent, &plan, err);

    if (!cr_failed(st) && plan.outcome.changed)
        st = tool_plan_store(tool, role, &plan, ROLE_REVOKE, note, err);
    if (!cr_failed(st) && plan.outcome.changed &&
        (tool_record_holds(plan.before, intent->intent.spki) || plan.after->current != plan.before->current))
        st = tool_report_role(tool, role, &plan, err);
    tool_plan_clear(&plan);
    return st;
}

/* All roles, also after one failed: the key goes wherever it can be taken from. */
static cr_status roles_revoke(struct tool *tool, const struct tool_intent *intent, const char *note, struct cr_err *err)
{
    struct cr_err one = {0};
    cr_status st, first = cr_ok();
    struct store *store;
    char **names = NULL;
    size_t n = 0;

    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_roles(store, &names, &n, err)))
        return st;
    for (size_t i = 0; i < n; i++) {
        st = role_revoke(tool, names[i], intent, note, &one);
        if (cr_failed(st) && cr_failed(first))
            tool_warn("%s", one.text);
        else if (cr_failed(st))
            first = cr_prefix(err, cr_fail(err, st.code, "%s", one.text), "role %s", names[i]);
    }
    store_names_free(&names, n);
    return first;
}

cr_status tool_revocation_apply(struct tool *tool, const struct store_revocation *rev, struct cr_err *err)
{
    struct role_intent intent = {.verb = ROLE_REVOKE, .spki = rev->spki};
    struct tool_intent filled = {0};
    char note[192];
    cr_status st;

    snprintf(note, sizeof(note), "key of certificate %s%s%s", rev->thumbprint, *rev->replace ? ", replaced by " : "",
             rev->replace);
    if (*rev->replace && cr_failed(st = tool_cert_find(tool, rev->replace, false, &intent.cert, err)))
        return st;
    if (!cr_failed(st = tool_intent_fill(tool, &intent, &filled, err))) {
        filled.intent.if_generation_set = false; /* checked before the first record was changed */
        st = roles_revoke(tool, &filled, note, err);
    }
    tool_intent_clear(&filled);
    role_cert_unref(&intent.cert);
    return st;
}

/* The key must go even where its replacement is refused by now. */
static cr_status pending_apply(struct tool *tool, const struct store_revocation *rev, struct cr_err *err)
{
    struct store_revocation bare = *rev;
    cr_status st = tool_revocation_apply(tool, rev, err);

    if (!cr_failed(st) || !*rev->replace || tool_exit_code(st.code) != TOOL_EXIT_REFUSED)
        return st;
    tool_warn("revocation of key of %.16s goes on without its replacement: %s", rev->thumbprint, err->text);
    bare.replace[0] = '\0';
    return tool_revocation_apply(tool, &bare, err);
}

cr_status tool_revocations_finish(struct tool *tool, struct cr_err *err)
{
    struct store_revocation *list = NULL;
    struct store *store;
    size_t n = 0;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = store_revocations(store, &list, &n, err)))
        return st;
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        if (list[i].done)
            continue;
        if (cr_failed(st = pending_apply(tool, &list[i], err)) || tool->dry_run)
            continue;
        list[i].done = true;
        st = store_revocation_save(store, &list[i], err);
    }
    store_revocations_free(&list, n);
    return st;
}
