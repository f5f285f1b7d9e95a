/* SPDX-License-Identifier: Apache-2.0 */
#include "tok_member.h"

#include <stdlib.h>
#include <string.h>

#include "tok_gate.h"
#include "tok_uri.h"

#define SESSIONS_DEFAULT 64
#define SESSIONS_MAX     4096
#define WAIT_MS_DEFAULT  5000

static cr_status env_copy(struct tok_member *m, const struct tok_conf *conf, struct cr_err *err)
{
    cr_status st = cr_ok();

    m->env_names = calloc(conf->nenv + 1, sizeof(*m->env_names));
    m->env_values = calloc(conf->nenv + 1, sizeof(*m->env_values));
    if (m->env_names == NULL || m->env_values == NULL)
        return cr_fail(err, CR_E_NOMEM, "out of memory");
    for (size_t i = 0; i < conf->nenv && !cr_failed(st); i++) {
        const struct tok_env *env = &conf->env[i];
        m->nenv = i + 1;
        if (strncmp(env->name, "LD_", 3) == 0 || *env->name == '\0' || strchr(env->name, '=') != NULL)
            return cr_fail(err, CR_E_REFUSED, "token %s: environment may not set '%s'", conf->name, env->name);
        if (!cr_failed(st = cr_strdup(env->name, &m->env_names[i], err)))
            st = cr_strdup(env->value, &m->env_values[i], err);
    }
    return st;
}

/* setenv beside another thread's getenv is a race: done at load, and later only where something was taken away. Between
 * instances that load at the same moment the registry's lock keeps order. */
cr_status tok_member_env(const struct tok_member *m, struct cr_err *err)
{
    bool failed = false;

    tok_registry_lock();
    for (size_t i = 0; i < m->nenv && !failed; i++) {
        const char *now = getenv(m->env_names[i]);
        failed = (now == NULL || strcmp(now, m->env_values[i])) && setenv(m->env_names[i], m->env_values[i], 1);
    }
    tok_registry_unlock();
    return failed ? cr_fail(err, CR_E_NOMEM, "out of memory") : cr_ok();
}

cr_status tok_member_init(struct tok_member *m, const struct tok_conf *conf, struct cr_err *err)
{
    unsigned max = conf->max_sessions > 0 ? conf->max_sessions : SESSIONS_DEFAULT;
    const char *uri = conf->token_uri != NULL ? conf->token_uri : "";
    struct tok_module *mod = NULL;
    cr_status st;

    if (conf->module == NULL || *conf->module == '\0')
        return cr_fail(err, CR_E_INVALID, "token %s: no module", conf->name);
    m->pin = conf->pin;
    m->pin_arg = conf->pin_arg;
    m->wait_ms = conf->wait_ms > 0 ? conf->wait_ms : WAIT_MS_DEFAULT;
    if (cr_failed(st = cr_strdup(conf->name != NULL ? conf->name : "?", &m->name, err)) ||
        cr_failed(st = cr_strdup(conf->pin_from, &m->pin_from, err)) || cr_failed(st = env_copy(m, conf, err)) ||
        cr_failed(st = tok_member_env(m, err)) ||
        cr_failed(st = tok_module_get(conf->module, conf->init_args, conf->serialize, &mod, err)))
        return st;
    st = tok_slot_get(mod, uri, max < SESSIONS_MAX ? max : SESSIONS_MAX, &m->slot, err);
    if (cr_failed(st)) {
        tok_module_put(&mod); /* otherwise the slot's user holds it */
    } else {
        atomic_store(&m->slot->share, conf->share);
        atomic_store(&m->slot->key_copy, conf->key_copy);
        m->ready_after_fork = conf->ready_after_fork;
    }
    return cr_failed(st) ? cr_prefix(err, st, "token %s", m->name) : st;
}

void tok_member_clear(struct tok_member *m)
{
    struct tok_module *mod = m->slot != NULL ? m->slot->mod : NULL;

    tok_slot_put(&m->slot);
    if (mod != NULL)
        tok_module_put(&mod);
    for (size_t i = 0; i < m->nenv; i++) {
        free(m->env_names[i]);
        free(m->env_values[i]);
    }
    free(m->env_names);
    free(m->env_values);
    free(m->name);
    free(m->pin_from);
    *m = (struct tok_member){0};
}

cr_status tok_member_at(struct tok_local *loc, size_t i, struct tok_member **out, struct cr_err *err)
{
    if (i >= loc->n)
        return cr_fail(err, CR_E_NOT_FOUND, "there is no token number %zu", i);
    *out = &loc->members[i];
    return cr_ok();
}

bool tok_member_info(struct tok_member *m, CK_TOKEN_INFO *out)
{
    bool known;

    pthread_mutex_lock(&m->slot->mod->lock);
    known = m->slot->info_known;
    *out = m->slot->info;
    pthread_mutex_unlock(&m->slot->mod->lock);
    return known;
}

/* What both URIs say of the token must agree, before it is reached. */
static bool ruled_out(struct tok_member *m, P11KitUri *uri)
{
    CK_TOKEN_INFO *conf, *want = tok_uri_info(uri);
    P11KitUri *match = NULL;

    if (cr_failed(tok_slot_match(m->slot, &match, NULL)))
        return false; /* the token's first use says why */
    conf = tok_uri_info(match);
    const struct {
        unsigned char *a, *b;
        size_t n;
    } fields[] = {{conf->label, want->label, sizeof(conf->label)},
                  {conf->manufacturerID, want->manufacturerID, sizeof(conf->manufacturerID)},
                  {conf->serialNumber, want->serialNumber, sizeof(conf->serialNumber)},
                  {conf->model, want->model, sizeof(conf->model)}};

    for (size_t i = 0; i < CR_COUNT(fields); i++)
        if (fields[i].a[0] != '\0' && fields[i].b[0] != '\0' && memcmp(fields[i].a, fields[i].b, fields[i].n))
            return true;
    return false;
}

bool tok_may_hold(struct tok_local *loc, size_t token, const char *location)
{
    P11KitUri *uri = NULL;
    bool may;

    if (token >= loc->n || cr_failed(tok_uri_location(location, &uri, NULL)))
        return false;
    may = !ruled_out(&loc->members[token], uri);
    tok_uri_free(uri);
    return may;
}

static bool says_token(P11KitUri *uri)
{
    CK_TOKEN_INFO *want = tok_uri_info(uri);

    return want->label[0] || want->manufacturerID[0] || want->serialNumber[0] || want->model[0];
}

/* A token that is not there now may still be the one: its failure counts if no other is. */
static cr_status candidate(struct tok_member *m, P11KitUri *uri, bool *hit, struct cr_err *err)
{
    CK_TOKEN_INFO info;
    uint64_t stamp;
    cr_status st = cr_ok();

    *hit = false;
    if (!says_token(uri))
        *hit = true;
    else if (tok_member_info(m, &info) || !cr_failed(st = tok_slot_ready(m, tok_clock_ms() + m->wait_ms, &stamp, err)))
        *hit = tok_member_info(m, &info) && tok_uri_selects(uri, &info);
    return st;
}

cr_status tok_member_select(struct tok_local *loc, const char *location, size_t *out, struct cr_err *err)
{
    struct cr_err why = {0};
    cr_status failed = cr_ok(), st;
    P11KitUri *uri = NULL;
    size_t hits = 0, at = 0;

    if (cr_failed(st = tok_uri_location(location, &uri, err)))
        return st;
    for (size_t i = 0; i < loc->n; i++) {
        bool hit = false;
        if (ruled_out(&loc->members[i], uri))
            continue;
        st = candidate(&loc->members[i], uri, &hit, cr_failed(failed) ? NULL : &why);
        if (cr_failed(st) && !cr_failed(failed))
            failed = st;
        if (hit && (hits == 0 || loc->members[at].slot != loc->members[i].slot)) {
            hits++;
            at = i;
        }
    }
    tok_uri_free(uri);
    if (hits == 1) {
        *out = at;
        return cr_ok();
    }
    if (hits > 1)
        return cr_fail(err, CR_E_AMBIGUOUS, "more than one configured token fits %s", location);
    if (cr_failed(failed))
        return cr_fail(err, failed.code, "%s", why.text);
    return cr_fail(err, CR_E_NOT_FOUND, "no configured token fits %s", location);
}
