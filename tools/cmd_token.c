/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "token_cmd.h"

static const struct {
    const char *name;
    bool takes_token;
    cr_status (*run)(struct tool *tool, size_t only, struct cr_err *err);
} verbs[] = {
    {"list", false, token_list},
    {"info", true, token_info},
    {"check", true, token_check},
};

static cr_status token_named(struct tool *tool, const char *name, size_t *out, struct cr_err *err)
{
    const struct conf *conf;
    cr_status st = tool_conf(tool, &conf, err);

    if (cr_failed(st))
        return st;
    for (size_t i = 0; i < conf->ntokens; i++) {
        if (!strcmp(conf->tokens[i].name, name)) {
            *out = i;
            return st;
        }
    }
    return cr_fail(err, CR_E_USAGE, "%s configures no token '%s'", conf->path, name);
}

const struct tok_slot_desc *token_selected(const struct tok_module_desc *desc, size_t *n)
{
    const struct tok_slot_desc *hit = NULL;

    *n = 0;
    for (size_t i = 0; i < desc->nslots; i++) {
        if (desc->slots[i].selected) {
            hit = &desc->slots[i];
            ++*n;
        }
    }
    return *n == 1 ? hit : NULL;
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    size_t only = SIZE_MAX;
    cr_status st;

    for (size_t i = 0; i < CR_COUNT(verbs); i++) {
        if (strcmp(tool->args[0], verbs[i].name))
            continue;
        if (tool->nargs > 1 && !verbs[i].takes_token)
            return cr_fail(err, CR_E_USAGE, "token %s takes no argument", verbs[i].name);
        if (tool->nargs > 1 && cr_failed(st = token_named(tool, tool->args[1], &only, err)))
            return st;
        return verbs[i].run(tool, only, err);
    }
    return cr_fail(err, CR_E_USAGE, "token: '%s' is not list, info or check", tool->args[0]);
}

const struct tool_cmd tool_cmd_token = {
    .name = "token",
    .args = "list|info|check [NAME]",
    .summary = "look at the tokens and prove the assigned keys",
    .doc = "list: the configured tokens, and every token slot of their modules.\n"
           "info: a token's module, flags, PIN state, sessions and mechanisms.\n"
           "check: logs in and signs once with every assigned key.\n"
           "NAME is a configured token; without it: all. list and info do not log in.",
    .flags = TOOL_JSON,
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
