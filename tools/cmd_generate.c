/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "import.h"
#include "issue.h"
#include "tool_cert.h"
#include "tool_change.h"
#include "tool_confirm.h"

enum { OPT_DAYS = ISSUE_OWN, OPT_EFFECTIVE };

#define DAYS_MAX 36500
#define EARLIER  300 /* seconds: for peers whose clock is behind */

static const struct tool_option options[] = {
    {"days", OPT_DAYS, "N", "how long it is valid"},
    {"effective-date", OPT_EFFECTIVE, "WHEN", "schedule a roll: RFC 3339 with a zone, or\n+90s, +36h, +30d"},
    ISSUE_OPTIONS,
    {NULL, 0, NULL, NULL},
};

struct generate {
    struct issue issue;
    struct import im;
    int64_t from, until;
};

static cr_status days_read(struct tool *tool, struct generate *g, struct cr_err *err)
{
    const char *text = tool_opt(tool, OPT_DAYS);
    char *end = NULL;
    long days;

    if (!text)
        return cr_fail(err, CR_E_USAGE, "generate: --days is needed");
    days = isdigit((unsigned char)*text) ? strtol(text, &end, 10) : 0;
    if (days < 1 || days > DAYS_MAX || *end)
        return cr_fail(err, CR_E_USAGE, "--days wants 1 to %d, not '%s'", DAYS_MAX, text);
    g->from = tool->now - EARLIER;
    g->until = tool->now + days * 86400;
    return cr_ok();
}

static cr_status options_read(struct tool *tool, struct generate *g, struct cr_err *err)
{
    const char *date = tool_opt(tool, OPT_EFFECTIVE), *use = tool_opt(tool, ISSUE_USE);
    struct import *im = &g->im;
    cr_status st;

    im->roles = tool->args;
    im->nroles = (size_t)tool->nargs;
    im->verb = "generate";
    im->intent.verb = date ? ROLE_ROLL : ROLE_ASSIGN;
    im->intent.has_use = use != NULL;
    if (use && cr_failed(role_use_parse(use, &im->intent.use, err)))
        return cr_fail(err, CR_E_USAGE, "--use wants token or tls, not '%s'", use);
    if (date && cr_failed(st = tool_when(tool, date, &im->intent.effective, err)))
        return st;
    if (cr_failed(st = days_read(tool, g, err)))
        return st;
    return issue_read(tool, tool->args[0], &g->issue, err);
}

/* What roles and policy would say, before the token makes a key. */
static cr_status check(struct tool *tool, const struct generate *g, struct cr_err *err)
{
    struct role_intent intent = g->im.intent;
    struct role_cert *sample = NULL;
    char text[CR_TIME_TEXT];
    cr_status st = issue_sample(&g->issue, g->from, g->until, &sample, err);

    if (cr_failed(st))
        return st;
    intent.cert = sample;
    if (tool->phase == TOOL_PREVIEW) { /* before and after are shown, without a thumbprint that will be another */
        snprintf(sample->thumbprint, sizeof(sample->thumbprint), "%s", TOOL_SHOWN_UNMADE);
        st = tool_change_roles(tool, g->im.roles, g->im.nroles, &intent, NULL, err);
    } else {
        st = tool_change_check(tool, g->im.roles, g->im.nroles, &intent, err);
    }
    if (!cr_failed(st) && tool->dry_run) {
        tool_result_changed(tool);
        tool_say(tool, "would generate  %s  %s  until %s", sample->key, sample->subject,
                 cr_time_text(sample->not_after, text));
        for (size_t i = 0; i < g->im.nroles; i++)
            tool_say(tool, "  and %s it to role %s", intent.verb == ROLE_ROLL ? "schedule" : "assign", g->im.roles[i]);
        json_object_set_new(tool_result(tool), "subject", json_string(sample->subject));
        json_object_set_new(tool_result(tool), "key", json_string(sample->key));
    }
    role_cert_unref(&sample);
    return st;
}

static cr_status carry_out(struct tool *tool, struct generate *g, struct cr_err *err)
{
    char label[ROLE_NAME_MAX + 32];
    cr_status st;

    snprintf(label, sizeof(label), "certroll %s", g->im.roles[0]);
    if (cr_failed(st = issue_key(tool, label, &g->issue, err)))
        return st;
    g->im.location = g->issue.location;
    g->im.key_created = true;
    if (!cr_failed(st = issue_self_signed(tool, &g->issue, g->from, g->until, &g->im.bundle.leaf, err)) &&
        !cr_failed(st = cert_facts_read(NULL, cr_buf_bytes(&g->im.bundle.leaf), &g->im.facts, err)))
        st = import_carry_out(tool, &g->im, err);
    if (cr_failed(st) && !g->im.saved)
        issue_drop(tool, &g->issue, cr_buf_bytes(&g->im.bundle.leaf));
    return st;
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct generate g = {0};
    cr_status st;

    if (cr_failed(st = options_read(tool, &g, err)) || cr_failed(st = tool_lock(tool, err)) ||
        cr_failed(st = check(tool, &g, err)))
        goto out;
    if (!tool->dry_run)
        st = carry_out(tool, &g, err);
out:
    import_clear(&g.im);
    issue_clear(&g.issue);
    return st;
}

const struct tool_cmd tool_cmd_generate = {
    .name = "generate",
    .args = "ROLE...",
    .summary = "make a self-signed certificate, its key inside the token",
    .doc = "For a lab. The key never leaves the token. The certificate becomes current at\n"
           "once, or at the effective date; its subject is the first role's name unless\n"
           "--subject says another.",
    .flags = TOOL_CHANGES | TOOL_ASKS,
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
