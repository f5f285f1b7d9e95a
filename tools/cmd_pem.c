/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tool_pem.h"
#include "tool_role.h"

enum { OPT_SLOT = 1, OPT_BIND, OPT_BUNDLE, OPT_OUT };

static cr_status uri_read(struct tool *tool, struct role_uri *uri, struct cr_err *err)
{
    const char *slot = tool_opt(tool, OPT_SLOT), *bind = tool_opt(tool, OPT_BIND);
    struct cr_err why;

    if (cr_failed(role_name_check(tool->args[0], &why)))
        return cr_fail(err, CR_E_USAGE, "%s", why.text);
    memcpy(uri->role, tool->args[0], strlen(tool->args[0]) + 1);
    uri->has_slot = slot;
    uri->has_bind = bind;
    if (slot && cr_failed(role_slot_parse(slot, &uri->slot, &why)))
        return cr_fail(err, CR_E_USAGE, "--slot: %s", why.text);
    if (bind && cr_failed(role_binding_parse(bind, &uri->bind, &why)))
        return cr_fail(err, CR_E_USAGE, "--bind: %s", why.text);
    if (tool_opt(tool, OPT_BUNDLE) && bind && uri->bind == ROLE_BIND_LIVE)
        return cr_fail(err, CR_E_USAGE,
                       "pem: a bundle names its key by thumbprint and so is pinned; --bind live contradicts that");
    return cr_ok();
}

/* The file is right but will not load as things are. */
static cr_status warn(struct tool *tool, const struct tool_role *role, const struct role_uri *uri, struct cr_err *err)
{
    struct role_cert *cert;
    const struct conf *conf;
    struct cr_err why;
    cr_status st;

    if (cr_failed(st = tool_conf(tool, &conf, err)))
        return st;
    if (!conf_reference_allowed(conf, uri->role))
        tool_warn("'references' in %s does not allow files that name role %s: the provider will refuse this one",
                  conf->path, uri->role);
    if (cr_failed(tool_role_slot(role, uri->slot, &cert, &why)))
        tool_warn("the reference does not load yet: %s", why.text);
    return cr_ok();
}

static cr_status compose(struct tool *tool, const struct role_uri *uri, struct cr_buf *out, struct cr_err *err)
{
    struct tool_role role = {0};
    struct role_cert *cert;
    cr_status st;

    if (cr_failed(st = tool_role_read(tool, uri->role, &role, err)))
        return st;
    if (!tool_opt(tool, OPT_BUNDLE)) {
        if (!cr_failed(st = warn(tool, &role, uri, err)))
            st = tool_pem_reference(uri, out, err);
    } else if (!cr_failed(st = tool_role_slot(&role, uri->slot, &cert, err)) &&
               !cr_failed(st = warn(tool, &role, uri, err))) {
        st = tool_pem_bundle(role.rec, cert, out, err);
    }
    tool_role_clear(&role);
    return st;
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct role_uri uri = {0};
    struct cr_buf text = {0};
    cr_status st;

    if (!cr_failed(st = uri_read(tool, &uri, err)) && !cr_failed(st = compose(tool, &uri, &text, err)))
        st = tool_output(tool_opt(tool, OPT_OUT), 0644, cr_buf_bytes(&text), err);
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
