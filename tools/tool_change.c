/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_change.h"

#include <stdlib.h>
#include <string.h>

#include "tool_confirm.h"

static const char *const verbs[] = {
    [ROLE_ASSIGN] = "assign",     [ROLE_ROLL] = "roll",         [ROLE_ROLL_NOW] = "roll --now",
    [ROLE_CANCEL] = "cancel",     [ROLE_ROLLBACK] = "rollback", [ROLE_UNASSIGN] = "unassign",
    [ROLE_REVOKE] = "revoke",     [ROLE_SETTLE] = "settle",     [ROLE_CHAIN] = "chain",
    [ROLE_LOCATION] = "location", [ROLE_POLICY] = "policy",
};

const char *tool_verb_text(enum role_verb verb)
{
    return verbs[verb];
}

static cr_status revoked_load(struct tool *tool, struct tool_intent *out, struct cr_err *err)
{
    struct store *store;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)) ||
        cr_failed(st = store_revocations(store, &out->revoked, &out->nrevoked, err)))
        return st;
    if (!(out->spkis = calloc(out->nrevoked ? out->nrevoked : 1, sizeof(*out->spkis))))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < out->nrevoked; i++)
        out->spkis[i] = cr_bytes_str(out->revoked[i].spki);
    out->intent.revoked_spkis = out->spkis;
    out->intent.nrevoked_spkis = out->nrevoked;
    return cr_ok();
}

cr_status tool_intent_fill(struct tool *tool, const struct role_intent *intent, struct tool_intent *out,
                           struct cr_err *err)
{
    struct tool_intent in = {.intent = *intent};
    const struct conf *conf;
    cr_status st;

    if (cr_failed(st = tool_conf(tool, &conf, err)))
        return st;
    in.intent.who = tool_who(tool)->text;
    in.intent.force = tool->force;
    in.intent.if_generation_set = tool->if_generation_set;
    in.intent.if_generation = tool->if_generation;
    in.intent.policy = (struct role_policy){
        .retain_previous = conf->retain_previous,
        .minimum_lead = conf->minimum_lead,
        .token_lifetime = conf->token_lifetime,
        .max_rsa_bits = conf->max_rsa_bits,
    };
    if (cr_failed(st = role_kid_format_parse(conf->kid_format, &in.intent.policy.kid_format, err)) ||
        cr_failed(st = revoked_load(tool, &in, err)))
        tool_intent_clear(&in);
    else
        *out = in;
    return st;
}

void tool_intent_clear(struct tool_intent *intent)
{
    store_revocations_free(&intent->revoked, intent->nrevoked);
    free(intent->spkis);
    *intent = (struct tool_intent){0};
}

void tool_plan_clear(struct tool_plan *plan)
{
    role_record_unref(&plan->before);
    role_record_unref(&plan->after);
}

static cr_status record_load(struct store *store, const char *role, struct role_record **out, struct cr_err *err)
{
    char other[ROLE_NAME_MAX + 1];
    struct cr_stamp stamp;
    cr_status st;

    if (cr_failed(role_name_check(role, err)))
        return cr_fail(err, CR_E_USAGE, "%s", strdupa(err->text));
    st = store_load(store, role, out, &stamp, err);
    if (st.code != CR_E_NOT_FOUND)
        return st;
    if (store_case_clash(store, role, other))
        return cr_fail(
            err, CR_E_REFUSED,
            "role %s differs from the existing role %s only in case: use that name, or one that differs more", role,
            other);
    return cr_ok();
}

cr_status tool_plan_make(struct tool *tool, const char *role, const struct tool_intent *intent, struct tool_plan *out,
                         struct cr_err *err)
{
    struct tool_plan plan = {0};
    struct store *store;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)) || cr_failed(st = record_load(store, role, &plan.before, err)))
        return st;
    st = role_change(role, plan.before, &intent->intent, tool->now, &plan.after, &plan.outcome, err);
    if (st.code == CR_E_NOT_FOUND && !plan.before)
        st = cr_fail(err, st.code, "%s: 'certroll show' lists the roles", strdupa(err->text));
    if (cr_failed(st))
        tool_plan_clear(&plan);
    else
        *out = plan;
    return st;
}

void tool_changed_note(struct tool *tool, const struct role_record *rec, const char *verb)
{
    struct tool_changed *more = realloc(tool->changes, (tool->nchanges + 1) * sizeof(*more)), *c;

    if (!more)
        return;
    tool->changes = more;
    c = &more[tool->nchanges++];
    memcpy(c->role, rec->name, sizeof(c->role));
    c->verb = verb;
    c->generation = rec->generation;
}

cr_status tool_plan_store(struct tool *tool, const char *role, const struct tool_plan *plan, enum role_verb verb,
                          const char *note, struct cr_err *err)
{
    struct cr_err why;
    struct store *store;
    cr_status st, told;

    if (!plan->outcome.changed || tool->dry_run)
        return cr_ok();
    if (cr_failed(st = tool_store(tool, &store, err)))
        return st;
    told =
        tool_history(tool, tool_verb_text(verb), role, plan->before, plan->after, note, plan->outcome.overridden, &why);
    if (cr_failed(told) && verb != ROLE_REVOKE)
        return cr_fail(err, told.code, "nothing is changed, since the history cannot tell of it: %s", why.text);
    if (cr_failed(st = store_save(store, plan->after, plan->before ? plan->before->generation : 0, err))) {
        tool_history_undone(tool);
        return st;
    }
    tool_changed_note(tool, plan->after, tool_verb_text(verb));
    return cr_failed(told) ? cr_fail(err, told.code, "it is changed, but the history does not tell of it: %s", why.text)
                           : st;
}

static cr_status roles_check(char *const *roles, size_t n, struct cr_err *err)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            if (!strcmp(roles[i], roles[k]))
                return cr_fail(err, CR_E_USAGE, "role %s is named twice: name it once", roles[i]);
    return cr_ok();
}

/* A certificate that enters a slot by this verb, as against one that stands there already. */
static bool enters(enum role_verb verb)
{
    return verb == ROLE_ASSIGN || verb == ROLE_ROLL || verb == ROLE_ROLL_NOW || verb == ROLE_REVOKE;
}

static cr_status plans_make(struct tool *tool, char *const *roles, size_t n, const struct role_intent *intent,
                            struct tool_plan *plans, struct cr_err *err)
{
    struct tool_intent filled = {0};
    cr_status st;

    if (cr_failed(st = roles_check(roles, n, err)))
        return st;
    if (intent->cert && enters(intent->verb) && cr_failed(st = tool_cert_policy(tool, intent->cert, err)))
        return st;
    if (cr_failed(st = tool_intent_fill(tool, intent, &filled, err)))
        return st;
    for (size_t i = 0; i < n && !cr_failed(st); i++)
        if (!cr_failed(st = tool_plan_make(tool, roles[i], &filled, &plans[i], err)))
            st = tool_shown_plan(tool, roles[i], &plans[i], err);
    tool_intent_clear(&filled);
    return st;
}

static void plans_free(struct tool_plan *plans, size_t n)
{
    for (size_t i = 0; plans && i < n; i++)
        tool_plan_clear(&plans[i]);
    free(plans);
}

static cr_status cert_remember(struct tool *tool, const struct role_cert *cert, struct cr_err *err)
{
    struct role_cert *known = NULL;
    struct store *store;
    cr_status st;

    if (!cert || tool->dry_run)
        return cr_ok();
    if (cr_failed(st = tool_store(tool, &store, err)))
        return st;
    st = store_cert_load(store, cert->thumbprint, &known, err);
    role_cert_unref(&known);
    return st.code == CR_E_NOT_FOUND ? store_cert_save(store, cert, err) : st;
}

cr_status tool_change_check(struct tool *tool, char *const *roles, size_t n, const struct role_intent *intent,
                            struct cr_err *err)
{
    struct tool_plan *plans = calloc(n ? n : 1, sizeof(*plans));
    cr_status st;

    if (!plans)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    st = plans_make(tool, roles, n, intent, plans, err);
    plans_free(plans, n);
    return st;
}

cr_status tool_change_roles(struct tool *tool, char *const *roles, size_t n, const struct role_intent *intent,
                            const char *note, struct cr_err *err)
{
    struct tool_plan *plans = calloc(n ? n : 1, sizeof(*plans));
    cr_status st;

    if (!plans)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (cr_failed(st = tool_lock(tool, err)) || cr_failed(st = plans_make(tool, roles, n, intent, plans, err)) ||
        cr_failed(st = cert_remember(tool, intent->cert, err)))
        goto out;
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        st = tool_plan_store(tool, roles[i], &plans[i], intent->verb, note, err);
        if (!cr_failed(st))
            st = tool_report_role(tool, roles[i], &plans[i], err);
        else if (i)
            st = cr_prefix(err, st, "role %s (the roles named before it are changed)", roles[i]);
    }
out:
    plans_free(plans, n);
    return st;
}
