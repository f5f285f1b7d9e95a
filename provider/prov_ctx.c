/* SPDX-License-Identifier: Apache-2.0 */
#include "prov_ctx.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "common/cr_log.h"
#include "prov_legacy.h"
#include "prov_lock.h"
#include "prov_log.h"
#include "prov_md.h"
#include "prov_pub.h"
#include "prov_role.h"

struct prov_inner {
    OSSL_LIB_CTX *libctx;
    OSSL_PROVIDER *base;
};

int64_t prov_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

/* time(2) takes half of what clock_gettime does, and may lag by a tick of the kernel. */
int64_t prov_now_before(int64_t limit)
{
    int64_t now = (int64_t)time(NULL);

    return now < limit - 1 ? now : prov_now();
}

static const enum tok_key_copy key_copies[] = {[CONF_KEY_COPY_NEVER] = TOK_KEY_COPY_NEVER,
                                               [CONF_KEY_COPY_ALWAYS] = TOK_KEY_COPY_ALWAYS,
                                               [CONF_KEY_COPY_AUTO] = TOK_KEY_COPY_AUTO};

static void fill_token(const struct conf_token *from, struct prov_pin *pin, struct tok_conf *out)
{
    out->name = from->name;
    out->module = from->module;
    out->init_args = from->init_args;
    out->token_uri = from->token_uri;
    out->serialize = from->serialize;
    out->max_sessions = from->max_sessions;
    out->op_timeout_ms = from->op_timeout_ms;
    out->share = from->share_load;
    out->key_copy = key_copies[from->key_copy];
    out->ready_after_fork = from->ready_after_fork;
    out->nenv = from->nenv;
    if (pin->kind != CONF_PIN_NONE) {
        out->pin = prov_pin_give;
        out->pin_arg = pin;
        out->pin_from = pin->kind == CONF_PIN_PROMPT ? "the prompt" : from->pin_source;
    }
}

static struct tok_env *copy_env(const struct conf_token *from)
{
    struct tok_env *env = calloc(from->nenv + 1, sizeof *env);

    for (size_t i = 0; env != NULL && i < from->nenv; i++)
        env[i] = (struct tok_env){from->env[i].name, from->env[i].value};
    return env;
}

static cr_status open_tokens(struct prov_ctx *ctx, struct cr_err *err)
{
    size_t n = ctx->conf->ntokens;
    struct tok_conf *confs = calloc(n + 1, sizeof *confs);
    struct tok_env **envs = calloc(n + 1, sizeof *envs);
    cr_status st = cr_ok();

    ctx->pins = calloc(n + 1, sizeof *ctx->pins);
    if (confs == NULL || ctx->pins == NULL || envs == NULL)
        st = cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < n && !cr_failed(st); i++) {
        const struct conf_token *from = &ctx->conf->tokens[i];

        if (cr_failed(st = prov_pin_init(&ctx->pins[i], from, err)))
            break;
        fill_token(from, &ctx->pins[i], &confs[i]);
        confs[i].env = envs[i] = copy_env(from);
        if (envs[i] == NULL)
            st = cr_fail(err, CR_E_NOMEM, "out of memory");
    }
    if (!cr_failed(st))
        st = tok_local_new(confs, n, &ctx->tokens, err);
    if (!cr_failed(st))
        ctx->signer = tok_local_signer(ctx->tokens);
    for (size_t i = 0; envs != NULL && i < n; i++)
        free(envs[i]);
    free(envs);
    free(confs);
    return st;
}

static cr_status read_all(struct prov_ctx *ctx, const char *config_param, struct cr_err *err)
{
    cr_status st;

    if (cr_failed(st = conf_load(conf_path(config_param), &ctx->conf, err)))
        return st;
    if (ctx->conf->log != NULL)
        prov_log_open(ctx->conf->log);
    if (cr_failed(st = store_file_open(ctx->conf->state_dir, false, &ctx->store, err)))
        return st;
    return open_tokens(ctx, err);
}

cr_status prov_ctx_new(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const char *config_param,
                       struct prov_ctx **out, struct cr_err *err)
{
    struct prov_ctx *ctx = calloc(1, sizeof *ctx);
    int saved = errno;

    if (ctx == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    prov_lock_init();
    prov_log_init();
    prov_err_init(&ctx->core, handle, in);
    ctx->upcalls = in;
    (void)ERR_set_mark();
    if (cr_failed(read_all(ctx, config_param, &ctx->broken)))
        cr_log(CR_LOG_ERROR, "not usable: %s", ctx->broken.text);
    else
        cr_log(CR_LOG_INFO, "loaded, configuration %s", ctx->conf->path);
    (void)ERR_pop_to_mark();
    errno = saved;
    *out = ctx;
    return cr_ok();
}

static void free_inner(struct prov_inner **pinner)
{
    struct prov_inner *inner = *pinner;

    *pinner = NULL;
    if (inner == NULL)
        return;
    (void)OSSL_PROVIDER_unload(inner->base);
    OSSL_LIB_CTX_free(inner->libctx);
    free(inner);
}

void prov_ctx_free(struct prov_ctx **pctx)
{
    struct prov_ctx *ctx = *pctx;

    if (ctx == NULL)
        return;
    prov_legacy_forget(ctx);
    prov_roles_free(&ctx->roles);
    prov_pubs_free(ctx);
    if (ctx->signer != NULL)
        ctx->signer->ops->signer_unref(&ctx->signer);
    for (size_t i = 0; ctx->pins != NULL && i < ctx->conf->ntokens; i++)
        prov_pin_clear(&ctx->pins[i]);
    free(ctx->pins);
    store_close(&ctx->store);
    conf_free(&ctx->conf);
    prov_mds_free(ctx);
    free_inner(&ctx->inner);
    prov_err_clear(&ctx->core);
    free(ctx);
    *pctx = NULL;
}

cr_status prov_ctx_usable(const struct prov_ctx *ctx, struct cr_err *err)
{
    if (ctx->broken.code == CR_OK)
        return cr_ok();
    return cr_fail(err, ctx->broken.code, "certroll: %s", ctx->broken.text);
}

static struct prov_inner *make_inner(const struct prov_ctx *ctx)
{
    struct prov_inner *inner = calloc(1, sizeof *inner);

    if (inner == NULL)
        return NULL;
    inner->libctx = OSSL_LIB_CTX_new_from_dispatch(ctx->core.handle, ctx->upcalls);
    if (inner->libctx != NULL)
        inner->base = OSSL_PROVIDER_load(inner->libctx, "default");
    if (inner->base == NULL)
        free_inner(&inner);
    return inner;
}

OSSL_LIB_CTX *prov_ctx_inner(struct prov_ctx *ctx)
{
    struct prov_inner *inner = __atomic_load_n(&ctx->inner, __ATOMIC_ACQUIRE), *none = NULL;

    if (inner == NULL) {
        inner = make_inner(ctx);
        if (inner != NULL &&
            !__atomic_compare_exchange_n(&ctx->inner, &none, inner, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            free_inner(&inner); /* another thread was first */
            inner = none;
        }
    }
    return inner != NULL ? inner->libctx : NULL;
}
