/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_pick.h"

static cr_status intent_fill(struct tool *tool, struct role_intent *intent, struct cr_err *err)
{
    const char *when = tool_opt(tool, TOOL_OPT_AT);
    bool now = tool_opt(tool, TOOL_OPT_NOW);
    cr_status st;

    if (!when == !now)
        return cr_fail(err, CR_E_USAGE, "roll: give either --effective-date WHEN or --now");
    intent->verb = now ? ROLE_ROLL_NOW : ROLE_ROLL;
    if (when && cr_failed(st = tool_when(tool, when, &intent->effective, err)))
        return st;
    return tool_pick_use(tool, intent, err);
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct role_intent intent = {0};
    struct role_cert *cert = NULL;
    cr_status st;

    if (cr_failed(st = intent_fill(tool, &intent, err)) || cr_failed(st = tool_pick_cert(tool, &cert, err)))
        goto out;
    if (!cert && intent.verb == ROLE_ROLL) {
        st = cr_fail(err, CR_E_USAGE, "roll: name the certificate by --thumbprint or --from");
        goto out;
    }
    intent.cert = cert;
    st = tool_pick_change(tool, &intent, err);
out:
    role_cert_unref(&cert);
    return st;
}

static const struct tool_option options[] = {
    {"effective-date", TOOL_OPT_AT, "WHEN", "when it takes over: RFC 3339 with a zone, or +36h"},
    {"at", TOOL_OPT_AT, "WHEN", "short for --effective-date"},
    {"now", TOOL_OPT_NOW, NULL, "at once; without a certificate, the scheduled next"},
    {"thumbprint", TOOL_OPT_THUMBPRINT, "T", "the certificate: SHA-256 or SHA-1, or 8\ndigits and more"},
    {"from", TOOL_OPT_FROM, "ROLE[:SLOT]", "the certificate that this role holds now"},
    {"use", TOOL_OPT_USE, "token|tls", "what a new role is for"},
    {0},
};

const struct tool_cmd tool_cmd_roll = {
    .name = "roll",
    .args = "ROLE...",
    .summary = "schedule a certificate to take over, or bring it forward",
    .doc = "The certificate becomes next at once, so that 'jwks' publishes it, and\n"
           "current at the effective date, by itself, in every process on this server.\n"
           "What was current becomes previous and goes on verifying. In a token role the\n"
           "date lies at least minimum-lead ahead, so that verifiers fetch the key first.",
    .flags = TOOL_CHANGES | TOOL_ASKS,
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
