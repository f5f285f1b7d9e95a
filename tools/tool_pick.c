/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_pick.h"

#include <stdlib.h>
#include <string.h>

#include "tool_change.h"
#include "tool_role.h"
#include "tool_token.h"

cr_status tool_pick_from(struct tool *tool, const char *text, struct role_cert **out, struct cr_err *err)
{
    const char *colon = strchr(text, ':');
    enum role_slot slot = ROLE_CURRENT;
    struct tool_role role = {0};
    struct role_cert *cert;
    struct cr_err why;
    char *name = NULL;
    cr_status st;

    if (colon && cr_failed(role_slot_parse(colon + 1, &slot, &why)))
        return cr_fail(err, CR_E_USAGE, "--from %s: %s", text, why.text);
    if (!(name = strndup(text, colon ? (size_t)(colon - text) : strlen(text))))
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    if (!cr_failed(st = tool_role_read(tool, name, &role, err)) &&
        !cr_failed(st = tool_role_slot(&role, slot, &cert, err)))
        *out = role_cert_ref(cert);
    tool_role_clear(&role);
    free(name);
    return st;
}

cr_status tool_pick_cert(struct tool *tool, struct role_cert **out, struct cr_err *err)
{
    const char *thumbprint = tool_opt(tool, TOOL_OPT_THUMBPRINT), *from = tool_opt(tool, TOOL_OPT_FROM);

    if (thumbprint && from)
        return cr_fail(err, CR_E_USAGE, "%s: --thumbprint and --from both name a certificate", tool->cmd->name);
    if (thumbprint)
        return tool_cert_find(tool, thumbprint, true, out, err);
    return from ? tool_pick_from(tool, from, out, err) : cr_ok();
}

cr_status tool_pick_use(struct tool *tool, struct role_intent *intent, struct cr_err *err)
{
    const char *text = tool_opt(tool, TOOL_OPT_USE);
    struct cr_err why;

    if (!text)
        return cr_ok();
    intent->has_use = true;
    if (cr_failed(role_use_parse(text, &intent->use, &why)))
        return cr_fail(err, CR_E_USAGE, "--use: %s", why.text);
    return cr_ok();
}

cr_status tool_pick_prove(struct tool *tool, const struct role_cert *cert, struct cr_err *err)
{
    struct cert_facts facts = {0};
    struct tok_local *tokens;
    struct cr_err why;
    cr_status st;

    if (!cert->nlocations)
        return cr_fail(err, CR_E_NOT_FOUND,
                       "certificate %.16s: it is not known where its private key is; import it again",
                       cert->thumbprint);
    if (cr_failed(st = cert_facts_read(NULL, cr_buf_bytes(&cert->leaf), &facts, err)))
        goto out;
    if (cr_failed(st = tool_tokens(tool, &tokens, err)))
        goto out;
    for (size_t i = 0; i < cert->nlocations; i++) {
        cr_status one = tool_key_prove(tokens, cert->locations[i], &facts.key, &why);
        if (!cr_failed(one)) {
            st = one;
            break;
        }
        if (!i)
            st = cr_fail(err, one.code, "the private key of certificate %.16s does not sign: %s", cert->thumbprint,
                         why.text);
    }
out:
    cert_facts_clear(&facts);
    return st;
}

/* What is already so needs no token. */
static cr_status changes_any(struct tool *tool, const struct role_intent *intent, bool *any, struct cr_err *err)
{
    struct tool_intent filled = {0};
    cr_status st = tool_intent_fill(tool, intent, &filled, err);

    *any = false;
    for (int i = 0; i < tool->nargs && !cr_failed(st); i++) {
        struct tool_plan plan = {0};
        st = tool_plan_make(tool, tool->args[i], &filled, &plan, err);
        *any |= !cr_failed(st) && plan.outcome.changed;
        tool_plan_clear(&plan);
    }
    tool_intent_clear(&filled);
    return st;
}

cr_status tool_pick_change(struct tool *tool, const struct role_intent *intent, struct cr_err *err)
{
    size_t n = (size_t)tool->nargs;
    bool any = false;
    cr_status st;

    if (intent->cert && (cr_failed(st = tool_change_check(tool, tool->args, n, intent, err)) ||
                         cr_failed(st = changes_any(tool, intent, &any, err))))
        return st;
    if (any && cr_failed(st = tool_pick_prove(tool, intent->cert, err)))
        return st;
    return tool_change_roles(tool, tool->args, n, intent, NULL, err);
}
