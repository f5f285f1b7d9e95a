/* SPDX-License-Identifier: Apache-2.0 */
/* What a subcommand works on, opened when first asked for and closed by tool_close. */
#include "tool.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/conf_pin.h"
#include "tool_confirm.h"
#include "tool_member.h"
#include "tool_parse.h"
#include "tool_progress.h"
#include "tool_token.h"
#include "tool_who.h"

#define LOCK_WAIT_MS 10000

cr_status tool_conf(struct tool *tool, const struct conf **out, struct cr_err *err)
{
    const char *path = conf_path(tool->conf_path);
    char whole[PATH_MAX]; /* --config may be relative to where the admin stands */
    cr_status st;

    if (tool->conf_path != NULL && path[0] != '/' && realpath(path, whole) != NULL)
        path = whole;
    if (!tool->conf && cr_failed(st = conf_load(path, &tool->conf, err))) {
        if (st.code == CR_E_NOT_FOUND || access(path, F_OK))
            return cr_fail(err, CR_E_IO, "there is no configuration at %s: run 'certroll init' first", path);
        return st;
    }
    *out = tool->conf;
    return cr_ok();
}

static bool changes(const struct tool *tool)
{
    return (tool->cmd->flags & (TOOL_CHANGES | TOOL_HAS_DRY_RUN)) && (!tool->dry_run || tool->phase == TOOL_PREVIEW);
}

cr_status tool_store(struct tool *tool, struct store **out, struct cr_err *err)
{
    const struct conf *conf;
    cr_status st;

    if (!tool->store) {
        if (cr_failed(st = tool_conf(tool, &conf, err)))
            return st;
        st = store_file_open(conf->state_dir, changes(tool), &tool->store, err);
        if (cr_failed(st)) /* whatever is wrong with it, the store is not available */
            return cr_prefix(err, cr_fail(err, CR_E_IO, "%s", strdupa(err->text)), "store");
    }
    *out = tool->store;
    return cr_ok();
}

/* An admin outside the unit that has the credential is asked, as with no source at all. */
bool tool_pin_asked(const struct conf_token *token)
{
    switch (conf_pin_kind(token->pin_source)) {
    case CONF_PIN_FILE:
        return false;
    case CONF_PIN_CREDENTIAL:
        return getenv("CREDENTIALS_DIRECTORY") == NULL;
    case CONF_PIN_NONE:
    case CONF_PIN_P11KIT:
    case CONF_PIN_PROMPT:
        break;
    }
    return true;
}

static cr_status pin_get(void *arg, const char *token_name, bool retry, struct cr_buf *pin, struct cr_err *err)
{
    const struct conf_token *token = arg;
    char what[128], *path = NULL;
    cr_status st;

    if (tool_pin_asked(token)) {
        snprintf(what, sizeof(what), "%sPIN of token %s", retry ? "that was wrong; " : "", token_name);
        return tool_passphrase(NULL, what, pin, err);
    }
    if (cr_failed(st = conf_pin_path(token->pin_source, &path, err)) ||
        cr_failed(st = conf_pin_read(path, true, pin, err)))
        st = cr_fail(err, CR_E_PIN, "PIN of token %s: %s: see to it, or to pin-source in the configuration", token_name,
                     strdupa(err->text));
    cr_free_str(&path);
    return st;
}

static void token_conf(struct conf_token *from, struct tok_conf *to, struct tok_env *env)
{
    for (size_t i = 0; i < from->nenv; i++)
        env[i] = (struct tok_env){from->env[i].name, from->env[i].value};
    *to = (struct tok_conf){
        .name = from->name,
        .module = from->module,
        .init_args = from->init_args,
        .token_uri = from->token_uri,
        .serialize = from->serialize,
        .max_sessions = from->max_sessions,
        .op_timeout_ms = from->op_timeout_ms,
        .share = from->share_load,
        .env = env,
        .nenv = from->nenv,
        .pin = pin_get,
        .pin_arg = from,
        .pin_from = tool_pin_asked(from) ? NULL : from->pin_source,
    };
}

cr_status tool_tokens_new(struct conf *conf, struct tok_local **out, struct cr_err *err)
{
    struct tok_conf *confs = calloc(conf->ntokens ? conf->ntokens : 1, sizeof(*confs));
    struct tok_env *env = NULL;
    size_t n = 1;
    cr_status st;

    for (size_t i = 0; i < conf->ntokens; i++)
        n += conf->tokens[i].nenv;
    env = calloc(n, sizeof(*env));
    if (!confs || !env) {
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
        goto out;
    }
    n = 0;
    for (size_t i = 0; i < conf->ntokens; i++) {
        token_conf(&conf->tokens[i], &confs[i], env + n);
        n += conf->tokens[i].nenv;
    }
    st = tok_local_new(confs, conf->ntokens, out, err);
out:
    free(confs);
    free(env);
    return st;
}

cr_status tool_tokens(struct tool *tool, struct tok_local **out, struct cr_err *err)
{
    const struct conf *conf;
    cr_status st;

    if (!tool->tokens) {
        if (cr_failed(st = tool_conf(tool, &conf, err)))
            return st;
        /* before the first token is opened */
        if (changes(tool) && cr_failed(st = tool_member_start(tool->conf, &tool->member, err)))
            return st;
        if (cr_failed(st = tool_tokens_new(tool->conf, &tool->tokens, err)))
            return st;
    }
    *out = tool->tokens;
    return cr_ok();
}

const struct tool_who *tool_who(struct tool *tool)
{
    if (!tool->who.text)
        tool_who_read(&tool->who);
    return &tool->who;
}

cr_status tool_lock(struct tool *tool, struct cr_err *err)
{
    struct store *store;
    cr_status st;

    if (cr_failed(st = tool_store(tool, &store, err)))
        return st;
    if (tool->locked || tool->dry_run)
        return cr_ok();
    tool_progress_begin("waiting for another certroll to end");
    st = store_lock(store, LOCK_WAIT_MS, err);
    tool_progress_end();
    if (cr_failed(st))
        return st;
    tool->locked = true;
    tool_history_undone(tool);
    /* What cannot be finished stays pending, and its key is refused by every change all the same. */
    if (cr_failed(tool_revocations_finish(tool, err)))
        tool_warn("a pending revocation could not be finished: %s", err->text);
    return tool_shown_check(tool, err);
}

void tool_unlock(struct tool *tool)
{
    if (tool->locked)
        store_unlock(tool->store);
    tool->locked = false;
}

void tool_close(struct tool *tool)
{
    tool_member_stop(&tool->member);
    if (tool->tokens) {
        struct tok_signer *signer = tok_local_signer(tool->tokens);
        signer->ops->signer_unref(&signer);
        tool->tokens = NULL;
    }
    tool_unlock(tool);
    store_close(&tool->store);
    conf_free(&tool->conf);
    tool_who_clear(&tool->who);
    json_decref(tool->result);
    tool->result = NULL;
    free(tool->changes);
    tool->changes = NULL;
    tool->nchanges = 0;
    tool_shown_free(tool);
}
