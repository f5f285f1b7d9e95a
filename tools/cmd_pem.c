/* SPDX-License-Identifier: Apache-2.0 */
#include "tool_outputs.h"

enum { OPT_SLOT = 1, OPT_BIND, OPT_BUNDLE, OPT_OUT };

static cr_status output_read(struct tool *tool, struct store_output *out, struct cr_err *err)
{
    const char *slot = tool_opt(tool, OPT_SLOT), *bind = tool_opt(tool, OPT_BIND);
    struct cr_err why;

    *out = (struct store_output){
        .kind = tool_opt(tool, OPT_BUNDLE) ? STORE_OUTPUT_BUNDLE : STORE_OUTPUT_REFERENCE,
        .roles = tool->args,
        .nroles = 1,
        .has_slot = slot,
        .has_bind = bind,
    };
    if (cr_failed(role_name_check(tool->args[0], &why)))
        return cr_fail(err, CR_E_USAGE, "%s", why.text);
    if (slot && cr_failed(role_slot_parse(slot, &out->slot, &why)))
        return cr_fail(err, CR_E_USAGE, "--slot: %s", why.text);
    if (bind && cr_failed(role_binding_parse(bind, &out->bind, &why)))
        return cr_fail(err, CR_E_USAGE, "--bind: %s", why.text);
    if (out->kind == STORE_OUTPUT_BUNDLE && bind && out->bind == ROLE_BIND_LIVE)
        return cr_fail(err, CR_E_USAGE,
                       "pem: a bundle names its key by thumbprint and so is pinned; --bind live contradicts that");
    return cr_ok();
}

/* The file is right but will not load as things are. */
static cr_status warn(struct tool *tool, const struct store_output *output, struct cr_err *err)
{
    struct tool_role role = {0};
    struct role_cert *cert;
    const struct conf *conf;
    struct cr_err why;
    cr_status st;

    if (cr_failed(st = tool_conf(tool, &conf, err)) ||
        cr_failed(st = tool_role_read(tool, output->roles[0], &role, err)))
        return st;
    if (!conf_reference_allowed(conf, output->roles[0]))
        tool_warn("'references' in %s does not allow files that name role %s: the provider will refuse this one",
                  conf->path, output->roles[0]);
    if (cr_failed(tool_role_slot(&role, output->slot, &cert, &why)))
        tool_warn("the reference does not load yet: %s", why.text);
    tool_role_clear(&role);
    return st;
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct store_output output;
    struct cr_buf text = {0};
    cr_status st;

    if (!cr_failed(st = output_read(tool, &output, err)) &&
        !cr_failed(st = tool_output_compose(tool, &output, &text, err)) && !cr_failed(st = warn(tool, &output, err)))
        st = tool_output_write(tool, tool_opt(tool, OPT_OUT), &output, cr_buf_bytes(&text), err);
    cr_buf_clear(&text);
    return st;
}

static const struct tool_option options[] = {
    {"slot", OPT_SLOT, "SLOT", "current (default), previous or next"},
    {"bind", OPT_BIND, "live|pinned", "follow the role, or stay with the key once loaded;\nelse by the role's use"},
    {"bundle", OPT_BUNDLE, NULL, "certificate, chain and a reference by thumbprint"},
    {"out", OPT_OUT, "FILE", "into this file, replaced atomically; else stdout"},
    {0},
};

const struct tool_cmd tool_cmd_pem = {
    .name = "pem",
    .args = "ROLE",
    .summary = "print a reference to a role's key for programs that want a file",
    .doc = "No secret stands in it. A bundle is what TLS servers take as certificate\n"
           "file and key file alike; it goes on naming this pair after a roll, until\n"
           "no slot of the role holds it: write it again and reload. Works without the\n"
           "token.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
