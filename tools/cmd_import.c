/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "import.h"
#include "tool_cert.h"

#define KID_MAX 127

static const struct tool_option options[] = {
    {"passin", OPT_PASSIN, "ARG", "passphrase: pass:TEXT, env:VAR, file:PATH,\nfd:N or stdin; else a prompt"},
    {"effective-date", OPT_DATE, "WHEN", "schedule a roll: RFC 3339 with a zone, or\n+90s, +36h, +30d"},
    {"at", OPT_DATE, "WHEN", "the same"},
    {"use", OPT_USE, "token|tls", "what a new role is for"},
    {"kid", OPT_KID, "TEXT", "the certificate's own key id"},
    {"token", OPT_TOKEN, "NAME", "which configured token gets the key"},
    {"thumbprint", OPT_THUMBPRINT, "T", "only if FILE holds this certificate"},
    {"exportable", OPT_EXPORTABLE, NULL, "the key may leave the token again (export --pfx)"},
    {NULL, 0, NULL, NULL},
};

static cr_status kid_check(const char *kid, struct cr_err *err)
{
    size_t n = kid ? strlen(kid) : 1;

    if (!n || n > KID_MAX)
        return cr_fail(err, CR_E_USAGE, "--kid wants 1 to %d bytes", KID_MAX);
    for (const char *p = kid; p && *p; p++)
        if (*p < 0x21 || *p > 0x7e)
            return cr_fail(err, CR_E_USAGE, "--kid wants printable ASCII without spaces");
    return cr_ok();
}

static cr_status options_read(struct tool *tool, struct import *im, struct cr_err *err)
{
    const char *date = tool_opt(tool, OPT_DATE), *use = tool_opt(tool, OPT_USE);
    cr_status st;

    im->roles = tool->args + 1;
    im->nroles = (size_t)tool->nargs - 1;
    im->kid = tool_opt(tool, OPT_KID);
    im->verb = "import";
    im->exportable = tool_opt(tool, OPT_EXPORTABLE) != NULL;
    im->intent.verb = date ? ROLE_ROLL : ROLE_ASSIGN;
    if (date && cr_failed(st = tool_when(tool, date, &im->intent.effective, err)))
        return st;
    im->intent.has_use = use != NULL;
    if (use && cr_failed(role_use_parse(use, &im->intent.use, err)))
        return cr_fail(err, CR_E_USAGE, "--use wants token or tls, not '%s'", use);
    return kid_check(im->kid, err);
}

/* What was looked at before, in another run: a file can be another one by now. */
static cr_status certificate_expected(struct tool *tool, const struct import *im, struct cr_err *err)
{
    const char *text = tool_opt(tool, OPT_THUMBPRINT);
    char hex[65];
    cr_status st;

    if (!text)
        return cr_ok();
    if (cr_failed(st = tool_thumbprint_clean(text, hex, err)) ||
        tool_thumbprint_match(hex, im->facts.thumbprint, im->facts.sha1))
        return st;
    return cr_fail(err, CR_E_CHANGED, "nothing is changed: %s holds certificate %.16s, not %.16s", tool->args[0],
                   im->facts.thumbprint, hex);
}

/* Roles are the command line's, or those of the request that the file answers. */
static cr_status options_fit(struct tool *tool, const struct import *im, struct cr_err *err)
{
    bool wants = im->intent.verb == ROLE_ROLL || tool_opt(tool, OPT_USE) || tool->if_generation_set;

    if (!im->bundle.has_key && tool_opt(tool, OPT_EXPORTABLE))
        return cr_fail(err, CR_E_USAGE, "import: --exportable is of a private key, and the file holds none");
    if (im->nroles || !wants)
        return cr_ok();
    return cr_fail(err, CR_E_USAGE, "import: --effective-date, --use and --if-generation want a role");
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct import im = {0};
    cr_status st;

    if (!cr_failed(st = options_read(tool, &im, err)) && !cr_failed(st = import_read(tool, tool->args[0], &im, err)) &&
        !cr_failed(st = certificate_expected(tool, &im, err)) && !cr_failed(st = import_request(tool, &im, err)) &&
        !cr_failed(st = options_fit(tool, &im, err)))
        st = import_carry_out(tool, &im, err);
    import_clear(&im);
    return st;
}

const struct tool_cmd tool_cmd_import = {
    .name = "import",
    .args = "FILE [ROLE...]",
    .summary = "import a certificate, and assign it to roles",
    .doc = "FILE (- is standard input) is PKCS#12, PEM with key and chain, or certificates\n"
           "alone, whose private key then stands on a configured token. With roles the\n"
           "certificate becomes current at once, or at the effective date; without roles it\n"
           "goes to those of the request it answers, or else is ready to be assigned.",
    .flags = TOOL_CHANGES | TOOL_ASKS,
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
