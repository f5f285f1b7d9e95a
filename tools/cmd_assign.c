/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_pick.h"

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct role_intent intent = {.verb = ROLE_ASSIGN};
    struct role_cert *cert = NULL;
    cr_status st;

    if (cr_failed(st = tool_pick_use(tool, &intent, err)) || cr_failed(st = tool_pick_cert(tool, &cert, err)))
        goto out;
    if (!cert) {
        st = cr_fail(err, CR_E_USAGE, "assign: name the certificate by --thumbprint or --from");
        goto out;
    }
    intent.cert = cert;
    st = tool_pick_change(tool, &intent, err);
out:
    role_cert_unref(&cert);
    return st;
}

static const struct tool_option options[] = {
    {"thumbprint", TOOL_OPT_THUMBPRINT, "T", "the certificate: SHA-256 or SHA-1, or 8\ndigits and more"},
    {"from", TOOL_OPT_FROM, "ROLE[:SLOT]", "the certificate that this role holds now"},
    {"use", TOOL_OPT_USE, "token|tls", "what a new role is for"},
    {0},
};

const struct tool_cmd tool_cmd_assign = {
    .name = "assign",
    .args = "ROLE...",
    .summary = "make a certificate a role's current one, now",
    .doc = "What was current becomes previous and goes on verifying; a scheduled next\n"
           "stays. The private key signs a probe first, so the token must be there.\n"
           "Verifiers that have not seen the key yet would refuse it: in a token role it\n"
           "is refused here until the key was in 'jwks' for minimum-lead; use roll.",
    .flags = TOOL_CHANGES | TOOL_ASKS,
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
