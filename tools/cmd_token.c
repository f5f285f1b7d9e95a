/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "token_cmd.h"

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
    return cr_fail(err, CR_E_USAGE, "%s configures no token '%s': 'certroll token list' lists them", conf->path, name);
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

/* NAME is the operand of every verb that has one. */
static cr_status run(struct tool *tool, cr_status (*verb)(struct tool *tool, size_t only, struct cr_err *err),
                     struct cr_err *err)
{
    size_t only = SIZE_MAX;
    cr_status st;

    if (tool->nargs && cr_failed(st = token_named(tool, tool->args[0], &only, err)))
        return st;
    return verb(tool, only, err);
}

static cr_status list_run(struct tool *tool, struct cr_err *err)
{
    return run(tool, token_list, err);
}

static cr_status info_run(struct tool *tool, struct cr_err *err)
{
    return run(tool, token_info, err);
}

static cr_status check_run(struct tool *tool, struct cr_err *err)
{
    return run(tool, token_check, err);
}

static cr_status relink_run(struct tool *tool, struct cr_err *err)
{
    return run(tool, token_relink, err);
}

static const struct tool_cmd verbs[] = {
    {
        .name = "token list",
        .args = "",
        .summary = "the configured tokens, and every token slot of their modules",
        .flags = TOOL_JSON,
        .run = list_run,
    },
    {
        .name = "token info",
        .args = "[NAME]",
        .summary = "a token's module, flags, PIN state, sessions and mechanisms",
        .flags = TOOL_JSON,
        .max_args = 1,
        .run = info_run,
    },
    {
        .name = "token check",
        .args = "[NAME]",
        .summary = "log in, and sign once with every assigned key",
        .flags = TOOL_JSON,
        .max_args = 1,
        .run = check_run,
    },
    {
        .name = "token relink",
        .args = "[NAME]",
        .summary = "find the keys after a token was replaced, and correct the records",
        .doc = "Keys are found by public key, whatever their id and label, and proven by a\n"
               "signature. A location stays where the key still signs, or where its token was\n"
               "not looked at; the others give way to what was found. A key that stands twice\n"
               "on one token is refused by name; keys on no token are listed.",
        .flags = TOOL_HAS_DRY_RUN | TOOL_ASKS,
        .max_args = 1,
        .run = relink_run,
    },
    {0},
};

const struct tool_cmd tool_cmd_token = {
    .name = "token",
    .args = "list|info|check|relink [NAME]",
    .summary = "look at the tokens, prove the assigned keys, find moved ones",
    .doc = "list: the configured tokens, and every token slot of their modules.\n"
           "info: a token's module, flags, PIN state, sessions and mechanisms.\n"
           "check: logs in and signs once with every assigned key.\n"
           "relink: after a token was replaced, finds the keys by public key and corrects\n"
           "their locations in the records; all options but --json are of relink.\n"
           "NAME is a configured token; without it: all. list and info do not log in.",
    .flags = TOOL_JSON | TOOL_HAS_DRY_RUN | TOOL_ASKS,
    .verbs = verbs,
    .min_args = 1,
    .max_args = 2,
};
