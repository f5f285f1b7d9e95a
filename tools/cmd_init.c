/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "init_plan.h"
#include "tool_progress.h"

static const struct tool_option options[] = {
    {"dir", OPT_DIR, "DIR", "a self-contained set-up in DIR; then: . DIR/env"},
    {"group", OPT_GROUP, "GROUP", "whose members may sign; the system's: certroll"},
    {"module", OPT_MODULE, "PATH", "an existing token: its PKCS#11 module"},
    {"token", OPT_TOKEN, "URI", "which token of the module, pkcs11:token=LABEL"},
    {"pin-source", OPT_PIN, "URI",
     "file:/PATH of its PIN, credential:NAME,\np11-kit:NAME or prompt:; without: no login in\nservers, a prompt in the "
     "tools"},
    {"init-args", OPT_INIT_ARGS, "TEXT", "what the module wants at C_Initialize (NSS)"},
    {"serialize", OPT_SERIALIZE, NULL, "the module stands one call at a time"},
    {"provider", OPT_PROVIDER, "PATH", "certroll.so, when it is not where it was\ninstalled"},
    {NULL, 0, NULL, NULL},
};

/* A set-up that is complete stays as it is; asked for a different one, we say so. */
static cr_status existing_check(struct tool *tool, const struct init_plan *plan, struct cr_err *err)
{
    struct conf *conf = NULL;
    cr_status st = conf_load(plan->conf, &conf, err);

    if (cr_failed(st))
        return st;
    if (tool_opt(tool, OPT_MODULE) && (!conf->ntokens || strcmp(conf->tokens[0].module, plan->module)))
        st = cr_fail(err, CR_E_REFUSED, "%s is set up already, with module %s: edit that file", plan->conf,
                     conf->ntokens ? conf->tokens[0].module : "none");
    else if (tool_opt(tool, OPT_MODULE) && strcmp(conf->tokens[0].token_uri, plan->token_uri))
        st = cr_fail(err, CR_E_REFUSED, "%s is set up already, with token %s: edit that file", plan->conf,
                     conf->tokens[0].token_uri);
    else if (tool_opt(tool, OPT_GROUP) && (!conf->group || strcmp(conf->group, plan->group)))
        st = cr_fail(err, CR_E_REFUSED, "%s is set up already, with group %s: edit that file", plan->conf,
                     conf->group ? conf->group : "none");
    else
        tool_say(tool, "already set up: %s", plan->conf);
    conf_free(&conf);
    return st;
}

static void done_say(struct tool *tool, const struct init_plan *plan)
{
    tool_say(tool, "configuration  %s", plan->conf);
    tool_say(tool, "openssl.cnf    %s", plan->openssl_cnf);
    tool_say(tool, "state          %s", plan->state);
    tool_say(tool, "token          %s (%s)", plan->token_uri, plan->own_token ? plan->tokens : plan->module);
    if (plan->group)
        tool_say(tool, "group          %s", plan->group);
    if (plan->env)
        tool_say(tool, "next           . %s", plan->env);
    else
        tool_say(tool, "next           OPENSSL_CONF=%s for servers, their user in the group", plan->openssl_cnf);
    if (access(plan->provider, R_OK))
        tool_warn("the provider module is not at %s: install it, or name it with --provider", plan->provider);
}

static cr_status make(struct tool *tool, struct init_plan *plan, struct cr_err *err)
{
    struct cr_buf text = {0};
    cr_status st;
    int lock = -1;

    tool_progress_begin("making the set-up and signing with it");
    if (cr_failed(st = init_lock(plan, &lock, err)))
        goto out;
    if (!access(plan->conf, F_OK)) { /* another init was faster */
        st = existing_check(tool, plan, err);
        goto out;
    }
    if (cr_failed(st = init_group(plan, err)) || cr_failed(st = init_token(plan, err)) ||
        cr_failed(st = init_conf_text(plan, &text, &tool->conf, err)) || cr_failed(st = tool_lock(tool, err)) ||
        cr_failed(st = init_probe(tool, plan, err)) || cr_failed(st = init_files(plan, cr_buf_bytes(&text), err)))
        goto out;
    tool_result_changed(tool);
    done_say(tool, plan);
    st = tool_history(tool, "init", NULL, NULL, NULL, plan->token_uri, NULL, err);
out:
    tool_progress_end();
    if (lock >= 0)
        close(lock);
    cr_buf_clear(&text);
    return st;
}

static cr_status run(struct tool *tool, struct cr_err *err)
{
    struct init_plan plan = {0};
    cr_status st;

    if (tool->conf_path)
        return cr_fail(err, CR_E_USAGE, "init: --config has no meaning here; --dir says where to set up");
    if (cr_failed(st = init_plan_read(tool, &plan, err)))
        return st;
    json_object_set_new(tool_result(tool), "config", json_string(plan.conf));
    json_object_set_new(tool_result(tool), "openssl_conf", json_string(plan.openssl_cnf));
    json_object_set_new(tool_result(tool), "state", json_string(plan.state));
    if (!access(plan.conf, F_OK)) {
        st = existing_check(tool, &plan, err);
    } else if (plan.system && geteuid()) {
        st = cr_fail(err, CR_E_REFUSED, "only root can set up the system; 'certroll init --dir DIR' needs no root");
    } else if (tool->dry_run) {
        tool_result_changed(tool);
        done_say(tool, &plan);
    } else {
        st = make(tool, &plan, err);
    }
    init_plan_clear(&plan);
    return st;
}

const struct tool_cmd tool_cmd_init = {
    .name = "init",
    .args = "",
    .summary = "set up configuration, state directory and token",
    .doc = "Without --dir it sets up the system: /etc/certroll, /var/lib/certroll, the\n"
           "group, and a SoftHSM token of its own. With --module nothing is written to the\n"
           "token. It ends by signing with a probe key, or says why it could not. Running\n"
           "it again changes nothing.",
    .flags = TOOL_HAS_DRY_RUN,
    .options = options,
    .max_args = 0,
    .run = run,
};
